//! Where the reference material lies.

use std::path::{Path, PathBuf};

/// A file of the reference material, or `None` (said aloud) where it is not present.
pub(crate) fn file(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    x_skipped::skip!("../shared is absent, so nothing was compared with {name}");
    None
}
