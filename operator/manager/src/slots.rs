//! How many objects are worked on at a time: so many for each account, so that one that is slow, or throttled, keeps no other waiting.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One slot in so many is for objects whose spec is new, or about which somebody asks.
const SHARE_OF_NEWS: usize = 4;

/// Slots by account. Whoever waits is served in order.
pub struct Slots {
    each: usize,
    accounts: Mutex<Option<HashMap<String, Lanes>>>,
}

/// The slots of one account.
#[derive(Clone)]
struct Lanes {
    routine: Arc<Semaphore>,
    news: Arc<Semaphore>,
}

impl Slots {
    /// So many slots for each account; at least two.
    pub fn new(each: u16) -> Self {
        Self { each: usize::from(each).max(2), accounts: Mutex::new(Some(HashMap::new())) }
    }

    /// A slot in an account, when there is one. `None` when nothing new is begun any more.
    ///
    /// News do not queue behind what is looked at only because its time has come.
    pub async fn take(&self, account: &str, news: bool) -> Option<OwnedSemaphorePermit> {
        let lanes = self.lanes(account)?;
        let lane = if news { lanes.news } else { lanes.routine };
        lane.acquire_owned().await.ok()
    }

    /// Whoever waits goes away with nothing, and whoever comes.
    pub fn close(&self) {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).take();
        for lanes in accounts.into_iter().flat_map(HashMap::into_values) {
            lanes.routine.close();
            lanes.news.close();
        }
    }

    /// Whether nothing new is begun any more.
    pub fn is_closed(&self) -> bool {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn lanes(&self, account: &str) -> Option<Lanes> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = accounts.as_mut()?;
        if let Some(lanes) = accounts.get(account) {
            return Some(lanes.clone());
        }
        let for_news = (self.each / SHARE_OF_NEWS).max(1);
        let lanes =
            Lanes { routine: Arc::new(Semaphore::new(self.each - for_news)), news: Arc::new(Semaphore::new(for_news)) };
        accounts.insert(account.into(), lanes.clone());
        Some(lanes)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn an_account_without_slots_keeps_no_other_waiting_nor_its_own_news() {
        let slots = Slots::new(4);
        let mut held = Vec::new();
        for _ in 0..3 {
            held.push(slots.take("slow", false).await.unwrap());
        }
        assert!(slots.take("slow", false).now_or_never().is_none(), "all its slots are taken");
        assert!(slots.take("slow", true).now_or_never().flatten().is_some(), "but that for news");
        assert!(slots.take("other", false).now_or_never().flatten().is_some());
        held.pop();
        assert!(slots.take("slow", false).now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn whoever_waits_goes_away_when_nothing_new_is_begun() {
        let slots = Arc::new(Slots::new(2));
        let held = slots.take("a", false).await;
        let waiting = tokio::spawn({
            let slots = slots.clone();
            async move { slots.take("a", false).await.is_none() }
        });
        tokio::task::yield_now().await;
        slots.close();
        assert!(waiting.await.unwrap());
        assert!(slots.take("b", true).await.is_none());
        drop(held);
    }
}
