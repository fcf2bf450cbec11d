//! A folder as store. Digests lie beside the versions, in `.digests/`, one small file an object.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Store, Stored, Written, failed};
use crate::hash::{self, Hasher};
use crate::{Error, Result};

/// The folder of digests.
const DIGESTS: &str = ".digests";

/// A folder.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// Passes bytes on and hashes them.
struct Hashing<'r> {
    source: &'r mut dyn Read,
    hasher: Hasher,
}

impl Read for Hashing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.hasher.update(&into[..read]);
        Ok(read)
    }
}

impl Folder {
    pub(super) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn place(&self, path: &str) -> Result<PathBuf> {
        let plain = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        match plain {
            true => Ok(self.root.join(path)),
            false => Err(Error::Refused(format!(
                "`{}` is no path of a store",
                crate::text::shown(path)
            ))),
        }
    }

    fn digest(&self, path: &str) -> PathBuf {
        self.root.join(DIGESTS).join(format!("{path}.md5"))
    }

    /// A file that takes its name only when it is whole and on the disk.
    fn write(&self, target: &Path, source: &mut dyn Read) -> io::Result<()> {
        let folder = target.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
        io::copy(source, &mut file)?;
        file.as_file().sync_all()?;
        readable(file.as_file())?;
        file.persist(target)?;
        Ok(())
    }
}

/// The store's files are read by others than who wrote them.
fn readable(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.set_permissions(fs::Permissions::from_mode(0o640))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

impl Store for Folder {
    fn name(&self) -> String {
        self.root.display().to_string()
    }

    fn put(&self, path: &str, source: &mut dyn Read) -> Result<Written> {
        let target = self.place(path)?;
        let mut hashing = Hashing {
            source,
            hasher: Hasher::default(),
        };
        self.write(&target, &mut hashing)
            .map_err(|e| failed(self, "writing", path, e))?;
        let (size, md5) = hashing.hasher.finish();
        self.write(&self.digest(path), &mut md5.as_bytes())
            .map_err(|e| failed(self, "writing the digest of", path, e))?;
        Ok(Written { size, md5 })
    }

    fn create(&self, path: &str, bytes: &[u8]) -> Result<bool> {
        let target = self.place(path)?;
        let folder = target.parent().unwrap_or(&self.root);
        let made = fs::create_dir_all(folder).and_then(|()| {
            let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            readable(file.as_file())?;
            match file.persist_noclobber(&target) {
                Ok(_) => Ok(true),
                Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(e) => Err(e.error),
            }
        });
        made.map_err(|e| failed(self, "making", path, e))
    }

    fn copy(&self, from: &str, to: &str) -> Result<()> {
        let mut source = File::open(self.place(from)?).map_err(|e| failed(self, "reading", from, e))?;
        self.put(to, &mut source).map(|_| ())
    }

    fn stat(&self, path: &str) -> Result<Option<Stored>> {
        let size = match fs::metadata(self.place(path)?) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => return Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(failed(self, "looking at", path, e)),
        };
        let md5 = fs::read_to_string(self.digest(path)).ok();
        let md5 = md5
            .map(|text| text.trim().to_owned())
            .filter(|text| text.len() == 32);
        Ok(Some(Stored { size, md5 }))
    }

    fn get(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>> {
        match File::open(self.place(path)?) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(self, "reading", path, e)),
        }
    }

    fn remove(&self, path: &str) -> Result<()> {
        let _ = fs::remove_file(self.digest(path));
        match fs::remove_file(self.place(path)?) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(failed(self, "removing", path, e)),
            _ => Ok(()),
        }
    }
}

/// Size and digest of an object's bytes, read back from the store.
pub(crate) fn proven(store: &dyn Store, path: &str) -> Result<Option<Written>> {
    let Some(mut reader) = store.get(path)? else {
        return Ok(None);
    };
    let (size, md5) = hash::of_reader(&mut reader).map_err(|e| failed(store, "reading", path, e))?;
    Ok(Some(Written { size, md5 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_whole_and_known_by_their_digest() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path());
        let written = store.put("v1/OMOP/a'b.csv", &mut b"hello".as_slice()).unwrap();
        assert_eq!(written.md5, hash::of_bytes(b"hello"));
        assert_eq!(
            store.stat("v1/OMOP/a'b.csv").unwrap(),
            Some(Stored {
                size: 5,
                md5: Some(written.md5.clone())
            })
        );
        store.copy("v1/OMOP/a'b.csv", "v2/OMOP/c.csv").unwrap();
        assert_eq!(proven(&store, "v2/OMOP/c.csv").unwrap(), Some(written));
        assert!(store.create("j.locked", b"x").unwrap());
        assert!(!store.create("j.locked", b"y").unwrap());
        store.remove("j.locked").unwrap();
        store.remove("j.locked").unwrap();
        assert_eq!(store.stat("j.locked").unwrap(), None);
    }

    #[test]
    fn a_path_stays_in_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path());
        for path in ["../x", "a/../x", "", "/etc/x", "a//b", "./a"] {
            assert!(store.put(path, &mut b"x".as_slice()).is_err(), "{path}");
        }
    }

    #[test]
    fn a_source_that_breaks_off_leaves_what_was_there() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("gone"))
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path());
        store.put("a", &mut b"old".as_slice()).unwrap();
        assert!(store.put("a", &mut b"ne".chain(Broken)).is_err());
        assert_eq!(proven(&store, "a").unwrap().unwrap().md5, hash::of_bytes(b"old"));
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "the object and the digests");
    }
}
