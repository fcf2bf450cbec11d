//! Random views: expressions along the elements that a resource can have, so that most of them find something.

use crate::oracle::{Column, Each, Expression as E, Select};

use super::numbers::Random;
use super::resource::{Shape, elements};

/// A path from a shape, and the shape it ends in.
fn path(random: &mut Random, from: Shape, depth: usize) -> (E, Shape) {
    let mut expr = E::This;
    let mut shape = from;
    for _ in 0..=random.below(3) {
        let below = elements(shape);
        if below.is_empty() {
            break;
        }
        let (name, next, _) = below[random.below(below.len())];
        expr = match name {
            "value" if random.one_in(2) => {
                let t = random.of(&["string", "integer"]);
                shape = if t == "string" { Shape::Text } else { Shape::Number };
                E::Typed(expr.into(), "value", t)
            }
            "extension" if random.one_in(2) => {
                shape = next;
                E::Extension(expr.into(), random.of(&["u1", "u2"]))
            }
            _ => {
                shape = next;
                E::Child(expr.into(), name)
            }
        };
        if name == "value" && shape == Shape::Text && !matches!(expr, E::Typed(..)) {
            // Of either type, so nothing is done with it but to look whether it is there.
            return (expr, Shape::Reference);
        }
        if random.one_in(6) && depth < 2 {
            expr = E::Where(expr.into(), condition(random, shape, depth + 1).into());
        }
        if random.one_in(6) {
            expr = E::Index(expr.into(), random.below(3));
        }
        if random.one_in(5) {
            expr = E::First(expr.into());
        }
    }
    (expr, shape)
}

/// A path that ends in this shape, if chance finds one.
fn path_to(random: &mut Random, from: Shape, wanted: Shape, depth: usize) -> Option<E> {
    (0..12).find_map(|_| {
        let (expr, shape) = path(random, from, depth);
        (shape == wanted).then_some(expr)
    })
}

pub(super) fn condition(random: &mut Random, from: Shape, depth: usize) -> E {
    let nested = |random: &mut Random| Box::new(condition(random, from, depth + 1));
    match random.below(if depth < 3 { 9 } else { 5 }) {
        0 => E::Exists(path(random, from, depth).0.into()),
        1 => E::Empty(path(random, from, depth).0.into()),
        2 => {
            let left = path_to(random, from, Shape::Text, depth).unwrap_or(E::Text("a".into()));
            let right = if random.one_in(3) {
                path_to(random, from, Shape::Text, depth).unwrap_or(E::Text("a".into()))
            } else {
                E::Text(random.of(&["a", "b", "official"]).into())
            };
            let both = (left.into(), right.into());
            match random.below(4) {
                0 => E::Unequal(both.0, both.1),
                1 => E::Less(first(both.0), first(both.1)),
                _ => E::Equal(both.0, both.1),
            }
        }
        3 => {
            let left = path_to(random, from, Shape::Number, depth).unwrap_or(E::Number(1));
            let right = E::Number(random.below(4) as i64).into();
            match random.below(3) {
                0 => E::Equal(left.into(), right),
                1 => E::Less(first(left.into()), right),
                _ => E::AtLeast(first(left.into()), right),
            }
        }
        4 => E::Boolean(random.one_in(2)),
        5 => E::Not(nested(random)),
        6 => E::And(nested(random), nested(random)),
        7 => E::Or(nested(random), nested(random)),
        _ => path_to(random, from, Shape::Boolean, depth).unwrap_or(E::Boolean(true)),
    }
}

fn first(of: Box<E>) -> Box<E> {
    match *of {
        E::Text(_) | E::Number(_) => of,
        of => E::First(of.into()).into(),
    }
}

pub(super) struct Views_<'r> {
    pub(super) random: &'r mut Random,
    pub(super) names: usize,
}

impl Views_<'_> {
    fn column(&mut self, from: Shape) -> Column {
        self.names += 1;
        let name = format!("c{}", self.names);
        let random = &mut *self.random;
        let text = |expr| (expr, "string");
        let (expr, type_name) = match random.below(10) {
            0 => (E::RowIndex, "integer"),
            1 => (condition(random, from, 0), "boolean"),
            2 => text(E::Text(random.of(&["k", ""]).into())),
            3 => text(E::Join(
                path_to(random, from, Shape::Text, 0)
                    .unwrap_or(E::Text("q".into()))
                    .into(),
                random.of(&["", ", ", "-"]),
            )),
            4 => {
                let number = path_to(random, from, Shape::Number, 0).unwrap_or(E::Number(7));
                let other = Box::new(E::Number(random.below(9) as i64));
                let number = first(number.into());
                let sum = if random.one_in(2) {
                    E::Plus(number, other)
                } else {
                    E::Times(number, other)
                };
                (sum, "decimal")
            }
            5 if from == Shape::Patient => match random.below(3) {
                0 => text(E::ResourceKey),
                n => {
                    let link = E::Child(E::This.into(), "link");
                    let wanted = (n == 1).then_some("Patient");
                    text(E::First(E::ReferenceKey(link.into(), wanted).into()))
                }
            },
            6 => match path_to(random, from, Shape::Number, 0) {
                Some(number) => (E::First(number.into()), "decimal"),
                None => (E::Number(3), "integer"),
            },
            _ => match path_to(random, from, Shape::Text, 0) {
                Some(expr) if random.one_in(3) => text(expr),
                Some(expr) => text(E::First(expr.into())),
                None if from == Shape::Text => text(E::This),
                None => text(E::Text("n".into())),
            },
        };
        Column {
            name,
            expr,
            type_name,
            collection: random.one_in(6),
        }
    }

    pub(super) fn select(&mut self, from: Shape, depth: usize) -> Select {
        let (each, inside) = match self.random.below(6) {
            0 | 1 => {
                let (expr, shape) = path(self.random, from, 0);
                if elements(from).is_empty() {
                    (Each::Once, from)
                } else if self.random.one_in(2) {
                    (Each::All(expr), shape)
                } else {
                    (Each::AllOrNull(expr), shape)
                }
            }
            2 | 3 if matches!(from, Shape::Patient | Shape::Item | Shape::Answer) => {
                let item = E::Child(E::This.into(), "item");
                let answer = E::Child(E::Child(E::This.into(), "answer").into(), "item");
                let filtered = E::Where(item.clone().into(), condition(self.random, Shape::Item, 2).into());
                let paths = match self.random.below(4) {
                    0 => vec![item, answer],
                    1 => vec![answer, item],
                    2 => vec![filtered],
                    _ => vec![item],
                };
                (Each::Repeat(paths), Shape::Item)
            }
            _ => (Each::Once, from),
        };
        let columns = (0..1 + self.random.below(3))
            .map(|_| self.column(inside))
            .collect();
        let selects = match self.random.below(4) {
            0 if depth < 3 => (0..1 + self.random.below(2))
                .map(|_| self.select(inside, depth + 1))
                .collect(),
            _ => Vec::new(),
        };
        let union = if depth < 2 && self.random.one_in(6) {
            let branch = self.select(inside, depth + 2);
            let mut other = branch.clone();
            other.each = Each::Once;
            // Another branch has the same columns; what fills them may differ.
            let shape_kept = matches!(branch.each, Each::Once);
            if shape_kept {
                vec![branch, other]
            } else {
                vec![branch.clone(), branch]
            }
        } else {
            Vec::new()
        };
        Select {
            each,
            columns,
            selects,
            union,
        }
    }
}
