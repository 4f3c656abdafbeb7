//! What is known about AWS at the time of a decision.

use std::collections::BTreeMap;

use crate::checks::{SqlFailure, SqlOutcome};
use crate::database_backup::export::JobState;
use crate::error::CloudError;
use crate::observed::{
    AppliedPolicy, CallerIdentity, Database, DatabaseSnapshot, DbCluster, Quota, ScalableTarget, ScheduledAction,
    ServiceLookup, SnapshotOf,
};
use crate::query::Query;

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To [`Query::CallerIdentity`].
    CallerIdentity(CallerIdentity),
    /// To [`Query::EcsService`].
    EcsService(ServiceLookup),
    /// To [`Query::DbCluster`]: none where there is no such cluster.
    DbCluster(Option<DbCluster>),
    /// To [`Query::ScalableTarget`].
    ScalableTarget(Option<ScalableTarget>),
    /// To [`Query::ScalingPolicies`]. Always the whole list: one that could not be read to its end is an error.
    ScalingPolicies(Vec<AppliedPolicy>),
    /// To [`Query::ScheduledActions`]. Always the whole list, as above.
    ScheduledActions(Vec<ScheduledAction>),
    /// To [`Query::ScalableTargetTags`].
    ScalableTargetTags(BTreeMap<String, String>),
    /// To [`Query::Database`]: none where there is no such database.
    Database(Option<Box<Database>>),
    /// To [`Query::DatabaseSnapshots`]. Always the whole list, as above.
    DatabaseSnapshots(Vec<DatabaseSnapshot>),
    /// To [`Query::Snapshot`]: none where there is no such snapshot.
    Snapshot(Option<Box<SnapshotOf>>),
    /// To [`Query::VerificationInstances`]. Always the whole list, as above.
    VerificationInstances(BTreeMap<String, Database>),
    /// To [`Query::Credential`]: the resource id of the database whose password is kept; none where none is.
    Credential(Option<String>),
    /// To [`Query::Sql`]: each statement's answer; or why none was asked.
    Sql(Result<SqlResults, SqlFailure>),
    /// To [`Query::ExportJob`]: none where there is no such Job.
    ExportJob(Option<Box<JobState>>),
    /// To [`Query::UsableSecret`]: none where there is no such Secret.
    UsableSecret(Option<bool>),
    /// To [`Query::RdsQuotas`]: by AccountQuotaName, as in `ManualSnapshots`.
    RdsQuotas(BTreeMap<String, Quota>),
}

/// What statements returned, by their names.
pub type SqlResults = Vec<(String, Result<SqlOutcome, SqlFailure>)>;

/// Answers, and questions that could not be answered. What is not in here has not been asked yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    answers: BTreeMap<Query, Result<Answer, CloudError>>,
}

impl Facts {
    /// Adds or replaces what is known about one question.
    pub fn insert(&mut self, query: Query, answer: Result<Answer, CloudError>) {
        self.answers.insert(query, answer);
    }

    /// What is known about one question; `None` when it has not been asked.
    pub fn get(&self, query: &Query) -> Option<&Result<Answer, CloudError>> {
        self.answers.get(query)
    }

    /// All questions that were asked, with what came of them.
    pub fn iter(&self) -> impl Iterator<Item = (&Query, &Result<Answer, CloudError>)> {
        self.answers.iter()
    }
}

/// Asks the facts on behalf of a plan and remembers what was missing.
///
/// A plan asks everything it can before it looks at [`Inquiry::open`], so that one round of observation serves it all.
#[derive(Debug)]
pub struct Inquiry<'f> {
    facts: &'f Facts,
    needs: Vec<Query>,
    failures: Vec<&'f CloudError>,
}

/// What is still missing before a plan can decide.
#[derive(Clone, Debug, PartialEq)]
pub enum Missing {
    /// These have not been asked.
    Needs(Vec<Query>),
    /// These were asked and not answered. Reading is not writing: nothing is decided on them.
    Failures(Vec<CloudError>),
}

macro_rules! asks {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $answer:ty) => {
        $(#[$doc])*
        pub fn $name(&mut self, query: Query) -> Option<&'f $answer> {
            match self.facts.get(&query) {
                Some(Ok(Answer::$variant(answer))) => Some(answer),
                Some(Err(error)) => {
                    self.failures.push(error);
                    None
                }
                // An answer of another kind is no answer: the question is asked again rather than decided on.
                Some(Ok(_)) | None => {
                    self.needs.push(query);
                    None
                }
            }
        }
    };
}

impl<'f> Inquiry<'f> {
    /// An inquiry into these facts.
    pub fn new(facts: &'f Facts) -> Self {
        Self { facts, needs: Vec::new(), failures: Vec::new() }
    }

    asks!(/** Asks a [`Query::CallerIdentity`]. */ caller_identity, CallerIdentity, CallerIdentity);
    asks!(/** Asks a [`Query::EcsService`]. */ ecs_service, EcsService, ServiceLookup);
    asks!(/** Asks a [`Query::DbCluster`]. */ db_cluster, DbCluster, Option<DbCluster>);
    asks!(/** Asks a [`Query::ScalableTarget`]. */ scalable_target, ScalableTarget, Option<ScalableTarget>);
    asks!(/** Asks a [`Query::ScalingPolicies`]. */ scaling_policies, ScalingPolicies, Vec<AppliedPolicy>);
    asks!(/** Asks a [`Query::ScheduledActions`]. */ scheduled_actions, ScheduledActions, Vec<ScheduledAction>);
    asks!(/** Asks a [`Query::ScalableTargetTags`]. */ target_tags, ScalableTargetTags, BTreeMap<String, String>);
    asks!(/** Asks a [`Query::Database`]. */ database, Database, Option<Box<Database>>);
    asks!(/** Asks a [`Query::DatabaseSnapshots`]. */ database_snapshots, DatabaseSnapshots, Vec<DatabaseSnapshot>);
    asks!(/** Asks a [`Query::Snapshot`]. */ snapshot, Snapshot, Option<Box<SnapshotOf>>);
    asks!(/** Asks a [`Query::Credential`]. */ credential, Credential, Option<String>);
    asks!(/** Asks a [`Query::Sql`]. */ sql, Sql, Result<SqlResults, SqlFailure>);
    asks!(/** Asks a [`Query::ExportJob`]. */ export_job, ExportJob, Option<Box<JobState>>);
    asks!(/** Asks a [`Query::UsableSecret`]. */ usable, UsableSecret, Option<bool>);
    asks!(/** Asks a [`Query::RdsQuotas`]. */ rds_quotas, RdsQuotas, BTreeMap<String, Quota>);

    /// What is missing. A failure comes first: where one read fails, the others would be asked in vain.
    pub fn open(self) -> Option<Missing> {
        if !self.failures.is_empty() {
            return Some(Missing::Failures(self.failures.into_iter().cloned().collect()));
        }
        if self.needs.is_empty() { None } else { Some(Missing::Needs(self.needs)) }
    }
}
