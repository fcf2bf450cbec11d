//! Integration tests of fhir-melt: recorded outputs of the reference implementation, and laws.

mod examples;
mod flatten;
mod golden;
mod golden_melt;
mod laws;
mod shared;
mod vectors;
