//! The part of CEL that an expectation may be written in: a result's variables, operators and functions of scalars.
//!
//! There are no macros, so that an expression takes no longer than it is; lists are there for `in` alone. Types are inferred as far as
//! they are known before there is a result, so that what can only fail is told when it is written.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

use crate::checks::functions;

/// No expression nests deeper.
const MAX_DEPTH: usize = 48;

/// What can be said of a type before there is a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whatever the database returns.
    Any,
    /// true or false.
    Bool,
    /// An integer.
    Int,
    /// An unsigned integer.
    Uint,
    /// A double.
    Double,
    /// A string.
    Text,
    /// A point in time.
    Timestamp,
    /// A length of time.
    Duration,
    /// null.
    Null,
    /// A list of scalars.
    List,
}

impl Kind {
    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "something of the result",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Text => "a string",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Null => "null",
            Self::List => "a list",
        }
    }

    fn may_be(self, kinds: &[Self]) -> bool {
        self == Self::Any || kinds.contains(&self)
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Whether CEL compares the two; numbers are compared whatever their type.
    fn compares(self, other: Self) -> bool {
        self == Self::Any || other == Self::Any || self == other || (self.is_number() && other.is_number())
    }
}

/// What an expression is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// `value`.
    pub value: bool,
    /// `rows`.
    pub rows: bool,
}

/// Looks whether an expression is written in this language, and infers its type.
///
/// # Errors
/// What is wrong, and what to write.
pub fn infer(expression: &IdedExpr, uses: &mut Uses) -> Result<Kind, String> {
    Reader { uses, depth: 0 }.kind(expression)
}

struct Reader<'a> {
    uses: &'a mut Uses,
    depth: usize,
}

