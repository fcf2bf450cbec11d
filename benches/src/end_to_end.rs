use serde::Serialize;

use crate::alone::Alone;
use crate::arguments::EndToEnd;
use crate::client::{Told, Working};
use crate::meter::load;
use crate::record::Record;
use crate::site::Site;
use crate::stage::Stage;
use crate::{Failure, peers};

/// One size: the whole chain, and each stage alone.
#[derive(Debug, Serialize)]
struct Size {
    resources: u64,
    typed_rows: u64,
    bytes: u64,
    seconds: f64,
    resources_per_second: f64,
    microseconds_per_resource: f64,
    client_cpu_seconds: f64,
    database_cpu_seconds: f64,
    fhir_server_cpu_seconds: f64,
    client_peak_bytes: u64,
    client_stage_seconds: std::collections::BTreeMap<String, f64>,
    /// Whole chain to the slowest stage alone, as rates.
    to_slowest_stage: Option<f64>,
    /// Whole chain to the bare COPY of the same raw and typed rows, as rates.
    to_bare_copy: Option<f64>,
    stages: Vec<Stage>,
    load: f64,
}

#[derive(Debug, Serialize)]
struct Figures {
    format: &'static str,
    sizes: Vec<Size>,
    peers: Vec<peers::Peer>,
}

/// Measures all sizes and files the results.
pub fn run(arguments: &EndToEnd) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let input = &arguments.input;
    let format = input.format.word();
    let mut record = Record::new(input.results.as_deref());
    let mut sizes = Vec::new();
    for &resources in &arguments.resources {
        let size = runtime.block_on(measure(arguments, resources, &mut record))?;
        sizes.extend(size);
    }
    growth(&sizes, &mut record);
    let peers = match arguments.peer_resources {
        0 => Vec::new(),
        resources => peers::measure(&arguments.python, input.seed, resources, &mut record)?,
    };
    let list: Vec<String> = arguments.resources.iter().map(u64::to_string).collect();
    let command = format!(
        "benches end-to-end --resources {} --format {format} --workers {}",
        list.join(","),
        arguments.workers
    );
    let name = match format {
        "json" => "end-to-end".to_owned(),
        other => format!("end-to-end-{other}"),
    };
    let figures = Figures { format, sizes, peers };
    record.file(&name, &command, &figures)
}

/// One size; none where only the stages alone are measured.
async fn measure(arguments: &EndToEnd, resources: u64, record: &mut Record) -> Result<Option<Size>, Failure> {
    let input = &arguments.input;
    let site = Site::open(input.seed, resources, input.format).await?;
    if arguments.alone_only {
        let alone = Alone::measure(&site, arguments.connections).await?;
        record.line(&format!(
            "\n{} resources, load of the machine {:.1}",
            alone.crack.resources,
            load()
        ));
        show_stages(&with_sums(&alone), record);
        return Ok(None);
    }
    site.hub("whole").await?.close().await;
    let config = site.configuration("whole", 0..site.patients(), arguments.workers)?;
    let cpu = (site.database().cpu_seconds(), site.server().cpu_seconds());
    let told = Working::start(&config, None)?.told()?;
    let cpu = (
        site.database().cpu_seconds() - cpu.0,
        site.server().cpu_seconds() - cpu.1,
    );
    site.forget("whole").await?;
    let load = load();
    let mut stages = Vec::new();
    if !arguments.whole_only {
        let alone = Alone::measure(&site, arguments.connections).await?;
        // The chain asks only for those Medications and Locations that something refers to.
        let all = alone.crack.resources;
        if !(all - alone.shared..=all).contains(&told.resources) {
            return Err(format!("{all} resources alone, {} in the chain", told.resources).into());
        }
        stages = with_sums(&alone);
    }
    let size = Size::new(&told, cpu, stages, load);
    size.show(record);
    Ok(Some(size))
}

