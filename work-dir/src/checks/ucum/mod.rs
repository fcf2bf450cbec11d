//! The Unified Code for Units of Measure: whether a text is a unit. Source: <https://ucum.org/ucum>, grammar of § 7.

mod atoms;
mod convert;

pub use convert::{Conversion, convert};

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

/// Why a text is no unit of UCUM. It does not hold the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where, in characters counted from 1.
    pub at: usize,
}

/// What is wrong with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Nothing where a unit was expected.
    Missing,
    /// No prefix and atom of UCUM, which tells upper from lower case.
    Unknown,
    /// A character that UCUM does not use outside of `{}`: a blank or one beyond ASCII.
    Character,
    /// A bracket that is not closed, or was not opened.
    Bracket,
    /// Something behind the end of a unit.
    Rest,
    /// Brackets in brackets, deeper than any unit needs.
    Deep,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            FaultKind::Missing => "a unit is missing",
            FaultKind::Unknown => "no prefix and unit of UCUM",
            FaultKind::Character => "a character that UCUM does not use",
            FaultKind::Bracket => "a bracket without its partner",
            FaultKind::Rest => "something behind the end of the unit",
            FaultKind::Deep => "too many brackets",
        };
        write!(f, "{what} (character {})", self.at)
    }
}

/// Brackets in brackets.
const DEPTH: usize = 16;

/// Checks a unit.
///
/// # Errors
/// The first fault and where it stands.
pub fn check(unit: &str) -> Result<(), Fault> {
    let mut parser = Parser {
        text: unit.as_bytes(),
        at: 0,
    };
    let checked = parser.main_term();
    checked.map_err(|(kind, byte)| Fault {
        kind,
        at: unit.char_indices().take_while(|(i, _)| *i < byte).count() + 1,
    })
}

/// The unit of UCUM that somebody meant, where it can be guessed.
#[must_use]
pub fn meant(unit: &str) -> Option<String> {
    let unit = unit.trim();
    let known = atoms::MEANT.iter().find(|(written, _)| *written == unit);
    if let Some((_, meant)) = known {
        return Some((*meant).to_owned());
    }
    let plain: String = unit
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| match c {
            'µ' | 'μ' => 'u',
            '²' => '2',
            '³' => '3',
            '·' | '*' => '.',
            c => c,
        })
        .collect();
    let candidates = [
        plain
            .replace("10.", "10*")
            .replace("x10E", "10*")
            .replace("10E", "10*"),
        plain
            .replace("/ml", "/mL")
            .replace("/dl", "/dL")
            .replace("/l", "/L"),
        plain
            .replace("/ML", "/mL")
            .replace("/DL", "/dL")
            .replace("MG", "mg")
            .replace("Mmol", "mmol"),
        plain.to_lowercase(),
        plain
            .to_lowercase()
            .replace("/l", "/L")
            .replace("/dl", "/dL")
            .replace("/ml", "/mL"),
    ];
    candidates.into_iter().find(|c| c != unit && check(c).is_ok())
}

/// The kind of fault and the byte it stands at.
type Parsed = Result<(), (FaultKind, usize)>;

struct Parser<'u> {
    text: &'u [u8],
    at: usize,
}

