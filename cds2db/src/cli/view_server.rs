use std::collections::BTreeSet;

use fhir_crack::search::{Client, ClientOptions, Export, Search, Step};
use sql_on_fhir::{Run, Views};

use super::view::failed;
use crate::{Error, ErrorKind, Result};

/// Resources asked for at a time.
const COUNT: u32 = 500;

/// Reads all resources the views are over from a server, by search or by a bulk export. What is incomplete is an error.
pub(super) async fn read(server: &str, export: bool, views: &Views, run: &mut Run<'_>) -> Result<()> {
    let search =
        |e: fhir_crack::search::Error| Error::new(ErrorKind::Search, "reading from the server").because(e);
    let options = ClientOptions::new(server).map_err(search)?;
    let client = Client::new(options).map_err(search)?;
    let types: BTreeSet<&str> = views.resources().collect();
    if export {
        let folder = std::env::temp_dir().join(format!("cds2db-view-{}", std::process::id()));
        let exported = client.export(Export::system().types(&types), &folder).run().await;
        let read = exported.map_err(search).and_then(|exported| {
            exported.parts().iter().try_for_each(|part| {
                let file = std::fs::File::open(&part.path)
                    .map_err(|e| Error::new(ErrorKind::File, "the export cannot be read").because(e))?;
                run.read(file).map_err(failed)
            })
        });
        let removed = std::fs::remove_dir_all(&folder);
        read?;
        return removed.map_err(|e| {
            Error::new(ErrorKind::File, "the files of the export cannot be removed").because(e)
        });
    }
    for resource in types {
        let mut pages = client.search(Search::new(resource).count(COUNT));
        loop {
            match pages.next().await.map_err(search)? {
                Step::Page(page) => run.read(&page.bytes[..]).map_err(failed)?,
                Step::Complete(complete) => {
                    println!("{resource:<28}{:>10} matches, complete", complete.matches());
                    break;
                }
                _ => return Err(Error::new(ErrorKind::Search, "the search was cut short")),
            }
        }
    }
    Ok(())
}
