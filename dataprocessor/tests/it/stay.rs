//! Rows for the hub, written the way a ward would tell them.

use sqlx::AssertSqlSafe;

use crate::server::TestHub;

/// Columns and values of one typed row.
pub(crate) type Row<'a> = &'a [(&'a str, &'a str)];

impl TestHub {
    /// Puts typed rows into an inbox; `import` moves them.
    pub(crate) async fn put(&self, table: &str, rows: &[Row<'_>]) {
        for row in rows {
            let names: Vec<&str> = row.iter().map(|(name, _)| *name).collect();
            let values: Vec<String> = row
                .iter()
                .map(|(_, value)| format!("'{}'", value.replace('\'', "''")))
                .collect();
            let (names, values) = (names.join(", "), values.join(", "));
            let sql = format!(
                "WITH known AS (SELECT max({table}_raw_id) AS id FROM cds2db_in.{table}_raw WHERE {}), \
                 raw AS (INSERT INTO cds2db_in.{table}_raw ({names}) SELECT {values} FROM known WHERE id IS NULL \
                   RETURNING {table}_raw_id AS id) \
                 INSERT INTO cds2db_in.{table} ({table}_raw_id, {names}) \
                 SELECT coalesce(known.id, raw.id), {values} FROM known LEFT JOIN raw ON true",
                same_resource(row)
            );
            self.sql(&sql).await;
        }
    }

    /// One import of everything put so far.
    pub(crate) async fn import(&self) {
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

    pub(crate) async fn sql(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(self.hub.pool())
            .await
            .unwrap();
    }

    /// The rows of a query as lines, columns separated by ` | `, NULL as `-`, line feeds as `/`.
    pub(crate) async fn lines(&self, columns: &str, from: &str) -> Vec<String> {
        let fields: Vec<String> = columns
            .split(',')
            .map(|c| format!("coalesce(replace(({})::text, E'\\n', '/'), '-')", c.trim()))
            .collect();
        let sql = format!("SELECT concat_ws(' | ', {}) FROM {from}", fields.join(", "));
        sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_all(self.hub.pool())
            .await
            .unwrap()
    }

    /// A patient with one name.
    pub(crate) async fn patient(&self, id: &str, family: &str) {
        self.put(
            "patient",
            &[&[
                ("pat_id", id),
                ("pat_identifier_system", "urn:kis"),
                ("pat_identifier_value", &format!("K-{id}")),
                ("pat_name_use", "official"),
                ("pat_name_family", family),
                ("pat_name_given", "Ada"),
                ("pat_gender", "female"),
                ("pat_birthdate", "1950-05-05"),
            ]],
        )
        .await;
    }

    /// A ward's list entry.
    pub(crate) async fn listed(&self, ward: &str, patient: &str, encounter: &str) {
        self.put(
            "pids_per_ward",
            &[&[
                ("ward_name", ward),
                ("patient_id", patient),
                ("encounter_id", encounter),
            ]],
        )
        .await;
    }

    /// An encounter of the whole stay, with further columns.
    pub(crate) async fn stay(&self, id: &str, patient: &str, start: &str, more: Row<'_>) {
        let (patient, case) = (format!("Patient/{patient}"), format!("Encounter/{id}"));
        let number = format!("F-{id}");
        let own = [
            ("enc_id", id),
            ("enc_patient_ref", patient.as_str()),
            ("enc_class_code", "IMP"),
            ("enc_type_system", "http://fhir.de/CodeSystem/Kontaktebene"),
            ("enc_type_code", "einrichtungskontakt"),
            ("enc_identifier_system", "urn:case"),
            ("enc_identifier_value", number.as_str()),
            ("enc_main_encounter_calculated_ref", case.as_str()),
            ("enc_period_start", start),
        ];
        self.put(
            "encounter",
            &[&with(&own, &[("enc_status", "in-progress")], more)],
        )
        .await;
    }

    /// An encounter below a stay, with further columns.
    pub(crate) async fn part(&self, id: &str, case: &str, patient: &str, start: &str, more: Row<'_>) {
        let (patient, case) = (format!("Patient/{patient}"), format!("Encounter/{case}"));
        let own = [
            ("enc_id", id),
            ("enc_patient_ref", patient.as_str()),
            ("enc_class_code", "IMP"),
            ("enc_type_system", "http://fhir.de/CodeSystem/Kontaktebene"),
            ("enc_type_code", "versorgungsstellenkontakt"),
            ("enc_partof_ref", case.as_str()),
            ("enc_partof_calculated_ref", case.as_str()),
            ("enc_main_encounter_calculated_ref", case.as_str()),
            ("enc_period_start", start),
        ];
        self.put(
            "encounter",
            &[&with(&own, &[("enc_status", "in-progress")], more)],
        )
        .await;
    }

    /// A measured value with its unit, such as `80 kg`; the unit may be left out.
    pub(crate) async fn measured(
        &self,
        id: &str,
        code: &str,
        patient: &str,
        case: &str,
        at: &str,
        value: &str,
    ) {
        let (patient, case) = (format!("Patient/{patient}"), format!("Encounter/{case}"));
        let (value, unit) = value.split_once(' ').unwrap_or((value, ""));
        let all = [
            ("obs_id", id),
            ("obs_status", "final"),
            ("obs_patient_ref", patient.as_str()),
            ("obs_encounter_ref", case.as_str()),
            ("obs_encounter_calculated_ref", case.as_str()),
            ("obs_code_system", "http://loinc.org"),
            ("obs_code_code", code),
            ("obs_effectivedatetime", at),
            ("obs_valuequantity_value", value),
            ("obs_valuequantity_unit", unit),
            ("obs_valuequantity_code", unit),
        ];
        let given: Vec<_> = all
            .into_iter()
            .filter(|(_, v)| !v.is_empty() && *v != "Encounter/")
            .collect();
        self.put("observation", &[&given]).await;
    }
}

/// The condition that a raw row is of the same resource: its melted rows come from one raw row.
fn same_resource(row: Row<'_>) -> String {
    const IDS: [&str; 5] = ["pat_id", "enc_id", "con_id", "obs_id", "loc_id"];
    match row.iter().find(|(name, _)| IDS.contains(name)) {
        Some((name, id)) => format!("{name} = '{}'", id.replace('\'', "''")),
        None => "false".to_owned(),
    }
}

/// Columns of the first two, each replaced by one of the same name in the last.
fn with<'a>(
    own: &[(&'a str, &'a str)],
    defaults: &[(&'a str, &'a str)],
    more: Row<'a>,
) -> Vec<(&'a str, &'a str)> {
    let kept = own
        .iter()
        .chain(defaults)
        .filter(|(n, _)| !more.iter().any(|(m, _)| m == n));
    kept.chain(more).filter(|(_, v)| !v.is_empty()).copied().collect()
}
