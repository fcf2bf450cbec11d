//! Where the chain stands, in `chain.json`, and that one chain works in a directory at a time.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::step::Name;
use crate::{Error, ErrorKind, Result};

/// The state of the chain of a directory, which no other chain can open meanwhile.
pub(super) struct State {
    dir: PathBuf,
    /// The lock lives as long as the file is open.
    _alone: File,
}

impl State {
    pub(super) fn open(dir: &Path) -> Result<Self> {
        std::fs::create_dir_all(dir).map_err(|e| unusable(dir).because(e))?;
        let path = dir.join("chain.lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| unusable(&path).because(e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self {
                dir: dir.to_owned(),
                _alone: file,
            }),
            Err(TryLockError::WouldBlock) => {
                let text = format!("another chain is at work in {}", dir.display());
                Err(Error::new(ErrorKind::Unreachable, text))
            }
            Err(TryLockError::Error(e)) => Err(unusable(&path).because(e)),
        }
    }

    /// The directory of the runs.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The step at which the last chain failed; `None` where it came to its end, or there was none.
    pub(super) fn failed_at(&self) -> Result<Option<Name>> {
        let file = self.file();
        let text = match std::fs::read_to_string(&file) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(unusable(&file).because(e)),
        };
        let damaged = || Error::new(ErrorKind::File, format!("{} is damaged", file.display()));
        let value: Value = serde_json::from_str(&text).map_err(|e| damaged().because(e))?;
        match value.get("open") {
            Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => {
                let named = Name::ALL.into_iter().find(|name| is_named(*name, text));
                named.map(Some).ok_or_else(damaged)
            }
            _ => Err(damaged()),
        }
    }

    /// Notes the step that begins, or that the chain came to its end.
    pub(super) fn keep(&self, open: Option<Name>) -> Result<()> {
        write_json(&self.file(), &json!({"open": open.map(Name::as_str)}))
    }

    fn file(&self) -> PathBuf {
        self.dir.join("chain.json")
    }
}

/// Chains of release 0.1.0 named steps by their programs.
fn is_named(name: Name, text: &str) -> bool {
    let older = match name {
        Name::Retrieval => "cds2db",
        Name::FrontendToHub => "import",
        Name::Dataprocessor => "dataprocessor",
        Name::HubToFrontend => "export",
    };
    text == name.as_str() || text == older
}

fn unusable(path: &Path) -> Error {
    Error::new(ErrorKind::File, path.display().to_string())
}

/// Writes a file whole or not at all.
pub(super) fn write_json(file: &Path, value: &Value) -> Result<()> {
    work_dir::replace(file, format!("{value:#}\n").as_bytes()).map_err(|e| unusable(file).because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_kept_and_one_chain_has_it() {
        let folder = tempfile::tempdir().expect("directory");
        let state = State::open(folder.path()).expect("opens");
        let kind = |result: Result<State>| result.err().map(|e| e.kind());
        assert_eq!(kind(State::open(folder.path())), Some(ErrorKind::Unreachable));
        assert_eq!(state.failed_at().expect("reads"), None);
        for name in Name::ALL {
            state.keep(Some(name)).expect("writes");
            assert_eq!(state.failed_at().expect("reads"), Some(name));
        }
        state.keep(None).expect("writes");
        assert_eq!(state.failed_at().expect("reads"), None);
        for (text, expected) in [
            ("{\"open\": \"import\"}", Some(Name::FrontendToHub)),
            ("{\"open\": null}", None),
        ] {
            std::fs::write(folder.path().join("chain.json"), text).expect("writes");
            assert_eq!(state.failed_at().expect(text), expected);
        }
        for text in ["", "{}", "{\"open\": \"lunch\"}", "{\"open\": 3}"] {
            std::fs::write(folder.path().join("chain.json"), text).expect("writes");
            assert!(state.failed_at().is_err(), "{text}");
        }
        drop(state);
        State::open(folder.path()).expect("nobody has it any more");
    }
}
