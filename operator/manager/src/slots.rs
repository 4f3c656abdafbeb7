//! How many objects are worked on at a time: so many for each account, so that one that is slow, or throttled, keeps no other waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// One slot in so many is for objects whose spec is new, or about which somebody asks.
const SHARE_OF_NEWS: usize = 4;

/// Slots by account. Whoever waits is served in order.
pub struct Slots {
    each: usize,
    accounts: Mutex<Option<HashMap<String, Arc<Lanes>>>>,
}

/// The slots of one account.
struct Lanes {
    state: Mutex<State>,
}

/// Slots that are free, and who waits for one: in two lanes, that for news and the other.
struct State {
    closed: bool,
    news: Lane,
    routine: Lane,
}

#[derive(Default)]
struct Lane {
    free: usize,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// A slot, given back when dropped.
pub struct Slot {
    /// Absent once it has been given to another.
    lanes: Option<Arc<Lanes>>,
    for_news: bool,
}

impl Slots {
    /// So many slots for each account; at least two.
    pub fn new(each: u16) -> Self {
        Self { each: usize::from(each).max(2), accounts: Mutex::new(Some(HashMap::new())) }
    }

    /// A slot in an account, when there is one. `None` when nothing new is begun any more.
    ///
    /// News do not queue behind what is looked at only because its time has come: some slots are theirs alone, and they take the
    /// others where nobody else waits for them.
    pub async fn take(&self, account: &str, news: bool) -> Option<Slot> {
        let waiting = self.lanes(account)?.ask(news)?;
        // An error means that nothing new is begun any more.
        waiting.await.ok()
    }

    /// Whoever waits goes away with nothing, and whoever comes.
    pub fn close(&self) {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).take();
        for lanes in accounts.into_iter().flat_map(HashMap::into_values) {
            lanes.close();
        }
    }

    /// Whether nothing new is begun any more.
    pub fn is_closed(&self) -> bool {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    fn lanes(&self, account: &str) -> Option<Arc<Lanes>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let accounts = accounts.as_mut()?;
        if let Some(lanes) = accounts.get(account) {
            return Some(lanes.clone());
        }
        let for_news = (self.each / SHARE_OF_NEWS).max(1);
        let lane = |free| Lane { free, waiting: VecDeque::new() };
        let state = State { closed: false, news: lane(for_news), routine: lane(self.each - for_news) };
        let lanes = Arc::new(Lanes { state: Mutex::new(state) });
        accounts.insert(account.into(), lanes.clone());
        Some(lanes)
    }
}

impl Lanes {
    /// A promise of a slot; broken when nothing new is begun any more.
    fn ask(self: &Arc<Self>, news: bool) -> Option<oneshot::Receiver<Slot>> {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let for_news = news && state.news.free > 0;
        let lane = if for_news { &mut state.news } else { &mut state.routine };
        if lane.free == 0 {
            let line = if news { &mut state.news } else { &mut state.routine };
            line.waiting.push_back(sender);
            return Some(receiver);
        }
        lane.free -= 1;
        drop(state);
        // Whoever asks holds the other end.
        let _ = sender.send(Slot { lanes: Some(self.clone()), for_news });
        Some(receiver)
    }

    /// Gives a slot to who has waited longest for one of its kind; one that is not for news alone to the news where nobody else waits.
    fn give_back(self: Arc<Self>, for_news: bool) {
        loop {
            let mut state = self.state();
            let next = if for_news { None } else { state.routine.waiting.pop_front() };
            let Some(next) = next.or_else(|| state.news.waiting.pop_front()) else {
                let lane = if for_news { &mut state.news } else { &mut state.routine };
                lane.free += 1;
                return;
            };
            drop(state);
            match next.send(Slot { lanes: Some(self.clone()), for_news }) {
                Ok(()) => return,
                // It waits no longer: the slot is for the next.
                Err(mut unused) => unused.lanes = None,
            }
        }
    }

    fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.news.waiting.clear();
        state.routine.waiting.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(lanes) = self.lanes.take() {
            lanes.give_back(self.for_news);
        }
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
    async fn news_take_every_slot_that_nobody_else_waits_for() {
        let slots = Slots::new(4);
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(slots.take("a", true).now_or_never().flatten().unwrap());
        }
        let (mut news, mut routine) = (Box::pin(slots.take("a", true)), Box::pin(slots.take("a", false)));
        assert!((&mut news).now_or_never().is_none() && (&mut routine).now_or_never().is_none());
        assert!(held[0].for_news && !held[3].for_news);
        held.pop();
        assert!((&mut news).now_or_never().is_none(), "it is not theirs alone");
        let routine = (&mut routine).now_or_never().flatten().unwrap();
        held.pop();
        assert!(news.now_or_never().flatten().is_some(), "nobody else waits");
        drop(routine);
        held.clear();
        let all: Vec<_> = (0..5).map(|_| slots.take("a", true).now_or_never()).collect();
        assert_eq!(all.iter().filter(|slot| slot.is_some()).count(), 4, "none was lost");
    }

    #[tokio::test]
    async fn a_slot_given_to_one_who_has_gone_is_for_the_next() {
        let slots = Slots::new(2);
        let held = slots.take("a", false).await.unwrap();
        let mut gone = Box::pin(slots.take("a", false));
        assert!((&mut gone).now_or_never().is_none());
        let mut next = Box::pin(slots.take("a", false));
        assert!((&mut next).now_or_never().is_none());
        drop(gone);
        drop(held);
        assert!(next.now_or_never().flatten().is_some());
        // Handed over, and not taken up.
        let held = slots.take("a", false).await.unwrap();
        let mut gone = Box::pin(slots.take("a", false));
        assert!((&mut gone).now_or_never().is_none());
        drop(held);
        drop(gone);
        assert!(slots.take("a", false).now_or_never().flatten().is_some());
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
