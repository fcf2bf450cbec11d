//! Requests that were answered in full: nothing else moves a watermark.

use std::time::UNIX_EPOCH;

use fhir_crack::search::Complete;
use jiff::Timestamp;

use super::requests::Request;

/// A request and, by being there, the proof that its answer was complete.
#[derive(Clone)]
pub(crate) struct Answered {
    request: Request,
    /// When the server answered, by its own clock (`Date`).
    date: Option<i64>,
    /// When it put the answer together (`Bundle.meta.lastUpdated`).
    updated: Option<i64>,
}

impl Answered {
    /// The proof comes from the search itself.
    pub(crate) fn new(request: Request, proof: &Complete) -> Self {
        Self {
            request,
            date: date(proof),
            updated: updated(proof),
        }
    }

    /// What was asked.
    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// Until when everything has come, in microseconds since 1970-01-01T00:00:00Z: the moment at which the run began, and no
    /// later than the server says that it answered. What changed behind that moment is asked for again.
    pub(crate) fn until(&self, run_began: i64) -> i64 {
        let said = self.date.into_iter().chain(self.updated);
        said.min().map_or(run_began, |at| at.min(run_began))
    }

    /// How much later than the server the run believes that it began, in microseconds; negative where it is earlier.
    pub(crate) fn ahead(&self, run_began: i64) -> Option<i64> {
        self.date.map(|at| run_began.saturating_sub(at))
    }
}

fn date(proof: &Complete) -> Option<i64> {
    let since = proof.begun()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

fn updated(proof: &Complete) -> Option<i64> {
    let at: Timestamp = proof.updated()?.trim().parse().ok()?;
    Some(at.as_microsecond())
}

/// Until when everything has come of what a run asked for as a whole.
pub(crate) fn until(answered: &[Answered], run_began: i64) -> i64 {
    let until = answered.iter().map(|answered| answered.until(run_began));
    until.min().unwrap_or(run_began)
}
