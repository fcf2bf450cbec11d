//! fhir-melt
