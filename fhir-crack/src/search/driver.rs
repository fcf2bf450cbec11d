use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use reqwest::Url;
use tracing::Instrument;
use tracing::field::Empty;

use super::call::Reply;
use super::complete::{Complete, Counts, Limited, Step};
use super::encoding::pairs;
use super::envelope::Envelope;
use super::error::{Error, ErrorKind, Place, Received};
use super::event::Event;
use super::guess;
use super::link::NextUrl;
use super::outlet::Outlet;
use super::page::{Format, Page};
use super::part::{Part, Sums};
use super::pass::Pass;
use super::query::Search;
use super::replay::Replay;
use super::requests;
use super::server::Server;
use super::spool::{Journal, Spool};
use super::target::{Target, bundle, partial, refuses_post};
use super::task::Task;

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
    /// The server's time of the first answer.
    begun: Option<SystemTime>,
    /// Parameters that the server says it did not understand.
    ignored: Vec<String>,
    /// Ids of a list that have not come yet.
    unseen: HashSet<Arc<str>>,
    /// Matches of the walk before, which fell short of the total.
    short: Option<u64>,
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
    /// Nobody listens any more.
    Dropped,
}

impl Driver {
    pub(crate) fn new(server: Arc<Server>, search: Search, number: Option<usize>, outlet: Outlet) -> Driver {
        let place = Place {
            search: number,
            ..server.place(search.resource())
        };
        let is_id_list = search.list_param() == Some("_id");
        let unseen = if is_id_list {
            search.listed_ids().iter().cloned().collect()
        } else {
            HashSet::new()
        };
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
            begun: None,
            ignored: Vec::new(),
            unseen,
            short: None,
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
                let (journal, past) = Journal::open(&spool, &self.identity()).await?;
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
            begun: self.begun,
            ignored: std::mem::take(&mut self.ignored),
            unseen: self.unseen(),
        })))
    }

    fn unseen(&self) -> Vec<Arc<str>> {
        let listed = self.search.listed_ids().iter();
        listed.filter(|id| self.unseen.contains(*id)).cloned().collect()
    }

    /// Notes what a page says beside its resources; `first` if it is the first of a part.
    pub(crate) fn notice(&mut self, envelope: &Envelope, date: Option<SystemTime>, first: bool) {
        if first {
            self.begun = match (self.begun, date) {
                (Some(known), Some(date)) => Some(known.min(date)),
                (known, date) => known.or(date),
            };
            if let Some(link) = &envelope.self_link {
                self.notice_ignored(link);
            }
        }
        if !self.unseen.is_empty() {
            for head in &envelope.resources {
                self.unseen.remove(&*head.id);
            }
        }
    }

    /// The parameters of the search that the server's link to itself leaves out, if it names others of them.
    fn notice_ignored(&mut self, link: &str) {
        let understood: Vec<String> = match link.split_once('?') {
            Some((_, query)) => pairs(query).map(|(name, _)| bare(&name).to_owned()).collect(),
            None => return,
        };
        let sent: Vec<&str> = self.search.names().map(bare).collect();
        if !sent
            .iter()
            .any(|name| understood.iter().any(|known| known == name))
        {
            return;
        }
        for name in sent {
            let left_out = !understood.iter().any(|known| known == name) && !is_control(name);
            if left_out && !self.ignored.iter().any(|known| known == name) {
                tracing::warn!(resource = %self.place.resource, name, "the server does not understand a parameter");
                self.ignored.push(name.to_owned());
            }
        }
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
        matches!(error.kind(), ErrorKind::ExpiredLink | ErrorKind::TooFew { .. })
            && self.restarts < self.server.transport.options.limits.restarts
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
            .unwrap_or_else(|| (part.start.clone(), Pass::default()));
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

    /// Whether a total that was not reached is wrong: a second walk brought as many matches as the first, and the server
    /// counts no more of them when it is asked for their number alone.
    async fn is_total_wrong(&mut self, pass: &Pass) -> bool {
        let received = pass.matches();
        if self.short.replace(received) != Some(received) || self.search.resource().contains('/') {
            return false;
        }
        let counted = requests::count(&self.server, self.search.clone()).await;
        let is_wrong = counted.is_ok_and(|counted| counted <= received);
        if is_wrong {
            tracing::warn!(resource = %self.place.resource, received, "the server's total is too large");
        }
        is_wrong
    }

    /// A part whose last page has no next link is complete if its total was reached.
    pub(crate) fn check_total(&self, pass: &Pass, behind: bool) -> Result<(), Error> {
        // A history (`Patient/_history`) counts versions, and those that say DELETE hold no resource.
        let is_history = self.search.resource().contains('/');
        let checked = self.server.transport.options.total_check
            && !behind
            && !self.search.only_counts()
            && self.partial.is_none();
        let received = if is_history { pass.entries } else { pass.matches() };
        match pass.total {
            Some(expected) if checked && expected > received => {
                Err(self.error(ErrorKind::TooFew { expected, received }))
            }
            _ => Ok(()),
        }
    }

    /// Sends the request for a page, without waiting for its answer.
    fn ask(&self, target: Target, place: Place) -> Asked {
        let span = tracing::debug_span!(
            "page", resource = %place.resource, page = place.page, status = Empty, bytes = Empty, ms = Empty
        );
        let call = target.call(self.server.transport.options.format.media_type());
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
    async fn fetch(&self, asked: Asked, first: bool) -> Result<Reply, Error> {
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
    async fn read(
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
                let call = target.call(self.server.transport.options.format.media_type());
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
    async fn again_by_get(&mut self, target: Target, part: &Part, refusal: Error) -> Result<Found, Error> {
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

    /// What makes this search another one, for its spool.
    fn identity(&self) -> String {
        let options = &self.server.transport.options;
        let limits = options.limits;
        let (endpoint, search) = (options.endpoint.shown(), &self.search);
        let (resource, query, method) = (search.resource(), search.query(), search.chosen_method());
        format!(
            "{endpoint}\n{resource}\n{query}\n{method:?}\n{} {}",
            limits.url_bytes, limits.url_reserve
        )
    }
}

/// The name of a parameter without its modifier.
fn bare(name: &str) -> &str {
    name.split(':').next().unwrap_or_default()
}

/// Whether a parameter steers the form of the answer and not which resources it holds.
fn is_control(name: &str) -> bool {
    matches!(
        name,
        "_count"
            | "_sort"
            | "_format"
            | "_pretty"
            | "_elements"
            | "_summary"
            | "_total"
            | "_include"
            | "_revinclude"
            | "_offset"
            | "_contained"
            | "_containedType"
    )
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
