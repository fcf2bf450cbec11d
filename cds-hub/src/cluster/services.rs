use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use super::{Service, Stop, StopSignal};

/// How often an ending process is looked at.
const TICK: Duration = Duration::from_millis(5);

/// Services that are children of this process. Dropping stops them, the youngest first.
#[derive(Debug, Default)]
pub(crate) struct Services {
    running: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    stop: Vec<Stop>,
}

impl Services {
    /// Starts a service in a process group of its own, so that a terminal's Ctrl-C does not reach it.
    pub(crate) fn spawn(&mut self, service: &Service) -> io::Result<u32> {
        let mut command = Command::new(&service.program);
        command
            .args(&service.args)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null());
        if let Some(input) = &service.input {
            command.stdin(File::open(input)?);
        }
        match &service.log {
            Some(path) => {
                let log = OpenOptions::new().create(true).append(true).open(path)?;
                command.stdout(log.try_clone()?).stderr(log);
            }
            None => {
                command.stdout(Stdio::null()).stderr(Stdio::null());
            }
        }
        // Settings of the caller's own PostgreSQL must not leak into this one; messages stay in English.
        for (name, _) in std::env::vars_os().filter(|(n, _)| n.as_encoded_bytes().starts_with(b"PG")) {
            command.env_remove(name);
        }
        command.env("LC_ALL", "C");
        if let Some(account) = service.account {
            command.uid(account.uid).gid(account.gid);
        }
        let child = command.spawn()?;
        let id = child.id();
        self.running.push(Running {
            child,
            stop: service.stop.clone(),
        });
        Ok(id)
    }

    /// `None` while the service runs, then its exit code (128 + signal after a signal, as shells count).
    pub(crate) fn poll(&mut self, id: u32) -> io::Result<Option<i32>> {
        let Some(position) = self.running.iter().position(|r| r.child.id() == id) else {
            return Ok(Some(0));
        };
        let Some(status) = self.running[position].child.try_wait()? else {
            return Ok(None);
        };
        self.running.swap_remove(position);
        Ok(Some(
            status.code().or(status.signal().map(|s| 128 + s)).unwrap_or(-1),
        ))
    }

    /// Stops one service, with its own signals or with `signals` instead.
    pub(crate) fn stop(&mut self, id: u32, signals: Option<&[Stop]>) {
        let Some(position) = self.running.iter().position(|r| r.child.id() == id) else {
            return;
        };
        let mut running = self.running.remove(position);
        let own = std::mem::take(&mut running.stop);
        running.end(signals.unwrap_or(&own));
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        while let Some(mut running) = self.running.pop() {
            let own = std::mem::take(&mut running.stop);
            running.end(&own);
        }
    }
}

impl Running {
    fn end(&mut self, signals: &[Stop]) {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else {
            return;
        };
        for stop in signals {
            let signal = match stop.signal {
                StopSignal::Interrupt => Signal::INT,
                StopSignal::Terminate => Signal::TERM,
                StopSignal::Quit => Signal::QUIT,
            };
            // An error means that the process is gone; `ended` finds out.
            let _ = kill_process(pid, signal);
            if self.ended(Duration::from_millis(stop.patience_ms)) {
                return;
            }
        }
        let _ = kill_process_group(pid, Signal::KILL);
        let _ = self.child.wait();
    }

    fn ended(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        loop {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            if Instant::now() >= until {
                return false;
            }
            sleep(TICK);
        }
    }
}
