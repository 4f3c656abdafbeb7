//! Which objects need attention, the worst first.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::Mode;
use runbook_api::common::condition::{READY, STALLED, SYNCED};
use runbook_api::{AwsAccount, ScalingPolicy};
use runbook_core::report::Hold;
use runbook_core::report::state::State;
use serde::{Deserialize, Serialize};

use crate::cluster::Raw;
use crate::kinds::Subject;

/// All objects, and those that need attention.
#[derive(Debug, Default)]
pub struct Overview {
    /// Those that need attention, the worst first.
    pub attention: Vec<Concern>,
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
    pub fn of(objects: &[Raw]) -> Self {
        let mut overview = Self::default();
        for (subject, object) in objects {
            let concern = Look::at(subject, object).concern();
            *overview.counts.entry(subject.kind).or_default().entry(concern.state).or_default() += 1;
            if concern.state != State::InSync.as_str() {
                overview.attention.push(concern);
            }
        }
        overview.attention.sort_by(|one, other| (one.rank, &one.subject).cmp(&(other.rank, &other.subject)));
        overview
    }
}

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
            _ => find(SYNCED, Some("Unknown")).or_else(|| find(SYNCED, Some("False"))).or_else(|| find(READY, None)),
        };
        if let Some(error) = &self.malformed {
            let message = format!("it cannot be read as a {}: {error}", self.subject.kind);
            return ("InvalidSpec".into(), message, None);
        }
        let Some(said) = said else {
            let message = "the operator has not looked at it yet: is it running? kubectl get pods -A -l app.kubernetes.io/name=runbook-operator";
            return ("New".into(), message.into(), None);
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
        let Overview { attention, counts } = Overview::of(&objects);
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
        let Overview { attention, .. } = Overview::of(&[(subject, object)]);
        assert_eq!((attention[0].state, attention[0].reason.as_str()), ("Held", "AccountObserve"));
    }
}
