//! What a run and its programs tell those who watch them: systemd over a real socket, Prometheus in a file.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use monitoring::{Exposition, Family, Kind};

use super::site::Week;

/// A metric by its name; kind and meaning do not matter to who reads.
const fn gauge(name: &'static str) -> Family {
    Family::new(name, Kind::Gauge, "")
}

const fn counter(name: &'static str) -> Family {
    Family::new(name, Kind::Counter, "")
}

/// A nightly run as systemd starts it, on a day with something new.
pub(super) fn a_run_is_watched(week: &mut Week) {
    week.serve_day(2);
    let path = week.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a time limit");
    let metrics = week.path("cds2db.prom");
    let metrics_text = metrics.display().to_string();
    let mut run = week.command(
        "cds2db",
        &["run", "cds2db_config.toml", "--json", "--metrics", &metrics_text],
    );
    run.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let mut run = run
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the program starts");
    // The queue of a socket is short: it is read while the run works.
    let (mut messages, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match socket.recv(&mut buffer) {
            Ok(length) => messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned()),
            Err(_) if run.try_wait().expect("waits").is_some() => break,
            Err(_) => {}
        }
    }
    let out = std::io::read_to_string(run.stdout.take().expect("piped")).expect("read");
    assert!(run.wait().expect("ended").success(), "{out}");
    let summary: cds2db::Summary = serde_json::from_str(&out).expect("a summary");

    assert!(
        messages.first().is_some_and(|m| m.starts_with("READY=1\n")),
        "{messages:?}"
    );
    assert!(
        messages
            .last()
            .is_some_and(|m| m == "STOPPING=1\nSTATUS=complete"),
        "{messages:?}"
    );
    for text in [
        "WATCHDOG=1",
        "STATUS=download: started",
        "STATUS=writes the report",
    ] {
        assert!(messages.iter().any(|m| m == text), "{text}: {messages:?}");
    }

    let page = std::fs::read_to_string(&metrics).expect("metrics");
    let page = Exposition::read(&page).expect("the format");
    let run = ("command", "run");
    for (table, figures) in &summary.tables {
        for (state, number) in [("new", figures.typed_new), ("seen", figures.typed_seen)] {
            let labels = [run, ("table", table), ("state", state)];
            assert_eq!(
                page.get(counter("cds2db_rows_total"), &labels),
                Some(number as f64),
                "{table} {state}"
            );
        }
    }
    let at = |name| page.get(gauge(name), &[run]).unwrap_or_else(|| panic!("{name}"));
    let ended = at("cds2db_last_run_end_timestamp_seconds");
    assert_eq!(at("cds2db_last_complete_run_timestamp_seconds"), ended);
    assert!(ended >= at("cds2db_last_run_start_timestamp_seconds"));
    assert_eq!(at("cds2db_last_run_missing"), 0.0);
    for stage in ["download", "store", "type"] {
        let labels = [run, ("stage", stage)];
        let seconds = page.get(gauge("cds2db_stage_duration_seconds"), &labels);
        // The figures went through JSON.
        let apart = seconds.map(|seconds| (seconds - summary.stages[stage].seconds).abs());
        assert!(apart.is_some_and(|apart| apart < 1e-6), "{stage}: {seconds:?}");
    }

    // A run that fails is counted, and when the last complete one was stays.
    week.stop_server();
    week.run(&["--wait", "0", "--metrics", &metrics_text])
        .ends_with(5);
    let page = Exposition::of_file(&metrics).expect("metrics");
    let failed = page.get(counter("cds2db_runs_total"), &[run, ("verdict", "failed")]);
    assert_eq!(failed, Some(1.0));
    assert_eq!(
        page.get(gauge("cds2db_last_complete_run_timestamp_seconds"), &[run]),
        Some(ended)
    );
    // A file that cannot be written is told and costs nothing else.
    week.serve_day(2);
    week.run(&["--metrics", "/no/such/folder/cds2db.prom"])
        .ends_with(0)
        .says(&["the metrics in /no/such/folder/cds2db.prom cannot be written"]);
}
