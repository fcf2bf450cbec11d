use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::search::ask::capability::Capability;
use crate::search::ask::query::Search;
use crate::search::ask::sample::sample;
use crate::search::ask::server::Server;
use crate::search::error::Error;
use crate::search::export::{Export, ExportJob, Exported, answering};
use crate::search::options::ClientOptions;
use crate::search::paging::driver::Origin;
use crate::search::paging::pages::{ManyPages, Pages};
use crate::search::paging::requests::{self, Reading};
use crate::search::paging::spool::Spool;
use crate::search::url::link::NextUrl;
use crate::search::wire::transport::Transport;
use table_description::reference::OwnBases;

/// A client of one FHIR server; cheap to clone, all clones share its limits.
///
/// Searches run in tasks of their own, so its methods have to be called inside a tokio runtime.
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
        Ok(Client {
            server: Arc::new(Server::new(Transport::new(options)?)),
        })
    }

    /// The base URL as errors and logs show it, without a slash at its end.
    pub fn endpoint(&self) -> &str {
        self.server.transport.options.endpoint.shown()
    }

    /// Starts a search; its first request goes out at once.
    pub fn search(&self, search: Search) -> Pages {
        Pages::start(&self.server, search, Origin::Start)
    }

    /// Goes on with a search from a link kept earlier; the search is needed for its form, and to begin anew where
    /// the server no longer knows the link.
    pub fn resume(&self, search: Search, link: NextUrl) -> Pages {
        Pages::start(&self.server, search, Origin::Link(link))
    }

    /// Starts a search whose pages are kept in a spool before they are handed over. What an earlier run left there is
    /// handed over first, and only the rest is fetched; a search that was complete is not asked again.
    pub fn search_spooled(&self, search: Search, spool: &Spool) -> Pages {
        Pages::start(&self.server, search, Origin::Spool(spool.clone()))
    }

    /// Starts several searches that share the server's lanes.
    pub fn search_all(&self, searches: Vec<Search>) -> ManyPages {
        let searches = searches.into_iter().map(|search| (search, Origin::Start));
        ManyPages::start(&self.server, searches.collect())
    }

    /// Starts several searches that share the server's lanes, each with a spool of its own, as
    /// [`search_spooled`](Client::search_spooled) does with one.
    pub fn search_all_spooled(&self, searches: Vec<(Search, Spool)>) -> ManyPages {
        let searches = searches.into_iter();
        let searches = searches.map(|(search, spool)| (search, Origin::Spool(spool)));
        ManyPages::start(&self.server, searches.collect())
    }

    /// Searches for many ids, `at_once` in a request, batches in parallel: `param` is `_id`, `patient`, `subject`, …
    /// Each batch is a search of its own with its own end.
    pub fn by_ids<T: Into<Arc<str>>>(
        &self,
        search: Search,
        param: &str,
        ids: impl IntoIterator<Item = T>,
        at_once: usize,
    ) -> ManyPages {
        self.search_all(search.ids(param, ids).batches(at_once))
    }

    /// How many resources a search matches (`_summary=count`).
    ///
    /// # Errors
    /// The server does not answer, or names no total.
    pub async fn count(&self, search: Search) -> Result<u64, Error> {
        requests::count(&self.server, search).await
    }

    /// The ids of all matches (`_elements=id`, pages of 500), each once, in the server's order.
    ///
    /// # Errors
    /// The search is incomplete.
    pub async fn ids(&self, search: Search) -> Result<Vec<String>, Error> {
        requests::ids(&self.server, search).await
    }

    /// The ids of `n` matches drawn without replacement; the same set and seed give the same draw, which is that of
    /// R's `set.seed(seed); sample(ids, n)`.
    ///
    /// # Errors
    /// The search is incomplete, or there are fewer than `n` matches.
    pub async fn sample(&self, search: Search, n: usize, seed: u32) -> Result<Vec<String>, Error> {
        let resource = search.resource().to_owned();
        let ids = self.ids(search).await?;
        let found = ids.len();
        sample(ids, n, seed).ok_or_else(|| {
            Error::configuration(format!("a sample of {n} was asked for, the server has {found}"))
                .at(&self.server.place(&resource))
        })
    }

    /// One resource by its id.
    ///
    /// # Errors
    /// The server does not answer, or answers with something else than the resource, 404 or 410.
    pub async fn read(&self, resource: &str, id: &str) -> Result<Reading, Error> {
        requests::read(&self.server, resource, id).await
    }

    /// A bulk data export into a directory; nothing is sent until [`ExportJob::run`].
    pub fn export(&self, export: Export, dir: &Path) -> ExportJob {
        ExportJob::new(&self.server, export, dir)
    }

    /// Answers searches for lists of patients or ids from an export: what it has of theirs is put into their spools, as if it
    /// had come page by page, and [`search_all_spooled`](Client::search_all_spooled) then asks the server nothing for them.
    ///
    /// Says of each search whether it is answered. One is not where the export has a resource of its type that does not say
    /// whose it is, or says so below a base that is not `ours`: a search for the patient tells. Its spool is as before.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub async fn answer_from_export(
        &self,
        exported: &Exported,
        searches: &[(Search, Spool)],
        ours: &OwnBases,
    ) -> Result<Vec<bool>, Error> {
        answering::answer(&self.server, exported, searches, ours).await
    }

    /// What the server says it can do (`[base]/metadata`). From now on, searches whose parameters it names, every one, ask to
    /// be refused rather than to be answered without one of them (`Prefer: handling=strict`).
    ///
    /// # Errors
    /// The server does not answer, or not with a CapabilityStatement.
    pub async fn capability(&self) -> Result<Capability, Error> {
        requests::capability(&self.server).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.server.transport.options)
            .finish()
    }
}
