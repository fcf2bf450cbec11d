//! Data that lie beside the repository.

use std::path::PathBuf;

/// A folder beside the repository; none, and said loudly, where it is absent.
pub(crate) fn folder(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("../../shared").join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    x_skipped::skip!("no {}", folder.display());
    None
}

/// The JSON files of a folder, by name.
pub(crate) fn json_files(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}
