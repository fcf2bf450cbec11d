use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use reqwest::Url;
use tokio::sync::mpsc;

use super::complete::{Complete, Counts, Limited, Step};
use super::envelope::Envelope;
use super::error::{Error, ErrorKind, Place, Received};
use super::event::Event;
use super::link::NextUrl;
use super::page::{Format, Page};
use super::query::Search;
use super::server::Server;
use super::target::{Target, bundle, refuses_post};
use super::transport::Reply;

/// Takes one search from its first request to its end and hands its pages over.
pub(crate) struct Driver {
    server: Arc<Server>,
    search: Search,
    place: Place,
    outlet: mpsc::Sender<(usize, Result<Step, Error>)>,
    index: usize,
    counts: Counts,
    restarts: u32,
}

/// What one way through a search has seen.
struct Pass {
    targets: HashSet<u64>,
    resources: HashSet<u64>,
    nameless: u64,
    total: Option<u64>,
    idle: u32,
    pages: u32,
    hasher: RandomState,
}

/// How one part of a search ended.
enum End {
    Done {
        matches: u64,
        total: Option<u64>,
    },
    Limited(NextUrl),
    /// The server refuses POST: the search has to be put as these GETs.
    Instead(VecDeque<Target>),
    /// Nobody listens any more.
    Dropped,
}

impl Driver {
    pub(crate) fn new(
        server: Arc<Server>,
        search: Search,
        number: Option<usize>,
        outlet: mpsc::Sender<(usize, Result<Step, Error>)>,
    ) -> Driver {
        let place = Place {
            search: number,
            ..server.place(search.resource())
        };
        let index = number.unwrap_or(0);
        Driver {
            server,
            search,
            place,
            outlet,
            index,
            counts: Counts::default(),
            restarts: 0,
        }
    }

    /// Runs the search, from `link` on if there is one; its last message is its end.
    pub(crate) async fn run(mut self, link: Option<NextUrl>) {
        let last = match self.parts(link).await {
            Ok(Some(step)) => Ok(step),
            Ok(None) => return,
            Err(error) => Err(error.after(Received {
                pages: self.counts.pages,
                entries: self.counts.entries,
            })),
        };
        // a caller that has gone away needs no last word
        let _ = self.outlet.send((self.index, last)).await;
    }

