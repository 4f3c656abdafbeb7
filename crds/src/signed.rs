//! Numbers that may be below zero.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::number::{InvalidNumber, Number};

/// As [`Number`], and may be below zero: `-10`, `"-0.5"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SignedNumber(pub Number);

impl SignedNumber {
    /// The pattern that the text form must match.
    pub const PATTERN: &'static str = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?m?$";

    /// The value.
    ///
    /// # Errors
    /// When the text form is neither a decimal fraction nor a quantity of thousandths.
    pub fn value(&self) -> Result<f64, InvalidNumber> {
        match &self.0 {
            Number::Text(text) if text.starts_with('-') => {
                let magnitude = Number::Text(text.trim_start_matches('-').into());
                let single = !text.starts_with("--");
                magnitude.value().ok().filter(|_| single).map(|value| -value).ok_or_else(|| InvalidNumber::of(text))
            }
            number => number.value(),
        }
    }
}

impl fmt::Display for SignedNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl JsonSchema for SignedNumber {
    fn schema_name() -> Cow<'static, str> {
        "SignedNumber".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true, "pattern": Self::PATTERN, "maxLength": 32,
            "x-kubernetes-validations": [{
                "rule": format!("type(self) == int || string(self).matches('{}')", Self::PATTERN.replace('\\', r"\\")),
                "message": "write an integer such as -10, or a string such as \"-0.5\" or \"500m\"",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_both_sides_of_zero_have_a_value() {
        let text = |text: &str| SignedNumber(Number::Text(text.into())).value().ok();
        assert_eq!(SignedNumber(Number::Int(-10)).value(), Ok(-10.0));
        assert_eq!([text("-0.5"), text("500m"), text("-500m")], [Some(-0.5), Some(0.5), Some(-0.5)]);
        assert_eq!([text("--1"), text("-"), text("1-")], [None; 3]);
    }
}
