use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use fhir_crack::search::{Client, ClientOptions, Export, Search, Step};
use sql_on_fhir::{Run, Views};

use super::view::failed;
use crate::{Error, ErrorKind, Result, folder};

/// Resources asked for at a time.
const COUNT: u32 = 500;

/// Answers with something left out that are told of one by one, at most.
const MOST_TOLD: usize = 10;
/// The folder in the output directory that an export lies in until it is read.
const EXPORT: &str = "export.unfinished";

/// Reads all resources the views are over from a server, by search or by a bulk export, which lies in `out` meanwhile. A search
/// that is not answered in full is an error. What cannot be cracked is left out, and said: the result is one for each such page
/// or file.
pub(super) async fn read(
    server: &str,
    export: bool,
    out: &Path,
    views: &Views,
    run: &mut Run<'_>,
) -> Result<Vec<sql_on_fhir::Error>> {
    let search =
        |e: fhir_crack::search::Error| Error::new(ErrorKind::Search, "reading from the server").because(e);
    let options = ClientOptions::new(server).map_err(search)?;
    let client = Client::new(options).map_err(search)?;
    let types: BTreeSet<&str> = views.resources().collect();
    let mut left_out = Vec::new();
    if export {
        let folder = out.join(EXPORT);
        folder::remove(&folder).await?;
        let exported = client.export(Export::system().types(&types), &folder).run().await;
        let read = exported.map_err(search).and_then(|exported| {
            exported.parts().iter().try_for_each(|part| {
                let file = std::fs::File::open(&part.path)
                    .map_err(|e| Error::new(ErrorKind::File, "the export cannot be read").because(e))?;
                go_on(run.read(file), &mut left_out)
            })
        });
        folder::remove(&folder).await?;
        read?;
        return Ok(left_out);
    }
    for resource in types {
        let before = left_out.len();
        let mut pages = client.search(Search::new(resource).count(COUNT));
        loop {
            match pages.next().await.map_err(search)? {
                Step::Page(page) => go_on(run.read(&page.bytes[..]), &mut left_out)?,
                Step::Complete(complete) => {
                    let matches = complete.matches();
                    let is_whole = left_out.len() == before;
                    let whole = if is_whole { ", complete" } else { "" };
                    println!("{resource:<28}{matches:>10} matches{whole}");
                    break;
                }
                _ => return Err(Error::new(ErrorKind::Search, "the search was cut short")),
            }
        }
    }
    Ok(left_out)
}

/// Says what was left out.
pub(super) fn ended(left_out: Vec<sql_on_fhir::Error>) -> ExitCode {
    if left_out.is_empty() {
        return ExitCode::SUCCESS;
    }
    let answers = left_out.len();
    for error in left_out.into_iter().take(MOST_TOLD) {
        super::print_error(&failed(error));
    }
    eprintln!("{answers} answers of the server could not be read whole; what could be read is kept");
    ExitCode::FAILURE
}

/// What was set aside stops nothing else.
fn go_on(
    read: std::result::Result<(), sql_on_fhir::Error>,
    left_out: &mut Vec<sql_on_fhir::Error>,
) -> Result<()> {
    match read {
        Err(error) if matches!(error.kind(), sql_on_fhir::ErrorKind::SetAside { .. }) => {
            left_out.push(error);
            Ok(())
        }
        read => read.map_err(failed),
    }
}
