//! The task as somebody writes it by hand who knows the three types: a struct each, texts borrowed from the input.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Deserialize;
use sonic_rs::RawNumber;

type Text<'t> = Option<Cow<'t, str>>;

#[derive(Deserialize)]
struct Coding<'t> {
    #[serde(borrow)]
    system: Text<'t>,
    #[serde(borrow)]
    code: Text<'t>,
    #[serde(borrow)]
    display: Text<'t>,
}

#[derive(Deserialize, Default)]
struct Concept<'t> {
    #[serde(borrow, default)]
    coding: Vec<Coding<'t>>,
}

#[derive(Deserialize, Default)]
struct Reference<'t> {
    #[serde(borrow)]
    reference: Text<'t>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Meta<'t> {
    #[serde(borrow)]
    last_updated: Text<'t>,
}

#[derive(Deserialize, Default)]
struct Quantity<'t> {
    value: Option<RawNumber>,
    #[serde(borrow)]
    unit: Text<'t>,
}

#[derive(Deserialize, Default)]
struct Period<'t> {
    #[serde(borrow)]
    start: Text<'t>,
    #[serde(borrow)]
    end: Text<'t>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Observation<'t> {
    #[serde(borrow)]
    id: Text<'t>,
    #[serde(borrow)]
    status: Text<'t>,
    #[serde(borrow, default)]
    category: Vec<Concept<'t>>,
    #[serde(borrow, default)]
    subject: Reference<'t>,
    #[serde(borrow, default)]
    encounter: Reference<'t>,
    #[serde(borrow)]
    effective_date_time: Text<'t>,
    #[serde(borrow, default)]
    value_quantity: Quantity<'t>,
    #[serde(borrow, default)]
    value_codeable_concept: Concept<'t>,
    #[serde(borrow, default)]
    meta: Meta<'t>,
    #[serde(borrow, default)]
    code: Concept<'t>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encounter<'t> {
    #[serde(borrow)]
    id: Text<'t>,
    #[serde(borrow)]
    status: Text<'t>,
    #[serde(borrow)]
    class: Option<Coding<'t>>,
    #[serde(borrow, default)]
    subject: Reference<'t>,
    #[serde(borrow, default)]
    period: Period<'t>,
    #[serde(borrow, default)]
    meta: Meta<'t>,
    #[serde(borrow, default, rename = "type")]
    types: Vec<Concept<'t>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Condition<'t> {
    #[serde(borrow)]
    id: Text<'t>,
    #[serde(borrow, default)]
    clinical_status: Concept<'t>,
    #[serde(borrow, default)]
    subject: Reference<'t>,
    #[serde(borrow, default)]
    encounter: Reference<'t>,
    #[serde(borrow)]
    onset_date_time: Text<'t>,
    #[serde(borrow)]
    recorded_date: Text<'t>,
    #[serde(borrow, default)]
    meta: Meta<'t>,
    #[serde(borrow, default)]
    code: Concept<'t>,
}

/// Writes the rows of the resources of one type.
pub(crate) fn write(kind: &str, text: &str, out: impl Write) -> io::Result<()> {
    let mut rows = Rows {
        out,
        line: Vec::with_capacity(1 << 10),
    };
    match kind {
        "Observation" => observations(text, &mut rows),
        "Encounter" => encounters(text, &mut rows),
        _ => conditions(text, &mut rows),
    }
}

fn observations(text: &str, rows: &mut Rows<impl Write>) -> io::Result<()> {
    rows.out.write_all(
        b"id,status,category,subject,encounter,effective,value_quantity,value_unit,value_code,last_updated,\
          coding_system,coding_code,coding_display\n",
    )?;
    for line in text.lines() {
        let one: Observation<'_> = sonic_rs::from_str(line).map_err(io::Error::other)?;
        rows.begin();
        rows.cell(one.id.as_deref());
        rows.cell(one.status.as_deref());
        rows.joined(
            one.category
                .iter()
                .flat_map(|c| &c.coding)
                .filter_map(|c| c.code.as_deref()),
        );
        rows.cell(one.subject.reference.as_deref());
        rows.cell(one.encounter.reference.as_deref());
        rows.cell(one.effective_date_time.as_deref());
        rows.cell(one.value_quantity.value.as_ref().map(RawNumber::as_str));
        rows.cell(one.value_quantity.unit.as_deref());
        rows.joined(
            one.value_codeable_concept
                .coding
                .iter()
                .filter_map(|c| c.code.as_deref()),
        );
        rows.cell(one.meta.last_updated.as_deref());
        rows.codings(std::slice::from_ref(&one.code))?;
    }
    rows.out.flush()
}

fn encounters(text: &str, rows: &mut Rows<impl Write>) -> io::Result<()> {
    rows.out.write_all(
        b"id,status,class_code,subject,period_start,period_end,last_updated,coding_system,coding_code,coding_display\n",
    )?;
    for line in text.lines() {
        let one: Encounter<'_> = sonic_rs::from_str(line).map_err(io::Error::other)?;
        rows.begin();
        rows.cell(one.id.as_deref());
        rows.cell(one.status.as_deref());
        rows.cell(one.class.as_ref().and_then(|class| class.code.as_deref()));
        rows.cell(one.subject.reference.as_deref());
        rows.cell(one.period.start.as_deref());
        rows.cell(one.period.end.as_deref());
        rows.cell(one.meta.last_updated.as_deref());
        rows.codings(&one.types)?;
    }
    rows.out.flush()
}

fn conditions(text: &str, rows: &mut Rows<impl Write>) -> io::Result<()> {
    rows.out.write_all(
        b"id,clinical,subject,encounter,onset,recorded,last_updated,coding_system,coding_code,coding_display\n",
    )?;
    for line in text.lines() {
        let one: Condition<'_> = sonic_rs::from_str(line).map_err(io::Error::other)?;
        rows.begin();
        rows.cell(one.id.as_deref());
        rows.joined(
            one.clinical_status
                .coding
                .iter()
                .filter_map(|c| c.code.as_deref()),
        );
        rows.cell(one.subject.reference.as_deref());
        rows.cell(one.encounter.reference.as_deref());
        rows.cell(one.onset_date_time.as_deref());
        rows.cell(one.recorded_date.as_deref());
        rows.cell(one.meta.last_updated.as_deref());
        rows.codings(std::slice::from_ref(&one.code))?;
    }
    rows.out.flush()
}

struct Rows<W> {
    out: W,
    /// What all rows of the resource begin with.
    line: Vec<u8>,
}

impl<W: Write> Rows<W> {
    fn begin(&mut self) {
        self.line.clear();
    }

    fn cell(&mut self, text: Option<&str>) {
        write_text(text, &mut self.line);
        self.line.push(b',');
    }

    fn joined<'t>(&mut self, texts: impl Iterator<Item = &'t str>) {
        let mut joined: Option<Cow<'t, str>> = None;
        for text in texts {
            joined = Some(joined.map_or(text.into(), |before| format!("{before} ~ {text}").into()));
        }
        self.cell(joined.as_deref());
    }

    /// One row a coding, and one for a resource or a concept without any.
    fn codings(&mut self, concepts: &[Concept<'_>]) -> io::Result<()> {
        let common = self.line.len();
        let mut any = false;
        for concept in concepts {
            for coding in &concept.coding {
                any = true;
                self.line.truncate(common);
                self.cell(coding.system.as_deref());
                self.cell(coding.code.as_deref());
                write_text(coding.display.as_deref(), &mut self.line);
                self.line.push(b'\n');
                self.out.write_all(&self.line)?;
            }
        }
        if !any {
            self.line.extend_from_slice(b",,\n");
            self.out.write_all(&self.line)?;
        }
        Ok(())
    }
}

fn write_text(text: Option<&str>, out: &mut Vec<u8>) {
    let Some(text) = text else { return };
    if !text.is_empty() && !text.bytes().any(|b| matches!(b, b'"' | b',' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    out.push(b'"');
}
