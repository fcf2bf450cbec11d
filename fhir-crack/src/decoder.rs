mod walking;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use crate::batch::Batch;
use crate::duplicates::Seen;
use crate::error::{Error, ErrorKind, Limit, Place};
use crate::foreign::{Foreign, decode, restore};
use crate::halt::Halt;
#[cfg(feature = "search")]
use crate::head::Heads;
use crate::input::{COMPRESSED, Input};
use crate::json;
use crate::keys::Learned;
use crate::limits::Limits;
use crate::meta::BundleMeta;
use crate::options::{Duplicates, Faults, Options};
use crate::plan::Plan;
use crate::position::Before;
use crate::rejected::Rejected;
use crate::rows::Rows;
use crate::summary::Summary;
use crate::work::summary_of;
use crate::xml;

/// Cracks pages that come in pieces of any size, without doing any input or output itself.
///
/// Push the bytes of a page, take the batches that are ready, end the page; then the next page. What is held in memory is
/// one piece of a page (see [`Options::batch_bytes`]) and the hashes of the rows so far.
pub struct Decoder {
    plan: Arc<Plan>,
    options: Options,
    rows: Rows,
    learned_json: Learned,
    learned_xml: Learned,
    seen: Seen,
    summary: Summary,
    meta: BundleMeta,
    /// Batches, each with the number of its table.
    ready: VecDeque<(usize, Batch)>,
    /// What could not be read.
    rejected: VecDeque<Rejected>,
    keeps_duplicates: bool,
    /// Bytes of the page that are not cracked yet.
    pending: Vec<u8>,
    /// Bytes there have to be before it is worth going on.
    wanted: usize,
    input: Input,
    state: State,
    /// What of the page came before `pending`.
    before: Before,
}

/// Where in the page the pending bytes begin.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Nothing but blanks came so far, so the format is not known.
    #[default]
    Start,
    Json(json::State),
    Xml(xml::State),
}

enum Format {
    Unknown,
    Json,
    Xml,
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("plan", &self.plan)
            .field("pending_bytes", &self.pending.len())
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

impl Decoder {
    /// A decoder for pages of any format.
    #[must_use]
    pub fn new(plan: Arc<Plan>, options: Options) -> Self {
        Self {
            rows: Rows::new(&plan, options.duplicates == Duplicates::Remove),
            learned_json: Learned::new(&plan),
            learned_xml: Learned::new(&plan),
            seen: Seen::default(),
            summary: summary_of(&plan),
            meta: BundleMeta::default(),
            ready: VecDeque::new(),
            rejected: VecDeque::new(),
            keeps_duplicates: options.duplicates == Duplicates::Keep,
            pending: Vec::new(),
            wanted: options.batch_bytes,
            input: Input::default(),
            state: State::default(),
            before: Before::default(),
            plan,
            options,
        }
    }

    /// A decoder for pages that are pushed whole: one batch a table at the end of a page, duplicates left in for others
    /// to remove.
    pub(crate) fn for_whole_pages(plan: Arc<Plan>, mut options: Options) -> Self {
        options.batch_bytes = usize::MAX;
        Self {
            keeps_duplicates: true,
            ..Self::new(plan, options)
        }
    }

    /// Keeps the heads of the page's entries as well.
    #[cfg(feature = "search")]
    pub(crate) fn keep_heads(&mut self) {
        self.meta.heads = Some(Heads::default());
    }

    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }

    /// What became of the resources so far; counting begins again.
    pub(crate) fn take_summary(&mut self) -> Summary {
        std::mem::replace(&mut self.summary, summary_of(&self.plan))
    }

