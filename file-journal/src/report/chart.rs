//! Bars over versions, one colour a modality.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::text::html;

/// Width and height of a chart in units of its own; the page scales it.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 28.0;
const TOP: f64 = 10.0;

/// Stacked bars: a label and a value by series for each; `shown` writes values for people.
pub(super) fn bars(
    title: &str,
    bars: &[(String, &BTreeMap<String, u64>)],
    series: &[String],
    shown: fn(u64) -> String,
) -> String {
    let most = bars
        .iter()
        .map(|(_, values)| values.values().sum::<u64>())
        .max()
        .unwrap_or(0)
        .max(1);
    let (plot, height) = (WIDTH - LEFT - 8.0, HEIGHT - BOTTOM - TOP);
    let step = plot / bars.len().max(1) as f64;
    let mut svg = format!(
        "<div class=wide><svg class=chart viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=img aria-label=\"{}\">",
        html(title)
    );
    for (share, y) in [(1.0, TOP), (0.5, TOP + height / 2.0), (0.0, TOP + height)] {
        let value = (most as f64 * share).round() as u64;
        let _ = write!(
            svg,
            "<line class=grid x1={LEFT} x2={} y1={y} y2={y} /><text x={} y={} text-anchor=end>{}</text>",
            WIDTH - 8.0,
            LEFT - 6.0,
            y + 4.0,
            html(&shown(value))
        );
    }
    let every = bars.len().div_ceil(6).max(1);
    for (at, (label, values)) in bars.iter().enumerate() {
        let x = LEFT + step * at as f64 + step * 0.1;
        let mut y = TOP + height;
        for (number, name) in series.iter().enumerate() {
            let value = values.get(name).copied().unwrap_or(0);
            let bar = height * value as f64 / most as f64;
            y -= bar;
            let _ = write!(
                svg,
                "<rect class=\"s{}\" x={x:.1} y={y:.1} width={:.1} height={bar:.1}><title>{}: {} {}</title></rect>",
                number % 6,
                (step * 0.8).min(60.0),
                html(label),
                html(name),
                html(&shown(value))
            );
        }
        if at % every == 0 {
            let _ = write!(
                svg,
                "<text x={x:.1} y={}>{}</text>",
                HEIGHT - 8.0,
                html(&short(label))
            );
        }
    }
    svg.push_str("</svg></div>");
    svg
}

/// A version's name in the room of an axis: a date where it is one.
fn short(version: &str) -> String {
    let digits =
        version.len() >= 8 && version.is_ascii() && version.bytes().take(8).all(|b| b.is_ascii_digit());
    match digits {
        true => format!("{}-{}-{}", &version[..4], &version[4..6], &version[6..8]),
        false => version.chars().take(10).collect(),
    }
}
