//! How many bands and databases there are in each place, told to the observation plane: it weighs lists of all scaling policies, and of
//! all snapshots, against it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream_select};
use kube::ResourceExt;
use runbook_api::common::AccountRef;
use runbook_api::{BackupPolicy, ScalingPolicy};
use runbook_aws::Expected;
use runbook_core::account::{Access, resolve};
use runbook_core::backup::input::{database, lists_snapshots};
use runbook_core::scaling::input::resource_id;
use runbook_core::{DatabaseKind, Namespace, Scope};
use tokio::time::sleep;

use super::{Stop, stopped};
use crate::context::Context;
use crate::stores::Stores;

/// How long changes are gathered: each count looks at all policies.
const GATHERED: Duration = Duration::from_secs(1);

/// Keeps the plane told, until `stop`, when policies or accounts change.
pub async fn run(context: Arc<Context>, stop: Stop) {
    let (_, policies) = context.stores.policies.subscribe();
    let (_, backups) = context.stores.backups.subscribe();
    let (_, accounts) = context.stores.accounts.subscribe();
    let changes = stream_select!(policies.map(drop), backups.map(drop), accounts.map(drop)).ready_chunks(1024);
    let tell = changes.for_each(async |_| {
        context.plane.expect(count(&context.stores));
        sleep(GATHERED).await;
    });
    tokio::select! {
        () = tell => {}
        () = stopped(stop) => {}
    }
}

/// How many ask for what can be listed for all at once, by place. Rivals count once; suspended policies ask nothing.
pub fn count(stores: &Stores) -> Expected {
    let policies = stores.policies.store().state();
    let backups = stores.backups.store().state();
    Expected {
        services: distinct(policies.iter().filter_map(|policy| band(policy, stores))),
        databases: distinct(backups.iter().filter_map(|policy| listed(policy, stores))),
    }
}

/// How many different ones there are in each place.
fn distinct<P: Eq + Hash>(found: impl Iterator<Item = (P, String)>) -> HashMap<P, usize> {
    let mut places: HashMap<P, HashSet<String>> = HashMap::new();
    for (place, target) in found {
        places.entry(place).or_default().insert(target);
    }
    places.into_iter().map(|(place, targets)| (place, targets.len())).collect()
}

/// The service whose scaling policies a ScalingPolicy asks for, and where it is.
fn band(policy: &ScalingPolicy, stores: &Stores) -> Option<(Scope, String)> {
    let spec = &policy.spec;
    if spec.suspend || spec.autoscaling.is_none() {
        return None;
    }
    // Aurora clusters are few: what concerns them is not listed.
    let target = resource_id(&spec.target).filter(|id| Namespace::of(id) == Namespace::Ecs)?;
    let access = access(&spec.account_ref, spec.region.as_deref(), policy.namespace(), stores)?;
    Some((access.scope, target))
}

/// The database whose snapshots a BackupPolicy asks for, and where it is.
fn listed(policy: &BackupPolicy, stores: &Stores) -> Option<((Scope, DatabaseKind), String)> {
    let spec = &policy.spec;
    if spec.suspend || !lists_snapshots(spec) {
        return None;
    }
    let access = access(&spec.account_ref, spec.region.as_deref(), policy.namespace(), stores)?;
    let database = database(spec, &access).ok()?;
    Some(((database.scope, database.kind), database.identifier))
}

fn access(account: &AccountRef, region: Option<&str>, namespace: Option<String>, stores: &Stores) -> Option<Access> {
    let found = stores.account(&account.name);
    resolve(account, region, &namespace.unwrap_or_default(), found.as_deref()).ok()
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

    fn backup(name: &str, source: Value, spec: Value) -> BackupPolicy {
        let mut whole = json!({"source": source});
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole[field] = value.clone();
        }
        serde_json::from_value(json!({"metadata": {"name": name, "namespace": "app"}, "spec": whole})).unwrap()
    }

    fn account() -> AwsAccount {
        let spec = json!({"accountId": "123456789012", "regions": ["eu-central-1", "eu-west-1"], "mode": "Enforce"});
        AwsAccount::new("default", serde_json::from_value(spec).unwrap())
    }

    fn scope(region: &str) -> Scope {
        Scope { connection: "default".into(), account_id: "123456789012".into(), region: region.into() }
    }

    #[test]
    fn bands_and_databases_are_counted_by_place() {
        let (accounts, mut account_writer) = Reflected::new();
        let (policies, mut policy_writer) = Reflected::new();
        let (backups, mut backup_writer) = Reflected::new();
        let stores = Stores {
            accounts,
            policies,
            overrides: Reflected::new().0,
            backups,
            database_backups: Reflected::new().0,
            database_restores: Reflected::new().0,
        };
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
        let snapshots = json!({"snapshots": {"schedule": "0 2 * * *"}});
        let instance = |name: &str| json!({"rdsInstance": name});
        for policy in [
            backup("one", instance("one"), snapshots.clone()),
            backup("rival", instance("one"), snapshots.clone()),
            backup("two", instance("two"), snapshots.clone()),
            backup("aurora", json!({"rdsCluster": "one"}), snapshots.clone()),
            backup("settings", instance("three"), json!({"deletionProtection": true})),
            backup("malformed", json!({}), snapshots.clone()),
            backup("suspended", instance("four"), json!({"snapshots": {"schedule": "0 2 * * *"}, "suspend": true})),
        ] {
            backup_writer.apply_watcher_event(&Event::Apply(policy));
        }
        assert_eq!(count(&stores), Expected::default(), "there is no account");
        account_writer.apply_watcher_event(&Event::Apply(account()));
        let (central, west) = (scope("eu-central-1"), scope("eu-west-1"));
        let databases = [((central.clone(), DatabaseKind::Instance), 2), ((central.clone(), DatabaseKind::Cluster), 1)];
        let services = [(central, 2), (west, 1)];
        assert_eq!(count(&stores), Expected { services: services.into(), databases: databases.into() });
    }
}
