//! Pages of our own: the case list and the forms in a browser, without REDCap.
//!
//! Whoever logs in does so as a role of the database that is a member of the frontend's own, so the hub tests the password
//! and nothing here keeps one. Everything is read and written as the frontend's role, and written on the way that records of
//! REDCap take: typed, put into the inbox and transferred under the hub's lock.

mod answers;
mod cases;
mod changes;
mod command;
mod door;
mod entry;
mod layout;
mod preview;
mod record;
mod row;
mod save;
mod sheet;
mod site;

use std::net::SocketAddr;
use std::path::PathBuf;

use axum::Router;
use axum::routing::{get, post};
use cds_hub::{Hub, HubOptions};
use web_pages::{Hosts, listen};

use crate::{Dictionary, Error, ErrorKind, Result};
use site::Pages;

pub use command::ServeArguments;

/// How the pages are served.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Where to listen; loopback unless a site wants otherwise. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Address that browsers see behind the site's proxy, such as `https://pages.example.org`.
    pub public: Option<String>,
    /// Name of the site, shown on every page.
    pub title: String,
    /// Folder in which who changed what is kept; made where it is missing, readable by nobody else.
    pub directory: PathBuf,
}

impl ServeOptions {
    /// Port 8095 of 127.0.0.1.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8095)),
            public: None,
            title: "Case list".to_owned(),
            directory: directory.into(),
        }
    }
}

/// Pages that are ready to be served.
pub struct Server {
    address: SocketAddr,
    listener: tokio::net::TcpListener,
    routes: Router,
}

impl Server {
    /// Prepares the pages and listens. `login` says how roles reach the hub; its user and password are those of whoever logs
    /// in.
    ///
    /// # Errors
    /// When the address is taken, the hub has none of the dictionary's forms, or the folder cannot be used.
    pub async fn bind(
        hub: Hub,
        login: HubOptions,
        dictionary: Dictionary,
        options: &ServeOptions,
    ) -> Result<Self> {
        let place = || Error::new(ErrorKind::Output, format!("listening on {}", options.listen));
        let (listener, address) = listen::bind(options.listen)
            .await
            .map_err(|e| place().with_source(e))?;
        let pages = Pages::new(hub, login, dictionary, options).await?;
        let hosts = Hosts::new(address.port(), options.public.as_deref());
        Ok(Self {
            address,
            listener,
            routes: listen::protected(routes(), hosts).with_state(pages),
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        listen::serve(self.listener, self.routes, stop)
            .await
            .map_err(|e| Error::new(ErrorKind::Output, "serving pages").with_source(e))
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

fn routes() -> Router<Pages> {
    Router::new()
        .route("/", get(cases::list))
        .route("/login", get(door::form).post(door::enter))
        .route("/logout", post(door::leave))
        .route("/record/{record}", get(record::show))
        .route(
            "/record/{record}/{form}/{instance}",
            get(entry::show).post(save::save),
        )
        .route("/record/{record}/{form}/{instance}/shown", post(preview::hidden))
        .route("/record/{record}/{form}/{instance}/changes", get(changes::show))
}
