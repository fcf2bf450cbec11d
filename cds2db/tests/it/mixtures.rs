//! Random mixtures of what servers of others do, checked from the wire: no run ends complete while a resource that was
//! delivered is neither stored, nor kept as unreadable, nor left out for a reason that is counted.
//!
//! `CDS2DB_MIXTURES=500` plays so many; `CDS2DB_MIXTURES_FROM` is the first seed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cds2db::Summary;
use cds2db::run::{DirectoryOptions, RunDirectory};
use fhir_crack::search::{Client, ClientOptions, RetryPolicy, Timeouts};
use fixtures::hospital::Hospital;
use serde_json::Value;
use table_description::default_description;

use crate::site::Site;
use crate::wire::{Answer, Asked, Wire};

/// Mixtures played where nothing else is said.
const FEW: u64 = 6;

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    HalfSurrogate,
    TwiceAKey,
    BareNumber,
    BadEscape,
    LatinByte,
    TooDeep,
    NotANumber,
    LinkAsObject,
    RelationInCapitals,
    RelationInArray,
    EscapedNames,
    OtherHost,
    EmptyNext,
    NullNext,
    SelfLinkWithout,
    Warning,
    ErrorOutcome,
    TotalTooLarge,
    Stranger,
    FirstOfList,
    BundleInBundle,
    UnavailableOnce,
    CutOnce,
    CutAlways,
    OldBase,
}

const KINDS: [Kind; 25] = [
    Kind::HalfSurrogate,
    Kind::TwiceAKey,
    Kind::BareNumber,
    Kind::BadEscape,
    Kind::LatinByte,
    Kind::TooDeep,
    Kind::NotANumber,
    Kind::LinkAsObject,
    Kind::RelationInCapitals,
    Kind::RelationInArray,
    Kind::EscapedNames,
    Kind::OtherHost,
    Kind::EmptyNext,
    Kind::NullNext,
    Kind::SelfLinkWithout,
    Kind::Warning,
    Kind::ErrorOutcome,
    Kind::TotalTooLarge,
    Kind::Stranger,
    Kind::FirstOfList,
    Kind::BundleInBundle,
    Kind::UnavailableOnce,
    Kind::CutOnce,
    Kind::CutAlways,
    Kind::OldBase,
];

/// A small generator, so that a seed says everything.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mixed = (self.0 ^ (self.0 >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 32)) % bound
    }
}

/// What went over the wire.
#[derive(Debug, Default)]
struct Wired {
    dice: u64,
    pages: u64,
    /// Type and id of every resource on a page that was sent whole.
    delivered: BTreeSet<(String, String)>,
    /// The delivered encounters that refer to a place.
    places: BTreeMap<(String, String), BTreeSet<(String, String)>>,
    /// Of these, the ones that a text was put into that no JSON may have.
    damaged: BTreeSet<(String, String)>,
    /// Resources of somebody nobody asked for.
    strangers: BTreeSet<(String, String)>,
    /// Requests that were answered badly once.
    once: BTreeSet<String>,
    played: BTreeMap<Kind, u64>,
}

const STRANGER: &str = "somebody-else";

