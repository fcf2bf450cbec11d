use table_description::typing::{self, Value, Zone};
use table_description::{Column, FhirType};

use super::additional;
use super::number::{shortest, with_point};
use crate::dictionary::{Choice, Dictionary, FieldKind, column_of_option};

/// How the values of one column are written on both sides.
///
/// In the hub a choice is its label, as the original's reader of REDCap gives it; a label that does not tell which choice it
/// is stays a code.
#[derive(Clone, Debug)]
pub struct Codec {
    /// Name of the column on both sides.
    pub column: String,
    coding: Coding,
    value_type: FhirType,
    /// Whether it is the state of a form.
    is_state: bool,
    writable: bool,
    with_seconds: bool,
}

#[derive(Clone, Debug)]
enum Coding {
    Plain,
    Choices(Vec<Choice>),
    Option,
    Additional,
}

const STATES: [(&str, &str); 3] = [("0", "Incomplete"), ("1", "Unverified"), ("2", "Complete")];
const TICKED: &str = "Checked";
const NOT_TICKED: &str = "Unchecked";

impl Codec {
    /// The codec of a column of a form in a REDCap project; `None` where the project has no such field.
    #[must_use]
    pub fn of_project(column: &Column, form: &str, dictionary: &Dictionary) -> Option<Self> {
        let mut this = Self::plain(column);
        let form = dictionary.form(form)?;
        if column.name == form.complete_field() {
            this.coding = Coding::Choices(choices(&STATES));
            this.is_state = true;
            return Some(this);
        }
        for field in &form.fields {
            if field.kind == FieldKind::Checkbox {
                let is_option = |choice: &Choice| column_of_option(&field.name, &choice.code) == column.name;
                if field.choices.iter().any(is_option) {
                    this.coding = Coding::Option;
                    return Some(this);
                }
            } else if field.name == column.name {
                this.writable = field.kind.is_writable();
                this.with_seconds =
                    !field.validation.starts_with("datetime_") || field.validation.contains("seconds");
                this.coding = match field.kind {
                    _ if column.name.ends_with("_additional_values") => Coding::Additional,
                    FieldKind::Dropdown | FieldKind::Radio | FieldKind::YesNo | FieldKind::TrueFalse => {
                        Coding::Choices(field.choices.clone())
                    }
                    _ => Coding::Plain,
                };
                return Some(this);
            }
        }
        None
    }

    /// The codec of a column in files: values stand there as in the hub.
    #[must_use]
    pub fn plain(column: &Column) -> Self {
        Self {
            column: column.name.clone(),
            coding: Coding::Plain,
            value_type: column.fhir_type,
            is_state: false,
            writable: true,
            with_seconds: true,
        }
    }

    /// Whether a program may write the field.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.writable
    }

    /// Type of the column in the hub.
    #[must_use]
    pub fn value_type(&self) -> FhirType {
        self.value_type
    }

    /// The hub's value for one of the frontend; `None` for an empty one.
    ///
    /// # Errors
    /// The kind of defect where the text has no value of the column's type.
    pub fn to_hub(&self, text: &str, zone: &Zone) -> Result<Option<String>, typing::DefectKind> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        let decoded = match &self.coding {
            Coding::Plain => text.to_owned(),
            Coding::Choices(choices) => label_of(choices, text.trim()).unwrap_or(text).to_owned(),
            Coding::Option => match text.trim() {
                "1" => TICKED.to_owned(),
                "0" => NOT_TICKED.to_owned(),
                other => other.to_owned(),
            },
            Coding::Additional => additional::decode(text),
        };
        canonical(self.value_type, &decoded, zone).map(Some)
    }

    /// The frontend's value for one of the hub; `None` where the field has no such choice.
    #[must_use]
    pub fn to_frontend(&self, value: &str) -> Option<String> {
        match &self.coding {
            Coding::Plain => Some(match self.value_type {
                FhirType::DateTime => moment(value, self.with_seconds),
                FhirType::Decimal => value.parse().map_or_else(|_| value.to_owned(), shortest),
                _ => value.to_owned(),
            }),
            Coding::Choices(choices) => code_of(choices, value).map(str::to_owned),
            Coding::Option => match value {
                TICKED | "1" => Some("1".to_owned()),
                NOT_TICKED | "0" => Some("0".to_owned()),
                _ => None,
            },
            Coding::Additional => Some(additional::encode(value)),
        }
    }

    /// Whether both mean the same: `theirs` is what the frontend has, `ours` what the hub has. Empty is a value here, and a
    /// tick that is not set is empty.
    #[must_use]
    pub fn same(&self, ours: &str, theirs: &str, zone: &Zone) -> bool {
        let is_empty = |text: &str| text.trim().is_empty();
        let no_tick = |text: &str| matches!(self.coding, Coding::Option) && matches!(text, "0" | NOT_TICKED);
        // A project gives every row that has none the first state.
        let first_state = self.is_state && is_empty(ours) && theirs == STATES[0].0;
        let (ours_empty, theirs_empty) = (
            is_empty(ours) || no_tick(ours),
            is_empty(theirs) || no_tick(theirs) || first_state,
        );
        if ours_empty || theirs_empty {
            return ours_empty && theirs_empty;
        }
        let sent = self.to_frontend(ours);
        sent.as_deref().is_some_and(|sent| alike(sent, theirs))
            || self
                .to_hub(theirs, zone)
                .is_ok_and(|back| back.as_deref() == Some(ours))
    }
}

