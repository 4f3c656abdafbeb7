//! Which objects need attention, the worst first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::Mode;
use runbook_api::common::condition::{READY, STALLED, SYNCED};
use runbook_api::{AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore, ScalingOverride, ScalingPolicy};
use runbook_core::report::Hold;
use runbook_core::report::state::State;
use serde::{Deserialize, Serialize};

use super::temporary::{self, Temporary, holding};
use crate::cluster::Raw;
use crate::kinds::Subject;

/// All objects, and those that need attention.
#[derive(Debug, Default)]
pub struct Overview {
    /// Those that need attention, the worst first.
    pub attention: Vec<Concern>,
    /// Overrides that hold, the first to end first.
    pub overrides: Vec<Temporary>,
    /// How many of each kind are in each state.
    pub counts: BTreeMap<&'static str, BTreeMap<&'static str, usize>>,
}

/// Why an object needs attention.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// Which.
    #[serde(flatten)]
    pub subject: Subject,
    /// Its state in one word.
    pub state: &'static str,
    /// A reason of a condition.
    pub reason: String,
    /// For a person.
    pub message: String,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(skip)]
    rank: usize,
}

impl Overview {
    /// What there is to say about these objects.
    pub fn of(objects: &[Raw], now: Timestamp) -> Self {
        let mut overview = Self { overrides: holding(objects, now), ..Self::default() };
        for (subject, object) in objects {
            let concern = match subject.kind {
                "ScalingOverride" => of_override(subject, object, now),
                _ => Look::at(subject, object).concern(),
            };
            *overview.counts.entry(subject.kind).or_default().entry(concern.state).or_default() += 1;
            // An override that has ended, or is overtaken by another, is in order.
            if ![State::InSync.as_str(), "Active", "Expired", "Superseded"].contains(&concern.state) {
                overview.attention.push(concern);
            }
        }
        overview.attention.sort_by(|one, other| (one.rank, &one.subject).cmp(&(other.rank, &other.subject)));
        overview
    }
}

fn of_override(subject: &Subject, object: &serde_json::Value, now: Timestamp) -> Concern {
    let concern = |state: State, name, reason: &str, message: String, since| Concern {
        subject: subject.clone(),
        state: name,
        reason: reason.into(),
        message,
        since,
        rank: rank(state),
    };
    let object = match ScalingOverride::deserialize(object) {
        Ok(object) => object,
        Err(error) => {
            let message = format!("it cannot be read as a {}: {error}", subject.kind);
            return concern(State::Malformed, State::Malformed.as_str(), "InvalidSpec", message, None);
        }
    };
    let conditions = object.status.unwrap_or_default().conditions;
    let temporary::State { name, said } = temporary::State::of(&conditions, object.spec.expires_at.0, now);
    let state = if name == "Stalled" { State::Stalled } else { State::New };
    match said {
        Some(said) => concern(state, name, &said.reason, said.message.clone(), Some(said.last_transition_time.0)),
        None => concern(state, name, "New", NOT_LOOKED.into(), None),
    }
}

/// What is said of an object without conditions.
const NOT_LOOKED: &str = "the operator has not looked at it yet: is it running? kubectl get pods -A -l app.kubernetes.io/name=runbook-operator";

/// The order in which states need attention.
fn rank(state: State) -> usize {
    let order =
        [State::Malformed, State::Stalled, State::Unavailable, State::Working, State::New, State::Held, State::InSync];
    order.iter().position(|one| *one == state).unwrap_or(order.len())
}

/// What matters of an object.
struct Look<'o> {
    subject: &'o Subject,
    state: State,
    conditions: Vec<Condition>,
    generation: Option<i64>,
    observed: Option<i64>,
    /// An AwsAccount that lets nothing be written.
    stopped: bool,
    malformed: Option<String>,
}

