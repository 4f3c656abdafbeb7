//! A listener against a scripted queue, on a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use runbook_aws::{AwsMetrics, Ear, Listener, Message, Plane, PlaneOptions, Queues};
use runbook_core::events::Queue;
use runbook_core::{CloudError, ErrorClass, Scope};
use tokio::time::{Instant, sleep, timeout};

use support::{ACCOUNT, FakeAws};

/// What a call comes to.
enum Answer {
    Messages(usize),
    Fails(ErrorClass),
    /// Nothing, and long before its time.
    NothingAtOnce,
}

/// A queue that answers as it was told, and after that with nothing after the whole wait.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    deletions: Mutex<VecDeque<Answer>>,
    log: Mutex<Vec<(&'static str, usize, Instant)>>,
}

fn error(class: ErrorClass) -> CloudError {
    CloudError {
        class,
        operation: "ReceiveMessage",
        resource: "queue".into(),
        code: "Code".into(),
        message: String::new(),
        request_id: None,
    }
}

impl Script {
    fn new(answers: impl IntoIterator<Item = Answer>, deletions: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let (answers, deletions) = (answers.into_iter().collect(), deletions.into_iter().collect());
        Arc::new(Self { answers: Mutex::new(answers), deletions: Mutex::new(deletions), log: Mutex::default() })
    }

    fn note(&self, what: &'static str, count: usize) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push((what, count, Instant::now()));
    }

    /// What happened, without when.
    fn log(&self) -> Vec<(&'static str, usize)> {
        self.log.lock().unwrap().iter().map(|(what, count, _)| (*what, *count)).collect()
    }

    fn times(&self, wanted: &str) -> Vec<Instant> {
        self.log.lock().unwrap().iter().filter(|(what, ..)| *what == wanted).map(|(.., at)| *at).collect()
    }
}

#[async_trait]
impl Queues for Script {
    async fn receive(&self, _: &Queue, wait: Duration) -> Result<Vec<Message>, CloudError> {
        self.note("receive", 0);
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(Answer::Messages(count)) => {
                let message = |number: usize| Message {
                    id: number.to_string(),
                    receipt: format!("receipt-{number}"),
                    body: "{}".into(),
                };
                Ok((0..count).map(message).collect())
            }
            Some(Answer::Fails(class)) => Err(error(class)),
            Some(Answer::NothingAtOnce) => Ok(Vec::new()),
            None => {
                sleep(wait).await;
                Ok(Vec::new())
            }
        }
    }

    async fn delete(&self, _: &Queue, receipts: &[String]) -> Result<usize, CloudError> {
        self.note("delete", receipts.len());
        match self.deletions.lock().unwrap().pop_front() {
            Some(Answer::Fails(class)) => Err(error(class)),
            _ => Ok(0),
        }
    }
}

impl Ear for Script {
    fn hear(&self, messages: &[Message]) {
        self.note("hear", messages.len());
    }

    fn well(&self) {
        self.note("well", 0);
    }

    fn miss(&self, _: &CloudError, failures: u32) {
        self.note("miss", failures as usize);
    }
}

/// Listens to a script for so long.
async fn listen(script: &Arc<Script>, seconds: u64) {
    let clock = Arc::new(runbook_aws::TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH));
    let plane = Plane::new(FakeAws::numbered(0), clock, PlaneOptions::default(), AwsMetrics::default());
    let listener = Listener::new(script.clone(), plane);
    let scope = Scope { connection: "default".into(), account_id: ACCOUNT.into(), region: "eu-central-1".into() };
    let url = format!("https://sqs.eu-central-1.amazonaws.com/{ACCOUNT}/runbook-events");
    let queue = Queue::new(scope, &url, false).unwrap();
    let ended = timeout(Duration::from_secs(seconds), listener.listen(&queue, &**script)).await;
    assert!(ended.is_err(), "it listens until it is dropped");
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_deleted_and_nothing_before() {
    let script = Script::new([Answer::Messages(3), Answer::Messages(10)], []);
    listen(&script, 10).await;
    let round = |count| [("receive", 0), ("hear", count), ("delete", count), ("well", 0)];
    assert_eq!(script.log(), [&round(3)[..], &round(10), &[("receive", 0)]].concat());
}

#[tokio::test(start_paused = true)]
async fn an_idle_queue_costs_three_calls_a_minute() {
    let script = Script::new([], []);
    listen(&script, 3600).await;
    assert_eq!(script.times("receive").len(), 180 + 1, "the last has just begun");
    assert!(script.times("delete").is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_answers_with_nothing_at_once_is_not_asked_without_pause() {
    let script = Script::new((0..1000).map(|_| Answer::NothingAtOnce), []);
    listen(&script, 60).await;
    assert!(script.times("receive").len() <= 31, "{}", script.times("receive").len());
}

#[tokio::test(start_paused = true)]
async fn failures_are_waited_out_by_their_class() {
    use ErrorClass::{Denied, Throttled, Transient};
    for (class, at_least, at_most) in [(Transient, 10, 14), (Throttled, 6, 10), (Denied, 3, 4)] {
        let script = Script::new((0..1000).map(|_| Answer::Fails(class)), []);
        listen(&script, 1000).await;
        let tried = script.times("receive").len();
        assert!((at_least..=at_most).contains(&tried), "{class:?}: {tried}");
        let missed: Vec<_> = script.log().into_iter().filter(|(what, _)| *what == "miss").collect();
        assert_eq!(missed[..2], [("miss", 1), ("miss", 2)]);
    }
}

#[tokio::test(start_paused = true)]
async fn messages_that_may_not_be_deleted_are_told_of_and_others_are_left_to_come_again() {
    let script = Script::new([Answer::Messages(1), Answer::Messages(1)], [Answer::Fails(ErrorClass::Transient)]);
    listen(&script, 10).await;
    let heard = [("receive", 0), ("hear", 1), ("delete", 1), ("well", 0)];
    assert_eq!(script.log()[..8], [heard, heard].concat());
    let script = Script::new([Answer::Messages(1)], [Answer::Fails(ErrorClass::Denied)]);
    listen(&script, 10).await;
    assert_eq!(script.log(), [("receive", 0), ("hear", 1), ("delete", 1), ("miss", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_taken_at_the_rate_of_its_own_budget() {
    let script = Script::new((0..100_000).map(|_| Answer::Messages(10)), []);
    listen(&script, 100).await;
    let calls = script.times("receive").len();
    assert!((900..=1200).contains(&calls), "{calls}");
}
