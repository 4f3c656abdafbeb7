//! Durations as people write them: `90s`, `5m`, `1h30m`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A length of time as a string with units: `s`, `m` and `h`, as in `90s`, `5m` or `1h30m`; at most five digits to a unit.
/// Days are integers of their own field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Duration(String);

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a duration: write whole numbers with units s, m or h, for example 90s, 5m or 1h30m")]
pub struct InvalidDuration(String);

impl Duration {
    /// The pattern of the schema, the same for every duration field. Five digits to a unit keep the sum within what AWS (32 bits of
    /// seconds) and CEL (64 bits of nanoseconds) hold.
    pub const PATTERN: &'static str = "^([0-9]{1,5}(s|m|h))+$";

    /// A duration from text that a person wrote; [`Duration::seconds`] tells whether it is one.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The whole length in seconds.
    ///
    /// # Errors
    /// When the text does not match [`Duration::PATTERN`] or exceeds what an `i64` of seconds holds.
    pub fn seconds(&self) -> Result<i64, InvalidDuration> {
        let invalid = || InvalidDuration(self.0.clone());
        let mut total: i64 = 0;
        let mut digits = String::new();
        for character in self.0.chars() {
            if character.is_ascii_digit() {
                digits.push(character);
                continue;
            }
            let unit = match character {
                's' => 1,
                'm' => 60,
                'h' => 3600,
                _ => return Err(invalid()),
            };
            let count: i64 = digits.parse().map_err(|_| invalid())?;
            total = count.checked_mul(unit).and_then(|part| total.checked_add(part)).ok_or_else(invalid)?;
            digits.clear();
        }
        if self.0.is_empty() || !digits.is_empty() {
            return Err(invalid());
        }
        Ok(total)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl JsonSchema for Duration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string", "pattern": Self::PATTERN, "maxLength": 24,
            // A pattern's message shows a regular expression.
            "x-kubernetes-validations": [{
                "rule": format!("self.matches('{}')", Self::PATTERN),
                "message": "a duration is whole numbers with units s, m or h, for example 90s, 5m or 1h30m",
            }],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("1h30m", 5400), ("0s", 0), ("1h1m1s", 3661)] {
            assert_eq!(Duration::new(text).seconds(), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        for text in ["", "5", "m", "5d", "-5m", "5m3", "1.5h", "9223372036854775807h", "99999999999999999999s"] {
            let error = Duration::new(text).seconds().expect_err(text);
            assert!(error.to_string().contains("for example 90s, 5m or 1h30m"), "{error}");
        }
    }
}
