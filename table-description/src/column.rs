use crate::{ElementPath, FhirType};

/// Where a column's values come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Cracked from this element of the resource.
    Element(ElementPath),
    /// Computed after typing; the text is the pseudo path of the workbook, which no resource has.
    Calculated(ElementPath),
}

/// One column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// SQL name, at most 63 bytes, lower case.
    pub name: String,
    /// Where the values come from.
    pub origin: Origin,
    /// How a cell is typed.
    pub fhir_type: FhirType,
    /// Resource types the reference may point to and that are downloaded by id; empty for none.
    pub reference_targets: Vec<String>,
    /// Repetitions are joined with a blank per parent instead of melted to rows (given names).
    pub joined: bool,
    /// What the column holds, in words; empty where the path says it.
    pub description: String,
}

/// What the name of the column beside a date ends in, where files and frames say how much of it was given.
pub const PRECISION_SUFFIX: &str = "_precision";

impl Column {
    /// Whether it holds dates or date-times, of which a part may be given.
    #[must_use]
    pub fn is_dated(&self) -> bool {
        matches!(self.fhir_type, FhirType::Date | FhirType::DateTime)
    }

    /// Name of the column beside it, in files and frames, that says how much of a date or date-time was given; `None` for a
    /// column of another type.
    #[must_use]
    pub fn precision_name(&self) -> Option<String> {
        self.is_dated()
            .then(|| format!("{}{PRECISION_SUFFIX}", self.name))
    }

    /// A column that follows no references and is melted.
    #[must_use]
    pub fn new(name: impl Into<String>, origin: Origin, fhir_type: FhirType) -> Self {
        Self {
            name: name.into(),
            origin,
            fhir_type,
            reference_targets: Vec::new(),
            joined: false,
            description: String::new(),
        }
    }

    /// The path as the workbook has it, whether it exists in FHIR or not.
    #[must_use]
    pub fn path(&self) -> &ElementPath {
        match &self.origin {
            Origin::Element(path) | Origin::Calculated(path) => path,
        }
    }

    /// Whether the column is filled by calculation and never by a resource.
    #[must_use]
    pub fn is_calculated(&self) -> bool {
        matches!(self.origin, Origin::Calculated(_))
    }

    /// Whether the column is part of `meta` (version, last update, profile), which is overwritten in place.
    #[must_use]
    pub fn is_meta(&self) -> bool {
        self.path().as_str().starts_with("meta/")
    }

    /// Whether the column takes part in the content hash: neither `meta` nor calculated.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        !self.is_meta() && !self.is_calculated()
    }
}
