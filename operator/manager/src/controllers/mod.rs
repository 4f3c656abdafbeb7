//! The controllers: which objects are looked at when. What is done with one is the [`runner`](crate::runner)'s.

pub mod aws_account;
pub mod backup_policy;
mod claimed;
pub mod database_backup;
pub mod database_restore;
pub mod expected;
pub mod malformed;
pub mod scaling_override;
pub mod scaling_policy;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, stream};
use kube::runtime::controller::{Action, Error, ReconcileRequest};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Config, applier};
use runbook_api::{AwsAccount, BackupPolicy, DatabaseBackup, DatabaseRestore, ScalingOverride, ScalingPolicy};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, error};

use crate::context::Context;
use crate::listening::{self, Wakes};
use crate::runner::Runner;
use crate::runner::kind::Kind;
use crate::tasks::Owned;

/// How long changes of one object are gathered before it is looked at.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// When an object is looked at again whose reconcile panicked.
const AFTER_PANIC: Duration = Duration::from_secs(60);

/// Tells controllers to take nothing new.
pub type Stop = watch::Receiver<bool>;

/// Runs every controller until `stop`, and then until what is under way has ended.
pub async fn run(context: Arc<Context>, stop: Stop) {
    let accounts = Arc::new(Runner::new(context.clone()));
    let policies = Arc::new(Runner::new(context.clone()));
    let backups = Arc::new(Runner::new(context.clone()));
    let taken = Arc::new(Runner::<DatabaseBackup>::new(context.clone()));
    let restores = Arc::new(Runner::<DatabaseRestore>::new(context.clone()));
    let (wakes, woken) = Wakes::new();
    let account_queue = stream::select(aws_account::queue(accounts.clone()), woken.accounts);
    let policy_queue = stream::select(scaling_policy::queue(policies.clone()), woken.policies);
    let backup_queue = stream::select(backup_policy::queue(backups.clone()), woken.backups);
    let taken_queue = claimed::queue(taken.clone());
    let restore_queue = database_restore::queue(restores.clone());
    // What went before the queues began to listen is told by nobody.
    context.warmup.retain(&context.stores.uids(), Instant::now());
    let begin_nothing_new = {
        let (context, stop) = (context.clone(), stop.clone());
        async move {
            stopped(stop).await;
            context.slots.close();
        }
    };
    tokio::join!(
        begin_nothing_new,
        drive(accounts, account_queue, stop.clone()),
        drive(policies, policy_queue, stop.clone()),
        drive(backups, backup_queue, stop.clone()),
        drive(taken, taken_queue, stop.clone()),
        drive(restores, restore_queue, stop.clone()),
        scaling_override::run(context.clone(), stop.clone()),
        listening::run(context.clone(), wakes, stopped(stop.clone())),
        expected::run(context.clone(), stop.clone()),
        malformed::run::<AwsAccount>(context.clone(), stopped(stop.clone())),
        malformed::run::<BackupPolicy>(context.clone(), stopped(stop.clone())),
        malformed::run::<DatabaseBackup>(context.clone(), stopped(stop.clone())),
        malformed::run::<DatabaseRestore>(context.clone(), stopped(stop.clone())),
        malformed::run::<ScalingOverride>(context.clone(), stopped(stop.clone())),
        malformed::run::<ScalingPolicy>(context, stopped(stop)),
    );
}

/// Reconciles what `queue` names, each object once at a time.
async fn drive<K: Kind>(runner: Arc<Runner<K>>, queue: impl Stream<Item = ObjectRef<K>> + Send, stop: Stop) {
    let context = runner.context().clone();
    // How many are worked on at a time is decided by account, in the runner.
    let config = Config::default().debounce(DEBOUNCE);
    let store = K::reflected(&context).store();
    let requests = queue.map(|object| Ok::<_, Infallible>(ReconcileRequest::from(object)));
    let reconcile = |object: Arc<K>, runner: Arc<Arc<Runner<K>>>| {
        // A task of its own: a defect that panics ends one reconcile, not the operator.
        Owned::spawn(async move { runner.reconcile(object).await })
    };
    let again = |_: Arc<K>, _: &tokio::task::JoinError, _: Arc<Arc<Runner<K>>>| Action::requeue(AFTER_PANIC);
    let requests = requests.take_until(stopped(stop).boxed());
    let results = applier(reconcile, again, Arc::new(runner.clone()), store, requests, config);
    results
        .for_each(|result| {
            match result {
                Ok(_) => {}
                // It was deleted while it waited.
                Err(Error::ObjectNotFound(object)) => debug!(%object, "gone"),
                Err(error) => {
                    error!(kind = K::KIND, %error, "a reconcile has panicked; this is a defect of the operator, please report it");
                    context.metrics.reconciled(K::KIND, "Panicked", Duration::ZERO);
                }
            }
            std::future::ready(())
        })
        .await;
    runner.tell_the_rest().await;
}

async fn stopped(mut stop: Stop) {
    // An error means that whoever could stop us is gone.
    let _ = stop.wait_for(|stopped| *stopped).await;
}
