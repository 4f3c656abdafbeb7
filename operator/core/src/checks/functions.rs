//! The functions that an expectation may call. Each takes time in proportion to its arguments, and none panics.

use std::sync::Arc;

use cel::extractors::This;
use cel::{Context, ExecutionError, Value};
use chrono::{DateTime, FixedOffset, TimeDelta};
use jiff::{SignedDuration, Timestamp};
use regex::{Regex, RegexBuilder};

/// No pattern compiles to more bytes, so that none takes long to compile.
const MAX_PATTERN: usize = 32 * 1024;
/// No duration is longer, as in CEL (10,000 years); a timestamp and such a one have always a sum.
const MAX_DURATION: SignedDuration = SignedDuration::from_secs(315_576_000_000);
/// The doubles at which those that are ints end.
const INT_RANGE: std::ops::Range<f64> = -9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0;

/// What is said of arguments that do not fit; CEL's own words would hold their values.
pub const UNFIT: &str = "its argument does not fit";

/// A pattern, ready to match.
///
/// # Errors
/// It is none, or too large.
pub fn pattern(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(MAX_PATTERN).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("{text:?} is too large a pattern: write a shorter one"),
        _ => format!("{text:?} is no pattern: write a regular expression of RE2's syntax, for example '^[0-9]+$'"),
    })
}

/// A point in time as CEL has it, to the microsecond, which is all that PostgreSQL has.
pub fn timestamp(at: Timestamp) -> Option<Value> {
    let utc = DateTime::from_timestamp_micros(at.as_microsecond())?;
    Some(Value::Timestamp(utc.with_timezone(&FixedOffset::east_opt(0)?)))
}

/// A duration as CEL has it, of `90s`, `1h30m` and the like.
pub fn duration(text: &str) -> Option<Value> {
    let length: SignedDuration = text.parse().ok().filter(|length: &SignedDuration| length.abs() <= MAX_DURATION)?;
    TimeDelta::try_milliseconds(i64::try_from(length.as_millis()).ok()?).map(Value::Duration)
}

/// Adds them all.
///
/// # Errors
/// Never: none is declared twice.
pub fn add(context: &mut Context<'_, '_>) -> Result<(), cel::DeclarationError> {
    context.add_function("size", |This(text): This<Value>| match text {
        Value::String(text) => fits("size", i64::try_from(text.chars().count()).ok().map(Value::Int)),
        _ => fits("size", None),
    })?;
    context.add_function("startsWith", |This(text): This<Value>, part: Value| {
        texts("startsWith", &text, &part, |text, part| text.starts_with(part))
    })?;
    context.add_function("endsWith", |This(text): This<Value>, part: Value| {
        texts("endsWith", &text, &part, |text, part| text.ends_with(part))
    })?;
    context.add_function("contains", |This(text): This<Value>, part: Value| {
        texts("contains", &text, &part, |text, part| text.contains(part))
    })?;
    context.add_function("matches", |This(text): This<Value>, part: Value| {
        texts("matches", &text, &part, |text, part| pattern(part).is_ok_and(|pattern| pattern.is_match(text)))
    })?;
    context.add_function("int", |value: Value| fits("int", int(&value).map(Value::Int)))?;
    context.add_function("double", |value: Value| fits("double", double(&value).map(Value::Float)))?;
    context.add_function("string", |value: Value| {
        fits("string", string(&value).map(|text| Value::String(Arc::new(text))))
    })?;
    context.add_function("timestamp", |value: Value| match value {
        Value::Timestamp(_) => Ok(value),
        Value::String(text) => fits("timestamp", text.parse().ok().and_then(timestamp)),
        _ => fits("timestamp", None),
    })?;
    context.add_function("duration", |value: Value| match value {
        Value::Duration(_) => Ok(value),
        Value::String(text) => fits("duration", duration(&text)),
        _ => fits("duration", None),
    })
}

fn fits(function: &str, value: Option<Value>) -> Result<Value, ExecutionError> {
    value.ok_or_else(|| ExecutionError::function_error(function, UNFIT))
}

fn texts(function: &str, text: &Value, part: &Value, is: impl Fn(&str, &str) -> bool) -> Result<Value, ExecutionError> {
    match (text, part) {
        (Value::String(text), Value::String(part)) => Ok(Value::Bool(is(text, part))),
        _ => fits(function, None),
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::UInt(number) => i64::try_from(*number).ok(),
        // Towards zero, as CEL says.
        #[allow(clippy::cast_possible_truncation)]
        Value::Float(number) => INT_RANGE.contains(number).then_some(*number as i64),
        Value::String(text) => text.parse().ok(),
        Value::Timestamp(at) => Some(at.timestamp()),
        _ => None,
    }
}

fn double(value: &Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(*number),
        #[allow(clippy::cast_precision_loss)]
        Value::Int(number) => Some(*number as f64),
        #[allow(clippy::cast_precision_loss)]
        Value::UInt(number) => Some(*number as f64),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn string(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Timestamp(at) => Some(at.to_rfc3339()),
        _ => None,
    }
}
