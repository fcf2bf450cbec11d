use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::error::Place;
use super::event::Event;
use super::transport::Transport;

/// One server: the way to it and what was learned of it.
pub(crate) struct Server {
    pub(crate) transport: Transport,
    /// Resource types whose searches the server takes by GET only.
    get_only: Mutex<HashSet<String>>,
}

impl Server {
    pub(crate) fn new(transport: Transport) -> Server {
        Server {
            transport,
            get_only: Mutex::new(HashSet::new()),
        }
    }

    pub(crate) fn place(&self, resource: &str) -> Place {
        Place {
            endpoint: self.transport.options.endpoint.shown().to_owned(),
            resource: resource.to_owned(),
            search: None,
            page: None,
        }
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
