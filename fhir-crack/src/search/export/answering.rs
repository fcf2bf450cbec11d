//! An export as the answer to searches: its resources lie in the searches' spools, as if they had come page by page.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use table_description::reference::{Home, OwnBases, Reference};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt, BufReader};

use super::exported::Exported;
use crate::search::Search;
use crate::search::ask::server::Server;
use crate::search::ask::target::Target;
use crate::search::disk::failed;
use crate::search::envelope::page::Format;
use crate::search::error::Error;
use crate::search::paging::spool::{Journal, Spool};

/// Bytes of resources that wait for their pages, in all searches together.
const WAITING: usize = 64 << 20;
/// Bytes of a page, at least and at most, before the resource that makes it full.
const PAGE: (usize, usize) = (64 << 10, 4 << 20);

/// One search that the export answers.
struct Answer<'s> {
    search: &'s Search,
    /// Where the answer is to be, once it is whole: a search would go on behind a part of it.
    spool: &'s Spool,
    /// Where it is made.
    unfinished: Spool,
    /// Entries of the page that is being filled.
    entries: Vec<u8>,
    /// Pages kept so far.
    pages: u32,
}

/// What is read of a resource: whose it is.
#[derive(Deserialize)]
struct Head {
    #[serde(rename = "resourceType")]
    resource: String,
    id: Option<String>,
    subject: Option<Value>,
    patient: Option<Value>,
}

/// Writes the pages of these searches; says of each whether it is answered. One is not where the export has a resource of its
/// type of which only the server can say whose it is.
pub(crate) async fn answer(
    server: &Arc<Server>,
    exported: &Exported,
    searches: &[(Search, Spool)],
    ours: &OwnBases,
) -> Result<Vec<bool>, Error> {
    let broken = |error| failed(error).at(&server.place("$export"));
    let mut answers: Vec<Answer<'_>> = Vec::with_capacity(searches.len());
    for (search, spool) in searches {
        let unfinished = Spool::new(spool.dir().with_added_extension("unfinished"));
        // What a dying run left half written.
        remove(&unfinished).await?;
        answers.push(Answer {
            search,
            spool,
            unfinished,
            entries: Vec::new(),
            pages: 0,
        });
    }
    let whose = Whose::of(searches);
    let full = (WAITING / searches.len().max(1)).clamp(PAGE.0, PAGE.1);
    let mut untold: HashSet<String> = HashSet::new();
    for part in exported.parts() {
        let file = File::open(&part.path).await.map_err(broken)?;
        let mut lines = BufReader::with_capacity(1 << 20, file);
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line).await.map_err(broken)? == 0 {
                break;
            }
            let text = line.trim_ascii();
            if text.is_empty() {
                continue;
            }
            let Ok(head) = serde_json::from_slice::<Head>(text) else {
                untold.insert(part.resource.clone());
                continue;
            };
            if head.resource == part.resource && !whose.types.contains_key(&part.resource) {
                // A file has one type, and this one is what it says.
                break;
            }
            match whose.find(&head, ours) {
                Found::Search(at) => {
                    if let Some(answer) = answers.get_mut(at) {
                        answer.add(text);
                        if answer.entries.len() >= full {
                            answer.keep(server, exported.begun, true).await?;
                        }
                    }
                }
                Found::Nobody => {}
                Found::Untold => {
                    untold.insert(head.resource);
                }
            }
        }
    }
    let mut answered = Vec::with_capacity(answers.len());
    for mut answer in answers {
        let is_told = !untold.contains(answer.search.resource()) && answer.search.asked().is_some();
        if is_told {
            answer.end(server, exported.begun).await?;
        } else {
            remove(&answer.unfinished).await?;
        }
        answered.push(is_told);
    }
    Ok(answered)
}

