//! `$sql-run` and `$sql-export` of the draft over HTTP, for programs on the same machine.
//!
//! Every request is refused that comes from a page of the web or names another host than the one listened on: what is
//! served are patients. There is no login; who listens on another address than loopback has to stand behind something that
//! asks for one.

mod asked;
mod http;
mod jobs;
mod outcome;
mod resolve;
mod shape;
mod work;

use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;

use crate::{Artifacts, Error};

/// An input that could not be read whole. The rows of what could be read of it are in the answer.
#[derive(Debug)]
pub struct Unread {
    /// What a reader knows the input by, such as its path.
    pub name: String,
    /// What `read` said of it.
    pub error: Error,
}

/// The data views are run over, read anew for every request.
pub trait Data: Send + Sync {
    /// Hands each input to `read`, opened, and returns those that it could not read whole.
    ///
    /// # Errors
    /// That an input cannot be opened.
    fn each(
        &self,
        read: &mut dyn FnMut(&mut (dyn Read + Send)) -> Result<(), Error>,
    ) -> Result<Vec<Unread>, Error>;
}

/// What is served.
pub struct Server {
    listener: tokio::net::TcpListener,
    shared: Arc<http::Shared>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("listener", &self.listener)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Listens on an address.
    ///
    /// # Errors
    /// If the address cannot be listened on, or there is no folder for the files of answers.
    pub async fn bind(address: SocketAddr, artifacts: Artifacts, data: Arc<dyn Data>) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(http::Shared::new(address, artifacts, data)?);
        Ok(Self { listener, shared })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until it is dropped; jobs at work end with it, and their files are removed.
    pub async fn serve(self) {
        http::serve(self.listener, &self.shared).await;
    }
}
