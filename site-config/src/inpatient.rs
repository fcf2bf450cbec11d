//! Which encounters are stays in hospital, for everybody who reads a configuration without a word on it.

/// Classes of stays: inpatient and short stay. The retrieval looks for patients in encounters of these classes, and the
/// dataprocessor shows cases of these classes, unless the configuration says otherwise.
/// Source: <https://terminology.hl7.org/CodeSystem-v3-ActCode.html> (R4).
pub const INPATIENT_CLASSES: [&str; 2] = ["IMP", "SS"];