fn show_stages(stages: &[Stage], record: &mut Record) {
    record.line(&format!(
        "{:<34} {:>9} {:>11} {:>8} {:>10} {:>11}",
        "", "s", "resources/s", "MB/s", "client CPU", "server CPU"
    ));
    for stage in stages {
        let bytes = match stage.bytes {
            0 => String::new(),
            bytes => format!("{:.0}", bytes as f64 / 1e6 / stage.seconds),
        };
        let name = if stage.limit {
            format!("  limit: {}", stage.name)
        } else {
            stage.name.to_owned()
        };
        record.line(&format!(
            "{name:<34} {:>9.2} {:>11.0} {bytes:>8} {:>10.2} {:>11.2}",
            stage.seconds,
            stage.rate(),
            stage.cpu_seconds,
            stage.server_cpu_seconds
        ));
    }
}

/// The stages, and those of the hub together.
fn with_sums(alone: &Alone) -> Vec<Stage> {
    let mut stages: Vec<Stage> = alone.stages().into_iter().cloned().collect();
    stages.push(alone.load_raw.then("load raw and typed rows", &alone.load_typed));
    stages.push(
        alone
            .bare_raw
            .then("bare COPY of raw and typed", &alone.bare_typed),
    );
    stages
}

impl Size {
    fn new(told: &Told, cpu: (f64, f64), stages: Vec<Stage>, load: f64) -> Self {
        let rate = told.resources as f64 / told.seconds;
        let slowest = stages
            .iter()
            .filter(|s| !s.limit)
            .map(Stage::rate)
            .reduce(f64::min);
        let bare = stages
            .iter()
            .filter(|s| s.limit)
            .map(Stage::rate)
            .reduce(f64::min);
        let seconds = told.summary.stages.iter();
        Self {
            resources: told.resources,
            typed_rows: told.typed_rows,
            bytes: told.summary.stages.get("download").map_or(0, |s| s.bytes),
            seconds: told.seconds,
            resources_per_second: rate,
            microseconds_per_resource: 1e6 / rate,
            client_cpu_seconds: told.cpu_seconds,
            database_cpu_seconds: cpu.0,
            fhir_server_cpu_seconds: cpu.1,
            client_peak_bytes: told.peak_bytes,
            client_stage_seconds: seconds.map(|(name, s)| (name.clone(), s.seconds)).collect(),
            to_slowest_stage: slowest.map(|s| rate / s),
            to_bare_copy: bare.map(|s| rate / s),
            stages,
            load,
        }
    }

    fn show(&self, record: &mut Record) {
        record.line(&format!(
            "\n{} resources ({:.0} MB), {} typed rows",
            self.resources,
            self.bytes as f64 / 1e6,
            self.typed_rows
        ));
        show_stages(&self.stages, record);
        record.line(&format!(
            "{:<34} {:>9.2} {:>11.0} {:>8.0} {:>10.1} {:>11.1}",
            "whole chain",
            self.seconds,
            self.resources_per_second,
            self.bytes as f64 / 1e6 / self.seconds,
            self.client_cpu_seconds,
            self.database_cpu_seconds + self.fhir_server_cpu_seconds
        ));
        let stages: Vec<String> = self
            .client_stage_seconds
            .iter()
            .map(|(name, seconds)| format!("{name} {seconds:.1} s"))
            .collect();
        record.line(&format!(
            "stages of the chain, which overlap: {}",
            stages.join(", ")
        ));
        if let (Some(slowest), Some(bare)) = (self.to_slowest_stage, self.to_bare_copy) {
            record.line(&format!(
                "whole chain to the slowest stage alone: {:.0} %; to the bare COPY of all its rows: {:.0} %",
                100.0 * slowest,
                100.0 * bare
            ));
        }
        record.line(&format!(
            "{:.1} µs a resource; peak memory of the client {:.0} MB; load of the machine {:.1}",
            self.microseconds_per_resource,
            self.client_peak_bytes as f64 / 1e6,
            self.load
        ));
    }
}

/// How time and memory grow with the size.
fn growth(sizes: &[Size], record: &mut Record) {
    let Some((first, rest)) = sizes.split_first() else {
        return;
    };
    for size in rest {
        record.line(&format!(
            "{} to {} resources: time a resource × {:.2}, client CPU a resource × {:.2}, peak memory × {:.2}",
            first.resources,
            size.resources,
            size.microseconds_per_resource / first.microseconds_per_resource,
            size.client_cpu_seconds
                / size.resources as f64
                / (first.client_cpu_seconds / first.resources as f64),
            size.client_peak_bytes as f64 / first.client_peak_bytes as f64
        ));
    }
}