    /// Takes the next bytes of the page.
    ///
    /// # Errors
    /// What the bytes are found to be wanting in; the page cannot be gone on with, [`Decoder::abandon_page`] forgets it.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if bytes.starts_with(&[0x1f]) || self.input.is_compressed() {
            return bytes
                .chunks(COMPRESSED)
                .try_for_each(|piece| self.push_piece(piece));
        }
        self.push_piece(bytes)
    }

    fn push_piece(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut more = self.input.push(bytes, &mut self.pending).map(|()| true);
        loop {
            self.check_size()?;
            // What came before a fault of the compression is read all the same.
            if more.is_err() || self.pending.len() >= self.wanted {
                self.crack(false)?;
            }
            if !more? {
                return Ok(());
            }
            more = self.input.more(&mut self.pending);
        }
    }

    fn check_size(&self) -> Result<(), Error> {
        if self.before.bytes + self.pending.len() as u64 > self.options.limits.page_bytes {
            return Err(Error::new(ErrorKind::Limit(Limit::PageBytes)));
        }
        Ok(())
    }

    /// Ends the page: what it says about itself besides its resources.
    ///
    /// # Errors
    /// As [`Decoder::push`]; also if the page is not complete.
    pub fn end_page(&mut self) -> Result<BundleMeta, Error> {
        let whole = self.input.finish(&mut self.pending);
        self.check_size()?;
        self.crack(whole.is_ok())?;
        whole?;
        self.summary.pages += 1;
        self.reset();
        Ok(std::mem::take(&mut self.meta))
    }

    /// Forgets the rest of the page, so that another can follow. Rows handed out before stay handed out.
    pub fn abandon_page(&mut self) {
        self.rows.rollback();
        self.meta = BundleMeta::default();
        self.reset();
    }

    fn reset(&mut self) {
        self.pending.clear();
        self.wanted = self.options.batch_bytes;
        self.input = Input::default();
        self.state = State::default();
        self.before = Before::default();
    }

    /// The next batch with rows, of any table.
    pub fn next_batch(&mut self) -> Option<Batch> {
        self.next_numbered().map(|(_, batch)| batch)
    }

    /// The next batch and the number of its table in the plan.
    pub(crate) fn next_numbered(&mut self) -> Option<(usize, Batch)> {
        self.ready.pop_front()
    }

    /// The next part of a page that could not be read: a resource, or what else stands between two of them. With
    /// [`Faults::Refuse`] there is none.
    pub fn next_rejected(&mut self) -> Option<Rejected> {
        self.rejected.pop_front()
    }

    /// What became of the resources so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Cracks as much of the pending bytes as is complete.
    fn crack(&mut self, last: bool) -> Result<(), Error> {
        let (text, foreign, tail) = self.text(last)?;
        let (done, halt) = match self.format(&text, &foreign, last)? {
            Format::Json => self.crack_json(&text, &foreign, last),
            Format::Xml => self.crack_xml(&text, &foreign, last),
            Format::Unknown => (0, None),
        };
        let ended = matches!(
            self.state,
            State::Start | State::Json(json::State::Outside) | State::Xml(xml::State::Behind)
        );
        let (done, fault) = match halt {
            Some(Halt::More) if !last => (done, None),
            Some(halt) => (done, Some(halt.kind(text.len()))),
            None if last && !ended => (done, Some((ErrorKind::Truncated, text.len()))),
            None => (text.len(), None),
        };
        self.rows.rollback();
        let fault = fault.map(|(kind, at)| Error::new(kind).at(self.place(&text, at)));
        // Resources before the fault are rows already and counted as such.
        let handed_out = self.hand_out(text, done, &foreign, &tail, last);
        fault.map_or(handed_out, Err)
    }

    fn place(&self, text: &str, at: usize) -> Place {
        self.before.place(text.as_bytes().get(..at).unwrap_or_default())
    }

    /// What the page is, told by its first byte that is no blank.
    fn format(&mut self, text: &str, foreign: &[Foreign], last: bool) -> Result<Format, Error> {
        if self.state == State::Start {
            let rest = text.trim_ascii_start();
            self.state = match rest.as_bytes().first() {
                Some(b'{' | b'[') => State::Json(json::State::default()),
                Some(b'<') => State::Xml(xml::State::default()),
                Some(_) => {
                    let kind = match foreign {
                        [] => ErrorKind::Syntax("a JSON object or an XML document"),
                        _ => ErrorKind::Encoding,
                    };
                    return Err(Error::new(kind).at(self.place(text, text.len() - rest.len())));
                }
                None if last => State::Start,
                None => return Ok(Format::Unknown),
            };
        }
        Ok(match self.state {
            State::Start => Format::Unknown,
            State::Json(_) => Format::Json,
            State::Xml(_) => Format::Xml,
        })
    }

    /// The pending bytes as text, the bytes of it that are none, and the start of a character at their end.
    fn text(&mut self, last: bool) -> Result<(String, Vec<Foreign>, Vec<u8>), Error> {
        if self.pending.len() > Limits::CHUNK_BYTES {
            return Err(Error::new(ErrorKind::Limit(Limit::PageBytes)));
        }
        let pending = std::mem::take(&mut self.pending);
        let (text, foreign, tail) = decode(pending, self.options.foreign_bytes, last);
        if text.len() > Limits::CHUNK_BYTES {
            return Err(Error::new(ErrorKind::Limit(Limit::PageBytes)));
        }
        if self.options.faults == Faults::Refuse {
            let wrong = |f: &&Foreign| f.read_as(self.options.foreign_bytes).is_none();
            if let Some(first) = foreign.iter().find(wrong) {
                return Err(Error::new(ErrorKind::Encoding).at(self.place(&text, first.at as usize)));
            }
        }
        Ok((text, foreign, tail))
    }

    /// Makes batches of the rows so far, and keeps what is not cracked yet.
    fn hand_out(
        &mut self,
        mut text: String,
        done: usize,
        foreign: &[Foreign],
        tail: &[u8],
        last: bool,
    ) -> Result<(), Error> {
        let restored;
        let rest = if foreign.is_empty() {
            text.as_bytes().get(done..).unwrap_or_default()
        } else {
            restored = restore(&text, done, text.len(), foreign);
            &*restored
        };
        if rest.len() > self.options.limits.resource_bytes {
            let place = self.before.place(text.as_bytes().get(..done).unwrap_or_default());
            return Err(Error::new(ErrorKind::Limit(Limit::ResourceBytes)).at(place));
        }
        if !last {
            self.pending
                .reserve((2 * self.options.batch_bytes.min(1 << 24)).max(rest.len() * 3));
        }
        self.pending.extend_from_slice(rest);
        self.pending.extend_from_slice(tail);
        self.wanted = self.options.batch_bytes.max(rest.len().saturating_mul(2));
        if !last {
            self.before.add(text.as_bytes().get(..done).unwrap_or_default());
        }
        if self.rows.is_empty() {
            return Ok(());
        }
        text.truncate(done);
        for (number, mut batch) in self.rows.take(text, &self.plan).into_iter().enumerate() {
            if !self.keeps_duplicates {
                let removed = self.seen.remove_from(&mut batch, number);
                if let Some(summary) = self.summary.tables.get_mut(number) {
                    summary.rows -= removed;
                    summary.duplicates += removed;
                }
            }
            if batch.rows() > 0 {
                self.ready.push_back((number, batch));
            }
        }
        Ok(())
    }
}
