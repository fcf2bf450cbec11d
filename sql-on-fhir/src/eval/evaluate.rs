use fhir_crack::outline::Outline;
use rust_decimal::Decimal;

use super::Value;
use crate::Misfit;
use crate::compile::{Class, Expr, Step};
use crate::fhirpath::Operator;

/// Evaluates expressions over one resource. The values of an expression stand on a stack, above those of the expressions
/// round it.
pub(crate) struct Evaluator<'a> {
    pub(super) outline: Outline<'a>,
    pub(super) stack: Vec<Value<'a>>,
    /// Texts made for this resource.
    pub(super) arena: String,
    /// Elements that may still be looked at.
    pub(super) left: u64,
}

/// Elements looked at for one resource, at most.
const STEPS: u64 = 1 << 30;

pub(super) type Evaluated<T = ()> = Result<T, Misfit>;

impl<'a> Evaluator<'a> {
    pub(crate) fn new(outline: Outline<'a>) -> Self {
        Self {
            outline,
            stack: Vec::with_capacity(64),
            arena: String::new(),
            left: STEPS,
        }
    }

    /// Goes on to another resource.
    pub(crate) fn next(&mut self, outline: Outline<'a>) {
        self.outline = outline;
        self.stack.clear();
        self.arena.clear();
        self.left = STEPS;
    }

    /// Puts the values of an expression on the stack.
    pub(crate) fn evaluate(&mut self, expr: &'a Expr, this: Value<'a>, row: u32) -> Evaluated {
        let base = self.stack.len();
        match expr {
            Expr::This => self.stack.push(this),
            Expr::RowIndex => self.stack.push(Value::Number(Decimal::from(row), true)),
            Expr::Empty => {}
            Expr::Boolean(is) => self.stack.push(Value::Boolean(*is)),
            Expr::Number(number, integer) => self.stack.push(Value::Number(*number, *integer)),
            Expr::Text(text, class) => self.stack.push(Value::Text(text, *class)),
            Expr::Path(of, steps) => self.path(of, steps, this, row)?,
            Expr::Where(of, criteria) => {
                self.evaluate(of, this, row)?;
                self.keep(base, |evaluator, value| {
                    Ok(evaluator.criteria(criteria, value, row)? == Some(true))
                })?;
            }
            Expr::Exists(of) | Expr::IsEmpty(of) => {
                self.evaluate(of, this, row)?;
                let any = self.stack.len() > base;
                self.stack.truncate(base);
                self.stack
                    .push(Value::Boolean(any == matches!(expr, Expr::Exists(_))));
            }
            Expr::First(of) => {
                self.evaluate(of, this, row)?;
                self.stack.truncate(base + 1);
            }
            Expr::Index(of, index) => self.index(of, index, this, row)?,
            Expr::Not(of) => {
                let is = self.condition(of, this, row)?;
                self.stack.extend(is.map(|is| Value::Boolean(!is)));
            }
            Expr::And(left, right) => {
                let is = match self.condition(left, this, row)? {
                    Some(false) => Some(false),
                    left => match (left, self.condition(right, this, row)?) {
                        (_, Some(false)) => Some(false),
                        (Some(true), right) => right,
                        _ => None,
                    },
                };
                self.stack.extend(is.map(Value::Boolean));
            }
            Expr::Or(left, right) => {
                let is = match self.condition(left, this, row)? {
                    Some(true) => Some(true),
                    left => match (left, self.condition(right, this, row)?) {
                        (_, Some(true)) => Some(true),
                        (Some(false), right) => right,
                        _ => None,
                    },
                };
                self.stack.extend(is.map(Value::Boolean));
            }
            Expr::Equal(left, right, compared, equal) => {
                self.evaluate(left, this, row)?;
                let middle = self.stack.len();
                self.evaluate(right, this, row)?;
                let is = self.equal(base, middle, *compared)?;
                self.stack.truncate(base);
                self.stack.extend(is.map(|is| Value::Boolean(is == *equal)));
            }
            Expr::Order(left, operator, right, compared) => {
                let left = self.single(left, this, row)?;
                let right = self.single(right, this, row)?;
                if let (Some(left), Some(right)) = (left, right) {
                    let order = self.order(left, right, *compared);
                    let is = order.map(|order| match operator {
                        Operator::Less => order.is_lt(),
                        Operator::LessOrEqual => order.is_le(),
                        Operator::Greater => order.is_gt(),
                        _ => order.is_ge(),
                    });
                    self.stack.extend(is.map(Value::Boolean));
                }
            }
            Expr::Arithmetic(left, operator, right, types) => {
                let left = self.single(left, this, row)?;
                let right = self.single(right, this, row)?;
                if let (Some(left), Some(right)) = (left, right) {
                    self.arithmetic(left, *operator, right, *types)?;
                }
            }
            Expr::Negative(of) => {
                if let Some(value) = self.single(of, this, row)?
                    && let Some(number) = self.number(value)
                {
                    let integer = matches!(value, Value::Number(_, true));
                    self.stack.push(Value::Number(-number, integer));
                }
            }
            Expr::OfType(of, symbols, class) => {
                self.evaluate(of, this, row)?;
                self.keep(base, |evaluator, value| {
                    Ok(match value {
                        Value::Item(item) => symbols.contains(&evaluator.outline.symbol(item as usize)),
                        Value::Boolean(_) => *class == Some(Class::Boolean),
                        Value::Number(_, integer) => {
                            *class == Some(if integer { Class::Integer } else { Class::Decimal })
                        }
                        Value::Text(_, of) | Value::Made(_, _, of) => *class == Some(of),
                    })
                })?;
            }
            Expr::OfResource(of, name) => {
                self.evaluate(of, this, row)?;
                self.keep(base, |evaluator, value| {
                    let text = evaluator.text(value);
                    Ok(matches!(value, Value::Item(_)) && text.as_deref() == Some(name))
                })?;
            }
            Expr::Extension(of, url, extension, step) => {
                self.extension(of, url, *extension, *step, this, row)?;
            }
            Expr::Join(of, separator) => self.join(of, separator.as_deref(), this, row)?,
            Expr::ResourceKey(of, id) => {
                self.evaluate(of, this, row)?;
                self.replace(base, |evaluator, value| evaluator.resource_key(value, *id))?;
            }
            Expr::ReferenceKey(of, wanted, reference, type_step) => {
                self.evaluate(of, this, row)?;
                self.replace(base, |evaluator, value| {
                    evaluator.reference_key(value, wanted.as_deref(), *reference, *type_step)
                })?;
            }
            Expr::Boundary(of, high, precision, known) => {
                let digits = match precision {
                    None => None,
                    Some(precision) => {
                        match self.single(precision, this, row)?.and_then(|v| self.number(v)) {
                            Some(number) => Some(number),
                            None => return Ok(()),
                        }
                    }
                };
                if let Some(value) = self.single(of, this, row)? {
                    self.boundary(value, *high, digits, *known)?;
                }
            }
        }
        Ok(())
    }

