//! Integration tests of the workspace's top: one binary for all of them.

mod arrows;
mod configuration;
mod demo;
mod retrieval;
mod site;
