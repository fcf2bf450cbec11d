//! Listens on loopback unless told otherwise, and ends when told.

use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::http::{Request, StatusCode};
use axum::middleware::{Next, from_fn};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service as _;

use crate::guard::{Hosts, guard};
use crate::{Notice, Page, assets};

/// Longest form, in bytes.
pub const LONGEST_FORM: usize = 4 << 20;
/// How long a client may take to say what it wants.
const HEAD: Duration = Duration::from_secs(20);
/// How long requests that have begun are waited for at the end.
const LAST: Duration = Duration::from_secs(5);

/// Routes with the files of the pages, a page for what is not there, and all protection.
pub fn protected<S: Clone + Send + Sync + 'static>(routes: Router<S>, hosts: Hosts) -> Router<S> {
    let missing = || async {
        let words = "There is nothing at this address.";
        Page::new("Not found")
            .notice(Notice::Bad(words.to_owned()))
            .status(StatusCode::NOT_FOUND)
    };
    routes
        .merge(assets::routes())
        .fallback(missing)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(from_fn(move |request, next: Next| {
            guard(hosts.clone(), request, next)
        }))
}

/// Binds an address; port 0 takes a free one, which is told.
///
/// # Errors
/// When the address is taken or not of this machine.
pub async fn bind(address: SocketAddr) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Serves until `stop` is done; requests that have begun get a few seconds to be answered.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let mut stop = pin!(stop);
    let mut connections = JoinSet::new();
    let (ending, ended) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            // The client went away before it was ours.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
                ) =>
            {
                continue;
            }
            Err(error) if is_passing(&error) => {
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let routes = routes.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            // A router is ready at any time.
            let mut routes = routes.clone();
            async move { routes.call(request.map(Body::new)).await }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .serve_connection(TokioIo::new(stream), service);
        let mut ended = ended.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            // A client that goes away in the middle is no fault of the server.
            tokio::select! {
                _ = connection.as_mut() => return,
                _ = ended.changed() => connection.as_mut().graceful_shutdown(),
            }
            drop(connection.await);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(ending);
    let last = async { while connections.join_next().await.is_some() {} };
    drop(tokio::time::timeout(LAST, last).await);
    Ok(())
}

/// Whether accepting can go on later: too many files are open.
fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24)) || error.kind() == ErrorKind::OutOfMemory
}
