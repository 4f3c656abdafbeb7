//! The calls that answer questions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use runbook_core::facts::Answer;
use runbook_core::observed::{
    AppliedPolicy, Database, DatabaseSnapshot, DbCluster, ScalableTarget, ScheduledAction, ServiceLookup, SnapshotOf,
};
use runbook_core::step::VERIFICATION_PREFIX;
use runbook_core::{CloudError, DatabaseKind, ErrorClass, Query};

use super::group::Group;
use crate::call::{Call, RdsCall, Reply};
use crate::door::{Door, TIMEOUT, failure};

/// AWS allows 50 policies and 200 scheduled actions a target, which are five pages of either.
const MOST_PAGES: usize = 50;
/// How often in a row a page of the list of all is asked again when AWS throttles: beginning anew would cost every page before it.
const MOST_RETRIES: usize = 5;
/// How often any other call is asked again when AWS throttles or fails: all who wait for it would begin anew, and later each time.
const RETRIES: usize = 2;

/// A reader in one group.
pub(super) struct Reader<'d> {
    door: &'d Door,
    group: &'d Group,
    timeout: Duration,
    /// How often a call is made again.
    retries: usize,
}

/// Whether AWS may answer at once what it did not answer now. Who has waited in vain does not wait again, and the alarms behind a target
/// that cannot be read stay so.
fn may_be_answered(error: &CloudError) -> bool {
    let passes = !matches!(error.code.as_str(), TIMEOUT | "FailedResourceAccessException");
    error.class == ErrorClass::Throttled || error.class == ErrorClass::Transient && passes
}

/// What was listed and the pages it took; or the pages after which it was given up.
pub(super) enum List {
    Whole(Items, usize),
    TooLong(usize),
}

/// What AWS lists, by ResourceId.
pub(super) enum Items {
    Policies(HashMap<String, Vec<AppliedPolicy>>),
    Actions(HashMap<String, Vec<ScheduledAction>>),
    Snapshots(HashMap<String, Vec<DatabaseSnapshot>>),
}

impl Items {
    /// The answer to one question: a target that is not on the list has nothing.
    pub(super) fn answer(&self, id: &str) -> Answer {
        match self {
            Self::Policies(found) => Answer::ScalingPolicies(found.get(id).cloned().unwrap_or_default()),
            Self::Actions(found) => Answer::ScheduledActions(found.get(id).cloned().unwrap_or_default()),
            Self::Snapshots(found) => Answer::DatabaseSnapshots(found.get(id).cloned().unwrap_or_default()),
        }
    }

    /// Adds a page and returns the token of the next; `None` for a page of something else.
    fn add(&mut self, page: Reply) -> Option<Option<String>> {
        match (self, page) {
            (Self::Policies(found), Reply::ScalingPolicies { policies, next_token }) => {
                policies.into_iter().for_each(|(id, policy)| found.entry(id).or_default().push(policy));
                Some(next_token)
            }
            (Self::Actions(found), Reply::ScheduledActions { actions, next_token }) => {
                actions.into_iter().for_each(|(id, action)| found.entry(id).or_default().push(action));
                Some(next_token)
            }
            (Self::Snapshots(found), Reply::Snapshots { snapshots, marker }) => {
                snapshots.into_iter().for_each(|(id, snapshot)| found.entry(id).or_default().push(snapshot));
                Some(marker)
            }
            _ => None,
        }
    }
}

impl<'d> Reader<'d> {
    pub(super) fn new(door: &'d Door, group: &'d Group, timeout: Duration) -> Self {
        Self { door, group, timeout, retries: RETRIES }
    }

    /// The same, which makes each call once.
    pub(super) fn once_each(&self) -> Self {
        Self { retries: 0, ..*self }
    }

    /// Answers the members of one batch, in their order. The first call has been admitted.
    pub(super) async fn batch(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        self.door.metrics.batch(self.group.operation(), members.len());
        match self.group {
            Group::Identity(_) => self.identity(members).await,
            Group::Services(_, cluster) => self.services(cluster, members).await,
            Group::Clusters(_) => self.clusters(members).await,
            Group::Targets(..) => self.targets(members).await,
            Group::Policies(..) | Group::Actions(..) | Group::Snapshots(..) => self.listed(members).await,
            Group::Tags(_) => self.tags(members).await,
            Group::Databases(_, kind) => self.databases(*kind, members).await,
            Group::Snapshot(_, kind) => self.snapshot(*kind, members).await,
            Group::Instances(_) => self.instances(members).await,
            Group::Elsewhere(_) => Err(unexpected(&Call::GetCallerIdentity)),
            Group::Quotas(_) => self.quotas(members).await,
        }
    }

    async fn identity(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let call = Call::GetCallerIdentity;
        match self.call(&call).await? {
            Reply::CallerIdentity(identity) => {
                Ok(members.iter().map(|_| Answer::CallerIdentity(identity.clone())).collect())
            }
            _ => Err(unexpected(&call)),
        }
    }

