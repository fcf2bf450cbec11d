use std::path::PathBuf;

/// How a [`super::Cluster`] is run.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Executable that calls [`super::supervisor_main`] first, usually the running one; `None` to run the server as a child of this
    /// process, which then stops it when the cluster is dropped but not when it is killed.
    pub supervisor: Option<PathBuf>,
    /// Port on loopback; `None` for a free one.
    pub port: Option<u16>,
    /// Give up what protects against a crash of the machine (not of the server) for speed; for tests.
    pub volatile: bool,
    /// Further server settings, such as `("shared_buffers", "512MB")`.
    pub settings: Vec<(String, String)>,
}

impl ClusterOptions {
    /// Options for a program that calls [`super::supervisor_main`] first: it is its own supervisor.
    ///
    /// Where the path of the running program cannot be found out, the server runs unsupervised.
    #[must_use]
    pub fn supervised() -> Self {
        Self {
            supervisor: std::env::current_exe().ok(),
            ..Self::default()
        }
    }
}
