use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::services::Services;
use super::supervise::{Reply, Request, SUPERVISE};
use super::{Service, Stop};
use crate::{Error, ErrorKind, Result};

/// Keeps services running for its owner and stops them when the owner ends, however it ends.
///
/// Dropping stops all services, the youngest first.
#[derive(Debug)]
pub struct Supervisor {
    keeper: Keeper,
}

#[derive(Debug)]
enum Keeper {
    /// Services are children of this process: they outlive a `kill -9` of it.
    Here(Services),
    /// Services are children of a process that ends when this one does.
    Apart(Apart),
}

#[derive(Debug)]
struct Apart {
    child: Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
}

impl Supervisor {
    /// A supervisor process made from `program`, which calls [`super::supervisor_main`] first.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(program: &Path) -> Result<Self> {
        let failed = |e| Error::new(ErrorKind::Cluster, "starting the supervisor").with_source(e);
        let mut child = Command::new(program)
            .arg(SUPERVISE)
            .current_dir("/")
            // A signal to the owner's process group must not end the one that cleans up.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let requests = child.stdin.take();
        let Some(replies) = child.stdout.take() else {
            return Err(Error::new(ErrorKind::Cluster, "starting the supervisor: no pipe"));
        };
        Ok(Self {
            keeper: Keeper::Apart(Apart {
                child,
                requests,
                replies: BufReader::new(replies),
            }),
        })
    }

    /// A supervisor within this process: stops its services when dropped, but not when this process is killed.
    #[must_use]
    pub fn here() -> Self {
        Self {
            keeper: Keeper::Here(Services::default()),
        }
    }

    /// Starts a service; returns its process id.
    ///
    /// # Errors
    /// When its program cannot be started.
    pub fn spawn(&mut self, service: &Service) -> Result<u32> {
        let place = || format!("starting {}", service.program.display());
        match &mut self.keeper {
            Keeper::Here(services) => services
                .spawn(service)
                .map_err(|e| Error::new(ErrorKind::Cluster, place()).with_source(e)),
            Keeper::Apart(apart) => match apart.ask(&Request::Spawn(service.clone()))? {
                Reply::Spawned(id) => Ok(id),
                other => Err(refused(place(), other)),
            },
        }
    }

    /// Runs a program to its end; returns its exit code.
    ///
    /// # Errors
    /// When its program cannot be started.
    pub fn run(&mut self, service: &Service) -> Result<i32> {
        let id = self.spawn(service)?;
        loop {
            if let Some(code) = self.poll(id)? {
                return Ok(code);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// `None` while the service runs, then its exit code (128 + signal after a signal).
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn poll(&mut self, id: u32) -> Result<Option<i32>> {
        match &mut self.keeper {
            Keeper::Here(services) => services
                .poll(id)
                .map_err(|e| Error::new(ErrorKind::Cluster, "waiting for a service").with_source(e)),
            Keeper::Apart(apart) => match apart.ask(&Request::Poll(id))? {
                Reply::Running => Ok(None),
                Reply::Ended(code) => Ok(Some(code)),
                other => Err(refused("waiting for a service".into(), other)),
            },
        }
    }

    /// Stops one service and waits for its end: with its own signals, or with `signals` instead.
    ///
    /// # Errors
    /// When the supervisor is gone.
    pub fn stop(&mut self, id: u32, signals: Option<&[Stop]>) -> Result<()> {
        match &mut self.keeper {
            Keeper::Here(services) => services.stop(id, signals),
            Keeper::Apart(apart) => {
                apart.ask(&Request::Stop(id, signals.map(<[Stop]>::to_vec)))?;
            }
        }
        Ok(())
    }
}

fn refused(place: String, reply: Reply) -> Error {
    match reply {
        Reply::Failed(text) => Error::new(ErrorKind::Cluster, place).with_source(text),
        _ => Error::new(ErrorKind::Cluster, place),
    }
}

impl Apart {
    fn ask(&mut self, request: &Request) -> Result<Reply> {
        let gone = || Error::new(ErrorKind::Cluster, "the supervisor process is gone");
        let mut line = serde_json::to_string(request)
            .map_err(|e| Error::new(ErrorKind::Cluster, "a path or argument is not UTF-8").with_source(e))?;
        line.push('\n');
        let requests = self.requests.as_mut().ok_or_else(gone)?;
        requests
            .write_all(line.as_bytes())
            .and_then(|()| requests.flush())
            .map_err(|e| gone().with_source(e))?;
        line.clear();
        self.replies
            .read_line(&mut line)
            .map_err(|e| gone().with_source(e))?;
        serde_json::from_str(&line).map_err(|_| gone())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        // The supervisor takes the closed pipe as the order to stop everything.
        drop(self.requests.take());
        let _ = self.child.wait();
    }
}