impl Reader<'_> {
    fn kind(&mut self, expression: &IdedExpr) -> Result<Kind, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("it nests deeper than {MAX_DEPTH} levels: write it shorter, or say it in SQL"));
        }
        let kind = match &expression.expr {
            Expr::Literal(literal) => of_literal(literal)?,
            Expr::Ident(name) => self.variable(name)?,
            Expr::Select(select) => self.select(select)?,
            Expr::List(list) => {
                for element in &list.elements {
                    self.scalar(element)?;
                }
                Kind::List
            }
            Expr::Call(call) => self.call(call)?,
            Expr::Comprehension(_) => {
                return Err("all, exists, map and filter are not available: write it in SQL, for example \
                     SELECT bool_and(active) FROM users, and value"
                    .to_owned());
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                return Err(
                    "maps and messages cannot be written here: compare scalars, for example value > 0".to_owned()
                );
            }
        };
        self.depth -= 1;
        Ok(kind)
    }

    fn scalar(&mut self, expression: &IdedExpr) -> Result<Kind, String> {
        match self.kind(expression)? {
            Kind::List => {
                Err("a list can stand on the right of in only: write for example value in ['a', 'b']".to_owned())
            }
            kind => Ok(kind),
        }
    }

    fn variable(&mut self, name: &str) -> Result<Kind, String> {
        match name {
            "value" => {
                self.uses.value = true;
                Ok(Kind::Any)
            }
            "rows" => {
                self.uses.rows = true;
                Ok(Kind::Int)
            }
            "row" => Err("row is a whole row: write row.COLUMN, or row['COLUMN'] where the name has other characters \
                 than letters, digits and _"
                .to_owned()),
            _ => Err(format!(
                "there is no variable {name}: write value (the first column of the first row), row.COLUMN or rows \
                 (how many there are)"
            )),
        }
    }

    fn select(&mut self, select: &SelectExpr) -> Result<Kind, String> {
        if !is_row(&select.operand) {
            return Err(format!("only row has columns: write row.{}", select.field));
        }
        Ok(if select.test { Kind::Bool } else { Kind::Any })
    }

    fn call(&mut self, call: &CallExpr) -> Result<Kind, String> {
        match (&call.target, call.args.as_slice()) {
            (None, [only]) => self.unary(&call.func_name, only),
            (None, [left, right]) => self.binary(&call.func_name, left, right),
            (None, [condition, then, other]) if call.func_name == operators::CONDITIONAL => {
                self.expect("? :", condition, &[Kind::Bool])?;
                let (then, other) = (self.scalar(then)?, self.scalar(other)?);
                Ok(if then == other { then } else { Kind::Any })
            }
            (Some(target), arguments) => self.method(&call.func_name, target, arguments),
            _ => Err(unknown(&call.func_name)),
        }
    }

    fn unary(&mut self, name: &str, argument: &IdedExpr) -> Result<Kind, String> {
        match name {
            operators::LOGICAL_NOT => self.expect("!", argument, &[Kind::Bool]),
            operators::NEGATE => self.expect("-", argument, &[Kind::Int, Kind::Double]),
            "size" => self.expect("size", argument, &[Kind::Text]).map(|_| Kind::Int),
            "int" => self
                .expect("int", argument, &[Kind::Int, Kind::Uint, Kind::Double, Kind::Text, Kind::Timestamp])
                .map(|_| Kind::Int),
            "double" => self
                .expect("double", argument, &[Kind::Int, Kind::Uint, Kind::Double, Kind::Text])
                .map(|_| Kind::Double),
            "string" => self
                .expect(
                    "string",
                    argument,
                    &[Kind::Bool, Kind::Int, Kind::Uint, Kind::Double, Kind::Text, Kind::Timestamp],
                )
                .map(|_| Kind::Text),
            "timestamp" => {
                if let Some(text) = text(argument)
                    && text.parse::<jiff::Timestamp>().is_err()
                {
                    return Err(format!(
                        "{text:?} is no timestamp: write for example timestamp('2026-03-01T00:00:00Z')"
                    ));
                }
                self.expect("timestamp", argument, &[Kind::Text, Kind::Timestamp]).map(|_| Kind::Timestamp)
            }
            "duration" => {
                if let Some(text) = text(argument)
                    && functions::duration(text).is_none()
                {
                    return Err(format!("{text:?} is no duration: write for example duration('1h30m')"));
                }
                self.expect("duration", argument, &[Kind::Text, Kind::Duration]).map(|_| Kind::Duration)
            }
            _ => Err(unknown(name)),
        }
    }

    fn binary(&mut self, name: &str, left: &IdedExpr, right: &IdedExpr) -> Result<Kind, String> {
        match name {
            operators::LOGICAL_AND | operators::LOGICAL_OR => {
                let sign = if name == operators::LOGICAL_AND { "&&" } else { "||" };
                self.expect(sign, left, &[Kind::Bool])?;
                self.expect(sign, right, &[Kind::Bool])?;
                Ok(Kind::Bool)
            }
            operators::EQUALS | operators::NOT_EQUALS => {
                let (left, right) = (self.scalar(left)?, self.scalar(right)?);
                if left == Kind::Null || right == Kind::Null || left.compares(right) {
                    return Ok(Kind::Bool);
                }
                Err(format!("{} never equals {}: convert one, for example with int(value)", left.name(), right.name()))
            }
            operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS => {
                let (left, right) = (self.scalar(left)?, self.scalar(right)?);
                if left != Kind::Null && right != Kind::Null && left.compares(right) {
                    return Ok(Kind::Bool);
                }
                Err(format!(
                    "{} is neither less nor more than {}: compare like with like, for example value > 0",
                    left.name(),
                    right.name()
                ))
            }
            operators::IN if is_row(right) => self.expect("in row", left, &[Kind::Text]).map(|_| Kind::Bool),
            operators::IN => {
                self.scalar(left)?;
                match self.kind(right)? {
                    Kind::List => Ok(Kind::Bool),
                    _ => Err("in needs a list: write for example value in ['a', 'b']".to_owned()),
                }
            }
            operators::INDEX if is_row(left) => match text(right) {
                Some(_) => Ok(Kind::Any),
                None => Err("a column is named by a string: write for example row['count']".to_owned()),
            },
            operators::INDEX => Err("only row has columns: write row['COLUMN']".to_owned()),
            operators::ADD | operators::SUBSTRACT | operators::MULTIPLY | operators::DIVIDE | operators::MODULO => {
                let (left, right) = (self.scalar(left)?, self.scalar(right)?);
                arithmetic(name, left, right)
            }
            _ => Err(unknown(name)),
        }
    }

    fn method(&mut self, name: &str, target: &IdedExpr, arguments: &[IdedExpr]) -> Result<Kind, String> {
        match (name, arguments) {
            ("size", []) => self.expect("size", target, &[Kind::Text]).map(|_| Kind::Int),
            ("startsWith" | "endsWith" | "contains", [part]) => {
                self.expect(name, target, &[Kind::Text])?;
                self.expect(name, part, &[Kind::Text])?;
                Ok(Kind::Bool)
            }
            ("matches", [part]) => {
                self.expect(name, target, &[Kind::Text])?;
                let Some(part) = text(part) else {
                    return Err(
                        "matches takes a literal pattern: write for example value.matches('^[0-9]+$')".to_owned()
                    );
                };
                functions::pattern(part).map(|_| Kind::Bool)
            }
            _ => Err(unknown(name)),
        }
    }

    fn expect(&mut self, what: &str, argument: &IdedExpr, kinds: &[Kind]) -> Result<Kind, String> {
        let kind = self.scalar(argument)?;
        if kind.may_be(kinds) {
            return Ok(kind);
        }
        let wanted: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        Err(format!(
            "{what} takes {}, not {}: write for example value > 0 && rows == 1",
            wanted.join(" or "),
            kind.name()
        ))
    }
}

