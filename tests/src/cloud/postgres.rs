//! The databases themselves, asked by SQL: those that were restored, by whoever has set their password.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use runbook_aws::Password;
use runbook_core::checks::{FailureClass, SqlFailure, SqlOutcome, SqlValue};
use runbook_core::facts::SqlResults;
use runbook_core::query::SqlQuestion;
use runbook_operator::asking::Databases;

use super::FakeAws;
use super::rds::Rds;
use super::rds::colleagues::Act;
use super::rds::restores::{Data, Restored};
use crate::dice;
use crate::fault::{Door, Fault};
use crate::journal::{Asked, What};
use crate::process::Process;
use crate::stage::lock;

/// The statement that finds no row where the data is [`Data::Empty`].
pub const USERS: &str = "SELECT count(*) FROM users";
/// The statement whose table is missing where the data is [`Data::Incomplete`].
pub const SESSIONS: &str = "SELECT count(*) FROM sessions";

/// The way of one life of the operator to databases.
pub struct Postgres {
    aws: FakeAws,
    process: Arc<Process>,
}

impl Postgres {
    /// The way in for a process.
    pub fn new(aws: FakeAws, process: Arc<Process>) -> Self {
        Self { aws, process }
    }

    /// What the database makes of a question that reached it, written down.
    fn arrive(&self, question: &SqlQuestion, password: &Password, nth: u64) -> Result<SqlResults, SqlFailure> {
        let stage = &self.process.stage;
        let now = stage.now();
        let (scope, name) = (&question.database.scope, &question.database.identifier);
        let mut state = lock(&self.aws.state);
        let rds = &mut state.region(&scope.account_id, &scope.region).rds;
        rds.advance(now);
        let answer = rds.ask(question, password, nth, now);
        let found = rds.restored.get(name);
        // As the data is, not as what is expected says.
        let good = answer.as_ref().ok().map(|_| found.is_some_and(|one| one.data == Data::Good));
        let complete = answer.as_ref().is_ok_and(|all| !all.iter().any(|(_, one)| is_unanswered(one)));
        let asked = Asked {
            process: self.process.number,
            instance: name.clone(),
            snapshot: found.and_then(|one| one.snapshot.clone()),
            good: good.filter(|good| complete || !good),
            failure: answer.as_ref().err().map(|failure| failure.class),
        };
        stage.journal.push(now, What::Asked(Box::new(asked)));
        answer
    }
}

fn is_unanswered(one: &Result<SqlOutcome, SqlFailure>) -> bool {
    one.as_ref().is_err_and(|failure| !failure.class.is_answer())
}

#[async_trait]
impl Databases for Postgres {
    async fn ask(&self, question: &SqlQuestion, password: &Password) -> Result<SqlResults, SqlFailure> {
        self.process.proceed().await;
        let stage = &self.process.stage;
        let key = format!("SQL {}", question.database.identifier);
        let (site, fault) = stage.call(Door::Aws, &key, false);
        let mut rng = stage.dice.nth(&format!("latency {key}"), site.nth);
        match fault {
            Some(Fault::CrashBefore) => self.process.crash(&format!("before {key}")),
            Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
            Some(Fault::HangBefore | Fault::HangThenEffect(_)) => {
                tokio::time::sleep(Duration::try_from(question.timeout).unwrap_or_default()).await;
                self.process.proceed().await;
                return Err(SqlFailure::new(FailureClass::Timeout, "no answer in time"));
            }
            Some(Fault::ErrorBefore | Fault::Throttle | Fault::Conflict | Fault::Denied) => {
                return Err(SqlFailure::new(FailureClass::Refused, "too many connections"));
            }
            _ => {}
        }
        self.process.proceed().await;
        tokio::time::sleep(dice::between(&mut rng, 5, 2_000)).await;
        self.process.proceed().await;
        let answer = self.arrive(question, password, site.nth);
        match fault {
            Some(Fault::CrashAfter) => self.process.crash(&format!("after {key}")),
            Some(Fault::ErrorAfter) => {
                return Err(SqlFailure::new(FailureClass::Unreachable, "the connection broke"));
            }
            _ => {}
        }
        self.process.proceed().await;
        answer
    }
}

impl Rds {
    /// What a database that was restored answers.
    fn ask(
        &self,
        question: &SqlQuestion,
        password: &Password,
        nth: u64,
        now: Timestamp,
    ) -> Result<SqlResults, SqlFailure> {
        let name = &question.database.identifier;
        let failure = |class, message: &str| Err(SqlFailure::new(class, message));
        let Some(found) = self.restored.get(name).filter(|one| one.status(now) == "available" && !one.unreachable)
        else {
            return failure(FailureClass::Unreachable, "nobody answers there");
        };
        if found.resource_id != question.resource_id || !found.lets_in(password) {
            return failure(FailureClass::Credentials, "password authentication failed");
        }
        let mut rng = self.dice.nth(&format!("{name} is asked"), nth);
        let unanswered = dice::happens(&mut rng, self.odds.unanswered);
        match rng.u8(0..4) {
            0 if unanswered => return failure(FailureClass::Refused, "the database system is starting up"),
            1 if unanswered => return failure(FailureClass::Timeout, "no answer in time"),
            2 if unanswered => return failure(FailureClass::Tls, "the certificate is not for this host"),
            _ => {}
        }
        let last = question.statements.len().saturating_sub(1);
        let answers = question.statements.iter().enumerate().map(|(index, (check, sql))| {
            // The connection may break before the last answer.
            let answer = match unanswered && index == last {
                true => Err(SqlFailure::new(FailureClass::Unreachable, "the connection broke")),
                false => answer(found.data, sql),
            };
            (check.clone(), answer)
        });
        Ok(answers.collect())
    }
}

fn answer(data: Data, sql: &str) -> Result<SqlOutcome, SqlFailure> {
    let count = match (data, sql) {
        (Data::Incomplete, SESSIONS) => {
            return Err(SqlFailure::new(FailureClass::Statement, "42P01: relation \"sessions\" does not exist"));
        }
        (Data::Empty, USERS) => SqlValue::Int(0),
        _ => SqlValue::Int(42),
    };
    let row = BTreeMap::from([("count".to_owned(), count.clone())]);
    Ok(SqlOutcome { value: count, row, rows: 1, more: false })
}

impl FakeAws {
    /// Somebody other than the operator does something about instances that were restored.
    pub fn outside_restored(&self, place: (&str, &str), act: &Act) {
        let now = self.stage.now();
        let mut state = lock(&self.state);
        if state.region(place.0, place.1).rds.act_on_restored(act, now) {
            self.stage.journal.push(now, What::OutsideRestored(act.clone()));
        }
    }

    /// What RDS holds of instances that were restored.
    pub fn restored(&self, place: (&str, &str)) -> BTreeMap<String, Restored> {
        let now = self.stage.now();
        let mut state = lock(&self.state);
        let rds = &mut state.region(place.0, place.1).rds;
        rds.advance(now);
        rds.restored.clone()
    }
}
