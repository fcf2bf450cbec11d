//! When a field is shown: `[a] = '1' and ([b(2)] = '1' or [c] <> "")`.
//!
//! Evaluated as far as it depends on fields of the record; what it does not (functions, smart variables, other events) leaves
//! the field shown, since hiding a field that should be filled loses more than showing one that need not be.

use std::fmt;

/// A condition on other fields.
#[derive(Clone, PartialEq, Eq)]
pub struct Branching {
    text: String,
    condition: Node,
}

/// What is wrong with a condition; positions count characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchingFault {
    /// Where in the text.
    pub position: usize,
    /// What was expected there.
    pub expected: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Compare(Box<Node>, Operator, Box<Node>),
    Field(String, Option<String>),
    Value(String),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Field(String),
    Text(String),
    Word(String),
    Operator(Operator),
    Sign,
    Open,
    Close,
    Comma,
}

impl fmt::Debug for Branching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Branching").field(&self.text).finish()
    }
}

impl Branching {
    /// Reads a condition.
    ///
    /// # Errors
    /// Where brackets, quotes or operands are missing.
    pub fn read(text: &str) -> Result<Self, BranchingFault> {
        let tokens = tokens(text)?;
        let mut parser = Parser {
            tokens: &tokens,
            next: 0,
            end: text.chars().count() + 1,
            depth: 0,
        };
        let condition = parser.any()?;
        match parser.tokens.get(parser.next) {
            None => Ok(Self {
                text: text.to_owned(),
                condition,
            }),
            Some((position, _)) => Err(BranchingFault {
                position: *position,
                expected: "an operator or the end",
            }),
        }
    }

    /// The condition as the dictionary has it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names of the fields it looks at.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let mut names = Vec::new();
        self.condition.fields(&mut names);
        names
    }

    /// Whether the field is shown where `value` tells the raw value of a field, or of an option of a checkbox (`1` where it
    /// is ticked).
    pub fn shows(&self, value: &dyn Fn(&str, Option<&str>) -> Option<String>) -> bool {
        self.condition.holds(value).unwrap_or(true)
    }
}

impl Node {
    fn fields<'a>(&'a self, names: &mut Vec<&'a str>) {
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
    fn holds(&self, value: &dyn Fn(&str, Option<&str>) -> Option<String>) -> Option<bool> {
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

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, BranchingFault> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    let until = |from: usize, end: char, expected| {
        chars
            .iter()
            .skip(from)
            .position(|c| *c == end)
            .map(|n| from + n)
            .ok_or(BranchingFault {
                position: from,
                expected,
            })
    };
    while let Some(c) = chars.get(at) {
        let begin = at;
        let two = chars.get(at + 1);
        at += 1;
        let token = match c {
            c if c.is_whitespace() => continue,
            '[' => {
                let end = until(at, ']', "a closing bracket")?;
                let name: String = chars.get(at..end).unwrap_or_default().iter().collect();
                at = end + 1;
                Token::Field(name.trim().to_owned())
            }
            '\'' | '"' => {
                let end = until(at, *c, "a closing quote")?;
                let text = chars.get(at..end).unwrap_or_default().iter().collect();
                at = end + 1;
                Token::Text(text)
            }
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '=' => Token::Operator(Operator::Equal),
            '<' | '>' | '!' => {
                let (operator, long) = match (c, two) {
                    ('<', Some('>')) | ('!', Some('=')) => (Operator::Different, true),
                    ('<', Some('=')) => (Operator::LessOrEqual, true),
                    ('>', Some('=')) => (Operator::GreaterOrEqual, true),
                    ('<', _) => (Operator::Less, false),
                    ('>', _) => (Operator::Greater, false),
                    _ => {
                        tokens.push((begin + 1, Token::Word("not".to_owned())));
                        continue;
                    }
                };
                at += usize::from(long);
                Token::Operator(operator)
            }
            '+' | '-' | '*' | '/' | '^' => Token::Sign,
            c if c.is_alphanumeric() || matches!(c, '_' | '.') => {
                while chars
                    .get(at)
                    .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
                {
                    at += 1;
                }
                Token::Word(chars.get(begin..at).unwrap_or_default().iter().collect())
            }
            '&' | '|' => {
                at += usize::from(two == Some(c));
                Token::Word(if *c == '&' { "and" } else { "or" }.to_owned())
            }
            _ => {
                return Err(BranchingFault {
                    position: begin + 1,
                    expected: "a field, a value or an operator",
                });
            }
        };
        tokens.push((begin + 1, token));
    }
    Ok(tokens)
}

/// How deep conditions may stand in parentheses.
const DEPTH: usize = 64;

struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    next: usize,
    end: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(w)) if w.eq_ignore_ascii_case(word))
    }

    fn fault(&self, expected: &'static str) -> BranchingFault {
        let position = self.tokens.get(self.next).map_or(self.end, |(at, _)| *at);
        BranchingFault { position, expected }
    }

    fn any(&mut self) -> Result<Node, BranchingFault> {
        let mut parts = vec![self.all()?];
        while self.is_word("or") {
            self.next += 1;
            parts.push(self.all()?);
        }
        Ok(alone(parts, Node::Any))
    }

    fn all(&mut self) -> Result<Node, BranchingFault> {
        let mut parts = vec![self.comparison()?];
        while self.is_word("and") {
            self.next += 1;
            parts.push(self.comparison()?);
        }
        Ok(alone(parts, Node::All))
    }

    fn comparison(&mut self) -> Result<Node, BranchingFault> {
        if self.is_word("not") {
            self.next += 1;
            self.deeper()?;
            let part = self.comparison()?;
            self.depth -= 1;
            return Ok(Node::Not(Box::new(part)));
        }
        let left = self.sum()?;
        let Some(Token::Operator(operator)) = self.peek().cloned() else {
            return Ok(left);
        };
        self.next += 1;
        let right = self.sum()?;
        Ok(Node::Compare(Box::new(left), operator, Box::new(right)))
    }

    /// Sums are not computed, but they are no fault.
    fn sum(&mut self) -> Result<Node, BranchingFault> {
        let negative = matches!(self.peek(), Some(Token::Sign));
        self.next += usize::from(negative);
        let mut node = self.operand()?;
        if negative {
            node = match node {
                Node::Value(text) => Node::Value(format!("-{text}")),
                _ => Node::Unknown,
            };
        }
        while matches!(self.peek(), Some(Token::Sign)) {
            self.next += 1;
            self.operand()?;
            node = Node::Unknown;
        }
        Ok(node)
    }

    fn operand(&mut self) -> Result<Node, BranchingFault> {
        let Some(token) = self.peek().cloned() else {
            return Err(self.fault("a field or a value"));
        };
        match token {
            Token::Field(name) => {
                self.next += 1;
                let first = field(&name);
                let mut several = false;
                // `[event][field]` and `[field][instance]` reach beyond this form.
                while matches!(self.peek(), Some(Token::Field(_))) {
                    self.next += 1;
                    several = true;
                }
                Ok(if several { Node::Unknown } else { first })
            }
            Token::Text(text) => {
                self.next += 1;
                Ok(Node::Value(text))
            }
            Token::Word(word) => {
                self.next += 1;
                if matches!(self.peek(), Some(Token::Open)) {
                    return self.call();
                }
                if word.eq_ignore_ascii_case("and") || word.eq_ignore_ascii_case("or") {
                    self.next -= 1;
                    return Err(self.fault("a field or a value"));
                }
                Ok(Node::Value(word))
            }
            Token::Open => {
                self.next += 1;
                self.deeper()?;
                let inner = self.any()?;
                self.depth -= 1;
                self.closed()?;
                Ok(inner)
            }
            _ => Err(self.fault("a field or a value")),
        }
    }

    /// A function's arguments; what it returns is not known here.
    fn call(&mut self) -> Result<Node, BranchingFault> {
        self.next += 1;
        self.deeper()?;
        while !matches!(self.peek(), Some(Token::Close) | None) {
            self.any()?;
            if matches!(self.peek(), Some(Token::Comma)) {
                self.next += 1;
            } else {
                break;
            }
        }
        self.depth -= 1;
        self.closed()?;
        Ok(Node::Unknown)
    }

    fn closed(&mut self) -> Result<(), BranchingFault> {
        if !matches!(self.peek(), Some(Token::Close)) {
            return Err(self.fault("a closing parenthesis"));
        }
        self.next += 1;
        Ok(())
    }

    fn deeper(&mut self) -> Result<(), BranchingFault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(self.fault("fewer parentheses"));
        }
        Ok(())
    }
}

