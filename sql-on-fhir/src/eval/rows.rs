use std::collections::HashSet;

use fhir_crack::outline::Outline;

use super::{Evaluator, Value};
use crate::Misfit;
use crate::compile::{Each, Expr, Program, Select};

/// A cell of a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Null,
    One(Value<'a>),
    /// A collection: where its values begin and end.
    Many(u32, u32),
}

/// Takes the rows of a view.
pub(crate) trait Sink {
    /// Takes a row; texts are asked of the rows.
    fn row(&mut self, rows: &Rows<'_>);
}

/// Makes the rows of resources. Selects beside each other multiply, the first varying slowest.
pub(crate) struct Rows<'a> {
    program: &'a Program,
    pub(crate) evaluator: Evaluator<'a>,
    pub(crate) cells: Vec<Cell<'a>>,
    /// Values of collections.
    lists: Vec<Value<'a>>,
    /// Elements that selects with `repeat` go through.
    repeated: Vec<u32>,
    rows: u64,
    row_limit: u64,
}

/// Why a resource does not fit, and the JSON pointer to the expression that says so.
pub(crate) type Refused<'a> = (Misfit, &'a str);

/// What is left to be done for a row: selects beside the one at work, and those beside the ones round it.
struct Next<'a, 'n> {
    todo: Todo<'a>,
    focus: Value<'a>,
    row: u32,
    then: Option<&'n Next<'a, 'n>>,
}

