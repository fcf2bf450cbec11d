//! Bubblewrap: a job sees the system read-only, no network, none of the stores, and no process but its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How jobs are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sandbox {
    Bubblewrap,
    /// It was not wanted.
    Off,
    /// It is not installed, or does not work here.
    Absent,
}

impl Sandbox {
    /// Tries whether bubblewrap works.
    pub(super) fn find(wanted: bool) -> Self {
        if !wanted {
            return Self::Off;
        }
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
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if works { Self::Bubblewrap } else { Self::Absent }
    }

    /// For the record.
    pub(super) fn words(self, network: bool) -> &'static str {
        match (self, network) {
            (Self::Bubblewrap, false) => "bubblewrap: no network, system read-only, stores hidden",
            (Self::Bubblewrap, true) => "bubblewrap: with network, system read-only, stores hidden",
            (Self::Off, _) => "not isolated: switched off (--no-sandbox)",
            (Self::Absent, _) => "not isolated: bubblewrap is not installed or does not work here",
        }
    }

    /// The command inside of the sandbox, or with `/workspace` replaced by the job's folder where there is none.
    pub(super) fn wrap(
        self,
        command: Vec<String>,
        folder: &Path,
        workspace: &Path,
        network: bool,
    ) -> Vec<String> {
        let folder = folder.display().to_string();
        if self != Self::Bubblewrap {
            return command.into_iter().map(|word| replaced(&word, &folder)).collect();
        }
        let mut wrapped = vec!["bwrap".to_owned()];
        let mut add = |words: &[&str]| wrapped.extend(words.iter().map(|word| (*word).to_owned()));
        add(&[
            "--die-with-parent",
            "--new-session",
            "--unshare-all",
            "--cap-drop",
            "ALL",
        ]);
        if network {
            add(&["--share-net"]);
        }
        let mut entries: Vec<_> = std::fs::read_dir("/").into_iter().flatten().flatten().collect();
        entries.sort_by_key(std::fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path().display().to_string();
            // Sockets of services lie below /run, and a read-only folder does not close them.
            if matches!(path.as_str(), "/dev" | "/proc" | "/tmp" | "/workspace") || path == "/run" && !network
            {
                continue;
            }
            match std::fs::read_link(entry.path()) {
                Ok(target) => add(&["--symlink", &target.display().to_string(), &path]),
                Err(_) => add(&["--ro-bind-try", &path, &path]),
            }
        }
        add(&["--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]);
        // Keys and passwords lie in home folders; they stay open only to a program that lies there, and to those with the network.
        let program = command.first().and_then(|program| found(program));
        for home in ["/home", "/root"] {
            let needed = network || program.as_ref().is_some_and(|program| program.starts_with(home));
            if Path::new(home).is_dir() && !needed {
                add(&["--tmpfs", home]);
            }
        }
        // Programs may lie beside the stores, so only the stores and the record are covered.
        for store in ["level3", "level4", "released", "metadata"] {
            let store = workspace.join(store);
            if store.is_dir() && !store.starts_with("/tmp") {
                add(&["--tmpfs", &store.display().to_string()]);
            }
        }
        // A program below /tmp is not hidden with the rest of it.
        if let Some(program) = command.first().filter(|program| program.starts_with("/tmp/")) {
            add(&["--ro-bind-try", program, program]);
        }
        add(&["--bind", &folder, "/workspace", "--chdir", "/workspace", "--"]);
        wrapped.extend(command);
        wrapped
    }
}

/// Where a program lies, links followed.
fn found(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Path::new(program).canonicalize().ok();
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())?
        .canonicalize()
        .ok()
}

/// `/workspace` at the start of a word or behind `=` is the job's folder.
fn replaced(word: &str, folder: &str) -> String {
    let at = |start: usize| {
        let rest = &word[start..];
        rest.strip_prefix("/workspace")
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(rest) = at(0) {
        return format!("{folder}{rest}");
    }
    if let Some(equals) = word.find('=')
        && let Some(rest) = at(equals + 1)
    {
        return format!("{}{folder}{rest}", &word[..=equals]);
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_workspace_is_the_folder_of_the_job() {
        let replaced = |word| super::replaced(word, "/x");
        assert_eq!(replaced("/workspace/a.py"), "/x/a.py");
        assert_eq!(replaced("--output-dir=/workspace/o"), "--output-dir=/x/o");
        assert_eq!(replaced("/workspaces"), "/workspaces");
        assert_eq!(replaced("a=b"), "a=b");
    }
}
