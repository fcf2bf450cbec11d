use crate::schema::identifier::literal;
use crate::schema::{Kind, Model, Script, identifier};

/// Takes over how far the original had loaded: for each patient and type, the newest change it knows of. What changed on the
/// server since then is asked for, and nothing else.
pub(super) fn watermarks(script: &mut Script, model: &Model) {
    script.heading("How far resources are loaded");
    for table in model.of(Kind::Typed) {
        let (Some(resource), Some(id), Some(updated)) = (
            &table.description.resource,
            table.fhir_id_column(),
            table.last_updated_column(),
        ) else {
            continue;
        };
        let of_patient = table
            .description
            .columns
            .iter()
            .find(|c| matches!(c.path().as_str(), "subject/reference" | "patient/reference"));
        // Types that belong to no patient are asked for by their ids.
        let whom = match of_patient {
            Some(column) => format!(
                "substring(t.{} FROM '(?:^|/)Patient/([^/]+)')",
                identifier(&column.name)
            ),
            None => format!("t.{}", identifier(id)),
        };
        script.push(format!(
            "INSERT INTO core.watermark (resource, patient_id, loaded_until)\nSELECT {}, {whom}, \
             least(max(t.{updated})::timestamptz, now())\nFROM core.{} t\nWHERE t.{updated} IS NOT NULL AND {whom} IS NOT \
             NULL\nGROUP BY 2\nON CONFLICT DO NOTHING",
            literal(resource),
            identifier(&table.name),
            updated = identifier(updated),
        ));
    }
}
