use fhir_crack::outline::Symbol;
use rust_decimal::Decimal;

use super::types::{Class, Type};
use crate::fhirpath::{Operator, Refused};

/// An element name to go down by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) plain: Symbol,
    /// The numbers of the name with a type behind it; an empty range for most.
    pub(crate) typed: (Symbol, Symbol),
}

impl Step {
    #[inline(always)]
    pub(crate) fn is(self, symbol: Symbol) -> bool {
        symbol == self.plain || self.typed.0 <= symbol && symbol < self.typed.1
    }
}

/// What `=`, `<` and the like compare, as far as it is known before any resource is seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Comparison {
    pub(crate) left: Type,
    pub(crate) right: Type,
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub(crate) enum Expr {
    This,
    RowIndex,
    Empty,
    Boolean(bool),
    Number(Decimal, bool),
    Text(Box<str>, Class),
    /// Elements below, one step after the other.
    Path(Box<Expr>, Box<[Step]>),
    Where(Box<Expr>, Box<Expr>),
    Exists(Box<Expr>),
    IsEmpty(Box<Expr>),
    First(Box<Expr>),
    Index(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Equal(Box<Expr>, Box<Expr>, Comparison, bool),
    Order(Box<Expr>, Operator, Box<Expr>, Comparison),
    Arithmetic(Box<Expr>, Operator, Box<Expr>, Comparison),
    Negative(Box<Expr>),
    /// Of elements with these numbers, or values of this class.
    OfType(Box<Expr>, Box<[Symbol]>, Option<Class>),
    /// Resources inside of the resource, of this type.
    OfResource(Box<Expr>, Box<str>),
    Extension(Box<Expr>, Box<Expr>, Step, Step),
    Join(Box<Expr>, Option<Box<Expr>>),
    ResourceKey(Box<Expr>, Step),
    /// The steps to `reference` and `type`.
    ReferenceKey(Box<Expr>, Option<Box<str>>, Step, Step),
    Boundary(Box<Expr>, bool, Option<Box<Expr>>, Type),
}

/// One step more below an expression.
pub(super) fn below(of: Expr, step: Step) -> Expr {
    match of {
        Expr::Path(of, steps) => {
            let mut steps = steps.into_vec();
            steps.push(step);
            Expr::Path(of, steps.into())
        }
        of => Expr::Path(of.into(), [step].into()),
    }
}

/// Values that can never be compared are refused at once.
pub(super) fn check_order(compared: Comparison, at: usize) -> Result<(), Refused> {
    let (Some(left), Some(right)) = (compared.left.class(), compared.right.class()) else {
        return Ok(());
    };
    let dates = |class| matches!(class, Class::Date | Class::DateTime);
    let fits = left == right || left.is_number() && right.is_number() || dates(left) && dates(right);
    // Constants of dates are often written as strings.
    let text = left == Class::String || right == Class::String;
    let number = left.is_number() || right.is_number();
    let boolean = left == Class::Boolean || right == Class::Boolean;
    if boolean || !(fits || text && !number) {
        let reason = format!("{} and {} have no order", left.name(), right.name());
        return Err(Refused::new(at, reason));
    }
    Ok(())
}

/// A decimal as FHIR writes it.
pub(crate) fn number(text: &str) -> Option<Decimal> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if text.contains(['e', 'E']) {
        return Decimal::from_scientific(text).ok();
    }
    Decimal::from_str_exact(text).ok()
}
