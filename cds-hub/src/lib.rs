//! cds-hub
