use table_description::{Column, FhirType, TableDescription};

/// How a table's columns are laid out as a signal of the original system: the patient, times, values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channels {
    /// Column that names the patient; `None` where rows belong to none.
    pub patient: Option<usize>,
    /// Columns that are times, the one that says when it happened first.
    pub times: Vec<usize>,
    /// All other columns, in the order of the description.
    pub values: Vec<usize>,
}

/// The elements that say when something happened, the first of a table's is `time_0`.
const WHEN: [&str; 12] = [
    "period/start",
    "effectivePeriod/start",
    "effectiveDateTime",
    "performedPeriod/start",
    "performedDateTime",
    "occurrencePeriod/start",
    "occurrenceDateTime",
    "onsetDateTime",
    "authoredOn",
    "recordedDate",
    "issued",
    "birthDate",
];

impl Channels {
    /// The layout of this table.
    #[must_use]
    pub fn of(table: &TableDescription) -> Self {
        let patient = match table.resource.as_deref() {
            Some("Patient") => table.position_of_path("id"),
            _ => table
                .position_of_path("subject/reference")
                .or_else(|| table.position_of_path("patient/reference"))
                .or_else(|| table.position("patient_id")),
        };
        let is_time = |column: &Column| matches!(column.fhir_type, FhirType::Date | FhirType::DateTime);
        let rest = (0..table.columns.len()).filter(|&c| Some(c) != patient);
        let (mut times, values): (Vec<usize>, Vec<usize>) = rest.partition(|&c| is_time(&table.columns[c]));
        let rank = |c: &usize| {
            let path = table.columns[*c].path().as_str();
            WHEN.iter().position(|when| *when == path).unwrap_or(WHEN.len())
        };
        times.sort_by_key(rank);
        Self {
            patient,
            times,
            values,
        }
    }

    /// The type in the original system's words, such as `T(i),V(s,f)`: integers, floats and texts.
    #[must_use]
    pub fn kind(&self, table: &TableDescription) -> String {
        let mut parts = Vec::new();
        if !self.times.is_empty() {
            parts.push(format!("T({})", vec!["i"; self.times.len()].join(",")));
        }
        let letters: Vec<&str> = self.values.iter().map(|&c| letter(&table.columns[c])).collect();
        if !letters.is_empty() {
            parts.push(format!("V({})", letters.join(",")));
        }
        parts.join(",")
    }
}

fn letter(column: &Column) -> &'static str {
    match column.fhir_type {
        FhirType::Integer | FhirType::Boolean => "i",
        FhirType::Decimal => "f",
        _ => "s",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_built_in_description_has_one_place() {
        let description = table_description::default_description();
        for table in &description.tables {
            let channels = Channels::of(table);
            let mut all: Vec<usize> = channels.patient.into_iter().collect();
            all.extend(channels.times.iter().chain(&channels.values));
            all.sort_unstable();
            assert_eq!(
                all,
                (0..table.columns.len()).collect::<Vec<_>>(),
                "{}",
                table.name
            );
        }
        let encounter = description.table("encounter").unwrap();
        let channels = Channels::of(encounter);
        assert_eq!(
            encounter.columns[channels.times[0]].path().as_str(),
            "period/start"
        );
        assert!(channels.patient.is_some());
        assert!(channels.kind(encounter).starts_with("T(i,"));
        assert_eq!(Channels::of(description.table("location").unwrap()).patient, None);
    }
}
