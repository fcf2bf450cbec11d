//! The FHIR server.

use std::time::UNIX_EPOCH;

use fhir_crack::search::Search;
use monitoring::seconds_since_epoch as now;

use super::super::connect::impatient;
use super::finding::{Findings, kind_of};
use super::hub::clock;
use crate::config::{Settings, login_in_words};
use crate::run::reach;
use crate::{Error, ErrorKind};

const SECTION: &str = "FHIR server";

pub(super) async fn look(found: &mut Findings, settings: &Settings) {
    found.fine(SECTION, "log-in", login_in_words(&settings.server.login));
    if let Err(error) = reach::server(&settings.server, impatient()).await {
        found.fault(SECTION, "connection", kind_of(&error));
        return;
    }
    let failed = |e| Error::new(ErrorKind::Search, "the FHIR server").because(e);
    let client = match settings.server.client() {
        Ok(client) => client,
        Err(error) => {
            found.fault(SECTION, "settings", kind_of(&failed(error)));
            return;
        }
    };
    let before = now();
    match client.capability().await {
        Ok(capability) => {
            let software = format!("{} {}", capability.software.name, capability.software.version);
            found.fine(SECTION, "software", software.trim());
            found.fine(SECTION, "FHIR", &capability.fhir_version);
            let date = capability.answered_at;
            match date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()) {
                // The header has whole seconds.
                Some(date) => clock(found, SECTION, "clock", date.as_secs_f64() + 0.5, before, now()),
                None => found.look(SECTION, "clock", "not told"),
            }
        }
        Err(error) => found.look(SECTION, "CapabilityStatement", kind_of(&failed(error))),
    }
    match client.count(Search::new("Encounter")).await {
        Ok(_) => found.fine(SECTION, "search", "Encounter can be searched"),
        Err(error) => found.fault(SECTION, "search", kind_of(&failed(error))),
    }
}
