//! A scalable target, its policies, and the actions that fire on it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::observed::{AppliedPolicy, AppliedPolicyKind, Capacity, ScheduledAction};
use runbook_core::scaling::schedule::Schedule;
use runbook_core::scaling::scheduled::bounds;

use super::FakeAws;
use crate::stage::Stage;

/// How often AWS looks which scheduled actions are due: they fire so much late at most.
const FIRING: Duration = Duration::from_secs(7);

/// A scalable target.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// ScalableTargetARN.
    pub arn: String,
    /// The limits.
    pub capacity: Capacity,
    /// Scaling policies by name.
    pub policies: BTreeMap<String, AppliedPolicyKind>,
    /// Scheduled actions by name.
    pub actions: BTreeMap<String, ScheduledAction>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
    /// CreationTime.
    pub created_at: Option<Timestamp>,
}

impl Target {
    /// A target without policies and scheduled actions, registered at `now`.
    pub fn new(arn: String, capacity: Capacity, now: Timestamp) -> Self {
        Self {
            arn,
            capacity,
            policies: BTreeMap::new(),
            actions: BTreeMap::new(),
            tags: BTreeMap::new(),
            created_at: Some(now),
        }
    }

    /// The scheduled actions that fell due after `since`, in their order. While scheduled scaling is suspended none fires.
    pub fn due(&self, since: Timestamp, now: Timestamp) -> Vec<ScheduledAction> {
        let mut due: Vec<(Timestamp, &ScheduledAction)> = Vec::new();
        for action in self.actions.values().filter(|_| !self.capacity.suspended.scheduled_scaling) {
            let Ok(schedule) = Schedule::parse(&action.schedule, action.time_zone.as_deref()) else { continue };
            let fires = schedule.next(since, &bounds(action, action.created_at));
            due.extend(fires.filter(|fires| *fires <= now).map(|fires| (fires, action)));
        }
        due.sort_by_key(|(fires, _)| *fires);
        due.into_iter().map(|(_, action)| action.clone()).collect()
    }

    /// Its policies, by name.
    pub fn applied(&self) -> Vec<AppliedPolicy> {
        self.policies.iter().map(|(name, kind)| AppliedPolicy { name: name.clone(), kind: kind.clone() }).collect()
    }
}

/// Fires scheduled actions, for ever.
pub async fn fire(aws: FakeAws, stage: Arc<Stage>) {
    let mut since = stage.now();
    loop {
        tokio::time::sleep(FIRING).await;
        aws.fire(since);
        since = stage.now();
    }
}
