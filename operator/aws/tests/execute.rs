//! Executors on a scripted AWS and a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use runbook_aws::{Call, Executor, Freshness, Plane};
use runbook_core::ErrorClass;
use runbook_core::account::{Budget, Rates};
use runbook_core::facts::Answer;
use runbook_core::observed::ServiceLookup;
use support::*;
use tokio::time::sleep;

fn writes(cloud: &FakeAws) -> Vec<Call> {
    cloud.calls().into_iter().filter(Call::is_write).collect()
}

#[tokio::test(start_paused = true)]
async fn a_write_is_one_call_and_what_it_changed_is_read_again() {
    let cloud = unbanded(1);
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
    assert_eq!(
        writes(&cloud),
        [Call::UpdateService { cluster: "app".into(), service: "s0000".into(), desired_count: 4 }]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_or_cancelled_write_may_have_had_its_effect() {
    let cloud = unbanded(1);
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
    assert_eq!(writes(&cloud).len(), 2, "no write is repeated here");
}

#[tokio::test(start_paused = true)]
async fn a_write_is_known_by_its_request() {
    let plane = plane(&unbanded(1));
    assert!(!plane.is_own_write("request-1"));
    Executor::new(Arc::clone(&plane), leader()).execute(&scale("s0000", 2, 4), &origin()).await.unwrap();
    assert!(plane.is_own_write("request-1") && !plane.is_own_write("request-2"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_at_the_end_of_the_lease() {
    let cloud = unbanded(1);
    let executor = Executor::new(plane(&cloud), Arc::new(Lease(runbook_aws::execute::WRITE_TIMEOUT)));
    let error = executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "NotLeader"));
    assert_eq!(cloud.calls(), []);
}

#[tokio::test(start_paused = true)]
async fn a_write_that_waited_for_the_budget_is_checked_against_what_it_was_decided_on() {
    let cloud = unbanded(2);
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
    assert_eq!(writes(&cloud).len(), 2);
}

/// Application Auto Scaling admits a call every twenty seconds, the others as many as come.
fn slow_autoscaling(plane: &Plane) {
    let fast = Rates { read: 1000.0, modify: 1000.0 };
    let slow = Rates { read: 0.05, modify: 0.05 };
    plane.set_budget(
        ACCOUNT,
        "default",
        Budget { ecs: fast, application_auto_scaling: slow, rds: fast, sts: fast, sqs: fast },
    );
}

#[tokio::test(start_paused = true)]
async fn a_basis_that_waited_for_other_answers_is_read_again() {
    let cloud = unbanded(2);
    let plane = plane(&cloud);
    slow_autoscaling(&plane);
    let executor = Executor::new(Arc::clone(&plane), leader());
    let queries = [ecs("s0000"), target("s0000"), policies("s0000"), policies("s0001")];
    // The service is answered at once, the policies a minute later; in between somebody scales out.
    let meanwhile = async {
        sleep(Duration::from_secs(10)).await;
        cloud.world.lock().unwrap().counts.insert("s0000".into(), 8);
    };
    let (seen, ()) = futures::join!(plane.observe(&queries, Freshness::Now), meanwhile);
    let Ok(Answer::EcsService(ServiceLookup::Found(service))) = &seen[0].1 else { panic!("{seen:?}") };
    assert_eq!(service.desired_count, 2, "what the plan sees is old");
    let error = executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "ChangedMeanwhile"));
    assert_eq!(writes(&cloud), []);
}

#[tokio::test(start_paused = true)]
async fn all_of_a_basis_is_fresh_when_the_write_is_sent() {
    let cloud = unbanded(1);
    let plane = plane(&cloud);
    slow_autoscaling(&plane);
    let executor = Executor::new(Arc::clone(&plane), leader());
    plane.observe(&[target("s0000"), ecs("s0000")], Freshness::Now).await;
    sleep(Duration::from_secs(6)).await;
    // The target is waited for; what is read of the service after that counts.
    let meanwhile = async {
        sleep(Duration::from_secs(10)).await;
        cloud.world.lock().unwrap().counts.insert("s0000".into(), 8);
    };
    let step = scale("s0000", 2, 4);
    let origin = origin();
    let (outcome, ()) = futures::join!(executor.execute(&step, &origin), meanwhile);
    assert_eq!(outcome.unwrap_err().code, "ChangedMeanwhile");
    assert_eq!(writes(&cloud), []);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_basis_costs_no_call() {
    let cloud = unbanded(1);
    let plane = plane(&cloud);
    let executor = Executor::new(Arc::clone(&plane), leader());
    plane.observe(&[ecs("s0000"), target("s0000")], Freshness::Now).await;
    sleep(Duration::from_secs(4)).await;
    executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap();
    assert_eq!(cloud.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_target_or_a_deployment_that_came_meanwhile_stops_a_write() {
    let cloud = unbanded(1);
    let plane = plane(&cloud);
    let executor = Executor::new(Arc::clone(&plane), leader());
    plane.observe(&[ecs("s0000"), target("s0000")], Freshness::Now).await;
    sleep(Duration::from_secs(6)).await;
    cloud.world.lock().unwrap().deploying.insert("s0000".into());
    let error = executor.execute(&scale("s0000", 2, 1), &origin()).await.unwrap_err();
    assert_eq!(error.code, "ChangedMeanwhile", "nothing is scaled in during a deployment");
    sleep(Duration::from_secs(6)).await;
    cloud.world.lock().unwrap().band = Some(capacity(1, 9));
    let error = executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap_err();
    assert_eq!(error.code, "ChangedMeanwhile", "the size is the autoscaler's by now");
    assert_eq!(writes(&cloud), []);
    cloud.world.lock().unwrap().band = Some(capacity(4, 9));
    sleep(Duration::from_secs(6)).await;
    executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_over_what_cannot_be_read() {
    let cloud = unbanded(1);
    let executor = Executor::new(plane(&cloud), leader());
    cloud.script(|call| match call {
        Call::DescribeServices { .. } => Verdict::Fail(error(ErrorClass::Throttled, "ThrottlingException")),
        _ => Verdict::Answer,
    });
    let refused = executor.execute(&scale("s0000", 2, 4), &origin()).await.unwrap_err();
    assert_eq!(refused.class, ErrorClass::Throttled);
    assert_eq!(writes(&cloud), []);
}
