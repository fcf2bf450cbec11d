//! Resources that are gone from the server: how they are found.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use cds_hub::Hub;
use cds_hub::ask::Whose;
use fhir_crack::search::{Client, Export, Exported, Method, Reading, Search};
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::tz::TimeZone;
use table_description::reference::{IdRule, literal};
use table_description::{Description, TableDescription};

use crate::config::{Deletions, Settings};
use crate::run::ask::elements::{by_ids, crack, each_page, elements, plan, table};
use crate::run::ask::requests::since;
use crate::{Error, ErrorKind, Result, folder};

/// Reads run side by side where single ids are asked for.
const READS_AT_ONCE: usize = 4;
/// The watermark of a history stands for all patients.
pub(crate) const EVERYBODY: &str = "*";
/// Name of the watermark of bulk exports.
const EXPORT: &str = "$export";

impl Deletions {
    /// The word that stands in the hub beside a resource that was found to be gone; it outlives this program.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Ids => "ids",
            Self::History => "history",
            Self::Export => "export",
        }
    }
}

/// Looks for resources that the hub has and the server has no more.
#[derive(Clone, Copy)]
pub(crate) struct Census<'r> {
    pub(crate) settings: &'r Settings,
    pub(crate) description: &'r Description,
    pub(crate) client: &'r Client,
    pub(crate) hub: &'r Hub,
    pub(crate) zone: &'r TimeZone,
    /// Where files may lie for a moment: a directory of the run's, whose owner alone may read it.
    pub(crate) directory: &'r Path,
}

/// What a census found.
#[derive(Default)]
pub(crate) struct Gone {
    /// Ids by resource type, only of resources that the hub has and that were not marked before.
    pub(crate) ids: BTreeMap<String, Vec<String>>,
    /// Names of the watermarks of the histories that were read to their end.
    pub(crate) read: Vec<String>,
    /// Where the census broke off.
    pub(crate) failed: Vec<(String, Error)>,
}

impl Gone {
    fn add(&mut self, resource: &str, ids: Vec<String>) {
        if !ids.is_empty() {
            self.ids.entry(resource.to_owned()).or_default().extend(ids);
        }
    }
}

