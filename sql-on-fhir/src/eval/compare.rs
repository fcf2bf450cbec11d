use std::cmp::Ordering;

use super::temporal::Moment;
use super::value::Taken;
use super::{Evaluator, Value};
use crate::Misfit;
use crate::compile::{Class, Comparison, number};

/// What two values are compared as.
enum As {
    Number,
    Boolean,
    Moment,
    Time,
    Text,
    /// They are of classes that are never equal.
    Nothing,
}

/// What two values are compared as, by how each is to be taken.
fn compared_as(left: Taken, right: Taken, texts: (&str, &str)) -> As {
    let moments = |class| matches!(class, Class::Date | Class::DateTime);
    match (left, right) {
        (Taken::As(left), Taken::As(right)) => match (left, right) {
            _ if left.is_number() && right.is_number() => As::Number,
            (Class::Boolean, Class::Boolean) => As::Boolean,
            (Class::Time, Class::Time | Class::String) | (Class::String, Class::Time) => As::Time,
            _ if moments(left) && moments(right) => As::Moment,
            _ if moments(left) && right == Class::String || left == Class::String && moments(right) => {
                As::Moment
            }
            (Class::String, Class::String) => As::Text,
            _ => As::Nothing,
        },
        (Taken::As(class), other) | (other, Taken::As(class)) => match class {
            _ if class.is_number() && other == Taken::Any => As::Number,
            Class::Boolean if other == Taken::Any => As::Boolean,
            Class::Integer | Class::Decimal | Class::Boolean => As::Nothing,
            Class::Time => As::Time,
            Class::Date | Class::DateTime => As::Moment,
            Class::String => As::Text,
        },
        _ => {
            let (left_text, right_text) = texts;
            let any = left == Taken::Any && right == Taken::Any;
            let both = |test: fn(&str) -> bool| test(left_text) && test(right_text);
            if any && both(|text| number(text).is_some()) {
                As::Number
            } else if both(|text| text.contains('T') && Moment::date_time(text).is_some()) {
                As::Moment
            } else {
                As::Text
            }
        }
    }
}

impl<'a> Evaluator<'a> {
    /// Whether the values from `base` equal those from `middle`, one by one; none if there are none on a side, or one is
    /// not precise enough to tell.
    pub(super) fn equal(
        &self,
        base: usize,
        middle: usize,
        types: Comparison,
    ) -> Result<Option<bool>, Misfit> {
        let left = self.stack.get(base..middle).unwrap_or_default();
        let right = self.stack.get(middle..).unwrap_or_default();
        if left.is_empty() || right.is_empty() {
            return Ok(None);
        }
        if left.len() != right.len() {
            return Ok(Some(false));
        }
        let mut all = Some(true);
        for (&left, &right) in left.iter().zip(right) {
            match self.equal_values(left, right, types)? {
                Some(true) => {}
                Some(false) => return Ok(Some(false)),
                None => all = None,
            }
        }
        Ok(all)
    }

    fn equal_values(
        &self,
        left: Value<'a>,
        right: Value<'a>,
        types: Comparison,
    ) -> Result<Option<bool>, Misfit> {
        if let (Value::Item(left), Value::Item(right)) = (left, right)
            && left == right
        {
            return Ok(Some(true));
        }
        let (Some(left_text), Some(right_text)) = (self.text(left), self.text(right)) else {
            return match (self.text(left), self.text(right)) {
                // What elements have parts is recorded only as far as the view asks for them.
                (None, None) => Err(Misfit::NotComparable),
                _ => Ok(Some(false)),
            };
        };
        let taken = (self.taken(left, types.left), self.taken(right, types.right));
        Ok(match compared_as(taken.0, taken.1, (&left_text, &right_text)) {
            As::Nothing => Some(false),
            As::Text => Some(left_text == right_text),
            As::Boolean => Some(left_text == right_text),
            As::Number => Some(match (number(&left_text), number(&right_text)) {
                (Some(left), Some(right)) => left == right,
                _ => left_text == right_text,
            }),
            As::Moment => match (Moment::date_time(&left_text), Moment::date_time(&right_text)) {
                (Some(left), Some(right)) => left.compare(right).map(Ordering::is_eq),
                _ => Some(left_text == right_text),
            },
            As::Time => match (Moment::time(&left_text), Moment::time(&right_text)) {
                (Some(left), Some(right)) => left.compare(right).map(Ordering::is_eq),
                _ => Some(left_text == right_text),
            },
        })
    }

    /// How two values stand to each other; none if they have no order.
    pub(super) fn order(&self, left: Value<'a>, right: Value<'a>, types: Comparison) -> Option<Ordering> {
        let (left_text, right_text) = (self.text(left)?, self.text(right)?);
        let taken = (self.taken(left, types.left), self.taken(right, types.right));
        match compared_as(taken.0, taken.1, (&left_text, &right_text)) {
            As::Nothing | As::Boolean => None,
            As::Number => Some(number(&left_text)?.cmp(&number(&right_text)?)),
            As::Moment => Moment::date_time(&left_text)?.compare(Moment::date_time(&right_text)?),
            As::Time => Moment::time(&left_text)?.compare(Moment::time(&right_text)?),
            As::Text => {
                // Dates of unknown type: as moments where both are.
                match (Moment::date_time(&left_text), Moment::date_time(&right_text)) {
                    (Some(left), Some(right)) => left.compare(right),
                    _ => Some(left_text.cmp(&right_text)),
                }
            }
        }
    }
}