/// Frontends cut blanks at the ends and write line ends their own way.
fn alike(one: &str, other: &str) -> bool {
    one == other || {
        let plain = |text: &str| text.trim().replace("\r\n", "\n");
        plain(one) == plain(other)
    }
}

fn choices(pairs: &[(&str, &str)]) -> Vec<Choice> {
    let choice = |(code, label): &(&str, &str)| Choice {
        code: (*code).to_owned(),
        label: (*label).to_owned(),
    };
    pairs.iter().map(choice).collect()
}

/// Whether a label tells which choice it is.
fn is_telling(choices: &[Choice], label: &str) -> bool {
    !label.trim().is_empty()
        && choices.iter().filter(|c| c.label == label).count() == 1
        && !choices.iter().any(|c| c.code == label && c.label != label)
}

fn label_of<'c>(choices: &'c [Choice], code: &str) -> Option<&'c str> {
    let choice = choices.iter().find(|c| c.code == code)?;
    is_telling(choices, &choice.label).then_some(&choice.label)
}

fn code_of<'c>(choices: &'c [Choice], value: &str) -> Option<&'c str> {
    let by_label = choices
        .iter()
        .find(|c| c.label == value && is_telling(choices, value));
    let found = by_label.or_else(|| choices.iter().find(|c| c.code == value))?;
    Some(&found.code)
}

/// `YYYY-MM-DD HH:MM[:SS]` of a moment of the hub.
fn moment(value: &str, with_seconds: bool) -> String {
    let length = if with_seconds { 19 } else { 16 };
    value.get(..length).unwrap_or(value).to_owned()
}

/// A text as the hub's database writes a value of this type.
fn canonical(value_type: FhirType, text: &str, zone: &Zone) -> Result<String, typing::DefectKind> {
    if value_type == FhirType::String {
        // The database holds no zero bytes.
        return Ok(text.replace('\0', ""));
    }
    let text = text.trim();
    let prepared = match value_type {
        FhirType::Decimal => with_point(text),
        FhirType::DateTime => text.replacen(' ', "T", 1).into(),
        FhirType::Boolean => text.to_lowercase().into(),
        _ => text.into(),
    };
    let (value, _) = typing::type_text(value_type, &prepared, zone)?;
    Ok(match value {
        Value::Text(text) => text.to_owned(),
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Decimal(value) => shortest(value),
        Value::Date(days) => day(days),
        Value::DateTime(micros) => wall(micros),
        Value::Time(micros) => clock(micros),
    })
}

fn day(days: i32) -> String {
    let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().days(i64::from(days)));
    date.map_or_else(|_| String::new(), |date| date.to_string())
}

fn wall(micros: i64) -> String {
    let begin = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let moment = begin.checked_add(jiff::Span::new().microseconds(micros));
    moment.map_or_else(
        |_| String::new(),
        |moment| moment.to_string().replacen('T', " ", 1),
    )
}