    async fn parts(&mut self, link: Option<NextUrl>) -> Result<Option<Step>, Error> {
        let resumed = link.is_some();
        let mut parts = VecDeque::new();
        match link {
            Some(link) => {
                let options = &self.server.transport.options;
                let (url, form) = self.search.post_form(&options.endpoint);
                parts.push_back((self.target(link.expose(), &url, Some(&form))?, true));
            }
            None if self.search.is_void() => {}
            None => parts = self.starts(),
        }
        let mut total = None;
        let mut restarted = false;
        while let Some((target, behind)) = parts.pop_front() {
            match self.pass(&target, behind).await {
                Ok(End::Dropped) => return Ok(None),
                Ok(End::Limited(next)) => {
                    return Ok(Some(Step::Limited(Limited {
                        counts: self.counts,
                        next,
                    })));
                }
                Ok(End::Instead(targets)) => {
                    for target in targets.into_iter().rev() {
                        parts.push_front((target, false));
                    }
                }
                Ok(End::Done {
                    matches,
                    total: announced,
                }) => {
                    self.counts.matches += matches;
                    total = match (total, announced) {
                        (Some(sum), Some(more)) => Some(sum + more),
                        (None, more) => more,
                        (sum, None) => sum,
                    };
                }
                Err(error) if self.may_restart(&error) => {
                    self.restarts += 1;
                    tracing::info!(resource = %self.place.resource, reason = %error.kind(), "search starts anew");
                    let (place, kind) = (error.place().clone(), error.kind().clone());
                    self.server.transport.tell(|| Event::Restart { place, kind });
                    if behind {
                        restarted = true;
                        parts = self.starts();
                    } else {
                        parts.push_front((target, false));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        let resumed = resumed && !restarted;
        Ok(Some(Step::Complete(Complete {
            counts: self.counts,
            total,
            restarts: self.restarts,
            resumed,
        })))
    }

    /// An expired link or a total that was not reached may be gone at the next try: the server's set changed, or its
    /// memory of the search is gone.
    fn may_restart(&self, error: &Error) -> bool {
        matches!(error.kind(), ErrorKind::ExpiredLink | ErrorKind::TooFew { .. })
            && self.restarts < self.server.transport.options.limits.restarts
    }

    /// Follows one part of the search from `start` to its last page.
    async fn pass(&mut self, start: &Target, behind: bool) -> Result<End, Error> {
        let limits = self.server.transport.options.limits;
        let mut pass = Pass::new();
        let mut target = start.clone();
        loop {
            pass.enter(&target).map_err(|kind| self.error(kind))?;
            let first = pass.pages == 0 && !behind;
            let (reply, format, envelope) = match self.fetch(&target, first).await {
                Ok(found) => found,
                Err(error) if target.form.is_some() && refuses_post(&error) => {
                    self.server.refuse_post(self.search.resource());
                    if first {
                        return Ok(End::Instead(Target::gets(&self.search, &self.server)));
                    }
                    target.form = None;
                    self.fetch(&target, false).await?
                }
                Err(error) => return Err(error),
            };
            let next = match &envelope.next {
                Some(link) => Some(self.target(link, &reply.url, start.form.as_deref())?),
                None => None,
            };
            pass.take(&envelope, self.search.resource());
            if pass.idle > limits.idle_pages && next.is_some() {
                return Err(self.error(ErrorKind::NoProgress));
            }
            let link = envelope.next.clone();
            if !self.hand_over(reply, format, &envelope).await {
                return Ok(End::Dropped);
            }
            let Some(next) = next else {
                return self.done(&pass, behind);
            };
            if let (Some(most), Some(link)) = (self.search.page_limit(), link)
                && pass.pages >= most
            {
                return Ok(End::Limited(NextUrl::new(link)));
            }
            if pass.pages >= limits.pages {
                return Err(self.error(ErrorKind::TooManyPages));
            }
            target = next;
        }
    }

    /// The end of a pass whose last page has no next link: complete if the total was reached.
    fn done(&self, pass: &Pass, behind: bool) -> Result<End, Error> {
        let matches = pass.resources.len() as u64 + pass.nameless;
        match pass.total {
            Some(expected) if expected > matches && !behind && self.server.transport.options.total_check => {
                Err(self.error(ErrorKind::TooFew {
                    expected,
                    received: matches,
                }))
            }
            total => Ok(End::Done { matches, total }),
        }
    }

    async fn fetch(&self, target: &Target, first: bool) -> Result<(Reply, Format, Envelope), Error> {
        let call = target.call(self.server.transport.options.format.media_type());
        match self.server.transport.exchange(&call, &self.here(), bundle).await {
            Ok((reply, (format, envelope))) => Ok((reply, format, envelope)),
            Err(error) if !first && target.form.is_none() && matches!(error.status(), Some(404 | 410)) => {
                Err(self.error(ErrorKind::ExpiredLink).with_source(error))
            }
            Err(error) => Err(error),
        }
    }

    async fn hand_over(&mut self, reply: Reply, format: Format, envelope: &Envelope) -> bool {
        let place = self.here();
        tracing::debug!(
            resource = %place.resource, page = place.page, search = place.search, status = reply.status,
            bytes = reply.body.len(), entries = envelope.entries, ms = reply.elapsed.as_millis(), "page received"
        );
        let (entries, bytes, elapsed) = (envelope.entries, reply.body.len(), reply.elapsed);
        self.server.transport.tell(|| Event::Page {
            place,
            entries,
            bytes,
            elapsed,
        });
        self.counts.pages += 1;
        self.counts.entries += u64::from(entries);
        self.counts.bytes += bytes as u64;
        let page = Page {
            number: self.counts.pages,
            bytes: reply.body,
            format,
            entries,
            total: envelope.total,
        };
        self.outlet.send((self.index, Ok(Step::Page(page)))).await.is_ok()
    }

    /// The page asked for next.
    fn here(&self) -> Place {
        Place {
            page: Some(self.counts.pages + 1),
            ..self.place.clone()
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(kind).at(&self.here())
    }

    fn starts(&self) -> VecDeque<(Target, bool)> {
        Target::starts(&self.search, &self.server)
            .into_iter()
            .map(|target| (target, false))
            .collect()
    }

    fn target(&self, link: &str, current: &Url, form: Option<&str>) -> Result<Target, Error> {
        Target::of_link(link, current, form, &self.search, &self.server).map_err(|kind| self.error(kind))
    }
}

impl Pass {
    fn new() -> Pass {
        Pass {
            targets: HashSet::new(),
            resources: HashSet::new(),
            nameless: 0,
            total: None,
            idle: 0,
            pages: 0,
            hasher: RandomState::new(),
        }
    }

    /// Notes where the next page is asked for; a second time is a circle.
    fn enter(&mut self, target: &Target) -> Result<(), ErrorKind> {
        let key = self.hasher.hash_one(target);
        if self.targets.insert(key) {
            Ok(())
        } else {
            Err(ErrorKind::Loop)
        }
    }

    fn take(&mut self, envelope: &Envelope, resource: &str) {
        self.pages += 1;
        self.total = self.total.max(envelope.total);
        let mut new = false;
        for head in &envelope.resources {
            if !head.is_match(resource) {
                continue;
            }
            if head.id.is_empty() {
                self.nameless += 1;
                new = true;
            } else {
                new |= self.resources.insert(head.key(&self.hasher));
            }
        }
        self.idle = if new { 0 } else { self.idle + 1 };
    }
}
