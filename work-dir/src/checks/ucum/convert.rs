//! Conversion between units of UCUM that laboratories and wards use: factors of base units, mass and amount of a substance.
//!
//! Only units whose relation is a factor (or, for temperatures, a factor and a shift) are converted. Arbitrary units such as
//! `[IU]` convert to themselves only. Source of the factors: <https://ucum.org/ucum>, version 2.1.

use super::check;

/// Powers of: metre, second, gram, mole, kelvin, international unit, enzyme unit, hydrogen exponent.
type Dimension = [i8; 8];

/// A unit as a factor of its base units.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scale {
    factor: f64,
    dimension: Dimension,
}

/// How a number of one unit becomes one of another: `number * factor + shift`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Conversion {
    /// Factor.
    pub factor: f64,
    /// What is added after that.
    pub shift: f64,
}

impl Conversion {
    /// Whether a number stays as it is.
    #[must_use]
    pub fn is_identity(self) -> bool {
        (self.factor - 1.0).abs() < f64::EPSILON && self.shift == 0.0
    }

    /// The number in the other unit; the same digits where the units are the same.
    #[must_use]
    pub fn of(self, number: f64) -> f64 {
        if self.is_identity() {
            return number;
        }
        // Factors like 0.1 have no exact form; what differs from the textbook's result in the last digits is cut.
        let converted = number * self.factor + self.shift;
        let digits = 12.0 - converted.abs().log10().ceil().clamp(-20.0, 20.0);
        #[expect(clippy::cast_possible_truncation, reason = "between -8 and 32")]
        let scale = 10_f64.powi(digits as i32);
        if converted == 0.0 || !scale.is_finite() {
            converted
        } else {
            (converted * scale).round() / scale
        }
    }
}

/// The conversion from one unit to another; `molar` is the mass of a mole in grams, where it may lead from mass to amount.
///
/// `None` for what cannot be converted: another quantity, a unit that is no UCUM, or one this table does not know.
#[must_use]
pub fn convert(from: &str, to: &str, molar: Option<f64>) -> Option<Conversion> {
    if from == to {
        return Some(Conversion {
            factor: 1.0,
            shift: 0.0,
        });
    }
    if let (Some(a), Some(b)) = (temperature(from), temperature(to)) {
        // Each is kelvin = number * factor + shift.
        return Some(Conversion {
            factor: a.factor / b.factor,
            shift: (a.shift - b.shift) / b.factor,
        });
    }
    let (a, b) = (scale(from)?, scale(to)?);
    let mut factor = a.factor / b.factor;
    if a.dimension != b.dimension {
        // Grams to moles or back, in the first power.
        let molar = molar?;
        let mut moved = a.dimension;
        let grams = a.dimension[2] - b.dimension[2];
        if grams.abs() != 1 {
            return None;
        }
        moved[2] -= grams;
        moved[3] += grams;
        if moved != b.dimension {
            return None;
        }
        factor *= if grams == 1 { 1.0 / molar } else { molar };
    }
    Some(Conversion { factor, shift: 0.0 })
}

fn temperature(unit: &str) -> Option<Conversion> {
    let (factor, shift) = match unit {
        "K" => (1.0, 0.0),
        "Cel" => (1.0, 273.15),
        "[degF]" => (5.0 / 9.0, 459.67 * 5.0 / 9.0),
        _ => return None,
    };
    Some(Conversion { factor, shift })
}

/// A unit as a factor of base units.
fn scale(unit: &str) -> Option<Scale> {
    check(unit).ok()?;
    let mut reader = Reader { rest: unit };
    let scale = reader.term(0)?;
    reader.rest.is_empty().then_some(scale)
}

/// Reads a unit that has been checked.
struct Reader<'u> {
    rest: &'u str,
}

const ONE: Scale = Scale {
    factor: 1.0,
    dimension: [0; 8],
};

impl Scale {
    fn power(self, exponent: i8) -> Self {
        Self {
            factor: self.factor.powi(i32::from(exponent)),
            dimension: self.dimension.map(|d| d.saturating_mul(exponent)),
        }
    }

    fn times(self, other: Self) -> Self {
        let mut dimension = self.dimension;
        dimension
            .iter_mut()
            .zip(other.dimension)
            .for_each(|(d, o)| *d = d.saturating_add(o));
        Self {
            factor: self.factor * other.factor,
            dimension,
        }
    }
}

