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
            if set.remove(name).is_some() {
                info!(account = name, "connection removed");
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
            let account_id = wanted.0.account_id.clone();
            set.insert(name.into(), wanted);
            let shared = set.values().filter(|(connection, _)| connection.account_id == account_id);
            if let Some(budget) = shared.map(|(_, budget)| *budget).reduce(Budget::least) {
                self.plane.set_budget(&account_id, budget);
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