    /// Keeps the values above `base` for which `wanted` is true.
    fn keep(
        &mut self,
        base: usize,
        mut wanted: impl FnMut(&mut Self, Value<'a>) -> Evaluated<bool>,
    ) -> Evaluated {
        let end = self.stack.len();
        let mut kept = base;
        for at in base..end {
            let Some(&value) = self.stack.get(at) else { break };
            if wanted(self, value)? {
                if let Some(place) = self.stack.get_mut(kept) {
                    *place = value;
                }
                kept += 1;
            }
        }
        self.stack.truncate(kept);
        Ok(())
    }

    /// Puts what becomes of the values above `base` in their place.
    fn replace(
        &mut self,
        base: usize,
        mut become_of: impl FnMut(&mut Self, Value<'a>) -> Evaluated<Option<Value<'a>>>,
    ) -> Evaluated {
        let mut kept = base;
        for at in base..self.stack.len() {
            let Some(&value) = self.stack.get(at) else { break };
            if let Some(value) = become_of(self, value)? {
                if let Some(place) = self.stack.get_mut(kept) {
                    *place = value;
                }
                kept += 1;
            }
        }
        self.stack.truncate(kept);
        Ok(())
    }

    fn path(&mut self, of: &'a Expr, steps: &'a [Step], this: Value<'a>, row: u32) -> Evaluated {
        if let (Expr::This, Value::Item(item)) = (of, this) {
            return self.below(item as usize, steps);
        }
        let base = self.stack.len();
        self.evaluate(of, this, row)?;
        let middle = self.stack.len();
        for at in base..middle {
            if let Some(&Value::Item(item)) = self.stack.get(at) {
                self.below(item as usize, steps)?;
            }
        }
        self.stack.drain(base..middle);
        Ok(())
    }

    /// Puts the elements below one on the stack to which the steps lead.
    fn below(&mut self, item: usize, steps: &[Step]) -> Evaluated {
        let Some((first, rest)) = steps.split_first() else {
            self.stack.push(Value::Item(item as u32));
            return Ok(());
        };
        let outline = self.outline;
        let end = outline.end(item);
        let mut next = item + 1;
        while next < end {
            self.step()?;
            if first.is(outline.symbol(next)) {
                if rest.is_empty() {
                    self.stack.push(Value::Item(next as u32));
                } else {
                    self.below(next, rest)?;
                }
            }
            next = outline.end(next).max(next + 1);
        }
        Ok(())
    }

    #[inline(always)]
    fn step(&mut self) -> Evaluated {
        self.left = self.left.checked_sub(1).ok_or(Misfit::ManySteps)?;
        Ok(())
    }

    /// The first element below one by a step.
    pub(super) fn child(&self, item: usize, step: Step) -> Option<usize> {
        let end = self.outline.end(item);
        let mut next = item + 1;
        while next < end {
            if step.is(self.outline.symbol(next)) {
                return Some(next);
            }
            next = self.outline.end(next).max(next + 1);
        }
        None
    }

    fn index(&mut self, of: &'a Expr, index: &'a Expr, this: Value<'a>, row: u32) -> Evaluated {
        let wanted = self
            .single(index, this, row)?
            .and_then(|value| self.number(value));
        let base = self.stack.len();
        self.evaluate(of, this, row)?;
        let wanted = wanted.and_then(|wanted| {
            let wanted = usize::try_from(i128::from(i64::try_from(wanted).ok()?)).ok()?;
            self.stack.get(base + wanted).copied()
        });
        self.stack.truncate(base);
        self.stack.extend(wanted);
        Ok(())
    }

    /// The one value of an expression, if it has one.
    pub(super) fn single(
        &mut self,
        expr: &'a Expr,
        this: Value<'a>,
        row: u32,
    ) -> Evaluated<Option<Value<'a>>> {
        let base = self.stack.len();
        self.evaluate(expr, this, row)?;
        let value = match self.stack.get(base..).unwrap_or_default() {
            [] => None,
            [value] => Some(*value),
            _ => return Err(Misfit::ManyValues),
        };
        self.stack.truncate(base);
        Ok(value)
    }

    /// The expression as true or false where anything that is there counts as true.
    fn condition(&mut self, expr: &'a Expr, this: Value<'a>, row: u32) -> Evaluated<Option<bool>> {
        let value = self.single(expr, this, row)?;
        Ok(value.map(|value| self.boolean(value).unwrap_or(true)))
    }

    /// The expression as true or false where anything else is an error.
    pub(crate) fn criteria(&mut self, expr: &'a Expr, this: Value<'a>, row: u32) -> Evaluated<Option<bool>> {
        match self.single(expr, this, row)? {
            None => Ok(None),
            Some(value) => self.boolean(value).map(Some).ok_or(Misfit::NotBoolean),
        }
    }

    fn extension(
        &mut self,
        of: &'a Expr,
        url: &'a Expr,
        extension: Step,
        step: Step,
        this: Value<'a>,
        row: u32,
    ) -> Evaluated {
        let url = self.single(url, this, row)?;
        let base = self.stack.len();
        self.evaluate(of, this, row)?;
        let middle = self.stack.len();
        for at in base..middle {
            if let Some(&Value::Item(item)) = self.stack.get(at) {
                self.below(item as usize, &[extension])?;
            }
        }
        self.stack.drain(base..middle);
        self.keep(base, |evaluator, value| {
            let (Some(url), Value::Item(item)) = (url, value) else {
                return Ok(false);
            };
            let found = evaluator
                .child(item as usize, step)
                .and_then(|item| evaluator.outline.text(item));
            Ok(found.is_some() && found == evaluator.text(url).as_deref())
        })
    }
}
