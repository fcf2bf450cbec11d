//! How a driver asks for a page: the request on its way, the answer read, the next one asked for meanwhile.

use std::sync::Arc;

use tracing::Instrument;
use tracing::field::Empty;

use super::{Asked, Driver, Found, is_expired};
use crate::search::ask::target::{Target, bundle, partial};
use crate::search::envelope::guess;
use crate::search::error::ErrorKind;
use crate::search::error::{Error, Place};
use crate::search::paging::part::Part;
use crate::search::paging::task::Task;
use crate::search::wire::call::{Call, Reply};

impl Driver {
    /// The request for a page.
    fn call(&self, target: &Target) -> Call {
        let call = target.call(self.server.transport.options.format.media_type());
        if self.is_strict { call.strictly() } else { call }
    }

    /// Sends the request for a page, without waiting for its answer.
    pub(super) fn ask(&self, target: Target, place: Place) -> Asked {
        let span = tracing::debug_span!(
            "page", resource = %place.resource, page = place.page, status = Empty, bytes = Empty, ms = Empty
        );
        let call = self.call(&target);
        let server = Arc::clone(&self.server);
        let request = async move {
            let found = server.transport.exchange(&call, &place, Reply::success).await;
            let span = tracing::Span::current();
            match &found {
                Ok((reply, ())) => {
                    span.record("status", reply.status);
                    span.record("bytes", reply.body.len());
                    span.record("ms", reply.elapsed.as_millis());
                }
                Err(error) => {
                    span.record("status", error.status());
                }
            }
            found.map(|(reply, ())| reply)
        };
        Asked {
            target,
            answer: Task::spawn(request.instrument(span)),
        }
    }

    /// Waits for the answer to a request.
    pub(super) async fn fetch(&self, asked: Asked, first: bool) -> Result<Reply, Error> {
        let Some(answer) = asked.answer.join().await else {
            return Err(self.error(ErrorKind::Ended));
        };
        answer.map_err(|error| {
            if !first && is_expired(&error, &asked.target) {
                return self.error(ErrorKind::ExpiredLink).with_source(error);
            }
            error
        })
    }

    /// Reads a page. Before that the next one is asked for if its link can be guessed, so that the server is at work
    /// while the page is read.
    pub(super) async fn read(
        &mut self,
        reply: Reply,
        target: &Target,
        part: &Part,
        guess: bool,
    ) -> Result<Found, Error> {
        let link = if guess { guess::next(&reply.body) } else { None };
        let next = link.and_then(|link| self.target(&link, &reply.url, part.start.form.as_deref()).ok());
        let ahead = match next {
            Some(next) if next != *target => {
                let page = self.here().page.map(|page| page + 1);
                let ahead = self.ask(
                    next,
                    Place {
                        page,
                        ..self.place.clone()
                    },
                );
                // the request goes out before this task takes its thread for the page
                tokio::task::yield_now().await;
                Some(ahead)
            }
            _ => None,
        };
        match bundle(&reply) {
            Ok((format, envelope)) => Ok((reply, format, envelope, ahead)),
            Err(fault) => {
                drop(ahead);
                let call = self.call(target);
                let (transport, place) = (&self.server.transport, self.here());
                let again = transport
                    .exchange_again(&call, &place, bundle, reply.attempts, fault)
                    .await;
                let (reply, (format, envelope)) = match (again, partial(&reply)) {
                    (Ok(found), _) => found,
                    // Asked again in vain: what the page does hold counts, though the search is not complete with it.
                    (Err(error), Some(found)) => {
                        self.partial.get_or_insert(error);
                        (reply, found)
                    }
                    (Err(error), None) => return Err(error),
                };
                Ok((reply, format, envelope, None))
            }
        }
    }

    /// Asks for a page whose `_search` link refuses POST; a link that neither method knows has expired.
    pub(super) async fn again_by_get(
        &mut self,
        target: Target,
        part: &Part,
        refusal: Error,
    ) -> Result<Found, Error> {
        let target = target.into_get();
        let reply = self.fetch(self.ask(target.clone(), self.here()), false).await;
        let reply = reply.map_err(|error| match (refusal.status(), error.status()) {
            (Some(404), Some(400..500)) => self.error(ErrorKind::ExpiredLink).with_source(error),
            // the first answer was no wish for another method, and it says more than the second
            (_, Some(404 | 405)) => refusal,
            _ => error,
        })?;
        self.read(reply, &target, part, false).await
    }
}
