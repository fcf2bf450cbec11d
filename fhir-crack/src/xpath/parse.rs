use super::{Axis, Comparison, Expr, Function, Step, Test, XPath};

/// Predicates nested in each other, at most.
const NESTING: u32 = 32;

impl XPath {
    /// Reads the path of a column; the reason if it is not well-formed or not supported.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parser = Parser {
            text,
            at: 0,
            nesting: 0,
        };
        let path = parser.path()?;
        parser.blanks();
        match parser.rest().chars().next() {
            None => {}
            Some('|') => return Err("a union of paths is not supported; use one column for each"),
            Some(_) => return Err("not a path"),
        }
        match path.steps.last() {
            Some(step) if step.axis == Axis::Attribute => {
                Err("a path ends at an element, the attributes of which are taken; leave out the attribute")
            }
            None => Err("an empty path"),
            Some(_) if path.steps.iter().any(|s| s.axis == Axis::Attribute) => {
                Err("an attribute has no children")
            }
            Some(_) => Ok(path),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nesting: u32,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes a sign, blanks before it skipped.
    fn take(&mut self, sign: &str) -> bool {
        self.blanks();
        let taken = self.rest().starts_with(sign);
        if taken {
            self.at += sign.len();
        }
        taken
    }

    /// Takes an operator that is a word.
    fn take_word(&mut self, word: &str) -> bool {
        self.blanks();
        let rest = self.rest();
        let taken = rest
            .strip_prefix(word)
            .is_some_and(|behind| !behind.starts_with(is_name));
        if taken {
            self.at += word.len();
        }
        taken
    }

    fn name(&mut self) -> Option<&'a str> {
        self.blanks();
        let rest = self.rest();
        let length = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        if length == 0 || rest.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.') {
            return None;
        }
        self.at += length;
        rest.get(..length)
    }

    fn path(&mut self) -> Result<XPath, &'static str> {
        let mut steps = Vec::new();
        if self.take("//") {
            return Err("a path begins below the resource; write .// for descendants");
        }
        if self.take("/") {
            return Err("a path begins below the resource, without a slash");
        }
        loop {
            steps.push(self.step()?);
            if self.take("//") {
                steps.push(Step {
                    axis: Axis::DescendantOrSelf,
                    test: Test::Any,
                    predicates: Vec::new(),
                });
            } else if !self.take("/") {
                break;
            }
        }
        let matters = |step: &Step| step.axis != Axis::Own || !step.predicates.is_empty();
        if steps.len() > 1 {
            steps.retain(matters);
        }
        Ok(XPath { steps })
    }

    fn step(&mut self) -> Result<Step, &'static str> {
        if self.take("..") {
            return Err("steps to the parent are not supported");
        }
        if self.take(".") {
            return Ok(Step {
                axis: Axis::Own,
                test: Test::Any,
                predicates: Vec::new(),
            });
        }
        if self.take("(") {
            return Err("a step in parentheses is not supported");
        }
        let axis = self.axis()?;
        let test = if self.take("*") {
            Test::Any
        } else {
            Test::Name(self.name().ok_or("an element name is missing")?.into())
        };
        if self.rest().starts_with('(') {
            return Err("node tests such as text() are not supported: FHIR has its values in attributes");
        }
        let mut predicates = Vec::new();
        while self.take("[") {
            self.nesting += 1;
            if self.nesting > NESTING {
                return Err("predicates are nested too deeply");
            }
            predicates.push(self.or()?);
            self.nesting -= 1;
            if !self.take("]") {
                return Err("a predicate is not closed");
            }
        }
        Ok(Step {
            axis,
            test,
            predicates,
        })
    }

    fn axis(&mut self) -> Result<Axis, &'static str> {
        if self.take("@") {
            return Ok(Axis::Attribute);
        }
        let start = self.at;
        if let Some(name) = self.name()
            && self.take("::")
        {
            return match name {
                "child" => Ok(Axis::Child),
                "descendant" => Ok(Axis::Descendant),
                "attribute" => Ok(Axis::Attribute),
                "self" => Ok(Axis::Own),
                _ => Err("only the axes child, descendant, self and attribute are supported"),
            };
        }
        self.at = start;
        Ok(Axis::Child)
    }

    fn or(&mut self) -> Result<Expr, &'static str> {
        let mut left = self.and()?;
        while self.take_word("or") {
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Expr, &'static str> {
        let mut left = self.comparison()?;
        while self.take_word("and") {
            left = Expr::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expr, &'static str> {
        let left = self.operand()?;
        let signs = [
            ("!=", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        for (sign, comparison) in signs {
            if self.take(sign) {
                return Ok(Expr::Compare(
                    comparison,
                    Box::new(left),
                    Box::new(self.operand()?),
                ));
            }
        }
        self.blanks();
        if self.rest().starts_with(['+', '-', '|']) {
            return Err("sums and unions in predicates are not supported");
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Expr, &'static str> {
        self.blanks();
        let rest = self.rest();
        match rest.chars().next() {
            Some(quote @ ('\'' | '"')) => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find(quote).ok_or("a quoted text is not closed")?;
                self.at += end + 2;
                Ok(Expr::Text(inner.get(..end).unwrap_or_default().into()))
            }
            Some(c) if c.is_ascii_digit() || c == '-' => {
                let length = rest
                    .find(|c: char| !c.is_ascii_digit() && c != '.' && c != '-')
                    .unwrap_or(rest.len());
                self.at += length;
                let number = rest.get(..length).unwrap_or_default();
                number.parse().map(Expr::Number).map_err(|_| "not a number")
            }
            Some('(') => {
                self.at += 1;
                self.nesting += 1;
                if self.nesting > NESTING {
                    return Err("predicates are nested too deeply");
                }
                let inner = self.or()?;
                self.nesting -= 1;
                if self.take(")") {
                    Ok(inner)
                } else {
                    Err("a parenthesis is not closed")
                }
            }
            _ => self.call_or_path(),
        }
    }

    fn call_or_path(&mut self) -> Result<Expr, &'static str> {
        let start = self.at;
        if let Some(name) = self.name()
            && self.take("(")
        {
            let (function, least, most) = Function::named(name).ok_or("a function that is not supported")?;
            let mut arguments = Vec::new();
            self.nesting += 1;
            if self.nesting > NESTING {
                return Err("predicates are nested too deeply");
            }
            while !self.take(")") {
                if !arguments.is_empty() && !self.take(",") {
                    return Err("a parenthesis is not closed");
                }
                arguments.push(self.or()?);
            }
            self.nesting -= 1;
            if arguments.len() < least || arguments.len() > most {
                return Err("a function with another number of arguments");
            }
            return Ok(Expr::Call(function, arguments));
        }
        self.at = start;
        self.path().map(Expr::Path)
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}
