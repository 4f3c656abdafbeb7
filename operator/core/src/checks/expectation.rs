//! What is expected of a result, in CEL.

use std::sync::Arc;

use cel::common::ast::IdedExpr;
use cel::parser::Parser;
use cel::{Context, ExecutionError, Value};

use crate::checks::functions;
use crate::checks::language::{self, Kind, Uses};
use crate::checks::{SqlOutcome, SqlValue};

/// No expression is longer, in characters.
pub const MAX_EXPRESSION: usize = 512;
/// No expression nests deeper; the parser calls itself for each level.
const MAX_NESTING: u16 = 24;
/// No more characters of a value are shown.
const MAX_SHOWN: usize = 64;

/// An expression over `value` (the first column of the first row, null without a row), `row` (the first row, by column) and `rows` (how
/// many rows were returned).
#[derive(Clone, Debug)]
pub struct Expectation {
    text: String,
    expression: Arc<IdedExpr>,
    uses: Uses,
}

/// Two are equal that are written the same.
impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// Whether a result is as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Passed,
    /// It is not, and how so. Of the result it has `value` and `rows` at most, where the expectation is about them.
    Failed(String),
}

impl Expectation {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, and what to write.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty: write for example value > 0".to_owned());
        }
        let length = text.chars().count();
        if length > MAX_EXPRESSION {
            return Err(format!("it has {length} characters: write at most {MAX_EXPRESSION}, and the rest in SQL"));
        }
        let expression = Parser::default().max_recursion_depth(MAX_NESTING).parse(text).map_err(|errors| {
            format!("{text:?} is no expression of CEL{}: write for example value > 0", place(&errors))
        })?;
        let mut uses = Uses::default();
        let kind = language::infer(&expression, &mut uses).map_err(|error| format!("{text:?}: {error}"))?;
        if !matches!(kind, Kind::Bool | Kind::Any) {
            return Err(format!(
                "{text:?} is {}, and has to be true or false: compare it, for example value > 0",
                kind.name()
            ));
        }
        Ok(Self { text: text.to_owned(), expression: Arc::new(expression), uses })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether a result is as expected. One that cannot be judged, being of other types or lacking a column, is not.
    pub fn judge(&self, outcome: &SqlOutcome) -> Verdict {
        let result = context(outcome).and_then(|context| Value::resolve(&self.expression, &context));
        let said = match result {
            Ok(Value::Bool(true)) => return Verdict::Passed,
            Ok(Value::Bool(false)) => "is false".to_owned(),
            Ok(_) => "is neither true nor false".to_owned(),
            Err(error) => format!("cannot be judged, {}", why(&error, outcome)),
        };
        Verdict::Failed(format!("{} {said}{}", self.text, self.seen(outcome)))
    }

    /// The scalars that it is about, as they are.
    fn seen(&self, outcome: &SqlOutcome) -> String {
        let mut seen = Vec::new();
        if self.uses.value {
            seen.push(format!("value is {}", shown(&outcome.value)));
        }
        // Without a row a null is no news: why it is one is.
        if self.uses.rows || outcome.rows == 0 {
            let more = if outcome.more { " or more" } else { "" };
            seen.push(format!("rows is {}{more}", outcome.rows));
        }
        if seen.is_empty() { String::new() } else { format!(": {}", seen.join(", ")) }
    }
}

/// Where the parser stumbled.
fn place(errors: &cel::ParseErrors) -> String {
    let Some(first) = errors.errors.iter().find(|error| error.pos.1 > 0) else { return String::new() };
    format!(" at its character {}", first.pos.1)
}

fn context(outcome: &SqlOutcome) -> Result<Context<'static, 'static>, ExecutionError> {
    let mut context = Context::empty();
    functions::add(&mut context).map_err(|error| ExecutionError::function_error("context", error))?;
    let row: std::collections::HashMap<String, Value> =
        outcome.row.iter().map(|(column, value)| (column.clone(), cel(value))).collect();
    context.add_variable_from_value("value", cel(&outcome.value));
    context.add_variable_from_value("row", row);
    context.add_variable_from_value("rows", i64::from(outcome.rows));
    Ok(context)
}

fn cel(value: &SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Bool(truth) => Value::Bool(*truth),
        SqlValue::Int(number) => Value::Int(*number),
        SqlValue::Double(number) => Value::Float(*number),
        SqlValue::Text(text) => Value::String(Arc::new(text.clone())),
        SqlValue::Timestamp(at) => functions::timestamp(*at).unwrap_or(Value::Null),
    }
}

/// Why nothing came of it, without any value of the result: CEL's own words hold them.
fn why(error: &ExecutionError, outcome: &SqlOutcome) -> String {
    match error {
        ExecutionError::NoSuchKey(column) if outcome.rows == 0 => format!("there is no row with a column {column:?}"),
        ExecutionError::NoSuchKey(column) => {
            let columns: Vec<String> = outcome.row.keys().map(|column| cut(column)).collect();
            format!("the result has no column {:?}, but {}", cut(column), cut(&columns.join(", ")))
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => "it divides by zero".to_owned(),
        ExecutionError::Overflow(..) => "a number or time gets too large".to_owned(),
        ExecutionError::FunctionError { function, .. } => format!("{function}() does not take what it is given"),
        _ => "it compares or calculates with values of other types than it says, or with null".to_owned(),
    }
}

/// A value for a message, of which others than the table's owner may read.
fn shown(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "null".to_owned(),
        SqlValue::Bool(truth) => truth.to_string(),
        SqlValue::Int(number) => number.to_string(),
        SqlValue::Double(number) => number.to_string(),
        SqlValue::Text(text) => format!("{:?}", cut(text)),
        SqlValue::Timestamp(at) => at.to_string(),
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