fn alone(mut parts: Vec<Node>, several: impl Fn(Vec<Node>) -> Node) -> Node {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            several(parts)
        }
    }
}

/// `name`, `name(option)`, or what is no field of the form: `user-name`, `event:label`.
fn field(text: &str) -> Node {
    let (name, option) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').map(|o| o.trim().to_owned())),
        None => (text, None),
    };
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain {
        Node::Field(name.to_lowercase(), option)
    } else {
        Node::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> bool {
        let value = |name: &str, option: Option<&str>| match (name, option) {
            ("a", None) => Some("1".to_owned()),
            ("n", None) => Some("12.5".to_owned()),
            ("t", None) => Some("it's".to_owned()),
            ("b", Some("2")) => Some("1".to_owned()),
            _ => None,
        };
        Branching::read(text).unwrap().shows(&value)
    }

    #[test]
    fn conditions_hold_as_the_frontend_evaluates_them() {
        for (text, wanted) in [
            ("[a] = '1'", true),
            ("[a]=\"2\"", false),
            ("[A] = 1", true),
            ("[a] = '1' and [b(2)] = '1'", true),
            ("[b(1)] = '1'", false),
            ("[b(1)] = '0'", true),
            ("[c] = ''", true),
            ("[c] <> ''", false),
            ("[n] > 9", true),
            ("[n] >= '12.5' and [n] <= 12.5 and [n] < 100", true),
            ("[c] < 5", false),
            ("[a] = '2' or ([a] = '1' and [n] != '')", true),
            ("not ([a] = '1')", false),
            ("[t] = \"it's\"", true),
            ("[n] > -1", true),
            // What cannot be known here does not hide a field, but what is false does.
            ("datediff([a], 'today', 'd') > 3", true),
            ("[user-name] = 'x' and [a] = '2'", false),
            ("[a] + 1 = 2", true),
            ("[event_1][a] = '9'", true),
        ] {
            assert_eq!(shown(text), wanted, "{text}");
        }
    }

    #[test]
    fn faults_say_where() {
        for (text, position, expected) in [
            ("[a = '1'", 1, "a closing bracket"),
            ("[a] = '1", 7, "a closing quote"),
            ("([a] = '1'", 11, "a closing parenthesis"),
            ("[a] = ", 7, "a field or a value"),
            ("[a] = '1' and", 14, "a field or a value"),
            ("[a] = '1' [b]) ", 11, "an operator or the end"),
            ("[a] ; 2", 5, "a field, a value or an operator"),
        ] {
            let fault = Branching::read(text).unwrap_err();
            assert_eq!((fault.position, fault.expected), (position, expected), "{text}");
        }
        assert!(Branching::read(&"(".repeat(100_000)).is_err());
        assert!(Branching::read(&"not ".repeat(100_000)).is_err());
    }
}