    async fn services(&self, cluster: &str, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let name = |query: &Arc<Query>| match &**query {
            Query::EcsService(service) => service.service.clone(),
            _ => String::new(),
        };
        let call = Call::DescribeServices { cluster: cluster.into(), services: members.iter().map(name).collect() };
        let found = match self.call(&call).await {
            Ok(Reply::Services(found)) => found,
            Ok(_) => return Err(unexpected(&call)),
            Err(error) if error.class == ErrorClass::NotFound && error.code == "ClusterNotFoundException" => {
                return Ok(members.iter().map(|_| Answer::EcsService(ServiceLookup::ClusterMissing)).collect());
            }
            Err(error) => return Err(error),
        };
        let mut found: HashMap<_, _> = found.into_iter().collect();
        let lookup = |query| {
            found
                .remove(&name(query))
                .map_or(ServiceLookup::ServiceMissing, |service| ServiceLookup::Found(Box::new(service)))
        };
        Ok(members.iter().map(lookup).map(Answer::EcsService).collect())
    }

    async fn clusters(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let name = |query: &Arc<Query>| match &**query {
            Query::DbCluster(id) => id.cluster.clone(),
            _ => String::new(),
        };
        let mut found: HashMap<String, DbCluster> = HashMap::new();
        let mut marker = None;
        loop {
            let call =
                Call::DescribeDbClusters { clusters: members.iter().map(name).collect(), marker: marker.clone() };
            let Reply::DbClusters { clusters, marker: next } = self.call(&call).await? else {
                return Err(unexpected(&call));
            };
            found.extend(clusters);
            if !self.turn_page(&call, &mut marker, next).await? {
                break;
            }
        }
        Ok(members.iter().map(|query| Answer::DbCluster(found.remove(&name(query)))).collect())
    }

    async fn databases(&self, kind: DatabaseKind, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let identifiers: Vec<String> = members.iter().map(|query| resource_id(query)).collect();
        let mut found = self.described(kind, &identifiers).await?;
        Ok(identifiers.iter().map(|id| Answer::Database(found.remove(id).map(Box::new))).collect())
    }

    /// All DB instances that were restored to be verified: no filter of RDS knows the beginning of a name.
    async fn instances(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let all = self.described(DatabaseKind::Instance, &[]).await?;
        let found: BTreeMap<String, Database> =
            all.into_iter().filter(|(identifier, _)| identifier.starts_with(VERIFICATION_PREFIX)).collect();
        Ok(members.iter().map(|_| Answer::VerificationInstances(found.clone())).collect())
    }

    /// What there is of these, or of all where none is named.
    async fn described(
        &self,
        kind: DatabaseKind,
        identifiers: &[String],
    ) -> Result<HashMap<String, Database>, CloudError> {
        let mut found: HashMap<String, Database> = HashMap::new();
        let mut marker = None;
        loop {
            let (identifiers, page) = (identifiers.to_vec(), marker.clone());
            let call = Call::Rds(RdsCall::DescribeDatabases { kind, identifiers, marker: page });
            let Reply::Databases { databases, marker: next } = self.call(&call).await? else {
                return Err(unexpected(&call));
            };
            found.extend(databases);
            if !self.turn_page(&call, &mut marker, next).await? {
                return Ok(found);
            }
        }
    }

    async fn snapshot(&self, kind: DatabaseKind, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let mut answers = Vec::with_capacity(members.len());
        for query in members {
            let identifier = match &**query {
                Query::Snapshot(id) => id.identifier.clone(),
                _ => String::new(),
            };
            let (mut found, mut marker) = (None, None);
            loop {
                let (snapshot, page) = (Some(identifier.clone()), marker.clone());
                let call = Call::Rds(RdsCall::DescribeSnapshots { kind, source: None, snapshot, marker: page });
                let Reply::Snapshots { snapshots, marker: next } = self.call(&call).await? else {
                    return Err(unexpected(&call));
                };
                let mut snapshots = snapshots.into_iter();
                found = found.or(snapshots.find(|(_, one)| one.identifier == identifier));
                if !self.turn_page(&call, &mut marker, next).await? {
                    break;
                }
            }
            let of = |(source, snapshot)| Box::new(SnapshotOf { source, snapshot });
            answers.push(Answer::Snapshot(found.map(of)));
        }
        Ok(answers)
    }

    async fn quotas(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let call = Call::Rds(RdsCall::DescribeAccountAttributes);
        match self.call(&call).await? {
            Reply::Quotas(quotas) => Ok(members.iter().map(|_| Answer::RdsQuotas(quotas.clone())).collect()),
            _ => Err(unexpected(&call)),
        }
    }

    async fn targets(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let namespace = self.group.namespace();
        let resource_ids: Vec<String> = members.iter().map(|query| resource_id(query)).collect();
        let mut found: HashMap<String, ScalableTarget> = HashMap::new();
        let mut next_token = None;
        loop {
            let (ids, token) = (resource_ids.clone(), next_token.clone());
            let call = Call::DescribeScalableTargets { namespace, resource_ids: ids, next_token: token };
            let Reply::ScalableTargets { targets, next_token: next } = self.call(&call).await? else {
                return Err(unexpected(&call));
            };
            found.extend(targets);
            if !self.turn_page(&call, &mut next_token, next).await? {
                break;
            }
        }
        Ok(resource_ids.iter().map(|id| Answer::ScalableTarget(found.remove(id))).collect())
    }

