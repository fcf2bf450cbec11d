use std::collections::HashMap;

use serde_json::Value;

use super::outcome::Refusal;
use crate::eval::temporal::Moment;

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked {
    pub(super) subjects: Vec<Subject>,
    pub(super) format: Shape,
    /// Whether `_format` says it, so that no header decides.
    pub(super) format_is_said: bool,
    pub(super) header: bool,
    pub(super) patients: Vec<String>,
    pub(super) groups: Vec<String>,
    /// An instant.
    pub(super) since: Option<String>,
    pub(super) limit: Option<u64>,
    /// ViewDefinitions and Libraries that are found before those at hand.
    pub(super) context: Vec<Value>,
    /// Resources to run over, in place of the data; Bundles are unwrapped.
    pub(super) resources: Option<Vec<Value>>,
    pub(super) tracking: Option<String>,
}

/// A view or query that is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    pub(super) name: Option<String>,
    pub(super) of: Vec<Of>,
    /// Values of a query's parameters, by name.
    pub(super) parameters: HashMap<String, String>,
}

#[derive(Clone, Debug)]
pub(super) enum Of {
    Canonical(String),
    Reference(String),
    Resource(Value),
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Shape {
    #[default]
    NdJson,
    Json,
    Csv,
    Parquet,
    Fhir,
}

impl Shape {
    pub(super) fn named(name: &str) -> Result<Self, Refusal> {
        Ok(match name {
            "ndjson" | "application/x-ndjson" | "application/ndjson" | "application/fhir+ndjson" => {
                Self::NdJson
            }
            "json" | "application/json" => Self::Json,
            "csv" | "text/csv" => Self::Csv,
            "parquet" | "application/vnd.apache.parquet" => Self::Parquet,
            "fhir" | "application/fhir+json" => Self::Fhir,
            _ => {
                return Err(Refusal::not_supported(
                    "_format is json, ndjson, csv, parquet or fhir",
                ));
            }
        })
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::NdJson => "ndjson",
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Fhir => "fhir",
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::NdJson => "application/x-ndjson",
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Fhir => "application/fhir+json",
        }
    }
}

impl Asked {
    fn new() -> Self {
        Self {
            header: true,
            ..Self::default()
        }
    }

    /// Of a `$sql-run` with everything in its query.
    pub(super) fn of_query(query: &str) -> Result<Self, Refusal> {
        let mut asked = Self::new();
        let mut subject = Subject::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, decoded(value)?);
            if !subject.set(&name, &value) {
                asked.set(&name, &value)?;
            }
        }
        asked.subjects.push(subject);
        Ok(asked)
    }

    /// Of a Parameters resource; a `$sql-run` names its subject beside the others, a `$sql-export` each in a `subject`.
    pub(super) fn of_parameters(body: &[u8], export: bool) -> Result<Self, Refusal> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| Refusal::invalid("the body is no JSON"))?;
        if body.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
            return Err(Refusal::invalid("the body is no Parameters resource"));
        }
        let mut asked = Self::new();
        let mut single = Subject::default();
        for parameter in items(&body, "parameter") {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            if export && name == "subject" {
                asked.subjects.push(Subject::of_parts(parameter)?);
            } else if !export && single.take(name, parameter)? {
            } else if name == "context" {
                asked.context.push(resource(name, parameter)?);
            } else if name == "resource" {
                let resources = asked.resources.get_or_insert_default();
                unwrap_bundle(resource(name, parameter)?, resources);
            } else {
                let value =
                    text(parameter).ok_or_else(|| Refusal::invalid(format!("{name} has no value")))?;
                asked.set(name, &value)?;
            }
        }
        if !export {
            asked.subjects.push(single);
        }
        Ok(asked)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        let wrong = |expected: &str| Refusal::invalid(format!("{name} is {expected}"));
        match name {
            "_format" => {
                self.format = Shape::named(value)?;
                self.format_is_said = true;
            }
            "header" => self.header = value.parse().map_err(|_| wrong("true or false"))?,
            "patient" => self
                .patients
                .push(id_of(value, "Patient").ok_or_else(|| wrong("a reference to a Patient"))?),
            "group" => self
                .groups
                .push(id_of(value, "Group").ok_or_else(|| wrong("a reference to a Group"))?),
            "_since" => {
                let instant = Moment::date_time(value).and_then(Moment::microseconds);
                instant.ok_or_else(|| wrong("an instant"))?;
                self.since = Some(value.to_owned());
            }
            "_limit" => self.limit = Some(value.parse().map_err(|_| wrong("a number of rows"))?),
            "clientTrackingId" => self.tracking = Some(value.to_owned()),
            "source" => {
                return Err(Refusal::not_supported(
                    "the source is what the server was started over",
                ));
            }
            _ => {
                return Err(Refusal::invalid(
                    "there is a parameter that the operation does not have",
                ));
            }
        }
        Ok(())
    }
}

