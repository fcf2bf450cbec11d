use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};

/// The files of a command line: folders are walked in the order of names, `-` is standard input. What lies in a folder and
/// is no FHIR by its name or its beginning is left aside; a file that is named itself is read whatever it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    files: Vec<PathBuf>,
    skipped: Vec<PathBuf>,
}

/// Endings of files that lie beside FHIR files and may begin as they do.
const OTHERS: [&str; 16] = [
    "md", "markdown", "html", "htm", "css", "js", "svg", "csv", "tsv", "pdf", "py", "r", "sh", "toml",
    "yaml", "yml",
];

/// What stands for standard input.
const STDIN: &str = "-";

impl Inputs {
    /// Finds all files.
    ///
    /// # Errors
    /// When a file is not there or a folder cannot be read; the message names it.
    pub fn find(paths: &[PathBuf]) -> Result<Self> {
        let mut inputs = Self::default();
        for path in paths {
            if path.as_os_str() == STDIN {
                inputs.files.push(path.clone());
            } else {
                inputs.walk(path, true)?;
            }
        }
        Ok(inputs)
    }

    /// Files of the folders that are no FHIR.
    #[must_use]
    pub fn skipped(&self) -> &[PathBuf] {
        &self.skipped
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Bytes of all files; `None` if standard input is among them.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        let sizes = self.files.iter().map(|path| match path.as_os_str() == STDIN {
            true => None,
            false => std::fs::metadata(path).ok().map(|file| file.len()),
        });
        sizes.sum()
    }

    /// Hands each file to `read`, opened; goes on after one that cannot be opened, or not be read as FHIR, and returns what was
    /// wrong with those, by name. One that cannot be opened says so when it is read. `watch` is told how many bytes were read,
    /// time after time.
    pub fn each<E>(
        &self,
        watch: &(dyn Fn(u64) + Sync),
        mut read: impl FnMut(&mut (dyn Read + Send)) -> std::result::Result<(), E>,
    ) -> Vec<(PathBuf, E)> {
        let mut failed = Vec::new();
        for path in &self.files {
            let input: Box<dyn Read + Send> = if path.as_os_str() == STDIN {
                Box::new(std::io::stdin())
            } else {
                match File::open(path) {
                    Ok(file) => Box::new(file),
                    Err(error) => Box::new(Unopened(Some(error))),
                }
            };
            if let Err(error) = read(&mut Watched { input, watch }) {
                failed.push((path.clone(), error));
            }
        }
        failed
    }
}

/// A file that could not be opened.
struct Unopened(Option<std::io::Error>);

impl Read for Unopened {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// An input that tells how many bytes were read of it.
struct Watched<'w> {
    input: Box<dyn Read + Send>,
    watch: &'w (dyn Fn(u64) + Sync),
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.input.read(buffer)?;
        (self.watch)(length as u64);
        Ok(length)
    }
}

impl Inputs {
    fn walk(&mut self, path: &Path, is_named: bool) -> Result<()> {
        match self.look(path, is_named) {
            Ok(inside) => inside.iter().try_for_each(|path| self.walk(path, false)),
            Err(error) if is_named => Err(unreadable(path, error)),
            // It is told of when it is its turn, and the others are read.
            Err(_) => {
                self.files.push(path.to_owned());
                Ok(())
            }
        }
    }

    /// Lists a file, or says what is in a folder.
    fn look(&mut self, path: &Path, is_named: bool) -> std::io::Result<Vec<PathBuf>> {
        if !std::fs::metadata(path)?.is_dir() {
            let list = if is_named || may_be_fhir(path)? {
                &mut self.files
            } else {
                &mut self.skipped
            };
            list.push(path.to_owned());
            return Ok(Vec::new());
        }
        let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|e| e.path()));
        let mut inside: Vec<PathBuf> = entries.collect::<std::io::Result<_>>()?;
        inside.sort();
        Ok(inside)
    }
}

