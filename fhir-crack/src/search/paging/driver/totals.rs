//! Whether what a walk brought is what the server announced.

use super::Driver;
use crate::search::error::{Error, ErrorKind};
use crate::search::paging::pass::Pass;
use crate::search::paging::requests;

impl Driver {
    /// Whether a total that was not reached is wrong: a second walk brought the very resources of the first, and the server
    /// counts no more of them when it is asked for their number alone. If it does count more, a third walk would bring
    /// nothing new either.
    pub(super) async fn is_total_wrong(&mut self, pass: &Pass) -> bool {
        let brought = pass.brought();
        if self.short.replace(brought) != Some(brought) || self.search.resource().contains('/') {
            return false;
        }
        self.is_settled = true;
        let received = pass.matches();
        let counted = requests::count(&self.server, self.search.clone()).await;
        let is_wrong = counted.is_ok_and(|counted| counted <= received);
        if is_wrong {
            self.notes.total_is_wrong = true;
            tracing::warn!(resource = %self.place.resource, received, "the server's total is too large");
        }
        is_wrong
    }

    /// A walk that has not begun.
    pub(crate) fn pass(&self) -> Pass {
        Pass::new(self.hasher.clone())
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
}
