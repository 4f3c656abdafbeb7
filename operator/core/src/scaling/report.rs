//! The status of a ScalingPolicy.

use jiff::{SignedDuration, Timestamp};
use runbook_api::ScalingPolicyStatus;
use runbook_api::scaling_policy::ObservedScaling;

use crate::facts::Answer;
use crate::observed::{ScalableTarget, Scaled, ServiceLookup};
use crate::report::coalesce::Volatile;
use crate::report::{Hold, Outcome, Summary, conditions};
use crate::scaling::overrides::intent;

/// Label of the selector in the status. No pod carries it: the tasks run in ECS, and a HorizontalPodAutoscaler wants a selector
/// that matches no pod of another.
const SELECTOR_LABEL: &str = "ops.clocked.app/scaling-policy";

/// How long after an act its tasks are watched.
const SETTLING: SignedDuration = SignedDuration::from_mins(10);
/// How often: numbers alone are not written more often either.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// The status of the policy named `name` after a reconcile.
pub fn status(name: &str, previous: &ScalingPolicyStatus, summary: &Summary<'_>) -> ScalingPolicyStatus {
    let (scaled, target) = seen(summary);
    let observed = scaled.map(|scaled| ObservedScaling {
        desired_count: scaled.desired_count,
        running_count: scaled.running_count,
        pending_count: scaled.pending_count,
        min_capacity: target.map(|target| target.capacity.min),
        max_capacity: target.map(|target| target.capacity.max),
    });
    ScalingPolicyStatus {
        observed_generation: summary.observed_generation(previous.observed_generation),
        conditions: conditions::with_contest(
            summary.conditions(&previous.conditions),
            &previous.conditions,
            summary.intent.map(|intent| intent.contest.as_ref()),
            summary,
        ),
        last_handled_reconcile_at: summary.handled(previous.last_handled_reconcile_at.as_deref()),
        resource_arn: scaled.map(|scaled| scaled.arn.to_owned()).or_else(|| previous.resource_arn.clone()),
        replicas: scaled.map(|scaled| scaled.running_count).or(previous.replicas),
        selector: Some(format!("{SELECTOR_LABEL}={name}")),
        observed: observed.or_else(|| previous.observed.clone()),
        plan: summary.plan(previous.plan.as_ref()),
        history: summary.history(&previous.history, previous.plan.as_ref(), &previous.conditions),
        overrides: intent::listed(&previous.overrides, summary.intent, summary.now),
        followed: match summary.outcome {
            // Another policy may have had the service meanwhile, and whoever sets suspend or mode back means the policy.
            Outcome::Held { hold: Hold::Suspended | Hold::Observe, .. } => None,
            _ => intent::followed(previous.followed.as_ref(), summary.intent, summary.now),
        },
    }
}

fn seen<'f>(summary: &Summary<'f>) -> (Option<Scaled<'f>>, Option<&'f ScalableTarget>) {
    let (mut scaled, mut target) = (None, None);
    // A part of the picture beside an older part would be no picture.
    if summary.facts.iter().any(|(_, answer)| answer.is_err()) {
        return (scaled, target);
    }
    for (_, answer) in summary.facts.iter() {
        match answer {
            Ok(Answer::EcsService(ServiceLookup::Found(found))) => scaled = Some(found.scaled()),
            Ok(Answer::DbCluster(Some(found))) => scaled = Some(found.scaled()),
            Ok(Answer::ScalableTarget(Some(found))) => target = Some(found),
            _ => {}
        }
    }
    (scaled, target)
}

/// When to look again because tasks start or stop after an act of ours, so that the status does not show yesterday's numbers until
/// the next resync. Not for ever: a service that never gets there is looked at like any other.
pub fn settles_at(status: &ScalingPolicyStatus, now: Timestamp) -> Option<Timestamp> {
    let acted = status.history.first()?.time.0;
    let observed = status.observed.as_ref()?;
    let moving = observed.running_count != observed.desired_count || observed.pending_count > 0;
    (moving && now.duration_since(acted) < SETTLING).then(|| now.checked_add(LOOK_AGAIN).ok()).flatten()
}