impl Parser<'_> {
    fn main_term(&mut self) -> Parsed {
        self.term(0)?;
        match self.peek() {
            None => Ok(()),
            Some(b')') => Err((FaultKind::Bracket, self.at)),
            Some(_) => Err((self.fault_here(FaultKind::Rest), self.at)),
        }
    }

    /// `/ component`, or components with `.` or `/` between them.
    fn term(&mut self, depth: usize) -> Parsed {
        if depth > DEPTH {
            return Err((FaultKind::Deep, self.at));
        }
        if self.peek() == Some(b'/') {
            self.at += 1;
        }
        self.component(depth)?;
        while matches!(self.peek(), Some(b'.' | b'/')) {
            self.at += 1;
            self.component(depth)?;
        }
        Ok(())
    }

    /// A term in brackets, an annotation, a factor, or a unit with exponent and annotation.
    fn component(&mut self, depth: usize) -> Parsed {
        match self.peek() {
            None => Err((FaultKind::Missing, self.at)),
            Some(b'(') => {
                let open = self.at;
                self.at += 1;
                self.term(depth + 1)?;
                if self.peek() != Some(b')') {
                    let kind = self.fault_here(FaultKind::Bracket);
                    return Err((kind, if kind == FaultKind::Bracket { open } else { self.at }));
                }
                self.at += 1;
                Ok(())
            }
            Some(b'{') => self.annotation(),
            Some(b'.' | b'/' | b')') => Err((FaultKind::Missing, self.at)),
            Some(_) => {
                self.unit_or_factor()?;
                if self.peek() == Some(b'{') {
                    self.annotation()?;
                }
                Ok(())
            }
        }
    }

    /// A whole number, or prefix, atom and exponent: the longest run of characters that can be one.
    fn unit_or_factor(&mut self) -> Parsed {
        let begin = self.at;
        let end = self.run()?;
        let run = &self.text[begin..end];
        if run.iter().all(u8::is_ascii_digit) {
            self.at = end;
            return Ok(());
        }
        let digits = run.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let mut head = end - digits;
        if digits > 0 && head > begin && matches!(self.text[head - 1], b'+' | b'-') {
            head -= 1;
        }
        // An atom may end with digits itself; no simple one does, so the shorter reading comes first.
        for unit in [&self.text[begin..head], run] {
            if std::str::from_utf8(unit).is_ok_and(is_simple_unit) {
                self.at = end;
                return Ok(());
            }
        }
        let odd = run.iter().position(|b| !b.is_ascii_graphic());
        match odd {
            Some(odd) => Err((FaultKind::Character, begin + odd)),
            None => Err((FaultKind::Unknown, begin)),
        }
    }

    /// The end of a unit: characters in square brackets belong to it whatever they are.
    fn run(&self) -> Result<usize, (FaultKind, usize)> {
        let mut at = self.at;
        while let Some(&byte) = self.text.get(at) {
            match byte {
                b'[' => match self.text[at..].iter().position(|b| *b == b']') {
                    Some(length) => at += length + 1,
                    None => return Err((FaultKind::Bracket, at)),
                },
                b']' | b'}' => return Err((FaultKind::Bracket, at)),
                b'.' | b'/' | b'(' | b')' | b'{' => break,
                _ => at += 1,
            }
        }
        Ok(at)
    }

    fn annotation(&mut self) -> Parsed {
        let open = self.at;
        for (i, byte) in self.text[open + 1..].iter().enumerate() {
            match byte {
                b'}' => {
                    self.at = open + i + 2;
                    return Ok(());
                }
                b'{' => return Err((FaultKind::Bracket, open)),
                b if b.is_ascii_graphic() || *b == b' ' => {}
                _ => return Err((FaultKind::Character, open + 1 + i)),
            }
        }
        Err((FaultKind::Bracket, open))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// A character UCUM does not use is named before anything else.
    fn fault_here(&self, otherwise: FaultKind) -> FaultKind {
        match self.peek() {
            Some(byte) if !byte.is_ascii_graphic() => FaultKind::Character,
            _ => otherwise,
        }
    }
}

