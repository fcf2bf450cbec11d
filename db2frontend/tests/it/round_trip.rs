//! Days of edits on both sides against a slow model of what must stand at the end of each.

use std::collections::BTreeMap;

use fixtures::redcap::RedcapServer;

use crate::hospital::{Case, Patient};
use crate::project::{export_to, import_from, records, start, value};
use crate::server::TestHub;

/// Numbers from a seed (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1))
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(n).unwrap()).unwrap()
    }

    pub(crate) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const TEXTS: [&str; 9] = [
    "plain",
    "\"quoted\" and 'single'",
    "two\nlines, with comma; and semicolon",
    "😀 emoji ü",
    "%PLUS% literally + %PERCENT%",
    "<b>tags</b> & entities",
    "tab\there",
    "=1+1",
    "0",
];

/// What a row is found by: record, and form and repetition where it repeats.
type Place = (String, Option<(&'static str, u32)>);

/// The final state by the rules, one field at a time.
#[derive(Default)]
struct Model {
    /// What FHIR gave last, and what stands in the frontend.
    given: BTreeMap<(Place, &'static str), String>,
    stands: BTreeMap<(Place, &'static str), String>,
}

impl Model {
    fn edit(&mut self, place: &Place, field: &'static str, text: &str) {
        self.stands.insert((place.clone(), field), text.to_owned());
    }

    /// A chain: FHIR's value returns; where FHIR has none, what it gave before goes, and what clinicians wrote stays.
    fn chain(&mut self, place: &Place, field: &'static str, fhir: &str) {
        let key = (place.clone(), field);
        let before = self
            .given
            .insert(key.clone(), fhir.to_owned())
            .unwrap_or_default();
        let stands = self.stands.entry(key).or_default();
        if !fhir.is_empty() || (!before.is_empty() && *stands == before) {
            fhir.clone_into(stands);
        }
    }
}

struct World {
    t: TestHub,
    server: RedcapServer,
    dice: Dice,
    patients: Vec<Patient>,
    cases: Vec<Case>,
    model: Model,
    /// Record of each patient.
    records: BTreeMap<String, String>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let count = 2 + dice.below(2);
        let mut this = Self {
            t: TestHub::new().await,
            server: start(),
            dice,
            patients: Vec::new(),
            cases: Vec::new(),
            model: Model::default(),
            records: BTreeMap::new(),
        };
        for n in 0..count {
            this.patients.push(Patient {
                id: format!("p{n}"),
                family: format!("Family {n}"),
                given: "Ada".to_owned(),
                birth: "1950-05-05".to_owned(),
            });
            this.add_case(n);
        }
        for patient in &this.patients {
            this.t.patient(patient).await;
        }
        this.t.arrive().await;
        this
    }

    fn add_case(&mut self, patient: usize) {
        let n = self.cases.len();
        let drawn = format!("Station {}", 1 + self.dice.below(2));
        // The ward list has a patient on one ward at a time.
        let id = format!("p{patient}");
        let listed = self
            .cases
            .iter()
            .find(|case| case.patient == id)
            .map(|case| case.ward.clone());
        self.cases.push(Case {
            id: format!("e{n}"),
            patient: format!("p{patient}"),
            ward: listed.unwrap_or(drawn),
            start: format!("2026-02-{:02} 10:{:02}:30", 1 + n % 28, n % 60),
            end: String::new(),
            status: "in-progress".to_owned(),
            number: format!("F{n}"),
        });
    }

    /// FHIR of the next day.
    async fn fhir(&mut self) {
        for n in 0..self.patients.len() {
            if self.dice.below(2) == 0 {
                let patient = &mut self.patients[n];
                match self.dice.below(4) {
                    0 => patient.family = self.dice.pick(&TEXTS).to_owned(),
                    1 => patient.family = String::new(),
                    2 => {
                        patient.birth = if patient.birth.is_empty() {
                            "1961-06-06".into()
                        } else {
                            String::new()
                        }
                    }
                    _ => patient.family = format!("Family {n}"),
                }
                self.t.patient(patient).await;
            }
        }
        if self.dice.below(3) == 0 {
            let patient = self.dice.below(self.patients.len());
            self.add_case(patient);
        }
        for n in 0..self.cases.len() {
            let case = &mut self.cases[n];
            match self.dice.below(6) {
                0 => {
                    case.end = if case.end.is_empty() {
                        "2026-03-01 12:00:00".into()
                    } else {
                        String::new()
                    };
                }
                1 => {
                    case.status = if case.status == "finished" {
                        "in-progress".into()
                    } else {
                        "finished".into()
                    }
                }
                2 => case.number = self.dice.pick(&["", "A-1", "B \"2\""]).to_owned(),
                _ => {}
            }
            let case = case.clone();
            self.t.case(&case).await;
        }
        self.t.arrive().await;
    }

    fn place_of_patient(&self, id: &str) -> Place {
        (self.records[id].clone(), None)
    }

    /// Edits of clinicians: changed, added, emptied.
    fn edits(&mut self) {
        for _ in 0..self.dice.below(8) {
            let patient = self.dice.below(self.patients.len());
            let record = self.records[&self.patients[patient].id].clone();
            let text = if self.dice.below(4) == 0 {
                ""
            } else {
                self.dice.pick(&TEXTS)
            };
            let case = self.dice.below(self.cases.len());
            let (place, field, text): (Place, &'static str, &str) = match self.dice.below(6) {
                0 => ((record, None), "pat_name", text),
                1 => ((record, None), "projekt_versionsnummer", text),
                2 => (
                    (record, None),
                    "pat_gebdat",
                    self.dice.pick(&["", "1940-04-04", "1961-06-06"]),
                ),
                3 | 4 => {
                    let number = 1 + u32::try_from(self.dice.below(2)).unwrap();
                    ((record, Some(("medikationsanalyse", number))), "meda_notiz", text)
                }
                _ => match self.case_place(case) {
                    Some(place) => (place, "fall_gewicht_aktl_einheit", text),
                    None => continue,
                },
            };
            let (id, repeat) = place.clone();
            self.server.edit(|p| {
                p.edit(&id, repeat, field, text);
                if let Some((form @ "medikationsanalyse", _)) = repeat {
                    p.edit(&id, repeat, "fall_meda_id", "F");
                    p.edit(&id, repeat, &format!("{form}_complete"), "1");
                }
            });
            self.model.edit(&place, field, text);
        }
    }

    /// Where a case stands in the frontend.
    fn case_place(&self, case: usize) -> Option<Place> {
        let case = &self.cases[case];
        let record = self.records.get(&case.patient)?.clone();
        (1..20).find_map(|n| {
            let found = value(&self.server, &record, Some(("fall", n)), "fall_fhir_enc_id");
            (found == case.id).then(|| (record.clone(), Some(("fall", n))))
        })
    }

    /// One chain and its check.
    async fn chain(&mut self, day: usize, seed: u64) {
        import_from(&self.t, &self.server).await.unwrap();
        self.t.process().await;
        let done = export_to(&self.t, &self.server).await.unwrap();
        assert!(
            done.not_written.is_empty() && done.moved == 0,
            "seed {seed}, day {day}: {done:?}"
        );
        for id in records(&self.server) {
            let patient = value(&self.server, &id, None, "pat_id");
            self.records.insert(patient, id);
        }
        for n in 0..self.patients.len() {
            let patient = self.patients[n].clone();
            let place = self.place_of_patient(&patient.id);
            for (field, fhir) in [
                ("pat_name", patient.family.as_str()),
                ("pat_gebdat", &patient.birth),
                ("pat_vorname", &patient.given),
                ("projekt_versionsnummer", ""),
            ] {
                self.model.chain(&place, field, fhir);
            }
        }
        for n in 0..self.cases.len() {
            let case = self.cases[n].clone();
            let place = self.case_place(n).expect("every case is shown");
            for (field, fhir) in [
                ("fall_id", case.number.as_str()),
                ("fall_station", &case.ward),
                ("fall_status", &case.status),
                ("fall_ent_dat", &case.end),
                ("fall_aufn_dat", case.start.get(..16).unwrap()),
                ("fall_gewicht_aktl_einheit", ""),
            ] {
                self.model.chain(&place, field, fhir);
            }
        }
        for (((record, repeat), field), wanted) in &self.model.stands {
            let found = value(&self.server, record, *repeat, field);
            assert_eq!(&found, wanted, "seed {seed}, day {day}: {repeat:?} {field}");
        }
    }

    /// Every analysis is in the hub as it was entered.
    async fn check_hub(&self, seed: u64) {
        import_from(&self.t, &self.server).await.unwrap();
        for (((record, repeat), field), wanted) in &self.model.stands {
            let Some((form @ "medikationsanalyse", number)) = repeat else {
                continue;
            };
            let found: Option<Option<String>> = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
                "SELECT {field} FROM db2frontend_out.v_{form}_fe_last_version WHERE record_id = $1 AND redcap_repeat_instance = $2"
            )))
            .bind(record)
            .bind(number.to_string())
            .fetch_optional(self.t.hub.pool())
            .await
            .unwrap();
            assert_eq!(
                found.flatten().unwrap_or_default(),
                *wanted,
                "seed {seed}: {form} {number} {field}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_final_state_is_that_of_a_slow_model() {
    let seeds = std::env::var("DB2FRONTEND_SEEDS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(4);
    for seed in 0..seeds {
        let mut world = World::new(seed).await;
        for day in 0..4 {
            world.fhir().await;
            if day > 0 {
                world.edits();
            }
            world.chain(day, seed).await;
        }
        world.check_hub(seed).await;
        // Nothing happens: only check times move.
        let count = "SELECT (SELECT count(*) FROM db2frontend_out.v_patient_fe) + (SELECT count(*) FROM db2frontend_out.v_fall_fe)";
        let before = world.t.texts(count).await;
        world.t.process().await;
        let done = export_to(&world.t, &world.server).await.unwrap();
        assert!(
            done.forms.values().all(|f| f.new == 0 && f.changed == 0),
            "seed {seed}: {done:?}"
        );
        assert_eq!(world.t.texts(count).await, before, "seed {seed}");
    }
}
