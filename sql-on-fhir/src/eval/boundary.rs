use rust_decimal::Decimal;

use super::temporal::Moment;
use super::{Evaluator, Value};
use crate::Misfit;
use crate::compile::{Class, Type, number};

/// Digits behind the point of a boundary, unless told otherwise.
const DIGITS: u32 = 8;

impl<'a> Evaluator<'a> {
    /// Puts the least or greatest value on the stack that a value may stand for, given how precisely it is written.
    pub(super) fn boundary(
        &mut self,
        value: Value<'a>,
        high: bool,
        precision: Option<Decimal>,
        known: Type,
    ) -> Result<(), Misfit> {
        let digits = match precision.map(u32::try_from) {
            None => None,
            Some(Ok(digits)) => Some(digits),
            Some(Err(_)) => return Ok(()),
        };
        let Some(text) = self.text(value).map(std::borrow::Cow::into_owned) else {
            return Ok(());
        };
        let class = match (value, known.class()) {
            (Value::Text(_, class) | Value::Made(_, _, class), _) => Some(class),
            (_, class) => class,
        };
        let numeric = matches!(value, Value::Number(..)) || class.is_some_and(Class::is_number);
        let decimal = number(&text);
        if let Some(decimal) = decimal.filter(|_| numeric || class.is_none() && !is_year(&text)) {
            let whole = matches!(value, Value::Number(_, true)) || class == Some(Class::Integer);
            let result = decimal_boundary(decimal, high, whole, digits);
            self.stack
                .extend(result.map(|number| Value::Number(number, false)));
            return Ok(());
        }
        let made = match class {
            Some(Class::Time) => Moment::time(&text)
                .and_then(|time| time.time_boundary(high, digits.unwrap_or(9) as usize))
                .map(|text| (text, Class::Time)),
            Some(Class::Date) => Moment::date_time(&text)
                .and_then(|date| date.date_boundary(high, digits.unwrap_or(8) as usize))
                .map(|text| (text, Class::Date)),
            Some(Class::DateTime) | None => match Moment::date_time(&text) {
                Some(moment) => moment
                    .date_time_boundary(high, digits.unwrap_or(17) as usize)
                    .map(|text| (text, Class::DateTime)),
                None => Moment::time(&text)
                    .and_then(|time| time.time_boundary(high, digits.unwrap_or(9) as usize))
                    .map(|text| (text, Class::Time)),
            },
            _ => None,
        };
        if let Some((text, class)) = made {
            let made = self.make(text, class)?;
            self.stack.push(made);
        }
        Ok(())
    }
}

/// Whether a text may be a year as well as a number.
fn is_year(text: &str) -> bool {
    text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Half a unit of the last digit written below or above. A decimal written without a point is precise to one digit behind
/// it, since an element cannot show more; an integer is precise to the unit.
fn decimal_boundary(value: Decimal, high: bool, whole: bool, digits: Option<u32>) -> Option<Decimal> {
    let scale = if whole { 0 } else { value.scale().max(1) };
    let half = Decimal::try_new(5, scale + 1).ok()?;
    let exact = if high {
        value.checked_add(half)?
    } else {
        value.checked_sub(half)?
    };
    let digits = digits.unwrap_or(DIGITS);
    if digits > 28 {
        return None;
    }
    if digits >= exact.scale() {
        return Some(exact.normalize());
    }
    // Away from zero the last digit is rounded, towards it the rest is dropped, as the official tests have it.
    let strategy = if high == exact.is_sign_positive() {
        rust_decimal::RoundingStrategy::MidpointAwayFromZero
    } else {
        rust_decimal::RoundingStrategy::ToZero
    };
    Some(exact.round_dp_with_strategy(digits, strategy).normalize())
}
