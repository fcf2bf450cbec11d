//! The search that finds the encounters of the wards.

use fhir_crack::search::Search;
use jiff::tz::TimeZone;

use crate::config::Settings;
use crate::run::ask::requests::with_paging;

/// Which encounters define the wards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Dates {
    /// As configured: up to now, or the debug dates.
    #[default]
    Configured,
    /// Those that run on these days, for a backfill.
    Between {
        /// First day, `YYYY-MM-DD`.
        from: String,
        /// The day behind the last.
        before: String,
    },
}

/// The first request, which `--dry-run` and `FHIR_SEARCH_ENCOUNTER_REQUEST_TEST` show.
pub(crate) fn request(settings: &Settings, zone: &TimeZone, dates: &Dates) -> Search {
    let encounters = &settings.encounters;
    let debug = &settings.debug;
    let own_dates: Vec<_> = encounters
        .additional
        .iter()
        .filter(|(name, _)| name == "date")
        .collect();
    let mut search = Search::new("Encounter");
    let mut status = encounters.status.clone();
    if let Dates::Between { from, before } = dates {
        search = search
            .param("date", format!("ge{from}"))
            .param("date", format!("lt{before}"));
        // The past is over for most: a backfill also wants the cases that have ended.
        if !status.is_empty() && !status.split(',').any(|s| s == "finished") {
            status.push_str(",finished");
        }
    } else if !own_dates.is_empty() {
        for (name, value) in own_dates {
            search = search.param(name.clone(), value.clone());
        }
    } else if let Some(after) = &debug.starts_after {
        search = search.param("date", format!("sa{after}"));
        if let Some(until) = &debug.starts_at_or_before {
            search = search.param("date", format!("le{until}"));
        }
    } else {
        search = search.param("date", format!("lt{}", settings.wall_time(zone)));
    }
    if !status.is_empty() {
        search = search.param("status", status);
    }
    if !encounters.classes.is_empty() {
        search = search.any_of("class", encounters.classes.iter().cloned());
    }
    if !encounters.location_ids.is_empty() {
        search = search.any_of("location", encounters.location_ids.iter().cloned());
    }
    if !debug.accepted_pids.is_empty() {
        let references = debug.accepted_pids.iter().map(|id| format!("Patient/{id}"));
        search = search.any_of("subject", references);
    }
    search = with_paging(settings, search);
    for (name, value) in encounters.additional.iter().filter(|(name, _)| name != "date") {
        search = search.param(name.clone(), value.clone());
    }
    match encounters.max_pages {
        Some(pages) => search.max_pages(u32::try_from(pages).unwrap_or(u32::MAX)),
        None => search,
    }
}