fn of_literal(literal: &LiteralValue) -> Result<Kind, String> {
    Ok(match literal {
        LiteralValue::Boolean(_) => Kind::Bool,
        LiteralValue::Int(_) => Kind::Int,
        LiteralValue::UInt(_) => Kind::Uint,
        LiteralValue::Double(_) => Kind::Double,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::Null => Kind::Null,
        LiteralValue::Bytes(_) => {
            return Err(
                "bytes cannot be compared here: encode them in SQL, for example encode(digest, 'hex')".to_owned()
            );
        }
    })
}

/// The type of a sum and the like. What is known to have none is refused; one side of the result may yet turn out to fit.
fn arithmetic(operator: &str, left: Kind, right: Kind) -> Result<Kind, String> {
    use Kind::{Any, Double, Duration, Int, Text, Timestamp, Uint};
    let kind = match (operator, left, right) {
        (_, Any, Any) => Some(Any),
        (operators::MODULO, Any | Int, Int) | (operators::MODULO, Int, Any) => Some(Int),
        (operators::MODULO, ..) => None,
        (operators::ADD, Timestamp, Duration | Any) | (operators::ADD, Duration, Timestamp) => Some(Timestamp),
        (operators::ADD, Text, Text | Any) | (operators::ADD, Any, Text) => Some(Text),
        (operators::ADD | operators::SUBSTRACT, Any | Duration, Duration)
        | (operators::ADD | operators::SUBSTRACT, Duration, Any) => Some(Any),
        (operators::SUBSTRACT, Timestamp, Timestamp) => Some(Duration),
        (operators::SUBSTRACT, Timestamp, Duration) => Some(Timestamp),
        (operators::SUBSTRACT, Timestamp, Any) | (operators::ADD | operators::SUBSTRACT, Any, Timestamp) => Some(Any),
        (_, Any, number @ (Int | Uint | Double)) | (_, number @ (Int | Uint | Double), Any) => Some(number),
        (_, one, other) if one == other && one.is_number() => Some(one),
        _ => None,
    };
    kind.ok_or_else(|| {
        format!(
            "CEL does not calculate with {} and {}: convert one, for example double(rows) * 1.5, or calculate in SQL",
            left.name(),
            right.name()
        )
    })
}

fn is_row(expression: &IdedExpr) -> bool {
    matches!(&expression.expr, Expr::Ident(name) if name == "row")
}

/// The text of a string literal.
fn text(expression: &IdedExpr) -> Option<&str> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

fn unknown(name: &str) -> String {
    let name = if name.starts_with(['_', '@']) { "optional syntax".to_owned() } else { format!("{name}(…)") };
    format!(
        "{name} is not available: there are the operators of CEL, size(), startsWith(), endsWith(), contains(), matches(), has(), \
         int(), double(), string(), timestamp(), duration() with their usual arguments, and SQL"
    )
}
