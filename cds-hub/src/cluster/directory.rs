use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

use super::Account;
use super::place::{Place, substitute};
use crate::{Error, ErrorKind, Result};

/// Longest path of a socket directory: the socket's own path may have 107 bytes on Linux, 103 on macOS.
const SOCKET_DIRECTORY_MAX: usize = 80;

/// Everything a cluster keeps on disk, locked for this process.
#[derive(Debug)]
pub(super) struct Directory {
    pub(super) root: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) notice: Option<String>,
    pub(super) account: Option<Account>,
    /// Held, not read: released by the kernel when this process ends in whatever way.
    _lock: File,
}

impl Directory {
    pub(super) fn open(wanted: &Path, account: Option<Account>) -> Result<Self> {
        let Place { root, notice } = Place::choose(wanted, account)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(root.join("lock"))
            .map_err(|e| failed(&root, e))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let place = format!("{} is in use by another process", root.display());
                return Err(Error::new(ErrorKind::Cluster, place));
            }
            Err(TryLockError::Error(e)) => return Err(failed(&root, e)),
        }
        let near = root.join("socket");
        let sockets = if near.as_os_str().len() <= SOCKET_DIRECTORY_MAX {
            near
        } else {
            substitute(&root)?.join("socket")
        };
        let this = Self {
            root,
            sockets,
            notice,
            account,
            _lock: lock,
        };
        this.make(&this.sockets.clone(), 0o755)?;
        Ok(this)
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.root.join("postgres.log")
    }

    /// The file with the superuser's password, readable by the caller only.
    pub(super) fn password_file(&self) -> PathBuf {
        self.root.join("password")
    }

    /// A `PGPASSFILE` for psql, readable by the caller only.
    pub(super) fn pgpass(&self) -> PathBuf {
        self.root.join("pgpass")
    }

    /// The superuser's password, made at the first call.
    pub(super) fn password(&self) -> Result<String> {
        let path = self.password_file();
        if let Ok(text) = std::fs::read_to_string(&path)
            && let Some(line) = text.lines().next().filter(|l| !l.is_empty())
        {
            return Ok(line.to_owned());
        }
        let mut bytes = [0_u8; 24];
        File::open("/dev/urandom")
            .and_then(|mut f| f.read_exact(&mut bytes))
            .map_err(|e| failed(&path, e))?;
        let password: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        self.write(&path, &format!("{password}\n"), false)?;
        Ok(password)
    }

    /// Makes a directory that belongs to the server's account.
    pub(super) fn make(&self, dir: &Path, mode: u32) -> Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(dir)
            .map_err(|e| failed(dir, e))?;
        self.give(dir)
    }

    /// Replaces a file's content at once; the file is readable by one account only.
    pub(super) fn write(&self, path: &Path, text: &str, to_server: bool) -> Result<()> {
        let fresh = path.with_extension("new");
        let _ = std::fs::remove_file(&fresh);
        let mut options = OpenOptions::new();
        options.create_new(true).write(true).mode(0o600);
        options
            .open(&fresh)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .map_err(|e| failed(path, e))?;
        if to_server {
            self.give(&fresh)?;
        }
        std::fs::rename(&fresh, path).map_err(|e| failed(path, e))
    }

    fn give(&self, path: &Path) -> Result<()> {
        let Some(account) = self.account else {
            return Ok(());
        };
        chown(path, Some(account.uid), Some(account.gid)).map_err(|e| failed(path, e))
    }
}

pub(super) fn failed(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Cluster, path.display().to_string()).with_source(error)
}
