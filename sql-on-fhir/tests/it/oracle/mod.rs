//! A slow evaluator that is obviously right: expressions are trees of their own, resources are JSON, every step makes a new
//! list. What it gives is what the compiled views have to give.

mod expression;
mod view;

use serde_json::{Value, json};

use Expression as E;
pub(crate) use expression::Expression;
pub(crate) use view::{Column, Each, Select, View};

/// An element: what `name` and `_name` say of it, or a value.
#[derive(Clone, Debug)]
struct Item {
    plain: Value,
    beside: Value,
}

/// Why there are no rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// What was found does not fit the view.
    Misfit,
    /// The product of the parts is larger than what a test has memory for.
    TooMany,
}

type Items = Result<Vec<Item>, Stop>;

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

fn one(items: Vec<Item>) -> Result<Option<Item>, Stop> {
    if items.len() > 1 {
        return Err(Stop::Misfit);
    }
    Ok(items.into_iter().next())
}

fn condition(items: Vec<Item>) -> Result<Option<bool>, Stop> {
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
                        Some(_) => return Err(Stop::Misfit),
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