async fn remove(spool: &Spool) -> Result<(), Error> {
    match tokio::fs::remove_dir_all(spool.dir()).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

impl Answer<'_> {
    fn add(&mut self, resource: &[u8]) {
        if !self.entries.is_empty() {
            self.entries.push(b',');
        }
        self.entries.extend_from_slice(b"{\"resource\":");
        self.entries.extend_from_slice(resource);
        self.entries
            .extend_from_slice(b",\"search\":{\"mode\":\"match\"}}");
    }

    /// Keeps the page that is full, or the last one.
    async fn keep(
        &mut self,
        server: &Arc<Server>,
        date: Option<SystemTime>,
        goes_on: bool,
    ) -> Result<(), Error> {
        let mut journal = self.journal(server).await?;
        let next = goes_on.then(|| self.next(server));
        let page = page(&std::mem::take(&mut self.entries));
        self.pages += 1;
        journal
            .store(0, self.pages, Format::Json, &page, next.as_ref().map(Some), date)
            .await
    }

    /// Keeps the last page, and one without entries for each further request of the search; then the search is complete, and
    /// stands where it is looked for.
    async fn end(&mut self, server: &Arc<Server>, date: Option<SystemTime>) -> Result<(), Error> {
        self.keep(server, date, false).await?;
        let mut journal = self.journal(server).await?;
        for part in 1..Target::starts(self.search, server).len() {
            journal
                .store(part, 1, Format::Json, &page(&[]), None, date)
                .await?;
        }
        journal.complete().await?;
        drop(journal);
        remove(self.spool).await?;
        tokio::fs::rename(self.unfinished.dir(), self.spool.dir())
            .await
            .map_err(failed)
    }

    /// Open for one page only: there are more searches than a process may have files.
    async fn journal(&self, server: &Arc<Server>) -> Result<Journal, Error> {
        let (journal, _) = Journal::open(&self.unfinished, &server.identity(self.search)).await?;
        Ok(journal)
    }

    /// A link that nobody follows: the page behind it is there.
    fn next(&self, server: &Arc<Server>) -> Target {
        let mut url: Url = server.transport.options.endpoint.below("$export");
        url.set_query(Some(&format!("page={}", self.pages + 2)));
        Target::get(url)
    }
}

fn page(entries: &[u8]) -> Bytes {
    let mut page = Vec::with_capacity(entries.len() + 64);
    page.extend_from_slice(b"{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[");
    page.extend_from_slice(entries);
    page.extend_from_slice(b"]}");
    page.into()
}

/// Which search a resource belongs to: by its own id, or by the patient it is about.
#[derive(Default)]
struct Whose {
    types: HashMap<String, Ids>,
}

#[derive(Default)]
struct Ids {
    of_resources: HashMap<Arc<str>, usize>,
    of_patients: HashMap<Arc<str>, usize>,
}

impl Whose {
    fn of(searches: &[(Search, Spool)]) -> Whose {
        let mut whose = Whose::default();
        for (at, (search, _)) in searches.iter().enumerate() {
            let Some(asked) = search.asked() else {
                continue;
            };
            let ids = whose.types.entry(search.resource().to_owned()).or_default();
            let ids = if asked.is_for_patients() {
                &mut ids.of_patients
            } else {
                &mut ids.of_resources
            };
            ids.extend(asked.ids().map(|id| (Arc::clone(id), at)));
        }
        whose
    }

    fn find(&self, head: &Head, ours: &OwnBases) -> Found {
        let Some(ids) = self.types.get(&head.resource) else {
            return Found::Nobody;
        };
        if let Some(at) = head.id.as_deref().and_then(|id| ids.of_resources.get(id)) {
            return Found::Search(*at);
        }
        if ids.of_patients.is_empty() {
            return Found::Nobody;
        }
        let mut found = Found::Untold;
        for text in references(head.subject.as_ref()).chain(references(head.patient.as_ref())) {
            let Some(Reference::Literal(literal)) = Reference::parse(text) else {
                continue;
            };
            let id = literal.id_of("Patient");
            match id.and_then(|id| ids.of_patients.get(id)) {
                Some(at) if ours.home(&literal) == Home::Ours => return Found::Search(*at),
                // Another server's patient of the same id, or ours by an old name.
                Some(_) => return Found::Untold,
                None => found = Found::Nobody,
            }
        }
        found
    }
}

/// Which search a resource belongs to.
enum Found {
    Search(usize),
    /// It is about somebody that nobody asked for.
    Nobody,
    /// It does not say whom it is about.
    Untold,
}

/// The references of an element that is one, or a list of such.
fn references(element: Option<&Value>) -> impl Iterator<Item = &str> {
    let (one, many) = match element {
        Some(Value::Array(many)) => (None, many.as_slice()),
        Some(one) => (Some(one), &[][..]),
        None => (None, &[][..]),
    };
    let all = one.into_iter().chain(many);
    all.filter_map(|one| one.get("reference")?.as_str())
}
