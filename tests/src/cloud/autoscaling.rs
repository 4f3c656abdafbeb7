//! A scalable target and its policies.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_core::observed::{AppliedPolicy, AppliedPolicyKind, Capacity, ScheduledAction};

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
    /// CreationTime.
    pub created_at: Option<Timestamp>,
}

impl Target {
    /// A target without policies and scheduled actions, registered at `now`.
    pub fn new(arn: String, capacity: Capacity, now: Timestamp) -> Self {
        Self { arn, capacity, policies: BTreeMap::new(), actions: BTreeMap::new(), created_at: Some(now) }
    }

    /// Its policies, by name.
    pub fn applied(&self) -> Vec<AppliedPolicy> {
        self.policies.iter().map(|(name, kind)| AppliedPolicy { name: name.clone(), kind: kind.clone() }).collect()
    }
}
