use std::fmt;

/// Level of an encounter in the German core data set, by its exact type code.
///
/// Source: <http://fhir.de/CodeSystem/Kontaktebene>.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// `einrichtungskontakt`: the case.
    Facility,
    /// `abteilungskontakt`: a department's part of it.
    Department,
    /// `versorgungsstellenkontakt`: a ward's part of that.
    Ward,
}

impl Level {
    /// All levels from the top down.
    pub const ALL: [Self; 3] = [Self::Facility, Self::Department, Self::Ward];

    /// The level with this type code.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "einrichtungskontakt" => Some(Self::Facility),
            "abteilungskontakt" => Some(Self::Department),
            "versorgungsstellenkontakt" => Some(Self::Ward),
            _ => None,
        }
    }

    /// The level above.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        match self {
            Self::Facility => None,
            Self::Department => Some(Self::Facility),
            Self::Ward => Some(Self::Department),
        }
    }
}

/// What one typed row says about an encounter; several rows of one encounter differ in identifier or type.
/// Times are microseconds since 1970-01-01 of wall time.
#[derive(Clone, Default)]
pub struct EncounterRow {
    /// FHIR id.
    pub id: String,
    /// Type code; rows with none of the three levels' codes are left out of the calculation.
    pub type_code: Option<String>,
    /// Reference to the patient.
    pub patient: Option<String>,
    /// Start of the period.
    pub start: Option<i64>,
    /// End of the period.
    pub end: Option<i64>,
    /// System of the row's identifier.
    pub identifier_system: Option<String>,
    /// Value of the row's identifier.
    pub identifier_value: Option<String>,
    /// Class code.
    pub class: Option<String>,
    /// `partOf` as the server gave it.
    pub part_of: Option<String>,
}

impl fmt::Debug for EncounterRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncounterRow")
            .field("type_code", &self.type_code)
            .finish_non_exhaustive()
    }
}
