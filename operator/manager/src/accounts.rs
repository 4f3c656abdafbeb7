//! The way into AWS: connections and budgets, kept equal to the AwsAccounts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use kube::runtime::reflector::ObjectRef;
use runbook_api::AwsAccount;
use runbook_aws::{Connection, Connections, Plane};
use runbook_core::Finding;
use runbook_core::account::{Budget, usable};
use tracing::info;

use crate::stores::{Object, Reflected};

impl Object for AwsAccount {
    const KIND: &'static str = "AwsAccount";
}

/// The connections as they were last set.
pub struct Accounts {
    store: Arc<Reflected<AwsAccount>>,
    connections: Arc<dyn Connections>,
    plane: Arc<Plane>,
    allow_custom_endpoints: bool,
    set: Mutex<HashMap<String, (Connection, Budget)>>,
}

impl Accounts {
    /// No connection is set yet.
    pub fn new(
        store: Arc<Reflected<AwsAccount>>,
        connections: Arc<dyn Connections>,
        plane: Arc<Plane>,
        allow_custom_endpoints: bool,
    ) -> Self {
        Self { store, connections, plane, allow_custom_endpoints, set: Mutex::default() }
    }

    /// The account as it is now, with its connection set accordingly: whoever works in it asks here first, so that nothing is
    /// planned through a connection of an older or a newer spec. `None` when there is no such account.
    ///
    /// # Errors
    /// A stalled finding, for the account itself, that says what makes it unusable.
    pub fn connect(&self, name: &str) -> Result<Option<Arc<AwsAccount>>, Finding> {
        // Read under the lock: two who come at once would else set the older one last.
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let reference = ObjectRef::new(name);
        let result = match (self.store.get(&reference), self.store.malformed(&reference)) {
            (Some(account), _) => usable(&account, self.allow_custom_endpoints).map(|budget| Some((account, budget))),
            (None, Some(invalid)) => {
                Err(Finding::stalled("InvalidSpec", format!("it cannot be read: {}", invalid.error)))
            }
            (None, None) => Ok(None),
        };
        let Ok(Some((account, budget))) = result else {
            if let Some((connection, _)) = set.remove(name) {
                info!(account = name, "connection removed");
                self.plane.remove_budget(&connection.account_id, name);
                self.connections.remove_connection(name);
                self.plane.invalidate_connection(name);
            }
            return result.map(|_| None);
        };
        let wanted = (connection(name, &account), budget);
        if set.get(name) != Some(&wanted) {
            info!(account = name, account_id = wanted.0.account_id, "connection set");
            self.connections.set_connection(wanted.0.clone());
            self.plane.invalidate_connection(name);
            self.plane.set_budget(&wanted.0.account_id, name, budget);
            let before = set.insert(name.into(), wanted.clone());
            if let Some((connection, _)) = before.filter(|(before, _)| before.account_id != wanted.0.account_id) {
                self.plane.remove_budget(&connection.account_id, name);
            }
        }
        Ok(Some(account))
    }

    /// What was read before is no longer believed: another may have led, and written, meanwhile.
    pub fn doubt_everything(&self) {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        for name in set.keys() {
            self.plane.invalidate_connection(name);
        }
    }
}

