//! The batches of a table: listed with their digest, and a page each.

use quick_xml::escape::escape;

use super::column_card::Card;
use super::mask::Masking;
use super::page::{SEARCH, page};
use super::text::whole;
use crate::checks::{References, Results};
use crate::profile::{Files, Known, Roles, Source, TableProfile, measure};
use crate::state::ledger::Ledger;
use crate::{Error, Layout};

use table_description::TableDescription;

/// Batches of a table that get a page of their own; of more, the first.
const PAGES: usize = 12;

/// What the batches of one table are shown with.
#[derive(Clone, Copy)]
pub(crate) struct Batches<'b> {
    pub(crate) layout: &'b Layout,
    pub(crate) files: &'b Files,
    pub(crate) description: Option<&'b TableDescription>,
    pub(crate) references: &'b References,
    pub(crate) results: &'b Results,
    pub(crate) masking: Masking,
}

impl Batches<'_> {
    /// Writes a page a batch where there are several; the list of all of them.
    pub(crate) fn write(&self, whole_table: &TableProfile) -> Result<String, Error> {
        let table = whole_table.table.as_str();
        let files = self.files.of(table);
        let ledger = Ledger::read(self.layout.ledger())?;
        let results = self.results.tables.get(table);
        let mut rows = String::new();
        for (at, file) in files.iter().enumerate() {
            let digest = ledger.digest(table, file.batch);
            let digest = digest.map_or_else(
                || "–".to_owned(),
                |digest| format!("<code>{:.12}</code>", digest.to_string()),
            );
            let tests = match results.and_then(|results| results.batches.get(&file.batch)) {
                Some(results) => format!("{} passed, {} failed", results.passed, results.failed.len()),
                None => "–".to_owned(),
            };
            let paged = files.len() > 1 && at < PAGES && file.path.extension().is_some();
            let (name, count) = if paged {
                let count = self.page(table, file.batch)?;
                (
                    format!("<a href=\"batches/{0}.html\">batch {0}</a>", file.batch),
                    count,
                )
            } else if files.len() == 1 {
                let count = (!self.masking.hides(whole_table.rows)).then_some(whole_table.rows.rows);
                (format!("batch {}", file.batch), count)
            } else {
                (format!("batch {}", file.batch), None)
            };
            let count = match (count, paged || files.len() == 1) {
                (Some(rows), _) => whole(self.masking.shown(rows)),
                (None, true) => format!("fewer than {} patients", self.masking.threshold),
                (None, false) => "–".to_owned(),
            };
            rows.push_str(&format!(
                "<tr><td data-label=\"batch\">{name}</td><td data-label=\"rows\">{count}</td><td data-label=\"tests\">{tests}</td><td \
                 data-label=\"digest of its input\">{digest}</td></tr>"
            ));
        }
        if rows.is_empty() {
            return Ok(String::new());
        }
        Ok(format!(
            "<h2 id=\"batches\">Batches</h2><table class=\"stack\"><tr><th>batch</th><th>rows</th><th>tests</th><th>digest of its input</th></tr>{rows}</table>"
        ))
    }

    /// Writes the page of one batch; its rows, where they may be shown.
    fn page(&self, table: &str, batch: u32) -> Result<Option<u64>, Error> {
        let source = Source::of(self.layout, self.files, table, Some(batch))?.read_if_small()?;
        let profile = measure(&source, &Roles::new(self.description), &Known::default())?;
        let name = escape(table);
        let mut body = format!(
            "<p class=\"soft\"><a href=\"../index.html\">{name}, all batches</a></p><h1>{name}, batch {batch}</h1>"
        );
        let hidden = self.masking.hides(profile.rows);
        if hidden {
            body.push_str(&format!(
                "<p>Fewer than {} patients: nothing is shown.</p>",
                self.masking.threshold
            ));
        } else {
            body.push_str(&format!(
                "<p>{} rows of {} resources and {} patients.</p>{SEARCH}<div class=\"grid\">",
                whole(self.masking.shown(profile.rows.rows)),
                whole(self.masking.shown(profile.resources)),
                whole(self.masking.shown(profile.patients))
            ));
            for column in profile.columns.iter().filter(|column| column.filled.rows > 0) {
                let card = Card {
                    table,
                    masking: self.masking,
                    references: self.references,
                    description: self.description,
                    before: None,
                };
                body.push_str(&card.html(column));
            }
            body.push_str("</div>");
        }
        let path = self
            .layout
            .table_outputs(table)
            .join(format!("batches/{batch}.html"));
        super::report_of_run::put(&path, &page(&format!("{table}, batch {batch}"), &body))?;
        Ok((!hidden).then_some(profile.rows.rows))
    }
}
