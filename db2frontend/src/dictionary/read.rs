//! Reads a dictionary and says everything that is wrong with it at once.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use site_config::{Fault, Place};
use table_description::{FhirType, MAX_IDENTIFIER_BYTES};

use super::choice::{Choice, column_of_option};
use super::{Branching, Dictionary, Field, FieldKind, Form};
use crate::api::{Table, TableFault};
use crate::{Error, ErrorKind, Result};

/// The columns used: head in the exported file, head in the interface's metadata.
const HEADS: [(&str, &str); 14] = [
    ("Variable / Field Name", "field_name"),
    ("Form Name", "form_name"),
    ("Section Header", "section_header"),
    ("Field Type", "field_type"),
    ("Field Label", "field_label"),
    (
        "Choices, Calculations, OR Slider Labels",
        "select_choices_or_calculations",
    ),
    ("Field Note", "field_note"),
    (
        "Text Validation Type OR Show Slider Number",
        "text_validation_type_or_show_slider_number",
    ),
    ("Text Validation Min", "text_validation_min"),
    ("Text Validation Max", "text_validation_max"),
    ("Identifier?", "identifier"),
    ("Branching Logic (Show field only if...)", "branching_logic"),
    ("Required Field?", "required_field"),
    ("Field Annotation", "field_annotation"),
];
const NAME: usize = 0;
const FORM: usize = 1;
const KIND: usize = 3;
const CHOICES: usize = 5;
const VALIDATION: usize = 7;
const MIN: usize = 8;
const MAX: usize = 9;
const BRANCHING: usize = 11;

impl Dictionary {
    /// Reads the CSV file REDCap exports, or its interface's metadata, whatever their delimiter and encoding.
    ///
    /// # Errors
    /// One error with all faults, each with line and column.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = std::fs::read(file)
            .map_err(|e| Error::new(ErrorKind::Files, file.display().to_string()).with_source(e))?;
        Self::parse(&bytes, file)
    }

    /// The same from its bytes; `file` is where faults are said to stand.
    ///
    /// # Errors
    /// As [`Dictionary::read`].
    pub fn parse(bytes: &[u8], file: &Path) -> Result<Self> {
        let table = Table::from_csv(bytes, None).map_err(|fault| {
            let TableFault { line, text } = fault;
            Error::of_faults(
                ErrorKind::Dictionary,
                vec![Fault::at(Place::new(file, line), text)],
            )
        })?;
        Self::from_table(&table, file)
    }

    /// The same from a table that is read already.
    ///
    /// # Errors
    /// As [`Dictionary::read`].
    pub fn from_table(table: &Table, file: &Path) -> Result<Self> {
        let mut reading = Reading::new(table, file);
        let mut dictionary = Self::default();
        for row in 0..table.rows() {
            reading.row(row, &mut dictionary);
        }
        if dictionary.forms.is_empty() && reading.faults.is_empty() {
            reading
                .faults
                .push(Fault::at(Place::new(file, 0), "has no field"));
        }
        reading.references(&dictionary);
        reading.columns(&dictionary);
        if reading.faults.is_empty() {
            return Ok(dictionary);
        }
        reading.faults.sort();
        reading.faults.dedup();
        Err(Error::of_faults(ErrorKind::Dictionary, reading.faults))
    }
}

struct Reading<'t> {
    table: &'t Table,
    file: &'t Path,
    /// Where each of [`HEADS`] stands.
    at: Vec<Option<usize>>,
    faults: Vec<Fault>,
    lines: HashMap<String, usize>,
}

impl<'t> Reading<'t> {
    fn new(table: &'t Table, file: &'t Path) -> Self {
        let at = HEADS
            .iter()
            .map(|(long, short)| {
                table.heads().iter().position(|head| {
                    let head = head.trim();
                    head.eq_ignore_ascii_case(long) || head.eq_ignore_ascii_case(short)
                })
            })
            .collect();
        let mut this = Self {
            table,
            file,
            at,
            faults: Vec::new(),
            lines: HashMap::new(),
        };
        for head in [NAME, FORM, KIND, 4, CHOICES, VALIDATION] {
            if this.at.get(head).copied().flatten().is_none() {
                this.fault(1, head, "is missing in the header");
            }
        }
        this
    }

    fn fault(&mut self, line: usize, head: usize, text: impl Into<String>) {
        let name = HEADS.get(head).map_or("", |(long, _)| *long);
        self.faults
            .push(Fault::of_key(Place::new(self.file, line), name, text));
    }

