//! Numbers as people write them: an integer, or a string when it has a fraction.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// An integer, or a string where a fraction is needed: `60`, `"0.5"`, `"500m"` (a Kubernetes quantity of thousandths).
/// Kubernetes' API conventions advise against floats in a schema, because they do not round-trip.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A whole number.
    Int(i64),
    /// A decimal fraction or a quantity of thousandths.
    Text(String),
}

/// A text that is no number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a number: write an integer such as 60, or a string such as \"0.5\" or \"500m\"")]
pub struct InvalidNumber(String);

impl InvalidNumber {
    pub(crate) fn of(text: &str) -> Self {
        Self(text.into())
    }
}

impl Number {
    /// The pattern that the text form must match.
    pub const PATTERN: &'static str = r"^[0-9]{1,15}(\.[0-9]{1,9})?m?$";

    /// A rule of CEL for fields where zero or less makes no sense. It needs no arithmetic on text that may be no number, and no `type()`,
    /// which evaluators beside the API server's lack.
    pub const POSITIVE: &'static str = "string(self).matches('^[^-]*[1-9]')";

    /// The value.
    ///
    /// # Errors
    /// When the text form is neither a decimal fraction nor a quantity of thousandths.
    pub fn value(&self) -> Result<f64, InvalidNumber> {
        match self {
            #[allow(clippy::cast_precision_loss)]
            Self::Int(value) => Ok(*value as f64),
            Self::Text(text) => {
                let (digits, divisor) = text.strip_suffix('m').map_or((text.as_str(), 1.0), |rest| (rest, 1000.0));
                if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
                    return Err(InvalidNumber(text.clone()));
                }
                digits.parse::<f64>().map(|value| value / divisor).map_err(|_| InvalidNumber(text.clone()))
            }
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(formatter, "{value}"),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true, "pattern": Self::PATTERN, "maxLength": 32,
            // The pattern judges strings only, and its message shows a regular expression. A negative integer is a number, too.
            "x-kubernetes-validations": [{
                "rule": format!("string(self).matches('^-?{}')", Self::PATTERN[1..].replace('\\', r"\\")),
                "message": "write an integer such as 60, or a string such as \"0.5\" or \"500m\"",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_fractions_and_thousandths_have_a_value() {
        assert_eq!(Number::Int(60).value(), Ok(60.0));
        assert_eq!(Number::Text("0.5".into()).value(), Ok(0.5));
        assert_eq!(Number::Text("500m".into()).value(), Ok(0.5));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "m", "1e5", "-1", "1.2.3", "inf", "NaN", "0x10"] {
            assert!(Number::Text(text.into()).value().is_err(), "{text}");
        }
    }
}
