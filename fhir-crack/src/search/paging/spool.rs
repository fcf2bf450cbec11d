use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use reqwest::Url;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use tokio::fs::{self, File, OpenOptions};
use tokio::io::AsyncWriteExt;

use crate::search::ask::target::Target;
use crate::search::disk::{failed, make_dir, private};
use crate::search::envelope::page::Format;
use crate::search::error::{Error, ErrorKind};

/// A directory that keeps the pages of one search, so that a run that died goes on where it was.
///
/// Beside the pages (`0001-000001.json`: part and page, both counted from 1) it holds `journal.jsonl`, one line for
/// every page and its next link. Both hold patient data and are readable by their owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    dir: PathBuf,
}

impl Spool {
    /// A spool in this directory, which is made when it is first used. A directory serves one search.
    pub fn new(dir: impl Into<PathBuf>) -> Spool {
        Spool { dir: dir.into() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The files of a search that was answered in full, page by page, without asking the server; `None` where the spool
    /// holds no such search.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn complete_pages(&self) -> Result<Option<Vec<PathBuf>>, Error> {
        let text = match std::fs::read_to_string(self.dir.join("journal.jsonl")) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let (mut pages, mut complete) = (Vec::new(), false);
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            match serde_json::from_str(line).map_err(|_| foreign())? {
                Line::Page(line) if line.stuck => {}
                Line::Page(line) => {
                    let format = if line.xml { Format::Xml } else { Format::Json };
                    pages.push((
                        (line.part, line.page),
                        page_path(&self.dir, line.part, line.page, format),
                    ));
                }
                Line::Cut { part, page } => {
                    pages.retain(|(kept, _)| *kept < (part, page));
                    complete = false;
                }
                Line::Complete => complete = true,
                Line::Search(_) | Line::ByGet => {}
            }
        }
        Ok(complete.then(|| pages.into_iter().map(|(_, path)| path).collect()))
    }
}

fn page_path(dir: &Path, part: usize, page: u32, format: Format) -> PathBuf {
    dir.join(format!("{:04}-{page:06}.{}", part + 1, format.extension()))
}

/// One line of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// Which search this is: a digest of server, type and parameters.
    Search(String),
    /// The server refuses POST, parts are those of GET.
    ByGet,
    Page(PageLine),
    /// Pages from this part's page on no longer count: they will be fetched again.
    Cut {
        part: usize,
        page: u32,
    },
    Complete,
}

#[derive(Serialize, Deserialize)]
struct PageLine {
    part: usize,
    page: u32,
    xml: bool,
    bytes: usize,
    next: Option<NextLine>,
    /// The server's time of the answer, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    date: Option<u64>,
    /// Whether the page has a next link that could not be followed, so that it is not the last one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    stuck: bool,
}

#[derive(Serialize, Deserialize)]
struct NextLine {
    url: String,
    form: Option<String>,
    query: Option<String>,
}

/// The open journal of a spool.
pub(crate) struct Journal {
    dir: PathBuf,
    file: File,
}

/// What a journal tells of an earlier run.
#[derive(Default)]
pub(crate) struct Past {
    pub(crate) pages: Vec<PastPage>,
    pub(crate) by_get: bool,
    pub(crate) complete: bool,
}

/// A page kept by an earlier run.
pub(crate) struct PastPage {
    /// Part of the search, counted from 0.
    pub(crate) part: usize,
    /// Page of the part, counted from 1.
    pub(crate) page: u32,
    pub(crate) format: Format,
    pub(crate) bytes: usize,
    pub(crate) next: Option<Target>,
    pub(crate) date: Option<SystemTime>,
}