#[derive(Clone, Copy)]
enum Todo<'a> {
    /// All of these.
    All(&'a [Select]),
    /// One of these after the other.
    Any(&'a [Select]),
}

impl<'a> Rows<'a> {
    pub(crate) fn new(program: &'a Program, outline: Outline<'a>, row_limit: u64) -> Self {
        Self {
            program,
            evaluator: Evaluator::new(outline),
            cells: vec![Cell::Null; program.columns.len()],
            lists: Vec::new(),
            repeated: Vec::new(),
            rows: 0,
            row_limit,
        }
    }

    pub(crate) fn list(&self, start: u32, end: u32) -> &[Value<'a>] {
        self.lists.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Makes the rows of a resource.
    pub(crate) fn resource(&mut self, outline: Outline<'a>, sink: &mut impl Sink) -> Result<(), Refused<'a>> {
        self.evaluator.next(outline);
        self.lists.clear();
        self.repeated.clear();
        self.rows = 0;
        let program = self.program;
        let resource = Value::Item(0);
        for (condition, pointer) in &program.wheres {
            let is = self.evaluator.criteria(condition, resource, 0);
            if is.map_err(|misfit| (misfit, pointer.as_str()))? != Some(true) {
                return Ok(());
            }
        }
        if let Some((keys, wanted)) = &program.patients
            && !self.is_of(keys, wanted)?
        {
            return Ok(());
        }
        let first = Next {
            todo: Todo::All(&program.selects),
            focus: resource,
            row: 0,
            then: None,
        };
        self.next(Some(&first), sink)
    }

    /// Whether a key of the resource is among those wanted.
    fn is_of(&mut self, keys: &'a [Expr], wanted: &HashSet<String>) -> Result<bool, Refused<'a>> {
        for key in keys {
            let base = self.evaluator.stack.len();
            let evaluated = self.evaluator.evaluate(key, Value::Item(0), 0);
            evaluated.map_err(|misfit| (misfit, "/patient"))?;
            let values = self.evaluator.stack.get(base..).unwrap_or_default();
            let is = |value: &Value<'a>| {
                self.evaluator
                    .text(*value)
                    .is_some_and(|key| wanted.contains(&*key))
            };
            let found = values.iter().any(is);
            self.evaluator.stack.truncate(base);
            if found {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn next(&mut self, next: Option<&Next<'a, '_>>, sink: &mut impl Sink) -> Result<(), Refused<'a>> {
        let Some(next) = next else {
            self.rows += 1;
            if self.rows > self.row_limit {
                return Err((Misfit::ManyRows, ""));
            }
            sink.row(self);
            return Ok(());
        };
        match next.todo {
            Todo::All([]) => self.next(next.then, sink),
            Todo::All([select, rest @ ..]) => {
                let rest = Next {
                    todo: Todo::All(rest),
                    ..*next
                };
                let then = if matches!(rest.todo, Todo::All([])) {
                    next.then
                } else {
                    Some(&rest)
                };
                self.select(select, next.focus, next.row, then, sink)
            }
            Todo::Any(branches) => branches
                .iter()
                .try_for_each(|branch| self.select(branch, next.focus, next.row, next.then, sink)),
        }
    }

    fn select(
        &mut self,
        select: &'a Select,
        focus: Value<'a>,
        row: u32,
        then: Option<&Next<'a, '_>>,
        sink: &mut impl Sink,
    ) -> Result<(), Refused<'a>> {
        match &select.each {
            Each::Once => self.element(select, focus, row, then, sink),
            Each::All(expr) => self.for_each(select, expr, false, focus, row, then, sink),
            Each::AllOrNull(expr) => self.for_each(select, expr, true, focus, row, then, sink),
            Each::Repeat(paths) => {
                let base = self.repeated.len();
                self.descend(paths, focus, row)
                    .map_err(|misfit| (misfit, select.pointer.as_str()))?;
                let end = self.repeated.len();
                for (number, at) in (0..).zip(base..end) {
                    if let Some(&item) = self.repeated.get(at) {
                        self.element(select, Value::Item(item), number, then, sink)?;
                    }
                }
                self.repeated.truncate(base);
                Ok(())
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what a select goes on with is no noun of its own"
    )]
    fn for_each(
        &mut self,
        select: &'a Select,
        expr: &'a Expr,
        or_null: bool,
        focus: Value<'a>,
        row: u32,
        then: Option<&Next<'a, '_>>,
        sink: &mut impl Sink,
    ) -> Result<(), Refused<'a>> {
        let base = self.evaluator.stack.len();
        self.evaluator
            .evaluate(expr, focus, row)
            .map_err(|misfit| (misfit, select.pointer.as_str()))?;
        let end = self.evaluator.stack.len();
        if base == end && or_null {
            self.nulls(select);
            return self.next(then, sink);
        }
        for (number, at) in (0..).zip(base..end) {
            if let Some(&focus) = self.evaluator.stack.get(at) {
                self.element(select, focus, number, then, sink)?;
            }
        }
        self.evaluator.stack.truncate(base);
        Ok(())
    }

    /// Fills the columns of a select that found no element.
    fn nulls(&mut self, select: &'a Select) {
        let (first, last) = select.range;
        if let Some(cells) = self.cells.get_mut(first..last) {
            cells.fill(Cell::Null);
        }
        for &slot in &select.row_indices {
            if let Some(cell) = self.cells.get_mut(slot) {
                *cell = Cell::One(Value::Number(rust_decimal::Decimal::ZERO, true));
            }
        }
    }

    /// Collects the elements that paths lead to again and again, each before those below it. They lie ever deeper, so the
    /// recursion is bounded by the depth of the resource.
    fn descend(&mut self, paths: &'a [Expr], focus: Value<'a>, row: u32) -> Result<(), Misfit> {
        for path in paths {
            let base = self.evaluator.stack.len();
            self.evaluator.evaluate(path, focus, row)?;
            for at in base..self.evaluator.stack.len() {
                if let Some(&Value::Item(item)) = self.evaluator.stack.get(at) {
                    self.repeated.push(item);
                    self.descend(paths, Value::Item(item), row)?;
                }
            }
            self.evaluator.stack.truncate(base);
        }
        Ok(())
    }

    /// Fills the columns of a select for one element and goes on with what is inside and beside it.
    fn element(
        &mut self,
        select: &'a Select,
        focus: Value<'a>,
        row: u32,
        then: Option<&Next<'a, '_>>,
        sink: &mut impl Sink,
    ) -> Result<(), Refused<'a>> {
        // What is made for this element is of no use behind it.
        let (lists, arena) = (self.lists.len(), self.evaluator.arena.len());
        for (slot, expr) in &select.columns {
            let cell = self.cell(*slot, expr, focus, row)?;
            if let Some(place) = self.cells.get_mut(*slot) {
                *place = cell;
            }
        }
        let union = Next {
            todo: Todo::Any(&select.union),
            focus,
            row,
            then,
        };
        let then = if select.union.is_empty() {
            then
        } else {
            Some(&union)
        };
        let selects = Next {
            todo: Todo::All(&select.selects),
            focus,
            row,
            then,
        };
        let then = if select.selects.is_empty() {
            then
        } else {
            Some(&selects)
        };
        self.next(then, sink)?;
        self.lists.truncate(lists);
        self.evaluator.arena.truncate(arena);
        Ok(())
    }

    fn cell(
        &mut self,
        slot: usize,
        expr: &'a Expr,
        focus: Value<'a>,
        row: u32,
    ) -> Result<Cell<'a>, Refused<'a>> {
        let column = self.program.columns.get(slot);
        let pointer = column.map_or("", |column| column.pointer.as_str());
        let base = self.evaluator.stack.len();
        self.evaluator
            .evaluate(expr, focus, row)
            .map_err(|misfit| (misfit, pointer))?;
        let values = self.evaluator.stack.get(base..).unwrap_or_default();
        let cell = if column.is_some_and(|column| column.collection) {
            let start = self.lists.len() as u32;
            self.lists.extend_from_slice(values);
            Cell::Many(start, self.lists.len() as u32)
        } else {
            match values {
                [] => Cell::Null,
                [value] => Cell::One(*value),
                _ => return Err((Misfit::ManyValues, pointer)),
            }
        };
        self.evaluator.stack.truncate(base);
        Ok(cell)
    }
}
