use super::value::Value;
use super::{Axis, Expr, Function, Step, Test, XPath};
use crate::tree::Element;

/// An element and the way to it.
#[derive(Clone)]
pub(crate) struct Node<'t, 'a> {
    pub(crate) element: &'t Element<'a>,
    /// Its place among the siblings of its name, and that of every element above it, below the resource.
    pub(crate) index: Vec<u32>,
    /// Its place among all children, and that of every element above it: sorting by it is document order.
    order: Vec<u32>,
}

/// What a step leads to: elements, or the values of attributes.
enum Found<'t, 'a> {
    Elements(Vec<Node<'t, 'a>>),
    Attributes(Vec<&'t str>),
}

impl XPath {
    /// The elements the path leads to from a resource, in document order.
    pub(crate) fn select<'t, 'a>(&self, resource: &'t Element<'a>) -> Vec<Node<'t, 'a>> {
        let root = Node {
            element: resource,
            index: Vec::new(),
            order: Vec::new(),
        };
        match self.follow(root) {
            Found::Elements(mut nodes) => {
                nodes.sort_by(|a, b| a.order.cmp(&b.order));
                nodes.dedup_by(|a, b| a.order == b.order);
                nodes
            }
            Found::Attributes(_) => Vec::new(),
        }
    }

    fn follow<'t, 'a>(&self, from: Node<'t, 'a>) -> Found<'t, 'a> {
        let mut nodes = vec![from];
        for step in &self.steps {
            if step.axis == Axis::Attribute {
                let values = nodes
                    .iter()
                    .flat_map(|node| step.attributes(node.element))
                    .collect();
                return Found::Attributes(values);
            }
            nodes = nodes.iter().flat_map(|node| step.from(node)).collect();
            if step.axis == Axis::Descendant || step.axis == Axis::DescendantOrSelf {
                // An element below two of the nodes is found twice.
                nodes.sort_by(|a, b| a.order.cmp(&b.order));
                nodes.dedup_by(|a, b| a.order == b.order);
            }
        }
        Found::Elements(nodes)
    }

    /// The values of what the path leads to from an element. An element's own value is empty: FHIR has no text.
    pub(crate) fn values<'t>(&self, from: &Node<'t, '_>) -> Vec<&'t str> {
        match self.follow(from.clone()) {
            Found::Elements(nodes) => nodes.iter().map(|_| "").collect(),
            Found::Attributes(values) => values,
        }
    }
}

impl Step {
    fn attributes<'t>(&self, element: &'t Element<'_>) -> impl Iterator<Item = &'t str> {
        element
            .attributes
            .iter()
            .filter(|(name, _)| self.matches(name))
            .map(|(_, value)| &**value)
    }

    fn matches(&self, name: &str) -> bool {
        match &self.test {
            Test::Any => true,
            Test::Name(wanted) => **wanted == *name,
        }
    }

    /// The elements the step leads to from one element: first by axis and name, then predicate by predicate.
    fn from<'t, 'a>(&self, node: &Node<'t, 'a>) -> Vec<Node<'t, 'a>> {
        let mut found = Vec::new();
        match self.axis {
            Axis::Child => children(node, &mut |child| self.keep(child, &mut found)),
            Axis::Descendant => descendants(node, &mut |child| self.keep(child, &mut found)),
            Axis::DescendantOrSelf => {
                self.keep(node.clone(), &mut found);
                descendants(node, &mut |child| self.keep(child, &mut found));
            }
            Axis::Own => self.keep(node.clone(), &mut found),
            Axis::Attribute => {}
        }
        for predicate in &self.predicates {
            let last = found.len();
            let mut place = 0;
            found.retain(|node| {
                place += 1;
                predicate.evaluate(node, place, last).holds_at(place)
            });
        }
        found
    }

    fn keep<'t, 'a>(&self, node: Node<'t, 'a>, found: &mut Vec<Node<'t, 'a>>) {
        if self.matches(&node.element.name) {
            found.push(node);
        }
    }
}

fn children<'t, 'a>(node: &Node<'t, 'a>, visit: &mut impl FnMut(Node<'t, 'a>)) {
    for (place, element) in node.element.children.iter().enumerate() {
        let mut index = node.index.clone();
        index.push(element.position);
        let mut order = node.order.clone();
        order.push(place as u32);
        visit(Node {
            element,
            index,
            order,
        });
    }
}

fn descendants<'t, 'a>(node: &Node<'t, 'a>, visit: &mut dyn FnMut(Node<'t, 'a>)) {
    children(node, &mut |child| {
        visit(child.clone());
        descendants(&child, visit);
    });
}

impl Expr {
    /// The value for an element that is the `place`-th of `last`.
    pub(crate) fn evaluate<'t>(&'t self, node: &Node<'t, '_>, place: usize, last: usize) -> Value<'t> {
        match self {
            Self::Or(a, b) => {
                Value::Truth(a.evaluate(node, place, last).truth() || b.evaluate(node, place, last).truth())
            }
            Self::And(a, b) => {
                Value::Truth(a.evaluate(node, place, last).truth() && b.evaluate(node, place, last).truth())
            }
            Self::Compare(comparison, a, b) => {
                let (a, b) = (a.evaluate(node, place, last), b.evaluate(node, place, last));
                Value::Truth(a.compare(*comparison, &b))
            }
            Self::Path(path) => Value::Values(path.values(node)),
            Self::Text(text) => Value::Text(text.to_string()),
            Self::Number(number) => Value::Number(*number),
            Self::Call(function, arguments) => {
                let arguments: Vec<Value<'_>> = arguments
                    .iter()
                    .map(|argument| argument.evaluate(node, place, last))
                    .collect();
                function.call(node.element, place, last, &arguments)
            }
        }
    }
}

impl Function {
    fn call<'t>(
        self,
        element: &Element<'_>,
        place: usize,
        last: usize,
        arguments: &[Value<'t>],
    ) -> Value<'t> {
        let text = |number: usize| arguments.get(number).map(Value::text).unwrap_or_default();
        match self {
            Self::Last => Value::Number(last as f64),
            Self::Position => Value::Number(place as f64),
            Self::Count => match arguments.first() {
                Some(Value::Values(values)) => Value::Number(values.len() as f64),
                _ => Value::Number(f64::NAN),
            },
            Self::Not => Value::Truth(!arguments.first().is_some_and(Value::truth)),
            Self::True => Value::Truth(true),
            Self::False => Value::Truth(false),
            Self::Contains => Value::Truth(text(0).contains(&*text(1))),
            Self::StartsWith => Value::Truth(text(0).starts_with(&*text(1))),
            Self::StringLength => Value::Number(text(0).chars().count() as f64),
            Self::NormalizeSpace => {
                Value::Text(text(0).split_ascii_whitespace().collect::<Vec<_>>().join(" "))
            }
            Self::Name => Value::Text(element.name.to_string()),
        }
    }
}
