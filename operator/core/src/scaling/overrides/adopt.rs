//! A scale-out by somebody else becomes a visible override that ends.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::scaling_override::{MADE_BY, PolicyRef, ScalingOverride, ScalingOverrideSpec};
use serde::Serialize;

use super::Override;
use super::bounds::Declared;
use crate::backoff::seed_of;
use crate::ids::ObjectId;
use crate::report::conditions::whole_seconds;
use crate::scaling::input::Input;

/// An override that is to be made of somebody's scale-out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Adoption {
    /// The override: the same for the same act, so that it is made once.
    pub id: ObjectId,
    /// The policy.
    pub policy: String,
    /// The size that somebody set.
    pub at_least: i32,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Adoption {
    /// The adoption of a service that was seen at `size`. None where the policy does not let an override go that far, or where what
    /// somebody did has been adopted before and that override has ended.
    pub fn of(input: &Input, declared: &Declared, size: i32, now: Timestamp) -> Option<Self> {
        let (followed, since) = input.memory.followed?;
        // A step on the way down from a size that may not be adopted is nobody's help.
        if input.memory.moved_to == Some(size) {
            return None;
        }
        let at_least = declared.limit().map_or(size, |limit| size.min(limit));
        // atLeast goes never below what is declared: an override that asks for less is not weakened by one that would ask for more.
        let usual = followed.least.max(declared.bounds.least);
        // An autoscaled service that may not become so large would be scaled in nevertheless.
        if at_least <= usual || (declared.autoscaled && at_least < size) {
            return None;
        }
        let act = seed_of(&format!("{} {since} {size}", input.target.arn()));
        let name = format!("adopted-{}-{:08x}", input.policy.name, act & 0xffff_ffff);
        // What has ended is not begun again, and what another has made under this name is none of ours: the size is corrected instead.
        if input.taken.as_ref() == Some(&name) || input.overrides.iter().any(|known| known.name == name) {
            return None;
        }
        let adopt_for = SignedDuration::from_secs(input.drift.adopt_for);
        Some(Self {
            id: ObjectId { namespace: input.policy.namespace.clone(), name },
            policy: input.policy.name.clone(),
            at_least,
            expires_at: whole_seconds(now.checked_add(adopt_for).ok()?),
        })
    }

    /// Whether `existing`, which has the name, is this adoption, made before: it holds for the policy, or has held.
    pub fn is_made(&self, existing: &ScalingOverride) -> bool {
        existing.spec.policy_ref.name == self.policy && Override::read(existing).is_some()
    }

    /// The object to create.
    pub fn object(&self) -> ScalingOverride {
        let mut object = ScalingOverride::new(
            &self.id.name,
            ScalingOverrideSpec {
                policy_ref: PolicyRef { name: self.policy.clone() },
                at_least: Some(self.at_least),
                exactly: None,
                range: None,
                suspend_scheduled: None,
                expires_at: Time(self.expires_at),
                reason: format!(
                    "somebody set the service to {} in AWS; delete this override to go back at once, or move its expiresAt",
                    self.at_least
                ),
            },
        );
        object.metadata.namespace = Some(self.id.namespace.clone());
        object.metadata.labels = Some(BTreeMap::from([(MADE_BY.to_owned(), "operator".to_owned())]));
        object
    }
}
