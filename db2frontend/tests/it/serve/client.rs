//! Somebody who asks for the pages of this site.

use std::ops::{Deref, DerefMut};

pub(super) use test_browser::{Told, form};

use super::site::{ANNA, Pages};

/// Somebody who asks for pages.
pub(super) struct Client(test_browser::Client);

impl Client {
    pub(super) fn new(pages: &Pages) -> Self {
        Self(test_browser::Client::new(pages.address))
    }

    pub(super) async fn signed_in(pages: &Pages) -> Self {
        let mut client = Self::new(pages);
        let told = client.log_in(ANNA.0, ANNA.1).await;
        assert_eq!((told.status, told.location()), (303, "/"), "{}", told.text);
        client
    }

    /// Opens a form and sends it with these answers.
    pub(super) async fn fill(&self, path: &str, answers: &[(&str, &str)]) -> Told {
        let page = self.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let mut pairs = vec![
            ("_token", page.hidden("_token")),
            ("_stamp", page.hidden("_stamp")),
        ];
        pairs.extend(answers);
        self.post(path, &form(&pairs)).await
    }
}

impl Deref for Client {
    type Target = test_browser::Client;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
