use std::collections::VecDeque;

use crate::Issue;
use crate::search::ask::target::Target;
use crate::search::envelope::Envelope;
use crate::search::error::Error;
use crate::search::paging::driver::Driver;
use crate::search::paging::part::{Part, Sums};
use crate::search::paging::pass::Pass;
use crate::search::paging::spool::{Past, PastPage};

/// Hands the pages that a spool kept over again, and finds where the search has to go on.
pub(crate) struct Replay {
    parts: VecDeque<Part>,
    past: VecDeque<PastPage>,
    complete: bool,
}

impl Replay {
    pub(crate) fn new(parts: VecDeque<Part>, past: Past) -> Replay {
        Replay {
            parts,
            past: past.pages.into(),
            complete: past.complete,
        }
    }

    /// Gives what is left to fetch; `None` where nobody listens any more.
    ///
    /// Pages are believed only as far as they follow one another without a gap and can still be read; the first one
    /// that cannot, and all behind it, are fetched again.
    pub(crate) async fn run(
        mut self,
        driver: &mut Driver,
        sums: &mut Sums,
    ) -> Result<Option<VecDeque<Part>>, Error> {
        let mut rest = VecDeque::new();
        while let Some(mut part) = self.parts.pop_front() {
            let mut pass = driver.pass();
            let mut target = Some(part.start.clone());
            while let Some(at) = &target
                && let Some((next, handed)) = self.page(driver, &part, &mut pass, at).await
            {
                if !handed {
                    return Ok(None);
                }
                target = next;
            }
            match target {
                // a part that ended short of its total is done again, as it would have been by the run that died
                None if self.complete || driver.check_total(&pass, false).is_ok() => sums.add(&pass),
                None => {
                    if let Some(journal) = driver.journal() {
                        journal.cut(part.number, 1).await?;
                    }
                    rest.push_back(part);
                }
                Some(target) => {
                    if let Some(journal) = driver.journal()
                        && !self.past.is_empty()
                    {
                        journal.cut(part.number, pass.pages + 1).await?;
                    }
                    if pass.pages > 0 {
                        part.progress = Some((target, pass));
                    }
                    rest.push_back(part);
                }
            }
            if !rest.is_empty() {
                rest.append(&mut self.parts);
            }
        }
        Ok(Some(rest))
    }

    /// Hands the part's next page over: where the page behind it is, and whether anybody listens. `None` where the
    /// spool has no such page.
    async fn page(
        &mut self,
        driver: &mut Driver,
        part: &Part,
        pass: &mut Pass,
        at: &Target,
    ) -> Option<(Option<Target>, bool)> {
        let found = self.past.front()?;
        if found.part != part.number || found.page != pass.pages + 1 {
            return None;
        }
        let bytes = driver.journal()?.load(found).await?;
        let (format, envelope) = Envelope::read(&bytes)?;
        if envelope.is_cut || !Issue::codes(&envelope.issues).is_empty() {
            // not the whole answer, so it is asked for again
            return None;
        }
        let found = self.past.pop_front()?;
        pass.enter(at).ok()?;
        pass.take(&envelope, driver.search.resource());
        driver.notice(&envelope, found.date, pass.pages == 1);
        let handed = driver.hand_over(bytes, format, &envelope).await;
        Some((found.next, handed))
    }
}
