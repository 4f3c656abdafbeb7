//! The request budget: token buckets by account, region, API and read or write.
//!
//! Accounts are told apart by their id, not by the name of a connection: two AwsAccounts of one account share its budget.

mod bucket;
mod tokens;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runbook_core::Scope;
use runbook_core::account::{Budget, Rates};

use self::bucket::Bucket;
use crate::call::Api;

/// The budgets of all accounts.
#[derive(Default)]
pub(crate) struct Budgets {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By account id, and by the name of who declared it.
    declared: HashMap<String, BTreeMap<String, Budget>>,
    lanes: HashMap<(String, String, Api), Arc<Lane>>,
}

/// The buckets of one API in one account and region.
struct Lane {
    read: Bucket,
    write: Bucket,
    /// Where AWS does not say that reads and writes are counted apart, throttling lowers both together, and what is left goes to
    /// writes first.
    shared: Option<Bucket>,
}

impl Lane {
    fn new(api: Api, rates: Rates) -> Self {
        let shared = match api {
            // Amazon ECS API Reference, "Request throttling": reads and changes of services have buckets of their own.
            Api::Ecs | Api::Sts | Api::Sqs => None,
            Api::ApplicationAutoScaling | Api::Rds => Some(Bucket::new(rates.read + rates.modify)),
        };
        Self { read: Bucket::new(rates.read), write: Bucket::new(rates.modify), shared }
    }

    fn own(&self, write: bool) -> &Bucket {
        if write { &self.write } else { &self.read }
    }

    fn set_rates(&self, rates: Rates) {
        self.read.set_rate(rates.read);
        self.write.set_rate(rates.modify);
        if let Some(shared) = &self.shared {
            shared.set_rate(rates.read + rates.modify);
        }
    }
}

impl Budgets {
    /// Sets the calls a second of an account in each of its regions, as `name` declares them. The least that anybody declares counts.
    pub(crate) fn set(&self, account_id: &str, name: &str, budget: Budget) {
        self.declare(account_id, |declared| {
            declared.insert(name.into(), budget);
        });
    }

    /// What `name` declared for an account no longer counts.
    pub(crate) fn remove(&self, account_id: &str, name: &str) {
        self.declare(account_id, |declared| {
            declared.remove(name);
        });
    }

    fn declare(&self, account_id: &str, change: impl FnOnce(&mut BTreeMap<String, Budget>)) {
        let mut kept = self.lock();
        let before = kept.budget(account_id);
        let declared = kept.declared.entry(account_id.into()).or_default();
        change(declared);
        if declared.is_empty() {
            kept.declared.remove(account_id);
        }
        let budget = kept.budget(account_id);
        if budget == before {
            return;
        }
        for ((account, _, api), lane) in &kept.lanes {
            if account == account_id {
                lane.set_rates(rates_of(&budget, *api));
            }
        }
    }

    /// Waits until a call may be made.
    pub(crate) async fn admit(&self, scope: &Scope, api: Api, write: bool) {
        let lane = self.lane(scope, api);
        lane.own(write).take(write).await;
        if let Some(shared) = &lane.shared {
            shared.take(write).await;
        }
    }

    /// Takes back an admission that was not used.
    pub(crate) fn give_back(&self, scope: &Scope, api: Api, write: bool) {
        let lane = self.lane(scope, api);
        lane.own(write).give_back();
        if let Some(shared) = &lane.shared {
            shared.give_back();
        }
    }

    /// AWS throttled such a call.
    pub(crate) fn throttled(&self, scope: &Scope, api: Api, write: bool) {
        let lane = self.lane(scope, api);
        lane.shared.as_ref().unwrap_or_else(|| lane.own(write)).lower();
    }

