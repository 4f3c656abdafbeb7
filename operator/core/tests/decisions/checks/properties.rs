//! What holds for whatever is written and returned.

use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;
use runbook_core::checks::{Expectation, SqlOutcome, SqlValue, Verdict};

use super::{SECRET, count, judged, row};

fn value() -> impl Strategy<Value = SqlValue> {
    prop_oneof![
        Just(SqlValue::Null),
        any::<bool>().prop_map(SqlValue::Bool),
        prop_oneof![any::<i64>(), -3..3i64].prop_map(SqlValue::Int),
        prop_oneof![any::<f64>(), Just(f64::NAN), Just(2.0)].prop_map(SqlValue::Double),
        Just(SqlValue::Text(SECRET.into())),
        any::<i64>().prop_map(|micros| {
            SqlValue::Timestamp(Timestamp::from_microsecond(micros / 100).unwrap_or(Timestamp::MAX))
        }),
    ]
}

fn outcome() -> impl Strategy<Value = SqlOutcome> {
    (value(), value(), 0..3u32, any::<bool>()).prop_map(|(one, other, rows, more)| {
        if rows == 0 {
            return SqlOutcome::empty();
        }
        let row = BTreeMap::from([("a".to_owned(), one), ("b".to_owned(), other)]);
        SqlOutcome { value: SqlValue::Int(i64::from(rows)), row, rows, more }
    })
}

/// Expressions of all that the language has, and of what it has not.
fn expression() -> impl Strategy<Value = String> {
    let leaf = select(vec![
        "value",
        "rows",
        "row.a",
        "row.b",
        "row['a']",
        "row.c",
        "has(row.a)",
        "1",
        "-1",
        "0",
        "2u",
        "1.5",
        "9223372036854775807",
        "'a'",
        "'1'",
        "true",
        "false",
        "null",
        "timestamp('2026-03-01T00:00:00Z')",
        "duration('87000000h')",
        "duration('-1s')",
        "[1, 'a', null]",
        "row",
        "x",
        "b'1'",
        "{}",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let binary = select(vec!["&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in"]);
        let function = select(vec!["size", "int", "double", "string", "timestamp", "duration", "uint", "type"]);
        let method = select(vec!["startsWith", "endsWith", "contains", "matches", "exists"]);
        prop_oneof![
            4 => (inner.clone(), binary, inner.clone()).prop_map(|(left, sign, right)| format!("({left} {sign} {right})")),
            1 => inner.clone().prop_map(|one| format!("!({one})")),
            1 => inner.clone().prop_map(|one| format!("-({one})")),
            1 => (inner.clone(), function).prop_map(|(one, function)| format!("{function}({one})")),
            1 => (inner.clone(), method, inner.clone()).prop_map(|(one, method, other)| format!("({one}).{method}({other})")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(one, two, three)| format!("({one} ? {two} : {three})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_written_and_returned_nothing_breaks_and_nothing_of_a_row_is_told(
        expression in expression(),
        outcome in outcome(),
    ) {
        if let Ok(expectation) = Expectation::parse(&expression)
            && let Verdict::Failed(message) = expectation.judge(&outcome)
        {
            prop_assert!(message.starts_with(expectation.text()), "{message}");
            prop_assert!(!message.contains(SECRET), "{message}");
            prop_assert!(message.chars().count() <= expression.chars().count() + 400, "{message}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_and_breaks_nothing(text in "[a-z0-9 .()\\[\\]{}?:!<>=&|+*/%'\"\\\\-]{0,40}") {
        if let Ok(expectation) = Expectation::parse(&text) {
            expectation.judge(&count(1));
        }
    }

    #[test]
    fn numbers_compare_as_numbers_do(value in -5..5i64, whole in any::<bool>(), limit in -5..5i64, point in any::<bool>()) {
        let outcome = row(&[("n", if whole { SqlValue::Int(value) } else { SqlValue::Double(value as f64) })]);
        let limit_text = if point { format!("{limit}.0") } else { limit.to_string() };
        for (sign, holds) in [
            ("<", value < limit), ("<=", value <= limit), (">", value > limit), (">=", value >= limit), ("==", value == limit),
            ("!=", value != limit),
        ] {
            let verdict = judged(&format!("value {sign} {limit_text}"), &outcome);
            prop_assert_eq!(verdict == Verdict::Passed, holds, "{} {} {}", value, sign, limit_text);
        }
    }
}