fn clock(micros: i64) -> String {
    let seconds = micros / 1_000_000;
    format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use table_description::{ElementPath, Origin};

    use super::*;

    fn column(name: &str, value_type: FhirType) -> Column {
        Column::new(name, Origin::Element(ElementPath::new(name)), value_type)
    }

    #[test]
    fn values_of_every_type_come_back() {
        let zone = Zone::berlin();
        for (value_type, text, wanted) in [
            (FhirType::String, " a\r\n\"b\" ", " a\r\n\"b\" "),
            (FhirType::Integer, " 12 ", "12"),
            (FhirType::Decimal, "80,50", "80.5"),
            (FhirType::Decimal, "1e20", "100000000000000000000"),
            (FhirType::Decimal, "-0", "0"),
            (FhirType::Date, "1950-05-05", "1950-05-05"),
            (FhirType::DateTime, "2026-01-01 10:00", "2026-01-01 10:00:00"),
            (FhirType::DateTime, "2026-01-01 10:00:30", "2026-01-01 10:00:30"),
        ] {
            let codec = Codec::plain(&column("x", value_type));
            assert_eq!(
                codec.to_hub(text, &zone).unwrap().as_deref(),
                Some(wanted),
                "{text}"
            );
            assert!(codec.same(wanted, text, &zone), "{text}");
        }
        for (value_type, text) in [
            (FhirType::Integer, "1.5"),
            (FhirType::Integer, "3000000000"),
            (FhirType::Decimal, "1,2,3"),
            (FhirType::Decimal, "heavy"),
            (FhirType::Date, "2026-02-30"),
            (FhirType::DateTime, "today"),
        ] {
            assert!(
                Codec::plain(&column("x", value_type))
                    .to_hub(text, &zone)
                    .is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn choices_travel_as_labels_that_tell() {
        let zone = Zone::berlin();
        let text = "field_name,form_name,field_type,field_label,select_choices_or_calculations,text_validation_type_or_show_slider_number\n\
            record_id,f,text,,,\n\
            c,f,radio,,\"1, yes | 2, no | 3, same | 4, same | 5, 1\",\n\
            b,f,checkbox,,\"1, x\",\n\
            k,f,calc,,1+1,\n\
            m,f,text,,,datetime_ymd\n\
            f_additional_values,f,notes,,,\n";
        let dictionary = Dictionary::parse(text.as_bytes(), std::path::Path::new("d")).unwrap();
        let of = |name: &str, t| Codec::of_project(&column(name, t), "f", &dictionary).unwrap();
        let choice = of("c", FhirType::String);
        for (code, value) in [
            ("1", "yes"),
            ("2", "no"),
            ("3", "3"),
            ("4", "4"),
            ("5", "5"),
            ("9", "9"),
        ] {
            assert_eq!(choice.to_hub(code, &zone).unwrap().as_deref(), Some(value));
            assert_eq!(
                choice.to_frontend(value).as_deref(),
                (code != "9").then_some(code)
            );
        }
        let tick = of("b___1", FhirType::String);
        assert_eq!(tick.to_hub("1", &zone).unwrap().as_deref(), Some("Checked"));
        assert!(tick.same("", "0", &zone) && !tick.same("Checked", "0", &zone));
        let state = of("f_complete", FhirType::String);
        assert!(state.same("", "0", &zone) && !state.same("Complete", "0", &zone));
        assert!(!state.same("", "2", &zone) && !state.same("Incomplete", "", &zone));
        assert_eq!(state.to_hub("2", &zone).unwrap().as_deref(), Some("Complete"));
        assert_eq!(state.to_frontend("Unverified").as_deref(), Some("1"));
        assert!(!of("k", FhirType::Decimal).is_writable());
        let minutes = of("m", FhirType::DateTime);
        assert_eq!(
            minutes.to_frontend("2026-01-01 10:00:30").as_deref(),
            Some("2026-01-01 10:00")
        );
        assert!(minutes.same("2026-01-01 10:00:30", "2026-01-01 10:00", &zone));
        let more = of("f_additional_values", FhirType::String);
        assert!(more.same("a'b+%PLUS%", "a%APOS%b%PLUS%%PERCENT%PLUS%", &zone));
        assert!(Codec::of_project(&column("zz", FhirType::String), "f", &dictionary).is_none());
    }
}
