use super::Refused;
use super::ast::Temporal;

/// A word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    /// A name in back quotes, which is never a keyword.
    Quoted(String),
    String(String),
    Number(String),
    Temporal(Temporal, String),
    Constant(String),
    /// `$this` and the like, without `$`.
    Variable(String),
    Symbol(&'static str),
    End,
}

const SYMBOLS: [&str; 24] = [
    "<=", ">=", "!=", "!~", "(", ")", "[", "]", "{", "}", ".", ",", "=", "<", ">", "+", "-", "*", "/", "|",
    "&", "~", ":", ";",
];

/// The words of an expression, each with the place it begins at.
pub(super) fn words(text: &str) -> Result<Vec<(usize, Token)>, Refused> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { chars: &chars, at: 0 };
    let mut words = Vec::new();
    loop {
        lexer.blanks()?;
        let at = lexer.at;
        let token = lexer.token()?;
        let end = token == Token::End;
        words.push((at, token));
        if end {
            return Ok(words);
        }
    }
}

struct Lexer<'a> {
    chars: &'a [char],
    at: usize,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn starts(&self, text: &str) -> bool {
        let rest = self.chars.get(self.at..).unwrap_or_default();
        text.chars().count() <= rest.len() && text.chars().zip(rest).all(|(a, b)| a == *b)
    }

    fn blanks(&mut self) -> Result<(), Refused> {
        loop {
            if self.starts("//") {
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
            } else if self.starts("/*") {
                let at = self.at;
                while !self.starts("*/") {
                    if self.peek().is_none() {
                        return Err(Refused::new(at, "the comment has no end"));
                    }
                    self.at += 1;
                }
                self.at += 2;
            } else if self.peek().is_some_and(char::is_whitespace) {
                self.at += 1;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, Refused> {
        let Some(first) = self.peek() else {
            return Ok(Token::End);
        };
        match first {
            '\'' => Ok(Token::String(self.quoted('\'')?)),
            '`' => Ok(Token::Quoted(self.quoted('`')?)),
            '0'..='9' => Ok(Token::Number(self.number())),
            '@' => self.temporal(),
            '%' => self.constant(),
            '$' => {
                self.at += 1;
                Ok(Token::Variable(self.name()))
            }
            _ if first.is_ascii_alphabetic() || first == '_' => Ok(Token::Name(self.name())),
            _ => self.symbol(first),
        }
    }

    fn symbol(&mut self, first: char) -> Result<Token, Refused> {
        match SYMBOLS.iter().find(|symbol| self.starts(symbol)) {
            Some(symbol) => {
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
            None => Err(Refused::new(
                self.at,
                format!("{first:?} begins nothing of FHIRPath"),
            )),
        }
    }

    fn name(&mut self) -> String {
        self.take(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    fn take(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let mut out = String::new();
        while let Some(c) = self.peek().filter(|&c| wanted(c)) {
            out.push(c);
            self.at += 1;
        }
        out
    }

    fn number(&mut self) -> String {
        let mut out = self.take(|c| c.is_ascii_digit());
        let fraction = self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit);
        if self.peek() == Some('.') && fraction {
            self.at += 1;
            out.push('.');
            out.push_str(&self.take(|c| c.is_ascii_digit()));
        }
        out
    }

    /// `@2015`, `@2015-02-04T14:34:28Z`, `@T14:30`.
    fn temporal(&mut self) -> Result<Token, Refused> {
        let at = self.at;
        self.at += 1;
        let (kind, text) = if self.peek() == Some('T') {
            self.at += 1;
            (Temporal::Time, self.clock(":"))
        } else {
            let date = self.take(|c| c.is_ascii_digit() || c == '-');
            if self.peek() == Some('T') {
                self.at += 1;
                let time = self.clock(":+-Z");
                (Temporal::DateTime, format!("{date}T{time}"))
            } else {
                (Temporal::Date, date)
            }
        };
        let plain = text.strip_suffix('T').unwrap_or(&text);
        let known = match kind {
            Temporal::Time => crate::eval::temporal::Moment::time(plain),
            _ => crate::eval::temporal::Moment::date_time(plain),
        };
        match known {
            Some(_) => Ok(Token::Temporal(kind, plain.to_owned())),
            None => Err(Refused::new(at, "@ begins a date, a date-time or a time")),
        }
    }

    /// Digits and these signs; a point only before a digit, since behind the literal a function may be called.
    fn clock(&mut self, signs: &str) -> String {
        let mut out = self.take(|c| c.is_ascii_digit() || signs.contains(c));
        if self.peek() == Some('.') && self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit) {
            self.at += 1;
            out.push('.');
            out.push_str(&self.take(|c| c.is_ascii_digit() || signs.contains(c)));
        }
        out
    }

    fn constant(&mut self) -> Result<Token, Refused> {
        let at = self.at;
        self.at += 1;
        let name = match self.peek() {
            Some(quote @ ('\'' | '`')) => self.quoted(quote)?,
            _ => self.name(),
        };
        if name.is_empty() {
            return Err(Refused::new(at, "% is followed by a name"));
        }
        Ok(Token::Constant(name))
    }

    fn quoted(&mut self, quote: char) -> Result<String, Refused> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(Refused::new(start, "the quote is not closed"));
            };
            self.at += 1;
            match c {
                _ if c == quote => return Ok(out),
                '\\' => out.push(self.escape()?),
                _ => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refused> {
        let at = self.at - 1;
        let wrong = || Refused::new(at, "no escape of FHIRPath");
        let c = self.peek().ok_or_else(wrong)?;
        self.at += 1;
        Ok(match c {
            '\'' | '"' | '`' | '\\' | '/' => c,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'u' => {
                let digits: String = self
                    .chars
                    .get(self.at..self.at + 4)
                    .ok_or_else(wrong)?
                    .iter()
                    .collect();
                self.at += 4;
                let code = u32::from_str_radix(&digits, 16).map_err(|_| wrong())?;
                char::from_u32(code).ok_or_else(wrong)?
            }
            _ => return Err(wrong()),
        })
    }
}
