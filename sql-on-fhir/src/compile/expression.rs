use fhir_crack::outline::Symbol;

use super::Shared;
use super::choice::{TYPES, is_choice, type_number, typed_name};
use super::expr::{Comparison, Expr, Step, below, check_order, number};
use super::scope::{Scope, too_many};
use super::types::{Class, Type, class_of_primitive, element_anywhere, element_of, type_of};
use crate::fhirpath::{Ast, Function, Kind, Operator, Refused, Temporal};
use crate::view::Constant;

pub(crate) struct Expressions<'a> {
    pub(crate) shared: &'a mut Shared,
    pub(crate) constants: &'a [Constant],
    /// Type of the resource.
    pub(crate) resource: &'a str,
}

type Compiled = Result<(Expr, Scope), Refused>;

impl Expressions<'_> {
    pub(crate) fn compile(&mut self, ast: &Ast, scope: &Scope) -> Compiled {
        let value = |expr, class| Ok((expr, Scope::values(Type::Primitive(class))));
        match &ast.kind {
            Kind::This => Ok((Expr::This, scope.clone())),
            Kind::Empty => Ok((Expr::Empty, Scope::values(Type::Unknown))),
            Kind::Boolean(is) => value(Expr::Boolean(*is), Class::Boolean),
            Kind::String(text) => value(Expr::Text(text.as_str().into(), Class::String), Class::String),
            Kind::Number(text) => {
                let integer = !text.contains('.');
                let number =
                    number(text).ok_or_else(|| Refused::new(ast.at, "a number of at most 28 digits"))?;
                value(
                    Expr::Number(number, integer),
                    if integer { Class::Integer } else { Class::Decimal },
                )
            }
            Kind::Temporal(kind, text) => {
                let class = match kind {
                    Temporal::Date => Class::Date,
                    Temporal::DateTime => Class::DateTime,
                    Temporal::Time => Class::Time,
                };
                value(Expr::Text(text.as_str().into(), class), class)
            }
            Kind::Type(_) => Err(Refused::new(
                ast.at,
                "a type stands only in ofType and getReferenceKey",
            )),
            Kind::Constant(name) => self.constant(name, ast.at),
            Kind::Child(of, name) => self.child(of, name, ast.at, scope),
            Kind::Index(of, index) => {
                let (of, inside) = self.compile(of, scope)?;
                let (index, type_of) = self.compile(index, scope)?;
                if !matches!(type_of.type_of, Type::Unknown | Type::Primitive(Class::Integer)) {
                    return Err(Refused::new(ast.at, "an index is an integer"));
                }
                Ok((Expr::Index(of.into(), index.into()), inside))
            }
            Kind::Negative(of) => {
                let (of, inside) = self.compile(of, scope)?;
                let class = self.number_class(&inside, ast.at)?;
                Ok((Expr::Negative(of.into()), Scope::values(class)))
            }
            Kind::Binary(left, operator, right) => self.binary(left, *operator, right, ast.at, scope),
            Kind::Call(of, function, arguments) => self.call(of, *function, arguments, ast.at, scope),
        }
    }

    fn constant(&self, name: &str, at: usize) -> Compiled {
        if name == "rowIndex" {
            return Ok((Expr::RowIndex, Scope::values(Type::Primitive(Class::Integer))));
        }
        let Some(constant) = self.constants.iter().find(|constant| constant.name == name) else {
            let reason = format!("%{name} is not among the constants of the view");
            return Err(Refused::new(at, reason));
        };
        let expr = match constant.class {
            Class::Boolean => Expr::Boolean(constant.text == "true"),
            Class::Integer | Class::Decimal => Expr::Number(
                number(&constant.text).ok_or_else(|| Refused::new(at, "a number of at most 28 digits"))?,
                constant.class == Class::Integer,
            ),
            class => Expr::Text(constant.text.as_str().into(), class),
        };
        Ok((expr, Scope::values(Type::Primitive(constant.class))))
    }

    /// An element below others. Behind the resource its own type may stand (`Patient.name`).
    fn child(&mut self, of: &Ast, name: &str, at: usize, scope: &Scope) -> Compiled {
        let (of, inside) = self.compile(of, scope)?;
        if inside.root && name == self.resource {
            return Ok((of, inside));
        }
        if inside.root && name.starts_with(|c: char| c.is_ascii_uppercase()) {
            let reason = format!("the view is over {}, not over {name}", self.resource);
            return Err(Refused::new(at, reason));
        }
        let element = match inside.type_of {
            Type::Complex(data_type) => element_of(data_type, name),
            _ => Type::Unknown,
        };
        let known = element != Type::Unknown;
        let plain = self.symbol(name, at)?;
        let (step, nodes) = if !known && is_choice(name) {
            let first = self.shared.names.choice(name).ok_or_else(|| too_many(at))?;
            let nodes = self.shared.choices(&inside.nodes, name, first, at)?;
            let typed = (first + 1, first + 1 + TYPES.len() as u16);
            (Step { plain, typed }, nodes)
        } else {
            let nodes = self.shared.children(&inside.nodes, name, plain, at)?;
            (Step { plain, typed: (0, 0) }, nodes)
        };
        let type_of = if known { element } else { element_anywhere(name) };
        let scope = Scope {
            nodes,
            type_of,
            root: false,
        };
        Ok((below(of, step), scope))
    }

    fn symbol(&mut self, name: &str, at: usize) -> Result<Symbol, Refused> {
        if name.len() > 64 || !name.bytes().all(|b| b.is_ascii_alphanumeric()) || name.is_empty() {
            return Err(Refused::new(at, format!("{name:?} is no name of an element")));
        }
        self.shared.names.symbol(name).ok_or_else(|| too_many(at))
    }

    /// The step to a child of elements that have it by their type.
    fn step(&mut self, scope: &Scope, name: &str, at: usize) -> Result<(Step, Scope), Refused> {
        let plain = self.symbol(name, at)?;
        let nodes = self.shared.children(&scope.nodes, name, plain, at)?;
        let scope = Scope {
            nodes,
            type_of: Type::Unknown,
            root: false,
        };
        Ok((Step { plain, typed: (0, 0) }, scope))
    }

    fn number_class(&self, scope: &Scope, at: usize) -> Result<Type, Refused> {
        match scope.type_of {
            Type::Unknown => Ok(Type::Primitive(Class::Decimal)),
            Type::Primitive(class) if class.is_number() => Ok(scope.type_of),
            _ => Err(Refused::new(at, "the operator takes numbers")),
        }
    }

    fn binary(&mut self, left: &Ast, operator: Operator, right: &Ast, at: usize, scope: &Scope) -> Compiled {
        let (left, left_scope) = self.compile(left, scope)?;
        let (right, right_scope) = self.compile(right, scope)?;
        let compared = Comparison {
            left: left_scope.type_of,
            right: right_scope.type_of,
        };
        let (left, right) = (Box::new(left), Box::new(right));
        let boolean = Scope::values(Type::Primitive(Class::Boolean));
        Ok(match operator {
            Operator::And => (Expr::And(left, right), boolean),
            Operator::Or => (Expr::Or(left, right), boolean),
            Operator::Equal => (Expr::Equal(left, right, compared, true), boolean),
            Operator::NotEqual => (Expr::Equal(left, right, compared, false), boolean),
            Operator::Less | Operator::LessOrEqual | Operator::Greater | Operator::GreaterOrEqual => {
                check_order(compared, at)?;
                (Expr::Order(left, operator, right, compared), boolean)
            }
            Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => {
                let class = self.sum_class(operator, &left_scope, &right_scope, at)?;
                (
                    Expr::Arithmetic(left, operator, right, compared),
                    Scope::values(class),
                )
            }
        })
    }

    /// What an operator of arithmetic gives. `+` also puts strings together, where the values show it if not the types.
    fn sum_class(&self, operator: Operator, left: &Scope, right: &Scope, at: usize) -> Result<Type, Refused> {
        if operator == Operator::Add {
            let string = |scope: &Scope| scope.type_of.class() == Some(Class::String);
            let may_be = |scope: &Scope| string(scope) || scope.type_of == Type::Unknown;
            if may_be(left) && may_be(right) {
                return Ok(match string(left) || string(right) {
                    true => Type::Primitive(Class::String),
                    false => Type::Unknown,
                });
            }
        }
        let left = self.number_class(left, at)?;
        let right = self.number_class(right, at)?;
        let integers = left == right && left == Type::Primitive(Class::Integer);
        Ok(Type::Primitive(match integers && operator != Operator::Divide {
            true => Class::Integer,
            false => Class::Decimal,
        }))
    }

    fn call(
        &mut self,
        of: &Ast,
        function: Function,
        arguments: &[Ast],
        at: usize,
        scope: &Scope,
    ) -> Compiled {
        if function == Function::OfType {
            return self.of_type(of, arguments, at, scope);
        }
        let (of, inside) = self.compile(of, scope)?;
        let first = arguments.first();
        let boolean = Scope::values(Type::Primitive(Class::Boolean));
        let string = Scope::values(Type::Primitive(Class::String));
        Ok(match function {
            Function::Where => {
                let criteria = self.criteria(first, &inside, at)?;
                (Expr::Where(of.into(), criteria.into()), inside)
            }
            Function::Exists => {
                let of = match first {
                    None => of,
                    criteria => Expr::Where(of.into(), self.criteria(criteria, &inside, at)?.into()),
                };
                (Expr::Exists(of.into()), boolean)
            }
            Function::Empty => (Expr::IsEmpty(of.into()), boolean),
            Function::First => (Expr::First(of.into()), inside),
            Function::Not => (Expr::Not(of.into()), boolean),
            Function::OfType => (of, inside),
            Function::Extension => {
                let url = self.argument(first, scope, at)?;
                let (extension, inside) = self.step(&inside, "extension", at)?;
                let (step, _) = self.step(&inside, "url", at)?;
                let scope = Scope {
                    type_of: Type::Unknown,
                    ..inside
                };
                (Expr::Extension(of.into(), url.into(), extension, step), scope)
            }
            Function::Join => {
                let separator = first.map(|_| self.argument(first, scope, at)).transpose()?;
                (Expr::Join(of.into(), separator.map(Box::new)), string)
            }
            Function::GetResourceKey => {
                let (step, _) = self.step(&inside, "id", at)?;
                (Expr::ResourceKey(of.into(), step), string)
            }
            Function::GetReferenceKey => {
                let (reference, _) = self.step(&inside, "reference", at)?;
                let (type_step, _) = self.step(&inside, "type", at)?;
                let wanted = first.map(type_name).transpose()?;
                (
                    Expr::ReferenceKey(of.into(), wanted, reference, type_step),
                    string,
                )
            }
            Function::LowBoundary | Function::HighBoundary => {
                let precision = first.map(|ast| self.compile(ast, scope)).transpose()?;
                let high = function == Function::HighBoundary;
                let type_of = inside.type_of;
                if matches!(type_of, Type::Primitive(Class::Boolean | Class::String)) {
                    return Err(Refused::new(
                        at,
                        "boundaries are of numbers, dates, date-times and times",
                    ));
                }
                let result = match type_of {
                    Type::Primitive(Class::Integer) => Type::Primitive(Class::Decimal),
                    other => other,
                };
                let precision = precision.map(|(expr, _)| Box::new(expr));
                (
                    Expr::Boundary(of.into(), high, precision, type_of),
                    Scope::values(result),
                )
            }
        })
    }

    fn criteria(&mut self, ast: Option<&Ast>, scope: &Scope, at: usize) -> Result<Expr, Refused> {
        let Some(ast) = ast else {
            return Err(Refused::new(at, "the criteria are missing"));
        };
        let (criteria, inside) = self.compile(ast, scope)?;
        match inside.type_of {
            Type::Unknown | Type::Primitive(Class::Boolean) => Ok(criteria),
            _ => Err(Refused::new(ast.at, "criteria are true or false")),
        }
    }

    /// An argument that is a string.
    fn argument(&mut self, ast: Option<&Ast>, scope: &Scope, at: usize) -> Result<Expr, Refused> {
        let Some(ast) = ast else {
            return Err(Refused::new(at, "the argument is missing"));
        };
        let (argument, inside) = self.compile(ast, scope)?;
        match inside.type_of {
            Type::Unknown | Type::Primitive(Class::String) => Ok(argument),
            _ => Err(Refused::new(ast.at, "the argument is a string")),
        }
    }

    fn of_type(&mut self, of: &Ast, arguments: &[Ast], at: usize, scope: &Scope) -> Compiled {
        let name = arguments.first().map(type_name).transpose()?.unwrap_or_default();
        if let Some(system) = name.strip_prefix("System.") {
            let class = system_class(system)
                .ok_or_else(|| Refused::new(at, format!("{name} is no type of FHIRPath")))?;
            let (of, inside) = self.compile(of, scope)?;
            let class_of = inside
                .type_of
                .class()
                .map_or(Type::Primitive(class), Type::Primitive);
            let scope = Scope {
                type_of: class_of,
                ..inside
            };
            return Ok((Expr::OfType(of.into(), Box::default(), Some(class)), scope));
        }
        if let (Kind::Child(parent, element), Some(number)) = (&of.kind, type_number(&name)) {
            return self.typed_child(parent, element, number, at, scope);
        }
        let (of, inside) = self.compile(of, scope)?;
        let Some(number) = type_number(&name) else {
            if !name.starts_with(|c: char| c.is_ascii_uppercase()) {
                return Err(Refused::new(at, format!("{name} is no type of FHIR")));
            }
            return Ok((Expr::OfResource(of.into(), name), inside));
        };
        let symbols = self.shared.names.of_type(number);
        let scope = Scope {
            type_of: type_of(&name),
            ..inside
        };
        let class = class_of_primitive(&name);
        Ok((Expr::OfType(of.into(), symbols.into(), class), scope))
    }

    /// `value.ofType(Quantity)` is the element `valueQuantity`.
    fn typed_child(
        &mut self,
        parent: &Ast,
        element: &str,
        number: u16,
        at: usize,
        scope: &Scope,
    ) -> Compiled {
        let (of, inside) = self.compile(parent, scope)?;
        self.symbol(element, at)?;
        let first = self.shared.names.choice(element).ok_or_else(|| too_many(at))?;
        let type_name = TYPES.get(usize::from(number)).copied().unwrap_or_default();
        let symbol = first + 1 + number;
        let nodes = self
            .shared
            .children(&inside.nodes, &typed_name(element, type_name), symbol, at)?;
        let step = Step {
            plain: symbol,
            typed: (0, 0),
        };
        let scope = Scope {
            nodes,
            type_of: type_of(type_name),
            root: false,
        };
        Ok((below(of, step), scope))
    }
}

fn system_class(name: &str) -> Option<Class> {
    Some(match name {
        "Boolean" => Class::Boolean,
        "Integer" => Class::Integer,
        "Decimal" => Class::Decimal,
        "String" => Class::String,
        "Date" => Class::Date,
        "DateTime" => Class::DateTime,
        "Time" => Class::Time,
        _ => return None,
    })
}

fn type_name(ast: &Ast) -> Result<Box<str>, Refused> {
    match &ast.kind {
        Kind::Type(name) => Ok(name.as_str().into()),
        _ => Err(Refused::new(ast.at, "a type")),
    }
}
