//! What an override would do, judged by the operator's own rules before it is made.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use runbook_api::{AwsAccount, ScalingOverride, ScalingPolicy};
use runbook_core::account::Brakes;
use runbook_core::report::{Hold, State};
use runbook_core::scaling::input::allows_zero;
use runbook_core::scaling::overrides::status::declared;
use runbook_core::scaling::overrides::{self, Bounds, Change, Lift, Override};

use crate::errors::CliError;
use crate::kinds::told;
use crate::output::{YELLOW, length, line};

/// What an override would do.
#[derive(Debug, PartialEq)]
pub struct Effect {
    policy: String,
    before: Bounds,
    after: Bounds,
    /// What it asked for, and how far it may go, where that is less.
    cut: Option<(i32, i32)>,
    /// What is counted: tasks, or Aurora Replicas.
    counted: &'static str,
    /// How many are wanted at present, and would be.
    sizes: Option<(i32, i32)>,
    suspend_scheduled: bool,
    expires_at: Timestamp,
    lasts: i64,
}

impl Effect {
    /// What `object` would do if it were made now, beside those that exist.
    ///
    /// # Errors
    /// What the operator would say where it would change nothing, with what to write instead.
    pub fn of(
        object: &ScalingOverride,
        policy: &ScalingPolicy,
        existing: &[ScalingOverride],
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let name = policy.name_any();
        let refused = |why: String| CliError::Usage(format!("nothing was made: {why}"));
        let mut object = object.clone();
        object.metadata.creation_timestamp = Some(Time(now));
        // The API server's clock may have gone on a little: what is there was made before.
        let known: Vec<Override> = overrides::read(existing)
            .into_iter()
            .map(|one| Override { created: one.created.min(now), ..one })
            .collect();
        let Some(own) = Override::read(&object) else { return Err(refused("it says no size".into())) };
        let siblings: Vec<Override> =
            known.iter().filter(|one| one.name != own.name).cloned().chain([own.clone()]).collect();
        match told(&object, Some(policy), &siblings, now) {
            // Of two made in one second the name decides; the API server says which second it is.
            Some((reason, _)) if ["Active", "Superseded"].contains(&reason.as_str()) => {}
            Some((_, message)) => return Err(refused(message)),
            None => return Err(refused("it could not be judged".into())),
        }
        let Some(declared) = declared(&policy.spec, now) else {
            return Err(refused(format!("ScalingPolicy {name} says no size: set replicas or autoscaling in it")));
        };
        let others: Vec<Override> = siblings.iter().filter(|one| one.name != own.name).cloned().collect();
        let mut active = overrides::active(&others, allows_zero(&policy.spec), now);
        let before = Lift::of(&active).bounds(&declared);
        active.insert(0, &own);
        let after = Lift::of(&active).bounds(&declared);
        let asked = match own.change {
            Change::AtLeast(count) | Change::Exactly(count) => count,
            Change::Range { max, .. } => max,
        };
        let limit = declared.limit().filter(|limit| asked > *limit);
        let alone = Lift::of(&[&own]).bounds(&declared);
        if before == after && alone == declared.bounds && own.suspend_scheduled.is_none() {
            return Err(refused(match limit {
                Some(limit) => format!(
                    "ScalingPolicy {name} lets an override go no further than {limit}, where it is already: set overrideCeiling: {asked} in it"
                ),
                None => format!("it would change nothing: ScalingPolicy {name} declares {} already", declared.bounds),
            }));
        }
        let desired = policy.status.as_ref().and_then(|status| status.observed.as_ref());
        Ok(Self {
            policy: format!("{}/{name}", policy.namespace().unwrap_or_default()),
            before,
            after,
            cut: limit.map(|limit| (asked, limit)),
            counted: if policy.spec.target.aurora_replicas.is_some() { "Aurora Replicas" } else { "tasks" },
            sizes: desired.map(|seen| (seen.desired_count, after.clamp(seen.desired_count))),
            suspend_scheduled: own.suspend_scheduled == Some(true),
            expires_at: own.expires_at,
            lasts: own.expires_at.duration_since(now).as_secs(),
        })
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { policy, before, after, .. } = self;
        if before == after {
            writeln!(formatter, "  ScalingPolicy {policy}: size {after}, as it is now")?;
        } else {
            writeln!(formatter, "  ScalingPolicy {policy}: size {before} -> {after}")?;
        }
        if let Some((asked, limit)) = self.cut {
            let why = format!(
                "asked for {asked}, and the policy lets it go to {limit}: set overrideCeiling: {asked} in it for more"
            );
            writeln!(formatter, "  {}", line(YELLOW, "cut off: ", &why))?;
        }
        let counted = self.counted;
        match self.sizes {
            Some((now, then)) if now == then => writeln!(formatter, "  {counted}: {now}, as they are now")?,
            Some((now, then)) => writeln!(formatter, "  {counted}: {now} -> {then}")?,
            None => {}
        }
        if self.suspend_scheduled {
            writeln!(formatter, "  scheduled scaling is suspended meanwhile")?;
        }
        writeln!(formatter, "  until {}, for {}", self.expires_at, length(self.lasts))
    }
}

