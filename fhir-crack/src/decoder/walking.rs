//! The walk over the pending bytes of a page, unit by unit, and over what of it cannot be read.

use super::{Decoder, State};
use crate::error::{Error, Limit};
use crate::foreign::{Foreign, restore};
use crate::halt::Halt;
use crate::json;
use crate::options::Faults;
use crate::rejected::{Rejected, Resume};
use crate::work::Work;
use crate::xml;

impl Decoder {
    /// Cracks units of a JSON page as long as there are whole ones, and sets aside those that cannot be read.
    pub(super) fn crack_json(
        &mut self,
        text: &str,
        foreign: &[Foreign],
        last: bool,
    ) -> (usize, Option<Halt>) {
        let mut done = 0;
        loop {
            let Some(halt) = self.walk_json(text, foreign, &mut done) else {
                return (done, None);
            };
            let State::Json(state) = self.state else {
                return (done, Some(halt));
            };
            if !self.sets_aside(halt, last || state == json::State::Outside) {
                return (done, Some(halt));
            }
            match json::resume(state, text, done, last) {
                Resume::Wait => return (done, Some(Halt::More)),
                Resume::At {
                    begin,
                    end,
                    pos,
                    state,
                } => {
                    self.set_aside(text, begin, end, halt, foreign);
                    self.state = State::Json(state);
                    done = pos;
                }
            }
        }
    }

    fn walk_json(&mut self, text: &str, foreign: &[Foreign], done: &mut usize) -> Option<Halt> {
        let State::Json(mut state) = self.state else {
            return None;
        };
        let mut scan = json::Scan::new(text, *done);
        let mut work = Work {
            plan: &self.plan,
            options: &self.options,
            rows: &mut self.rows,
            learned: &mut self.learned_json,
            summary: &mut self.summary,
            meta: &mut self.meta,
            foreign,
            from: *done,
        };
        let mut untyped = None;
        let halt = loop {
            let before = work.summary.no_type;
            match json::step(&mut state, &mut scan, &mut work) {
                Ok(true) => {
                    if work.summary.no_type > before {
                        untyped.get_or_insert(work.from);
                    }
                    self.state = State::Json(state);
                    *done = scan.pos;
                    work.from = scan.pos;
                }
                Ok(false) => break None,
                Err(halt) => break Some(halt),
            }
        };
        if let (Some(from), None) = (untyped, self.summary.first_without_type) {
            let rest = text.get(from..).unwrap_or_default();
            let begin = rest.trim_start_matches([' ', '\n', '\r', '\t', ',', '\u{feff}']);
            let at = from + rest.len() - begin.len();
            self.summary.first_without_type = Some(self.place(text, at));
        }
        halt
    }

    /// The same of an XML page.
    pub(super) fn crack_xml(&mut self, text: &str, foreign: &[Foreign], last: bool) -> (usize, Option<Halt>) {
        let mut done = 0;
        loop {
            let Some(halt) = self.walk_xml(text, foreign, &mut done) else {
                return (done, None);
            };
            let State::Xml(state) = self.state else {
                return (done, Some(halt));
            };
            if !self.sets_aside(halt, last) {
                return (done, Some(halt));
            }
            match xml::resume(state, text, done, last) {
                Resume::Wait => return (done, Some(Halt::More)),
                Resume::At {
                    begin,
                    end,
                    pos,
                    state,
                } => {
                    self.set_aside(text, begin, end, halt, foreign);
                    self.state = State::Xml(state);
                    done = pos;
                }
            }
        }
    }

    fn walk_xml(&mut self, text: &str, foreign: &[Foreign], done: &mut usize) -> Option<Halt> {
        let State::Xml(mut state) = self.state else {
            return None;
        };
        let mut scan = xml::Scan::new(text, *done);
        let mut work = Work {
            plan: &self.plan,
            options: &self.options,
            rows: &mut self.rows,
            learned: &mut self.learned_xml,
            summary: &mut self.summary,
            meta: &mut self.meta,
            foreign,
            from: *done,
        };
        loop {
            match xml::step(&mut state, &mut scan, &mut work) {
                Ok(true) => {
                    self.state = State::Xml(state);
                    *done = scan.pos;
                    work.from = scan.pos;
                }
                Ok(false) => return None,
                Err(halt) => return Some(halt),
            }
        }
    }

    /// Whether the page goes on behind what stopped the walk. `More` is a fault only where `may_end`: no bytes follow, or
    /// the line after shows that it was cut.
    fn sets_aside(&self, halt: Halt, may_end: bool) -> bool {
        self.options.faults == Faults::SetAside
            && match halt {
                Halt::More => may_end,
                // What is wrong is the plan, or the page as a whole.
                Halt::Shared(_) | Halt::Limit(Limit::PageBytes | Limit::Columns, _) => false,
                _ => true,
            }
    }

    /// Keeps the part of the page from `begin` to `end`, which could not be read.
    fn set_aside(&mut self, text: &str, begin: usize, end: usize, halt: Halt, foreign: &[Foreign]) {
        self.rows.rollback();
        let (kind, at) = halt.kind(text.len());
        // A line that was cut is found out in the next one.
        let part = text.as_bytes().get(begin..end).unwrap_or_default();
        let behind = begin + part.trim_ascii_end().len();
        let reason = Error::new(kind).at(self.place(text, at.clamp(begin, behind)));
        let bytes = restore(text, begin, end, foreign);
        let place = self.place(text, begin);
        self.rejected.push_back(Rejected::new(place, reason, bytes));
        self.meta.is_cut |= text.get(end..).is_none_or(|rest| rest.trim_ascii().is_empty());
        self.summary.entries += 1;
        self.summary.rejected += 1;
    }
}
