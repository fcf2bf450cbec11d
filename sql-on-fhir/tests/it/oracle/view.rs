//! Views as trees: their JSON for the views that are tested, their rows by the oracle.

use serde_json::{Map, Value, json};

use super::{Expression as E, Item, Oracle, Stop, one, value};

/// Rows that a product may have.
const MOST_ROWS: usize = 10_000;

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
    pub(crate) fn rows(&self, resource: &Value) -> Result<Vec<Map<String, Value>>, Stop> {
        let oracle = Oracle { resource };
        let root = value(resource.clone());
        for condition in &self.wheres {
            match one(oracle.evaluate(condition, &root, 0)?)?.map(|item| item.plain) {
                Some(Value::Bool(true)) => {}
                None | Some(Value::Bool(false)) => return Ok(Vec::new()),
                Some(_) => return Err(Stop::Misfit),
            }
        }
        product(self.selects.iter().map(|select| select.rows(&oracle, &root, 0)))
    }
}

fn product(
    parts: impl Iterator<Item = Result<Vec<Map<String, Value>>, Stop>>,
) -> Result<Vec<Map<String, Value>>, Stop> {
    let mut rows = vec![Map::new()];
    for part in parts {
        // What would be multiplied by nothing is not looked at.
        if rows.is_empty() {
            break;
        }
        let part = part?;
        if rows.len() * part.len() > MOST_ROWS {
            return Err(Stop::TooMany);
        }
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

    fn rows(&self, oracle: &Oracle<'_>, focus: &Item, row: usize) -> Result<Vec<Map<String, Value>>, Stop> {
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
                    return Err(Stop::Misfit);
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
) -> Result<(), Stop> {
    for path in paths {
        for item in oracle.evaluate(path, focus, row)? {
            found.push(item.clone());
            descend(oracle, paths, &item, row, found)?;
        }
    }
    Ok(())
}
