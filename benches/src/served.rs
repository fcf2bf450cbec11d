use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use fixtures::hospital::Hospital;
use fixtures::server::{Server, ServerOptions};

use crate::arguments::Serve;
use crate::{Failure, say};

/// Serves a hospital until its input closes; the first line of output is the address.
pub fn serve(arguments: &Serve) -> Result<(), Failure> {
    let hospital = Hospital::sized(arguments.seed, arguments.resources);
    let server = Server::start(hospital, ServerOptions::default())?;
    say(server.base_url());
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// The FHIR server as a process of its own, so that its memory and its time are not the client's; it ends with this
/// value, and with this process.
pub struct Served {
    child: Child,
    base: String,
}

impl Served {
    /// Starts to serve the hospital of a seed and a size.
    pub fn start(seed: u64, resources: u64) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("serve")
            .args(["--seed", &seed.to_string(), "--resources", &resources.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let base = line.trim().to_owned();
        if !base.starts_with("http") {
            return Err("the FHIR server did not start".into());
        }
        Ok(Self { child, base })
    }

    /// Address of the service.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ended = self.child.wait();
    }
}
