use table_description::{FhirType, TableDescription};

/// What is known of a column before a row is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its FHIR type; `None` for a column of no description.
    pub declared: Option<FhirType>,
    /// It holds codes or words of a closed set, which may be shown where enough patients share them.
    pub coded: bool,
    /// Table its references lead to.
    pub target: Option<Target>,
    /// Its dates may lie in the future: ends of periods, and what is planned.
    pub planned: bool,
    /// Every row must have a value.
    pub required: bool,
    /// What its codes must not hold.
    pub charset: Charset,
    /// Column with the system of its codes.
    pub system: Option<String>,
    /// It holds units; column with their system, if there is one.
    pub unit: Option<Option<String>>,
    /// Columns whose values divide its numbers into groups: code and unit.
    pub by: Option<(Option<String>, Option<String>)>,
}

/// What codes of a column must not hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// No codes.
    #[default]
    Any,
    /// The data type code: no blank at an end, no two together, no control character (R4,
    /// <https://hl7.org/fhir/R4/datatypes.html#code>).
    Fhir,
    /// The original system's categories: nor commas, blanks, quotes, semicolons.
    Signal,
}

impl Charset {
    /// Whether a code holds what it must not, or nothing.
    #[must_use]
    pub fn is_odd(self, code: &str) -> bool {
        let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';' | '"' | '\'');
        match self {
            Self::Any => false,
            Self::Fhir => {
                code.trim().len() != code.len()
                    || code.is_empty()
                    || code.contains("  ")
                    || code.contains(char::is_control)
            }
            Self::Signal => code.is_empty() || code.contains(separator),
        }
    }
}

/// A table that references are followed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Patients.
    Patient,
    /// Encounters.
    Encounter,
}

impl Target {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Patient, Self::Encounter];

    /// FHIR resource type, as references write it.
    #[must_use]
    pub fn resource(self) -> &'static str {
        match self {
            Self::Patient => "Patient",
            Self::Encounter => "Encounter",
        }
    }

    /// Name of the table.
    #[must_use]
    pub fn table(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Encounter => "encounter",
        }
    }
}

/// What is known of a table before a row is read: from its description, or from the names of its columns.
#[derive(Clone, Debug)]
pub struct Roles<'d> {
    description: Option<&'d TableDescription>,
}

/// Last segments of paths with words of a closed set.
const CODED: [&str; 17] = [
    "code",
    "system",
    "status",
    "use",
    "gender",
    "unit",
    "type",
    "intent",
    "comparator",
    "version",
    "mode",
    "kind",
    "language",
    "country",
    "priority",
    "criticality",
    "when",
];

impl<'d> Roles<'d> {
    /// The roles of a table's columns; without a description they follow from names.
    #[must_use]
    pub fn new(description: Option<&'d TableDescription>) -> Self {
        Self { description }
    }

    /// The role of a column.
    #[must_use]
    pub fn of(&self, column: &str) -> Role {
        match self.description {
            Some(table) => match table.position(column) {
                Some(position) => described(table, position),
                None => Role::default(),
            },
            None => named(column),
        }
    }

    /// Column that names the patient of a row, as a reference or as an id.
    #[must_use]
    pub fn patient<'c>(&self, mut columns: impl Iterator<Item = &'c str>) -> Option<&'c str> {
        let is_patients = self
            .description
            .is_some_and(|t| t.resource.as_deref() == Some(Target::Patient.resource()));
        columns.find(|name| match self.description {
            Some(table) => {
                let path = table.position(name).map(|p| table.columns[p].path().as_str());
                match path {
                    Some("id") => is_patients,
                    Some(path) => matches!(path, "subject/reference" | "patient/reference" | "patient_id"),
                    None => false,
                }
            }
            None => matches!(*name, "pid" | "patient_id" | "pat_id") || name.ends_with("_patient_ref"),
        })
    }

    /// Column with the ids that references to a table mean.
    #[must_use]
    pub fn id<'c>(&self, mut columns: impl Iterator<Item = &'c str>) -> Option<&'c str> {
        columns.find(|name| match self.description {
            Some(table) => table
                .position(name)
                .is_some_and(|p| table.columns[p].path().as_str() == "id"),
            None => matches!(*name, "pat_id" | "enc_id"),
        })
    }
}

