use std::collections::VecDeque;

use reqwest::Url;

use crate::Issue;
use crate::search::ask::query::Search;
use crate::search::ask::server::Server;
use crate::search::envelope::page::Format;
use crate::search::envelope::{Envelope, Root};
use crate::search::error::{Error, ErrorKind, Fault};
use crate::search::url::link::{NextUrl, is_post, merge, resolve};
use crate::search::wire::call::{Call, Reply};

/// Where and how a page is asked for.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target {
    pub(crate) url: Url,
    /// The form of a POST; `None` for GET.
    pub(crate) form: Option<String>,
    /// The query of the paging link that the form was made of.
    pub(crate) query: Option<String>,
}

impl Target {
    pub(crate) fn get(url: Url) -> Target {
        Target {
            url,
            form: None,
            query: None,
        }
    }

    pub(crate) fn post(url: Url, form: String) -> Target {
        Target {
            url,
            form: Some(form),
            query: None,
        }
    }

    /// The link that leads to this page, absolute, so that it can be followed from anywhere.
    pub(crate) fn into_link(mut self) -> NextUrl {
        if self.form.is_some() {
            self.url.set_query(self.query.as_deref());
        }
        NextUrl::new(self.url)
    }

    /// The same page by GET, for a server that gives `_search` links and refuses POST on them.
    pub(crate) fn into_get(mut self) -> Target {
        let query = self.query.or(self.form);
        self.url.set_query(query.as_deref());
        Target::get(self.url)
    }

    /// The requests that begin a search: one, or several GETs where an id list is too long for one URL.
    pub(crate) fn starts(search: &Search, server: &Server) -> VecDeque<Target> {
        let options = &server.transport.options;
        if search.wants_post(&options.endpoint, options.limits.url_bytes)
            && !server.refuses_post(search.resource())
        {
            let (url, form) = search.post_form(&options.endpoint);
            return VecDeque::from([Target::post(url, form)]);
        }
        Target::gets(search, server)
    }

    /// The same by GET, for a server that refuses POST.
    pub(crate) fn gets(search: &Search, server: &Server) -> VecDeque<Target> {
        let options = &server.transport.options;
        let urls = search.get_urls(
            &options.endpoint,
            options.limits.url_bytes,
            options.limits.url_reserve,
        );
        urls.into_iter().map(Target::get).collect()
    }

    /// The request that a paging link asks for, after the guard of origins; `form` is that of the first request.
    pub(crate) fn of_link(
        link: &str,
        current: &Url,
        form: Option<&str>,
        search: &Search,
        server: &Server,
    ) -> Result<Target, ErrorKind> {
        let options = &server.transport.options;
        let url = resolve(link, current, &options.endpoint)?;
        let url = server.admit(url, search.resource())?;
        if is_post(&url) && !server.refuses_post(search.resource()) {
            let query = url.query().map(str::to_owned);
            let (url, form) = merge(form.unwrap_or_default(), &url);
            return Ok(Target {
                url,
                form: Some(form),
                query,
            });
        }
        Ok(Target::get(url))
    }

    pub(crate) fn call(&self, accept: &'static str) -> Call {
        match &self.form {
            Some(form) => Call::post(self.url.clone(), form.clone(), accept),
            None => Call::get(self.url.clone(), accept),
        }
    }
}

/// Reads an answer that has to be a Bundle.
///
/// Entries that cannot be read are the cracker's to set aside; an end that is missing may come when the page is asked for
/// again. An outcome entry of severity error says that the server could not answer in full, so it counts as a failure.
pub(crate) fn bundle(reply: &Reply) -> Result<(Format, Envelope), Fault> {
    reply.success()?;
    let read = Envelope::read(&reply.body).filter(|(_, envelope)| !envelope.is_cut);
    let Some((format, envelope)) = read else {
        return Err(Fault::transient(ErrorKind::Malformed));
    };
    let codes = Issue::codes(&envelope.issues);
    match envelope.root {
        Root::Bundle if codes.is_empty() => Ok((format, envelope)),
        Root::Resource(_) => Err(Fault::transient(ErrorKind::Malformed)),
        Root::Bundle | Root::OperationOutcome => {
            let mut fault = Fault::fatal(ErrorKind::Outcome).with_issues(codes);
            fault.retry = Issue::may_pass(&envelope.issues);
            Err(fault)
        }
    }
}

/// Reads a Bundle that holds resources although an outcome among its entries says that it is not all, or although its end is
/// missing.
pub(crate) fn partial(reply: &Reply) -> Option<(Format, Envelope)> {
    reply.success().ok()?;
    Envelope::read(&reply.body)
        .filter(|(_, envelope)| envelope.root == Root::Bundle && envelope.entries > envelope.unread)
}

/// Whether the answer to a POST says that this server wants searches by GET.
pub(crate) fn refuses_post(error: &Error) -> bool {
    matches!(error.status(), Some(403 | 404 | 405 | 501)) || error.issues().contains(&"not-supported")
}