    fn cell(&self, row: usize, head: usize) -> &'t str {
        let at = self.at.get(head).copied().flatten();
        at.and_then(|at| self.table.cell(row, at)).unwrap_or("").trim()
    }

    fn row(&mut self, row: usize, dictionary: &mut Dictionary) {
        let line = self.table.line(row);
        let width = self.table.heads().len();
        if self.table.width(row) != width {
            let text = format!("has {} cells where the header has {width}", self.table.width(row));
            self.faults.push(Fault::at(Place::new(self.file, line), text));
        }
        let (name, form) = (self.cell(row, NAME), self.cell(row, FORM));
        let named = self.name(line, NAME, name);
        let formed = self.name(line, FORM, form);
        if named && let Some(first) = self.lines.insert(name.to_owned(), line) {
            self.fault(line, NAME, format!("{name} stands in line {first} already"));
        }
        let Some(kind) = FieldKind::named(self.cell(row, KIND)) else {
            self.fault(line, KIND, "is not a type of REDCap's fields");
            return;
        };
        let field = self.field(row, kind);
        if !named || !formed {
            return;
        }
        let is_known = dictionary.form(form).is_some();
        match dictionary.forms.last_mut().filter(|last| last.name == form) {
            Some(last) => last.fields.push(field),
            None if is_known => {
                self.fault(
                    line,
                    FORM,
                    format!("{form} has ended above: its fields must stand together"),
                );
            }
            None => dictionary.forms.push(Form {
                name: form.to_owned(),
                label: form.replace('_', " "),
                fields: vec![field],
            }),
        }
    }

    fn name(&mut self, line: usize, head: usize, name: &str) -> bool {
        let good = name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if !good {
            self.fault(
                line,
                head,
                "must be a name of small letters, digits and _ that begins with a letter",
            );
        }
        good
    }

    fn field(&mut self, row: usize, kind: FieldKind) -> Field {
        let line = self.table.line(row);
        let cell = |head| self.cell(row, head).to_owned();
        let is_yes = |head| matches!(self.cell(row, head).to_lowercase().as_str(), "y" | "yes" | "1");
        let mut field = Field {
            name: cell(NAME),
            kind,
            label: cell(4),
            section: cell(2),
            note: cell(6),
            choices: Vec::new(),
            formula: String::new(),
            validation: cell(VALIDATION).to_lowercase(),
            min: cell(MIN),
            max: cell(MAX),
            identifier: is_yes(10),
            required: is_yes(12),
            branching: None,
            annotation: cell(13),
        };
        field.choices = self.choices(row, kind);
        if kind == FieldKind::Calc {
            field.formula = self.cell(row, CHOICES).to_owned();
            if field.formula.is_empty() {
                self.fault(line, CHOICES, "a computed field needs a formula");
            }
        }
        if matches!(field.value_type(), FhirType::Integer | FhirType::Decimal) && kind == FieldKind::Text {
            for (head, text) in [(MIN, &field.min), (MAX, &field.max)] {
                // A limit may be another field's value.
                if !text.is_empty()
                    && !text.starts_with('[')
                    && text.replace(',', ".").parse::<f64>().is_err()
                {
                    self.fault(line, head, "must be a number, as the field's value is");
                }
            }
        }
        let condition = self.cell(row, BRANCHING);
        if !condition.is_empty() {
            match Branching::read(condition) {
                Ok(branching) => field.branching = Some(branching),
                Err(fault) => self.fault(
                    line,
                    BRANCHING,
                    format!("character {}: expected {}", fault.position, fault.expected),
                ),
            }
        }
        field
    }

    fn choices(&mut self, row: usize, kind: FieldKind) -> Vec<Choice> {
        let line = self.table.line(row);
        match kind {
            FieldKind::YesNo => return vec![Choice::new("1", "Yes"), Choice::new("0", "No")],
            FieldKind::TrueFalse => return vec![Choice::new("1", "True"), Choice::new("0", "False")],
            kind if !kind.has_choices() => return Vec::new(),
            _ => {}
        }
        let choices = match Choice::read_all(self.cell(row, CHOICES)) {
            Ok(choices) if choices.is_empty() => {
                self.fault(line, CHOICES, "a field of this type needs choices");
                return Vec::new();
            }
            Ok(choices) => choices,
            Err(position) => {
                self.fault(
                    line,
                    CHOICES,
                    format!("choice {position} is not of the form code, label"),
                );
                return Vec::new();
            }
        };
        let mut codes = BTreeSet::new();
        for (choice, position) in choices.iter().zip(1..) {
            // Options of a checkbox become columns, whose names know no case.
            let code = match kind {
                FieldKind::Checkbox => column_of_option("", &choice.code),
                _ => choice.code.clone(),
            };
            if !codes.insert(code) {
                self.fault(
                    line,
                    CHOICES,
                    format!("the code of choice {position} stands before already"),
                );
            }
        }
        choices
    }

    /// Conditions may only look at fields there are.
    fn references(&mut self, dictionary: &Dictionary) {
        let mut found = Vec::new();
        for field in dictionary.fields() {
            let Some(branching) = &field.branching else {
                continue;
            };
            for name in branching.fields() {
                let is_state = name
                    .strip_suffix("_complete")
                    .is_some_and(|form| dictionary.form(form).is_some());
                if !is_state && !self.lines.contains_key(name) {
                    found.push((field.name.clone(), format!("looks at {name}, which is no field")));
                }
            }
        }
        for (field, text) in found {
            let line = self.lines.get(&field).copied().unwrap_or_default();
            self.fault(line, BRANCHING, text);
        }
    }

    /// Every column must have a name of its own that a database keeps whole.
    fn columns(&mut self, dictionary: &Dictionary) {
        let mut found = Vec::new();
        for form in &dictionary.forms {
            let mut taken = BTreeSet::new();
            for field in &form.fields {
                for (column, _) in crate::describe::columns_of(field) {
                    if column.len() > MAX_IDENTIFIER_BYTES {
                        let bytes = column.len();
                        let text = format!(
                            "its column {column} has {bytes} bytes; a database keeps {MAX_IDENTIFIER_BYTES}"
                        );
                        found.push((field.name.clone(), text));
                    }
                    if !taken.insert(column.clone()) {
                        let text = format!("its column {column} is another field's too");
                        found.push((field.name.clone(), text));
                    }
                }
            }
        }
        for (field, text) in found {
            let line = self.lines.get(&field).copied().unwrap_or_default();
            self.fault(line, NAME, text);
        }
    }
}
