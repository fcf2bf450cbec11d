//! Quantiles by linear interpolation, as pandas and numpy compute them by default.

/// The quantiles a profile keeps, in ascending order.
pub const QUANTILES: [f64; 13] = [
    0.001, 0.01, 0.05, 0.1, 0.25, 0.4, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.999,
];

/// The quantile `q` (0 to 1) of ascending numbers; `None` without numbers.
///
/// Between two numbers it lies where `q` lies between their ranks, the "linear" method of pandas and numpy.
#[must_use]
pub fn quantile(sorted: &[f64], q: f64) -> Option<f64> {
    interpolated(sorted.len(), q, |rank| sorted.get(rank).copied())
}

/// The same over `count` ranks that a function gives the numbers of, the smallest at rank 0.
pub(crate) fn interpolated(count: usize, q: f64, number: impl Fn(usize) -> Option<f64>) -> Option<f64> {
    let last = count.checked_sub(1)?;
    #[expect(clippy::cast_precision_loss, reason = "ranks stay far below 2^53")]
    let at = q.clamp(0.0, 1.0) * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the last rank"
    )]
    let low = at.floor() as usize;
    let fraction = at - at.floor();
    let (a, b) = (number(low)?, number((low + 1).min(last))?);
    // Numpy's way round: from the nearer end, so that the last digits are the same.
    Some(if fraction < 0.5 {
        a + (b - a) * fraction
    } else {
        b - (b - a) * (1.0 - fraction)
    })
}

/// How many times larger the larger of two numbers is; `None` where they cannot be compared: one is not above zero.
#[must_use]
pub fn ratio(a: f64, b: f64) -> Option<f64> {
    let comparable = a.is_finite() && b.is_finite() && a > 0.0 && b > 0.0;
    comparable.then(|| (a / b).max(b / a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_what_numpy_says() {
        let numbers = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [
            (0.0, 1.0),
            (0.1, 1.3),
            (0.5, 3.0),
            (0.75, 5.0),
            (0.9, 6.8),
            (1.0, 8.0),
        ] {
            let found = quantile(&numbers, q).unwrap();
            assert!((found - expected).abs() < 1e-12, "{q}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[7.0], 0.999), Some(7.0));
    }

    #[test]
    fn ratios_are_symmetric_and_need_two_numbers_above_zero() {
        assert_eq!((ratio(130.0, 13.0), ratio(13.0, 130.0)), (Some(10.0), Some(10.0)));
        for (a, b) in [(0.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)] {
            assert_eq!(ratio(a, b), None);
        }
    }
}
