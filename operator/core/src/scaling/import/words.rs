//! Values as people write them.

use runbook_api::duration::Duration;
use runbook_api::number::Number;
use runbook_api::signed::SignedNumber;

/// Whether a schema takes this as the name of something: a letter or digit, then those and `others`.
pub fn is_name(name: &str, others: &str) -> bool {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphanumeric());
    first && name.len() <= 256 && characters.all(|c| c.is_ascii_alphanumeric() || others.contains(c))
}

/// A number as people write it: whole, or a string with at most nine decimals. None where that would not be the same number.
pub fn number(value: f64) -> Option<Number> {
    #[allow(clippy::cast_possible_truncation)]
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Some(Number::Int(value as i64));
    }
    let text = format!("{value:.9}");
    let text = text.trim_end_matches('0');
    (value > 0.0 && value < 1e15 && text.parse() == Ok(value)).then(|| Number::Text(text.into()))
}

/// As [`number`], on both sides of zero.
pub fn signed(value: f64) -> Option<SignedNumber> {
    let magnitude = if value < 0.0 { number(-value)? } else { number(value)? };
    Some(SignedNumber(match magnitude {
        magnitude if value >= 0.0 => magnitude,
        Number::Int(value) => Number::Int(-value),
        Number::Text(text) => Number::Text(format!("-{text}")),
    }))
}

/// Seconds as people write them: `90s` is `1m30s`.
pub fn duration(seconds: i32) -> Duration {
    let units = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let text: String =
        units.into_iter().filter(|(count, _)| *count != 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    Duration::new(if text.is_empty() { "0s".to_owned() } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_do() {
        assert_eq!(number(60.0), Some(Number::Int(60)));
        assert_eq!(number(0.5), Some(Number::Text("0.5".into())));
        assert_eq!(number(1.0 / 3.0), None);
        assert_eq!(number(f64::NAN), None);
        assert_eq!(number(1e300), None);
        assert_eq!(signed(-0.5), Some(SignedNumber(Number::Text("-0.5".into()))));
        assert_eq!(signed(-10.0), Some(SignedNumber(Number::Int(-10))));
        assert_eq!(signed(f64::NEG_INFINITY), None);
    }

    #[test]
    fn durations_are_written_as_people_do() {
        for (seconds, text) in [(0, "0s"), (60, "1m"), (90, "1m30s"), (300, "5m"), (3600, "1h"), (3661, "1h1m1s")] {
            assert_eq!(duration(seconds).to_string(), text);
            assert_eq!(duration(seconds).seconds(), Ok(seconds.into()));
        }
    }
}
