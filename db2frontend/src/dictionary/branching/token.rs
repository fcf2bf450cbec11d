//! The words of a condition.

use super::BranchingFault;
use super::condition::Operator;

/// A word, where no more can be told of it alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Field(String),
    Text(String),
    Word(String),
    Operator(Operator),
    Sign,
    Open,
    Close,
    Comma,
}

/// Words with their positions, counted from 1.
pub(super) fn read(text: &str) -> Result<Vec<(usize, Token)>, BranchingFault> {
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
