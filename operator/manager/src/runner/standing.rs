//! Whether what a plan was made of is still what the API server shows.

use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::core::ObjectMeta;
use kube::runtime::reflector::ObjectRef;
use runbook_api::AwsAccount;
use runbook_aws::WriteGuard;

use super::kind::Kind;
use crate::context::Context;

/// The object and the account that a plan was made of.
pub struct Standing<K: Kind> {
    pub(super) context: Arc<Context>,
    pub(super) object: Arc<K>,
    pub(super) account: Arc<AwsAccount>,
    pub(super) input: K::Input,
}

impl<K: Kind> Standing<K> {
    /// Why the plan no longer stands, if it does not: an account was set to Observe, a policy was suspended, changed or deleted.
    pub fn superseded(&self) -> Option<&'static str> {
        let account = self.context.stores.account(&self.account.name_any());
        if !account.is_some_and(|account| same(&account.metadata, &self.account.metadata)) {
            return Some("the AwsAccount has changed");
        }
        let object = K::reflected(&self.context).get(&ObjectRef::from_obj(&*self.object));
        if !object.is_some_and(|object| same(object.meta(), self.object.meta())) {
            return Some("the object has changed");
        }
        match self.object.prepare(&self.context) {
            // Another may hold the target by now.
            Err(_) => Some("the object may no longer be worked for"),
            Ok(prepared) if prepared.input != self.input => Some("what the object refers to has changed"),
            Ok(_) => None,
        }
    }
}

fn same(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    one.uid == other.uid && one.generation == other.generation && one.deletion_timestamp == other.deletion_timestamp
}

/// Asked by the executor just before a write is sent, after any wait for the budget.
impl<K: Kind> WriteGuard for Standing<K> {
    fn time_left(&self) -> Duration {
        if self.superseded().is_some() { Duration::ZERO } else { self.context.leadership.time_left() }
    }
}
