//! A few patients and cases in the hub, as the retrieval would have brought them, and the dataprocessor over them.

use dataprocessor::{CaseProfile, Config};
use sqlx::AssertSqlSafe;

use crate::server::TestHub;

/// What FHIR says of a patient; an empty text is nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patient {
    pub(crate) id: String,
    pub(crate) family: String,
    pub(crate) given: String,
    pub(crate) birth: String,
}

/// What FHIR says of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) patient: String,
    pub(crate) ward: String,
    pub(crate) start: String,
    pub(crate) end: String,
    pub(crate) status: String,
    pub(crate) number: String,
}

impl TestHub {
    pub(crate) async fn sql(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(self.hub.pool())
            .await
            .unwrap();
    }

    /// The first column of a query, NULL as `-`.
    pub(crate) async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = format!("SELECT coalesce(q.*::text, '-') FROM ({sql}) q");
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(self.hub.pool())
            .await
            .unwrap()
    }

    async fn put(&self, table: &str, row: &[(&str, &str)]) {
        let given: Vec<_> = row.iter().filter(|(_, value)| !value.is_empty()).collect();
        let names: Vec<&str> = given.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> = given
            .iter()
            .map(|(_, value)| format!("'{}'", value.replace('\'', "''")))
            .collect();
        let (names, values) = (names.join(", "), values.join(", "));
        self.sql(&format!(
            "WITH raw AS (INSERT INTO cds2db_in.{table}_raw ({names}) VALUES ({values}) RETURNING {table}_raw_id AS id) \
             INSERT INTO cds2db_in.{table} ({table}_raw_id, {names}) SELECT raw.id, {values} FROM raw"
        ))
        .await;
    }

    pub(crate) async fn patient(&self, patient: &Patient) {
        self.put(
            "patient",
            &[
                ("pat_id", &patient.id),
                ("pat_identifier_system", "urn:kis"),
                ("pat_identifier_value", &format!("K-{}", patient.id)),
                ("pat_name_use", "official"),
                ("pat_name_family", &patient.family),
                ("pat_name_given", &patient.given),
                ("pat_gender", "female"),
                ("pat_birthdate", &patient.birth),
            ],
        )
        .await;
    }

    pub(crate) async fn case(&self, case: &Case) {
        let (patient, own) = (
            format!("Patient/{}", case.patient),
            format!("Encounter/{}", case.id),
        );
        self.put(
            "encounter",
            &[
                ("enc_id", &case.id),
                ("enc_patient_ref", &patient),
                ("enc_class_code", "IMP"),
                ("enc_type_system", "http://fhir.de/CodeSystem/Kontaktebene"),
                ("enc_type_code", "einrichtungskontakt"),
                ("enc_identifier_system", "urn:case"),
                ("enc_identifier_value", &case.number),
                ("enc_main_encounter_calculated_ref", &own),
                ("enc_period_start", &case.start),
                ("enc_period_end", &case.end),
                ("enc_status", &case.status),
            ],
        )
        .await;
        let listed = [
            ("ward_name", case.ward.as_str()),
            ("patient_id", case.patient.as_str()),
            ("encounter_id", case.id.as_str()),
        ];
        self.put("pids_per_ward", &listed).await;
    }

    /// One import of everything put so far.
    pub(crate) async fn arrive(&self) {
        for function in [
            "copy_raw_cds_in_to_db_log",
            "copy_type_cds_in_to_db_log",
            "take_over_last_check_date",
        ] {
            let said: Option<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT db.{function}()")))
                .fetch_one(self.hub.pool())
                .await
                .unwrap();
            assert!(!said.unwrap_or_default().starts_with("Fehler"), "{function}");
        }
    }

    /// The real dataprocessor over what is there, by the ward list.
    pub(crate) async fn process(&self) {
        dataprocessor::run(&self.hub, &self.processing()).await.unwrap();
    }

    pub(crate) fn processing(&self) -> Config {
        let mut config = Config::default();
        config.profile = CaseProfile::WardList;
        config.case_number_system = Some("urn:case".to_owned());
        let ward = |name: &str| dataprocessor::config::WardPhases {
            ward: name.to_owned(),
            a_start: dataprocessor::config::wall_time::parse("2020-01-01"),
            b_start: None,
            b_test: false,
        };
        config.phases = dataprocessor::config::Phases::new(vec![ward("Station 1"), ward("Station 2")]);
        config
    }

    /// A hub with this many patients and a case each, processed.
    pub(crate) async fn with_patients(count: usize) -> Self {
        let t = Self::new().await;
        for n in 1..=count {
            t.patient(&Patient {
                id: format!("p{n}"),
                family: format!("Family {n}"),
                given: "Ada".to_owned(),
                birth: "1950-05-05".to_owned(),
            })
            .await;
            t.case(&Case {
                id: format!("e{n}"),
                patient: format!("p{n}"),
                ward: format!("Station {}", 1 + n % 2),
                start: "2026-02-01 10:00:30".to_owned(),
                status: "in-progress".to_owned(),
                number: format!("F{n}"),
                ..Case::default()
            })
            .await;
        }
        t.arrive().await;
        t.process().await;
        t
    }
}
