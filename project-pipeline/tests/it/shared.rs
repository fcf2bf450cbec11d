//! Recorded data beside the repository; absent in a plain clone.

use std::path::{Path, PathBuf};

/// A path below `../shared/pipeline`, or `None` with a loud line.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/pipeline")
        .join(name);
    if path.exists() {
        Some(path)
    } else {
        x_skipped::skip!("{} is absent", path.display());
        None
    }
}
