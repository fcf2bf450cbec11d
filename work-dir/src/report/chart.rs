use super::text::{decimal, escape, whole};

/// One bar of a chart.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What it stands for.
    pub(crate) label: String,
    /// Its rows; `None` where they are hidden.
    pub(crate) rows: Option<u64>,
}

/// What the height of a bar tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The number of rows, which is told too.
    Rows,
    /// The shape only: a hidden number would follow from the numbers.
    Shape,
}

/// Height of a chart in its own units.
const HEIGHT: f64 = 100.0;
/// Width of a bar with its gap.
const STEP: f64 = 10.0;
/// Height of a bar whose rows are hidden.
const HIDDEN: f64 = 8.0;

/// A chart of upright bars over an axis with the labels of the first and the last.
///
/// Lines are marks at places counted in bars from the left, such as the quantiles of a reference.
///
/// With [`Scale::Shape`] no number of rows is told, and heights are whole hundredths of the highest.
pub(crate) fn bars(title: &str, bars: &[Bar], marks: &[(f64, String)], few: u32, scale: Scale) -> String {
    let most = bars.iter().filter_map(|bar| bar.rows).max().unwrap_or(0).max(1);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a chart has few bars; counts stay far below 2^53"
    )]
    let (width, most) = (bars.len() as f64 * STEP, most as f64);
    let mut svg = String::new();
    for (i, bar) in bars.iter().enumerate() {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a chart has few bars; counts stay far below 2^53"
        )]
        let (x, rows) = (i as f64 * STEP + 0.5, bar.rows.map(|rows| rows as f64));
        let label = escape(&bar.label);
        match (rows, bar.rows) {
            (Some(share), Some(rows)) => {
                let height = share / most * HEIGHT;
                let (height, data, said) = match scale {
                    Scale::Rows => (height, format!("data-rows=\"{rows}\""), format!(": {}", whole(rows))),
                    Scale::Shape => {
                        let height = height.round();
                        (height, format!("data-share=\"{height}\""), String::new())
                    }
                };
                svg.push_str(&format!(
                    "<rect class=\"bar\" {data} x=\"{x:.1}\" y=\"{:.4}\" width=\"{:.1}\" height=\"{height:.4}\"><title>{label}{said}</title></rect>",
                    HEIGHT - height,
                    STEP - 1.0
                ));
            }
            _ => svg.push_str(&format!(
                "<rect class=\"few\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{HIDDEN:.1}\"><title>{label}: hidden, fewer than {few} patients or needed to hide such</title></rect>",
                HEIGHT - HIDDEN,
                STEP - 1.0
            )),
        }
    }
    for (at, label) in marks {
        let x = (at * STEP).clamp(0.0, width);
        svg.push_str(&format!(
            "<line class=\"mark\" x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"0\" y2=\"{HEIGHT}\"><title>{}</title></line>",
            escape(label)
        ));
    }
    let any = bars.iter().any(|bar| bar.rows.is_some());
    let top = match scale {
        Scale::Rows if !any => "<span class=\"top\">hidden</span>".to_owned(),
        Scale::Rows => format!("<span class=\"top\">highest bar {}</span>", decimal(most)),
        Scale::Shape => String::new(),
    };
    let first = bars.first().map_or("", |bar| &bar.label);
    let last = bars.last().map_or("", |bar| &bar.label);
    let middle = bars
        .get(bars.len() / 2)
        .filter(|_| bars.len() > 4)
        .map_or("", |bar| &bar.label);
    format!(
        "<figure class=\"chart\"><figcaption>{title}{top}</figcaption>\
         <svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{title}\">{svg}</svg>\
         <div class=\"axis\"><span>{}</span><span>{}</span><span>{}</span></div></figure>",
        escape(first),
        escape(middle),
        escape(last),
        title = escape(title)
    )
}

/// A list of labelled bars from left to right.
pub(crate) fn list(title: &str, entries: &[(String, f64, String)]) -> String {
    let most = entries.iter().map(|(_, amount, _)| *amount).fold(0.0, f64::max);
    let mut rows = String::new();
    for (label, amount, text) in entries {
        let width = if most > 0.0 { amount / most * 100.0 } else { 0.0 };
        rows.push_str(&format!(
            "<li><span class=\"label\">{}</span><svg class=\"row\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"bar\" data-amount=\"{amount}\" x=\"0\" y=\"0\" width=\"{width:.4}\" height=\"10\"/></svg><span class=\"amount\">{text}</span></li>",
            escape(label)
        ));
    }
    format!(
        "<figure class=\"list\"><figcaption>{}</figcaption><ul>{rows}</ul></figure>",
        escape(title)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_follow_the_rows_and_hidden_bars_have_none() {
        let of = |label: &str, rows| Bar {
            label: label.to_owned(),
            rows,
        };
        let svg = bars(
            "t",
            &[of("a", Some(50)), of("b", None), of("c", Some(100))],
            &[],
            5,
            Scale::Rows,
        );
        assert!(
            svg.contains("data-rows=\"50\" x=\"0.5\" y=\"50.0000\" width=\"9.0\" height=\"50.0000\""),
            "{svg}"
        );
        assert!(svg.contains("height=\"100.0000\""));
        assert_eq!(svg.matches("class=\"few\"").count(), 1);
        assert_eq!(svg.matches("<rect").count(), 3);
    }

    #[test]
    fn a_shape_tells_no_number() {
        let bar = |rows| Bar {
            label: String::new(),
            rows: Some(rows),
        };
        let svg = bars("t", &[bar(333), bar(1_234)], &[], 5, Scale::Shape);
        assert!(
            !svg.contains("333") && !svg.contains("234") && !svg.contains("highest"),
            "{svg}"
        );
        assert!(
            svg.contains("data-share=\"27\"") && svg.contains("height=\"27.0000\""),
            "{svg}"
        );
    }

    #[test]
    fn labels_are_escaped_and_no_bars_are_a_chart_too() {
        let entries = [("<x>".to_owned(), 1.0, "1".to_owned())];
        assert!(!list("t", &entries).contains("<x>"));
        assert!(bars("<t>", &[], &[], 5, Scale::Rows).contains("&lt;t&gt;"));
    }
}