/// Whether a text is an atom, or a prefix and a metric atom.
fn is_simple_unit(unit: &str) -> bool {
    static ATOMS: OnceLock<HashMap<&str, bool>> = OnceLock::new();
    let atoms = ATOMS.get_or_init(|| {
        let plain = atoms::PLAIN.split_whitespace().map(|atom| (atom, false));
        let metric = atoms::METRIC.split_whitespace().map(|atom| (atom, true));
        plain.chain(metric).collect()
    });
    let prefixed = |prefix: &&str| {
        let atom = unit.strip_prefix(prefix);
        atom.is_some_and(|atom| atoms.get(atom) == Some(&true))
    };
    atoms.contains_key(unit) || atoms::PREFIXES.iter().any(prefixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_hospitals_are_units() {
        for unit in [
            "g/dL",
            "mmol/L",
            "mmol/l",
            "/min",
            "1",
            "%",
            "Cel",
            "mm[Hg]",
            "cm[H2O]",
            "kg/m2",
            "10*3/uL",
            "10^9/L",
            "10*-6",
            "[IU]/L",
            "m[IU]/L",
            "u[IU]/mL",
            "U/L",
            "ug/kg/h",
            "mL/min/{1.73_m2}",
            "mL/min/1.73/m2",
            "{INR}",
            "{score}",
            "a",
            "mo",
            "wk",
            "d",
            "h",
            "min",
            "s",
            "ms",
            "[pH]",
            "mosm/kg",
            "meq/L",
            "kPa",
            "L/min",
            "mg/(24.h)",
            "g.m-2",
            "m+2",
            "[lb_av]",
            "[degF]",
            "dag",
            "kcal",
            "[drp]",
            "ng/mL{FEU}",
            "/(100.{WBC})",
            "10*",
            "mol/m3",
            "mg/g{creat}",
            "[arb'U]/mL",
            "%{saturation}",
            "dB",
            "Ohm",
            "[in_i]",
        ] {
            assert_eq!(check(unit), Ok(()), "{unit}");
        }
    }

    #[test]
    fn other_texts_are_not_and_the_place_is_said() {
        for (unit, kind, at) in [
            ("", FaultKind::Missing, 1),
            ("mg/", FaultKind::Missing, 4),
            ("mg//dL", FaultKind::Missing, 4),
            ("MMOL/L", FaultKind::Unknown, 1),
            ("mg/DL", FaultKind::Unknown, 4),
            ("mmHg", FaultKind::Unknown, 1),
            ("kmin", FaultKind::Unknown, 1),
            ("IU/L", FaultKind::Unknown, 1),
            ("°C", FaultKind::Character, 1),
            ("mg/µL", FaultKind::Character, 4),
            ("m g", FaultKind::Character, 2),
            ("g/dL ", FaultKind::Character, 5),
            ("mm[Hg", FaultKind::Bracket, 3),
            ("mg/(kg.h", FaultKind::Bracket, 4),
            ("mg)", FaultKind::Bracket, 3),
            ("{score", FaultKind::Bracket, 1),
            ("{Grad°}", FaultKind::Character, 6),
            ("m(s)", FaultKind::Rest, 2),
            ("kg/m²", FaultKind::Character, 5),
        ] {
            assert_eq!(check(unit), Err(Fault { kind, at }), "{unit}");
        }
        let deep = format!("{}m{}", "(".repeat(100), ")".repeat(100));
        assert_eq!(check(&deep).unwrap_err().kind, FaultKind::Deep);
    }

    #[test]
    fn what_was_meant_is_a_unit() {
        for (_, meant) in atoms::MEANT {
            assert_eq!(check(meant), Ok(()), "{meant}");
        }
        for (unit, expected) in [
            ("°C", Some("Cel")),
            ("mg/DL", Some("mg/dL")),
            ("µmol/l", Some("umol/l")),
            ("MG/dL", Some("mg/dL")),
            ("mmol / L", Some("mmol/L")),
            ("qwxq", None),
        ] {
            assert_eq!(meant(unit).as_deref(), expected, "{unit}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        for a in [
            "", "m", "[", "]", "{", "}", "(", ")", "/", ".", "2", "-", "é", " ", "10*",
        ] {
            for b in [
                "", "m", "[", "]", "{", "}", "(", ")", "/", ".", "2", "-", "é", " ",
            ] {
                for c in ["", "m", "]", "}", ")", "2", "ü"] {
                    let _ = check(&format!("{a}{b}{c}"));
                    let _ = meant(&format!("{a}{b}{c}"));
                }
            }
        }
    }
}
