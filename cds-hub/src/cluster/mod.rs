//! A private PostgreSQL on this machine, for demos and tests.
