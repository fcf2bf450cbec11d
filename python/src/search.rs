use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Mutex, PoisonError};

use fhir_crack::search::{Auth, Client, ClientOptions, Complete, Error, Search as Asked, Secret, Step};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::raise;
use crate::watch::TICK;

/// The pages of a search as they come; at the end the search is complete, or an exception says what is missing.
#[pyclass(frozen, module = "fhirtab._native")]
pub(crate) struct Search {
    state: Mutex<State>,
    /// Its tasks end with it.
    _runtime: Runtime,
}

struct State {
    coming: Receiver<Result<Step, Error>>,
    complete: Option<Complete>,
    pages: u64,
}

struct Runtime(Option<tokio::runtime::Runtime>);

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Credentials and bounds of a search.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Access {
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    count: Option<u32>,
    max_pages: Option<u32>,
}

/// Pages that wait until they are asked for.
const AHEAD: usize = 2;

fn failed(py: Python<'_>, error: &Error) -> PyErr {
    raise(py, "SearchError", &error.to_string(), |with| {
        let received = error.received();
        with.set_item("page", error.place().page)?;
        with.set_item("pages", received.pages)?;
        with.set_item("entries", received.entries)?;
        with.set_item("status", error.status())
    })
}

#[pymethods]
impl Search {
    #[new]
    fn new(
        py: Python<'_>,
        server: &str,
        resource: &str,
        parameters: Vec<(String, String)>,
        access: Access,
    ) -> PyResult<Self> {
        let Access {
            user,
            password,
            token,
            count,
            max_pages,
        } = access;
        let mut options = ClientOptions::new(server).map_err(|error| failed(py, &error))?;
        if let Some(token) = token {
            options = options.auth(Auth::Bearer(Secret::new(token)));
        } else if let Some(user) = user {
            let password = Secret::new(password.unwrap_or_default());
            options = options.auth(Auth::Basic { user, password });
        }
        let mut search = Asked::new(resource);
        for (name, value) in parameters {
            search = search.param(name, value);
        }
        if let Some(count) = count {
            search = search.count(count);
        }
        if let Some(pages) = max_pages {
            search = search.max_pages(pages);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let client = Client::new(options).map_err(|error| failed(py, &error))?;
        let (send, coming) = sync_channel(AHEAD);
        runtime.spawn(async move {
            let mut pages = client.search(search);
            loop {
                let step = pages.next().await;
                let more = matches!(step, Ok(Step::Page(_)));
                let sent = tokio::task::block_in_place(|| send.send(step));
                if sent.is_err() || !more {
                    return;
                }
            }
        });
        Ok(Self {
            state: Mutex::new(State {
                coming,
                complete: None,
                pages: 0,
            }),
            _runtime: Runtime(Some(runtime)),
        })
    }

    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyBytes>>> {
        loop {
            let next = py.detach(|| {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.coming.recv_timeout(TICK)
            });
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match next {
                Ok(Ok(Step::Page(page))) => {
                    state.pages += 1;
                    return Ok(Some(PyBytes::new(py, &page.bytes)));
                }
                Ok(Ok(Step::Complete(complete))) => {
                    state.complete = Some(complete);
                    return Ok(None);
                }
                Ok(Ok(_)) => return Err(cut_short(py, state.pages)),
                Ok(Err(error)) => return Err(failed(py, &error)),
                Err(RecvTimeoutError::Timeout) => {
                    drop(state);
                    py.check_signals()?;
                }
                Err(RecvTimeoutError::Disconnected) if state.complete.is_some() => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(cut_short(py, state.pages)),
            }
        }
    }

    /// What is known once the search has come to its end: pages, entries, matches and total; before that `None`.
    #[getter]
    fn complete<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(complete) = &state.complete else {
            return Ok(None);
        };
        let told = PyDict::new(py);
        told.set_item("pages", complete.pages())?;
        told.set_item("entries", complete.entries())?;
        told.set_item("matches", complete.matches())?;
        told.set_item("bytes", complete.bytes())?;
        told.set_item("total", complete.total())?;
        told.set_item("restarts", complete.restarts())?;
        told.set_item("ignored", complete.ignored().to_vec())?;
        Ok(Some(told))
    }
}

fn cut_short(py: Python<'_>, pages: u64) -> PyErr {
    let text = format!("the search has ended before it was complete: {pages} pages had come");
    raise(py, "SearchError", &text, |with| with.set_item("pages", pages))
}