impl Census<'_> {
    /// What is gone, as far as these patients are concerned.
    ///
    /// # Errors
    /// When the hub is lost. Where the server does not answer, the census says so and the rest goes on.
    pub(crate) async fn run(&self, patients: &[String]) -> Result<Gone> {
        let mut gone = Gone::default();
        let tables: Vec<_> = self
            .description
            .resources()
            .filter_map(|t| Some((t.resource.as_deref()?, &**t)))
            .collect();
        match self.settings.deletions {
            Deletions::Off => {}
            Deletions::Ids => {
                for (resource, table) in tables {
                    self.among_known(resource, table, patients, &mut gone).await?;
                }
            }
            Deletions::History => {
                for (resource, table) in tables {
                    let name = format!("{resource}/_history");
                    let Some(from) = self.from(&name).await? else {
                        // What went before the first census stands in no part of the history that is read later.
                        if self.among_known(resource, table, patients, &mut gone).await? {
                            gone.read.push(name);
                        }
                        continue;
                    };
                    match self.history(&name, &from).await {
                        Ok(ids) => {
                            gone.add(resource, self.known(table, Whose::Ids(&ids)).await?);
                            gone.read.push(name);
                        }
                        Err(error) => gone.failed.push((name, error)),
                    }
                }
            }
            Deletions::Export => {
                let Some(from) = self.from(EXPORT).await? else {
                    let mut whole = true;
                    for (resource, table) in tables {
                        whole &= self.among_known(resource, table, patients, &mut gone).await?;
                    }
                    gone.read.extend(whole.then(|| EXPORT.to_owned()));
                    return Ok(gone);
                };
                let names: Vec<String> = tables
                    .iter()
                    .map(|(resource, _)| (*resource).to_owned())
                    .collect();
                match self.export(&names, &from).await {
                    Ok(mut deleted) => {
                        for (resource, table) in tables {
                            if let Some(ids) = deleted.remove(resource) {
                                gone.add(resource, self.known(table, Whose::Ids(&ids)).await?);
                            }
                        }
                        gone.read.push(EXPORT.to_owned());
                    }
                    Err(error) => gone.failed.push((EXPORT.to_owned(), error)),
                }
            }
        }
        Ok(gone)
    }

    /// Ids that the hub has and that are not marked.
    async fn known(&self, table: &TableDescription, whose: Whose<'_>) -> Result<Vec<String>> {
        let known = self.hub.present_ids(table, whose).await;
        known.map_err(|e| Error::new(ErrorKind::Hub, format!("reading the ids of {}", table.name)).because(e))
    }

    /// Adds what is gone of the resources of these patients, id by id; whether the server answered.
    async fn among_known(
        &self,
        resource: &str,
        table: &TableDescription,
        patients: &[String],
        gone: &mut Gone,
    ) -> Result<bool> {
        let known = self.known(table, Whose::Patients(patients)).await?;
        match self.missing(resource, known).await {
            Ok(ids) => {
                gone.add(resource, ids);
                Ok(true)
            }
            Err(error) => {
                gone.failed.push((resource.to_owned(), error));
                Ok(false)
            }
        }
    }

    /// Those of the ids that a search does not find and whose read says 404 or 410.
    async fn missing(&self, resource: &str, known: Vec<String>) -> Result<Vec<String>> {
        let searches = by_ids(resource, "_id", &known, self.settings.server.ids_at_once);
        let searches = searches.into_iter().map(|s| s.elements(["id"])).collect();
        let what = format!("the search for deleted {resource}");
        let found = elements(self.client, resource, searches, ["id"], &what).await?;
        let found: BTreeSet<String> = found.into_iter().filter_map(|[id]| id).collect();
        let reads = known
            .into_iter()
            .filter(|id| !found.contains(id))
            .map(|id| async {
                let reading = self.client.read(resource, &id).await;
                let reading = reading
                    .map_err(|e| Error::new(ErrorKind::Search, format!("{what} broke off")).because(e))?;
                Ok(matches!(reading, Reading::Missing | Reading::Deleted).then_some(id))
            });
        let read: Vec<Option<String>> = stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
        Ok(read.into_iter().flatten().collect())
    }

    /// From when a history is of interest: the day before the last census; `None` before the first.
    async fn from(&self, name: &str) -> Result<Option<String>> {
        let marks = self
            .hub
            .census(name, &[EVERYBODY.to_owned()])
            .await
            .map_err(|e| Error::new(ErrorKind::Hub, "reading the watermarks").because(e))?;
        Ok(marks.get(EVERYBODY).and_then(|mark| since(*mark, self.zone)))
    }

    /// The ids whose newest entry in a type's history is a `DELETE`.
    async fn history(&self, name: &str, from: &str) -> Result<Vec<String>> {
        let resource = name.strip_suffix("/_history").unwrap_or(name);
        let plan = plan(table("Bundle", [METHOD, URL].map(str::to_owned).into()))?;
        let mut search = Search::new(name).method(Method::Get).param("_since", from);
        if let Some(count) = self.settings.server.count {
            search = search.count(count);
        }
        let mut newest: HashMap<String, bool> = HashMap::new();
        each_page(self.client, search, name, |page| {
            let cracked = crack(&as_resource(&page.bytes), page.number, name, &plan)?;
            for batch in &cracked.batches {
                let columns = [METHOD, URL].map(|path| batch.table().position_of_path(path));
                let [Some(method), Some(url)] = columns else {
                    continue;
                };
                for row in 0..batch.rows() {
                    let methods: HashMap<u32, &str> = batch
                        .cell(row, method)
                        .filter_map(|e| Some((e.index.first().copied()?, e.text)))
                        .collect();
                    for entry in batch.cell(row, url) {
                        let method = entry.index.first().and_then(|i| methods.get(i));
                        // A server may name the version that it took away: `Observation/4/_history/2`.
                        let Some(id) = literal(entry.text, IdRule::Odd).and_then(|url| url.id_of(resource))
                        else {
                            continue;
                        };
                        // Newest first (R4, history): the first entry of a resource is its present state.
                        newest.entry(id.to_owned()).or_insert(method == Some(&"DELETE"));
                    }
                }
            }
            Ok(())
        })
        .await?;
        Ok(newest
            .into_iter()
            .filter_map(|(id, deleted)| deleted.then_some(id))
            .collect())
    }

    /// The ids by type that a bulk export names as deleted. Its files lie in a directory of their own and go with it.
    async fn export(&self, types: &[String], from: &str) -> Result<HashMap<String, Vec<String>>> {
        let place = || "the bulk export that tells what was deleted".to_owned();
        let directory = self.directory.join("deleted");
        folder::remove(&directory).await?;
        // Nobody else may read what lies in it for a moment.
        tokio::fs::DirBuilder::new()
            .mode(0o700)
            .create(&directory)
            .await
            .map_err(|e| Error::new(ErrorKind::File, place()).because(e))?;
        let export = Export::system().types(types).since(from);
        let exported = self.client.export(export, &directory).run().await;
        let deleted = match exported {
            Ok(exported) => deletions(&exported)
                .await
                .map_err(|e| Error::new(ErrorKind::File, place()).because(e)),
            Err(error) => Err(Error::new(ErrorKind::Search, place()).because(error)),
        };
        folder::remove(&directory).await?;
        deleted
    }
}

const METHOD: &str = "entry/request/method";
const URL: &str = "entry/request/url";

/// The `DELETE` entries of the Bundles in an export's `deleted` files.
async fn deletions(exported: &Exported) -> std::io::Result<HashMap<String, Vec<String>>> {
    let mut deleted: HashMap<String, Vec<String>> = HashMap::new();
    for part in exported.deletions() {
        let text = tokio::fs::read_to_string(&part.path).await?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let bundle: serde_json::Value = serde_json::from_str(line)?;
            let entries = bundle.get("entry").and_then(serde_json::Value::as_array);
            for entry in entries.into_iter().flatten() {
                let field = |name: &str| entry.pointer(name).and_then(serde_json::Value::as_str);
                let url = field("/request/url").and_then(|url| literal(url, IdRule::Odd));
                if let (Some("DELETE"), Some(url)) = (field("/request/method"), url) {
                    let ids = deleted.entry(url.resource_type().to_owned()).or_default();
                    ids.push(url.id().to_owned());
                }
            }
        }
    }
    Ok(deleted)
}

/// A Bundle as the only resource within another one, so that it is cracked like any resource, in JSON and in XML.
fn as_resource(bundle: &[u8]) -> Vec<u8> {
    let body = bundle
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(bundle)
        .trim_ascii();
    if body.first() == Some(&b'{') {
        return [br#"{"resourceType":"Bundle","entry":[{"resource":"#, body, b"}]}"].concat();
    }
    let end = body
        .windows(2)
        .position(|w| w == b"?>")
        .filter(|_| body.starts_with(b"<?xml"));
    let body = end.and_then(|end| body.get(end + 2..)).unwrap_or(body);
    [
        br#"<Bundle xmlns="http://hl7.org/fhir"><entry><resource>"#,
        body,
        b"</resource></entry></Bundle>",
    ]
    .concat()
}
