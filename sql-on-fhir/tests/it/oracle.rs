//! A slow evaluator that is obviously right: expressions are trees of their own, resources are JSON, every step makes a new
//! list. What it gives is what the compiled views have to give.

use serde_json::{Map, Value, json};

/// An expression, written by [`Expression::text`].
#[derive(Clone, Debug)]
pub(crate) enum Expression {
    This,
    RowIndex,
    Text(String),
    Number(i64),
    Boolean(bool),
    Child(Box<Self>, &'static str),
    /// Base, element, type.
    Typed(Box<Self>, &'static str, &'static str),
    Where(Box<Self>, Box<Self>),
    Exists(Box<Self>),
    Empty(Box<Self>),
    First(Box<Self>),
    Index(Box<Self>, usize),
    Not(Box<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Equal(Box<Self>, Box<Self>),
    Unequal(Box<Self>, Box<Self>),
    Less(Box<Self>, Box<Self>),
    AtLeast(Box<Self>, Box<Self>),
    Plus(Box<Self>, Box<Self>),
    Times(Box<Self>, Box<Self>),
    Join(Box<Self>, &'static str),
    Extension(Box<Self>, &'static str),
    ResourceKey,
    ReferenceKey(Box<Self>, Option<&'static str>),
}

use Expression as E;

impl Expression {
    /// The expression in FHIRPath.
    pub(crate) fn text(&self) -> String {
        let of = |of: &E, call: String| match of {
            E::This => call,
            _ => format!("{}.{call}", of.text()),
        };
        let two = |a: &E, operator: &str, b: &E| format!("({} {operator} {})", a.text(), b.text());
        match self {
            E::This => "$this".to_owned(),
            E::RowIndex => "%rowIndex".to_owned(),
            E::Text(text) => format!("'{text}'"),
            E::Number(number) => number.to_string(),
            E::Boolean(is) => is.to_string(),
            E::Child(base, name) => of(base, (*name).to_owned()),
            E::Typed(base, name, t) => of(base, format!("{name}.ofType({t})")),
            E::Where(base, criteria) => of(base, format!("where({})", criteria.text())),
            E::Exists(base) => of(base, "exists()".to_owned()),
            E::Empty(base) => of(base, "empty()".to_owned()),
            E::First(base) => of(base, "first()".to_owned()),
            E::Index(base, n) => format!("{}[{n}]", base.text()),
            E::Not(base) => of(base, "not()".to_owned()),
            E::And(a, b) => two(a, "and", b),
            E::Or(a, b) => two(a, "or", b),
            E::Equal(a, b) => two(a, "=", b),
            E::Unequal(a, b) => two(a, "!=", b),
            E::Less(a, b) => two(a, "<", b),
            E::AtLeast(a, b) => two(a, ">=", b),
            E::Plus(a, b) => two(a, "+", b),
            E::Times(a, b) => two(a, "*", b),
            E::Join(base, separator) => of(base, format!("join('{separator}')")),
            E::Extension(base, url) => of(base, format!("extension('{url}')")),
            E::ResourceKey => "getResourceKey()".to_owned(),
            E::ReferenceKey(base, None) => of(base, "getReferenceKey()".to_owned()),
            E::ReferenceKey(base, Some(t)) => of(base, format!("getReferenceKey({t})")),
        }
    }
}

/// An element: what `name` and `_name` say of it, or a value.
#[derive(Clone, Debug)]
struct Item {
    plain: Value,
    beside: Value,
}

type Items = Result<Vec<Item>, ()>;

fn value(plain: Value) -> Item {
    Item {
        plain,
        beside: Value::Null,
    }
}

fn list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// The elements of a name below another: a repetition is there if `name` or `_name` says something of it.
fn children(item: &Item, name: &str) -> Vec<Item> {
    let parts = if item.plain.is_object() {
        &item.plain
    } else {
        &item.beside
    };
    let plain = list(parts.get(name));
    let beside = list(parts.get(format!("_{name}")));
    (0..plain.len().max(beside.len()))
        .map(|at| Item {
            plain: plain.get(at).cloned().unwrap_or_default(),
            beside: beside.get(at).cloned().unwrap_or_default(),
        })
        .filter(|item| !item.plain.is_null() || item.beside.is_object())
        .collect()
}

fn one(items: Vec<Item>) -> Result<Option<Item>, ()> {
    if items.len() > 1 {
        return Err(());
    }
    Ok(items.into_iter().next())
}

fn condition(items: Vec<Item>) -> Result<Option<bool>, ()> {
    Ok(one(items)?.map(|item| item.plain.as_bool().unwrap_or(true)))
}

fn truth(is: Option<bool>) -> Vec<Item> {
    is.map(|is| value(is.into())).into_iter().collect()
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64()
}

pub(crate) struct Oracle<'r> {
    pub(crate) resource: &'r Value,
}

impl Oracle<'_> {
    fn evaluate(&self, expr: &E, this: &Item, row: usize) -> Items {
        let all = |of: &E| self.evaluate(of, this, row);
        Ok(match expr {
            E::This => vec![this.clone()],
            E::RowIndex => vec![value(row.into())],
            E::Text(text) => vec![value(text.clone().into())],
            E::Number(number) => vec![value((*number).into())],
            E::Boolean(is) => vec![value((*is).into())],
            E::Child(of, name) => {
                let mut names = vec![(*name).to_owned()];
                if *name == "value" {
                    names.extend(["valueString", "valueInteger"].map(str::to_owned));
                }
                let mut found = Vec::new();
                for item in all(of)? {
                    for name in &names {
                        found.extend(children(&item, name));
                    }
                }
                found
            }
            E::Typed(of, name, type_name) => {
                let (first, rest) = type_name.split_at(1);
                let name = format!("{name}{}{rest}", first.to_uppercase());
                all(of)?.iter().flat_map(|item| children(item, &name)).collect()
            }
            E::Where(of, criteria) => {
                let mut kept = Vec::new();
                for item in all(of)? {
                    let is = one(self.evaluate(criteria, &item, row)?)?;
                    match is.map(|item| item.plain) {
                        None | Some(Value::Bool(false)) => {}
                        Some(Value::Bool(true)) => kept.push(item),
                        Some(_) => return Err(()),
                    }
                }
                kept
            }
            E::Exists(of) => truth(Some(!all(of)?.is_empty())),
            E::Empty(of) => truth(Some(all(of)?.is_empty())),
            E::First(of) => all(of)?.into_iter().take(1).collect(),
            E::Index(of, n) => all(of)?.into_iter().skip(*n).take(1).collect(),
            E::Not(of) => truth(condition(all(of)?)?.map(|is| !is)),
            E::And(a, b) => {
                let a = condition(all(a)?)?;
                if a == Some(false) {
                    return Ok(truth(a));
                }
                truth(match (a, condition(all(b)?)?) {
                    (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                })
            }
            E::Or(a, b) => {
                let a = condition(all(a)?)?;
                if a == Some(true) {
                    return Ok(truth(a));
                }
                truth(match (a, condition(all(b)?)?) {
                    (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                })
            }
            E::Equal(a, b) => truth(equal(&all(a)?, &all(b)?)),
            E::Unequal(a, b) => truth(equal(&all(a)?, &all(b)?).map(|is| !is)),
            E::Less(a, b) => truth(order(one(all(a)?)?, one(all(b)?)?).map(std::cmp::Ordering::is_lt)),
            E::AtLeast(a, b) => truth(order(one(all(a)?)?, one(all(b)?)?).map(std::cmp::Ordering::is_ge)),
            E::Plus(a, b) | E::Times(a, b) => {
                let (Some(a), Some(b)) = (one(all(a)?)?, one(all(b)?)?) else {
                    return Ok(Vec::new());
                };
                let (Some(a), Some(b)) = (number(&a.plain), number(&b.plain)) else {
                    return Ok(Vec::new());
                };
                let result = if matches!(expr, E::Plus(..)) { a + b } else { a * b };
                vec![value(json!(result))]
            }
            E::Join(of, separator) => {
                let texts: Vec<String> = all(of)?
                    .iter()
                    .filter_map(|item| item.plain.as_str().map(str::to_owned))
                    .collect();
                if texts.is_empty() {
                    return Ok(Vec::new());
                }
                vec![value(texts.join(separator).into())]
            }
            E::Extension(of, url) => all(of)?
                .iter()
                .flat_map(|item| children(item, "extension"))
                .filter(|item| item.plain.get("url").and_then(Value::as_str) == Some(url))
                .collect(),
            E::ResourceKey => match this.plain.get("id").filter(|_| this.plain == *self.resource) {
                Some(id) => vec![value(id.clone())],
                None => Vec::new(),
            },
            E::ReferenceKey(of, wanted) => {
                let mut keys = Vec::new();
                for item in all(of)? {
                    let text = item
                        .plain
                        .get("reference")
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    if let Some((type_name, id)) = text.split_once('/')
                        && wanted.is_none_or(|wanted| wanted == type_name)
                    {
                        keys.push(value(id.into()));
                    }
                }
                keys
            }
        })
    }
}

fn equal(a: &[Item], b: &[Item]) -> Option<bool> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    Some(
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|(a, b)| match (number(&a.plain), number(&b.plain)) {
                    (Some(a), Some(b)) => a == b,
                    _ => a.plain == b.plain,
                }),
    )
}

fn order(a: Option<Item>, b: Option<Item>) -> Option<std::cmp::Ordering> {
    let (a, b) = (a?.plain, b?.plain);
    match (number(&a), number(&b)) {
        (Some(a), Some(b)) => a.partial_cmp(&b),
        _ => Some(a.as_str()?.cmp(b.as_str()?)),
    }
}

/// A select of a random view.
#[derive(Clone, Debug)]
pub(crate) struct Select {
    pub(crate) each: Each,
    pub(crate) columns: Vec<Column>,
    pub(crate) selects: Vec<Select>,
    pub(crate) union: Vec<Select>,
}

#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) expr: E,
    pub(crate) type_name: &'static str,
    pub(crate) collection: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Each {
    Once,
    All(E),
    AllOrNull(E),
    Repeat(Vec<E>),
}

#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) wheres: Vec<E>,
    pub(crate) selects: Vec<Select>,
}

impl View {
    pub(crate) fn json(&self) -> Value {
        let wheres: Vec<Value> = self.wheres.iter().map(|w| json!({"path": w.text()})).collect();
        let selects: Vec<Value> = self.selects.iter().map(Select::json).collect();
        json!({"resource": "Patient", "where": wheres, "select": selects})
    }

    /// The rows of a resource.
    pub(crate) fn rows(&self, resource: &Value) -> Result<Vec<Map<String, Value>>, ()> {
        let oracle = Oracle { resource };
        let root = value(resource.clone());
        for condition in &self.wheres {
            match one(oracle.evaluate(condition, &root, 0)?)?.map(|item| item.plain) {
                Some(Value::Bool(true)) => {}
                None | Some(Value::Bool(false)) => return Ok(Vec::new()),
                Some(_) => return Err(()),
            }
        }
        product(self.selects.iter().map(|select| select.rows(&oracle, &root, 0)))
    }
}

fn product(
    parts: impl Iterator<Item = Result<Vec<Map<String, Value>>, ()>>,
) -> Result<Vec<Map<String, Value>>, ()> {
    let mut rows = vec![Map::new()];
    for part in parts {
        // What would be multiplied by nothing is not looked at.
        if rows.is_empty() {
            break;
        }
        let part = part?;
        rows = rows
            .iter()
            .flat_map(|row| {
                part.iter().map(move |more| {
                    let mut row = row.clone();
                    row.extend(more.clone());
                    row
                })
            })
            .collect();
    }
    Ok(rows)
}

impl Select {
    fn json(&self) -> Value {
        let mut out = Map::new();
        match &self.each {
            Each::Once => {}
            Each::All(path) => drop(out.insert("forEach".to_owned(), path.text().into())),
            Each::AllOrNull(path) => drop(out.insert("forEachOrNull".to_owned(), path.text().into())),
            Each::Repeat(paths) => {
                let paths: Vec<Value> = paths.iter().map(|path| path.text().into()).collect();
                out.insert("repeat".to_owned(), paths.into());
            }
        }
        let columns: Vec<Value> = self.columns.iter().map(|c| {
            json!({"name": c.name, "path": c.expr.text(), "type": c.type_name, "collection": c.collection})
        }).collect();
        out.insert("column".to_owned(), columns.into());
        for (name, selects) in [("select", &self.selects), ("unionAll", &self.union)] {
            if !selects.is_empty() {
                out.insert(name.to_owned(), selects.iter().map(Select::json).collect());
            }
        }
        out.into()
    }

    fn rows(&self, oracle: &Oracle<'_>, focus: &Item, row: usize) -> Result<Vec<Map<String, Value>>, ()> {
        let foci: Vec<(Item, usize)> = match &self.each {
            Each::Once => vec![(focus.clone(), row)],
            Each::All(path) | Each::AllOrNull(path) => {
                let found = oracle.evaluate(path, focus, row)?;
                found.into_iter().enumerate().map(|(n, item)| (item, n)).collect()
            }
            Each::Repeat(paths) => {
                let mut found = Vec::new();
                descend(oracle, paths, focus, row, &mut found)?;
                found.into_iter().enumerate().map(|(n, item)| (item, n)).collect()
            }
        };
        if foci.is_empty() && matches!(self.each, Each::AllOrNull(_)) {
            let mut nulls = Map::new();
            self.nulls(true, &mut nulls);
            return Ok(vec![nulls]);
        }
        let mut rows = Vec::new();
        for (focus, row) in foci {
            let mut own = Map::new();
            for column in &self.columns {
                let mut items: Vec<Value> = oracle
                    .evaluate(&column.expr, &focus, row)?
                    .into_iter()
                    .map(|item| item.plain)
                    .collect();
                let cell = if column.collection {
                    items
                        .into_iter()
                        .filter(|v| !v.is_null() && !v.is_object())
                        .collect()
                } else if items.len() > 1 {
                    return Err(());
                } else {
                    items.pop().filter(|v| !v.is_object()).unwrap_or_default()
                };
                own.insert(column.name.clone(), cell);
            }
            let nested = self.selects.iter().map(|select| select.rows(oracle, &focus, row));
            let union = || {
                let mut rows = Vec::new();
                for branch in &self.union {
                    rows.extend(branch.rows(oracle, &focus, row)?);
                }
                Ok(rows)
            };
            let union = (!self.union.is_empty())
                .then_some(())
                .into_iter()
                .map(|()| union());
            rows.extend(product(
                std::iter::once(Ok(vec![own])).chain(nested).chain(union),
            )?);
        }
        Ok(rows)
    }

    fn nulls(&self, own: bool, out: &mut Map<String, Value>) {
        for column in &self.columns {
            let zero = own && matches!(column.expr, E::RowIndex);
            out.insert(column.name.clone(), if zero { json!(0) } else { Value::Null });
        }
        for select in &self.selects {
            select.nulls(own && matches!(select.each, Each::Once), out);
        }
        if let Some(first) = self.union.first() {
            first.nulls(false, out);
        }
    }
}

fn descend(
    oracle: &Oracle<'_>,
    paths: &[E],
    focus: &Item,
    row: usize,
    found: &mut Vec<Item>,
) -> Result<(), ()> {
    for path in paths {
        for item in oracle.evaluate(path, focus, row)? {
            found.push(item.clone());
            descend(oracle, paths, &item, row, found)?;
        }
    }
    Ok(())
}
