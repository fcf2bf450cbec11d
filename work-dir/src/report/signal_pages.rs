//! A page a signal: its distribution in the run and in the final files, with the reference as a line, quantiles beside each
//! other, units it came in, and how its final files stand.

use std::collections::BTreeMap;

use quick_xml::escape::escape;

use super::column_card::{Beside, histogram};
use super::mask::Masking;
use super::page::page;
use super::signal_values::Values;
use super::text::{decimal, whole};
use crate::checks::{References, Rules};
use crate::profile::{Count, TableProfile, ratio};
use crate::signals::{Catalogue, Signal, site_catalogue};
use crate::whole::FinalState;
use crate::{Error, Layout};

/// Codes that are listed of a signal that has no numbers.
const CODES: usize = 15;

/// Writes the pages of all signals that the run or the final files have; their list, as HTML.
pub(crate) fn write(
    layout: &Layout,
    rules: &Rules,
    references: &References,
    masking: Masking,
    batches: &BTreeMap<&str, &str>,
) -> Result<String, Error> {
    let state = FinalState::read(layout.base())?;
    if state.signals.is_empty() {
        return Ok(String::new());
    }
    let catalogue = Catalogue::with(&site_catalogue(layout))?;
    let source = TableProfile::read(layout, "observation")?;
    let mut rows = String::new();
    for (name, standing) in &state.signals {
        let signal = catalogue.signals.get(name);
        let one = One {
            name,
            signal,
            own: Values::read(&layout.root().join("signals").join(format!("{name}.0.parquet")))?,
            all: Values::read(&layout.base().join("FinalSignals").join(format!("{name}.parquet")))?,
            references,
            rules,
            masking,
            batches: signal.and_then(|signal| batches.get(signal.table.as_str()).copied()),
        };
        let stands = match &standing.kept_back {
            Some(why) => format!("<span class=\"stop\">stays as it was: {}</span>", escape(why)),
            None => format!(
                "<span class=\"good\">good as of run {}</span>",
                standing.good_until
            ),
        };
        let drift: String = standing
            .drift
            .iter()
            .map(|found| format!("<br><span class=\"warn\">drift</span> {}", escape(found)))
            .collect();
        let stands = if masking.rounds() && !drift.is_empty() {
            format!("{stands}<br><span class=\"warn\">drifts from its last good files</span>")
        } else {
            format!("{stands}{drift}")
        };
        let path = layout.outputs().join(format!("signals/{name}.html"));
        super::report_of_run::put(&path, &one.html(&stands, source.as_ref(), &standing.left_out))?;
        let left: u64 = standing.left_out.values().sum();
        rows.push_str(&format!(
            "<tr><td data-label=\"signal\"><a href=\"signals/{name}.html\">{name}</a></td><td data-label=\"this run\">{}</td><td data-label=\"final files\">{}</td><td data-label=\"left out\">{}</td><td data-label=\"state\">{stands}</td></tr>",
            one.count(one.own.as_ref()),
            one.count(one.all.as_ref()),
            if masking.hides_number(left) { format!("fewer than {}", masking.threshold) } else { whole(masking.shown(left)) },
        ));
    }
    Ok(format!(
        "<h2 id=\"signals\">Signals</h2><table class=\"stack\"><tr><th>signal</th><th>this run</th><th>final files</th><th>left out</th><th>state</th></tr>{rows}</table>"
    ))
}

/// One signal and what its page is made of.
struct One<'s> {
    name: &'s str,
    signal: Option<&'s Signal>,
    own: Option<Values>,
    all: Option<Values>,
    references: &'s References,
    rules: &'s Rules,
    masking: Masking,
    /// The batches of its table, as that table's page has them.
    batches: Option<&'s str>,
}

