//! Expectations of what a database returns: what may be written, what it means, and what is told of it.

mod properties;

use jiff::Timestamp;
use runbook_core::checks::{Expectation, FailureClass, SqlCheck, SqlFailure, SqlOutcome, SqlValue, Verdict};

/// What nobody may find in a message.
const SECRET: &str = "alice@example.com";

/// One row of these columns.
fn row(columns: &[(&str, SqlValue)]) -> SqlOutcome {
    SqlOutcome {
        value: columns.first().map_or(SqlValue::Null, |(_, value)| value.clone()),
        row: columns.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        rows: 1,
        more: false,
    }
}

fn count(value: i64) -> SqlOutcome {
    row(&[("count", SqlValue::Int(value))])
}

fn user() -> SqlOutcome {
    row(&[
        ("id", SqlValue::Int(7)),
        ("email", SqlValue::Text(SECRET.into())),
        ("active", SqlValue::Bool(true)),
        ("balance", SqlValue::Double(12.5)),
        ("created", SqlValue::Timestamp("2026-03-01T02:00:00.5Z".parse().unwrap())),
        ("born", SqlValue::Timestamp("1954-06-07T12:00:00.25Z".parse().unwrap())),
        ("deleted", SqlValue::Null),
        ("last login", SqlValue::Null),
    ])
}

fn judged(expression: &str, outcome: &SqlOutcome) -> Verdict {
    Expectation::parse(expression).unwrap_or_else(|error| panic!("{error}")).judge(outcome)
}

fn failed(message: &str) -> Verdict {
    Verdict::Failed(message.to_owned())
}

#[test]
fn what_is_as_expected_passes() {
    for expression in [
        "value > 0",
        "value == 7.0 && 7.0 == value && value in [7.0, 8.0]",
        "value >= 7 && value <= 7 && value != 8 && value < 7.5",
        "value + 1 == 8 && value * 2 - 4 == 10 && value / 2 == 3 && value % 4 == 3 && -value == -7",
        "value > 2u",
        "rows == 1",
        "row.id == value",
        "row['id'] == 7",
        "row.active",
        "!(!row.active)",
        "row.balance > 12 && row.balance == 12.5 && double(row.id) + row.balance == 19.5",
        "row.email.contains('@') && row.email.startsWith('alice') && row.email.endsWith('.com')",
        "row.email.matches('^[a-z]+@[a-z.]+$')",
        "size(row.email) == 17 && row.email.size() > 3 && size('é') == 1",
        "row.email + '!' == 'alice@example.com!'",
        "row.email in ['bob@example.com', 'alice@example.com']",
        "row.deleted == null && row.email != null && row['last login'] == null",
        "has(row.id) && !has(row.phone) && 'email' in row && !('phone' in row)",
        "row.created > timestamp('2026-03-01T02:00:00Z')",
        "row.created < timestamp('2026-03-01T02:00:00Z') + duration('1s')",
        "row.born == timestamp('1954-06-07T12:00:00.25Z')",
        "row.created - row.born > duration('70000h')",
        "rows > 1 ? value > 100 : value > 1",
        "value > 0 || row.phone == 1",
        "row.phone == 1 || value > 0",
        "int('7') == value && string(value) == '7' && int(row.balance) == 12 && int(row.created) > 0",
        "  value\n  > 0  // a comment",
    ] {
        assert_eq!(judged(expression, &user()), Verdict::Passed, "{expression}");
    }
    assert_eq!(judged("value == null && rows == 0", &SqlOutcome::empty()), Verdict::Passed);
    let many = SqlOutcome { rows: 1000, more: true, ..count(1) };
    assert_eq!(judged("rows >= 1000", &many), Verdict::Passed);
}

