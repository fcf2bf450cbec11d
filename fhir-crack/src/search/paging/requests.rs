use std::collections::HashSet;
use std::sync::Arc;

use crate::Issue;
use crate::search::ask::capability::Capability;
use crate::search::ask::query::Search;
use crate::search::ask::server::Server;
use crate::search::ask::target::{Target, bundle, refuses_post};
use crate::search::complete::Step;
use crate::search::envelope::page::{Format, Page};
use crate::search::envelope::{Envelope, Root};
use crate::search::error::{Error, ErrorKind, Fault};
use crate::search::paging::driver::Origin;
use crate::search::paging::pages::Pages;
use crate::search::wire::call::{Call, Reply};

/// What a server has under an id.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reading {
    /// The resource; [`Page::bytes`] holds it, and not a bundle.
    Found(Page),
    /// The server never had it (404), or does not say that it had.
    Missing,
    /// The server had it and it was deleted (410).
    Deleted,
}

pub(crate) async fn count(server: &Server, search: Search) -> Result<u64, Error> {
    if search.is_void() {
        return Ok(0);
    }
    let search = search.param("_summary", "count");
    let place = server.place(search.resource());
    let accept = server.transport.options.format.media_type();
    let mut sum = 0;
    let mut targets = Target::starts(&search, server);
    while let Some(target) = targets.pop_front() {
        match server
            .transport
            .exchange(&target.call(accept), &place, bundle)
            .await
        {
            Ok((_, (_, envelope))) => {
                sum += envelope
                    .total
                    .ok_or_else(|| Error::new(ErrorKind::Malformed).at(&place))?;
            }
            Err(error) if target.form.is_some() && refuses_post(&error) => {
                server.refuse_post(search.resource());
                targets = Target::gets(&search, server);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

pub(crate) async fn ids(server: &Arc<Server>, search: Search) -> Result<Vec<String>, Error> {
    let resource = search.resource().to_owned();
    let search = if search.has_param("_count") {
        search
    } else {
        search.count(500)
    };
    let mut pages = Pages::start(server, search.elements(["id"]), Origin::Start);
    let mut ids = Vec::new();
    let mut seen = HashSet::new();
    loop {
        let page = match pages.next().await? {
            Step::Page(page) => page,
            Step::Complete(_) | Step::Limited(_) => return Ok(ids),
        };
        let (_, envelope) = Envelope::read(&page.bytes)
            .ok_or_else(|| Error::new(ErrorKind::Malformed).at(&server.place(&resource)))?;
        for head in envelope.resources {
            if head.is_match(&resource) && !head.id.is_empty() && seen.insert(head.id.clone()) {
                ids.push(head.id);
            }
        }
    }
}

pub(crate) async fn read(server: &Server, resource: &str, id: &str) -> Result<Reading, Error> {
    if !is_id(id) || resource.is_empty() || !resource.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(Error::configuration(
            "a resource type or id has characters that FHIR does not allow",
        ));
    }
    let options = &server.transport.options;
    let url = options.endpoint.below(&format!("{resource}/{id}"));
    let place = server.place(resource);
    let call = Call::get(url, options.format.media_type());
    let (reply, found) = server
        .transport
        .exchange(&call, &place, |reply| one(reply, resource))
        .await?;
    Ok(match found {
        Some(format) => Reading::Found(Page {
            number: 1,
            bytes: reply.body,
            format,
            entries: 0,
            total: None,
        }),
        None if reply.status == 410 => Reading::Deleted,
        None => Reading::Missing,
    })
}

pub(crate) async fn capability(server: &Server) -> Result<Capability, Error> {
    let call = Call::get(
        server.transport.options.endpoint.below("metadata"),
        Format::Json.media_type(),
    );
    let place = server.place("metadata");
    let read = |reply: &Reply| match one(reply, "CapabilityStatement")? {
        Some(format) => {
            let mut capability = Capability::read(&reply.body, format)
                .ok_or_else(|| Fault::transient(ErrorKind::Malformed))?;
            capability.answered_at = reply.date();
            Ok(capability)
        }
        None => Err(Fault::fatal(ErrorKind::Status(reply.status))),
    };
    let (_, capability) = server.transport.exchange(&call, &place, read).await?;
    server.learn(&capability);
    Ok(capability)
}

/// Reads an answer that has to be one resource; `None` for 404 and 410.
fn one(reply: &Reply, resource: &str) -> Result<Option<Format>, Fault> {
    if matches!(reply.status, 404 | 410) {
        return Ok(None);
    }
    reply.success()?;
    match Envelope::read(&reply.body) {
        Some((
            format,
            Envelope {
                root: Root::Resource(name),
                ..
            },
        )) if name == resource => Ok(Some(format)),
        Some((
            format,
            Envelope {
                root: Root::Bundle, ..
            },
        )) if resource == "Bundle" => Ok(Some(format)),
        Some((
            _,
            Envelope {
                root: Root::OperationOutcome,
                issues,
                ..
            },
        )) => {
            let mut fault = Fault::fatal(ErrorKind::Outcome).with_issues(Issue::codes(&issues));
            fault.retry = Issue::may_pass(&issues);
            Err(fault)
        }
        _ => Err(Fault::transient(ErrorKind::Malformed)),
    }
}

/// The data type id of FHIR R4: letters, digits, `-` and `.`. Servers with longer ids exist, so length is free.
fn is_id(id: &str) -> bool {
    !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && !id.bytes().all(|byte| byte == b'.')
}