impl Journal {
    /// Opens a spool and reads what an earlier run left in it.
    pub(crate) async fn open(spool: &Spool, identity: &str) -> Result<(Journal, Past), Error> {
        let name: String = digest(&SHA256, identity.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        make_dir(&spool.dir).await.map_err(failed)?;
        let path = spool.dir.join("journal.jsonl");
        let text = match fs::read_to_string(&path).await {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(failed(error)),
        };
        let file = private(OpenOptions::new().append(true).create(true))
            .open(&path)
            .await
            .map_err(failed)?;
        let mut journal = Journal {
            dir: spool.dir.clone(),
            file,
        };
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        if whole < text.len() {
            // the line that a dying run left half written
            journal.file.set_len(whole as u64).await.map_err(failed)?;
        }
        let mut past = Past::default();
        let mut known = false;
        for line in text[..whole].lines() {
            match serde_json::from_str(line) {
                Ok(Line::Search(other)) if other == name => known = true,
                Ok(Line::ByGet) => past.by_get = true,
                // Asked for again, since another configuration may be able to follow its link.
                Ok(Line::Page(line)) if line.stuck => {}
                Ok(Line::Page(line)) => past.pages.push(line.read().ok_or_else(foreign)?),
                Ok(Line::Cut { part, page }) => {
                    past.pages.retain(|kept| (kept.part, kept.page) < (part, page));
                    past.complete = false;
                }
                Ok(Line::Complete) => past.complete = true,
                Ok(Line::Search(_)) | Err(_) => return Err(foreign()),
            }
        }
        if !known {
            if whole > 0 {
                return Err(foreign());
            }
            journal.append(&Line::Search(name)).await?;
        }
        Ok((journal, past))
    }

    /// Keeps a page; the journal names it only when its file is whole. `next` is the next page, `Some(None)` where the page
    /// has a link that leads nowhere.
    pub(crate) async fn store(
        &mut self,
        part: usize,
        page: u32,
        format: Format,
        bytes: &Bytes,
        next: Option<Option<&Target>>,
        date: Option<SystemTime>,
    ) -> Result<(), Error> {
        let path = self.path(part, page, format);
        let unfinished = path.with_extension("unfinished");
        let write = async {
            let mut file = private(OpenOptions::new().write(true).create(true).truncate(true))
                .open(&unfinished)
                .await?;
            file.write_all(bytes).await?;
            file.flush().await?;
            fs::rename(&unfinished, &path).await
        };
        write.await.map_err(failed)?;
        let stuck = next == Some(None);
        let next = next.flatten().map(|target| NextLine {
            url: target.url.to_string(),
            form: target.form.clone(),
            query: target.query.clone(),
        });
        let xml = format == Format::Xml;
        self.append(&Line::Page(PageLine {
            part,
            page,
            xml,
            bytes: bytes.len(),
            next,
            date: date.and_then(|date| Some(date.duration_since(UNIX_EPOCH).ok()?.as_secs())),
            stuck,
        }))
        .await
    }

    /// Reads a page kept earlier; `None` where its file is gone or not the one the journal names.
    pub(crate) async fn load(&self, page: &PastPage) -> Option<Bytes> {
        let bytes = fs::read(self.path(page.part, page.page, page.format))
            .await
            .ok()?;
        (bytes.len() == page.bytes).then(|| bytes.into())
    }

    pub(crate) async fn by_get(&mut self) -> Result<(), Error> {
        self.append(&Line::ByGet).await
    }

    /// Forgets the pages from this one on; part counted from 0, page from 1.
    pub(crate) async fn cut(&mut self, part: usize, page: u32) -> Result<(), Error> {
        self.append(&Line::Cut { part, page }).await
    }

    pub(crate) async fn complete(&mut self) -> Result<(), Error> {
        self.append(&Line::Complete).await
    }

    async fn append(&mut self, line: &Line) -> Result<(), Error> {
        let mut text = serde_json::to_string(line).map_err(|_| Error::new(ErrorKind::Spool))?;
        text.push('\n');
        let write = async {
            self.file.write_all(text.as_bytes()).await?;
            self.file.flush().await
        };
        write.await.map_err(failed)
    }

    fn path(&self, part: usize, page: u32, format: Format) -> PathBuf {
        page_path(&self.dir, part, page, format)
    }
}

impl PageLine {
    fn read(self) -> Option<PastPage> {
        let next = match self.next {
            Some(next) => Some(Target {
                url: Url::parse(&next.url).ok()?,
                form: next.form,
                query: next.query,
            }),
            None => None,
        };
        let format = if self.xml { Format::Xml } else { Format::Json };
        Some(PastPage {
            part: self.part,
            page: self.page,
            format,
            bytes: self.bytes,
            next,
            date: self.date.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)),
        })
    }
}

fn foreign() -> Error {
    Error::configuration("the spool's directory holds another search")
}
