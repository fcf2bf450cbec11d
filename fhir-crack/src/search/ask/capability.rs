use std::time::SystemTime;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde::Deserialize;

use crate::search::envelope::page::Format;

/// What a server says it can do: the parts of its CapabilityStatement that a retrieval depends on.
///
/// Source: FHIR R4, <https://hl7.org/fhir/R4/capabilitystatement.html>.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Capability {
    /// Version of FHIR, such as `4.0.1`.
    pub fhir_version: String,
    /// The server's software.
    pub software: Software,
    /// Formats as the server writes them: `json`, `application/fhir+xml`, …
    pub format: Vec<String>,
    /// The server's time of the answer, where it tells; whole seconds.
    #[serde(skip)]
    pub answered_at: Option<SystemTime>,
    rest: Vec<Rest>,
}

/// Name and version of a server's software.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Software {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Rest {
    resource: Vec<TypeCapability>,
    operation: Vec<Named>,
}

/// What a server can do with a resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct TypeCapability {
    /// Resource type.
    #[serde(rename = "type")]
    pub resource: String,
    interaction: Vec<Coded>,
    search_param: Vec<Named>,
    operation: Vec<Named>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Named {
    name: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Coded {
    code: String,
}

impl Capability {
    pub(crate) fn read(body: &[u8], format: Format) -> Option<Capability> {
        match format {
            Format::Json => serde_json::from_slice(body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body)).ok(),
            Format::Xml => read_xml(std::str::from_utf8(body).ok()?),
        }
    }

    /// What the server can do with a type; `None` where it does not name the type.
    pub fn of(&self, resource: &str) -> Option<&TypeCapability> {
        self.types().find(|known| known.resource == resource)
    }

    /// All types the server names, in its order.
    pub fn types(&self) -> impl Iterator<Item = &TypeCapability> {
        self.rest.iter().flat_map(|rest| &rest.resource)
    }

    /// Whether an operation of that name, with or without `$`, is named for the server or for any type.
    pub fn has_operation(&self, name: &str) -> bool {
        let name = name.trim_start_matches('$');
        let named = |operation: &Named| operation.name.trim_start_matches('$') == name;
        self.rest.iter().any(|rest| rest.operation.iter().any(named))
            || self.types().any(|known| known.operation.iter().any(named))
    }
}

impl TypeCapability {
    /// Whether the server names an interaction, such as `search-type`.
    pub fn has_interaction(&self, code: &str) -> bool {
        self.interaction
            .iter()
            .any(|interaction| interaction.code == code)
    }

    /// Whether the server names a search parameter.
    pub fn has_param(&self, name: &str) -> bool {
        self.search_param.iter().any(|param| param.name == name)
    }
}

fn read_xml(text: &str) -> Option<Capability> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut capability = Capability::default();
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                path.push(start.local_name().as_ref().to_owned());
                capability.take(&path, &start)?;
            }
            Event::Empty(start) => {
                path.push(start.local_name().as_ref().to_owned());
                capability.take(&path, &start)?;
                path.pop();
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Eof => return path.is_empty().then_some(capability),
            _ => {}
        }
    }
}

impl Capability {
    /// Takes one element of the XML form; `path` ends with it.
    fn take(&mut self, path: &[String], start: &BytesStart<'_>) -> Option<()> {
        let value = || match start.try_get_attribute("value").ok()? {
            Some(attribute) => Some(
                attribute
                    .normalized_value(XmlVersion::Implicit1_0)
                    .ok()?
                    .into_owned(),
            ),
            None => Some(String::new()),
        };
        let names: Vec<&str> = path.iter().skip(1).map(String::as_str).collect();
        match names[..] {
            ["fhirVersion"] => self.fhir_version = value()?,
            ["software", "name"] => self.software.name = value()?,
            ["software", "version"] => self.software.version = value()?,
            ["format"] => self.format.push(value()?),
            ["rest"] => self.rest.push(Rest::default()),
            ["rest", ref inner @ ..] => {
                if let Some(rest) = self.rest.last_mut() {
                    match (inner, rest.resource.last_mut()) {
                        (["operation", "name"], _) => rest.operation.push(Named { name: value()? }),
                        (["resource"], _) => rest.resource.push(TypeCapability::default()),
                        (["resource", "type"], Some(known)) => known.resource = value()?,
                        (["resource", "interaction", "code"], Some(known)) => {
                            known.interaction.push(Coded { code: value()? });
                        }
                        (["resource", "searchParam", "name"], Some(known)) => {
                            known.search_param.push(Named { name: value()? });
                        }
                        (["resource", "operation", "name"], Some(known)) => {
                            known.operation.push(Named { name: value()? });
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1","format":["json","xml"],
      "software":{"name":"S","version":"1"},
      "rest":[{"mode":"server","operation":[{"name":"export","definition":"d"}],
        "resource":[{"type":"Patient","interaction":[{"code":"read"},{"code":"search-type"}],
                     "searchParam":[{"name":"_id","type":"token"}],"operation":[{"name":"$everything"}]},
                    {"type":"Location"}]}]}"#;
    const XML: &str = r#"<CapabilityStatement xmlns="http://hl7.org/fhir"><fhirVersion value="4.0.1"/>
      <format value="json"/><format value="xml"/><software><name value="S"/><version value="1"/></software>
      <rest><mode value="server"/><resource><type value="Patient"/><interaction><code value="read"/></interaction>
        <interaction><code value="search-type"/></interaction><searchParam><name value="_id"/><type value="token"/></searchParam>
        <operation><name value="$everything"/></operation></resource><resource><type value="Location"/></resource>
        <operation><name value="export"/><definition value="d"/></operation></rest></CapabilityStatement>"#;

    #[test]
    fn json_and_xml_read_the_same() {
        let json = Capability::read(JSON.as_bytes(), Format::Json).expect("json");
        assert_eq!(Capability::read(XML.as_bytes(), Format::Xml).expect("xml"), json);
        assert_eq!(json.fhir_version, "4.0.1");
        let patient = json.of("Patient").expect("Patient");
        assert!(patient.has_interaction("search-type") && patient.has_param("_id"));
        assert!(!patient.has_param("name") && json.of("Basic").is_none());
        assert!(
            json.has_operation("$export") && json.has_operation("everything") && !json.has_operation("x")
        );
        assert!(Capability::read(&XML.as_bytes()[..200], Format::Xml).is_none());
    }
}
