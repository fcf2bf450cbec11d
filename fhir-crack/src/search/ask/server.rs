use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Url;

use crate::search::ask::capability::Capability;
use crate::search::ask::notes::{bare, is_control};
use crate::search::ask::query::Search;
use crate::search::error::{ErrorKind, Place};
use crate::search::event::Event;
use crate::search::wire::transport::Transport;

/// One server: the way to it and what was learned of it.
pub(crate) struct Server {
    pub(crate) transport: Transport,
    /// Resource types whose searches the server takes by GET only.
    get_only: Mutex<HashSet<String>>,
    /// Origins the server names in links instead of its own, each told once.
    replaced: Mutex<HashSet<String>>,
    /// What the server says it can do, where that was asked for.
    capability: Mutex<Option<Arc<Capability>>>,
}

/// Such origins remembered, at most.
const REPLACED: usize = 16;

impl Server {
    pub(crate) fn new(transport: Transport) -> Server {
        Server {
            transport,
            get_only: Mutex::new(HashSet::new()),
            replaced: Mutex::new(HashSet::new()),
            capability: Mutex::new(None),
        }
    }

    /// What makes a search another one, for its spool.
    pub(crate) fn identity(&self, search: &Search) -> String {
        let options = &self.transport.options;
        let (endpoint, limits) = (options.endpoint.shown(), options.limits);
        let (resource, query, method) = (search.resource(), search.query(), search.chosen_method());
        format!(
            "{endpoint}\n{resource}\n{query}\n{method:?}\n{} {}",
            limits.url_bytes, limits.url_reserve
        )
    }

    pub(crate) fn place(&self, resource: &str) -> Place {
        Place {
            endpoint: self.transport.options.endpoint.shown().to_owned(),
            resource: resource.to_owned(),
            search: None,
            page: None,
        }
    }

    /// The URL to ask for a link in the answer to a search for `resource`; a name replaced in it is told once.
    pub(crate) fn admit(&self, url: Url, resource: &str) -> Result<Url, ErrorKind> {
        let options = &self.transport.options;
        let admitted = options.origins.admit(url, &options.endpoint, resource)?;
        if let Some(origin) = admitted.replaced {
            self.tell_replaced(origin);
        }
        Ok(admitted.url)
    }

    fn tell_replaced(&self, origin: String) {
        let mut replaced = self.replaced.lock().unwrap_or_else(PoisonError::into_inner);
        if replaced.len() >= REPLACED || !replaced.insert(origin.clone()) {
            return;
        }
        drop(replaced);
        let endpoint = self.transport.options.endpoint.shown();
        tracing::warn!(
            origin,
            endpoint,
            "the server's links name another origin or base; they are asked at the configured one"
        );
        self.transport.tell(|| Event::LinkReplaced { origin });
    }

    /// Keeps what the server says it can do.
    pub(crate) fn learn(&self, capability: &Capability) {
        let mut known = self.capability.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(Arc::new(capability.clone()));
    }

    /// Whether the server says that it knows every parameter of a search: then it is told to refuse the search rather than
    /// to leave one of them out.
    pub(crate) fn takes_strictly(&self, search: &Search) -> bool {
        let known = self.capability.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known
            .as_ref()
            .and_then(|capability| capability.of(search.resource()));
        known.is_some_and(|known| {
            let mut names = search.names().map(bare).filter(|name| !is_control(name));
            names.all(|name| known.has_param(name))
        })
    }

    pub(crate) fn refuses_post(&self, resource: &str) -> bool {
        self.get_only
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(resource)
    }

    pub(crate) fn refuse_post(&self, resource: &str) {
        let new = self
            .get_only
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(resource.to_owned());
        if new {
            tracing::info!(resource, "server refuses POST, its searches go by GET");
            self.transport.tell(|| Event::PostRefused {
                resource: resource.to_owned(),
            });
        }
    }
}