fn described(table: &TableDescription, position: usize) -> Role {
    let column = &table.columns[position];
    let path = column.path().as_str();
    let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
    let name_of = |path: &str| {
        table
            .position_of_path(path)
            .map(|p| table.columns[p].name.clone())
    };
    let sibling = |last: &str| {
        let path = if parent.is_empty() {
            last.to_owned()
        } else {
            format!("{parent}/{last}")
        };
        name_of(&path)
    };
    let quantity = sibling("value").is_some() && sibling("unit").is_some();
    let text = column.fhir_type == FhirType::String;
    let number = matches!(column.fhir_type, FhirType::Decimal | FhirType::Integer);
    let owner = matches!(path, "subject/reference" | "patient/reference");
    let target = match path {
        _ if owner => Some(Target::Patient),
        "encounter/reference" | "context/reference" | "partOf/reference"
            if path != "partOf/reference"
                || table.resource.as_deref() == Some(Target::Encounter.resource()) =>
        {
            Some(Target::Encounter)
        }
        _ => None,
    };
    Role {
        declared: Some(column.fhir_type),
        coded: text && (CODED.contains(&last) || (last == "display" && parent.ends_with("coding"))),
        target,
        planned: is_planned(path),
        required: path == "id" || owner,
        charset: if last == "code" && text {
            Charset::Fhir
        } else {
            Charset::Any
        },
        system: (last == "code" && text).then(|| sibling("system")).flatten(),
        unit: (last == "code" && quantity).then(|| sibling("system")),
        by: number.then(|| {
            let unit = (last == "value").then(|| sibling("code")).flatten();
            (code_of(table, path), unit)
        }),
    }
}

/// Whether an element may tell of the future.
fn is_planned(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    let planned = |segment: &str| {
        [
            "timing",
            "occurrence",
            "provision",
            "boundsPeriod",
            "validityPeriod",
        ]
        .iter()
        .any(|word| segment.starts_with(word))
    };
    last == "end" || path.split('/').any(planned)
}

/// The code that says what a number means: the one that shares most of its path.
fn code_of(table: &TableDescription, path: &str) -> Option<String> {
    let mut above = path;
    loop {
        above = above.rsplit_once('/').map_or("", |(parent, _)| parent);
        for code in [
            "code/coding/code",
            "medicationCodeableConcept/coding/code",
            "itemCodeableConcept/coding/code",
        ] {
            let candidate = if above.is_empty() {
                code.to_owned()
            } else {
                format!("{above}/{code}")
            };
            if let Some(position) = table.position_of_path(&candidate) {
                return Some(table.columns[position].name.clone());
            }
        }
        if above.is_empty() {
            return None;
        }
    }
}

/// The role of a column of the original system's files, or of a table nobody described.
fn named(column: &str) -> Role {
    let coded = CODED.iter().any(|word| {
        column
            .strip_suffix(word)
            .is_some_and(|head| head.is_empty() || head.ends_with('_'))
    });
    let declared = if column.starts_with("time_") {
        Some(FhirType::Date)
    } else {
        None
    };
    Role {
        declared,
        coded: coded
            || column == "signal"
            || column.starts_with("value_")
            || column.starts_with("additional_"),
        target: column.ends_with("_patient_ref").then_some(Target::Patient),
        required: matches!(column, "pid" | "signal"),
        charset: if column.starts_with("value_") {
            Charset::Signal
        } else {
            Charset::Any
        },
        ..Role::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use table_description::default_description;

    #[test]
    fn an_observations_columns_know_what_they_are() {
        let description = default_description();
        let table = description.table("observation").unwrap();
        let roles = Roles::new(Some(table));
        let at = |path: &str| {
            let name = &table.columns[table.position_of_path(path).unwrap()].name;
            (name.clone(), roles.of(name))
        };
        let (value, role) = at("valueQuantity/value");
        let by = role.by.unwrap();
        assert_eq!(by.0, Some(at("code/coding/code").0));
        assert_eq!(by.1, Some(at("valueQuantity/code").0));
        assert!(!role.coded && !value.is_empty());
        assert_eq!(
            at("valueQuantity/code").1.unit,
            Some(Some(at("valueQuantity/system").0))
        );
        assert_eq!(at("code/coding/code").1.system, Some(at("code/coding/system").0));
        assert!(at("code/coding/display").1.coded);
        for free in [
            "subject/display",
            "identifier/value",
            "valueString",
            "note/text",
            "subject/reference",
        ] {
            if table.position_of_path(free).is_some() {
                assert!(!at(free).1.coded, "{free} may name a patient");
            }
        }
        assert!(at("effectivePeriod/end").1.planned && !at("effectivePeriod/start").1.planned);
        assert_eq!(at("subject/reference").1.target, Some(Target::Patient));
        let names = table.columns.iter().map(|c| c.name.as_str());
        assert_eq!(roles.patient(names), Some(at("subject/reference").0.as_str()));
    }

    #[test]
    fn no_name_birth_date_or_address_of_a_patient_is_coded() {
        let description = default_description();
        let table = description.table("patient").unwrap();
        let roles = Roles::new(Some(table));
        for column in &table.columns {
            let path = column.path().as_str();
            let personal = [
                "name/family",
                "name/given",
                "birthDate",
                "address/postalCode",
                "identifier/value",
                "id",
            ];
            if personal.contains(&path) {
                assert!(!roles.of(&column.name).coded, "{path}");
            }
        }
    }
}
