mod asking;
mod totals;

use std::collections::VecDeque;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::SystemTime;

use reqwest::Url;
use tracing::Instrument;

use crate::search::ask::notes::Notes;
use crate::search::ask::query::Search;
use crate::search::ask::server::Server;
use crate::search::ask::target::{Target, refuses_post};
use crate::search::complete::{Complete, Counts, Limited, Step};
use crate::search::envelope::Envelope;
use crate::search::envelope::page::{Format, Page};
use crate::search::error::{Error, ErrorKind, Place, Received};
use crate::search::event::Event;
use crate::search::paging::outlet::Outlet;
use crate::search::paging::part::{Part, Sums};
use crate::search::paging::pass::{Brought, Pass};
use crate::search::paging::replay::Replay;
use crate::search::paging::spool::{Journal, Spool};
use crate::search::paging::task::Task;
use crate::search::url::link::NextUrl;
use crate::search::wire::call::Reply;

/// Takes one search from its first request to its end and hands its pages over.
pub(crate) struct Driver {
    pub(crate) server: Arc<Server>,
    pub(crate) search: Search,
    outlet: Outlet,
    index: usize,
    place: Place,
    counts: Counts,
    restarts: u32,
    journal: Option<Journal>,
    /// The first page that says by an outcome among its entries that the server could not answer in full.
    partial: Option<Error>,
    /// What the pages say beside their resources.
    notes: Notes,
    /// What the walk before brought, which fell short of the total.
    short: Option<Brought>,
    /// A second walk brought the same: a third one is of no use.
    is_settled: bool,
    /// With what resources are told apart, over all walks.
    hasher: RandomState,
    /// Whether the server is told to refuse what it does not understand.
    is_strict: bool,
}

/// Where a search begins.
pub(crate) enum Origin {
    /// With its first page.
    Start,
    /// With a paging link kept by the caller.
    Link(NextUrl),
    /// With what a spool holds.
    Spool(Spool),
}

/// A request under way.
struct Asked {
    target: Target,
    answer: Task<Result<Reply, Error>>,
}

/// A page that was read, and the request for the next one if it could be guessed.
type Found = (Reply, Format, Envelope, Option<Asked>);

/// How one part of a search ended.
enum End {
    Done(Pass),
    Limited(NextUrl),
    /// The server refuses POST: the search has to be put as GETs.
    Refused,
    /// It has to be asked for once more, in other words.
    Again,
    /// Nobody listens any more.
    Dropped,
}

impl Driver {
    pub(crate) fn new(server: Arc<Server>, search: Search, number: Option<usize>, outlet: Outlet) -> Driver {
        let place = Place {
            search: number,
            ..server.place(search.resource())
        };
        let notes = Notes::new(&search);
        let is_strict = server.takes_strictly(&search);
        Driver {
            server,
            search,
            outlet,
            index: number.unwrap_or(0),
            place,
            counts: Counts::default(),
            restarts: 0,
            journal: None,
            partial: None,
            notes,
            short: None,
            is_settled: false,
            hasher: RandomState::new(),
            is_strict,
        }
    }

    /// Runs the search; its last message is its end.
    pub(crate) async fn run(mut self, origin: Origin) {
        let span =
            tracing::debug_span!("search", resource = %self.place.resource, search = self.place.search);
        let last = match self.search(origin).instrument(span).await {
            Ok(Some(step)) => Ok(step),
            Ok(None) => return,
            Err(error) => {
                let error = if error.place().endpoint.is_empty() {
                    error.at(&self.here())
                } else {
                    error
                };
                Err(error.after(Received {
                    pages: self.counts.pages,
                    entries: self.counts.entries,
                }))
            }
        };
        // a caller that has gone away needs no last word
        let _listening = self.outlet.send(self.index, last).await;
    }

