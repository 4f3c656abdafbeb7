//! What is read of a result.

use std::time::Duration;

use runbook_core::checks::{FailureClass, SqlCheck, SqlValue, Verdict};
use runbook_probes::{Limits, run};

use crate::server::Server;
use crate::{ask, ask_of, dialer, target};

#[tokio::test]
async fn a_good_database_passes_and_an_empty_one_fails() {
    let server = Server::shared().await;
    let checks = [
        ("users", "SELECT count(*) FROM users", "value > 0", Verdict::Passed),
        ("nobody", "SELECT count(*) FROM users WHERE id > 5", "value > 0", failed("value > 0 is false: value is 0")),
        (
            "first",
            "SELECT * FROM users ORDER BY id",
            "row.id == 1 && row.email.contains('@') && rows == 3",
            Verdict::Passed,
        ),
        ("missing", "SELECT * FROM users WHERE id > 5", "rows == 1", failed("rows == 1 is false: rows is 0")),
        ("fresh", "SELECT now()", "value > timestamp('2026-01-01T00:00:00Z')", Verdict::Passed),
    ];
    let parsed: Vec<SqlCheck> =
        checks.iter().map(|(name, sql, expect, _)| SqlCheck::parse(name, sql, expect).unwrap()).collect();
    let statements: Vec<_> = parsed.iter().map(|check| (check.name.clone(), check.sql.clone())).collect();
    let answers = run(&dialer(), &target(&server), &statements, Limits::default()).await.unwrap();
    assert_eq!(answers.len(), checks.len());
    for ((name, answer), (check, (_, _, _, verdict))) in answers.iter().zip(parsed.iter().zip(&checks)) {
        assert_eq!(name, &check.name);
        assert_eq!(&check.expectation.judge(answer.as_ref().unwrap()), verdict, "{name}");
    }
}

fn failed(message: &str) -> Verdict {
    Verdict::Failed(message.to_owned())
}

#[tokio::test]
async fn each_type_is_read_as_what_it_is() {
    let server = Server::shared().await;
    let time = |text: &str| SqlValue::Timestamp(text.parse().unwrap());
    let text = |text: &str| SqlValue::Text(text.to_owned());
    let expected = [
        ("true", SqlValue::Bool(true)),
        ("(-3)::int2", SqlValue::Int(-3)),
        ("7", SqlValue::Int(7)),
        ("9223372036854775807", SqlValue::Int(i64::MAX)),
        ("4000000000::oid", SqlValue::Int(4_000_000_000)),
        ("1.5::real", SqlValue::Double(1.5)),
        ("-2.25::float8", SqlValue::Double(-2.25)),
        ("count(*)", SqlValue::Int(3)),
        ("sum(id::bigint)", SqlValue::Int(6)),
        ("avg(id)", SqlValue::Double(2.0)),
        ("0::numeric", SqlValue::Int(0)),
        ("0.00::numeric", SqlValue::Double(0.0)),
        ("123456789::numeric", SqlValue::Int(123_456_789)),
        ("-10000::numeric", SqlValue::Int(-10_000)),
        ("100000000::numeric", SqlValue::Int(100_000_000)),
        ("9223372036854775807::numeric", SqlValue::Int(i64::MAX)),
        ("-9223372036854775808::numeric", SqlValue::Int(i64::MIN)),
        ("9223372036854775808::numeric", SqlValue::Double(9_223_372_036_854_775_808.0)),
        ("1e40::numeric", SqlValue::Double(1e40)),
        ("-1234.5678::numeric", SqlValue::Double(-1234.5678)),
        ("0.00001234::numeric", SqlValue::Double(0.000_012_34)),
        ("12.50::numeric(10,2)", SqlValue::Double(12.5)),
        ("'infinity'::numeric", SqlValue::Double(f64::INFINITY)),
        ("'Zürich'", text("Zürich")),
        ("'a'::varchar(5)", text("a")),
        ("'a'::char(3)", text("a  ")),
        ("current_user", text("checker")),
        ("'good'::mood", text("good")),
        ("NULL", SqlValue::Null),
        ("NULL::int", SqlValue::Null),
        ("NULL::timestamptz", SqlValue::Null),
        ("'2026-03-01T03:00:00.123456+01'::timestamptz", time("2026-03-01T02:00:00.123456Z")),
        ("'1954-06-07 12:00:00.5'::timestamp", time("1954-06-07T12:00:00.5Z")),
        ("pg_advisory_xact_lock_shared(1)", SqlValue::Null),
        ("'{\"a\": 1}'::jsonb->>'a'", text("1")),
    ];
    let statements: Vec<String> =
        expected.iter().map(|(column, _)| format!("SELECT {column} AS it FROM users GROUP BY ()")).collect();
    let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
    for (answer, (column, expected)) in ask(&server, &statements).await.into_iter().zip(expected) {
        let outcome = answer.unwrap_or_else(|failure| panic!("{column}: {failure}"));
        // Printing a value shows its type alone.
        assert!(outcome.value == expected && outcome.row["it"] == expected, "{column}: {}", serde(&outcome.value));
        assert_eq!((outcome.rows, outcome.more), (1, false));
    }
    let nan = ask(&server, &["SELECT 'NaN'::numeric"]).await.remove(0).unwrap().value;
    assert!(matches!(nan, SqlValue::Double(nan) if nan.is_nan()));
}

