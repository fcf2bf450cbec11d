//! Whether jobs can be isolated here.

use std::process::{Command, Stdio};

/// True if bubblewrap works; a loud line if not.
pub(crate) fn works() -> bool {
    let works = Command::new("bwrap")
        .args([
            "--ro-bind",
            "/",
            "/",
            "--dev",
            "/dev",
            "--proc",
            "/proc",
            "--unshare-all",
            "true",
        ])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !works {
        x_skipped::skip!("bubblewrap is not installed or does not work here");
    }
    works
}
