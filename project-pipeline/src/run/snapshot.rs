//! The code of a request: copied once, so that all its jobs see the same.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::store::{copy_hashed, hex};
use crate::{Project, pattern};

/// Folders at the top that are no code.
const NO_CODE: [&str; 5] = [".git", "metadata", "level3", "level4", "released"];

/// Walks the code of a project: every regular file that is no output; links are left out.
fn walk(
    root: &Path,
    below: &str,
    project: &Project,
    skip: &Path,
    each: &mut impl FnMut(&str, &Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = root.join(below);
    let mut entries: Vec<_> = std::fs::read_dir(&folder)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if below.is_empty() && NO_CODE.contains(&pattern::folded(name).as_str()) || entry.path() == skip {
            continue;
        }
        let path = if below.is_empty() {
            name.to_owned()
        } else {
            format!("{below}/{name}")
        };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(root, &path, project, skip, each)?;
        } else if kind.is_file() && !project.is_output(&path) {
            each(&path, &entry.path())?;
        }
    }
    Ok(())
}

/// Copies the code into `to`; gives each file's SHA-256 and one over all of them.
pub(super) fn take(
    root: &Path,
    to: &Path,
    project: &Project,
    workspace: &Path,
) -> io::Result<(String, BTreeMap<String, String>)> {
    let mut files = BTreeMap::new();
    std::fs::create_dir_all(to)?;
    walk(root, "", project, workspace, &mut |path, from| {
        let target = to.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut file = std::fs::File::open(from)?;
        let mode = file.metadata()?.permissions();
        let (_, digest) = copy_hashed(&mut file, &mut std::fs::File::create(&target)?)?;
        std::fs::set_permissions(&target, mode)?;
        files.insert(path.to_owned(), digest);
        Ok(())
    })?;
    Ok((over_all(&files), files))
}

/// The code as it is now, without copying it.
pub(crate) fn code_of(
    root: &Path,
    project: &Project,
    workspace: &Path,
) -> io::Result<(String, BTreeMap<String, String>)> {
    let mut files = BTreeMap::new();
    walk(root, "", project, workspace, &mut |path, from| {
        let (_, digest) = copy_hashed(&mut std::fs::File::open(from)?, &mut io::sink())?;
        files.insert(path.to_owned(), digest);
        Ok(())
    })?;
    Ok((over_all(&files), files))
}

fn over_all(files: &BTreeMap<String, String>) -> String {
    let mut hasher = Sha256::new();
    for (path, digest) in files {
        hasher.update(path.as_bytes());
        hasher.update([0]);
        hasher.update(digest.as_bytes());
    }
    hex(&hasher.finalize())
}
