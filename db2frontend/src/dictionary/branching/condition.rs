//! What a condition says, and what it comes to with the answers of a record.

/// Part of a condition, and the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Box<Condition>, Operator, Box<Condition>),
    /// A field, or an option of a checkbox.
    Field(String, Option<String>),
    Value(String),
    /// What cannot be known from the record.
    Unknown,
}

/// How two operands are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    pub(super) fn fields<'a>(&'a self, names: &mut Vec<&'a str>) {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.fields(names)),
            Self::Not(part) => part.fields(names),
            Self::Compare(left, _, right) => {
                left.fields(names);
                right.fields(names);
            }
            Self::Field(name, _) => names.push(name),
            Self::Value(_) | Self::Unknown => {}
        }
    }

    /// `None` where it depends on what is not known here.
    pub(super) fn holds(&self, value: &dyn Fn(&str, Option<&str>) -> Option<String>) -> Option<bool> {
        match self {
            Self::Any(parts) => {
                let all: Vec<_> = parts.iter().map(|part| part.holds(value)).collect();
                if all.contains(&Some(true)) {
                    Some(true)
                } else {
                    all.into_iter().collect::<Option<Vec<_>>>().map(|_| false)
                }
            }
            Self::All(parts) => {
                let all: Vec<_> = parts.iter().map(|part| part.holds(value)).collect();
                if all.contains(&Some(false)) {
                    Some(false)
                } else {
                    all.into_iter().collect::<Option<Vec<_>>>().map(|_| true)
                }
            }
            Self::Not(part) => part.holds(value).map(|holds| !holds),
            Self::Compare(left, operator, right) => {
                Some(operator.holds(&left.text(value)?, &right.text(value)?))
            }
            other => other.text(value).map(|text| !text.is_empty() && text != "0"),
        }
    }

    fn text(&self, value: &dyn Fn(&str, Option<&str>) -> Option<String>) -> Option<String> {
        match self {
            Self::Field(name, option) => {
                let empty = if option.is_some() { "0" } else { "" };
                Some(value(name, option.as_deref()).unwrap_or_else(|| empty.to_owned()))
            }
            Self::Value(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl Operator {
    fn holds(self, left: &str, right: &str) -> bool {
        let numbers = || {
            Some((
                left.trim().parse::<f64>().ok()?,
                right.trim().parse::<f64>().ok()?,
            ))
        };
        let order = match numbers() {
            Some((left, right)) => left.partial_cmp(&right),
            None => Some(left.cmp(right)),
        };
        match (self, order) {
            (Self::Equal, order) => order.is_some_and(std::cmp::Ordering::is_eq),
            (Self::Different, order) => order.is_none_or(std::cmp::Ordering::is_ne),
            // Nothing is less or greater than an empty answer.
            _ if left.is_empty() || right.is_empty() => false,
            (Self::Less, order) => order.is_some_and(std::cmp::Ordering::is_lt),
            (Self::LessOrEqual, order) => order.is_some_and(std::cmp::Ordering::is_le),
            (Self::Greater, order) => order.is_some_and(std::cmp::Ordering::is_gt),
            (Self::GreaterOrEqual, order) => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}
