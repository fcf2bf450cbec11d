use std::borrow::Cow;

use fhir_crack::outline::Token;
use rust_decimal::Decimal;

use super::Evaluator;
use crate::compile::{Class, Type, number};

/// A value of an expression.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// An element of the resource.
    Item(u32),
    Boolean(bool),
    /// A number, and whether it is an integer.
    Number(Decimal, bool),
    Text(&'a str, Class),
    /// A text made while evaluating: where it begins and ends.
    Made(u32, u32, Class),
}

/// How a text is to be taken that may be of several classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// As this class.
    As(Class),
    /// As a string or anything that is written as one in JSON.
    Quoted,
    /// As anything: XML does not tell.
    Any,
}

impl<'a> Evaluator<'a> {
    /// The text of a value; none of an element that has only parts.
    pub(crate) fn text(&self, value: Value<'a>) -> Option<Cow<'_, str>> {
        Some(match value {
            Value::Item(item) => self.outline.text(item as usize)?.into(),
            Value::Boolean(true) => "true".into(),
            Value::Boolean(false) => "false".into(),
            Value::Number(number, _) => number.to_string().into(),
            Value::Text(text, _) => text.into(),
            Value::Made(start, end, _) => self.made(start, end).into(),
        })
    }

    /// The text of a value that has one without being written anew: all but numbers that were computed.
    #[inline]
    pub(crate) fn plain_text(&self, value: Value<'a>) -> Option<&str> {
        match value {
            Value::Item(item) => self.outline.text(item as usize),
            Value::Text(text, _) => Some(text),
            Value::Made(start, end, _) => Some(self.made(start, end)),
            Value::Boolean(true) => Some("true"),
            Value::Boolean(false) => Some("false"),
            Value::Number(..) => None,
        }
    }

    pub(super) fn made(&self, start: u32, end: u32) -> &str {
        self.arena.get(start as usize..end as usize).unwrap_or_default()
    }

    /// How a value was written.
    pub(crate) fn token(&self, value: Value<'a>) -> Token {
        match value {
            Value::Item(item) => self.outline.token(item as usize),
            Value::Boolean(_) => Token::Boolean,
            Value::Number(..) => Token::Number,
            Value::Text(..) | Value::Made(..) => Token::String,
        }
    }

    /// How a value is to be taken that is of a type as far as that is known.
    pub(super) fn taken(&self, value: Value<'a>, known: Type) -> Taken {
        match value {
            Value::Boolean(_) => Taken::As(Class::Boolean),
            Value::Number(_, true) => Taken::As(Class::Integer),
            Value::Number(_, false) => Taken::As(Class::Decimal),
            Value::Text(_, class) | Value::Made(_, _, class) => Taken::As(class),
            Value::Item(item) => match (known.class(), self.outline.token(item as usize)) {
                (Some(class), _) => Taken::As(class),
                (None, Token::Boolean) => Taken::As(Class::Boolean),
                (None, Token::Number) => Taken::As(Class::Decimal),
                (None, Token::String) => Taken::Quoted,
                (None, Token::Text) => Taken::Any,
            },
        }
    }

    /// The value as a number. A JSON string is none.
    pub(super) fn number(&self, value: Value<'a>) -> Option<Decimal> {
        match value {
            Value::Number(number, _) => Some(number),
            Value::Item(item) if self.outline.token(item as usize) != Token::String => {
                number(self.outline.text(item as usize)?)
            }
            _ => None,
        }
    }

    /// The value as true or false. A JSON string is neither.
    pub(crate) fn boolean(&self, value: Value<'a>) -> Option<bool> {
        match value {
            Value::Boolean(is) => Some(is),
            Value::Item(item) if self.outline.token(item as usize) != Token::String => {
                match self.outline.text(item as usize)? {
                    "true" => Some(true),
                    "false" => Some(false),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
