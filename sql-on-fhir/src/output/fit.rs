use crate::compile::{Class, number};
use crate::eval::temporal::Moment;

use super::{ColumnType, SqlType};

impl ColumnType {
    /// Whether every text is a value of the column's type.
    pub(super) fn is_free(self) -> bool {
        let class = matches!(self.class, Some(Class::Boolean | Class::Integer | Class::Decimal));
        !class && matches!(self.sql, SqlType::Text | SqlType::Binary)
    }

    /// Whether a text is a value of the column's type. Dates that are not precise enough for the type of SQL are not.
    pub(crate) fn fits(self, text: &str) -> bool {
        let class = match self.class {
            Some(Class::Boolean) => matches!(text, "true" | "false"),
            Some(Class::Integer) => is_integer(text),
            Some(Class::Decimal) => number(text).is_some(),
            _ => true,
        };
        class
            && match self.sql {
                SqlType::Boolean => matches!(text, "true" | "false"),
                SqlType::Int => text.parse::<i32>().is_ok(),
                SqlType::BigInt => text.parse::<i64>().is_ok(),
                SqlType::Decimal(digits, scale) => scaled(text, digits, scale).is_some(),
                SqlType::Double => number(text).is_some(),
                SqlType::Date => Moment::date_time(text).is_some_and(|m| !m.has_time() && m.days().is_some()),
                SqlType::Timestamp { zone } => timestamp(text, zone).is_some(),
                SqlType::Time => Moment::time(text).is_some(),
                SqlType::Binary | SqlType::Text => true,
            }
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.len() <= 19 && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A decimal as an integer of its last digit; none if it has more digits than there is room for.
pub(super) fn scaled(text: &str, digits: u8, scale: u8) -> Option<i128> {
    let number = number(text)?.normalize();
    let zeros = u32::from(scale).checked_sub(number.scale())?;
    let scaled = number.mantissa().checked_mul(10_i128.checked_pow(zeros)?)?;
    (scaled.unsigned_abs() < 10_u128.pow(u32::from(digits))).then_some(scaled)
}

/// Microseconds since 1970: of a date-time with offset, or as it stands on the wall.
pub(super) fn timestamp(text: &str, zone: bool) -> Option<i64> {
    let moment = Moment::date_time(text).filter(|moment| moment.has_time())?;
    if zone {
        return moment.microseconds();
    }
    Some(moment.days()? * 86_400_000_000 + moment.of_day())
}
