//! The pages in a real browser, without network.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use work_dir::checks::{CheckOptions, Checks};
use work_dir::report::{ReportOptions, write};

use crate::report::ward;
use crate::rows::description;

pub(crate) fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path)
        .flat_map(|directory| names.map(|name| directory.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        x_skipped::skip!("no Chromium is installed, the pages were not looked at");
    }
    found
}

fn open(browser: &Path, page: &Path, width: u32, dark: bool, home: &Path) -> Output {
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--no-first-run",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--enable-logging=stderr",
        ])
        // Nothing can be resolved and nothing reached.
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--proxy-server=127.0.0.1:9",
        ])
        .arg(format!(
            "--blink-settings=preferredColorScheme={}",
            u8::from(!dark)
        ))
        .arg(format!("--window-size={width},900"))
        .arg(format!("--user-data-dir={}", home.display()))
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Measures a page in a frame of its width, and writes what it found into the document.
const MEASURE: &str = r#"
<script>
window.addEventListener('load', () => {
  const frame = document.querySelector('iframe');
  const d = frame.contentDocument, w = frame.contentWindow;
  const out = [...d.body.querySelectorAll('*')].filter(e => !(e instanceof w.SVGElement && e.tagName !== 'svg'))
    .filter(e => e.getBoundingClientRect().right > w.innerWidth + 0.5).map(e => e.tagName + '.' + e.getAttribute('class'));
  const charts = [...d.querySelectorAll('.chart svg')].map(svg => ({
    width: svg.getBoundingClientRect().width, height: svg.getBoundingClientRect().height,
    hidden: svg.querySelectorAll('rect.few').length,
    bars: [...svg.querySelectorAll('rect.bar')].map(b => [Number(b.dataset.rows ?? b.dataset.share), b.getBoundingClientRect().height, b.getBoundingClientRect().width]),
    fill: svg.querySelector('rect') ? w.getComputedStyle(svg.querySelector('rect')).fill : ''
  }));
  const lists = [...d.querySelectorAll('.list li rect')].map(b => [Number(b.dataset.amount), b.getBoundingClientRect().width]);
  const found = { inner: w.innerWidth, scroll: d.documentElement.scrollWidth, out, charts, lists,
    ground: w.getComputedStyle(d.body).backgroundColor, ink: w.getComputedStyle(d.body).color };
  const pre = document.createElement('pre'); pre.id = 'measured'; pre.textContent = JSON.stringify(found);
  document.body.appendChild(pre); frame.remove();
});
</script>"#;

pub(crate) fn measured(browser: &Path, page: &Path, width: u32, dark: bool, home: &Path) -> Value {
    let html = std::fs::read_to_string(page).unwrap();
    let escaped = html.replace('&', "&amp;").replace('"', "&quot;");
    let host = format!(
        "<!doctype html><meta charset=utf-8><body>{MEASURE}<iframe style=\"border:0\" width={width} height=900 srcdoc=\"{escaped}\"></iframe></body>"
    );
    let path = home.join(format!("host-{width}-{dark}.html"));
    std::fs::write(&path, host).unwrap();
    let output = open(browser, &path, 1400, dark, home);
    let dom = String::from_utf8(output.stdout).unwrap();
    let begin = dom
        .find("<pre id=\"measured\">")
        .unwrap_or_else(|| panic!("nothing was measured"))
        + "<pre id=\"measured\">".len();
    let end = dom[begin..].find("</pre>").unwrap() + begin;
    let json = dom[begin..end]
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&json).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn bars_follow_the_data_nothing_overflows_and_no_page_complains() {
    let Some(browser) = browser() else { return };
    let (directory, before) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // CDS2DB_PAGES=DIR keeps the pages, to be looked at.
    let kept = std::env::var_os("CDS2DB_PAGES").map(PathBuf::from);
    let layout = ward(kept.as_deref().unwrap_or(directory.path()), before.path());
    let description = description();
    let checks = Checks::open(&layout, Some(&description), CheckOptions::default()).unwrap();
    checks.whole(&[]).unwrap();
    let options = ReportOptions {
        before: Some(before.path().to_owned()),
        ..ReportOptions::default()
    };
    write(&layout, Some(&description), &options).unwrap();
    let home = tempfile::tempdir().unwrap();
    for page in [layout.index_page(), layout.table_page("observation")] {
        let output = open(&browser, &page, 1280, false, home.path());
        let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
        let complaints: Vec<&str> = complaints
            .lines()
            .filter(|line| line.contains("CONSOLE"))
            .collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
        for (width, dark) in [(1280, false), (390, false), (390, true)] {
            let found = measured(&browser, &page, width, dark, home.path());
            assert!((number(&found["inner"]) - f64::from(width)).abs() < 0.5);
            assert!(
                number(&found["scroll"]) <= f64::from(width),
                "{} at {width}: {}",
                page.display(),
                found["scroll"]
            );
            assert_eq!(found["out"].as_array().unwrap().len(), 0, "{}", found["out"]);
            let ground = found["ground"].as_str().unwrap();
            assert_eq!(ground == "rgb(255, 255, 255)", !dark, "{ground}");
            assert_ne!(found["ground"], found["ink"]);
            let charts = found["charts"].as_array().unwrap();
            assert!(!charts.is_empty());
            let mut bars_seen = 0;
            for chart in charts {
                let height = number(&chart["height"]);
                assert!(height > 40.0 && number(&chart["width"]) > 200.0, "{chart}");
                let bars = chart["bars"].as_array().unwrap();
                let most = bars.iter().map(|b| number(&b[0])).fold(0.0, f64::max);
                bars_seen += bars.len();
                for bar in bars {
                    let expected = number(&bar[0]) / most * height;
                    let shown = number(&bar[1]);
                    // A line of the border belongs to the chart's box.
                    assert!((shown - expected).abs() <= 1.5, "{shown} instead of {expected}");
                    assert!(number(&bar[2]) > 0.5, "a bar can be seen");
                }
            }
            assert!(bars_seen > 10, "{bars_seen}");
            let lists = found["lists"].as_array().unwrap();
            assert!(!lists.is_empty());
        }
    }
}
