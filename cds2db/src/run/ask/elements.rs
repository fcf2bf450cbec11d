//! Some elements of some resources, for questions beside the download.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use fhir_crack::search::{Client, Page, Search, Step};
use fhir_crack::{Batch, Cracked, Faults, Options, Plan};
use table_description::{Column, Description, ElementPath, FhirType, MeltMode, Origin, TableDescription};

use super::rest::Rest;
use crate::{Error, ErrorKind, Result};

/// How several values of one element are joined.
pub(crate) const JOIN: &str = " ~ ";

/// A table of these paths, all text.
pub(crate) fn table(resource: &str, paths: BTreeSet<String>) -> TableDescription {
    let column = |path: String| {
        let name = path.replace('/', "_").to_ascii_lowercase();
        Column::new(name, Origin::Element(ElementPath::new(path)), FhirType::String)
    };
    TableDescription {
        name: resource.to_ascii_lowercase(),
        resource: Some(resource.to_owned()),
        prefix: String::new(),
        columns: paths.into_iter().map(column).collect(),
        melt: MeltMode::Product,
    }
}

/// A plan for one table.
pub(crate) fn plan(table: TableDescription) -> Result<Arc<Plan>> {
    let description = Description {
        tables: vec![Arc::new(table)],
    };
    Plan::new(&description).map(Arc::new).map_err(|e| {
        Error::new(
            ErrorKind::Config,
            "a path of the ward patterns cannot be followed",
        )
        .because(e)
    })
}

/// Cracks one page of a search named by `what`, which has to be read in full.
pub(crate) fn crack(bytes: &[u8], number: u32, what: &str, plan: &Arc<Plan>) -> Result<Cracked> {
    let mut options = Options::default();
    options.faults = Faults::Refuse;
    crack_as(bytes, number, what, plan, options)
}

/// The same with other options; with the default ones what cannot be read is set aside.
pub(crate) fn crack_as(
    bytes: &[u8],
    number: u32,
    what: &str,
    plan: &Arc<Plan>,
    options: Options,
) -> Result<Cracked> {
    fhir_crack::crack_with(bytes, plan, options)
        .map_err(|e| Error::new(ErrorKind::Crack, format!("page {number} of {what}")).because(e))
}

/// The values of a cell in one text; `None` where it has none.
pub(crate) fn joined(batch: &Batch, row: usize, column: usize) -> Option<String> {
    let values: Vec<&str> = batch.cell(row, column).map(|entry| entry.text).collect();
    (!values.is_empty()).then(|| values.join(JOIN))
}

/// The joined values of `paths` in the resources that the searches find, a row a resource; `what` names the search in
/// errors. Of a list of ids, what a server passes over that takes only the beginning of lists is asked for again.
pub(crate) async fn elements<const N: usize>(
    client: &Client,
    resource: &str,
    searches: Vec<Search>,
    paths: [&str; N],
    what: &str,
) -> Result<Vec<[Option<String>; N]>> {
    let plan = plan(table(resource, paths.map(str::to_owned).into()))?;
    let mut rows = Vec::new();
    let mut rest = Rest::default();
    let mut searches: VecDeque<_> = searches.into_iter().map(|search| (search, false)).collect();
    while let Some((search, again)) = searches.pop_front() {
        if again && rest.is_believed() {
            continue;
        }
        let asked = search.asked();
        let mut seen = HashSet::new();
        each_page(client, search.clone(), what, |page| {
            for batch in &crack(&page.bytes, page.number, what, &plan)?.batches {
                if let Some(asked) = &asked {
                    asked.look(batch, &mut seen);
                }
                let columns = paths.map(|path| batch.table().position_of_path(path));
                rows.extend(
                    (0..batch.rows()).map(|row| {
                        columns.map(|column| column.and_then(|column| joined(batch, row, column)))
                    }),
                );
            }
            Ok(())
        })
        .await?;
        if asked.is_some() {
            searches.extend(rest.of(&search, &seen).into_iter().map(|search| (search, true)));
        }
    }
    Ok(rows)
}

/// Visits the pages of a search that has to be answered in full.
pub(crate) async fn each_page(
    client: &Client,
    search: Search,
    what: &str,
    mut visit: impl FnMut(&Page) -> Result<()>,
) -> Result<()> {
    let failed = |e| Error::new(ErrorKind::Search, format!("{what} broke off")).because(e);
    let mut pages = client.search(search);
    loop {
        match pages.next().await.map_err(failed)? {
            Step::Page(page) => visit(&page)?,
            _ => return Ok(()),
        }
    }
}

/// Searches for a list of ids, in batches.
pub(crate) fn by_ids(resource: &str, parameter: &str, ids: &[String], ids_at_once: usize) -> Vec<Search> {
    ids.chunks(ids_at_once.max(1))
        .map(|ids| Search::new(resource).ids(parameter, ids.iter().cloned()))
        .collect()
}
