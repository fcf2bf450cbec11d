use std::fs::{DirBuilder, Metadata};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use md5::{Digest, Md5};

use super::Account;
use crate::{Error, ErrorKind, Result};

/// Where a cluster really lives, and why it is not where it was asked to be.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) root: PathBuf,
    pub(super) notice: Option<String>,
}

impl Place {
    /// The wanted directory, or one the server's account can reach where a parent of the wanted one is closed to it.
    pub(super) fn choose(wanted: &Path, account: Option<Account>) -> Result<Self> {
        let wanted = created(wanted)?;
        let Some(account) = account else {
            return Ok(Self {
                root: wanted,
                notice: None,
            });
        };
        let Some(closed) = closed_ancestor(&wanted, account) else {
            return Ok(Self {
                root: wanted,
                notice: None,
            });
        };
        let root = substitute(&wanted)?;
        if let Some(closed) = closed_ancestor(&root, account) {
            let place = format!(
                "{} cannot be reached by the account the server runs under",
                closed.display()
            );
            return Err(Error::new(ErrorKind::Cluster, place));
        }
        let notice = format!(
            "{} cannot be reached by the account the server runs under, so its data are in {}",
            closed.display(),
            root.display()
        );
        Ok(Self {
            root,
            notice: Some(notice),
        })
    }
}

/// A directory below the temporary one, named by a digest of the wanted path, so that the next run finds it again.
pub(super) fn substitute(wanted: &Path) -> Result<PathBuf> {
    let digest: String = Md5::digest(wanted.as_os_str().as_encoded_bytes())[..8]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    let root = std::env::temp_dir().join(format!("cds-hub-{digest}"));
    // The name can be guessed: a directory somebody else prepared must not be used.
    let foreign = |meta: &Metadata| meta.uid() != rustix::process::geteuid().as_raw() || !meta.is_dir();
    if let Ok(meta) = root.symlink_metadata() {
        if foreign(&meta) {
            let place = format!("{} belongs to somebody else", root.display());
            return Err(Error::new(ErrorKind::Cluster, place));
        }
        return Ok(root);
    }
    created(&root)
}

/// Makes the directory passable, for others too, but not readable by them, and resolves links.
fn created(dir: &Path) -> Result<PathBuf> {
    let failed = |e| Error::new(ErrorKind::Cluster, format!("directory {}", dir.display())).with_source(e);
    if !dir.is_dir() {
        if let Some(parent) = dir.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        DirBuilder::new().mode(0o711).create(dir).map_err(failed)?;
        // The mode above is subject to the umask.
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o711)).map_err(failed)?;
    }
    dir.canonicalize().map_err(failed)
}

/// The first directory from the root down to `dir` that the account cannot pass. Only owner, primary group and
/// mode are looked at; a directory opened by other means counts as closed.
fn closed_ancestor(dir: &Path, account: Account) -> Option<PathBuf> {
    let mut ancestors: Vec<&Path> = dir.ancestors().collect();
    ancestors.reverse();
    ancestors
        .into_iter()
        .find(|d| d.metadata().map_or(true, |m| !passable(&m, account)))
        .map(Path::to_owned)
}

fn passable(meta: &Metadata, account: Account) -> bool {
    let bit = match () {
        () if meta.uid() == account.uid => 0o100,
        () if meta.gid() == account.gid => 0o010,
        () => 0o001,
    };
    meta.mode() & bit != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_behind_a_closed_parent_is_replaced_by_the_same_one_each_time() {
        let temp = tempfile::tempdir().unwrap();
        // Owned by the caller, open to nobody else: a foreign account cannot pass.
        let stranger = Account {
            uid: 64_999,
            gid: 64_999,
        };
        let wanted = temp.path().join("closed/hub");
        std::fs::create_dir_all(&wanted).unwrap();
        std::fs::set_permissions(temp.path().join("closed"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let first = Place::choose(&wanted, Some(stranger)).unwrap();
        let second = Place::choose(&wanted, Some(stranger)).unwrap();
        assert_eq!(first.root, second.root);
        assert_ne!(first.root, wanted.canonicalize().unwrap());
        assert!(first.notice.unwrap().contains("closed"));
        std::fs::remove_dir_all(first.root).unwrap();
    }

    #[test]
    fn own_account_uses_the_wanted_directory() {
        let temp = tempfile::tempdir().unwrap();
        let place = Place::choose(&temp.path().join("a/b"), None).unwrap();
        assert_eq!(place.root, temp.path().canonicalize().unwrap().join("a/b"));
        assert!(place.notice.is_none());
    }
}
