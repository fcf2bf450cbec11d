//! From words to a condition.

use super::BranchingFault;
use super::condition::Condition;
use super::token::Token;

/// How deep conditions may stand in parentheses.
const DEPTH: usize = 64;

/// Where reading stands.
pub(super) struct Parser<'t> {
    tokens: &'t [(usize, Token)],
    next: usize,
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    /// Over the words of a text that ends before `end`.
    pub(super) fn new(tokens: &'t [(usize, Token)], end: usize) -> Self {
        Self {
            tokens,
            next: 0,
            end,
            depth: 0,
        }
    }

    /// The condition that all words make.
    pub(super) fn whole(mut self) -> Result<Condition, BranchingFault> {
        let condition = self.any()?;
        match self.peek() {
            None => Ok(condition),
            Some(_) => Err(self.fault("an operator or the end")),
        }
    }

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

    fn any(&mut self) -> Result<Condition, BranchingFault> {
        let mut parts = vec![self.all()?];
        while self.is_word("or") {
            self.next += 1;
            parts.push(self.all()?);
        }
        Ok(alone(parts, Condition::Any))
    }

    fn all(&mut self) -> Result<Condition, BranchingFault> {
        let mut parts = vec![self.comparison()?];
        while self.is_word("and") {
            self.next += 1;
            parts.push(self.comparison()?);
        }
        Ok(alone(parts, Condition::All))
    }

    fn comparison(&mut self) -> Result<Condition, BranchingFault> {
        if self.is_word("not") {
            self.next += 1;
            self.deeper()?;
            let part = self.comparison()?;
            self.depth -= 1;
            return Ok(Condition::Not(Box::new(part)));
        }
        let left = self.sum()?;
        let Some(Token::Operator(operator)) = self.peek().cloned() else {
            return Ok(left);
        };
        self.next += 1;
        let right = self.sum()?;
        Ok(Condition::Compare(Box::new(left), operator, Box::new(right)))
    }

    /// Sums are not computed, but they are no fault.
    fn sum(&mut self) -> Result<Condition, BranchingFault> {
        let negative = matches!(self.peek(), Some(Token::Sign));
        self.next += usize::from(negative);
        let mut node = self.operand()?;
        if negative {
            node = match node {
                Condition::Value(text) => Condition::Value(format!("-{text}")),
                _ => Condition::Unknown,
            };
        }
        while matches!(self.peek(), Some(Token::Sign)) {
            self.next += 1;
            self.operand()?;
            node = Condition::Unknown;
        }
        Ok(node)
    }

    fn operand(&mut self) -> Result<Condition, BranchingFault> {
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
                Ok(if several { Condition::Unknown } else { first })
            }
            Token::Text(text) => {
                self.next += 1;
                Ok(Condition::Value(text))
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
                Ok(Condition::Value(word))
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
    fn call(&mut self) -> Result<Condition, BranchingFault> {
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
        Ok(Condition::Unknown)
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

fn alone(mut parts: Vec<Condition>, several: impl Fn(Vec<Condition>) -> Condition) -> Condition {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            several(parts)
        }
    }
}

/// `name`, `name(option)`, or what is no field of the form: `user-name`, `event:label`.
fn field(text: &str) -> Condition {
    let (name, option) = match text.split_once('(') {
        Some((name, rest)) => (name.trim(), rest.strip_suffix(')').map(|o| o.trim().to_owned())),
        None => (text, None),
    };
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain {
        Condition::Field(name.to_lowercase(), option)
    } else {
        Condition::Unknown
    }
}
