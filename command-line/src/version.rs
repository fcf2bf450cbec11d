//! What `--version` says: release, commit, and the features that were built in.

/// The commit the programs were built from, as git abbreviates it; `unknown` outside a checkout.
pub const COMMIT: &str = env!("CDS_TOOLS_COMMIT");

/// Release, commit and features in one line; the program's name stands before it.
///
/// ```
/// let line = command_line::version("0.2.0", &["cloud"]);
/// assert!(line.starts_with("0.2.0 (commit ") && line.ends_with(", features: cloud)"));
/// ```
#[must_use]
pub fn version(release: &str, features: &[&str]) -> String {
    let features = match features {
        [] => String::new(),
        some => format!(", features: {}", some.join(" ")),
    };
    format!("{release} (commit {COMMIT}{features})")
}
