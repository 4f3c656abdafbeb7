//! Executors on a scripted AWS and a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runbook_aws::{Call, Executor, Freshness, Origin, WriteGuard};
use runbook_core::facts::Answer;
use runbook_core::observed::ServiceLookup;
use runbook_core::{ErrorClass, Step};
use support::*;
use tokio::time::sleep;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};

struct Lease(Duration);

impl WriteGuard for Lease {
    fn time_left(&self) -> Duration {
        self.0
    }
}

fn leader() -> Arc<Lease> {
    Arc::new(Lease(Duration::from_secs(15)))
}

fn origin() -> Origin {
    Origin { object: "ScalingPolicy clocked/web".into(), reason: "Applying".into() }
}

fn scale(name: &str, from: i32, to: i32) -> Step {
    Step::SetDesiredCount { service: service(name), from, to }
}

#[tokio::test(start_paused = true)]
async fn a_write_is_one_call_and_what_it_changed_is_read_again() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    let executor = Executor::new(Arc::clone(&plane), leader());
    let queries = [ecs("s0000"), target("s0000"), policies("s0000")];
    plane.observe(&queries, Freshness::Now).await;
    // A read that is under way while the write is made must not answer those who ask later.
    let reading = plane.observe(&queries[..1], Freshness::Now);
    let step = scale("s0000", 2, 4);
    let writing = async {
        sleep(Duration::from_millis(55)).await;
        executor.execute(&step, &origin()).await
    };
    let (read, written) = futures::join!(reading, writing);
    assert_eq!(written, Ok(Some("request-1".into())));
    let Ok(Answer::EcsService(ServiceLookup::Found(_))) = &read[0].1 else { panic!("{read:?}") };
    let after = plane.observe(&queries, Freshness::WithinResync).await;
    let Ok(Answer::EcsService(ServiceLookup::Found(service))) = &after[0].1 else { panic!("{after:?}") };
    assert_eq!(service.desired_count, 4);
    assert_eq!(cloud.count("DescribeScalableTargets"), 1, "what the write does not touch is kept");
    assert_eq!(cloud.count("DescribeScalingPolicies"), 1);
    let writes: Vec<Call> = cloud.calls().into_iter().filter(Call::is_write).collect();
    assert_eq!(writes, [Call::UpdateService { cluster: "app".into(), service: "s0000".into(), desired_count: 4 }]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_or_cancelled_write_may_have_had_its_effect() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    let executor = Executor::new(Arc::clone(&plane), leader());
    let reads = |cloud: &FakeAws| cloud.count("DescribeServices");
    plane.observe(&[ecs("s0000")], Freshness::Now).await;
    cloud.script(|call| if call.is_write() { Verdict::Hang } else { Verdict::Answer });
    let error = executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "Timeout"));
    plane.observe(&[ecs("s0000")], Freshness::WithinResync).await;
    assert_eq!(reads(&cloud), 2);
    let step = scale("s0000", 2, 4);
    let origin = origin();
    assert!(tokio::time::timeout(Duration::from_secs(1), executor.execute(&step, &origin)).await.is_err());
    plane.observe(&[ecs("s0000")], Freshness::WithinResync).await;
    assert_eq!(reads(&cloud), 3);
    let writes = cloud.calls().into_iter().filter(Call::is_write).count();
    assert_eq!(writes, 2, "no write is repeated here");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_at_the_end_of_the_lease() {
    let cloud = FakeAws::numbered(1);
    let executor = Executor::new(plane(&cloud), Arc::new(Lease(runbook_aws::execute::WRITE_TIMEOUT)));
    let error = executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "NotLeader"));
    assert_eq!(cloud.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_for_the_budget_is_checked_against_what_it_was_decided_on() {
    let cloud = FakeAws::numbered(2);
    let plane = plane_with_budget(&cloud, 0.1);
    let executor = Executor::new(Arc::clone(&plane), leader());
    let (origin, first, second) = (origin(), scale("s0000", 2, 3), scale("s0001", 2, 3));
    executor.execute(&first, &origin).await.unwrap();
    // The next token comes after ten seconds; meanwhile somebody else scales one of the two.
    let meanwhile = async {
        sleep(Duration::from_secs(1)).await;
        cloud.world.lock().unwrap().counts.insert("s0001".into(), 9);
    };
    let (outcome, ()) = futures::join!(executor.execute(&second, &origin), meanwhile);
    let error = outcome.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "ChangedMeanwhile"));
    executor.execute(&scale("s0001", 9, 3), &origin).await.unwrap();
    let writes = cloud.calls().into_iter().filter(Call::is_write).count();
    assert_eq!(writes, 2);
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "audit" {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_write_leaves_one_audit_line() {
    let lines = Lines::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let cloud = FakeAws::numbered(1);
    let executor = Executor::new(plane(&cloud), leader());
    let (origin, step) = (origin(), scale("s0000", 2, 4));
    executor.execute(&step, &origin).await.unwrap();
    cloud.script(|_| Verdict::Fail(error(ErrorClass::Denied, "AccessDeniedException")));
    executor.execute(&step, &origin).await.unwrap_err();
    cloud.script(|_| Verdict::Hang);
    tokio::time::timeout(Duration::from_secs(1), executor.execute(&step, &origin)).await.unwrap_err();
    let lines = lines.0.lock().unwrap().clone();
    let outcomes =
        ["outcome=\"Ok\" request_id=\"request-1\"", "outcome=\"AccessDeniedException\"", "outcome=\"Abandoned\""];
    assert_eq!(lines.len(), outcomes.len(), "{lines:#?}");
    for (line, outcome) in lines.iter().zip(outcomes) {
        for part in [
            outcome,
            "object=\"ScalingPolicy clocked/web\"",
            "step=\"SetDesiredCount\"",
            "change=set desiredCount of app/s0000 from 2 to 4",
            "resource=\"arn:aws:ecs:eu-central-1:123456789012:service/app/s0000\"",
            "reason=\"Applying\"",
            "account=\"123456789012\"",
            "region=\"eu-central-1\"",
        ] {
            assert!(line.contains(part), "no {part} in {line}");
        }
    }
}
