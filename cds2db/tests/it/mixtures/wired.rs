//! What went over the wire: answers are spoiled here, and what they deliver is noted as the client gets it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::wire::{Answer, Asked};

use super::dice::Dice;
use super::kind::Kind;

/// What went over the wire.
#[derive(Debug, Default)]
pub(super) struct Wired {
    pub(super) dice: u64,
    pub(super) pages: u64,
    /// Type and id of every resource on a page that was sent whole.
    pub(super) delivered: BTreeSet<(String, String)>,
    /// The delivered encounters that refer to a place.
    pub(super) places: BTreeMap<(String, String), BTreeSet<(String, String)>>,
    /// Of these, the ones that a text was put into that no JSON may have.
    pub(super) damaged: BTreeSet<(String, String)>,
    /// Resources of somebody nobody asked for.
    pub(super) strangers: BTreeSet<(String, String)>,
    /// Requests that were answered badly once.
    pub(super) once: BTreeSet<String>,
    pub(super) played: BTreeMap<Kind, u64>,
}

pub(super) const STRANGER: &str = "somebody-else";

impl Wired {
    /// Spoils an answer by some of the kinds and notes what it delivers.
    pub(super) fn spoil(&mut self, kinds: &[Kind], asked: &Asked, answer: Answer) -> Answer {
        let Ok(mut page) = serde_json::from_slice::<Value>(&answer.body) else {
            return answer;
        };
        if answer.status != 200 || page["resourceType"] != "Bundle" || asked.text().contains("_summary=count")
        {
            return answer;
        }
        self.pages += 1;
        let mut dice = Dice(self.dice ^ self.pages.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let kinds: Vec<Kind> = kinds.iter().copied().filter(|_| dice.below(3) == 0).collect();
        for kind in &kinds {
            match kind {
                Kind::UnavailableOnce if self.once.insert(asked.text()) => {
                    self.play(*kind);
                    return Answer {
                        status: 503,
                        ..answer
                    };
                }
                Kind::CutOnce if self.once.insert(asked.text()) => {
                    self.play(*kind);
                    let half = answer.body[..answer.body.len() / 2].to_vec();
                    return answer.with(half);
                }
                Kind::CutAlways if dice.below(20) == 0 => {
                    self.play(*kind);
                    let half = answer.body[..answer.body.len() / 2].to_vec();
                    return answer.with(half);
                }
                _ => {}
            }
        }
        // The search for wards brings encounters of patients that nobody asks for.
        let asked = asked.text();
        let is_list = ["_id=", "patient=", "subject="]
            .iter()
            .any(|name| asked.contains(name));
        for kind in kinds.iter().filter(|kind| is_list || **kind != Kind::Stranger) {
            self.shape(*kind, &mut page, &mut dice);
        }
        if is_list {
            self.note(&page);
        }
        let mut text = serde_json::to_string(&page).expect("JSON").into_bytes();
        for kind in &kinds {
            text = self.damage(*kind, text, &mut dice);
        }
        answer.with(text)
    }

    fn play(&mut self, kind: Kind) {
        *self.played.entry(kind).or_default() += 1;
    }

    fn note(&mut self, page: &Value) {
        for entry in page["entry"].as_array().into_iter().flatten() {
            let resource = &entry["resource"];
            if resource["resourceType"] == "Bundle" {
                self.note(resource);
            } else if let (Some(kind), Some(id)) =
                (resource["resourceType"].as_str(), resource["id"].as_str())
            {
                let key = (kind.to_owned(), id.to_owned());
                for place in resource["location"].as_array().into_iter().flatten() {
                    let place = place["location"]["reference"].as_str();
                    if let Some((kind, id)) = place.and_then(|place| place.split_once('/')) {
                        let of = self.places.entry((kind.to_owned(), id.to_owned()));
                        of.or_default().insert(key.clone());
                    }
                }
                match id.starts_with(STRANGER) {
                    true => self.strangers.insert(key),
                    false => self.delivered.insert(key),
                };
            }
        }
    }

    /// Other forms of the page, all of them JSON.
    fn shape(&mut self, kind: Kind, page: &mut Value, dice: &mut Dice) {
        let links = page["link"].as_array().cloned().unwrap_or_default();
        let next = links.iter().position(|link| link["relation"] == "next");
        match kind {
            Kind::LinkAsObject if next.is_some() => {
                page["link"] = links[next.unwrap_or_default()].clone();
            }
            Kind::RelationInCapitals if next.is_some() && page["link"].is_array() => {
                page["link"][next.unwrap_or_default()]["relation"] = "NEXT".into();
            }
            Kind::RelationInArray if next.is_some() && page["link"].is_array() => {
                page["link"][next.unwrap_or_default()]["relation"] = Value::Array(vec!["next".into()]);
            }
            Kind::OtherHost if next.is_some() && page["link"].is_array() => {
                let url = page["link"][next.unwrap_or_default()]["url"]
                    .as_str()
                    .unwrap_or_default();
                let behind = url.split_once("/fhir").map_or("", |(_, behind)| behind);
                page["link"][next.unwrap_or_default()]["url"] =
                    format!("https://inner.example:8443/fhir{behind}").into();
            }
            Kind::EmptyNext if next.is_none() && page["link"].is_array() => {
                let link = serde_json::json!({"relation": "next", "url": ""});
                page["link"].as_array_mut().expect("an array").push(link);
            }
            Kind::NullNext if next.is_none() && page["link"].is_array() => {
                let link = serde_json::json!({"relation": "next", "url": null});
                page["link"].as_array_mut().expect("an array").push(link);
            }
            Kind::SelfLinkWithout if page["link"].is_array() => {
                let own = links.iter().position(|link| link["relation"] == "self");
                let Some(own) = own else { return };
                let url = links[own]["url"].as_str().unwrap_or_default();
                page["link"][own]["url"] = url.split('?').next().unwrap_or_default().into();
            }
            Kind::Warning | Kind::ErrorOutcome => {
                if kind == Kind::ErrorOutcome && dice.below(10) > 0 {
                    return;
                }
                let severity = if kind == Kind::Warning { "warning" } else { "error" };
                let outcome = serde_json::json!({"resource": {"resourceType": "OperationOutcome",
                    "issue": [{"severity": severity, "code": "not-supported", "diagnostics": "Anna MARKER",
                               "expression": ["http.patient", "MARKER"]}]}, "search": {"mode": "outcome"}});
                match page["entry"].as_array_mut() {
                    Some(entries) => entries.push(outcome),
                    None => page["entry"] = Value::Array(vec![outcome]),
                }
            }
            Kind::TotalTooLarge => {
                let Some(total) = page["total"].as_u64() else {
                    return;
                };
                page["total"] = (total + 3).into();
            }
            Kind::Stranger => {
                let Some(first) = page["entry"][0]["resource"].as_object().cloned() else {
                    return;
                };
                let mut other = first;
                let has = |name: &str, other: &serde_json::Map<String, Value>| other.contains_key(name);
                let name = ["subject", "patient"].into_iter().find(|name| has(name, &other));
                let (Some(name), true) = (name, other["resourceType"] != "Bundle") else {
                    return;
                };
                other.insert(
                    name.to_owned(),
                    serde_json::json!({"reference": format!("Patient/{STRANGER}")}),
                );
                other.insert("id".to_owned(), format!("{STRANGER}-{}", self.pages).into());
                let entry = serde_json::json!({"resource": other, "search": {"mode": "match"}});
                page["entry"].as_array_mut().expect("entries").push(entry);
            }
            Kind::BundleInBundle => {
                let resource = page["entry"][0]["resource"].clone();
                if resource.is_object() && resource["resourceType"] != "Bundle" {
                    page["entry"][0]["resource"] =
                        serde_json::json!({"resourceType": "Bundle", "entry": [{"resource": resource}]});
                }
            }
            Kind::OldBase => {
                for entry in page["entry"].as_array_mut().into_iter().flatten() {
                    let reference = entry["resource"]["subject"]["reference"]
                        .as_str()
                        .map(str::to_owned);
                    if let Some(reference) = reference.filter(|text| text.starts_with("Patient/")) {
                        entry["resource"]["subject"]["reference"] =
                            format!("http://old.example/fhir/{reference}").into();
                    }
                }
            }
            _ => return,
        }
        self.play(kind);
    }

    /// Bytes that no JSON may have, put into one resource of the page.
    fn damage(&mut self, kind: Kind, text: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
        let put: Vec<u8> = match kind {
            Kind::HalfSurrogate => br#""language":"\ud83d","#.to_vec(),
            Kind::TwiceAKey => br#""implicitRules":"a","implicitRules":"b","#.to_vec(),
            Kind::BareNumber => br#""note":[{"x":.15}],"#.to_vec(),
            Kind::BadEscape => br#""language":"\'","#.to_vec(),
            Kind::LatinByte => b"\"language\":\"Gr\xfcn\",".to_vec(),
            Kind::TooDeep => format!("\"note\":{}{},", "[".repeat(200), "]".repeat(200)).into_bytes(),
            Kind::NotANumber => br#""note":[NaN],"#.to_vec(),
            Kind::EscapedNames => {
                let text = String::from_utf8_lossy(&text).into_owned();
                if text.contains("\"link\"") && !text.contains('\u{fffd}') {
                    self.play(kind);
                    return text.replacen("\"link\"", "\"l\\u0069nk\"", 1).into_bytes();
                }
                return text.into_bytes();
            }
            _ => return text,
        };
        const ID: &[u8] = br#""id":""#;
        let ids: Vec<usize> = (0..text.len().saturating_sub(ID.len()))
            .filter(|at| text[*at..].starts_with(ID))
            .collect();
        if ids.is_empty() {
            return text;
        }
        let at = ids[dice.below(ids.len() as u64) as usize];
        let id = String::from_utf8_lossy(&text[at + ID.len()..]);
        let id = id.split('"').next().unwrap_or_default().to_owned();
        let known = self
            .delivered
            .iter()
            .chain(&self.strangers)
            .find(|(_, known)| *known == id);
        let Some(known) = known.cloned() else {
            return text;
        };
        self.play(kind);
        if kind != Kind::HalfSurrogate {
            self.damaged.insert(known);
        }
        [&text[..at], put.as_slice(), &text[at..]].concat()
    }
}
