//! The requests of a run: one list for its patients, one for what their resources refer to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fhir_crack::search::Search;
use jiff::tz::TimeZone;

use super::narrowing::Narrowing;
use super::referenced::{self, References};
use super::requests::{self, Extent, Request};
use super::unanswered;
use crate::Result;
use crate::error::hub_error;
use crate::run::{Run, RunDirectory, Scope};

impl Run<'_> {
    pub(in crate::run) async fn requests(
        &self,
        patients: &[String],
        zone: &TimeZone,
        directory: &RunDirectory,
    ) -> Result<Vec<Request>> {
        let open = |resource: &String| self.is_open(resource, directory);
        if *self.scope == Scope::Everything {
            let resources = self
                .description
                .resources()
                .filter_map(|t| t.resource.clone())
                .filter(open);
            let request = |resource: String| {
                let search = requests::with_paging(self.settings, Search::new(resource.clone()));
                Request {
                    watermark: resource.clone(),
                    resource,
                    search,
                    extent: Extent::Narrowed,
                }
            };
            return Ok(resources.map(request).collect());
        }
        let mut requests = Vec::new();
        // Shared by the searches of all types.
        let shared: Vec<Arc<str>> = patients.iter().map(|id| Arc::from(id.as_str())).collect();
        let wanted = |resource: &String| match self.scope {
            Scope::Given(given) => given.resources.is_empty() || given.resources.contains(resource),
            _ => true,
        };
        for resource in requests::patient_resources(self.description)
            .into_iter()
            .filter(|resource| wanted(resource) && open(resource))
        {
            let Some(narrowing) = Narrowing::of(self.settings, &resource, zone) else {
                continue;
            };
            let watermarks = match self.scope {
                Scope::Given(_) => BTreeMap::new(),
                _ if self.is_in_full(&resource, directory) => BTreeMap::new(),
                _ => self.watermarks(&narrowing.watermark, patients).await?,
            };
            requests.extend(requests::by_patient(
                self.settings,
                &resource,
                &narrowing,
                &shared,
                &watermarks,
                zone,
            ));
        }
        Ok(requests)
    }

    /// Whether a type is to be loaded: an earlier process has not completed it.
    fn is_open(&self, resource: &str, directory: &RunDirectory) -> bool {
        let table = self.description.resource(resource);
        table.is_none_or(|table| directory.batches().is_open(&table.name))
    }

    /// Whether a type is loaded again without regard to what had changed.
    fn is_in_full(&self, resource: &str, directory: &RunDirectory) -> bool {
        let table = self.description.resource(resource);
        table.is_some_and(|table| directory.in_full(&table.name))
    }

    /// Requests for referenced resources by id; those loaded before are only asked for if they have changed.
    pub(in crate::run) async fn referenced(
        &self,
        open: BTreeMap<String, BTreeSet<String>>,
        zone: &TimeZone,
        directory: &RunDirectory,
    ) -> Result<Vec<Request>> {
        let mut requests = Vec::new();
        if *self.scope == Scope::Everything {
            return Ok(requests);
        }
        let targets = referenced::targets(self.description);
        for (resource, ids) in open
            .into_iter()
            .filter(|(resource, _)| targets.contains(resource) && self.is_open(resource, directory))
        {
            let ids: Vec<String> = ids.into_iter().collect();
            let Some(narrowing) = Narrowing::of(self.settings, &resource, zone) else {
                continue;
            };
            let watermarks = match self.is_in_full(&resource, directory) {
                true => BTreeMap::new(),
                false => self.watermarks(&narrowing.watermark, &ids).await?,
            };
            let ids: Vec<Arc<str>> = ids.into_iter().map(Arc::from).collect();
            let more = requests::by_id(self.settings, &resource, &narrowing, &ids, &watermarks, zone);
            requests.extend(more);
        }
        Ok(requests)
    }

    /// Adds referenced resources that an earlier run asked for in vain.
    pub(in crate::run) async fn add_unanswered_references(
        &self,
        zone: &TimeZone,
        references: &mut References,
    ) -> Result<()> {
        if *self.scope != Scope::Patients {
            return Ok(());
        }
        for resource in referenced::targets(self.description) {
            if let Some(narrowing) = Narrowing::of(self.settings, &resource, zone) {
                for id in unanswered::ids(self.hub, &[narrowing.watermark]).await? {
                    references.add(&resource, &id);
                }
            }
        }
        Ok(())
    }

    /// What the hub's versions of these resources refer to: a resource that has not changed is not sent again, but what
    /// it refers to may have.
    pub(in crate::run) async fn stored_references(
        &self,
        open: &BTreeMap<String, BTreeSet<String>>,
        references: &mut References,
    ) -> Result<()> {
        if *self.scope == Scope::Everything {
            return Ok(());
        }
        for (resource, ids) in open {
            let Some(table) = self
                .description
                .resources()
                .find(|t| t.resource.as_ref() == Some(resource))
            else {
                continue;
            };
            let ids: Vec<String> = ids.iter().cloned().collect();
            let found = self.hub.references_of(table, &ids).await;
            let found = found.map_err(|e| hub_error("reading what referenced resources refer to", e))?;
            for (column, reference) in found {
                references.add_reference(&reference, &table.columns[column]);
            }
        }
        Ok(())
    }
}
