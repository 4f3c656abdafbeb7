//! Defects about restores, made on purpose.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use runbook_aws::{Answered, Call, Cloud, Password, RdsCall, Reply};
use runbook_core::checks::{SqlFailure, SqlOutcome, SqlValue};
use runbook_core::facts::SqlResults;
use runbook_core::ownership::OWN_ARN_TAG;
use runbook_core::query::SqlQuestion;
use runbook_core::step::RestoreFrom;
use runbook_core::{CloudError, Scope};
use runbook_operator::asking::Databases;

use super::scenario::{Mutation as Defect, RestoreMutation as Mutation};
use crate::stage::lock;

/// RDS as an operator would use it that is defective about restores.
pub struct Restores {
    cloud: Arc<dyn Cloud>,
    done: AtomicBool,
    /// The database and the snapshot that were restored last.
    source: Mutex<Option<(String, String)>>,
}

impl Restores {
    /// A way into RDS with a defect.
    pub fn new(cloud: Arc<dyn Cloud>) -> Self {
        Self { cloud, done: AtomicBool::new(false), source: Mutex::default() }
    }

    /// What becomes of a call.
    ///
    /// # Errors
    /// As AWS refuses it.
    pub async fn call(&self, mutation: Mutation, scope: &Scope, what: &RdsCall) -> Result<Answered, CloudError> {
        if let RdsCall::Restore { from: RestoreFrom::Snapshot { source, snapshot }, .. } = what {
            *lock(&self.source) = Some((source.identifier.clone(), snapshot.clone()));
        }
        let source = lock(&self.source).clone();
        let (before, changed, after) = match (mutation, what, source) {
            (Mutation::LeaveInstance, RdsCall::DeleteInstance { .. }, _) => {
                return Ok(Answered { reply: Reply::Done, request_id: Some("request-lost".into()) });
            }
            (Mutation::DeleteSource, RdsCall::DeleteInstance { .. }, Some((identifier, _))) => {
                (None, what.clone(), Some(RdsCall::DeleteInstance { identifier }))
            }
            (Mutation::SetForeignPassword, RdsCall::SetMasterPassword { password, .. }, Some((identifier, _))) => {
                let password = password.clone();
                (None, what.clone(), Some(RdsCall::SetMasterPassword { identifier, password }))
            }
            (Mutation::RestoreTwice, RdsCall::Restore { identifier, .. }, _) => {
                let mut again = what.clone();
                if let RdsCall::Restore { identifier: name, tags, .. } = &mut again {
                    *name = format!("{identifier}-again");
                    let own = tags.iter_mut().filter(|(key, _)| key == OWN_ARN_TAG);
                    own.for_each(|(_, arn)| arn.push_str("-again"));
                }
                (None, what.clone(), Some(again))
            }
            (Mutation::RestoreOver, RdsCall::Restore { .. }, Some((source, _))) => {
                let mut over = what.clone();
                if let RdsCall::Restore { identifier, .. } = &mut over {
                    *identifier = source;
                }
                (Some(over), what.clone(), None)
            }
            (Mutation::NoTags, RdsCall::Restore { .. }, _) => {
                let mut changed = what.clone();
                if let RdsCall::Restore { tags, .. } = &mut changed {
                    tags.clear();
                }
                (None, changed, None)
            }
            (Mutation::DefaultGroup, RdsCall::Restore { .. }, _) => {
                let mut changed = what.clone();
                if let RdsCall::Restore { instance, .. } = &mut changed {
                    instance.security_groups.clear();
                }
                (None, changed, None)
            }
            (Mutation::TagEarly, RdsCall::Restore { from: RestoreFrom::Snapshot { source, snapshot }, .. }, _) => {
                let tags = vec![("ops.clocked.app/verified-at".into(), "2027-01-15T08:00:00Z".into())];
                (None, what.clone(), Some(RdsCall::AddTags { arn: source.snapshot_arn(snapshot), tags }))
            }
            _ => (None, what.clone(), None),
        };
        if let Some(before) = before {
            // It is refused, and the operator goes on.
            let _ = self.cloud.call(scope, &Call::Rds(before)).await;
        }
        let answered = self.cloud.call(scope, &Call::Rds(changed)).await?;
        let after = after.or_else(|| self.further(mutation, &answered.reply));
        if let Some(after) = after
            && !self.done.swap(true, Ordering::Relaxed)
        {
            self.cloud.call(scope, &Call::Rds(after)).await?;
        }
        Ok(answered)
    }

    /// What a defective operator does beside, when it has seen instances.
    fn further(&self, mutation: Mutation, reply: &Reply) -> Option<RdsCall> {
        let Reply::Databases { databases, .. } = reply else { return None };
        let available = |name: &str| {
            databases.iter().any(|(one, database)| one.starts_with(name) && database.status == "available")
        };
        let name = match mutation {
            Mutation::DeleteForeign => "rbv-theirs",
            Mutation::DeleteEarly => "rbv-",
            _ => return None,
        };
        let found = databases.iter().find(|(one, _)| one.starts_with(name)).filter(|_| available(name));
        found.map(|(identifier, _)| RdsCall::DeleteInstance { identifier: identifier.clone() })
    }
}

/// The databases as an operator with this defect, or none, sees them.
pub fn databases(databases: impl Databases + 'static, mutation: Option<Defect>) -> Arc<dyn Databases> {
    match mutation {
        Some(Defect::Restore(Mutation::BelieveAnything)) => Arc::new(Credulous(databases)),
        _ => Arc::new(databases),
    }
}

/// Whoever takes every answer for a good one.
struct Credulous<D>(D);

#[async_trait]
impl<D: Databases> Databases for Credulous<D> {
    async fn ask(&self, question: &SqlQuestion, password: &Password) -> Result<SqlResults, SqlFailure> {
        let answers = self.0.ask(question, password).await?;
        let good = || SqlOutcome { value: SqlValue::Int(42), rows: 1, ..SqlOutcome::empty() };
        Ok(answers.into_iter().map(|(check, _)| (check, Ok(good()))).collect())
    }
}
