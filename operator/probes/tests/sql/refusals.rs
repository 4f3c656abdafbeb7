//! What a statement may not do, and what is told of one that fails.

use runbook_core::checks::{FailureClass, SqlValue};
use runbook_probes::Limits;

use crate::server::Server;
use crate::{ask, ask_of};

#[tokio::test]
async fn nothing_is_written_whatever_the_role_may_do() {
    let server = Server::shared().await;
    let read_only = "in a read-only transaction (SQLSTATE 25006); a check reads, and changes nothing";
    let none = "it returns no columns: write a SELECT";
    let refused = [
        ("WITH gone AS (DELETE FROM users RETURNING id) SELECT count(*) FROM gone", read_only),
        ("INSERT INTO users VALUES (4, 'dora') RETURNING id", read_only),
        ("UPDATE users SET email = 'x' RETURNING id", read_only),
        ("SELECT forget()", read_only),
        ("SELECT nextval('numbers')", read_only),
        ("SELECT id FROM users FOR UPDATE", read_only),
        ("EXPLAIN ANALYZE DELETE FROM users", read_only),
        ("CALL forget_all(0)", "invalid transaction termination (SQLSTATE 2D000)"),
        ("SELECT set_config('transaction_read_only', 'off', false)", "cannot set transaction read-write mode"),
        ("SET TRANSACTION READ WRITE", none),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", none),
        ("DELETE FROM users", none),
        ("CREATE TABLE more (id int)", none),
        ("TRUNCATE users", none),
        ("DO $$ BEGIN DELETE FROM users; END $$", none),
        ("COPY users TO STDOUT", none),
        ("COMMIT", none),
        ("ROLLBACK", none),
        ("RELEASE SAVEPOINT runbook", none),
        ("", none),
        ("-- nothing", none),
        ("SELECT 1; DROP TABLE users", "cannot insert multiple commands into a prepared statement (SQLSTATE 42601)"),
        ("COMMIT; DELETE FROM users", "cannot insert multiple commands into a prepared statement (SQLSTATE 42601)"),
        ("SELECT $1::int", "it has parameters ($1), of which there are none"),
        ("SELECT '\0'", "the statement has a NUL character"),
    ];
    let count = "SELECT count(*) FROM users";
    // Each is followed by one that shows that the table is as it was, and the session.
    let statements: Vec<&str> = refused.iter().flat_map(|(sql, _)| [*sql, count]).collect();
    let answers = ask(&server, &statements).await;
    for (pair, (sql, says)) in answers.chunks(2).zip(refused) {
        let failure = pair[0].clone().expect_err(sql);
        assert_eq!(failure.class, FailureClass::Statement, "{sql}: {failure}");
        assert!(failure.message.contains(says), "{sql}: {failure}");
        assert_eq!(pair[1].clone().unwrap().value, SqlValue::Int(3), "{sql}");
    }
}

#[tokio::test]
async fn what_a_read_only_transaction_lets_through_is_undone() {
    let server = Server::shared().await;
    // Large objects are not covered before PostgreSQL 16.
    let answers = ask(&server, &["SELECT lo_create(4711)", "SELECT count(*) FROM pg_largeobject_metadata"]).await;
    assert_eq!(answers[1].clone().unwrap().value, SqlValue::Int(0));
}

#[tokio::test]
async fn what_one_statement_sets_the_next_does_not_see() {
    let server = Server::shared().await;
    let statements = [
        "SELECT set_config('statement_timeout', '0', false)",
        "SHOW statement_timeout",
        "SELECT set_config('default_transaction_read_only', 'off', false)",
        "SHOW default_transaction_read_only",
        "SHOW transaction_read_only",
        "SHOW lock_timeout",
        "SHOW application_name",
    ];
    let texts: Vec<_> =
        ask_of(&server, &statements, Limits::default()).await.into_iter().map(|answer| answer.unwrap().value).collect();
    let text = |text: &str| SqlValue::Text(text.to_owned());
    assert!(texts[0] == text("0") && texts[1] == text("30s"));
    assert!(
        texts[3] == text("on")
            && texts[4] == text("on")
            && texts[5] == text("30s")
            && texts[6] == text("runbook-operator")
    );
}

#[tokio::test]
async fn a_failure_tells_what_is_wrong_with_the_statement_and_nothing_of_the_rows() {
    let server = Server::shared().await;
    let values = "whose message may hold values: run the statement by hand to read it";
    let wrong = [
        ("SELEC 1", "syntax error at or near \"SELEC\" (SQLSTATE 42601)".to_owned()),
        ("SELECT 1 FROM sessions", "relation \"sessions\" does not exist (SQLSTATE 42P01)".to_owned()),
        ("SELECT name FROM users", "column \"name\" does not exist (SQLSTATE 42703)".to_owned()),
        (
            "SELECT * FROM hidden",
            "permission denied for table hidden (SQLSTATE 42501); grant it, or ask as another role".to_owned(),
        ),
        ("SELECT email::int FROM users", format!("SQLSTATE 22P02, {values}")),
        ("SELECT complain()", format!("SQLSTATE P0001, {values}")),
        ("SELECT 1 / (id - id) FROM users", format!("SQLSTATE 22012, {values}")),
    ];
    let statements: Vec<&str> = wrong.iter().map(|(sql, _)| *sql).collect();
    for (answer, (sql, says)) in ask(&server, &statements).await.into_iter().zip(wrong) {
        let failure = answer.expect_err(sql);
        assert_eq!((failure.class, &failure.message), (FailureClass::Statement, &says), "{sql}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ends_costs_one_statement() {
    let server = Server::shared().await;
    let answers = ask(&server, &["SELECT 1", "SELECT pg_terminate_backend(pg_backend_pid())", "SELECT 2"]).await;
    assert_eq!(answers[0].clone().unwrap().value, SqlValue::Int(1));
    let failure = answers[1].clone().unwrap_err();
    assert_eq!(failure.class, FailureClass::Unreachable);
    assert!(
        failure.message.contains("terminating connection due to administrator command (SQLSTATE 57P01)"),
        "{failure}"
    );
    assert_eq!(answers[2].clone().unwrap().value, SqlValue::Int(2));
}

#[tokio::test]
async fn a_server_that_is_out_of_something_says_nothing_of_its_data() {
    let server = Server::shared().await;
    let answers = ask(&server, &["SELECT fail('53200')", "SELECT fail('XX001')"]).await;
    let classes: Vec<FailureClass> = answers.into_iter().map(|answer| answer.unwrap_err().class).collect();
    assert_eq!(classes, [FailureClass::Refused, FailureClass::Statement], "corrupted data is an answer");
    assert!(!classes[0].is_answer() && classes[1].is_answer());
}
