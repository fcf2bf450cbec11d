use quick_xml::escape::escape;

use super::text::whole;

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

/// A chart of upright bars.
#[derive(Clone, Debug)]
pub(crate) struct Chart<'c> {
    pub(crate) title: &'c str,
    /// What the axis below says.
    pub(crate) axis: &'c str,
    pub(crate) bars: &'c [Bar],
    /// Places counted in bars from the left, with what stands there.
    pub(crate) marks: &'c [(f64, String)],
    /// Rows that a reference would have in each bar; drawn as a line over the bars.
    pub(crate) curve: &'c [f64],
    pub(crate) few: u32,
    pub(crate) scale: Scale,
}

impl Chart<'_> {
    /// The chart over an axis with the labels of the first, the middle and the last bar. One whose bars are all hidden is a
    /// sentence.
    ///
    /// With [`Scale::Shape`] no number of rows is told, and heights are whole hundredths of the highest.
    pub(crate) fn html(&self) -> String {
        let title = escape(self.title);
        let highest = self.bars.iter().filter_map(|bar| bar.rows).max().unwrap_or(0);
        if highest == 0 {
            let why = if self.bars.iter().any(|bar| bar.rows.is_none()) {
                format!("hidden: each bar is of fewer than {} patients", self.few)
            } else {
                "nothing to show".to_owned()
            };
            return format!("<p class=\"soft\">{title}: {why}</p>");
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "a chart has few bars; counts stay far below 2^53"
        )]
        let (width, rows) = (self.bars.len() as f64 * STEP, highest as f64);
        let most = self.curve.iter().copied().fold(rows, f64::max);
        let mut svg = String::new();
        for (i, bar) in self.bars.iter().enumerate() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a chart has few bars; counts stay far below 2^53"
            )]
            let (x, share) = (i as f64 * STEP + 0.5, bar.rows.map(|rows| rows as f64 / most));
            svg.push_str(&self.bar(bar, x, share));
        }
        for (at, label) in self.marks {
            let x = (at * STEP).clamp(0.0, width);
            svg.push_str(&format!(
                "<line class=\"mark\" x1=\"{x:.2}\" x2=\"{x:.2}\" y1=\"0\" y2=\"{HEIGHT}\"><title>{}</title></line>",
                escape(label)
            ));
        }
        if !self.curve.is_empty() {
            let points: Vec<String> = (0_u32..)
                .zip(self.curve)
                .map(|(i, rows)| {
                    let x = (f64::from(i) + 0.5) * STEP;
                    format!("{x:.1},{:.2}", HEIGHT - rows / most * HEIGHT)
                })
                .collect();
            svg.push_str(&format!(
                "<polyline class=\"curve\" points=\"{}\"><title>reference</title></polyline>",
                points.join(" ")
            ));
        }
        let top = match self.scale {
            Scale::Rows => format!("<span class=\"top\">highest bar: {} rows</span>", whole(highest)),
            Scale::Shape => String::new(),
        };
        let label = |bar: Option<&Bar>| escape(bar.map_or("", |bar| &bar.label)).into_owned();
        let middle = self.bars.get(self.bars.len() / 2).filter(|_| self.bars.len() > 4);
        format!(
            "<figure class=\"chart\"><figcaption>{title}{top}</figcaption>\
             <svg viewBox=\"0 0 {width} {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{title}\">{svg}</svg>\
             <div class=\"axis\"><span>{}</span><span>{}</span><span>{}</span></div>\
             <p class=\"axis-name\">{}{}</p></figure>",
            label(self.bars.first()),
            label(middle),
            label(self.bars.last()),
            escape(self.axis),
            if self.curve.is_empty() {
                ""
            } else {
                " · line: the reference"
            }
        )
    }

    fn bar(&self, bar: &Bar, x: f64, share: Option<f64>) -> String {
        let label = escape(&bar.label);
        let (Some(share), Some(rows)) = (share, bar.rows) else {
            return format!(
                "<rect class=\"few\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{HIDDEN:.1}\"><title>{label}: hidden, fewer than {} patients or needed to hide such</title></rect>",
                HEIGHT - HIDDEN,
                STEP - 1.0,
                self.few
            );
        };
        let height = share * HEIGHT;
        let (height, data, said) = match self.scale {
            Scale::Rows => (
                height,
                format!("data-rows=\"{rows}\""),
                format!(": {} rows", whole(rows)),
            ),
            Scale::Shape => {
                let height = height.round();
                (height, format!("data-share=\"{height}\""), String::new())
            }
        };
        format!(
            "<rect class=\"bar\" {data} x=\"{x:.1}\" y=\"{:.4}\" width=\"{:.1}\" height=\"{height:.4}\"><title>{label}{said}</title></rect>",
            HEIGHT - height,
            STEP - 1.0
        )
    }
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
            escape(label).replace('/', "/<wbr>")
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

    fn chart(bars: &[Bar], scale: Scale) -> String {
        let chart = Chart {
            title: "<t>",
            axis: "values",
            bars,
            marks: &[],
            curve: &[],
            few: 5,
            scale,
        };
        chart.html()
    }

    fn of(label: &str, rows: Option<u64>) -> Bar {
        let label = label.to_owned();
        Bar { label, rows }
    }

    #[test]
    fn heights_follow_the_rows_and_hidden_bars_have_none() {
        let svg = chart(
            &[of("a", Some(50)), of("b", None), of("c", Some(100))],
            Scale::Rows,
        );
        assert!(
            svg.contains("data-rows=\"50\" x=\"0.5\" y=\"50.0000\" width=\"9.0\" height=\"50.0000\""),
            "{svg}"
        );
        assert!(svg.contains("height=\"100.0000\"") && svg.contains("highest bar: 100 rows"));
        assert_eq!(svg.matches("class=\"few\"").count(), 1);
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(svg.contains("&lt;t&gt;"));
    }

    #[test]
    fn a_shape_tells_no_number() {
        let svg = chart(&[of("", Some(333)), of("", Some(1_234))], Scale::Shape);
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
    fn a_chart_without_bars_to_see_is_a_sentence() {
        assert!(chart(&[of("a", None), of("b", Some(0))], Scale::Rows).contains("hidden: each bar"));
        let text = chart(&[], Scale::Rows);
        assert!(
            text.contains("nothing to show") && !text.contains("svg"),
            "{text}"
        );
    }

    #[test]
    fn a_reference_is_a_line_over_the_bars() {
        let bars = [of("a", Some(10)), of("b", Some(10))];
        let chart = Chart {
            title: "t",
            axis: "g/dL",
            bars: &bars,
            marks: &[],
            curve: &[5.0, 20.0],
            few: 5,
            scale: Scale::Rows,
        };
        let svg = chart.html();
        assert!(
            svg.contains("points=\"5.0,75.00 15.0,0.00\"") && svg.contains("line: the reference"),
            "{svg}"
        );
    }

    #[test]
    fn labels_are_escaped() {
        let entries = [("<x>".to_owned(), 1.0, "1".to_owned())];
        assert!(!list("t", &entries).contains("<x>"));
    }
}
