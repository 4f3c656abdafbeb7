//! What is known of the API server's objects: watched on every replica, so that a standby is warm.

pub mod fingerprint;
pub mod reflected;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;

use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt};
use runbook_api::{AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore, ScalingOverride, ScalingPolicy};

pub use reflected::{Change, Object, Reflected};

use crate::errors::OperatorError;
use crate::metrics::Metrics;
use crate::tasks::Owned;

/// All objects of all kinds.
pub struct Stores {
    /// Accounts.
    pub accounts: Arc<Reflected<AwsAccount>>,
    /// Policies.
    pub policies: Arc<Reflected<ScalingPolicy>>,
    /// Overrides of policies.
    pub overrides: Arc<Reflected<ScalingOverride>>,
    /// How databases are backed up.
    pub backups: Arc<Reflected<BackupPolicy>>,
    /// Backups that are taken once.
    pub database_backups: Arc<Reflected<DatabaseBackup>>,
    /// Restores.
    pub database_restores: Arc<Reflected<DatabaseRestore>>,
}

/// The tasks that keep [`Stores`] up to date while they are owned.
pub struct Watches {
    watches: Vec<(&'static str, Owned<()>)>,
}

impl Stores {
    /// Begins to watch.
    pub fn watch(client: &Client, metrics: &Metrics) -> (Arc<Self>, Watches) {
        let (accounts, account_watch) = reflect(Api::all(client.clone()), metrics);
        let (policies, policy_watch) = reflect(Api::all(client.clone()), metrics);
        let (overrides, override_watch) = reflect(Api::all(client.clone()), metrics);
        let (backups, backup_watch) = reflect(Api::all(client.clone()), metrics);
        let (database_backups, database_backup_watch) = reflect(Api::all(client.clone()), metrics);
        let (database_restores, database_restore_watch) = reflect(Api::all(client.clone()), metrics);
        let watches = vec![
            ("the watch of AwsAccounts", account_watch),
            ("the watch of ScalingPolicies", policy_watch),
            ("the watch of ScalingOverrides", override_watch),
            ("the watch of BackupPolicies", backup_watch),
            ("the watch of DatabaseBackups", database_backup_watch),
            ("the watch of DatabaseRestores", database_restore_watch),
        ];
        let stores = Self { accounts, policies, overrides, backups, database_backups, database_restores };
        (Arc::new(stores), Watches { watches })
    }

    /// Waits until everything was listed once.
    ///
    /// # Errors
    /// When a watch has ended.
    pub async fn ready(&self) -> Result<(), OperatorError> {
        let ended = |_| OperatorError::Ended { part: "a watch", why: "its store was never filled".into() };
        self.accounts.store().wait_until_ready().await.map_err(ended)?;
        self.policies.store().wait_until_ready().await.map_err(ended)?;
        self.overrides.store().wait_until_ready().await.map_err(ended)?;
        self.backups.store().wait_until_ready().await.map_err(ended)?;
        self.database_backups.store().wait_until_ready().await.map_err(ended)?;
        self.database_restores.store().wait_until_ready().await.map_err(ended)
    }

    /// The uids of all objects.
    pub fn uids(&self) -> HashSet<String> {
        let accounts = self.accounts.store().state().into_iter().filter_map(|account| account.uid());
        let policies = self.policies.store().state().into_iter().filter_map(|policy| policy.uid());
        let backups = self.backups.store().state().into_iter().filter_map(|policy| policy.uid());
        let taken = self.database_backups.store().state().into_iter().filter_map(|run| run.uid());
        let restores = self.database_restores.store().state().into_iter().filter_map(|run| run.uid());
        accounts.chain(policies).chain(backups).chain(taken).chain(restores).collect()
    }

    /// One account by its name.
    pub fn account(&self, name: &str) -> Option<Arc<AwsAccount>> {
        self.accounts.get(&ObjectRef::new(name))
    }
}

impl Watches {
    /// Waits until one ends, which none should.
    pub async fn ended(&mut self) -> OperatorError {
        let watches = self.watches.iter_mut().map(|(part, watch)| Box::pin(async { (*part, watch.await) }));
        let ((part, result), _, _) = futures::future::select_all(watches).await;
        let why = match result {
            Ok(()) => "its stream ended".into(),
            Err(error) => error.to_string(),
        };
        OperatorError::Ended { part, why }
    }
}

fn reflect<K: Object>(api: Api<kube::core::DeserializeGuard<K>>, metrics: &Metrics) -> (Arc<Reflected<K>>, Owned<()>) {
    metrics.begin(K::KIND);
    let (reflected, writer) = Reflected::new();
    let (reader, metrics) = (reflected.clone(), metrics.clone());
    (reflected, Owned::spawn(async move { reader.watch(api, writer, &metrics).await }))
}
