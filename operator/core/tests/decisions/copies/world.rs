//! The two accounts that the tests are about, and a policy whose snapshots are copied.

use runbook_api::backup_policy::BackupPolicySpec;
use runbook_api::common::AccountRef;
use runbook_api::{AwsAccount, AwsAccountSpec};
use runbook_core::account::{Access, resolve};
use runbook_core::backup::copies::destinations;
use runbook_core::backup::{Input, input};
use runbook_core::{DatabaseId, DatabaseKind, Finding, Scope};
use serde_json::{Value, json};

use crate::backup::world as backup;
use crate::world;

pub const VAULT: &str = "210987654321";
pub const KEY: &str = "arn:aws:kms:eu-west-1:123456789012:key/11111111-1111-1111-1111-111111111111";
pub const SHARE_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/22222222-2222-2222-2222-222222222222";
pub const VAULT_KEY: &str = "arn:aws:kms:eu-central-1:210987654321:key/33333333-3333-3333-3333-333333333333";

/// The policy's own account and the one that copies go to, with what a test says otherwise.
#[derive(Clone, Debug)]
pub struct Accounts {
    pub own: Value,
    pub vault: Value,
}

impl Default for Accounts {
    fn default() -> Self {
        let granted = |verbs: Value| {
            json!([{"namespaces": [world::NAMESPACE], "verbs": verbs, "resources": [
                "arn:aws:rds:*:*:db:clocked-db", "arn:aws:rds:*:*:cluster:clocked-db", "arn:aws:kms:*:*:key/*"]}])
        };
        let account = |id: &str, verbs: Value| json!({"accountId": id, "regions": ["eu-central-1", "eu-west-1"], "mode": "Enforce", "grants": granted(verbs)});
        let all = json!(["snapshot", "deleteSnapshot"]);
        Self { own: account(world::ACCOUNT, all.clone()), vault: account(VAULT, all) }
    }
}

impl Accounts {
    pub fn access(&self, reference: &AccountRef, region: &str) -> Result<Access, Finding> {
        let spec = match reference.name.as_str() {
            "default" => Some(&self.own),
            "vault" => Some(&self.vault),
            _ => None,
        };
        let account = spec.map(|spec| {
            let spec: AwsAccountSpec = serde_json::from_value(spec.clone()).unwrap();
            AwsAccount::new(&reference.name, spec)
        });
        resolve(reference, Some(region), world::NAMESPACE, account.as_ref())
    }

    /// What the policy is dereferenced to, and what may be done.
    pub fn input(&self, spec: &BackupPolicySpec) -> (Input, Access) {
        let home = self.access(&spec.account_ref, "eu-central-1").unwrap();
        let (copies, granted) = destinations(spec, &home, &|other, region| self.access(other, region)).unwrap();
        let input = input::validate(spec, &backup::policy_id(), backup::CLUSTER_ID, &home).unwrap();
        (input.copied_to(copies), Access { grants: home.grants.beside(granted), ..home })
    }
}

/// A spec with these copies.
pub fn spec(copies: Value, more: Value) -> BackupPolicySpec {
    let mut snapshots = json!({"schedule": "0 0 * * *", "copies": copies});
    snapshots.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    backup::spec(json!({"snapshots": snapshots}))
}

/// Copies in another region.
pub fn dublin() -> Value {
    json!({"name": "dublin", "region": "eu-west-1", "kmsKeyId": KEY, "retention": {"keepLast": 3}})
}

/// Copies in another account.
pub fn vault() -> Value {
    json!({"name": "vault", "accountRef": {"name": "vault"}, "kmsKeyId": VAULT_KEY, "shareKmsKeyId": SHARE_KEY, "deletion": "External"})
}

pub fn scope(connection: &str, region: &str) -> Scope {
    let account_id = if connection == "vault" { VAULT } else { world::ACCOUNT };
    Scope { connection: connection.into(), account_id: account_id.into(), region: region.into() }
}

/// The database as it is called in a place.
pub fn at(scope: &Scope) -> DatabaseId {
    DatabaseId { scope: scope.clone(), ..backup::database_id(DatabaseKind::Instance) }
}
