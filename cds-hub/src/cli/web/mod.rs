//! Pages for the morning: what ran, what grew, what was not stored and why, where an id stands, how a table was.
//!
//! Whoever looks logs in as a role of the database, and all is read with that role's rights, in transactions that cannot
//! write and that end after a while. The program itself has no password. Cells are shown to roles that may read their table,
//! and only when asked for.

mod answer;
mod as_of;
mod door;
mod layout;
mod overview;
mod refused;
mod search;
mod site;
mod tables;
mod trace;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use cds_hub::schema::Model;
use cds_hub::{Error, ErrorKind, Hub, HubOptions, Result, reach};
use tracing_subscriber::EnvFilter;
use web_pages::{Hosts, listen};

use super::{output, serve as serving};
use site::Pages;

/// How the pages are served, or who may see them.
#[derive(clap::Args)]
pub(crate) struct WebArguments {
    /// Where to listen; keep to loopback and put the site's proxy before it.
    #[arg(long, default_value = "127.0.0.1:8096", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Address that browsers see behind the proxy, such as <https://pages.example.org>.
    #[arg(long, value_name = "URL")]
    public: Option<String>,
    /// Name of the site, shown on every page.
    #[arg(long, default_value = "Hub")]
    title: String,
    /// Seconds after which a question to the hub is given up.
    #[arg(long, default_value_t = 20, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=600))]
    timeout: u64,
    /// Let a role that is there see figures and reasons, and end; `migrate` keeps it.
    #[arg(long, value_name = "ROLE", conflicts_with = "revoke")]
    grant: Option<String>,
    /// With --grant: the role may see cells of all tables, too.
    #[arg(long, requires = "grant")]
    values: bool,
    /// Take from a role what --grant gave it, and end.
    #[arg(long, value_name = "ROLE")]
    revoke: Option<String>,
}

impl WebArguments {
    /// Whether rights are changed and nothing is served.
    pub(crate) fn is_about_rights(&self) -> bool {
        self.grant.is_some() || self.revoke.is_some()
    }
}

/// Gives a role the right to see the pages, or takes it.
pub(crate) async fn change_rights(arguments: &WebArguments, hub: &Hub) -> Result<()> {
    let model = Model::new(&hub.tables_to_keep().await?);
    if let Some(role) = &arguments.revoke {
        hub.revoke_reading(&model, role).await?;
        output::line(&format!(
            "{role} reads nothing of the hub by these rights any more"
        ));
    }
    if let Some(role) = &arguments.grant {
        hub.grant_reading(&model, role, arguments.values).await?;
        let what = match arguments.values {
            true => "figures, reasons and the cells of all tables",
            false => "figures and reasons, no cells",
        };
        output::line(&format!("{role} may see {what}"));
    }
    Ok(())
}

/// Serves the pages until the process is asked to stop.
pub(crate) async fn serve(arguments: &WebArguments, mut hub: HubOptions) -> Result<()> {
    start_log();
    let limit = Duration::from_secs(arguments.timeout);
    hub.reading = Some(limit);
    // Of each visitor; a page asks one question after the other.
    hub.connections = 2;
    if let Err(error) = reach::answers(&hub).await {
        if error.kind() != ErrorKind::Connect {
            return Err(error);
        }
        output::note(&format!("{error}; the pages wait for it"));
    }
    let place = || {
        let text = format!(
            "listening on {}; name another address with --listen",
            arguments.listen
        );
        Error::new(ErrorKind::Options, text)
    };
    let (listener, address) = listen::bind(arguments.listen)
        .await
        .map_err(|e| place().with_source(e))?;
    let pages = Pages::new(hub, limit, &arguments.title, arguments.public.as_deref())?;
    let hosts = Hosts::new(address.port(), arguments.public.as_deref());
    let routes = listen::protected(routes(), hosts).with_state(pages);
    output::line(&format!("http://{address}/"));
    listen::serve(listener, routes, serving::asked_to_stop())
        .await
        .map_err(|e| Error::new(ErrorKind::File, "serving pages").with_source(e))
}

/// Failures by their place, never by a value. Texts of other crates are not ours: of those errors only.
fn start_log() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("error,cds_hub=warn,web_pages=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

fn routes() -> Router<Pages> {
    Router::new()
        .route("/", get(overview::show))
        .route("/tables", get(tables::show))
        .route("/refused", get(refused::show))
        .route("/search", get(search::form).post(search::find))
        .route("/trace/{table}/{id}", get(trace::places).post(trace::values))
        .route("/as-of", get(as_of::form).post(as_of::show))
        .route("/login", get(door::form).post(door::enter))
        .route("/logout", post(door::leave))
}
