use super::quantile::{QUANTILES, interpolated};
use super::shape::{Bin, Numbers};
use super::tally::Tally;

/// Bars of a histogram, about.
const BARS: f64 = 24.0;

/// A finite number with the patient it belongs to and its group, 0 for none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) value: f64,
    pub(crate) patient: u32,
    pub(crate) group: u32,
}

/// The distribution of numbers, which are put in order.
pub(crate) fn distribution(samples: &mut [Sample]) -> Numbers {
    samples.sort_unstable_by(|a, b| a.value.total_cmp(&b.value));
    of_sorted(samples)
}

/// Puts ascending numbers in order of their groups, which keep the order of their numbers.
pub(crate) fn by_group(sorted: &[Sample], groups: usize) -> Vec<Sample> {
    let mut starts = vec![0_usize; groups + 2];
    for sample in sorted {
        starts[sample.group as usize + 1] += 1;
    }
    for group in 1..starts.len() {
        starts[group] += starts[group - 1];
    }
    let nothing = Sample {
        value: 0.0,
        patient: 0,
        group: 0,
    };
    let mut placed = vec![nothing; sorted.len()];
    for sample in sorted {
        let place = &mut starts[sample.group as usize];
        placed[*place] = *sample;
        *place += 1;
    }
    placed
}

/// The distribution of ascending numbers.
pub(crate) fn of_sorted(samples: &[Sample]) -> Numbers {
    let at = |q| interpolated(samples.len(), q, |rank| samples.get(rank).map(|s| s.value));
    let quantiles: Vec<(f64, f64)> = QUANTILES.iter().filter_map(|&q| Some((q, at(q)?))).collect();
    let mut numbers = Numbers {
        count: count(samples),
        quantiles,
        ..Numbers::default()
    };
    let (Some(low), Some(high)) = (at(0.01), at(0.99)) else {
        return numbers;
    };
    let edges = edges(low, high);
    let mut rest = samples;
    let (first, last) = (edges[0], edges[edges.len() - 1]);
    numbers.below = count(take(&mut rest, |n| n < first));
    for (i, pair) in edges.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let is_last = i + 2 == edges.len();
        let inside = take(&mut rest, |n| n < to || (is_last && n <= last));
        numbers.bins.push(Bin {
            from,
            to,
            count: count(inside),
        });
    }
    numbers.above = count(rest);
    numbers
}

fn count(samples: &[Sample]) -> super::tally::Count {
    let mut tally = Tally::default();
    samples.iter().for_each(|sample| tally.add(sample.patient));
    tally.count()
}

/// Cuts the leading numbers off that a condition holds for.
fn take<'s>(rest: &mut &'s [Sample], inside: impl Fn(f64) -> bool) -> &'s [Sample] {
    let (head, tail) = rest.split_at(rest.partition_point(|sample| inside(sample.value)));
    *rest = tail;
    head
}

/// Round edges of bars of equal width from about `low` to about `high`; at least two.
fn edges(low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !(span > 0.0 && span.is_finite()) {
        let half = if low == 0.0 { 0.5 } else { low.abs() / 20.0 };
        return vec![low - half, low + half];
    }
    let raw = span / BARS;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|s| s * power)
        .find(|s| *s >= raw)
        .unwrap_or(raw);
    let first = (low / step).floor();
    let bars = ((high / step).floor() - first + 1.0).clamp(1.0, 4.0 * BARS);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and a hundred"
    )]
    let bars = bars as u32;
    (0..=bars).map(|i| (first + f64::from(i)) * step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(values: impl IntoIterator<Item = f64>) -> Vec<Sample> {
        let sample = |(value, patient)| Sample {
            value,
            patient,
            group: 0,
        };
        values.into_iter().zip(0..).map(sample).collect()
    }

    #[test]
    fn every_number_is_in_one_place() {
        let values = (0..1_000_u32).map(|i| f64::from(i * 7919 % 1_000) / 10.0);
        let numbers = distribution(&mut samples(values));
        let inside: u64 = numbers.bins.iter().map(|b| b.count.rows).sum();
        assert_eq!(numbers.below.rows + inside + numbers.above.rows, 1_000);
        assert!((20..=30).contains(&numbers.bins.len()), "{}", numbers.bins.len());
        assert_eq!(numbers.at(0.5), Some(49.95));
        let widths: Vec<f64> = numbers.bins.iter().map(|b| b.to - b.from).collect();
        assert!(widths.iter().all(|w| (w - widths[0]).abs() < 1e-9));
    }

    #[test]
    fn one_number_or_none_or_extreme_ones_have_edges_too() {
        assert!(distribution(&mut []).bins.is_empty());
        for n in [0.0, -3.0, 5.0, 1e300, 1e-300] {
            let numbers = distribution(&mut samples([n; 3]));
            assert_eq!(numbers.bins.iter().map(|b| b.count.rows).sum::<u64>(), 3, "{n}");
        }
        let numbers = distribution(&mut samples([f64::MIN, 0.0, f64::MAX]));
        let inside: u64 = numbers.bins.iter().map(|b| b.count.rows).sum();
        assert_eq!(inside + numbers.below.rows + numbers.above.rows, 3);
    }
}
