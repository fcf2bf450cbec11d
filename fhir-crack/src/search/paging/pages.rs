use std::sync::Arc;

use futures_util::stream::{self, Stream, StreamExt};
use tokio::sync::mpsc;

use crate::search::ask::query::Search;
use crate::search::ask::server::Server;
use crate::search::complete::{Complete, Step};
use crate::search::envelope::page::Page;
use crate::search::error::{Error, ErrorKind, Place};
use crate::search::paging::driver::{Driver, Origin};
use crate::search::paging::outlet::{Message, Outlet};
use crate::search::paging::task::Task;

/// The pages of one search, fetched ahead of the caller; dropping it ends the search.
pub struct Pages {
    messages: mpsc::Receiver<Message>,
    place: Place,
    end: Option<Step>,
    _task: Task<()>,
}

/// The pages of several searches that run together, in the order they arrive; within a search their order is kept.
/// Dropping it ends all of them.
pub struct ManyPages {
    messages: mpsc::Receiver<Message>,
    open: usize,
    place: Place,
    _task: Task<()>,
}

/// What several searches gave next.
#[derive(Debug)]
#[non_exhaustive]
pub enum ManyStep {
    /// One more page of the search with this number, counted from 0.
    Page {
        /// Number of the search.
        search: usize,
        /// The page.
        page: Page,
    },
    /// The search with this number ended, complete or limited or with an error; the others go on.
    Ended {
        /// Number of the search.
        search: usize,
        /// Its end; never `Step::Page`.
        end: Result<Step, Error>,
    },
}

impl Pages {
    pub(crate) fn start(server: &Arc<Server>, search: Search, origin: Origin) -> Pages {
        let (outlet, messages) = Outlet::new(&server.transport.options.limits);
        let place = server.place(search.resource());
        let driver = Driver::new(Arc::clone(server), search, None, outlet);
        Pages {
            messages,
            place,
            end: None,
            _task: Task::spawn(driver.run(origin)),
        }
    }

    /// The next page, or the search's end; at the end the same step is given again.
    ///
    /// # Errors
    /// The search is incomplete; the error names the page that could not be had and what had arrived. Asked once
    /// more after an error, [`ErrorKind::Ended`].
    pub async fn next(&mut self) -> Result<Step, Error> {
        match &self.end {
            Some(Step::Complete(complete)) => return Ok(Step::Complete(complete.clone())),
            Some(Step::Limited(limited)) => return Ok(Step::Limited(limited.clone())),
            _ => {}
        }
        let Some(message) = self.messages.recv().await else {
            return Err(Error::new(ErrorKind::Ended).at(&self.place));
        };
        match message.step {
            Ok(Step::Page(page)) => return Ok(Step::Page(page)),
            Ok(Step::Complete(ref complete)) => self.end = Some(Step::Complete(complete.clone())),
            Ok(Step::Limited(ref limited)) => self.end = Some(Step::Limited(limited.clone())),
            Err(_) => self.messages.close(),
        }
        message.step
    }

    /// The steps as a stream that ends behind the search's end or its error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Step, Error>> {
        stream::unfold(Some(self), |pages| async {
            let mut pages = pages?;
            let step = pages.next().await;
            let more = matches!(step, Ok(Step::Page(_)));
            Some((step, more.then_some(pages)))
        })
    }

    /// All pages at once, for small searches.
    ///
    /// # Errors
    /// As [`next`](Pages::next); a search cut short by its own limit of pages is [`ErrorKind::TooManyPages`].
    pub async fn collect(mut self) -> Result<(Vec<Page>, Complete), Error> {
        let mut pages = Vec::new();
        loop {
            match self.next().await? {
                Step::Page(page) => pages.push(page),
                Step::Complete(complete) => return Ok((pages, complete)),
                Step::Limited(_) => return Err(Error::new(ErrorKind::TooManyPages).at(&self.place)),
            }
        }
    }
}

impl ManyPages {
    pub(crate) fn start(server: &Arc<Server>, searches: Vec<(Search, Origin)>) -> ManyPages {
        let limits = server.transport.options.limits;
        let (outlet, messages) = Outlet::new(&limits);
        let open = searches.len();
        let place = server.place(searches.first().map_or("", |(search, _)| search.resource()));
        let lanes = usize::try_from(limits.lanes.max(1)).unwrap_or(usize::MAX);
        let server = Arc::clone(server);
        let work = async move {
            stream::iter(searches.into_iter().enumerate())
                .map(|(index, (search, origin))| {
                    Driver::new(Arc::clone(&server), search, Some(index), outlet.clone()).run(origin)
                })
                .buffer_unordered(lanes)
                .collect::<()>()
                .await;
        };
        ManyPages {
            messages,
            open,
            place,
            _task: Task::spawn(work),
        }
    }

    /// The next page or the next end of a search; `None` when all searches have ended.
    ///
    /// # Errors
    /// Only if the task behind it is gone before all searches have ended; failures of single searches are
    /// [`ManyStep::Ended`].
    pub async fn next(&mut self) -> Result<Option<ManyStep>, Error> {
        if self.open == 0 {
            return Ok(None);
        }
        let Some(message) = self.messages.recv().await else {
            return Err(Error::new(ErrorKind::Ended).at(&self.place));
        };
        let search = message.search;
        match message.step {
            Ok(Step::Page(page)) => Ok(Some(ManyStep::Page { search, page })),
            end => {
                self.open -= 1;
                Ok(Some(ManyStep::Ended { search, end }))
            }
        }
    }
}