    async fn search(&mut self, origin: Origin) -> Result<Option<Step>, Error> {
        self.search.check().map_err(|error| error.at(&self.place))?;
        let mut resumed = matches!(origin, Origin::Link(_));
        let mut sums = Sums::default();
        let mut parts = match origin {
            Origin::Start => self.parts(),
            Origin::Link(link) => VecDeque::from([self.behind(&link)?]),
            Origin::Spool(spool) => {
                let (journal, past) = Journal::open(&spool, &self.server.identity(&self.search)).await?;
                self.journal = Some(journal);
                if past.by_get {
                    self.server.refuse_post(self.search.resource());
                }
                let parts = self.parts();
                match Replay::new(parts, past).run(self, &mut sums).await? {
                    Some(rest) => rest,
                    None => return Ok(None),
                }
            }
        };
        while let Some(mut part) = parts.pop_front() {
            match self.part(&mut part).await {
                Ok(End::Dropped) => return Ok(None),
                Ok(End::Limited(next)) => {
                    return Ok(Some(Step::Limited(Limited {
                        counts: self.counts,
                        next,
                    })));
                }
                Ok(End::Refused) => {
                    if let Some(journal) = &mut self.journal {
                        journal.by_get().await?;
                    }
                    parts = self.parts();
                }
                Ok(End::Again) => parts.push_front(part),
                Ok(End::Done(pass)) => sums.add(&pass),
                Err(error) if self.may_restart(&error) => {
                    self.tell_restart(&error);
                    if let Some(journal) = &mut self.journal {
                        journal.cut(part.number, 1).await?;
                    }
                    if part.behind {
                        resumed = false;
                        parts = self.parts();
                    } else {
                        parts.push_front(Part::fresh(part.number, part.start));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = self.partial.take() {
            return Err(error);
        }
        if let Some(journal) = &mut self.journal {
            journal.complete().await?;
        }
        self.counts.matches = sums.matches;
        Ok(Some(Step::Complete(Complete {
            counts: self.counts,
            total: sums.total(),
            restarts: self.restarts,
            resumed,
            begun: self.notes.begun,
            updated: self.notes.updated.take(),
            unseen: self.notes.unseen(&self.search),
            outcomes: self.notes.outcomes(),
            ignored: std::mem::take(&mut self.notes.ignored),
            unread: self.notes.unread,
            total_is_wrong: self.notes.total_is_wrong,
        })))
    }

    /// Notes what a page says beside its resources; `first` if it is the first of a part.
    pub(crate) fn notice(&mut self, envelope: &Envelope, date: Option<SystemTime>, first: bool) {
        self.notes.take(&self.search, envelope, date, first);
    }

    fn parts(&self) -> VecDeque<Part> {
        if self.search.is_void() {
            return VecDeque::new();
        }
        let starts = Target::starts(&self.search, &self.server);
        starts
            .into_iter()
            .enumerate()
            .map(|(number, start)| Part::fresh(number, start))
            .collect()
    }

    /// The part that lies behind a link kept by the caller.
    fn behind(&self, link: &NextUrl) -> Result<Part, Error> {
        let (url, form) = self.search.post_form(&self.server.transport.options.endpoint);
        let start = self.target(link.expose(), &url, Some(&form))?;
        Ok(Part {
            behind: true,
            ..Part::fresh(0, start)
        })
    }

    /// An expired link or a total that was not reached may be gone at the next try: the server's set changed, or its
    /// memory of the search is gone.
    fn may_restart(&self, error: &Error) -> bool {
        let helps = match error.kind() {
            ErrorKind::ExpiredLink => true,
            ErrorKind::TooFew { .. } => !self.is_settled,
            _ => false,
        };
        helps && self.restarts < self.server.transport.options.limits.restarts
    }

    fn tell_restart(&mut self, error: &Error) {
        self.restarts += 1;
        tracing::info!(resource = %self.place.resource, reason = %error.kind(), "search starts anew");
        let (place, kind) = (error.place().clone(), error.kind().clone());
        self.server.transport.tell(|| Event::Restart { place, kind });
    }

    /// Follows one part from where it stands to its last page.
    async fn part(&mut self, part: &mut Part) -> Result<End, Error> {
        let limits = self.server.transport.options.limits;
        let (mut target, mut pass) = part
            .progress
            .take()
            .unwrap_or_else(|| (part.start.clone(), self.pass()));
        let mut asked = None;
        loop {
            pass.enter(&target).map_err(|kind| self.error(kind))?;
            let first = pass.pages == 0 && !part.behind;
            let last = self
                .search
                .page_limit()
                .is_some_and(|most| pass.pages + 1 >= most);
            let request = asked
                .take()
                .unwrap_or_else(|| self.ask(target.clone(), self.here()));
            let found = match self.fetch(request, first).await {
                Ok(reply) => self.read(reply, &target, part, !last).await,
                Err(error) => Err(error),
            };
            let (reply, format, envelope, ahead) = match found {
                Ok(found) => found,
                // It says that it knows the parameters, and refuses them when it is to be strict.
                Err(error) if self.is_strict && first && refuses(&error) => {
                    self.is_strict = false;
                    return Ok(End::Again);
                }
                Err(error) if target.form.is_some() && refuses_post(&error) => {
                    if first {
                        self.server.refuse_post(self.search.resource());
                        return Ok(End::Refused);
                    }
                    self.again_by_get(target, part, error).await?
                }
                Err(error) => return Err(error),
            };
            // The page is handed over whatever its link is like.
            let link = envelope.next.as_deref();
            let next = link.map(|link| self.target(link, &reply.url, part.start.form.as_deref()));
            pass.take(&envelope, self.search.resource());
            if let Some(journal) = &mut self.journal {
                let next = next.as_ref().map(|next| next.as_ref().ok());
                let date = reply.date();
                journal
                    .store(part.number, pass.pages, format, &reply.body, next, date)
                    .await?;
            }
            self.notice(&envelope, reply.date(), pass.pages == 1);
            self.tell_page(&reply, &envelope);
            if !self.hand_over(reply.body, format, &envelope).await {
                return Ok(End::Dropped);
            }
            let Some(next) = next.transpose()? else {
                if let Err(error) = self.check_total(&pass, part.behind)
                    && !self.is_total_wrong(&pass).await
                {
                    return Err(error);
                }
                return Ok(End::Done(pass));
            };
            if self.search.page_limit().is_some_and(|most| pass.pages >= most) {
                return Ok(End::Limited(next.into_link()));
            }
            if pass.idle > limits.idle_pages {
                return Err(self.error(ErrorKind::NoProgress));
            }
            if pass.pages >= limits.pages
                || self.counts.bytes >= limits.search_bytes
                || pass.is_beyond_its_total(limits.beyond_total)
            {
                return Err(self.error(ErrorKind::TooManyPages));
            }
            asked = ahead.filter(|ahead| ahead.target == next);
            target = next;
        }
    }

    fn tell_page(&self, reply: &Reply, envelope: &Envelope) {
        let (entries, bytes, elapsed) = (envelope.entries, reply.body.len(), reply.elapsed);
        let place = self.here();
        self.server.transport.tell(|| Event::Page {
            place,
            entries,
            bytes,
            elapsed,
        });
    }

    /// Gives the caller a page; false where nobody listens any more.
    pub(crate) async fn hand_over(
        &mut self,
        bytes: bytes::Bytes,
        format: Format,
        envelope: &Envelope,
    ) -> bool {
        let entries = envelope.entries;
        self.counts.pages += 1;
        self.counts.entries += u64::from(entries);
        self.counts.bytes += bytes.len() as u64;
        let page = Page {
            number: self.counts.pages,
            bytes,
            format,
            entries,
            total: envelope.total,
        };
        self.outlet.send(self.index, Ok(Step::Page(page))).await
    }

    pub(crate) fn journal(&mut self) -> Option<&mut Journal> {
        self.journal.as_mut()
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

    fn target(&self, link: &str, current: &Url, form: Option<&str>) -> Result<Target, Error> {
        Target::of_link(link, current, form, &self.search, &self.server).map_err(|kind| self.error(kind))
    }
}

/// Whether a server says that it does not take a request as it is put.
fn refuses(error: &Error) -> bool {
    matches!(error.status(), Some(400 | 404 | 405 | 406 | 412 | 422 | 501))
}

/// Whether a server refuses a paging link because it no longer knows it; 404 to a POST may also refuse the POST.
fn is_expired(error: &Error, target: &Target) -> bool {
    match error.status() {
        Some(410) => true,
        Some(400..500) if error.issues().contains(&"expired") => true,
        Some(404) => target.form.is_none(),
        _ => false,
    }
}
