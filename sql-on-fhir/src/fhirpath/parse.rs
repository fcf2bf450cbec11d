use super::Refused;
use super::ast::{Ast, Function, Kind, Operator};
use super::lex::{Token, words};

/// Parts of an expression nested in each other, at most.
const DEPTH: usize = 64;
/// Characters of an expression, at most.
const LENGTH: usize = 16_384;
/// Operators in a row, at most: each is a level of the tree.
const PARTS: usize = 512;

/// Reads an expression.
pub(crate) fn parse(text: &str) -> Result<Ast, Refused> {
    if text.chars().count() > LENGTH {
        return Err(Refused::new(
            LENGTH,
            format!("an expression has at most {LENGTH} characters"),
        ));
    }
    let words = words(text)?;
    let mut parser = Parser {
        words: &words,
        next: 0,
        depth: 0,
        parts: 0,
    };
    let ast = parser.expression(0)?;
    match parser.peek() {
        Token::End => Ok(ast),
        _ => Err(parser.refused("an operator or the end")),
    }
}

struct Parser<'a> {
    words: &'a [(usize, Token)],
    next: usize,
    depth: usize,
    parts: usize,
}

/// Operators by how closely they bind, the loosest first.
fn operator(token: &Token) -> Option<(u8, Operator)> {
    Some(match token {
        Token::Name(name) => match name.as_str() {
            "or" => (1, Operator::Or),
            "and" => (2, Operator::And),
            _ => return None,
        },
        Token::Symbol(symbol) => match *symbol {
            "=" => (3, Operator::Equal),
            "!=" => (3, Operator::NotEqual),
            "<" => (4, Operator::Less),
            "<=" => (4, Operator::LessOrEqual),
            ">" => (4, Operator::Greater),
            ">=" => (4, Operator::GreaterOrEqual),
            "+" => (5, Operator::Add),
            "-" => (5, Operator::Subtract),
            "*" => (6, Operator::Multiply),
            "/" => (6, Operator::Divide),
            _ => return None,
        },
        _ => return None,
    })
}

