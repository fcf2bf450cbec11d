//! Check-out and check-in of the central journal: one holder at a time, and nothing of another holder is overwritten.
//!
//! The lock is an object `NAME.locked` with the journal's content, as other tools of the field make it, created only where
//! none is. Beside it `NAME.locked.owner` says who holds it; the local file `JOURNAL.checkout` is the holder's proof.

use std::fs;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{Config, StorePlace};
use crate::store::{self, Store};
use crate::whole_file::replace;
use crate::{Error, Result, hash};

/// Who holds the central journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Account and machine.
    pub owner: String,
    /// Since when, as RFC 3339 in UTC.
    pub since: String,
    /// MD5 of the central journal when it was checked out; empty where there was none.
    pub base: String,
    /// A number of the holder's own.
    pub token: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} since {}",
            crate::text::shown(&self.owner),
            crate::text::shown(&self.since)
        )
    }
}

/// The central journal's store and names.
struct Central {
    store: Box<dyn Store>,
    journal: String,
    locked: String,
    owner: String,
}

impl Central {
    fn open(config: &Config) -> Result<Self> {
        let Some(place) = &config.source else {
            return Err(Error::Refused(
                "no central journal is configured: set `path` in [journal.source]".to_owned(),
            ));
        };
        let (folder, name) = split(place)?;
        Ok(Self {
            store: store::open(&folder)?,
            locked: format!("{name}.locked"),
            owner: format!("{name}.locked.owner"),
            journal: name,
        })
    }

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(mut reader) = self.store.get(path)? else {
            return Ok(None);
        };
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(|e| store::failed(self.store.as_ref(), "reading", path, e))?;
        Ok(Some(bytes))
    }

    fn holder(&self) -> Result<Option<Holder>> {
        let bytes = self.read(&self.owner)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Somebody's lock, as far as it is known.
    fn locked(&self) -> Result<Error> {
        let holder = self
            .holder()?
            .map_or("somebody who left no name".to_owned(), |h| h.to_string());
        Ok(Error::Locked { holder })
    }
}

/// The folder of a store and the journal's name in it.
fn split(place: &StorePlace) -> Result<(StorePlace, String)> {
    let (folder, name) = place.url.rsplit_once('/').unwrap_or((".", &place.url));
    if name.is_empty() || folder.ends_with(":/") {
        return Err(Error::Refused(
            "the path in [journal.source] ends in the journal's name".to_owned(),
        ));
    }
    let folder = StorePlace {
        url: folder.to_owned(),
        auth: place.auth.clone(),
    };
    Ok((folder, name.to_owned()))
}

/// The local proof of a check-out.
fn proof(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".checkout");
    PathBuf::from(name)
}

