use std::fmt;
use std::sync::Arc;

use super::error::Error;
use super::link::NextUrl;
use super::options::ClientOptions;
use super::pages::{ManyPages, Pages};
use super::query::Search;
use super::server::Server;
use super::transport::Transport;

/// A client of one FHIR server; cheap to clone, all clones share its limits.
#[derive(Clone)]
pub struct Client {
    server: Arc<Server>,
}

impl Client {
    /// Sets a client up; nothing is sent.
    ///
    /// # Errors
    /// Credentials, certificates or proxy cannot be used.
    pub fn new(options: ClientOptions) -> Result<Client, Error> {
        Ok(Client { server: Arc::new(Server::new(Transport::new(options)?)) })
    }

    /// Starts a search; its first request goes out at once.
    pub fn search(&self, search: Search) -> Pages {
        Pages::start(&self.server, search, None)
    }

    /// Goes on with a search from a link kept earlier; the search is needed for its form, and to begin anew where
    /// the server no longer knows the link.
    pub fn resume(&self, search: Search, link: NextUrl) -> Pages {
        Pages::start(&self.server, search, Some(link))
    }

    /// Starts several searches that share the server's lanes.
    pub fn search_all(&self, searches: Vec<Search>) -> ManyPages {
        ManyPages::start(&self.server, searches)
    }

    /// Searches for many ids, `at_once` in a request, batches in parallel: `param` is `_id`, `patient`, `subject`, …
    /// Each batch is a search of its own with its own end.
    pub fn by_ids<T: Into<String>>(
        &self,
        search: Search,
        param: &str,
        ids: impl IntoIterator<Item = T>,
        at_once: usize,
    ) -> ManyPages {
        self.search_all(search.ids(param, ids).batches(at_once))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("options", &self.server.transport.options).finish()
    }
}
