use std::io::{self, Read};
use std::sync::Arc;

use fhir_melt::arrow::{Input, Source};
use memchr::{memchr_iter, memrchr_iter};
use sql_on_fhir::{Error, ErrorKind, Format, Run, RunOptions, Views};

use crate::errors::Failure;
use crate::rejected::Rejected;
use crate::view::failed;

/// Views over inputs not all of which can be read: what can be gives rows, the rest is listed.
pub(crate) struct Collecting<'v> {
    views: &'v Views,
    rejected: Rejected,
    /// Pieces behind the first of their page, which the run takes for pages.
    pieces: u64,
}

/// Bytes of a piece of bulk data, about, and of a page that is held while its faults are looked for.
const PIECE: usize = 1 << 20;

impl<'v> Collecting<'v> {
    pub(crate) fn new(views: &'v Views) -> Self {
        Self {
            views,
            rejected: Rejected::default(),
            pieces: 0,
        }
    }

    /// What was rejected, and how many pages the run counted too many.
    pub(crate) fn end(self) -> (Rejected, u64) {
        (self.rejected, self.pieces)
    }

    pub(crate) fn input(&mut self, run: &mut Run<'_>, input: Input) -> Result<(), Failure> {
        match input.source {
            Source::Broken(_) => self.rejected.broken(&input.name),
            Source::Reader(reader) => self.page(run, &input.name, reader)?,
            Source::Values(values) => {
                for (row, value) in values.iter() {
                    self.piece(run, &format!("row {row}").into(), value, (0, 0))?;
                }
            }
        }
        Ok(())
    }

    /// A page, whole if it is small, else in pieces if they can be told apart. A run names the first fault of what it reads
    /// at a time and counts the others.
    fn page(
        &mut self,
        run: &mut Run<'_>,
        name: &Arc<str>,
        mut from: Box<dyn Read + Send>,
    ) -> Result<(), Failure> {
        let (mut held, mut behind) = (Vec::new(), (0, 0));
        loop {
            let wanted = PIECE.saturating_sub(held.len()).max(PIECE / 2) as u64;
            let read = from.by_ref().take(wanted).read_to_end(&mut held);
            match read {
                Err(error) => {
                    let begun = held.as_slice().chain(Failing(Some(error)));
                    return self.told(run.read(begun), name, behind, None);
                }
                Ok(read) if (read as u64) < wanted => {
                    if held.is_empty() && behind.0 > 0 {
                        return Ok(());
                    }
                    return self.piece(run, name, &held, behind);
                }
                Ok(_) => {}
            }
            let Some(end) = boundary(&held) else {
                let rest = held.as_slice().chain(from);
                return self.told(run.read(rest), name, behind, None);
            };
            self.piece(run, name, &held[..end], behind)?;
            behind.0 += end as u64;
            behind.1 += line_ends(&held[..end]);
            held.drain(..end);
        }
    }

    fn piece(
        &mut self,
        run: &mut Run<'_>,
        name: &Arc<str>,
        bytes: &[u8],
        behind: (u64, u64),
    ) -> Result<(), Failure> {
        self.told(run.read(bytes), name, behind, Some(bytes))
    }

    /// Lists what a run set aside of a piece; `held` are its bytes.
    fn told(
        &mut self,
        read: Result<(), Error>,
        name: &Arc<str>,
        behind: (u64, u64),
        held: Option<&[u8]>,
    ) -> Result<(), Failure> {
        let is_further = u64::from(behind.0 > 0);
        let Err(error) = read else {
            self.pieces += is_further;
            return Ok(());
        };
        match error.kind() {
            ErrorKind::SetAside { parts, first } => {
                self.pieces += is_further;
                let lines = held.filter(|_| *parts > 1);
                if !lines.is_some_and(|bytes| self.each_line(name, bytes, behind, *parts)) {
                    self.rejected.fault(name, first, behind);
                    self.rejected.further(name, parts - 1);
                }
                Ok(())
            }
            ErrorKind::Input(fault) => {
                self.rejected.fault(name, fault, behind);
                Ok(())
            }
            ErrorKind::Read(_) => {
                self.rejected.broken(name);
                Ok(())
            }
            _ => Err(failed(name)(error)),
        }
    }

    /// Lists the lines that are set aside each when read alone; `false`, and none listed, if they are not that many.
    fn each_line(&mut self, name: &Arc<str>, bytes: &[u8], mut behind: (u64, u64), parts: u64) -> bool {
        let mut options = RunOptions::default();
        options.format = Format::Csv;
        let Ok(mut alone) = Run::new(self.views, options, &mut |_| Ok(Box::new(io::sink()))) else {
            return false;
        };
        let mut found = Vec::new();
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if let Err(error) = alone.read(line)
                && matches!(error.kind(), ErrorKind::SetAside { .. } | ErrorKind::Input(_))
            {
                found.push((error, behind));
            }
            behind = (behind.0 + line.len() as u64, behind.1 + 1);
        }
        if found.len() as u64 != parts {
            return false;
        }
        for (error, behind) in &found {
            if let ErrorKind::SetAside { first: fault, .. } | ErrorKind::Input(fault) = error.kind() {
                self.rejected.fault(name, fault, *behind);
            }
        }
        true
    }
}

/// The rest of an input that cannot be read to its end.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn line_ends(bytes: &[u8]) -> u64 {
    memchr_iter(b'\n', bytes).count() as u64
}

/// Behind the last line end between two resources in JSON: inside of one a comma would stand between its braces.
fn boundary(bytes: &[u8]) -> Option<usize> {
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let mut ends = memrchr_iter(b'\n', bytes);
    ends.find(|&at| {
        bytes[..at].trim_ascii_end().ends_with(b"}") && bytes[at + 1..].trim_ascii_start().starts_with(b"{")
    })
    .map(|at| at + 1)
}