fn connection(name: &str, account: &AwsAccount) -> Connection {
    let spec = &account.spec;
    Connection {
        name: name.into(),
        account_id: spec.account_id.clone(),
        assume_role: spec.assume_role.as_ref().map(|role| (role.role_arn.clone(), role.external_id.clone())),
        use_fips: spec.use_fips,
        use_dual_stack: spec.use_dual_stack,
        endpoint_url: spec.endpoint_url.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use async_trait::async_trait;
    use kube::runtime::reflector::store::Writer;
    use kube::runtime::watcher::Event;
    use runbook_aws::{Answered, AwsMetrics, Call, Cloud, Freshness, PlaneOptions, SystemClock};
    use runbook_core::{CloudError, ErrorClass, Query, Scope, ServiceId};
    use serde_json::{Value, json};
    use tokio::time::timeout;

    use super::*;

    /// Writes down what it is told.
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);

    impl Connections for Told {
        fn set_connection(&self, connection: Connection) {
            let endpoint = connection.endpoint_url.unwrap_or_default();
            self.0.lock().unwrap().push(format!("set {} {endpoint}", connection.name));
        }

        fn remove_connection(&self, name: &str) {
            self.0.lock().unwrap().push(format!("remove {name}"));
        }
    }

    #[async_trait]
    impl Cloud for Told {
        async fn call(&self, _: &Scope, call: &Call) -> Result<Answered, CloudError> {
            Err(CloudError {
                class: ErrorClass::Transient,
                operation: call.operation(),
                resource: String::new(),
                code: "Unused".into(),
                message: String::new(),
                request_id: None,
            })
        }
    }

    struct Scene {
        accounts: Accounts,
        writer: Writer<AwsAccount>,
        told: Arc<Told>,
    }

    impl Scene {
        fn new(allow_custom_endpoints: bool) -> Self {
            let told = Arc::new(Told::default());
            let clock = Arc::new(SystemClock);
            let plane = Plane::new(told.clone(), clock, PlaneOptions::default(), AwsMetrics::default());
            let (store, writer) = Reflected::new();
            Self { accounts: Accounts::new(store, told.clone(), plane, allow_custom_endpoints), writer, told }
        }

        fn apply(&mut self, spec: Value) {
            self.apply_as("default", spec);
        }

        fn apply_as(&mut self, name: &str, spec: Value) {
            let mut account = AwsAccount::new(name, serde_json::from_value(spec).unwrap());
            account.metadata.generation = Some(1);
            self.writer.apply_watcher_event(&Event::Apply(account));
        }

        fn told(&self) -> Vec<String> {
            std::mem::take(&mut *self.told.0.lock().unwrap())
        }
    }

    fn spec(endpoint: &str) -> Value {
        json!({"accountId": "123456789012", "regions": ["eu-central-1"], "mode": "Enforce", "endpointUrl": endpoint})
    }

    #[tokio::test]
    async fn the_connection_is_that_of_the_account_as_it_is_now() {
        let mut scene = Scene::new(true);
        assert_eq!(scene.accounts.connect("default"), Ok(None));
        scene.apply(spec("http://one"));
        scene.accounts.connect("default").unwrap();
        scene.accounts.connect("default").unwrap();
        assert_eq!(scene.told(), ["set default http://one"]);
        scene.apply(spec("http://two"));
        scene.accounts.connect("default").unwrap();
        assert_eq!(scene.told(), ["set default http://two"]);
        let account = scene.accounts.connect("default").unwrap().unwrap();
        scene.writer.apply_watcher_event(&Event::Delete((*account).clone()));
        assert_eq!(scene.accounts.connect("default"), Ok(None));
        assert_eq!(scene.told(), ["remove default"]);
    }

    #[tokio::test]
    async fn an_account_that_may_not_be_used_has_no_connection() {
        let mut scene = Scene::new(false);
        let mut plain = spec("");
        plain["endpointUrl"] = Value::Null;
        scene.apply(plain);
        scene.accounts.connect("default").unwrap();
        scene.apply(spec("http://elsewhere"));
        let refused = scene.accounts.connect("default").unwrap_err();
        assert_eq!(refused.reason, "CustomEndpointRefused");
        assert_eq!(scene.told(), ["set default ", "remove default"]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_of_an_account_that_is_gone_binds_nobody() {
        let mut scene = Scene::new(true);
        scene.apply(spec("http://one"));
        scene.accounts.connect("default").unwrap();
        let mut slow = spec("http://two");
        slow["requestBudget"] = json!({"ecs": {"read": "0.01"}});
        scene.apply_as("second", slow);
        let second = scene.accounts.connect("second").unwrap().unwrap();
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let query = [Query::EcsService(ServiceId { scope, cluster: "app".into(), service: "web".into() })];
        let plane = scene.accounts.plane.clone();
        let minute = Duration::from_secs(60);
        plane.observe(&query, Freshness::Now).await;
        assert!(timeout(minute, plane.observe(&query, Freshness::Now)).await.is_err(), "both share the smaller budget");
        scene.writer.apply_watcher_event(&Event::Delete((*second).clone()));
        assert_eq!(scene.accounts.connect("second"), Ok(None));
        for _ in 0..10 {
            assert!(timeout(minute, plane.observe(&query, Freshness::Now)).await.is_ok());
        }
    }
}
