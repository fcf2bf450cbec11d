use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, fchmod, fstat, mkdirat, openat, renameat, unlinkat,
};

/// An open folder. What lies below is reached name by name without following links, so no name leads out of it.
pub(crate) struct SafeDir(OwnedFd);

/// What a name in a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    Other,
}

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::CLOEXEC).union(OFlags::RDONLY);

impl SafeDir {
    /// Opens a folder that must exist.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Opens a folder, made with its parents if it is not there, and sets its mode.
    pub(crate) fn create(path: &Path, mode: u32) -> io::Result<Self> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match mkdirat(CWD, path, Mode::from_raw_mode(mode)) {
            Err(error) if error != rustix::io::Errno::EXIST => return Err(error.into()),
            _ => {}
        }
        let fd = openat(CWD, path, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        fchmod(&fd, Mode::from_raw_mode(mode))?;
        Ok(Self(fd))
    }

    /// A folder below; `None` if it is not there.
    pub(crate) fn folder(&self, name: &str) -> io::Result<Option<Self>> {
        match openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()) {
            Ok(fd) => Ok(Some(Self(fd))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A folder below, made if it is not there.
    fn folder_made(&self, name: &str, mode: u32) -> io::Result<Self> {
        match mkdirat(&self.0, name, Mode::from_raw_mode(mode)) {
            Err(error) if error != rustix::io::Errno::EXIST => return Err(error.into()),
            _ => {}
        }
        let fd = openat(&self.0, name, FOLDER | OFlags::NOFOLLOW, Mode::empty())?;
        fchmod(&fd, Mode::from_raw_mode(mode))?;
        Ok(Self(fd))
    }

    /// The folder that holds `path`, and the path's last name; `None` if a folder on the way is not there.
    fn holder(&self, path: &str, made: Option<u32>) -> io::Result<Option<(Self, String)>> {
        let mut here = Self(self.0.try_clone()?);
        let mut parts: Vec<&str> = path.split('/').collect();
        let name = parts.pop().unwrap_or_default();
        if name.is_empty()
            || parts
                .iter()
                .chain([&name])
                .any(|part| matches!(*part, "" | "." | ".."))
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a path below the folder",
            ));
        }
        for part in parts {
            here = match made {
                Some(mode) => here.folder_made(part, mode)?,
                None => match here.folder(part)? {
                    Some(folder) => folder,
                    None => return Ok(None),
                },
            };
        }
        Ok(Some((here, name.to_owned())))
    }

    /// Opens a regular file for reading, without following links and without waiting for a pipe's other end.
    pub(crate) fn file(&self, path: &str) -> io::Result<Option<File>> {
        let Some((folder, name)) = self.holder(path, None)? else {
            return Ok(None);
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&folder.0, name, flags, Mode::empty()) {
            Ok(fd) if FileType::from_raw_mode(fstat(&fd)?.st_mode) == FileType::RegularFile => {
                Ok(Some(File::from(fd)))
            }
            Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// A new file that must not be there yet.
    pub(crate) fn new_file(&self, name: &str, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.0, name, flags, Mode::from_raw_mode(mode))?;
        fchmod(&fd, Mode::from_raw_mode(mode))?;
        Ok(File::from(fd))
    }

    /// Moves a file of another folder to `path` below this one, over what is there; folders are made with `mode`.
    pub(crate) fn take(&self, from: &Self, name: &str, path: &str, mode: u32) -> io::Result<()> {
        let Some((folder, last)) = self.holder(path, Some(mode))? else {
            return Err(io::ErrorKind::NotFound.into());
        };
        renameat(&from.0, name, &folder.0, last)?;
        Ok(())
    }

    /// Removes a file, and folders that are empty then; nothing happens if it is not there.
    pub(crate) fn remove(&self, path: &str) -> io::Result<()> {
        let Some((folder, name)) = self.holder(path, None)? else {
            return Ok(());
        };
        match unlinkat(&folder.0, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let mut path = path;
        while let Some((above, _)) = path.rsplit_once('/') {
            let Some((folder, name)) = self.holder(above, None)? else {
                break;
            };
            if unlinkat(&folder.0, name, AtFlags::REMOVEDIR).is_err() {
                break;
            }
            path = above;
        }
        Ok(())
    }

    /// The names in the folder, in order.
    pub(crate) fn names(&self) -> io::Result<Vec<(std::ffi::OsString, Kind)>> {
        use std::os::unix::ffi::OsStringExt;
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") {
                continue;
            }
            let status = rustix::fs::statat(&self.0, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
            let kind = match FileType::from_raw_mode(status.st_mode) {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                FileType::Symlink => Kind::Link,
                _ => Kind::Other,
            };
            names.push((std::ffi::OsString::from_vec(name.to_vec()), kind));
        }
        names.sort();
        Ok(names)
    }
}

impl PartialOrd for Kind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (*self as u8).cmp(&(*other as u8))
    }
}