/// What FHIRPath has and views do not.
fn outside(token: &Token) -> Option<&str> {
    match token {
        Token::Name(name) => matches!(
            name.as_str(),
            "xor" | "implies" | "is" | "as" | "in" | "contains" | "div" | "mod"
        )
        .then_some(name.as_str()),
        Token::Symbol(symbol @ ("|" | "&" | "~" | "!~")) => Some(symbol),
        _ => None,
    }
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.words.get(self.next).map_or(&Token::End, |(_, token)| token)
    }

    fn at(&self) -> usize {
        self.words
            .get(self.next)
            .or(self.words.last())
            .map_or(0, |(at, _)| *at)
    }

    fn refused(&self, expected: &str) -> Refused {
        Refused::new(self.at(), format!("expected {expected}"))
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(s) if *s == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Refused> {
        if self.accept(symbol) {
            return Ok(());
        }
        Err(self.refused(symbol))
    }

    fn part(&mut self) -> Result<(), Refused> {
        self.parts += 1;
        if self.parts > PARTS {
            return Err(Refused::new(
                self.at(),
                format!("an expression has at most {PARTS} parts"),
            ));
        }
        Ok(())
    }

    /// An expression of operators that bind at least this closely.
    fn expression(&mut self, least: u8) -> Result<Ast, Refused> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Refused::new(
                self.at(),
                format!("at most {DEPTH} levels of nesting"),
            ));
        }
        let mut left = self.unary()?;
        loop {
            if let Some(name) = outside(self.peek()) {
                let reason = format!("the operator {name} is not among those of views");
                return Err(Refused::new(self.at(), reason));
            }
            let Some((binds, operator)) = operator(self.peek()).filter(|(binds, _)| *binds >= least) else {
                break;
            };
            self.part()?;
            let at = self.at();
            self.next += 1;
            let right = self.expression(binds + 1)?;
            left = Ast {
                at,
                kind: Kind::Binary(Box::new(left), operator, Box::new(right)),
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn unary(&mut self) -> Result<Ast, Refused> {
        let at = self.at();
        let mut negative = false;
        loop {
            if self.accept("-") {
                negative = !negative;
            } else if !self.accept("+") {
                break;
            }
        }
        let term = self.path()?;
        Ok(if negative {
            Ast {
                at,
                kind: Kind::Negative(Box::new(term)),
            }
        } else {
            term
        })
    }

    /// A term and what is invoked on it.
    fn path(&mut self) -> Result<Ast, Refused> {
        let mut ast = self.term()?;
        loop {
            let at = self.at();
            if self.accept(".") {
                self.part()?;
                let at = self.at();
                let name = self.name("a name or a function")?;
                ast = self.invocation(ast, at, name)?;
            } else if self.accept("[") {
                self.part()?;
                let index = self.expression(0)?;
                self.expect("]")?;
                ast = Ast {
                    at,
                    kind: Kind::Index(Box::new(ast), Box::new(index)),
                };
            } else {
                return Ok(ast);
            }
        }
    }

    /// A name and whether it may be a function's.
    fn name(&mut self, expected: &str) -> Result<(String, bool), Refused> {
        let name = match self.peek() {
            Token::Name(name) => (name.clone(), true),
            Token::Quoted(name) => (name.clone(), false),
            _ => return Err(self.refused(expected)),
        };
        self.next += 1;
        Ok(name)
    }

    fn invocation(&mut self, of: Ast, at: usize, (name, plain): (String, bool)) -> Result<Ast, Refused> {
        if !plain || !self.accept("(") {
            return Ok(Ast {
                at,
                kind: Kind::Child(Box::new(of), name),
            });
        }
        let Some((function, least, most)) = Function::named(&name) else {
            let reason = format!(
                "the function {name} is not among those of views: {}",
                Function::names()
            );
            return Err(Refused::new(at, reason));
        };
        let mut arguments = Vec::new();
        if !self.accept(")") {
            loop {
                arguments.push(if function.takes_type() {
                    self.type_name()?
                } else {
                    self.expression(0)?
                });
                if !self.accept(",") {
                    break;
                }
            }
            self.expect(")")?;
        }
        if !(least..=most).contains(&arguments.len()) {
            let count = if least == most {
                most.to_string()
            } else {
                format!("{least} or {most}")
            };
            let reason = format!("{name} takes {count} arguments, here are {}", arguments.len());
            return Err(Refused::new(at, reason));
        }
        Ok(Ast {
            at,
            kind: Kind::Call(Box::new(of), function, arguments),
        })
    }

    /// A type, with or without `FHIR.` or `System.` before it.
    fn type_name(&mut self) -> Result<Ast, Refused> {
        let at = self.at();
        let (mut name, _) = self.name("a type")?;
        if matches!(name.as_str(), "FHIR" | "System") && self.accept(".") {
            let (type_name, _) = self.name("a type")?;
            name = if name == "System" {
                format!("System.{type_name}")
            } else {
                type_name
            };
        }
        Ok(Ast {
            at,
            kind: Kind::Type(name),
        })
    }

    fn term(&mut self) -> Result<Ast, Refused> {
        let at = self.at();
        let token = self.peek().clone();
        self.next += 1;
        let kind = match token {
            Token::String(text) => Kind::String(text),
            Token::Number(text) => self.quantity(text)?,
            Token::Temporal(kind, text) => Kind::Temporal(kind, text),
            Token::Constant(name) => Kind::Constant(name),
            Token::Variable(name) if name == "this" => Kind::This,
            Token::Variable(name) => {
                let reason = format!("the variable ${name} is not among those of views: $this");
                return Err(Refused::new(at, reason));
            }
            Token::Name(name) if name == "true" => Kind::Boolean(true),
            Token::Name(name) if name == "false" => Kind::Boolean(false),
            Token::Name(name) => return self.invocation(this(at), at, (name, true)),
            Token::Quoted(name) => return self.invocation(this(at), at, (name, false)),
            Token::Symbol("(") => {
                let inside = self.expression(0)?;
                self.expect(")")?;
                return Ok(inside);
            }
            Token::Symbol("{") => {
                self.expect("}")?;
                Kind::Empty
            }
            _ => {
                self.next -= 1;
                return Err(self.refused("a name, a literal or ("));
            }
        };
        Ok(Ast { at, kind })
    }

    /// A number; one with a unit behind it is a quantity, which views do not have.
    fn quantity(&self, number: String) -> Result<Kind, Refused> {
        match self.peek() {
            Token::String(_) => Err(self.refused("an operator or the end; views have no quantities")),
            _ => Ok(Kind::Number(number)),
        }
    }
}

fn this(at: usize) -> Ast {
    Ast { at, kind: Kind::This }
}
