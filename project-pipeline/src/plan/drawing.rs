//! The graph as SVG: one column a depth, one box an action.

use std::fmt::Write;

use super::Plan;
use super::graph::{Knot, knots};
use crate::{Level, Project};

const ROW: usize = 46;
const BOX: usize = 30;
const GAP: usize = 56;
const LETTER: usize = 8;

/// The plan as an SVG image without scripts or outside parts.
#[must_use]
pub fn svg(project: &Project, plan: &Plan) -> String {
    let knots = knots(project, plan);
    let columns = knots.iter().map(|knot| knot.depth + 1).max().unwrap_or(0);
    let mut widths = vec![0; columns];
    let mut rows = vec![0; columns];
    let mut row_of = Vec::with_capacity(knots.len());
    for knot in &knots {
        widths[knot.depth] = widths[knot.depth].max(label(knot).chars().count() * LETTER + 20);
        row_of.push(rows[knot.depth]);
        rows[knot.depth] += 1;
    }
    let left: Vec<usize> = (0..columns)
        .map(|column| 10 + widths[..column].iter().map(|width| width + GAP).sum::<usize>())
        .collect();
    let width = left.last().map_or(220, |left| left + widths[columns - 1] + 10);
    let height = rows.iter().max().unwrap_or(&1) * ROW + 10;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
         role=\"img\" font-family=\"ui-monospace, monospace\" font-size=\"13\">\n<title>{} jobs</title>\n",
        plan.jobs.len()
    );
    out.push_str(
        "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#555\"/></marker></defs>\n",
    );
    let top = |at: usize| 10 + row_of[at] * ROW;
    for (at, knot) in knots.iter().enumerate() {
        for need in &knot.needs {
            let from = &knots[*need];
            let (x1, y1) = (left[from.depth] + widths[from.depth], top(*need) + BOX / 2);
            let (x2, y2) = (left[knot.depth], top(at) + BOX / 2);
            let bend = GAP / 2;
            let _ = writeln!(
                out,
                "<path d=\"M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#555\" marker-end=\"url(#tip)\"/>",
                x1 + bend,
                x2.saturating_sub(bend),
            );
        }
    }
    for (at, knot) in knots.iter().enumerate() {
        let (fill, stroke, dash) = colours(knot);
        let (x, y) = (left[knot.depth], top(at));
        let _ = writeln!(
            out,
            "<g><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"{BOX}\" rx=\"5\" fill=\"{fill}\" stroke=\"{stroke}\"{dash}/>\
             <text x=\"{}\" y=\"{}\">{}</text></g>",
            widths[knot.depth],
            x + 10,
            y + 20,
            escape(&label(knot)),
        );
    }
    out.push_str("</svg>\n");
    out
}

fn label(knot: &Knot<'_>) -> String {
    match knot.number {
        Some(number) => format!("{number}. {}", knot.name),
        None => knot.name.to_owned(),
    }
}

fn colours(knot: &Knot<'_>) -> (&'static str, &'static str, &'static str) {
    match (knot.number, knot.level) {
        (None, _) => ("#f2f2f2", "#777", " stroke-dasharray=\"4 3\""),
        (Some(_), Level::HighlySensitive) => ("#fde2e1", "#a3302a", ""),
        (Some(_), _) => ("#fff1cc", "#8a6100", ""),
    }
}

/// Text for HTML, SVG and their attributes.
pub(crate) fn escape(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control() && c != '\n' && c != '\t', "\u{fffd}");
    quick_xml::escape::escape(text).into_owned()
}
