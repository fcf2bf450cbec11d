use std::time::Instant;

use serde::Serialize;

use crate::meter::{Processes, own_cpu_seconds};

/// One stage measured alone: how much it did in how long.
#[derive(Clone, Debug, Serialize)]
pub struct Stage {
    /// Its name in tables.
    pub name: &'static str,
    /// A limit of the machine, not a stage of the chain.
    pub limit: bool,
    /// Resources it worked on.
    pub resources: u64,
    /// Rows it worked on, where it makes or stores rows.
    pub rows: u64,
    /// Bytes it worked on, where it reads pages.
    pub bytes: u64,
    /// Wall time in seconds.
    pub seconds: f64,
    /// User and system time of this process in it.
    pub cpu_seconds: f64,
    /// User and system time of the database's or FHIR server's processes in it.
    pub server_cpu_seconds: f64,
    #[serde(skip)]
    server: Option<Processes>,
}

impl Stage {
    /// A stage of the chain that works alone in this process.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            limit: false,
            resources: 0,
            rows: 0,
            bytes: 0,
            seconds: 0.0,
            cpu_seconds: 0.0,
            server_cpu_seconds: 0.0,
            server: None,
        }
    }

    /// What no stage can pass: the same bytes with as little done to them as possible.
    pub fn limit(name: &'static str) -> Self {
        Self {
            limit: true,
            ..Self::new(name)
        }
    }

    /// Counts the time of a server's processes too.
    pub fn beside(mut self, server: Processes) -> Self {
        self.server = Some(server);
        self
    }

    /// Measures a piece of work.
    pub fn measure<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let lap = self.begin();
        let result = work();
        self.end(&lap);
        result
    }

    /// Measures a piece of work that waits.
    pub async fn measure_async<T>(&mut self, work: impl Future<Output = T>) -> T {
        let lap = self.begin();
        let result = work.await;
        self.end(&lap);
        result
    }

    fn begin(&self) -> Lap {
        Lap {
            server: self.server.map_or(0.0, Processes::cpu_seconds),
            own: own_cpu_seconds(),
            at: Instant::now(),
        }
    }

    fn end(&mut self, lap: &Lap) {
        self.seconds += lap.at.elapsed().as_secs_f64();
        self.cpu_seconds += own_cpu_seconds() - lap.own;
        self.server_cpu_seconds += self.server.map_or(0.0, |s| s.cpu_seconds() - lap.server);
    }

    /// Resources a second of wall time.
    pub fn rate(&self) -> f64 {
        self.resources as f64 / self.seconds.max(1e-9)
    }

    /// Both, one after the other, for the same resources.
    pub fn then(&self, name: &'static str, next: &Self) -> Self {
        Self {
            name,
            rows: self.rows + next.rows,
            seconds: self.seconds + next.seconds,
            cpu_seconds: self.cpu_seconds + next.cpu_seconds,
            server_cpu_seconds: self.server_cpu_seconds + next.server_cpu_seconds,
            ..self.clone()
        }
    }
}

struct Lap {
    at: Instant,
    own: f64,
    server: f64,
}
