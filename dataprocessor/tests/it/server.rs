//! The server all tests of this program share, and a hub of its own for each.

use std::ops::Deref;

use test_hub::TestServer;

static SERVER: TestServer = TestServer::new(env!("CARGO_TARGET_TMPDIR"), "dataprocessor-it");

/// A hub of the standard tables, empty, that no other test sees.
pub(crate) struct TestHub(test_hub::TestHub);

impl TestHub {
    pub(crate) async fn new() -> Self {
        Self(SERVER.hub().await)
    }
}

impl Deref for TestHub {
    type Target = test_hub::TestHub;

    fn deref(&self) -> &test_hub::TestHub {
        &self.0
    }
}
