//! How many bands there are in each place, told to the observation plane: it weighs a list of all scaling policies against it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use kube::ResourceExt;
use runbook_api::ScalingPolicy;
use runbook_core::account::resolve;
use runbook_core::scaling::input::resource_id;
use runbook_core::{Namespace, Scope};
use tokio::time::sleep;

use super::{Stop, stopped};
use crate::context::Context;
use crate::stores::Stores;

/// How long changes are gathered: each count looks at all policies.
const GATHERED: Duration = Duration::from_secs(1);

/// Keeps the plane told, until `stop`, when policies or accounts change.
pub async fn run(context: Arc<Context>, stop: Stop) {
    let (_, policies) = context.stores.policies.subscribe();
    let (_, accounts) = context.stores.accounts.subscribe();
    let changes = stream::select(policies.map(drop), accounts.map(drop)).ready_chunks(1024);
    let tell = changes.for_each(async |_| {
        context.plane.expect(targets(&context.stores));
        sleep(GATHERED).await;
    });
    tokio::select! {
        () = tell => {}
        () = stopped(stop) => {}
    }
}

/// How many services have a band, by place. Those of rivals count once; suspended policies ask nothing.
pub fn targets(stores: &Stores) -> HashMap<Scope, usize> {
    let mut targets: HashMap<Scope, HashSet<String>> = HashMap::new();
    for policy in stores.policies.store().state() {
        if let Some((scope, target)) = band(&policy, stores) {
            targets.entry(scope).or_default().insert(target);
        }
    }
    targets.into_iter().map(|(scope, targets)| (scope, targets.len())).collect()
}

fn band(policy: &ScalingPolicy, stores: &Stores) -> Option<(Scope, String)> {
    let spec = &policy.spec;
    if spec.suspend || spec.autoscaling.is_none() {
        return None;
    }
    // Aurora clusters are few: what concerns them is not listed.
    let target = resource_id(&spec.target).filter(|id| Namespace::of(id) == Namespace::Ecs)?;
    let account = stores.account(&spec.account_ref.name);
    let namespace = policy.namespace().unwrap_or_default();
    let access = resolve(&spec.account_ref, spec.region.as_deref(), &namespace, account.as_deref()).ok()?;
    Some((access.scope, target))
}

#[cfg(test)]
mod tests {
    use kube::runtime::watcher::Event;
    use runbook_api::AwsAccount;
    use serde_json::{Value, json};

    use super::*;
    use crate::stores::Reflected;

    fn policy(name: &str, service: &str, spec: Value) -> ScalingPolicy {
        let mut whole = json!({"target": {"ecsService": {"cluster": "app", "service": service}}});
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole[field] = value.clone();
        }
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "app"}, "spec": whole})).unwrap()
    }

    #[test]
    fn bands_are_counted_by_place() {
        let (accounts, mut account_writer) = Reflected::new();
        let (policies, mut policy_writer) = Reflected::new();
        let stores = Stores {
            accounts,
            policies,
            overrides: Reflected::new().0,
            backups: Reflected::new().0,
            database_backups: Reflected::new().0,
            database_restores: Reflected::new().0,
        };
        let account = json!({"accountId": "123456789012", "regions": ["eu-central-1", "eu-west-1"], "mode": "Enforce"});
        let account = AwsAccount::new("default", serde_json::from_value(account).unwrap());
        let band = json!({"minCapacity": 1, "maxCapacity": 3});
        for policy in [
            policy("one", "one", json!({"autoscaling": band})),
            policy("rival", "one", json!({"autoscaling": band})),
            policy("two", "two", json!({"autoscaling": band})),
            policy("west", "one", json!({"autoscaling": band, "region": "eu-west-1"})),
            policy("fixed", "fixed", json!({"replicas": 2})),
            policy("suspended", "other", json!({"autoscaling": band, "suspend": true})),
            policy("elsewhere", "other", json!({"autoscaling": band, "accountRef": {"name": "missing"}})),
        ] {
            policy_writer.apply_watcher_event(&Event::Apply(policy));
        }
        assert_eq!(targets(&stores), HashMap::new(), "there is no account");
        account_writer.apply_watcher_event(&Event::Apply(account));
        let scope = |region: &str| Scope {
            connection: "default".into(),
            account_id: "123456789012".into(),
            region: region.into(),
        };
        assert_eq!(targets(&stores), HashMap::from([(scope("eu-central-1"), 2), (scope("eu-west-1"), 1)]));
    }
}