impl Wired {
    /// Spoils an answer by some of the kinds and notes what it delivers.
    fn spoil(&mut self, kinds: &[Kind], asked: &Asked, answer: Answer) -> Answer {
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

/// Ids by type of what a hub holds.
async fn stored(site: &Site) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for table in default_description().tables {
        let (Some(resource), Some(id)) = (&table.resource, table.position_of_path("id")) else {
            continue;
        };
        let column = &table.columns[id].name;
        let sql = format!(
            "SELECT DISTINCT substring(\"{column}\" from '[^]]+$') FROM db_log.{}_raw",
            table.name
        );
        let rows = crate::select::select(&site.hub, &sql).await;
        let ids = rows
            .into_iter()
            .filter_map(|row| row.into_iter().next().flatten());
        found.extend(ids.map(|id| (resource.clone(), id)));
    }
    found
}

/// Plays one mixture; says which kinds were played.
async fn mixture(seed: u64) -> BTreeMap<Kind, u64> {
    let mut dice = Dice(seed);
    let kinds: Vec<Kind> = KINDS.into_iter().filter(|_| dice.below(5) == 0).collect();
    let mut site = Site::open(Hospital::new(seed, 4)).await;
    site.settings.server.count = Some(10 + u32::try_from(dice.below(30)).expect("small"));
    let wired = Arc::new(Mutex::new(Wired {
        dice: seed,
        ..Wired::default()
    }));
    let (seen, of) = (Arc::clone(&wired), kinds.clone());
    let cuts = kinds.contains(&Kind::FirstOfList);
    let wire = Wire::changing(
        site.server.address(),
        move |asked| {
            if cuts {
                first_of_list(asked);
            }
        },
        move |asked, answer| seen.lock().expect("lock").spoil(&of, asked, answer),
    );
    let retry = RetryPolicy {
        attempts: 3,
        base: Duration::from_millis(2),
        cap: Duration::from_millis(5),
        ..RetryPolicy::default()
    };
    let options = ClientOptions::new(&wire.base())
        .expect("a base URL")
        .retry(retry)
        .timeouts(Timeouts {
            total: Duration::from_secs(30),
            ..Timeouts::default()
        });
    let client = Client::new(options).expect("a client");
    let base = tempfile::tempdir().expect("directory");
    let directory = RunDirectory::open(base.path(), DirectoryOptions::default()).expect("opens");
    let ran = site.run_at(&directory, &client).await;
    let wired = std::mem::take(&mut *wired.lock().expect("lock"));
    match ran {
        Ok(summary) => check(seed, &kinds, &site, &directory, &summary, &wired).await,
        // Without the wards nobody knows who is missing: the run says so and stores nothing.
        Err(error) => assert!(!error.to_string().contains("MARKER"), "seed {seed}: {error}"),
    }
    wired.played
}

fn first_of_list(asked: &mut Asked) {
    let body = String::from_utf8_lossy(&asked.body).replace("%2C", ",");
    let cut: Vec<String> = body
        .split('&')
        .map(|part| match part.split_once('=') {
            Some((name @ ("_id" | "patient" | "subject"), list)) => {
                format!("{name}={}", list.split(',').next().unwrap_or_default())
            }
            _ => part.to_owned(),
        })
        .collect();
    asked.body = cut.join("&").into_bytes();
}

async fn check(
    seed: u64,
    kinds: &[Kind],
    site: &Site,
    directory: &RunDirectory,
    summary: &Summary,
    wired: &Wired,
) {
    let of = format!("seed {seed}, {kinds:?}");
    let said = serde_json::to_string(summary).expect("JSON");
    assert!(!said.contains("MARKER"), "{of}: {said}");
    let stored = stored(site).await;
    assert!(
        stored.iter().all(|(_, id)| !id.starts_with(STRANGER)),
        "{of}: a stranger is stored"
    );
    for (table, counts) in &summary.tables {
        assert!(counts.is_accounted_for(), "{of}: {table}: {counts:?}");
    }
    if !summary.complete {
        assert!(!summary.incomplete.is_empty(), "{of}");
        return;
    }
    let parts = RunDirectory::unread_parts(directory.layout()).expect("the list");
    let mut kept = BTreeSet::new();
    for part in &parts {
        let bytes = std::fs::read(directory.layout().root().join("unread").join(&part.file)).expect("kept");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        kept.extend(
            wired
                .damaged
                .iter()
                .filter(|(_, id)| text.contains(&format!("\"id\":\"{id}\"")))
                .cloned(),
        );
    }
    // Places are looked at to find the wards, and stored where an encounter that could be read refers to them: those of one
    // that is kept come with it.
    let comes_later = |key| wired.places.get(key).is_some_and(|of| of.is_subset(&kept));
    let missing: Vec<_> = wired
        .delivered
        .iter()
        .filter(|key| !stored.contains(*key) && !kept.contains(*key) && !comes_later(*key))
        .collect();
    assert!(
        missing.is_empty(),
        "{of}: {} of {} delivered resources are nowhere, {:?}; {} stored, {} kept; {:?}",
        missing.len(),
        wired.delivered.len(),
        missing.iter().take(3).collect::<Vec<_>>(),
        stored.len(),
        kept.len(),
        summary.remarks
    );
    if !parts.is_empty() {
        assert!(!summary.remarks.is_empty(), "{of}: what cannot be read is told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_run_is_complete_while_a_delivered_resource_is_nowhere() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let count = number("CDS2DB_MIXTURES").unwrap_or(FEW);
    let from = number("CDS2DB_MIXTURES_FROM").unwrap_or(1);
    let mut played: BTreeMap<Kind, u64> = BTreeMap::new();
    for seed in from..from + count {
        for (kind, times) in mixture(seed).await {
            *played.entry(kind).or_default() += times;
        }
    }
    println!("{count} mixtures played: {played:?}");
}