impl Reader<'_> {
    fn term(&mut self, depth: usize) -> Option<Scale> {
        let mut product = ONE;
        let mut sign = 1;
        if depth > 16 {
            return None;
        }
        if let Some(rest) = self.rest.strip_prefix('/') {
            self.rest = rest;
            sign = -1;
        }
        loop {
            product = product.times(self.component(depth)?.power(sign));
            let mut chars = self.rest.chars();
            sign = match chars.next() {
                Some('.') => 1,
                Some('/') => -1,
                _ => return Some(product),
            };
            self.rest = chars.as_str();
        }
    }

    fn component(&mut self, depth: usize) -> Option<Scale> {
        if let Some(rest) = self.rest.strip_prefix('(') {
            self.rest = rest;
            let inner = self.term(depth + 1)?;
            self.rest = self.rest.strip_prefix(')')?;
            return Some(inner);
        }
        let mut end = 0;
        let bytes = self.rest.as_bytes();
        while let Some(byte) = bytes.get(end) {
            match byte {
                b'.' | b'/' | b')' | b'(' | b'{' => break,
                b'[' => end += self.rest.get(end..)?.find(']')? + 1,
                _ => end += 1,
            }
        }
        let (unit, rest) = self.rest.split_at_checked(end)?;
        self.rest = match rest.strip_prefix('{') {
            Some(annotated) => annotated.split_once('}')?.1,
            None => rest,
        };
        if unit.is_empty() { Some(ONE) } else { simple(unit) }
    }
}

/// Prefix, atom and exponent, or a number.
fn simple(text: &str) -> Option<Scale> {
    if let Ok(number) = text.parse::<u32>() {
        return Some(Scale {
            factor: f64::from(number),
            ..ONE
        });
    }
    for power in ["10*", "10^"] {
        if let Some(exponent) = text.strip_prefix(power) {
            let exponent: i32 = if exponent.is_empty() {
                1
            } else {
                exponent.parse().ok()?
            };
            return Some(Scale {
                factor: 10_f64.powi(exponent),
                ..ONE
            });
        }
    }
    let head = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let head = head
        .strip_suffix(['+', '-'])
        .filter(|_| head.len() < text.len())
        .unwrap_or(head);
    let exponent: i8 = if head.len() == text.len() {
        1
    } else {
        text.get(head.len()..)?.parse().ok()?
    };
    let found = atom(head).or_else(|| {
        PREFIXES.iter().find_map(|&(prefix, factor)| {
            let scale = atom(head.strip_prefix(prefix)?).filter(|_| is_metric(head.strip_prefix(prefix)))?;
            Some(Scale {
                factor: scale.factor * factor,
                ..scale
            })
        })
    })?;
    Some(found.power(exponent))
}

const PREFIXES: [(&str, f64); 13] = [
    ("da", 1e1),
    ("G", 1e9),
    ("M", 1e6),
    ("k", 1e3),
    ("h", 1e2),
    ("d", 1e-1),
    ("c", 1e-2),
    ("m", 1e-3),
    ("u", 1e-6),
    ("n", 1e-9),
    ("p", 1e-12),
    ("f", 1e-15),
    ("a", 1e-18),
];

fn is_metric(atom: Option<&str>) -> bool {
    !matches!(
        atom,
        Some("min" | "h" | "d" | "wk" | "mo" | "a" | "%" | "[psi]" | "[lb_av]" | "[in_i]" | "[pH]")
    )
}

