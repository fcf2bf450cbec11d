use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Envelope, Mode, ResourceHead, Root};
use crate::search::issue::Issue;

/// The members of a Bundle or OperationOutcome that paging reads; serde skips the rest without building it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    #[serde(borrow, default)]
    resource_type: Text<'a>,
    #[serde(borrow, default)]
    total: Text<'a>,
    #[serde(borrow, default)]
    link: Option<Vec<Link<'a>>>,
    #[serde(borrow, default)]
    entry: Option<Vec<Entry<'a>>>,
    #[serde(borrow, default)]
    issue: Option<Vec<IssueText<'a>>>,
}

#[derive(Deserialize)]
struct Link<'a> {
    #[serde(borrow, default)]
    relation: Text<'a>,
    #[serde(borrow, default)]
    url: Text<'a>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    resource: Option<Resource<'a>>,
    #[serde(borrow)]
    search: Option<SearchText<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource<'a> {
    #[serde(borrow, default)]
    resource_type: Text<'a>,
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    issue: Option<Issues<'a>>,
}

/// `issue` of an OperationOutcome; other resources may have an element of that name with another shape.
#[derive(Deserialize)]
#[serde(untagged)]
enum Issues<'a> {
    Listed(#[serde(borrow)] Vec<IssueText<'a>>),
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct SearchText<'a> {
    #[serde(borrow, default)]
    mode: Text<'a>,
}

#[derive(Deserialize)]
struct IssueText<'a> {
    #[serde(borrow, default)]
    severity: Text<'a>,
    #[serde(borrow, default)]
    code: Text<'a>,
}

/// A text; whatever else stands in its place reads as nothing, since one odd value must not cost a page.
#[derive(Default)]
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Text<'a>, D::Error> {
        input.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Text<'de>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Text<'de>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
}

pub(super) fn read(body: &[u8]) -> Option<Envelope> {
    let document: Document<'_> = serde_json::from_slice(body).ok()?;
    let mut envelope = Envelope {
        root: Root::of(&document.resource_type.0),
        total: document.total.0.parse().ok(),
        ..Envelope::default()
    };
    for link in document.link.unwrap_or_default() {
        if link.relation.0 == "next" {
            envelope.next = Some(link.url.0.into_owned());
        }
    }
    take_issues(&mut envelope, document.issue);
    for entry in document.entry.unwrap_or_default() {
        envelope.entries += 1;
        let Some(resource) = entry.resource else { continue };
        if let Some(Issues::Listed(issues)) = resource.issue
            && resource.resource_type.0 == "OperationOutcome"
        {
            take_issues(&mut envelope, Some(issues));
        }
        envelope.resources.push(ResourceHead {
            resource: resource.resource_type.0.into_owned(),
            id: resource.id.0.into_owned(),
            mode: entry
                .search
                .map_or(Mode::Absent, |search| Mode::read(&search.mode.0)),
        });
    }
    Some(envelope)
}

fn take_issues(envelope: &mut Envelope, issues: Option<Vec<IssueText<'_>>>) {
    for issue in issues.unwrap_or_default() {
        envelope
            .issues
            .push(Issue::read(&issue.severity.0, &issue.code.0));
    }
}
