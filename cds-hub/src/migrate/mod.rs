//! Bringing an existing database to the present description.
