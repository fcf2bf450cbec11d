use std::path::Path;
use std::process::{Command, Stdio};

/// What git knows of a project's folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repository {
    pub(crate) url: Option<String>,
    pub(crate) branch: Option<String>,
    pub(crate) commit: Option<String>,
}

impl Repository {
    /// Asks git; nothing where there is no repository or no git.
    pub(crate) fn of(folder: &Path) -> Self {
        let commit = git(folder, &["rev-parse", "HEAD"]);
        let clean = git(folder, &["status", "--porcelain", "--untracked-files=no"]).is_none();
        Self {
            url: git(folder, &["config", "--get", "remote.origin.url"]).map(|url| without_user(&url)),
            branch: git(folder, &["rev-parse", "--abbrev-ref", "HEAD"]),
            commit: commit.map(|commit| {
                if clean {
                    commit
                } else {
                    format!("{commit} with local changes")
                }
            }),
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// An address without user, password and query.
fn without_user(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_lose_user_and_password() {
        assert_eq!(
            super::without_user("https://me:token@host/a/b?x=y"),
            "https://host/a/b"
        );
        assert_eq!(super::without_user("git@host:a/b"), "git@host:a/b");
    }
}