impl<'o> Look<'o> {
    fn at(subject: &'o Subject, object: &serde_json::Value) -> Self {
        let generation = object.pointer("/metadata/generation").and_then(serde_json::Value::as_i64);
        let read = match subject.kind {
            "AwsAccount" => AwsAccount::deserialize(object).map(|account| {
                let status = account.status.unwrap_or_default();
                (status.conditions, status.observed_generation, account.spec.mode == Mode::Observe)
            }),
            "BackupPolicy" => BackupPolicy::deserialize(object).map(|policy| {
                let status = policy.status.unwrap_or_default();
                (status.conditions, status.observed_generation, false)
            }),
            "DatabaseBackup" => DatabaseBackup::deserialize(object).map(|run| {
                let status = run.status.unwrap_or_default();
                (status.conditions, status.observed_generation, false)
            }),
            "DatabaseRestore" => DatabaseRestore::deserialize(object).map(|run| {
                let status = run.status.unwrap_or_default();
                (status.conditions, status.observed_generation, false)
            }),
            _ => ScalingPolicy::deserialize(object).map(|policy| {
                let status = policy.status.unwrap_or_default();
                (status.conditions, status.observed_generation, false)
            }),
        };
        match read {
            Ok((conditions, observed, stopped)) => {
                let state = match State::of(&conditions) {
                    State::InSync if stopped => State::Held,
                    // What is said is not about the present spec.
                    State::InSync | State::Held if observed < generation => State::Working,
                    state => state,
                };
                Self { subject, state, conditions, generation, observed, stopped, malformed: None }
            }
            Err(error) => {
                let malformed = Some(error.to_string());
                let state = State::Malformed;
                Self { subject, state, conditions: Vec::new(), generation, observed: None, stopped: false, malformed }
            }
        }
    }

    fn concern(self) -> Concern {
        let (reason, message, since) = self.why();
        let Self { subject, state, .. } = self;
        Concern { subject: subject.clone(), state: state.as_str(), reason, message, since, rank: rank(state) }
    }

    fn why(&self) -> (String, String, Option<Timestamp>) {
        let find = |type_: &str, status: Option<&str>| {
            self.conditions.iter().find(|one| one.type_ == type_ && status.is_none_or(|status| one.status == status))
        };
        let said = match self.state {
            State::Stalled => find(STALLED, Some("True")),
            // Ready says what holds it, and until when.
            State::Held => find(READY, Some("True")),
            _ => find(SYNCED, Some("Unknown")).or_else(|| find(SYNCED, Some("False"))).or_else(|| find(READY, None)),
        };
        if let Some(error) = &self.malformed {
            let message = format!("it cannot be read as a {}: {error}", self.subject.kind);
            return ("InvalidSpec".into(), message, None);
        }
        let Some(said) = said else {
            return ("New".into(), NOT_LOOKED.into(), None);
        };
        if self.stopped && self.state == State::Held {
            return (Hold::AccountObserve.reason().into(), Hold::AccountObserve.message().into(), None);
        }
        if self.observed < self.generation && self.state == State::Working && said.status == "True" {
            let message = "the operator has not looked at the newest spec yet";
            return ("NotYetSeen".into(), message.into(), None);
        }
        (said.reason.clone(), said.message.clone(), Some(said.last_transition_time.0))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(name: &str, conditions: Value) -> Raw {
        let subject = Subject { kind: "ScalingPolicy", namespace: Some("clocked".into()), name: name.into() };
        let object = json!({
            "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy",
            "metadata": {"name": name, "namespace": "clocked", "generation": 2},
            "spec": {"target": {"ecsService": {"cluster": "app", "service": name}}, "replicas": 1},
            "status": {"observedGeneration": 2, "conditions": conditions},
        });
        (subject, object)
    }

    fn condition(type_: &str, status: &str, reason: &str) -> Value {
        json!({"type": type_, "status": status, "reason": reason, "message": format!("{reason} it is"), "lastTransitionTime": "2026-01-01T00:00:00Z"})
    }

    fn in_sync() -> Value {
        json!([
            condition("Ready", "True", "InSync"),
            condition("Synced", "True", "InSync"),
            condition("Stalled", "False", "InSync")
        ])
    }

    #[test]
    fn the_worst_comes_first_and_what_is_right_is_only_counted() {
        let stalled =
            json!([condition("Synced", "False", "TargetNotFound"), condition("Stalled", "True", "TargetNotFound")]);
        let away = json!([condition("Ready", "True", "InSync"), condition("Synced", "Unknown", "AwsThrottled")]);
        let held = json!([condition("Ready", "True", "Observe"), condition("Synced", "False", "Observe")]);
        let mut broken = policy("broken", in_sync());
        broken.1["spec"]["replicas"] = json!("three");
        let mut changed = policy("changed", in_sync());
        changed.1["metadata"]["generation"] = json!(3);
        let objects = [
            policy("fine", in_sync()),
            policy("held", held),
            policy("new", json!([])),
            changed,
            policy("away", away),
            policy("stalled", stalled),
            broken,
        ];
        let Overview { attention, counts, .. } = Overview::of(&objects, Timestamp::UNIX_EPOCH);
        let said: Vec<(&str, &str, &str)> = attention
            .iter()
            .map(|concern| (concern.subject.name.as_str(), concern.state, concern.reason.as_str()))
            .collect();
        assert_eq!(
            said,
            [
                ("broken", "Malformed", "InvalidSpec"),
                ("stalled", "Stalled", "TargetNotFound"),
                ("away", "Unavailable", "AwsThrottled"),
                ("changed", "Working", "NotYetSeen"),
                ("new", "New", "New"),
                ("held", "Held", "Observe"),
            ]
        );
        assert_eq!(counts["ScalingPolicy"]["InSync"], 1);
        assert_eq!(counts["ScalingPolicy"].values().sum::<usize>(), objects.len());
    }

    #[test]
    fn an_account_that_stops_everything_is_worth_seeing() {
        let subject = Subject { kind: "AwsAccount", namespace: None, name: "default".into() };
        let object = json!({
            "apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": "default", "generation": 1},
            "spec": {"accountId": "123456789012", "regions": ["eu-central-1"], "mode": "Observe"},
            "status": {"observedGeneration": 1, "conditions": in_sync()},
        });
        let Overview { attention, .. } = Overview::of(&[(subject, object)], Timestamp::UNIX_EPOCH);
        assert_eq!((attention[0].state, attention[0].reason.as_str()), ("Held", "AccountObserve"));
    }

