//! Why the server refused something, in words of ours: its own may quote values.

use std::fmt;

/// A class of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// The token is unknown, or its user may not use the interface.
    NoRights,
    /// The user may not export.
    NoExport,
    /// The user may not import.
    NoImport,
    /// The user may not handle data access groups.
    NoGroups,
    /// The project is a classic one: no arms, events or mappings.
    Classic,
    /// Nothing repeats in the project.
    NothingRepeats,
    /// The server does not know this part of the interface.
    UnknownContent,
    /// A field or column is not in the project.
    UnknownField,
    /// The field is in a form that repeats, and the row is of none.
    RepeatingForm,
    /// The value is none of the field's choices.
    NotAChoice,
    /// The value does not pass the field's validation.
    Invalid,
    /// The record is in a group of others.
    OtherGroup,
    /// The record or form is locked.
    Locked,
    /// The server counted fewer records than were sent, and the row is not there.
    NotStored,
    /// What no other class says.
    Other,
}

impl Reason {
    /// What is looked for in the server's words, in small letters; the first that occurs decides.
    const WORDS: [(&'static str, Self); 19] = [
        ("data access group", Self::NoGroups),
        ("import/update privileges", Self::NoImport),
        ("api import", Self::NoImport),
        ("api export", Self::NoExport),
        ("permissions to use the api", Self::NoRights),
        ("token", Self::NoRights),
        ("classic project", Self::Classic),
        ("does not contain any repeating", Self::NothingRepeats),
        ("parameter \"content\"", Self::UnknownContent),
        ("repeating instrument", Self::RepeatingForm),
        ("not found in the project", Self::UnknownField),
        ("not a valid field", Self::UnknownField),
        ("pseudo", Self::UnknownField),
        ("not a valid category", Self::NotAChoice),
        ("valid choice", Self::NotAChoice),
        ("validat", Self::Invalid),
        ("out of range", Self::Invalid),
        ("group", Self::OtherGroup),
        ("lock", Self::Locked),
    ];

    /// The class of a message of the server.
    #[must_use]
    pub fn of(message: &str) -> Self {
        let message = message.to_lowercase();
        let found = Self::WORDS.iter().find(|(words, _)| message.contains(words));
        found.map_or(Self::Other, |(_, reason)| *reason)
    }

    /// The same in words of ours.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoRights => "the token gives no right to use the interface",
            Self::NoExport => "the token gives no right to export",
            Self::NoImport => "the token gives no right to import",
            Self::NoGroups => "the token gives no right to data access groups",
            Self::Classic => "the project is a classic one",
            Self::NothingRepeats => "nothing repeats in the project",
            Self::UnknownContent => "the server does not know this part of the interface",
            Self::UnknownField => "a field is not in the project",
            Self::RepeatingForm => "the field is in a repeating form",
            Self::NotAChoice => "the value is none of the field's choices",
            Self::Invalid => "the value does not pass the field's validation",
            Self::OtherGroup => "the record is in another data access group",
            Self::Locked => "the record or form is locked",
            Self::NotStored => "the server did not store the row and did not say why",
            Self::Other => "a reason the server tells in words that may hold values",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One row the server refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Id of the record.
    pub record: String,
    /// Name of the field.
    pub field: String,
    /// Why.
    pub reason: Reason,
}

impl Refusal {
    /// The refusals of an error text whose lines are `"record","field","value","message"`; empty where it is no such text.
    #[must_use]
    pub fn read_all(text: &str) -> Vec<Self> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut refusals = Vec::new();
        for record in reader.records().flatten() {
            let (Some(id), Some(field), Some(message)) = (record.get(0), record.get(1), record.get(3)) else {
                continue;
            };
            let is_field = !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if is_field {
                // `12 (#3)` names an instance; the record is before it.
                let id = id.trim_start_matches("ERROR:").trim();
                let id = id.split_once(" (").map_or(id, |(id, _)| id);
                refusals.push(Self {
                    record: id.to_owned(),
                    field: field.to_owned(),
                    reason: Reason::of(message),
                });
            }
        }
        refusals
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}, field {}: {}", self.record, self.field, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_record_and_field_and_no_value() {
        let text = "\"21896\",\"patient_id_fk\",\"Marker\",\"This field ('patient_id_fk') exists on a Repeating Instrument \
                    named 'fall'. However, Marker\"\n\"7 (#2)\",\"pat_geschlecht\",\"Marker\",\"The value is not a valid \
                    category for pat_geschlecht\"";
        let refusals = Refusal::read_all(text);
        let said: Vec<String> = refusals.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "record 21896, field patient_id_fk: the field is in a repeating form",
                "record 7, field pat_geschlecht: the value is none of the field's choices",
            ]
        );
        assert!(Refusal::read_all("You do not have permissions to use the API").is_empty());
        assert!(!format!("{refusals:?}").contains("Marker"));
    }

    #[test]
    fn messages_have_classes() {
        for (message, reason) in [
            ("You do not have permissions to use the API", Reason::NoRights),
            ("You do not have API Import/Update privileges", Reason::NoImport),
            ("You cannot export arms for classic projects", Reason::Classic),
            (
                "The value of the parameter \"content\" is not valid",
                Reason::UnknownContent,
            ),
            (
                "You cannot export repeating instruments and events because the project does not contain any repeating \
                 instruments and events",
                Reason::NothingRepeats,
            ),
            (
                "Insufficient user privileges: You must have 'API Export' privileges and 'Data Access Groups' privileges",
                Reason::NoGroups,
            ),
        ] {
            assert_eq!(Reason::of(message), reason, "{message}");
        }
    }
}