impl Subject {
    /// Takes a parameter that is one of the subject's; whether it was.
    fn set(&mut self, name: &str, value: &str) -> bool {
        match name {
            "subjectCanonical" => self.of.push(Of::Canonical(value.to_owned())),
            "subjectReference" => self.of.push(Of::Reference(value.to_owned())),
            _ => return false,
        }
        true
    }

    fn take(&mut self, name: &str, parameter: &Value) -> Result<bool, Refusal> {
        match name {
            "subjectResource" => self.of.push(Of::Resource(resource(name, parameter)?)),
            "parameters" => {
                let values = resource(name, parameter)?;
                for value in items(&values, "parameter") {
                    let name = value.get("name").and_then(Value::as_str).unwrap_or_default();
                    let text =
                        text(value).ok_or_else(|| Refusal::invalid("a value of parameters is missing"))?;
                    self.parameters.insert(name.to_owned(), text);
                }
            }
            _ => {
                let value = text(parameter).unwrap_or_default();
                return Ok(self.set(name, &value));
            }
        }
        Ok(true)
    }

    fn of_parts(parameter: &Value) -> Result<Self, Refusal> {
        let mut subject = Self::default();
        for part in items(parameter, "part") {
            let name = part.get("name").and_then(Value::as_str).unwrap_or_default();
            if name == "name" {
                subject.name = text(part);
            } else if !subject.take(name, part)? {
                return Err(Refusal::invalid(
                    "a subject has a part that the operation does not have",
                ));
            }
        }
        Ok(subject)
    }
}

fn items<'v>(value: &'v Value, member: &str) -> impl Iterator<Item = &'v Value> {
    value.get(member).and_then(Value::as_array).into_iter().flatten()
}

fn resource(name: &str, parameter: &Value) -> Result<Value, Refusal> {
    let resource = parameter.get("resource").filter(|resource| resource.is_object());
    resource
        .cloned()
        .ok_or_else(|| Refusal::invalid(format!("{name} has no resource")))
}

fn unwrap_bundle(resource: Value, into: &mut Vec<Value>) {
    if resource.get("resourceType").and_then(Value::as_str) != Some("Bundle") {
        into.push(resource);
        return;
    }
    let inside = items(&resource, "entry").filter_map(|entry| entry.get("resource"));
    into.extend(inside.cloned());
}

/// The value of a parameter as text; of a Reference its reference.
fn text(parameter: &Value) -> Option<String> {
    let members = parameter.as_object()?;
    let value = members.iter().find(|(name, _)| name.starts_with("value"))?.1;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(parts) => parts.get("reference")?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// The id of a reference to this type, or the id itself.
fn id_of(reference: &str, wanted: &str) -> Option<String> {
    let id = match reference.rsplit_once('/') {
        None => reference,
        Some((kind, id)) if kind.rsplit('/').next() == Some(wanted) => id,
        Some(_) => return None,
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
    ((1..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}

fn decoded(text: &str) -> Result<String, Refusal> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text).decode_utf8();
    decoded
        .map(|text| text.into_owned())
        .map_err(|_| Refusal::invalid("the query is not UTF-8"))
}
