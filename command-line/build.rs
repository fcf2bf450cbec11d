//! Notes the commit that is built: `--version` names it.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=CDS_TOOLS_COMMIT");
    // A package is built from an archive without history and says the commit itself.
    let commit = std::env::var("CDS_TOOLS_COMMIT")
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        .or_else(|| git(&["rev-parse", "--short=10", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=CDS_TOOLS_COMMIT={commit}");
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) =
            git(&["rev-parse", "--git-path", name]).filter(|path| std::path::Path::new(path).exists())
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// What git answers in one line, where there is git and a history.
fn git(words: &[&str]) -> Option<String> {
    let done = Command::new("git").args(words).output().ok()?;
    let text = String::from_utf8(done.stdout).ok()?;
    (done.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
