//! The server all tests of this program share, and a hub of its own for each.

use std::ops::Deref;

use test_hub::TestServer;

static SERVER: TestServer = TestServer::new(env!("CARGO_TARGET_TMPDIR"), "db2frontend-it");

/// A hub of the standard tables, empty, that no other test sees; people can log in.
pub(crate) struct TestHub(test_hub::TestHub);

impl TestHub {
    pub(crate) async fn new() -> Self {
        let test = SERVER.hub().await;
        test.once_a_server(crate::serve::make_roles).await;
        Self(test)
    }
}

impl Deref for TestHub {
    type Target = test_hub::TestHub;

    fn deref(&self) -> &test_hub::TestHub {
        &self.0
    }
}