    #[test]
    fn overrides_that_hold_are_shown_and_those_that_cannot_need_attention() {
        let object = |name: &str, made_by: &str, active: (&str, &str), stalled: &str, expires_at: &str| -> Raw {
            let subject = Subject { kind: "ScalingOverride", namespace: Some("clocked".into()), name: name.into() };
            let object = json!({
                "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride",
                "metadata": {"name": name, "namespace": "clocked", "labels": {"ops.clocked.app/made-by": made_by}},
                "spec": {"policyRef": {"name": "web"}, "atLeast": 5, "expiresAt": expires_at, "reason": "sale"},
                "status": {"conditions": [condition("Active", active.0, active.1), condition("Stalled", stalled, active.1)],
                    "changes": "size 2 to 5"},
            });
            (subject, object)
        };
        let (soon, late) = ("2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z");
        let mut new = object("new", "cli", ("True", "Active"), "False", late);
        new.1["status"] = json!({});
        let objects = [
            object("late", "cli", ("True", "Active"), "False", late),
            object("adopted", "operator", ("True", "Active"), "False", soon),
            object("not-told", "cli", ("True", "Active"), "False", "2026-01-01T00:00:00Z"),
            object("older", "cli", ("False", "Superseded"), "False", late),
            object("lost", "cli", ("False", "PolicyNotFound"), "True", late),
            new,
        ];
        let overview = Overview::of(&objects, "2026-01-01T11:00:00Z".parse().unwrap());
        let held: Vec<(&str, Option<&str>)> =
            overview.overrides.iter().map(|one| (one.name.as_str(), one.made_by.as_deref())).collect();
        assert_eq!(held, [("adopted", Some("operator")), ("late", Some("cli"))]);
        let attention: Vec<(&str, &str)> =
            overview.attention.iter().map(|one| (one.subject.name.as_str(), one.reason.as_str())).collect();
        assert_eq!(attention, [("lost", "PolicyNotFound"), ("new", "New")]);
        let counts: Vec<(&str, usize)> =
            overview.counts["ScalingOverride"].iter().map(|(name, n)| (*name, *n)).collect();
        assert_eq!(counts, [("Active", 2), ("Expired", 1), ("New", 1), ("Stalled", 1), ("Superseded", 1)]);
    }
}
