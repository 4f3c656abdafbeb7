//! A scalable target and its policies.

use std::collections::BTreeMap;

use runbook_core::observed::{AppliedPolicy, AppliedPolicyKind, Capacity};

/// A scalable target.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// ScalableTargetARN.
    pub arn: String,
    /// The limits.
    pub capacity: Capacity,
    /// Scaling policies by name.
    pub policies: BTreeMap<String, AppliedPolicyKind>,
}

impl Target {
    /// A target without policies.
    pub fn new(arn: String, capacity: Capacity) -> Self {
        Self { arn, capacity, policies: BTreeMap::new() }
    }

    /// Its policies, by name.
    pub fn applied(&self) -> Vec<AppliedPolicy> {
        self.policies.iter().map(|(name, kind)| AppliedPolicy { name: name.clone(), kind: kind.clone() }).collect()
    }
}