impl Volatile for ScalingPolicyStatus {
    fn settled(&self) -> Self {
        Self { observed: None, replicas: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::Facts;
    use crate::ids::{Scope, ServiceId};
    use crate::observed::EcsService;
    use crate::query::Query;

    fn facts() -> Facts {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let id = ServiceId { scope, cluster: "clocked-cluster".into(), service: "app".into() };
        let service = EcsService {
            arn: id.arn(),
            status: "ACTIVE".into(),
            desired_count: 4,
            running_count: 3,
            pending_count: 1,
            deployments: Vec::new(),
            scheduling_strategy: "REPLICA".into(),
            deployment_controller: "ECS".into(),
            deployment_strategy: None,
            resource_management_type: None,
            tags: BTreeMap::new(),
        };
        let mut facts = Facts::default();
        facts.insert(Query::EcsService(id), Ok(Answer::EcsService(ServiceLookup::Found(Box::new(service)))));
        facts
    }

    fn summary<'a>(outcome: &'a Outcome, facts: &'a Facts) -> Summary<'a> {
        let now = Timestamp::UNIX_EPOCH;
        Summary {
            outcome,
            findings: &[],
            generation: Some(1),
            pending: &[],
            acts: &[],
            requested: None,
            facts,
            now,
            intent: None,
            outlook: None,
            progress: None,
            queues: &[],
            untold: false,
        }
    }

    #[test]
    fn what_was_seen_stays_when_nothing_is_seen() {
        let facts = facts();
        let first = status("app", &ScalingPolicyStatus::default(), &summary(&Outcome::InSync, &facts));
        assert_eq!(first.replicas, Some(3));
        assert_eq!(first.selector.as_deref(), Some("ops.clocked.app/scaling-policy=app"));
        assert_eq!(first.observed.as_ref().map(|observed| observed.desired_count), Some(4));
        let outage = Outcome::Unavailable { reason: "AwsUnreachable".into(), message: String::new() };
        let second = status("app", &first, &summary(&outage, &Facts::default()));
        assert_eq!((second.replicas, &second.observed), (first.replicas, &first.observed));
        assert_eq!(second.resource_arn, first.resource_arn);
    }

    #[test]
    fn tasks_that_start_are_watched_for_a_while() {
        let facts = facts();
        let mut status = status("app", &ScalingPolicyStatus::default(), &summary(&Outcome::InSync, &facts));
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        assert_eq!(settles_at(&status, at(0)), None, "nothing was done");
        let entry = serde_json::json!({"time": "1970-01-01T00:00:00Z", "step": "SetDesiredCount", "description": "",
            "reason": "Drift", "outcome": "Succeeded"});
        status.history.push(serde_json::from_value(entry).unwrap());
        assert_eq!(settles_at(&status, at(5)), Some(at(35)));
        assert_eq!(settles_at(&status, at(600)), None);
        status.observed = status.observed.map(|seen| ObservedScaling { running_count: 4, pending_count: 0, ..seen });
        assert_eq!(settles_at(&status, at(5)), None);
    }

    #[test]
    fn whoever_sets_suspend_or_mode_back_means_the_policy() {
        let facts = facts();
        let followed = serde_json::json!({"followed": {"minimum": 2, "maximum": 2, "since": "1970-01-01T00:00:00Z"}});
        let before: ScalingPolicyStatus = serde_json::from_value(followed).unwrap();
        let remembers = |hold| {
            let outcome = Outcome::Held { hold, pending: 1 };
            status("app", &before, &summary(&outcome, &facts)).followed.is_some()
        };
        assert_eq!([Hold::Suspended, Hold::Observe].map(remembers), [false, false]);
        assert_eq!([Hold::AccountObserve, Hold::Frozen].map(remembers), [true, true], "nobody else has the service");
    }

    #[test]
    fn the_same_reconcile_twice_says_nothing_new() {
        let facts = facts();
        let first = status("app", &ScalingPolicyStatus::default(), &summary(&Outcome::InSync, &facts));
        assert_eq!(status("app", &first, &summary(&Outcome::InSync, &facts)), first);
    }
}
