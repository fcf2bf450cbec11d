//! A row of bars: how a number went from one time to the next.

use maud::{Markup, html};

/// Width of a bar with the gap behind it, and of the bar alone; height of the highest.
const STEP: usize = 10;
const BAR: usize = 8;
const HIGH: u64 = 40;

/// Bars from the oldest to the newest, which a reader of screens hears as one sentence.
pub struct Trend {
    label: String,
    bars: Vec<(String, u64)>,
}

impl Trend {
    /// No bars yet; the label says what they are.
    #[must_use]
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            bars: Vec::new(),
        }
    }

    /// A bar with words that a pointer shows.
    pub fn push(&mut self, words: impl Into<String>, value: u64) {
        self.bars.push((words.into(), value));
    }

    /// The bars; the highest is as high as there is room, and what is not nothing can be seen.
    #[must_use]
    pub fn render(&self) -> Markup {
        let highest = self
            .bars
            .iter()
            .map(|(_, value)| *value)
            .max()
            .unwrap_or_default();
        let width = (self.bars.len() * STEP).max(STEP);
        html! {
            svg.trend role="img" aria-label=(self.label) width=(width) height=(HIGH) viewBox={ "0 0 " (width) " " (HIGH) } {
                @for (at, (words, value)) in self.bars.iter().enumerate() {
                    @let high = height(*value, highest);
                    rect x=(at * STEP) y=(HIGH - high) width=(BAR) height=(high) fill="currentColor" { title { (words) } }
                }
            }
        }
    }
}

fn height(value: u64, highest: u64) -> u64 {
    match (value, highest) {
        (0, _) | (_, 0) => 0,
        _ => u64::try_from(u128::from(value) * u128::from(HIGH) / u128::from(highest))
            .unwrap_or(HIGH)
            .clamp(2, HIGH),
    }
}

impl std::fmt::Debug for Trend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trend({} bars)", self.bars.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_what_is_small_is_seen() {
        for (value, highest, high) in [
            (0, 0, 0),
            (0, 9, 0),
            (9, 9, 40),
            (5, 10, 20),
            (1, 1_000_000, 2),
            (u64::MAX, u64::MAX, 40),
        ] {
            assert_eq!(height(value, highest), high, "{value} of {highest}");
        }
    }

    #[test]
    fn words_stay_words_and_nothing_is_inline() {
        let mut trend = Trend::new("\"><script>");
        trend.push("<b>", 3);
        let text = trend.render().into_string();
        assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
        assert!(!text.contains("style"), "{text}");
    }
}
