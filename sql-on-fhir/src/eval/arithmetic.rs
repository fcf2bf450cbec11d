use super::Value;
use super::evaluate::{Evaluated, Evaluator};
use super::value::Taken;
use crate::compile::{Class, Comparison, Type};
use crate::fhirpath::Operator;

impl<'a> Evaluator<'a> {
    /// Puts what an operator gives onto the stack: numbers, and strings with `+`.
    pub(super) fn arithmetic(
        &mut self,
        left: Value<'a>,
        operator: Operator,
        right: Value<'a>,
        types: Comparison,
    ) -> Evaluated {
        if operator == Operator::Add && self.are_strings((left, types.left), (right, types.right)) {
            let start = self.arena.len();
            let (Some(left), Some(right)) = (self.text(left), self.text(right)) else {
                return Ok(());
            };
            let whole = format!("{left}{right}");
            self.arena.push_str(&whole);
            let made = self.finish(start, Class::String)?;
            self.stack.push(made);
            return Ok(());
        }
        let integers = matches!((left, right), (Value::Number(_, true), Value::Number(_, true)));
        let (Some(left), Some(right)) = (self.number(left), self.number(right)) else {
            return Ok(());
        };
        let number = match operator {
            Operator::Add => left.checked_add(right),
            Operator::Subtract => left.checked_sub(right),
            Operator::Multiply => left.checked_mul(right),
            _ => left.checked_div(right),
        };
        let integer = integers && operator != Operator::Divide;
        self.stack
            .extend(number.map(|number| Value::Number(number, integer)));
        Ok(())
    }

    /// Whether both values are strings, as far as type and writing tell: what XML leaves open is one beside a string, and
    /// where it is no number.
    fn are_strings(&self, left: (Value<'a>, Type), right: (Value<'a>, Type)) -> bool {
        let taken = |(value, known)| match self.taken(value, known) {
            Taken::As(class) => Some(class == Class::String),
            Taken::Quoted => Some(true),
            Taken::Any => None,
        };
        match (taken(left), taken(right)) {
            (Some(left), Some(right)) => left && right,
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => self.number(left.0).is_none() && self.number(right.0).is_none(),
        }
    }
}