fn atom(name: &str) -> Option<Scale> {
    let scale = |factor, dimension| Some(Scale { factor, dimension });
    match name {
        "m" => scale(1.0, [1, 0, 0, 0, 0, 0, 0, 0]),
        "s" => scale(1.0, [0, 1, 0, 0, 0, 0, 0, 0]),
        "min" => scale(60.0, [0, 1, 0, 0, 0, 0, 0, 0]),
        "h" => scale(3_600.0, [0, 1, 0, 0, 0, 0, 0, 0]),
        "d" => scale(86_400.0, [0, 1, 0, 0, 0, 0, 0, 0]),
        "wk" => scale(604_800.0, [0, 1, 0, 0, 0, 0, 0, 0]),
        "Hz" => scale(1.0, [0, -1, 0, 0, 0, 0, 0, 0]),
        "g" => scale(1.0, [0, 0, 1, 0, 0, 0, 0, 0]),
        "[lb_av]" => scale(453.592_37, [0, 0, 1, 0, 0, 0, 0, 0]),
        "[in_i]" => scale(0.025_4, [1, 0, 0, 0, 0, 0, 0, 0]),
        "mol" | "eq" | "osm" => scale(1.0, [0, 0, 0, 1, 0, 0, 0, 0]),
        "K" | "Cel" => scale(1.0, [0, 0, 0, 0, 1, 0, 0, 0]),
        "l" | "L" => scale(1e-3, [3, 0, 0, 0, 0, 0, 0, 0]),
        "Pa" => scale(1e3, [-1, -2, 1, 0, 0, 0, 0, 0]),
        "bar" => scale(1e8, [-1, -2, 1, 0, 0, 0, 0, 0]),
        "m[Hg]" => scale(133_322_000.0, [-1, -2, 1, 0, 0, 0, 0, 0]),
        "m[H2O]" => scale(9_806_650.0, [-1, -2, 1, 0, 0, 0, 0, 0]),
        "[iU]" | "[IU]" => scale(1.0, [0, 0, 0, 0, 0, 1, 0, 0]),
        // A unit is a micromole a minute, a katal a mole a second.
        "U" => scale(1.0, [0, 0, 0, 0, 0, 0, 1, 0]),
        "kat" => scale(6e7, [0, 0, 0, 0, 0, 0, 1, 0]),
        "[pH]" => scale(1.0, [0, 0, 0, 0, 0, 0, 0, 1]),
        "%" => scale(1e-2, [0; 8]),
        "[ppth]" => scale(1e-3, [0; 8]),
        "[ppm]" => scale(1e-6, [0; 8]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn laboratory_units_are_converted_as_the_textbook_does() {
        for (number, from, molar, expected, to) in [
            (140.0, "g/L", None, 14.0, "g/dL"),
            (8.7, "mmol/L", Some(16_114.5), 14.019_615, "g/dL"),
            (1.0, "mg/dL", Some(113.12), 88.401_697_312_6, "umol/L"),
            (88.4, "umol/L", Some(113.12), 0.999_980_8, "mg/dL"),
            (5.5, "mmol/L", Some(180.156), 99.085_8, "mg/dL"),
            (7.2, "10*9/L", None, 7.2, "10*3/uL"),
            (7200.0, "/uL", None, 7.2, "10*3/uL"),
            (4.5, "10*12/L", None, 4.5, "10*6/uL"),
            (38.0, "Cel", None, 311.15, "K"),
            (98.6, "[degF]", None, 37.0, "Cel"),
            (0.42, "L/L", None, 42.0, "%"),
            (16.0, "kPa", None, 120.010_201, "mm[Hg]"),
            (1.0, "ukat/L", None, 60.0, "U/L"),
            (72.0, "{beats}/min", None, 72.0, "/min"),
            (1.8, "m", None, 180.0, "cm"),
            (2.5, "m[IU]/L", None, 2.5, "u[IU]/mL"),
            (1.2, "{INR}", None, 1.2, "1"),
        ] {
            let found = convert(from, to, molar).map(|c| c.of(number));
            let found = found.unwrap_or_else(|| panic!("{from} to {to}"));
            assert!(
                (found / expected - 1.0).abs() < 1e-6,
                "{number} {from}: {found} and not {expected} {to}"
            );
        }
        for (from, to, molar) in [
            ("g/dL", "mmol/L", None),
            ("mg/dL", "s", Some(100.0)),
            ("[IU]/L", "U/L", None),
            ("mg/dl.", "mg/dL", None),
            ("Stück", "1", None),
            ("mg", "mmol/L", Some(100.0)),
        ] {
            assert_eq!(convert(from, to, molar), None, "{from} to {to}");
        }
    }

    #[test]
    fn the_same_unit_keeps_every_digit_and_a_factor_adds_none() {
        let same = convert("g/dL", "g/dL", None).unwrap();
        assert_eq!(
            same.of(14.123_456_789_012_345).to_bits(),
            14.123_456_789_012_345_f64.to_bits()
        );
        let tenth = convert("g/L", "g/dL", None).unwrap();
        assert_eq!(tenth.of(147.0).to_string(), "14.7");
        assert_eq!(tenth.of(0.0).to_string(), "0");
    }
}
