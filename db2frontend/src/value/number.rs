//! Numbers as people and servers write them.

/// The same number with a point, where the text has one decimal comma and no point.
pub(super) fn with_point(text: &str) -> std::borrow::Cow<'_, str> {
    let is_comma = text.matches(',').count() == 1 && !text.contains('.');
    if is_comma {
        text.replace(',', ".").into()
    } else {
        text.into()
    }
}

/// A decimal as the shortest text that reads back the same, without an exponent.
pub(super) fn shortest(value: f64) -> String {
    // Zero has no sign here: the hub tells -0 from 0, nobody else does.
    let value = if value == 0.0 { 0.0 } else { value };
    value.to_string()
}

/// The same for a decimal that is written some other way.
pub(crate) fn plain_decimal(text: &str) -> Option<String> {
    text.parse().ok().map(shortest)
}
