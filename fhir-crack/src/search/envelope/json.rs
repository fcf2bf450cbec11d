use super::scan::Scan;
use super::{Envelope, Mode, ResourceHead, Root};
use crate::search::issue::Issue;

/// Walks a Bundle or OperationOutcome once and reads the few members paging needs.
pub(super) fn read(body: &[u8]) -> Option<Envelope> {
    let mut scan = Scan::new(body);
    let mut envelope = Envelope::default();
    scan.object(|scan, name| {
        match name {
            b"resourceType" => envelope.root = Root::of(&scan.text()?),
            b"total" => envelope.total = scan.text()?.parse().ok(),
            b"link" => scan.items(|scan| link(scan, &mut envelope))?,
            b"entry" => scan.items(|scan| entry(scan, &mut envelope))?,
            b"issue" => issues(scan, &mut envelope.issues)?,
            _ => scan.skip()?,
        }
        Some(())
    })?;
    scan.is_at_end().then_some(envelope)
}

/// Takes a link; relation and URL may stand in arrays.
fn link(scan: &mut Scan<'_>, envelope: &mut Envelope) -> Option<()> {
    let (mut relation, mut url) = (String::new(), String::new());
    scan.object(|scan, name| {
        let wanted = match name {
            b"relation" => &mut relation,
            b"url" => &mut url,
            _ => return scan.skip(),
        };
        scan.items(|scan| {
            let text = scan.text()?;
            if wanted.is_empty() {
                *wanted = text;
            }
            Some(())
        })
    })?;
    envelope.set_link(&relation, url);
    Some(())
}

fn entry(scan: &mut Scan<'_>, envelope: &mut Envelope) -> Option<()> {
    envelope.entries += 1;
    let mut head = None;
    let mut mode = Mode::Absent;
    let mut found = Vec::new();
    scan.object(|scan, name| {
        match name {
            b"resource" => head = Some(resource(scan, &mut found)?),
            b"search" => scan.object(|scan, name| {
                match name {
                    b"mode" => mode = Mode::read(&scan.text()?),
                    _ => scan.skip()?,
                }
                Some(())
            })?,
            _ => scan.skip()?,
        }
        Some(())
    })?;
    if let Some(head) = head {
        if head.resource == "OperationOutcome" {
            envelope.issues.append(&mut found);
        }
        envelope.resources.push(ResourceHead { mode, ..head });
    }
    Some(())
}

/// Type and id of a resource, and what would be its issues if it is an OperationOutcome.
fn resource(scan: &mut Scan<'_>, found: &mut Vec<Issue>) -> Option<ResourceHead> {
    let mut head = ResourceHead::default();
    scan.object(|scan, name| {
        match name {
            b"resourceType" => head.resource = scan.text()?,
            b"id" => head.id = scan.text()?,
            b"issue" => issues(scan, found)?,
            _ => scan.skip()?,
        }
        // nothing more is asked of a resource that is known by type and id
        if head.id.is_empty() || head.resource.is_empty() || head.resource == "OperationOutcome" {
            return Some(());
        }
        scan.skip_members()
    })?;
    Some(head)
}

fn issues(scan: &mut Scan<'_>, found: &mut Vec<Issue>) -> Option<()> {
    scan.array(|scan| {
        let (mut severity, mut code) = (String::new(), String::new());
        scan.object(|scan, name| {
            match name {
                b"severity" => severity = scan.text()?,
                b"code" => code = scan.text()?,
                _ => scan.skip()?,
            }
            Some(())
        })?;
        found.push(Issue::read(&severity, &code));
        Some(())
    })
}