    fn lane(&self, scope: &Scope, api: Api) -> Arc<Lane> {
        let mut kept = self.lock();
        let budget = kept.budget(&scope.account_id);
        let key = (scope.account_id.clone(), scope.region.clone(), api);
        Arc::clone(kept.lanes.entry(key).or_insert_with(|| Arc::new(Lane::new(api, rates_of(&budget, api)))))
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn budget(&self, account_id: &str) -> Budget {
        let declared = self.declared.get(account_id).into_iter().flat_map(BTreeMap::values).copied();
        declared.reduce(Budget::least).unwrap_or_default()
    }
}

fn rates_of(budget: &Budget, api: Api) -> Rates {
    match api {
        Api::Sts => budget.sts,
        Api::Ecs => budget.ecs,
        Api::Rds => budget.rds,
        Api::ApplicationAutoScaling => budget.application_auto_scaling,
        Api::Sqs => budget.sqs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::{Instant, timeout};

    fn scope() -> Scope {
        Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() }
    }

    fn budgets(read: f64, modify: f64) -> Arc<Budgets> {
        let budgets = Budgets::default();
        let rates = Rates { read, modify };
        budgets.set(
            "123456789012",
            "default",
            Budget { ecs: rates, application_auto_scaling: rates, rds: rates, sts: rates, sqs: rates },
        );
        Arc::new(budgets)
    }

    async fn admissions(budgets: &Budgets, api: Api, write: bool, within: Duration) -> u32 {
        let mut admitted = 0;
        let end = Instant::now() + within;
        while tokio::time::timeout_at(end, budgets.admit(&scope(), api, write)).await.is_ok() {
            admitted += 1;
        }
        admitted
    }

    #[tokio::test(start_paused = true)]
    async fn admits_the_burst_and_then_the_rate() {
        let budgets = budgets(2.0, 1.0);
        assert_eq!(admissions(&budgets, Api::Ecs, false, Duration::from_millis(100)).await, 10);
        let later = admissions(&budgets, Api::Ecs, false, Duration::from_secs(20)).await;
        assert!((39..=41).contains(&later), "{later}");
        assert_eq!(
            admissions(&budgets, Api::Ecs, true, Duration::from_millis(100)).await,
            5,
            "ECS counts writes apart"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_region_and_a_connection_of_one_account() {
        let budgets = budgets(2.0, 1.0);
        assert_eq!(admissions(&budgets, Api::Ecs, false, Duration::from_millis(100)).await, 10);
        let second = Scope { connection: "second".into(), ..scope() };
        assert!(timeout(Duration::from_millis(100), budgets.admit(&second, Api::Ecs, false)).await.is_err());
        let elsewhere = Scope { region: "eu-west-1".into(), ..scope() };
        assert!(timeout(Duration::from_millis(100), budgets.admit(&elsewhere, Api::Ecs, false)).await.is_ok());
    }

    /// The order in which callers that came in the order of `writes` are served while AWS throttles.
    async fn order_of(writes: &[bool]) -> Vec<bool> {
        let budgets = budgets(1.0, 1.0);
        let api = Api::ApplicationAutoScaling;
        // Throttled down, reads and writes wait for the same few tokens.
        for _ in 0..6 {
            budgets.throttled(&scope(), api, false);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
        budgets.throttled(&scope(), api, false);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for &write in writes {
            let (budgets, order) = (Arc::clone(&budgets), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                budgets.admit(&scope(), api, write).await;
                order.lock().unwrap_or_else(PoisonError::into_inner).push(write);
            }));
            // Each is in the queue before the next comes.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        futures::future::join_all(waiting).await;
        order.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    #[tokio::test(start_paused = true)]
    async fn writes_that_wait_go_before_reads_that_wait() {
        assert_eq!(order_of(&[false, false, true, true]).await, [true, true, false, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_do_not_starve_behind_writes() {
        let mut callers = vec![false];
        callers.extend([true; 5]);
        assert_eq!(order_of(&callers).await, [true, true, true, true, false, true]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_gave_up_holds_nobody_up() {
        let budgets = budgets(1.0, 1.0);
        admissions(&budgets, Api::Ecs, false, Duration::from_millis(10)).await;
        let place = scope();
        let first = budgets.admit(&place, Api::Ecs, false);
        let mut first = Box::pin(first);
        assert!(timeout(Duration::from_millis(10), &mut first).await.is_err());
        let second = {
            let budgets = Arc::clone(&budgets);
            tokio::spawn(async move { budgets.admit(&scope(), Api::Ecs, false).await })
        };
        tokio::time::sleep(Duration::from_millis(10)).await;
        drop(first);
        assert!(timeout(Duration::from_secs(2), second).await.is_ok(), "the second takes the first's place");
    }

    #[tokio::test(start_paused = true)]
    async fn a_raised_budget_serves_those_who_wait() {
        let budgets = budgets(0.01, 0.01);
        budgets.admit(&scope(), Api::Sts, false).await;
        let waiting = {
            let budgets = Arc::clone(&budgets);
            tokio::spawn(async move { budgets.admit(&scope(), Api::Sts, false).await })
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        budgets.set("123456789012", "default", Budget::default());
        assert!(timeout(Duration::from_secs(2), waiting).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_least_of_those_who_declare_counts_while_they_do() {
        let budgets = budgets(2.0, 1.0);
        let rates = Rates { read: 0.1, modify: 0.1 };
        let little = Budget { ecs: rates, application_auto_scaling: rates, rds: rates, sts: rates, sqs: rates };
        budgets.set("123456789012", "second", little);
        admissions(&budgets, Api::Ecs, false, Duration::from_millis(10)).await;
        assert_eq!(admissions(&budgets, Api::Ecs, false, Duration::from_secs(20)).await, 2);
        budgets.remove("123456789012", "second");
        let restored = admissions(&budgets, Api::Ecs, false, Duration::from_secs(20)).await;
        assert!((39..=41).contains(&restored), "{restored}");
        budgets.remove("123456789012", "default");
        assert_eq!(budgets.lock().budget("123456789012"), Budget::default());
    }
}
