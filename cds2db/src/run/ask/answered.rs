//! Requests that were answered in full: nothing else moves a watermark.

use fhir_crack::search::Complete;

use super::requests::Request;

/// A request and, by being there, the proof that its answer was complete.
#[derive(Clone)]
pub(crate) struct Answered(Request);

impl Answered {
    /// The proof comes from the search itself.
    pub(crate) fn new(request: Request, _proof: &Complete) -> Self {
        Self(request)
    }

    /// What was asked.
    pub(crate) fn request(&self) -> &Request {
        &self.0
    }
}