impl One<'_> {
    fn count(&self, values: Option<&Values>) -> String {
        match values.map(Values::rows) {
            None => "–".to_owned(),
            Some(count) if self.masking.hides(count) => {
                format!("fewer than {} patients", self.masking.threshold)
            }
            Some(count) => whole(self.masking.shown(count.rows)),
        }
    }

    fn html(&self, stands: &str, source: Option<&TableProfile>, left_out: &BTreeMap<String, u64>) -> String {
        let name = escape(self.name);
        let unit = self
            .signal
            .and_then(|signal| signal.unit.as_deref())
            .unwrap_or("");
        let mut body = format!(
            "<p class=\"soft\"><a href=\"../index.html#signals\">all signals</a></p><h1>{name}</h1><p>{}{stands}</p>",
            if unit.is_empty() {
                String::new()
            } else {
                format!("In {}. ", escape(unit))
            }
        );
        let reference = self.reference();
        let good: &[(f64, f64)] = self
            .all
            .as_ref()
            .and_then(Values::numbers)
            .map_or(&[], |numbers| numbers.quantiles.as_slice());
        body.push_str("<div class=\"grid\">");
        for (title, values, line) in [
            (
                "this run",
                self.own.as_ref(),
                if reference.is_empty() { good } else { &reference },
            ),
            ("the final files", self.all.as_ref(), reference.as_slice()),
        ] {
            body.push_str(&format!(
                "<section class=\"card\"><h3>{title}</h3>{}</section>",
                self.card(values, line, unit)
            ));
        }
        body.push_str("</div>");
        body.push_str(&self.quantiles(&reference));
        body.push_str(&self.units(source));
        let left: Vec<String> = left_out
            .iter()
            .map(|(why, rows)| {
                let rows = if self.masking.hides_number(*rows) {
                    format!("fewer than {}", self.masking.threshold)
                } else {
                    whole(self.masking.shown(*rows))
                };
                format!("<li>{rows} rows: {}</li>", escape(why))
            })
            .collect();
        if !left.is_empty() {
            body.push_str(&format!(
                "<h2>Left out</h2><ul class=\"tests\">{}</ul>",
                left.join("")
            ));
        }
        if let Some(signal) = self.signal {
            let table = escape(&signal.table);
            if let Some(batches) = self.batches {
                // The links of that page, seen from here.
                let batches = batches.replace("href=\"batches/", &format!("href=\"../{table}/batches/"));
                body.push_str(&batches);
            }
            body.push_str(&format!(
                "<p class=\"soft\">Drawn from <a href=\"../{table}/index.html\">{table}</a>.</p>"
            ));
        }
        page(self.name, &body)
    }

    /// What the rules give as a reference, or the median that comes with the program.
    fn reference(&self) -> Vec<(f64, f64)> {
        if let Some(given) = self.references.of_column(self.name, "value_0") {
            return given.to_vec();
        }
        let built_in = || {
            let signal = self.signal.filter(|_| self.rules.distribution.built_in)?;
            let codes = signal.filter.get("code/coding/code")?;
            let unit = signal.unit.as_deref()?;
            codes.iter().find_map(|code| crate::checks::median_of(code, unit))
        };
        built_in().map(|median| (0.5, median)).into_iter().collect()
    }

    fn card(&self, values: Option<&Values>, reference: &[(f64, f64)], unit: &str) -> String {
        let Some(values) = values else {
            return "<p class=\"soft\">nothing</p>".to_owned();
        };
        if self.masking.hides(values.rows()) {
            return format!(
                "<p class=\"soft\">fewer than {} patients</p>",
                self.masking.threshold
            );
        }
        let head = format!("<p class=\"soft\">{} rows</p>", self.count(Some(values)));
        let chart = match values {
            Values::Numbers(numbers) => {
                let beside = Beside {
                    reference,
                    masking: self.masking,
                    unit,
                };
                histogram(numbers, Count::default(), super::chart::Scale::Rows, &beside)
            }
            Values::Codes(codes, _) => {
                let counts: Vec<Count> = codes.iter().map(|(_, count)| *count).collect();
                let shown = codes.iter().zip(self.masking.cells(&counts));
                let entries: Vec<(String, f64, String)> = shown
                    .filter_map(|((code, _), rows)| {
                        let rows = rows?;
                        #[expect(clippy::cast_precision_loss, reason = "counts of rows stay far below 2^53")]
                        let amount = rows as f64;
                        Some((code.clone(), amount, format!("{} rows", whole(rows))))
                    })
                    .take(CODES)
                    .collect();
                super::chart::list("most frequent", &entries)
            }
            Values::Days(_) => String::new(),
        };
        format!("{head}{chart}")
    }

    /// Quantiles of the run, the final files and the reference, and how many times the first differs from the others.
    fn quantiles(&self, reference: &[(f64, f64)]) -> String {
        let of = |values: &Option<Values>| values.as_ref().and_then(Values::numbers).cloned();
        let (own, all) = (of(&self.own), of(&self.all));
        let Some(basis) = own
            .as_ref()
            .or(all.as_ref())
            .filter(|n| !self.masking.hides(n.count))
        else {
            return String::new();
        };
        let mut rows = String::new();
        for (q, value) in &basis.quantiles {
            if !self.masking.may_show(*q, basis.count) {
                continue;
            }
            let final_one = all
                .as_ref()
                .filter(|n| self.masking.may_show(*q, n.count))
                .and_then(|n| n.at(*q));
            let given = reference
                .iter()
                .find(|(at, _)| (at - q).abs() < 1e-12)
                .map(|(_, v)| *v);
            let times = |other: Option<f64>| {
                other
                    .and_then(|other| ratio(*value, other))
                    .map_or("–".to_owned(), |r| format!("{r:.2}"))
            };
            let text = |value: Option<f64>| value.map_or("–".to_owned(), decimal);
            rows.push_str(&format!(
                "<tr><td data-label=\"quantile\">{q}</td><td data-label=\"this run\">{}</td><td data-label=\"final files\">{}</td><td data-label=\"run to final files\">{}</td><td data-label=\"reference\">{}</td><td data-label=\"run to reference\">{}</td></tr>",
                decimal(*value),
                text(final_one),
                times(final_one),
                text(given),
                times(given)
            ));
        }
        if rows.is_empty() {
            return String::new();
        }
        format!(
            "<h2>Quantiles</h2><table class=\"stack\"><tr><th>quantile</th><th>this run</th><th>final files</th><th>run to final files</th><th>reference</th><th>run to reference</th></tr>{rows}</table>"
        )
    }

    /// The codes and units that the run's numbers came in.
    fn units(&self, source: Option<&TableProfile>) -> String {
        let codes = self.signal.and_then(|signal| {
            let mut filters = signal.filter.iter();
            filters.find_map(|(path, codes)| path.ends_with("code/coding/code").then_some(codes))
        });
        let (Some(codes), Some(source)) = (codes, source) else {
            return String::new();
        };
        // Other numbers of the same code, such as the limits of its range, are not the signal's.
        let value = self.signal.and_then(|signal| signal.value.as_deref());
        let value = value.unwrap_or_default().replace('/', "_").to_lowercase();
        let is_value = |name: &str| name.split_once('_').is_some_and(|(_, path)| path == value);
        let columns = source.columns.iter().filter(|column| is_value(&column.name));
        let groups = columns.flat_map(|column| &column.groups);
        let own: Vec<_> = groups.filter(|group| codes.contains(&group.code)).collect();
        let counts: Vec<Count> = own.iter().map(|group| group.numbers.count).collect();
        let mut rows = String::new();
        for (group, shown) in own.iter().zip(self.masking.cells(&counts)) {
            let count = shown.map_or_else(
                || {
                    format!(
                        "fewer than {} patients, or hidden to protect such",
                        self.masking.threshold
                    )
                },
                whole,
            );
            rows.push_str(&format!(
                "<tr><td data-label=\"code\">{}</td><td data-label=\"unit\">{}</td><td data-label=\"rows of this run\">{count}</td></tr>",
                escape(&group.code),
                escape(if group.unit.is_empty() {
                    "none"
                } else {
                    &group.unit
                })
            ));
        }
        if rows.is_empty() {
            return String::new();
        }
        format!(
            "<h2>Units it came in</h2><table class=\"stack\"><tr><th>code</th><th>unit</th><th>rows of this run</th></tr>{rows}</table>"
        )
    }
}