#[test]
fn what_is_not_says_what_there_was_and_no_more() {
    let none = SqlOutcome::empty();
    for (expression, outcome, message) in [
        ("value > 0", count(0), "value > 0 is false: value is 0"),
        ("row.count > 0", count(0), "row.count > 0 is false"),
        ("rows == 2", count(0), "rows == 2 is false: rows is 1"),
        ("value > 0 && rows == 2", count(5), "value > 0 && rows == 2 is false: value is 5, rows is 1"),
        (
            "rows < 1000",
            SqlOutcome { rows: 1000, more: true, ..count(1) },
            "rows < 1000 is false: rows is 1000 or more",
        ),
        ("value == 0.5", row(&[("avg", SqlValue::Double(0.25))]), "value == 0.5 is false: value is 0.25"),
        ("value", row(&[("ok", SqlValue::Bool(false))]), "value is false: value is false"),
        ("value", count(1), "value is neither true nor false: value is 1"),
        (
            "value > 0",
            row(&[("max", SqlValue::Null)]),
            "value > 0 cannot be judged, it compares or calculates with values of other types than it says, or with null: \
             value is null",
        ),
        (
            "value > 0",
            none.clone(),
            "value > 0 cannot be judged, it compares or calculates with values of other types than it says, or with null: \
             value is null, rows is 0",
        ),
        (
            "value > 0",
            row(&[("text", SqlValue::Text("7".into()))]),
            "value > 0 cannot be judged, it compares or calculates with values of other types than it says, or with null: \
             value is \"7\"",
        ),
        (
            "value == 'ok'",
            row(&[("text", SqlValue::Text(format!("{}{SECRET}", "ü".repeat(64))))]),
            &format!("value == 'ok' is false: value is \"{}…\"", "ü".repeat(64)),
        ),
        (
            "value == 'ok'",
            row(&[("text", SqlValue::Text("two\nlines".into()))]),
            r#"value == 'ok' is false: value is "two\nlines""#,
        ),
        ("row.total > 0", count(1), "row.total > 0 cannot be judged, the result has no column \"total\", but count"),
        ("row.total > 0", none, "row.total > 0 cannot be judged, there is no row with a column \"total\": rows is 0"),
        ("row.email == 'bob'", user(), "row.email == 'bob' is false"),
        (
            "row.email > 5",
            user(),
            "row.email > 5 cannot be judged, it compares or calculates with values of other types than it says, or with null",
        ),
        ("int(row.email) > 5", user(), "int(row.email) > 5 cannot be judged, int() does not take what it is given"),
        (
            "row.id.startsWith('7')",
            user(),
            "row.id.startsWith('7') cannot be judged, startsWith() does not take what it is given",
        ),
        ("1 / (row.id - 7) > 0", user(), "1 / (row.id - 7) > 0 cannot be judged, it divides by zero"),
        (
            "row.id * 9223372036854775807 > 0",
            user(),
            "row.id * 9223372036854775807 > 0 cannot be judged, a number or time gets too large",
        ),
        (
            "row.created + duration('87000000h') > row.created",
            user(),
            "row.created + duration('87000000h') > row.created cannot be judged, a number or time gets too large",
        ),
    ] {
        assert_eq!(judged(expression, &outcome), failed(message), "{expression}");
    }
}

#[test]
fn the_ends_of_a_number_are_no_accident() {
    let least = row(&[("min", SqlValue::Int(i64::MIN))]);
    for expression in ["-value > 0", "value / -1 > 0", "value % -1 == 0 && value - 1 < 0", "value * -1 > 0"] {
        let Verdict::Failed(message) = judged(expression, &least) else { panic!("{expression}") };
        assert!(message.contains("too large"), "{message}");
    }
    let no_number = row(&[("avg", SqlValue::Double(f64::NAN))]);
    assert_eq!(judged("value == value", &no_number), failed("value == value is false: value is NaN"));
    for expression in ["value > 0", "int(value) == 0"] {
        assert!(matches!(judged(expression, &no_number), Verdict::Failed(_)), "{expression}");
    }
    for time in [Timestamp::MIN, Timestamp::MAX] {
        let time = row(&[("at", SqlValue::Timestamp(time))]);
        for expression in ["value + duration('24h') == value", "value - duration('87000000h') == value"] {
            assert!(matches!(judged(expression, &time), Verdict::Failed(_)), "{expression}");
        }
    }
}

