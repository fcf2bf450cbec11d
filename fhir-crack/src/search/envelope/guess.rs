use memchr::memmem;
use quick_xml::escape::unescape;
use serde::Deserialize;

use crate::search::envelope::page::Format;

/// Bytes of a page in which its links are looked for.
const HEAD: usize = 4096;

#[derive(Deserialize)]
struct Link<'a> {
    relation: &'a str,
    url: String,
}

/// The next link of a page, read from its head without reading the page; `None` where it does not stand there.
///
/// It is a guess that lets the next request go out before the page is read. What the page says in the end decides.
pub(crate) fn next(body: &[u8]) -> Option<String> {
    let head = &body[..body.len().min(HEAD)];
    match Format::sniff(head)? {
        Format::Json => {
            let head = &head[..memmem::find(head, br#""entry""#).unwrap_or(head.len())];
            let at = memmem::find(head, br#""next""#)?;
            let from = memchr::memrchr(b'{', &head[..at])?;
            let to = at + memchr::memchr(b'}', &head[at..])?;
            let link: Link<'_> = serde_json::from_slice(&head[from..=to]).ok()?;
            (link.relation == "next").then_some(link.url)
        }
        Format::Xml => {
            let head = &head[..memmem::find(head, b"<entry").unwrap_or(head.len())];
            let link = &head[memmem::find(head, br#"<relation value="next"/>"#)?..];
            let link = &link[..memmem::find(link, b"</link>")?];
            let url = &link[memmem::find(link, br#"<url value=""#)? + 12..];
            let url = std::str::from_utf8(&url[..memchr::memchr(b'"', url)?]).ok()?;
            Some(unescape(url).ok()?.into_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn links_in_the_head() {
        for (body, link) in [
            (
                r#"{"link":[{"relation":"self","url":"a"},{"relation":"next","url":"b?\"c&d"}],"entry":[]}"#,
                Some("b?\"c&d"),
            ),
            (r#"{"link": [ { "url" : "b", "relation" : "next" } ]}"#, Some("b")),
            (r#"{"link":[{"relation":"self","url":"next"}]}"#, None),
            (
                r#"{"entry":[{"resource":{"link":[{"relation":"next","url":"b"}]}}]}"#,
                None,
            ),
            (
                r#"<Bundle><link><relation value="next"/><url value="b?c&amp;d"/></link></Bundle>"#,
                Some("b?c&d"),
            ),
            (
                r#"<Bundle><entry><link><relation value="next"/><url value="b"/></link></entry></Bundle>"#,
                None,
            ),
            ("", None),
            (r#"{"next"}"#, None),
        ] {
            assert_eq!(next(body.as_bytes()).as_deref(), link, "{body}");
        }
    }
}
