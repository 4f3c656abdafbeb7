//! AwsAccount: whose credentials are these, and may they be used.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt};
use runbook_api::common::{AccountRef, Mode};
use runbook_api::common::{HistoryEntry, PlanStatus};
use runbook_api::{AwsAccount, AwsAccountStatus};
use runbook_core::account::events::Heard;
use runbook_core::account::{self, resolve};
use runbook_core::report::{Act, Hold, Summary};
use runbook_core::{Facts, Finding, Plan, Scope};

use crate::context::Context;
use crate::runner::Runner;
use crate::runner::kind::{Kind, Prepared, Reported, Stored};
use crate::stores::{Change, Reflected};

impl Stored for AwsAccount {
    fn reflected(context: &Context) -> &Arc<Reflected<Self>> {
        &context.stores.accounts
    }

    fn api(&self, client: Client) -> Api<Self> {
        Api::all(client)
    }
}

impl Kind for AwsAccount {
    type Input = (Scope, Vec<Heard>);

    fn account_name(&self) -> String {
        self.name_any()
    }

    fn prepare(&self, context: &Context) -> Result<Prepared<Self::Input>, Finding> {
        let reference = AccountRef { name: self.name_any() };
        let account = context.accounts.connect(&reference.name)?;
        let access = resolve(&reference, None, "", account.as_deref())?;
        let account = account.unwrap_or_else(|| Arc::new(self.clone()));
        let hold = Hold::of(false, Mode::Enforce, access.mode);
        let queues = context.hearing.of(&account);
        Ok(Prepared { input: (access.scope.clone(), queues), access, account, others: Vec::new(), hold })
    }

    fn plan((scope, queues): &Self::Input, facts: &Facts, _: Timestamp) -> Plan {
        account::plan::plan(scope, queues, facts)
    }

    fn report(&self, previous: &AwsAccountStatus, summary: &Summary<'_>) -> AwsAccountStatus {
        account::report::status(previous, summary)
    }
}

impl Reported for AwsAccountStatus {
    fn observed_generation(&self) -> Option<i64> {
        self.observed_generation
    }

    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// Nothing is written to AWS for an account itself.
    fn history(&self) -> &[HistoryEntry] {
        &[]
    }

    fn plan(&self) -> Option<&PlanStatus> {
        None
    }

    fn remember(&mut self, _acts: &[Act]) {}

    fn last_handled(&self) -> Option<&str> {
        self.last_handled_reconcile_at.as_deref()
    }
}

/// The accounts to look at: all at first, then those that change. The connection of one that goes is removed.
pub fn queue(runner: Arc<Runner<AwsAccount>>) -> impl Stream<Item = ObjectRef<AwsAccount>> + Send {
    let (present, changes) = runner.context().stores.accounts.subscribe();
    stream::iter(present).chain(changes).filter_map(move |change| {
        let next = match change {
            Change::Applied(account) => Some(ObjectRef::from_obj(&*account)),
            Change::Deleted(account) => {
                runner.forget(&account);
                disconnect(&runner, &account.name_any());
                None
            }
            Change::Malformed(invalid) => {
                disconnect(&runner, invalid.metadata.name.as_deref().unwrap_or_default());
                None
            }
        };
        std::future::ready(next)
    })
}

fn disconnect(runner: &Runner<AwsAccount>, name: &str) {
    // Asking for an account that is gone, or unusable, removes its connection; what is wrong with it is said elsewhere.
    let _ = runner.context().accounts.connect(name);
}
