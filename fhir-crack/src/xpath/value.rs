use std::borrow::Cow;

use super::Comparison;

/// What an expression in a predicate comes to.
pub(crate) enum Value<'t> {
    /// The values of what a path leads to.
    Values(Vec<&'t str>),
    Text(String),
    Number(f64),
    Truth(bool),
}

impl Value<'_> {
    /// Whether a predicate with this value keeps the element at `place`: a number is a position.
    pub(crate) fn holds_at(&self, place: usize) -> bool {
        match self {
            Self::Number(number) => *number == place as f64,
            other => other.truth(),
        }
    }

    pub(crate) fn truth(&self) -> bool {
        match self {
            Self::Values(values) => !values.is_empty(),
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::Truth(truth) => *truth,
        }
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Values(values) => Cow::Borrowed(values.first().copied().unwrap_or_default()),
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Truth(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        }
    }

    fn number(&self) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Truth(truth) => f64::from(u8::from(*truth)),
            other => number(&other.text()),
        }
    }

    /// Compares as XPath has it: a set of values compares true if any of them does.
    ///
    /// Source: <https://www.w3.org/TR/1999/REC-xpath-19991116/#booleans>.
    pub(crate) fn compare(&self, comparison: Comparison, other: &Self) -> bool {
        match (self, other) {
            (Self::Truth(_), _) | (_, Self::Truth(_)) => numbers(
                comparison,
                f64::from(u8::from(self.truth())),
                f64::from(u8::from(other.truth())),
            ),
            (Self::Values(values), _) => values
                .iter()
                .any(|v| other.compare_text(comparison.mirrored(), v)),
            (_, Self::Values(values)) => values.iter().any(|v| self.compare_text(comparison, v)),
            (Self::Text(a), Self::Text(b)) => texts(comparison, a, b),
            _ => numbers(comparison, self.number(), other.number()),
        }
    }

    /// Compares with one value of a set, which stands on the right.
    fn compare_text(&self, comparison: Comparison, value: &str) -> bool {
        match self {
            Self::Values(values) => values.iter().any(|v| texts(comparison, v, value)),
            Self::Text(text) => texts(comparison, text, value),
            other => numbers(comparison, other.number(), number(value)),
        }
    }
}

impl Comparison {
    /// The comparison with its sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            same => same,
        }
    }
}

/// Only equality compares texts; order is that of numbers.
fn texts(comparison: Comparison, a: &str, b: &str) -> bool {
    match comparison {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        other => numbers(other, number(a), number(b)),
    }
}

fn numbers(comparison: Comparison, a: f64, b: f64) -> bool {
    match comparison {
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
    }
}

/// A text as XPath reads numbers: digits with a point and a minus sign, nothing else.
fn number(text: &str) -> f64 {
    let text = text.trim_ascii();
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    if plain {
        text.parse().unwrap_or(f64::NAN)
    } else {
        f64::NAN
    }
}
