/// What is known of the values of an expression before any resource is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Unknown,
    Primitive(Class),
    /// A data type of FHIR, such as `Quantity`.
    Complex(&'static str),
}

/// Kinds of values that can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Boolean,
    Integer,
    Decimal,
    String,
    Date,
    DateTime,
    Time,
}

impl Class {
    pub(crate) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
            Self::Decimal => "Decimal",
            Self::String => "String",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::Time => "Time",
        }
    }
}

impl Type {
    pub(crate) fn class(self) -> Option<Class> {
        match self {
            Self::Primitive(class) => Some(class),
            _ => None,
        }
    }
}

/// The class of a primitive type of FHIR.
pub(crate) fn class_of_primitive(name: &str) -> Option<Class> {
    Some(match name {
        "boolean" => Class::Boolean,
        "integer" | "positiveInt" | "unsignedInt" | "integer64" => Class::Integer,
        "decimal" => Class::Decimal,
        "date" => Class::Date,
        "dateTime" | "instant" => Class::DateTime,
        "time" => Class::Time,
        "base64Binary" | "canonical" | "code" | "id" | "markdown" | "oid" | "string" | "uri" | "url"
        | "uuid" | "xhtml" => Class::String,
        _ => return None,
    })
}

/// The type of this name.
pub(crate) fn type_of(name: &str) -> Type {
    if let Some(class) = class_of_primitive(name) {
        return Type::Primitive(class);
    }
    super::TYPES
        .iter()
        .find(|known| **known == name)
        .map_or(Type::Unknown, |known| Type::Complex(known))
}

/// The type of an element of a data type; [`Type::Unknown`] where it is not listed.
pub(crate) fn element_of(data_type: &str, element: &str) -> Type {
    let type_name = match (data_type, element) {
        ("Quantity" | "Age" | "Count" | "Distance" | "Duration" | "Money", "value") => "decimal",
        (
            "Quantity" | "Age" | "Count" | "Distance" | "Duration",
            "unit" | "system" | "code" | "comparator",
        ) => "string",
        ("Money", "currency") => "code",
        ("Range", "low" | "high") | ("Ratio", "numerator" | "denominator") => "Quantity",
        ("Period", "start" | "end") | ("Attachment", "creation") | ("Annotation", "time") => "dateTime",
        ("Coding", "system" | "version" | "code" | "display") | ("CodeableConcept", "text") => "string",
        ("Coding", "userSelected") => "boolean",
        ("CodeableConcept", "coding") | ("Meta", "security" | "tag") => "Coding",
        ("Identifier", "use" | "system" | "value") => "string",
        ("Identifier", "type") => "CodeableConcept",
        ("Identifier" | "HumanName" | "Address" | "ContactPoint", "period") => "Period",
        ("Identifier", "assigner") => "Reference",
        ("HumanName", "use" | "text" | "family" | "given" | "prefix" | "suffix") => "string",
        (
            "Address",
            "use" | "type" | "text" | "line" | "city" | "district" | "state" | "postalCode" | "country",
        ) => "string",
        ("ContactPoint", "system" | "value" | "use") | ("Reference", "reference" | "type" | "display") => {
            "string"
        }
        ("ContactPoint", "rank") => "positiveInt",
        ("Reference", "identifier") => "Identifier",
        ("Attachment", "contentType" | "language" | "data" | "url" | "hash" | "title") => "string",
        ("Attachment", "size") => "unsignedInt",
        ("Annotation", "text") | ("Meta", "versionId" | "source" | "profile") => "string",
        ("Meta", "lastUpdated") => "instant",
        ("SampledData", "origin") => "Quantity",
        ("SampledData", "period" | "factor" | "lowerLimit" | "upperLimit") => "decimal",
        ("SampledData", "dimensions") => "positiveInt",
        ("SampledData", "data") => "string",
        _ => return Type::Unknown,
    };
    type_of(type_name)
}

/// The type of an element wherever it is, for names that mean the same in every resource.
pub(crate) fn element_anywhere(element: &str) -> Type {
    type_of(match element {
        "birthDate" | "approvalDate" | "lastReviewDate" | "expirationDate" | "statusDate" | "paymentDate" => {
            "date"
        }
        "active" | "userSelected" | "experimental" => "boolean",
        "lastUpdated" | "issued" => "instant",
        "authoredOn" | "recordedDate" => "dateTime",
        "coding" => "Coding",
        "identifier" => "Identifier",
        "telecom" => "ContactPoint",
        "meta" => "Meta",
        "low" | "high" | "numerator" | "denominator" => "Quantity",
        "reference" | "family" | "given" | "id" | "linkId" => "string",
        _ => return Type::Unknown,
    })
}
