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
