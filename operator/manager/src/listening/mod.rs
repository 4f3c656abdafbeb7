//! Listens to the queues that AwsAccounts name, while this process leads: two receivers of one queue would each get a part.
//!
//! An event makes the plane read again what it tells of, and the policies for it be looked at; what is then done is decided as ever.

mod ear;
mod hearing;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{StreamExt, stream};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use runbook_api::{AwsAccount, BackupPolicy, RECONCILE_REQUESTED_AT, ScalingPolicy};
use runbook_aws::Listener;
use runbook_core::account::events::queues;
use runbook_core::events::Queue;
use tracing::info;

use self::ear::Ear;
pub use self::hearing::Hearing;
use crate::context::Context;
use crate::tasks::Owned;

/// Where objects are named that are to be looked at because of something heard.
#[derive(Clone)]
pub struct Wakes {
    accounts: UnboundedSender<ObjectRef<AwsAccount>>,
    policies: UnboundedSender<ObjectRef<ScalingPolicy>>,
    backups: UnboundedSender<ObjectRef<BackupPolicy>>,
}

/// What is named there, by kind.
pub struct Woken {
    /// Accounts.
    pub accounts: UnboundedReceiver<ObjectRef<AwsAccount>>,
    /// Policies that scale.
    pub policies: UnboundedReceiver<ObjectRef<ScalingPolicy>>,
    /// Policies that back up.
    pub backups: UnboundedReceiver<ObjectRef<BackupPolicy>>,
}

impl Wakes {
    /// Where they are named, and what is named there.
    pub fn new() -> (Self, Woken) {
        let ((accounts, woken_accounts), (policies, woken_policies)) = (unbounded(), unbounded());
        let (backups, woken_backups) = unbounded();
        let woken = Woken { accounts: woken_accounts, policies: woken_policies, backups: woken_backups };
        (Self { accounts, policies, backups }, woken)
    }

    /// Whoever is to be woken when nothing new is begun any more is looked at by the next leader.
    fn account(&self, name: &str) {
        let _ = self.accounts.unbounded_send(ObjectRef::new(name));
    }

    fn policy(&self, policy: ObjectRef<ScalingPolicy>) {
        let _ = self.policies.unbounded_send(policy);
    }

    fn backup(&self, policy: ObjectRef<BackupPolicy>) {
        let _ = self.backups.unbounded_send(policy);
    }
}

/// A queue as it is to be listened to. What differs is listened to anew, so that what a person has mended is tried at once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    queue: Queue,
    /// The AwsAccount's generation, and its request to be looked at.
    revision: (Option<i64>, Option<String>),
    /// The AwsAccounts that name it.
    accounts: Vec<String>,
}

/// Listens to every queue until `stop`.
pub async fn run(context: Arc<Context>, wakes: Wakes, stop: impl Future<Output = ()>) {
    let (present, changes) = context.stores.accounts.subscribe();
    // One look at all is enough for those that are there.
    let mut changes = stream::iter(present.into_iter().take(1)).chain(changes).take_until(Box::pin(stop));
    let mut listening: HashMap<String, (Wanted, Owned<()>)> = HashMap::new();
    while changes.next().await.is_some() {
        let wanted = wanted(&context);
        listening.retain(|url, (known, _)| wanted.get(url) == Some(known));
        context.hearing.retain(|url| wanted.contains_key(url));
        for (url, wanted) in wanted {
            if let Entry::Vacant(free) = listening.entry(url) {
                let url = free.key().clone();
                info!(queue = url, region = wanted.queue.scope.region, "listening");
                context.hearing.begin(&url);
                let task = Owned::spawn(listen(context.clone(), wakes.clone(), wanted.clone()));
                free.insert((wanted, task));
            }
        }
    }
    drop(listening);
    context.hearing.retain(|_| false);
}

async fn listen(context: Arc<Context>, wakes: Wakes, wanted: Wanted) {
    let listener = Listener::new(context.queues.clone(), context.plane.clone());
    let ear = Ear::new(context, wakes, wanted.queue.clone(), wanted.accounts);
    match listener.listen(&wanted.queue, &ear).await {}
}

/// The queues of all accounts that can be worked in, by URL. One that several name is read with the credentials of the first.
fn wanted(context: &Context) -> BTreeMap<String, Wanted> {
    let mut names: Vec<String> =
        context.stores.accounts.store().state().iter().map(|account| account.name_any()).collect();
    names.sort_unstable();
    let mut all: BTreeMap<String, Wanted> = BTreeMap::new();
    for name in names {
        let Ok(Some(account)) = context.accounts.connect(&name) else { continue };
        for queue in queues(&account).into_iter().flatten() {
            let requested = account.annotations().get(RECONCILE_REQUESTED_AT).cloned();
            let revision = (account.metadata.generation, requested);
            let url = queue.url.clone();
            let wanted = all.entry(url).or_insert_with(|| Wanted { queue, revision, accounts: Vec::new() });
            wanted.accounts.push(name.clone());
        }
    }
    all
}
