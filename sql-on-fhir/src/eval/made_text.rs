use std::fmt::Write;

use super::Value;
use super::evaluate::{Evaluated, Evaluator};
use crate::Misfit;
use crate::compile::{Class, Expr};

/// Bytes of texts made for one resource, at most.
const ARENA: usize = 64 << 20;

impl<'a> Evaluator<'a> {
    /// The strings of an expression as one, with a separator between.
    pub(super) fn join(
        &mut self,
        of: &'a Expr,
        separator: Option<&'a Expr>,
        this: Value<'a>,
        row: u32,
    ) -> Evaluated {
        let separator = separator
            .map(|expr| self.single(expr, this, row))
            .transpose()?
            .flatten();
        let separator = separator
            .and_then(|value| self.text(value))
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let base = self.stack.len();
        self.evaluate(of, this, row)?;
        let start = self.arena.len();
        let mut any = false;
        for at in base..self.stack.len() {
            let Some(&value) = self.stack.get(at) else { break };
            let text = match value {
                Value::Item(item) => self.outline.text(item as usize),
                _ => None,
            };
            let (text, made) = match (text, value) {
                (Some(text), _) => (text, String::new()),
                (None, Value::Item(_)) => continue,
                (None, value) => (
                    "",
                    self.text(value)
                        .map(std::borrow::Cow::into_owned)
                        .unwrap_or_default(),
                ),
            };
            if any {
                self.arena.push_str(&separator);
            }
            any = true;
            self.arena.push_str(text);
            self.arena.push_str(&made);
        }
        self.stack.truncate(base);
        if any {
            let made = self.finish(start, Class::String)?;
            self.stack.push(made);
        }
        Ok(())
    }

    /// The text made since `start`.
    pub(super) fn finish(&mut self, start: usize, class: Class) -> Evaluated<Value<'a>> {
        if self.arena.len() > ARENA {
            return Err(Misfit::ManySteps);
        }
        Ok(Value::Made(start as u32, self.arena.len() as u32, class))
    }

    /// Makes a text.
    pub(super) fn make(&mut self, text: impl std::fmt::Display, class: Class) -> Evaluated<Value<'a>> {
        let start = self.arena.len();
        // A String takes whatever is written to it.
        let _ = write!(self.arena, "{text}");
        self.finish(start, class)
    }
}
