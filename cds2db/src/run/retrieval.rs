//! What a run works with: configuration, tables, server, hub, scope. The rooms add to it what they do with them.

use cds_hub::Hub;
use fhir_crack::search::Client;
use table_description::Description;

use super::Scope;
use crate::config::Settings;
use crate::progress::Progress;

/// What one run works with.
#[derive(Clone, Copy)]
pub struct Run<'r> {
    /// The configuration.
    pub settings: &'r Settings,
    /// The tables.
    pub description: &'r Description,
    /// The FHIR server.
    pub client: &'r Client,
    /// The hub.
    pub hub: &'r Hub,
    /// Which resources are asked for.
    pub scope: &'r Scope,
    /// Takes the events.
    pub progress: &'r dyn Progress,
}

/// The zone of date-times without an offset.
pub(crate) const ZONE: &str = "Europe/Berlin";
