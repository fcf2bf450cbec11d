//! Integration tests of fhir-melt: recorded outputs of the reference implementation, and laws.

mod golden;
mod golden_melt;
mod shared;
mod vectors;