fn serde(value: &SqlValue) -> String {
    match value {
        SqlValue::Text(text) => text.clone(),
        SqlValue::Int(int) => int.to_string(),
        SqlValue::Double(double) => double.to_string(),
        SqlValue::Timestamp(at) => at.to_string(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_not_read_says_to_cast_it() {
    let server = Server::shared().await;
    let [json, uuid, infinite, long] = &ask(
        &server,
        &[
            "SELECT '{}'::jsonb AS settings",
            "SELECT 1, gen_random_uuid() AS id",
            "SELECT 'infinity'::timestamptz AS until",
            "SELECT repeat('x', 20000) AS text",
        ],
    )
    .await[..] else {
        panic!()
    };
    let message = |answer: &crate::Answered| answer.clone().unwrap_err().message;
    assert_eq!(
        message(json),
        "its column \"settings\" is of type jsonb, which is not read: cast it, for example settings::text"
    );
    assert_eq!(message(uuid), "its column \"id\" is of type uuid, which is not read: cast it, for example id::text");
    assert!(
        message(infinite).contains("\"until\" has a value of type timestamptz that is not read"),
        "{}",
        message(infinite)
    );
    assert!(
        message(long).contains("\"text\" has a value of type text that is not read (over 16384 bytes"),
        "{}",
        message(long)
    );
}

#[tokio::test]
async fn many_rows_are_counted_to_a_bound_and_the_first_is_kept() {
    let server = Server::shared().await;
    let limits = Limits { rows: 10, ..Limits::default() };
    let statements = [
        "SELECT generate_series(1, 1000000000)",
        "SELECT generate_series(1, 11)",
        "SELECT generate_series(1, 10)",
        "SELECT id AS a, email AS a, id FROM users ORDER BY id DESC",
        "SELECT 1 WHERE false",
    ];
    let outcomes: Vec<_> = ask_of(&server, &statements, limits).await.into_iter().map(Result::unwrap).collect();
    let counted: Vec<_> = outcomes.iter().map(|outcome| (outcome.rows, outcome.more)).collect();
    assert_eq!(counted, [(10, true), (10, true), (10, false), (3, false), (0, false)]);
    assert_eq!(outcomes[0].value, SqlValue::Int(1));
    // Of columns of one name the first counts.
    assert_eq!((&outcomes[3].value, &outcomes[3].row["a"]), (&SqlValue::Int(3), &SqlValue::Int(3)));
    assert_eq!((outcomes[3].row.len(), &outcomes[4].value, outcomes[4].row.len()), (2, &SqlValue::Null, 0));
}

#[tokio::test]
async fn a_huge_result_is_not_read_and_costs_no_other_statement() {
    let server = Server::shared().await;
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    let statements = [
        "SELECT repeat('x', 50000000)",
        "SELECT count(*) FROM users",
        "SELECT repeat('x', 10000) FROM generate_series(1, 900)",
        "SELECT count(*) FROM users",
    ];
    let answers = ask_of(&server, &statements, limits).await;
    for large in [0, 2] {
        let failure = answers[large].clone().unwrap_err();
        assert_eq!(failure.class, FailureClass::Statement);
        assert_eq!(failure.message, "its result has more than 1048576 bytes: count, or aggregate, in SQL");
    }
    for small in [1, 3] {
        assert_eq!(answers[small].clone().unwrap().value, SqlValue::Int(3));
    }
}

#[tokio::test]
async fn a_slow_statement_is_ended_by_the_server_and_costs_no_other() {
    let server = Server::shared().await;
    let limits = Limits { statement: Duration::from_secs(1), ..Limits::default() };
    let answers = ask_of(&server, &["SELECT pg_sleep(600)", "SELECT pg_backend_pid() > 0"], limits).await;
    let failure = answers[0].clone().unwrap_err();
    assert_eq!(failure.class, FailureClass::Timeout);
    assert_eq!(
        failure.message,
        "canceling statement due to statement timeout (SQLSTATE 57014); it has 1 s: make it faster, or give it longer"
    );
    assert_eq!(answers[1].clone().unwrap().value, SqlValue::Bool(true));
}

#[tokio::test]
async fn all_together_end_in_time_too() {
    let server = Server::shared().await;
    let limits = Limits { total: Duration::from_secs(6), ..Limits::default() };
    let answers = ask_of(&server, &["SELECT 1", "SELECT pg_sleep(600)", "SELECT 1"], limits).await;
    assert_eq!(answers[0].clone().unwrap().value, SqlValue::Int(1));
    for late in &answers[1..] {
        let failure = late.clone().unwrap_err();
        assert_eq!(failure.class, FailureClass::Timeout);
        assert!(
            failure.message.ends_with("not answered within the 6 s that all statements have together"),
            "{failure}"
        );
    }
}
