use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_aws::{TokioClock, WriteGuard};
use serde_json::json;
use tokio::time::{Instant, advance, sleep, timeout};

use super::fake::FakeApi;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

struct Candidate {
    elector: Elector,
    leadership: Arc<Leadership>,
}

fn candidate(api: &FakeApi, identity: &str) -> Candidate {
    let options = LeaseOptions {
        namespace: "runbook".into(),
        name: "runbook-operator".into(),
        identity: identity.into(),
        duration: 15 * SECOND,
        renew_interval: 3 * SECOND,
    };
    let leadership = Arc::new(Leadership::default());
    let clock = Arc::new(TokioClock::starting_at(Timestamp::from_second(1_800_000_000).unwrap()));
    Candidate { elector: Elector::new(api.client(), options, clock, leadership.clone()), leadership }
}

#[tokio::test(start_paused = true)]
async fn it_leads_while_it_renews() {
    let api = FakeApi::default();
    let a = candidate(&api, "a");
    let mut held = a.elector.acquire(None).await;
    assert_eq!(api.holder().as_deref(), Some("a"));
    // Never less than two failed renewals away from losing it.
    let watch = async {
        for _ in 0..600 {
            sleep(SECOND / 10).await;
            assert!(a.leadership.time_left() > 10 * SECOND, "{:?}", a.leadership.time_left());
        }
    };
    tokio::select! {
        lost = a.elector.hold(&mut held) => panic!("{lost:?}"),
        () = watch => {}
    }
    assert!(api.writes() >= 20, "{}", api.writes());
}

#[tokio::test(start_paused = true)]
async fn without_the_api_server_it_stops_before_another_could_begin() {
    let api = FakeApi::default();
    let (a, b) = (candidate(&api, "a"), candidate(&api, "b"));
    let mut held = a.elector.acquire(None).await;
    let last_renewal = Instant::now();
    api.set_down(true);
    assert_eq!(a.elector.hold(&mut held).await, Lost::Expired);
    assert!(Instant::now() - last_renewal < 15 * SECOND);
    assert_eq!(a.leadership.time_left(), Duration::ZERO);
    // The successor has seen nothing yet, so it waits a whole duration.
    api.set_down(false);
    let began = Instant::now();
    b.elector.acquire(None).await;
    assert!(Instant::now() - began >= 15 * SECOND);
    assert_eq!(api.holder().as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn two_never_lead_at_once() {
    let api = FakeApi::default();
    let (a, b) = (candidate(&api, "a"), candidate(&api, "b"));
    let mut held = a.elector.acquire(None).await;
    let watch = async {
        for tick in 0..600 {
            // The API server goes away for good while a leads, and comes back when a's time is over.
            api.set_down((100..250).contains(&tick));
            sleep(SECOND / 10).await;
            assert!(!(a.leadership.is_leader() && b.leadership.is_leader()), "at tick {tick}");
        }
    };
    let first = async {
        a.elector.hold(&mut held).await;
        // It does not come back: another's turn.
        std::future::pending::<()>().await;
    };
    let second = async {
        let mut held = b.elector.acquire(None).await;
        b.elector.hold(&mut held).await;
    };
    tokio::select! {
        () = watch => {}
        () = first => {}
        () = second => panic!("b has lost it"),
    }
    assert!(b.leadership.is_leader());
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_is_taken_at_the_next_look() {
    let api = FakeApi::default();
    let (a, b) = (candidate(&api, "a"), candidate(&api, "b"));
    let held = a.elector.acquire(None).await;
    a.elector.release(held).await;
    assert_eq!(api.holder(), None);
    assert!(!a.leadership.is_leader());
    let began = Instant::now();
    b.elector.acquire(None).await;
    assert!(Instant::now() - began < SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_loses_nothing() {
    let api = FakeApi::default();
    let a = candidate(&api, "a");
    // Of the creation.
    api.lose_answers(1);
    let began = Instant::now();
    let mut held = a.elector.acquire(None).await;
    assert!(Instant::now() - began < 15 * SECOND, "it waited for itself");
    // The time counts from before the request whose answer was lost.
    assert!(a.leadership.time_left() < 11 * SECOND);
    // Of two renewals.
    api.lose_answers(2);
    let lost = timeout(60 * SECOND, a.elector.hold(&mut held)).await;
    assert!(lost.is_err(), "{lost:?}");
    assert!(a.leadership.is_leader());
}

#[tokio::test(start_paused = true)]
async fn an_earlier_process_of_the_same_name_is_another() {
    let api = FakeApi::default();
    let (before, after) = (candidate(&api, "pod-0"), candidate(&api, "pod-0"));
    before.elector.acquire(None).await;
    advance(SECOND).await;
    let began = Instant::now();
    after.elector.acquire(None).await;
    assert!(Instant::now() - began >= 15 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_it_lost_and_nobody_took_it_takes_again_at_once() {
    let api = FakeApi::default();
    let a = candidate(&api, "a");
    let mut held = a.elector.acquire(None).await;
    api.set_down(true);
    a.elector.hold(&mut held).await;
    api.set_down(false);
    let began = Instant::now();
    a.elector.acquire(Some(&held)).await;
    assert!(Instant::now() - began < SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_the_metadata_is_no_loss_and_another_holder_is() {
    let api = FakeApi::default();
    let a = candidate(&api, "a");
    let mut held = a.elector.acquire(None).await;
    api.edit(|lease| lease["metadata"]["labels"] = json!({"a": "b"}));
    assert!(timeout(30 * SECOND, a.elector.hold(&mut held)).await.is_err());
    api.edit(|lease| lease["spec"]["holderIdentity"] = json!("b"));
    assert_eq!(a.elector.hold(&mut held).await, Lost::Taken);
    assert!(!a.leadership.is_leader());
}