/// What keeps the operator from following it for now, a line each.
pub fn warnings(policy: &ScalingPolicy, account: Option<&AwsAccount>, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    let mode = account.map(|account| account.spec.mode).unwrap_or(policy.spec.mode);
    if let Some(hold) = Hold::of(policy.spec.suspend, policy.spec.mode, mode) {
        warnings.push(format!("nothing is written to AWS: {}", hold.message()));
    }
    let conditions = policy.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    if let Some(stalled) =
        conditions.iter().find(|one| one.type_ == "Stalled" && State::of(conditions) == State::Stalled)
    {
        warnings.push(format!("the policy is stalled, {}: {}", stalled.reason, stalled.message));
    }
    let brakes = account.and_then(|account| Brakes::of(&account.name_any(), &account.spec).ok());
    if let Some(freeze) = brakes.as_ref().and_then(|brakes| brakes.frozen(now)) {
        warnings.push(format!(
            "the AwsAccount is frozen until {} ({}): this is followed nevertheless, but its end only then",
            freeze.to, freeze.reason
        ));
    }
    warnings.into_iter().map(|warning| line(YELLOW, "warning: ", &warning)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn policy(spec: &Value) -> ScalingPolicy {
        let mut object = json!({
            "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"target": {"ecsService": {"cluster": "c", "service": "web"}}},
            "status": {"observed": {"desiredCount": 3, "runningCount": 3, "pendingCount": 0}},
        });
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    fn made(name: &str, created: &str, spec: &Value) -> ScalingOverride {
        let mut object = json!({
            "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride",
            "metadata": {"name": name, "namespace": "shop", "creationTimestamp": created},
            "spec": {"policyRef": {"name": "web"}, "expiresAt": "2026-03-01T13:30:00Z", "reason": "sale"},
        });
        for (field, value) in spec.as_object().unwrap() {
            object["spec"][field] = value.clone();
        }
        serde_json::from_value(object).unwrap()
    }

    fn shown(policy_spec: &Value, spec: &Value, existing: &[ScalingOverride]) -> String {
        let noon = "2026-03-01T12:00:00Z";
        match Effect::of(&made("new", noon, spec), &policy(policy_spec), existing, at(noon)) {
            Ok(effect) => anstream::adapter::strip_str(&effect.to_string()).to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_it_does_is_told_before() {
        let band = json!({"autoscaling": {"minCapacity": 2, "maxCapacity": 10}});
        assert_eq!(
            shown(&band, &json!({"atLeast": 5, "suspendScheduled": true}), &[]),
            "  ScalingPolicy shop/web: size 2 to 10 -> 5 to 10\n  tasks: 3 -> 5\n  scheduled scaling is suspended meanwhile\n  \
             until 2026-03-01T13:30:00Z, for 1h 30m\n"
        );
        let cut = shown(&band, &json!({"atLeast": 20}), &[]);
        assert!(
            cut.contains("size 2 to 10 -> 10\n  cut off: asked for 20") && cut.contains("overrideCeiling: 20"),
            "{cut}"
        );
        let before = made("before", "2026-03-01T11:00:00Z", &json!({"exactly": 7}));
        let over = shown(&json!({"replicas": 3}), &json!({"range": {"min": 4, "max": 8}}), &[before]);
        assert!(over.contains("size 7 -> 4 to 8"), "{over}");
    }

    #[test]
    fn within_a_window_it_changes_the_band_of_the_window() {
        let windows = |start: &str, end: &str| {
            let window = json!({"name": "rush", "start": start, "end": end, "minCapacity": 4, "maxCapacity": 12});
            json!({"autoscaling": {"minCapacity": 2, "maxCapacity": 10, "windows": [window]}})
        };
        let within = shown(&windows("cron(0 8 * * ? *)", "cron(0 18 * * ? *)"), &json!({"atLeast": 5}), &[]);
        assert!(within.contains("size 4 to 12 -> 5 to 12"), "{within}");
        let after = shown(&windows("cron(0 8 * * ? *)", "cron(0 11 * * ? *)"), &json!({"atLeast": 5}), &[]);
        assert!(after.contains("size 2 to 10 -> 5 to 10"), "{after}");
    }

    #[test]
    fn aurora_replicas_may_go_to_none() {
        let target = json!({"auroraReplicas": {"cluster": "shop-db"}});
        let spec = json!({"target": target, "autoscaling": {"minCapacity": 1, "maxCapacity": 4}});
        let none = shown(&spec, &json!({"exactly": 0}), &[]);
        assert!(none.contains("size 1 to 4 -> 0\n  Aurora Replicas: 3 -> 0\n"), "{none}");
    }

    #[test]
    fn what_the_operator_would_refuse_is_refused_with_what_to_write() {
        let zero = shown(&json!({"replicas": 3}), &json!({"exactly": 0}), &[]);
        assert!(
            zero.contains("nothing was made") && zero.contains("set allowZero: true on ScalingPolicy web"),
            "{zero}"
        );
        let band = json!({"autoscaling": {"minCapacity": 4, "maxCapacity": 4}});
        let limited = shown(&band, &json!({"atLeast": 9}), &[]);
        assert!(limited.contains("no further than 4") && limited.contains("overrideCeiling: 9"), "{limited}");
        let nothing = shown(&band, &json!({"atLeast": 2}), &[]);
        assert!(nothing.contains("would change nothing") && nothing.contains("declares 4 already"), "{nothing}");
    }

    #[test]
    fn one_that_only_lasts_longer_is_no_nothing() {
        let before = made("before", "2026-03-01T11:00:00Z", &json!({"exactly": 7}));
        let again = shown(&json!({"replicas": 3}), &json!({"exactly": 7}), &[before]);
        assert!(again.contains("size 7, as it is now"), "{again}");
    }

    #[test]
    fn what_holds_it_back_is_told() {
        let account = |spec: Value| -> AwsAccount {
            let mut object = json!({
                "apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": "default"},
                "spec": {"accountId": "123456789012", "regions": ["eu-central-1"], "mode": "Enforce"},
            });
            for (field, value) in spec.as_object().unwrap() {
                object["spec"][field] = value.clone();
            }
            serde_json::from_value(object).unwrap()
        };
        let now = at("2026-12-24T00:00:00Z");
        let told =
            |policy_spec: Value, spec: Value| warnings(&policy(&policy_spec), Some(&account(spec)), now).join("\n");
        assert_eq!(told(json!({"replicas": 1}), json!({})), "");
        assert!(told(json!({"replicas": 1, "suspend": true}), json!({})).contains("set spec.suspend to false"));
        assert!(told(json!({"replicas": 1}), json!({"mode": "Observe"})).contains("AwsAccount's mode is Observe"));
        let freeze =
            json!({"freeze": [{"from": "2026-12-20T00:00:00Z", "to": "2027-01-07T00:00:00Z", "reason": "Advent"}]});
        assert!(told(json!({"replicas": 1}), freeze).contains("frozen until 2027-01-07T00:00:00Z (Advent)"));
    }
}