fn own(config: &Config) -> Option<Holder> {
    let bytes = fs::read(proof(&config.journal)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Whether the journal may be written: there is no central one, or it is checked out here.
///
/// # Errors
/// [`Error::NotCheckedOut`], or [`Error::LockLost`] where the lock is somebody else's now.
pub fn check(config: &Config) -> Result<()> {
    if config.source.is_none() {
        return Ok(());
    }
    let Some(own) = own(config) else {
        return Err(Error::NotCheckedOut);
    };
    match Central::open(config)?.holder()? {
        Some(holder) if holder.token == own.token => Ok(()),
        _ => Err(Error::LockLost {
            what: "the lock of the central journal is not ours any more",
        }),
    }
}

/// Locks the central journal and fetches it.
///
/// # Errors
/// [`Error::Locked`] where somebody holds it; [`Error::Refused`] where the local journal has changes that are in no
/// central one.
pub fn checkout(config: &Config) -> Result<Holder> {
    let central = Central::open(config)?;
    let before = central.read(&central.journal)?.unwrap_or_default();
    if !central.store.create(&central.locked, &before)? {
        return Err(central.locked()?);
    }
    let done = fetch(config, &central);
    if done.is_err() {
        central.store.remove(&central.owner)?;
        central.store.remove(&central.locked)?;
    }
    done
}

fn fetch(config: &Config, central: &Central) -> Result<Holder> {
    // What was read before the lock may be older than the lock.
    let journal = central.read(&central.journal)?;
    let holder = Holder {
        owner: whoami(),
        since: Timestamp::now().to_string(),
        base: md5_of(journal.as_deref())?,
        token: format!("{:016x}", RandomState::new().build_hasher().finish()),
    };
    let text = serde_json::to_vec(&holder).map_err(|e| Error::Refused(e.to_string()))?;
    central.store.put(&central.owner, &mut text.as_slice())?;
    if let Some(bytes) = &journal {
        let local = fs::read(&config.journal).ok();
        // A local journal that no check-out brought may hold work that is nowhere else.
        if local.is_some_and(|local| local != *bytes) {
            let mut aside = config.journal.as_os_str().to_owned();
            aside.push(format!(".before-{}", crate::version::upload_moment()));
            fs::rename(&config.journal, &aside)
                .map_err(Error::file("setting the local journal aside", &config.journal))?;
        }
        replace(&config.journal, bytes)?;
    }
    replace(&proof(&config.journal), &text)?;
    Ok(holder)
}

/// Puts the local journal in the central one's place and frees the lock. One that had come to its end before its
/// program was killed may be asked for again: nothing is left to do.
///
/// # Errors
/// [`Error::NotCheckedOut`], or [`Error::LockLost`] where lock or central journal are not as the check-out left them.
pub fn checkin(config: &Config) -> Result<()> {
    let central = Central::open(config)?;
    let own = own(config);
    let current = central.read(&central.journal)?;
    let local = match fs::read(&config.journal) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && own.is_none() => {
            return Err(Error::NotCheckedOut);
        }
        read => read.map_err(Error::file("reading the journal", &config.journal))?,
    };
    let is_in = current.as_deref() == Some(&local);
    let is_locked = central.store.stat(&central.locked)?.is_some();
    let Some(own) = own else {
        return if is_in && !is_locked {
            Ok(())
        } else {
            Err(Error::NotCheckedOut)
        };
    };
    let is_ours = central.holder()?.is_some_and(|holder| holder.token == own.token);
    if is_ours && is_locked {
        // What another has put there since is never written over.
        if !is_in && md5_of(current.as_deref())? != own.base {
            return Err(Error::LockLost {
                what: "the central journal is not the one that was checked out",
            });
        }
        central.store.put(&central.journal, &mut local.as_slice())?;
        central.store.remove(&central.locked)?;
    } else if is_locked || !is_in {
        return Err(Error::LockLost {
            what: "the lock of the central journal is not ours any more",
        });
    }
    // A check-in that was killed behind the lock's end has only its own traces left.
    if is_ours {
        central.store.remove(&central.owner)?;
    }
    let proof = proof(&config.journal);
    fs::remove_file(&proof).map_err(Error::file("removing the proof of the check-out", proof))
}

/// The digest of a journal; empty where there is none.
fn md5_of(journal: Option<&[u8]>) -> Result<String> {
    let Some(mut bytes) = journal else {
        return Ok(String::new());
    };
    let digest =
        hash::of_reader(&mut bytes).map_err(Error::file("hashing the central journal", "journal"))?;
    Ok(digest.1)
}

/// Who holds the central journal, where somebody does.
///
/// # Errors
/// When the store cannot be reached.
pub fn holder(config: &Config) -> Result<Option<String>> {
    let central = Central::open(config)?;
    match central.store.stat(&central.locked)? {
        Some(_) => match central.locked()? {
            Error::Locked { holder } => Ok(Some(holder)),
            _ => Ok(None),
        },
        None => Ok(None),
    }
}

/// Frees the lock, whoever holds it; the central journal stays as it is.
///
/// # Errors
/// When the store cannot be reached.
pub fn unlock(config: &Config) -> Result<()> {
    let central = Central::open(config)?;
    // Other tools move the journal into the lock.
    if central.store.stat(&central.journal)?.is_none()
        && let Some(bytes) = central.read(&central.locked)?
        && !bytes.is_empty()
    {
        central.store.put(&central.journal, &mut bytes.as_slice())?;
    }
    central.store.remove(&central.owner)?;
    central.store.remove(&central.locked)
}

fn whoami() -> String {
    let of = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok());
    let user = of(&["USER", "LOGNAME", "USERNAME"]).unwrap_or_else(|| "unknown".to_owned());
    let machine = fs::read_to_string("/etc/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .or_else(|| of(&["HOSTNAME", "COMPUTERNAME"]))
        .unwrap_or_else(|| "unknown".to_owned());
    format!("{user}@{machine}, process {}", std::process::id())
}