#[test]
fn what_can_only_fail_is_told_when_it_is_written() {
    for (expression, says) in [
        ("", "it is empty: write"),
        ("   ", "it is empty: write"),
        ("value >", "is no expression of CEL at its character"),
        ("value > 0)", "is no expression of CEL at its character"),
        ("value = 1", "is no expression of CEL at its character"),
        ("SELECT 1", "is no expression of CEL at its character"),
        ("rows", "is an int, and has to be true or false: compare it"),
        ("value + 1", "is an int, and has to be true or false"),
        ("'yes'", "is a string, and has to be true or false"),
        ("[true]", "is a list, and has to be true or false"),
        ("null", "is null, and has to be true or false"),
        ("size(value)", "is an int, and has to be true or false"),
        ("count > 0", "there is no variable count: write value"),
        ("values > 0", "there is no variable values: write value"),
        (".value > 0", "there is no variable .value: write value"),
        ("row == 1", "row is a whole row: write row.COLUMN"),
        ("size(row) == 1", "row is a whole row: write row.COLUMN"),
        ("value.id > 0", "only row has columns: write row.id"),
        ("row.a.b > 0", "only row has columns: write row.b"),
        ("value[0] > 0", "only row has columns: write row['COLUMN']"),
        ("row[0] > 0", "a column is named by a string: write"),
        ("row[value] > 0", "a column is named by a string: write"),
        ("rows == '3'", "an int never equals a string: convert one"),
        ("'a' < 3", "a string is neither less nor more than an int"),
        ("value > null", "neither less nor more than null"),
        ("rows && true", "&& takes a bool, not an int"),
        ("!rows", "! takes a bool, not an int"),
        ("rows ? true : false", "? : takes a bool, not an int"),
        ("-'a' == 'a'", "- takes an int or a double, not a string"),
        ("rows * 1.5 > 0.0", "CEL does not calculate with an int and a double: convert one"),
        ("rows - 'a' > 0", "CEL does not calculate with an int and a string"),
        ("value in 3", "in needs a list: write"),
        ("[1] == [1]", "a list can stand on the right of in only"),
        ("value in [[1]]", "a list can stand on the right of in only"),
        ("value == {'a': 1}", "maps and messages cannot be written here"),
        ("value == b'a'", "bytes cannot be compared here"),
        ("[1, 2].exists(x, x == value)", "all, exists, map and filter are not available"),
        ("row.all(k, k == 'a')", "all, exists, map and filter are not available"),
        ("lower(value) == 'a'", "lower(…) is not available"),
        ("value.lower() == 'a'", "lower(…) is not available"),
        ("row.?a == 1", "write"),
        ("value.matches(value)", "matches takes a literal pattern: write"),
        ("value.matches('(')", "is no pattern: write a regular expression"),
        ("value.matches('(((a{99}){99}){99})')", "is too large a pattern"),
        ("rows.matches('a')", "matches takes a string, not an int"),
        ("timestamp('today') < value", "is no timestamp: write for example timestamp("),
        ("duration('a while') < value", "is no duration: write for example duration("),
        ("duration('999999999h') < value", "is no duration: write for example duration("),
    ] {
        let error = Expectation::parse(expression).err().unwrap_or_else(|| panic!("{expression} is taken"));
        assert!(error.contains(says), "{expression}: {error}");
        assert!(
            error.contains("write") || error.contains("convert") || error.contains("compare") || error.contains("SQL")
        );
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn no_expression_is_too_long_or_too_deep_for_a_small_stack() {
    let deep = |open: &str, close: &str, times: usize| format!("{}true{}", open.repeat(times), close.repeat(times));
    let expressions = [
        deep("(", ")", 250),
        deep("[", "]", 250),
        deep("!", "", 500),
        deep("-", "", 500),
        deep("true?true:", "", 45),
        deep("int(", ")", 90),
        format!("value{}", ".a".repeat(250)),
        format!("row{}", "[1]".repeat(160)),
        format!("value{}", ".size()".repeat(70)),
        format!("1{} > 0", "+1".repeat(250)),
        format!("1{}", "<1".repeat(250)),
        format!("true{}", "&&true".repeat(80)),
        format!("true{}", "||value".repeat(70)),
        format!("{}1", "[1].map(a,".repeat(45)),
        "a".repeat(600),
        "((((((".repeat(80),
    ];
    std::thread::Builder::new()
        .stack_size(1024 * 1024)
        .spawn(move || {
            for expression in expressions {
                if let Ok(expectation) = Expectation::parse(&expression) {
                    expectation.judge(&count(1));
                }
            }
        })
        .unwrap()
        .join()
        .unwrap();
    let error = Expectation::parse(&"v".repeat(600)).unwrap_err();
    assert_eq!(error, "it has 600 characters: write at most 512, and the rest in SQL");
    let error = Expectation::parse(&format!("1{} > 0", "+1".repeat(60))).unwrap_err();
    assert!(error.contains("it nests deeper than 48 levels"), "{error}");
}

#[test]
fn a_check_is_one_statement_and_one_expectation() {
    let check = SqlCheck::parse("users", "SELECT count(*) FROM users", " value > 0 ").unwrap();
    assert_eq!((check.name.as_str(), check.expectation.text()), ("users", "value > 0"));
    for (sql, expect, says) in [
        (" \n", "value > 0", "check \"users\" has no statement: write"),
        ("SELECT '\0'", "value > 0", "has a NUL character: write"),
        ("SELECT 1", "value > ", "the expectation of check \"users\": \"value >\" is no expression of CEL"),
    ] {
        let error = SqlCheck::parse("users", sql, expect).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
    let error = SqlCheck::parse("users", &"x".repeat(5000), "value > 0").unwrap_err();
    assert!(error.contains("has 5000 characters: write at most 4096"), "{error}");
}

#[test]
fn what_is_logged_has_nothing_of_a_row() {
    for text in [format!("{:?}", user()), user().to_string()] {
        assert!(!text.contains("alice") && !text.contains('7') && !text.contains("12.5"), "{text}");
    }
    assert_eq!(user().to_string(), "1 row");
    assert_eq!(SqlOutcome { more: true, ..count(1) }.to_string(), "1 or more rows");
    let written = serde_json::to_string(&user()).unwrap();
    assert_eq!(serde_json::from_str::<SqlOutcome>(&written).unwrap(), user());
    let failure = SqlFailure::new(FailureClass::Statement, "42P01: relation \"users\" does not exist");
    assert_eq!(failure.to_string(), "Statement: 42P01: relation \"users\" does not exist");
}
