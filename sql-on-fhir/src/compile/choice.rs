/// The types an element `x[x]` can have; in JSON and XML the type stands behind the element's name.
pub(crate) const TYPES: [&str; 54] = [
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "integer64",
    "markdown",
    "oid",
    "positiveInt",
    "string",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "Availability",
    "CodeableConcept",
    "CodeableReference",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "DataRequirement",
    "Distance",
    "Dosage",
    "Duration",
    "Expression",
    "ExtendedContactDetail",
    "HumanName",
    "Identifier",
    "Meta",
    "Money",
    "ParameterDefinition",
    "Period",
    "Quantity",
    "Range",
    "Ratio",
    "RatioRange",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "Timing",
    "UsageContext",
];

/// Position of a type among [`TYPES`].
pub(crate) fn type_number(name: &str) -> Option<u16> {
    TYPES.iter().position(|known| *known == name).map(|at| at as u16)
}

/// Elements that have several types wherever they are in FHIR R4 to R5, without their type. Those of names that have one
/// type in the resources views are mostly written for (`subject`, `item`) are found with `ofType` only.
const CHOICES: [&str; 42] = [
    "abatement",
    "additive",
    "age",
    "allowed",
    "amount",
    "asNeeded",
    "born",
    "chargeItem",
    "collected",
    "deceased",
    "defaultValue",
    "dose",
    "due",
    "effective",
    "fastingStatus",
    "fixed",
    "identified",
    "indication",
    "legallyBinding",
    "maxValue",
    "medication",
    "minValue",
    "multipleBirth",
    "observed",
    "occurred",
    "occurrence",
    "onset",
    "participantEffective",
    "pattern",
    "performed",
    "preparation",
    "product",
    "prognosis",
    "rate",
    "reported",
    "scheduled",
    "serviced",
    "statusReason",
    "substance",
    "timing",
    "used",
    "value",
];

/// Whether an element of this name can have several types.
pub(crate) fn is_choice(name: &str) -> bool {
    CHOICES.binary_search(&name).is_ok()
}

/// Name of an element with its type behind it: `value`, `Quantity` → `valueQuantity`.
pub(crate) fn typed_name(name: &str, type_name: &str) -> String {
    let mut out = String::with_capacity(name.len() + type_name.len());
    out.push_str(name);
    let mut chars = type_name.chars();
    out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
    out.push_str(chars.as_str());
    out
}

/// Element and type of a name that has a type behind it, of elements known to have several: `valueQuantity` → `value`,
/// `Quantity`.
pub(crate) fn type_behind(name: &str) -> Option<(&str, &'static str)> {
    TYPES
        .iter()
        .filter_map(|type_name| untyped_name(name, type_name).map(|base| (base, *type_name)))
        .filter(|(base, _)| is_choice(base))
        .min_by_key(|(base, _)| base.len())
}

/// What stands before a type in a name: `valueQuantity`, `Quantity` → `value`.
pub(crate) fn untyped_name<'n>(name: &'n str, type_name: &str) -> Option<&'n str> {
    let base = name.get(..name.len().checked_sub(type_name.len())?)?;
    (!base.is_empty() && typed_name(base, type_name) == name).then_some(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_types_are_put_behind_them() {
        assert!(CHOICES.is_sorted());
        assert_eq!(typed_name("value", "dateTime"), "valueDateTime");
        assert!(is_choice("value") && !is_choice("birthDate"));
    }
}
