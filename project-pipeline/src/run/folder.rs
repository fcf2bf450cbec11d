//! The folder of a job: the code, and the outputs of what it needs.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::{Layout, SafeDir, copy_hashed};

/// Copies the code of a request into a job's folder.
pub(super) fn copy_code(code: &Path, files: &BTreeMap<String, String>, folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for path in files.keys() {
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(code.join(path), target)?;
    }
    Ok(())
}

/// Copies outputs of other actions into a job's folder; gives their SHA-256. The error names a file that is gone.
pub(super) fn copy_inputs(
    layout: &Layout,
    paths: &[String],
    folder: &Path,
) -> io::Result<Result<BTreeMap<String, String>, String>> {
    let mut digests = BTreeMap::new();
    if paths.is_empty() {
        return Ok(Ok(digests));
    }
    let level3 = SafeDir::open(&layout.level3())?;
    for path in paths {
        let Some(mut from) = level3.file(path)? else {
            return Ok(Err(path.clone()));
        };
        let target = folder.join(path);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let (_, digest) = copy_hashed(&mut from, &mut std::fs::File::create(&target)?)?;
        digests.insert(path.clone(), digest);
    }
    Ok(Ok(digests))
}

/// What lies in a folder: path and size in bytes.
pub(super) fn listing(folder: &Path) -> HashMap<String, u64> {
    let mut files = HashMap::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, above)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = format!("{above}{}", entry.file_name().to_string_lossy());
            match entry.metadata() {
                Ok(status) if status.is_dir() => folders.push((entry.path(), format!("{path}/"))),
                Ok(status) => {
                    files.insert(path, status.len());
                }
                Err(_) => {}
            }
        }
    }
    files
}

/// Removes a folder, also one whose folders a job made unwritable.
pub(super) fn remove(folder: &Path) {
    if std::fs::remove_dir_all(folder).is_ok() {
        return;
    }
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        use std::os::unix::fs::PermissionsExt;
        let _ = std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700));
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    let _ = std::fs::remove_dir_all(folder);
}
