//! The daily retrieval: from a FHIR server to typed tables in the hub.

pub mod ward;