/// Whether a file may be JSON, NDJSON, XML, in UTF-8 or UTF-16, or one of these in gzip: by its ending, and by its first sign.
/// An empty file may be one that is still being written, and is read.
fn may_be_fhir(path: &Path) -> std::io::Result<bool> {
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    if ending.is_some_and(|ending| OTHERS.contains(&&*ending)) {
        return Ok(false);
    }
    let mut begin = [0; 64];
    let length = File::open(path)?.read(&mut begin)?;
    let begin = begin.get(..length).unwrap_or_default();
    let text = begin
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(begin)
        .trim_ascii_start();
    Ok(text.is_empty()
        || [
            &[0x1f, 0x8b],
            &[0xff, 0xfe],
            &[0xfe, 0xff],
            b"\0{",
            b"\0<",
            b"\0[",
        ]
        .iter()
        .any(|sign| begin.starts_with(*sign))
        || matches!(text.first(), Some(b'{' | b'<' | b'[')))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::File, format!("{} cannot be read", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn folders_are_walked_in_order() {
        let root = tempfile::tempdir().expect("directory");
        std::fs::create_dir(root.path().join("b")).expect("folder");
        for name in ["c.json", "b/2.xml", "b/1.xml", "a.ndjson"] {
            std::fs::write(root.path().join(name), "").expect("file");
        }
        let inputs = Inputs::find(&[root.path().to_owned(), "-".into()]).expect("finds");
        let names: Vec<_> = inputs
            .files
            .iter()
            .map(|p| p.strip_prefix(root.path()).unwrap_or(p).display().to_string())
            .collect();
        assert_eq!(names, ["a.ndjson", "b/1.xml", "b/2.xml", "c.json", "-"]);
        assert_eq!(inputs.bytes(), None);
    }

    #[test]
    fn what_is_no_fhir_is_left_aside_unless_it_is_named() {
        let root = tempfile::tempdir().expect("directory");
        for (name, text) in [
            ("1.json", "\u{feff} {}"),
            ("2", "<Bundle/>"),
            ("2be", "\0{\0}"),
            ("3.txt", "{\"resourceType\":\"Patient\"}"),
            ("LICENSE", "Licensed under"),
            ("README", "Read me"),
            ("README.md", "<p>"),
            ("index.html", "<html>"),
            ("list.csv", "[1]a"),
        ] {
            std::fs::write(root.path().join(name), text).expect("file");
        }
        std::fs::write(root.path().join("4.ndjson.gz"), [0x1f, 0x8b, 8]).expect("file");
        let inputs = Inputs::find(&[root.path().to_owned()]).expect("finds");
        let names = |paths: &[PathBuf]| {
            let names = paths
                .iter()
                .filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned()));
            names.collect::<Vec<_>>()
        };
        assert_eq!(
            names(&inputs.files),
            ["1.json", "2", "2be", "3.txt", "4.ndjson.gz"]
        );
        assert_eq!(
            names(inputs.skipped()),
            ["LICENSE", "README", "README.md", "index.html", "list.csv"]
        );
        let named = Inputs::find(&[root.path().join("README")]).expect("finds");
        assert_eq!((named.len(), named.skipped().len()), (1, 0));
    }

    #[test]
    fn whoever_watches_hears_of_every_byte() {
        let root = tempfile::tempdir().expect("directory");
        std::fs::write(root.path().join("a"), "{\"a\"").expect("file");
        std::fs::write(root.path().join("b"), "<b").expect("file");
        let inputs = Inputs::find(&[root.path().to_owned()]).expect("finds");
        let heard = AtomicU64::new(0);
        let read = |input: &mut (dyn Read + Send)| std::io::copy(input, &mut std::io::sink()).map(drop);
        let watch = |bytes| {
            heard.fetch_add(bytes, Ordering::Relaxed);
        };
        let failed = inputs.each(&watch, read);
        assert!(failed.is_empty());
        assert_eq!((heard.into_inner(), inputs.bytes()), (6, Some(6)));
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Inputs::find(&["no-such-file".into()]).expect_err("missing");
        assert!(error.to_string().contains("no-such-file"), "{error}");
    }
}