    async fn tags(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let mut answers = Vec::new();
        for query in members {
            let Query::ScalableTargetTags(target) = &**query else { continue };
            let call = Call::ListTagsForResource { arn: target.arn.clone() };
            match self.call(&call).await? {
                Reply::Tags(tags) => answers.push(Answer::ScalableTargetTags(tags)),
                _ => return Err(unexpected(&call)),
            }
        }
        Ok(answers)
    }

    async fn listed(&self, members: &[Arc<Query>]) -> Result<Vec<Answer>, CloudError> {
        let mut answers = Vec::new();
        for query in members {
            let id = resource_id(query);
            let List::Whole(found, _) = self.pages(Some(id.clone()), MOST_PAGES).await? else {
                let call = self.page(Some(id), None);
                return Err(failure(&call, "EndlessList", format!("the list has not ended after {MOST_PAGES} pages")));
            };
            answers.push(found.answer(&id));
        }
        Ok(answers)
    }

    /// Reads the list of one target's policies or actions, or of all, to its end, unless it takes more than `most` pages.
    ///
    /// The first call has been admitted; where the list is too long, so has been the one that was not made.
    pub(super) async fn pages(&self, resource_id: Option<String>, most: usize) -> Result<List, CloudError> {
        let mut found = match self.group {
            Group::Actions(..) => Items::Actions(HashMap::new()),
            Group::Snapshots(..) => Items::Snapshots(HashMap::new()),
            _ => Items::Policies(HashMap::new()),
        };
        let mut next_token = None;
        let mut pages = 0;
        loop {
            if pages == most {
                return Ok(List::TooLong(pages));
            }
            let call = self.page(resource_id.clone(), next_token.clone());
            let reply = if resource_id.is_none() { self.patiently(&call).await? } else { self.call(&call).await? };
            let Some(next) = found.add(reply) else { return Err(unexpected(&call)) };
            pages += 1;
            if !self.turn_page(&call, &mut next_token, next).await? {
                return Ok(List::Whole(found, pages));
            }
        }
    }

    /// The call for one page.
    fn page(&self, resource_id: Option<String>, next_token: Option<String>) -> Call {
        let namespace = self.group.namespace();
        match self.group {
            Group::Actions(..) => Call::DescribeScheduledActions { namespace, resource_id, next_token },
            Group::Snapshots(_, kind) => Call::Rds(RdsCall::DescribeSnapshots {
                kind: *kind,
                source: resource_id,
                snapshot: None,
                marker: next_token,
            }),
            _ => Call::DescribeScalingPolicies { namespace, resource_id, next_token },
        }
    }

    /// Goes on to the next page, if there is one, when the budget admits it.
    async fn turn_page(
        &self,
        call: &Call,
        token: &mut Option<String>,
        next: Option<String>,
    ) -> Result<bool, CloudError> {
        if next.is_none() {
            return Ok(false);
        }
        // A list that returns to where it was has no end.
        if next == *token {
            return Err(failure(call, "RepeatedToken", "AWS answered with the nextToken it was asked with"));
        }
        *token = next;
        self.door.admit(self.group.scope(), self.group.api(), false).await;
        Ok(true)
    }

    /// Asks again when AWS throttles, as the budget, which throttling lowers, admits it.
    async fn patiently(&self, call: &Call) -> Result<Reply, CloudError> {
        for _ in 0..MOST_RETRIES {
            match self.once(call).await {
                Err(error) if error.class == ErrorClass::Throttled => {
                    self.door.admit(self.group.scope(), self.group.api(), false).await;
                }
                result => return result,
            }
        }
        self.once(call).await
    }

    /// Makes a call, and again when AWS throttles it or fails, as the budget admits it.
    async fn call(&self, call: &Call) -> Result<Reply, CloudError> {
        for _ in 0..self.retries {
            match self.once(call).await {
                Err(error) if may_be_answered(&error) => {
                    self.door.admit(self.group.scope(), self.group.api(), false).await;
                }
                result => return result,
            }
        }
        self.once(call).await
    }

    async fn once(&self, call: &Call) -> Result<Reply, CloudError> {
        self.door.call(self.group.scope(), call, self.timeout).await.map(|answered| answered.reply)
    }
}

/// The ResourceId that a question is about.
pub(super) fn resource_id(query: &Query) -> String {
    match query {
        Query::ScalableTarget(target) | Query::ScalingPolicies(target) | Query::ScheduledActions(target) => {
            target.resource_id()
        }
        Query::Database(database) | Query::DatabaseSnapshots(database) => database.identifier.clone(),
        _ => query.target().map(|target| target.resource_id()).unwrap_or_default(),
    }
}

fn unexpected(call: &Call) -> CloudError {
    failure(call, "UnexpectedReply", "the reply belongs to another operation")
}
