use table_description::FhirType;

use super::{Branching, Choice};

/// How a field is shown, and so what it can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// One line of text, often with a validation.
    Text,
    /// Several lines of text.
    Notes,
    /// Computed by the frontend; nobody else writes it.
    Calc,
    /// One choice of a list.
    Dropdown,
    /// One choice of several buttons.
    Radio,
    /// Any number of choices, a column each.
    Checkbox,
    /// Yes (1) or no (0).
    YesNo,
    /// True (1) or false (0).
    TrueFalse,
    /// A file, which does not travel.
    File,
    /// A number on a scale.
    Slider,
    /// Text between fields; holds nothing.
    Descriptive,
    /// One choice of a list that the frontend makes by a query of its own.
    Sql,
}

impl FieldKind {
    const NAMES: [(&'static str, Self); 14] = [
        ("text", Self::Text),
        ("notes", Self::Notes),
        ("textarea", Self::Notes),
        ("calc", Self::Calc),
        ("dropdown", Self::Dropdown),
        ("select", Self::Dropdown),
        ("radio", Self::Radio),
        ("checkbox", Self::Checkbox),
        ("yesno", Self::YesNo),
        ("truefalse", Self::TrueFalse),
        ("file", Self::File),
        ("slider", Self::Slider),
        ("descriptive", Self::Descriptive),
        ("sql", Self::Sql),
    ];

    /// The kind of this name in a dictionary.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_lowercase();
        let found = Self::NAMES.iter().find(|(known, _)| *known == name)?;
        Some(found.1)
    }

    /// Whether the dictionary lists choices for it.
    #[must_use]
    pub fn has_choices(self) -> bool {
        matches!(self, Self::Dropdown | Self::Radio | Self::Checkbox)
    }

    /// Whether a program may write it.
    #[must_use]
    pub fn is_writable(self) -> bool {
        !matches!(self, Self::Calc | Self::File | Self::Descriptive)
    }
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Name, such as `meda_dat`.
    pub name: String,
    /// How it is shown.
    pub kind: FieldKind,
    /// What people read beside it; may hold HTML.
    pub label: String,
    /// Heading before it; empty for none.
    pub section: String,
    /// Small text below it; empty for none.
    pub note: String,
    /// The answers it offers; those of yes-no and true-false fields too.
    pub choices: Vec<Choice>,
    /// Formula of a computed field; empty for others.
    pub formula: String,
    /// Name of its validation, such as `date_ymd`; empty for none.
    pub validation: String,
    /// Smallest value, as written; empty for none.
    pub min: String,
    /// Largest value, as written; empty for none.
    pub max: String,
    /// Whether it identifies a patient.
    pub identifier: bool,
    /// Whether it must be answered.
    pub required: bool,
    /// When it is shown; `None` for always.
    pub branching: Option<Branching>,
    /// Action tags and remarks, such as `@HIDDEN @READONLY`.
    pub annotation: String,
}

impl Field {
    /// Type of its column in the hub: by kind, refined by validation. Other kinds and validations are text.
    #[must_use]
    pub fn value_type(&self) -> FhirType {
        match self.kind {
            FieldKind::Calc => FhirType::Decimal,
            FieldKind::Text => match self.validation.as_str() {
                "date_ymd" => FhirType::Date,
                "datetime_ymd" | "datetime_seconds_ymd" => FhirType::DateTime,
                "integer" | "int" => FhirType::Integer,
                "number" | "float" => FhirType::Decimal,
                _ => FhirType::String,
            },
            _ => FhirType::String,
        }
    }

    /// Whether it carries an action tag, such as `@HIDDEN`.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.annotation
            .split(|c: char| c.is_whitespace() || c == '=')
            .any(|word| word.eq_ignore_ascii_case(tag))
    }
}
