//! The observation plane on a scripted AWS and a paused clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use runbook_aws::{AwsMetrics, Call, Clock, Freshness, Plane, PlaneOptions};
use runbook_core::facts::Answer;
use runbook_core::observed::ServiceLookup;
use runbook_core::{CloudError, ErrorClass, Query};
use support::*;
use tokio::time::sleep;

fn desired(answer: &Result<Answer, CloudError>) -> i32 {
    match answer {
        Ok(Answer::EcsService(ServiceLookup::Found(service))) => service.desired_count,
        other => panic!("no service: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn questions_of_one_window_share_calls() {
    let cloud = FakeAws::numbered(100);
    cloud.world.lock().unwrap().target_page = 30;
    let plane = plane(&cloud);
    let queries: Vec<Query> = (0..100).flat_map(|n| [ecs(&name(n)), target(&name(n))]).collect();
    let answers = join_all(queries.iter().map(|query| one(&plane, query.clone(), Freshness::Now))).await;
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(cloud.count("DescribeServices"), 10);
    // Two batches of fifty, answered in two pages each.
    assert_eq!(cloud.count("DescribeScalableTargets"), 4);
}

#[tokio::test(start_paused = true)]
async fn the_same_question_is_asked_once_and_kept() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    join_all((0..20).map(|_| one(&plane, ecs("s0000"), Freshness::WithinResync))).await;
    sleep(Duration::from_secs(149)).await;
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
    assert_eq!(cloud.count("DescribeServices"), 1);
    sleep(Duration::from_secs(2)).await;
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
    assert_eq!(cloud.count("DescribeServices"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_an_answer() {
    let cloud = FakeAws::numbered(1);
    cloud.world.lock().unwrap().missing_clusters.insert("gone".into());
    let plane = plane(&cloud);
    let mut elsewhere = service("s0000");
    elsewhere.cluster = "gone".into();
    let other = runbook_core::ServiceId { service: "x".into(), ..elsewhere.clone() };
    let queries = [
        ecs("s0000"),
        ecs("absent"),
        target("absent"),
        Query::EcsService(elsewhere),
        Query::EcsService(other),
        policies("absent"),
    ];
    let answers: Vec<_> =
        plane.observe(&queries, Freshness::Now).await.into_iter().map(|(_, answer, _)| answer.unwrap()).collect();
    assert!(matches!(&answers[0], Answer::EcsService(ServiceLookup::Found(_))));
    assert_eq!(answers[1], Answer::EcsService(ServiceLookup::ServiceMissing));
    assert_eq!(answers[2], Answer::ScalableTarget(None));
    assert_eq!(answers[3], Answer::EcsService(ServiceLookup::ClusterMissing));
    assert_eq!(answers[4], Answer::EcsService(ServiceLookup::ClusterMissing));
    assert_eq!(answers[5], Answer::ScalingPolicies(vec![]));
    assert_eq!(cloud.count("DescribeServices"), 2, "one for each cluster");
}

#[tokio::test(start_paused = true)]
async fn now_is_never_answered_by_a_call_that_was_under_way() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    let early = one(&plane, ecs("s0000"), Freshness::WithinResync);
    let late = async {
        // The first call is on its way: sent after 50 ms, answered after 70.
        sleep(Duration::from_millis(60)).await;
        cloud.world.lock().unwrap().counts.insert("s0000".into(), 7);
        let joined = one(&plane, ecs("s0000"), Freshness::WithinResync);
        let now = one(&plane, ecs("s0000"), Freshness::Now);
        futures::join!(joined, now)
    };
    let (early, (joined, now)) = futures::join!(early, late);
    assert_eq!((desired(&early), desired(&joined), desired(&now)), (2, 2, 7));
    assert_eq!(cloud.count("DescribeServices"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_write_is_read_again() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    one(&plane, ecs("s0000"), Freshness::Now).await.unwrap();
    cloud.world.lock().unwrap().counts.insert("s0000".into(), 5);
    assert_eq!(desired(&one(&plane, ecs("s0000"), Freshness::WithinResync).await), 2, "kept");
    plane.invalidate(&ecs("s0000"));
    // While this one is under way the next write ends: even who asked before is answered by another call.
    let asking = one(&plane, ecs("s0000"), Freshness::WithinResync);
    let writing = async {
        sleep(Duration::from_millis(60)).await;
        cloud.world.lock().unwrap().counts.insert("s0000".into(), 6);
        plane.invalidate(&ecs("s0000"));
    };
    let (answer, ()) = futures::join!(asking, writing);
    assert_eq!(desired(&answer), 6);
    assert_eq!(cloud.count("DescribeServices"), 3);
    plane.invalidate_connection("default");
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
    assert_eq!(cloud.count("DescribeServices"), 4);
}

#[tokio::test(start_paused = true)]
async fn one_malformed_among_ten_does_not_fail_the_nine() {
    let cloud = FakeAws::numbered(9);
    cloud.world.lock().unwrap().malformed.insert("!".into());
    let plane = plane(&cloud);
    let mut queries: Vec<Query> = (0..9).map(|n| ecs(&name(n))).collect();
    queries.insert(4, ecs("!"));
    let answers = plane.observe(&queries, Freshness::Now).await;
    for (query, answer, _) in &answers {
        assert_eq!(answer.is_err(), *query == ecs("!"), "{query:?}: {answer:?}");
    }
    let refused = answers[4].1.as_ref().unwrap_err();
    assert_eq!((refused.class, refused.resource.as_str()), (ErrorClass::Invalid, "app/!"));
    cloud.clear();
    // From now on it is asked alone.
    plane.observe(&queries, Freshness::Now).await;
    assert_eq!(cloud.count("DescribeServices"), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_read_ahead_never_fails_the_asker() {
    let cloud = FakeAws::numbered(3);
    let plane = plane(&cloud);
    for n in 0..3 {
        one(&plane, ecs(&name(n)), Freshness::WithinResync).await.unwrap();
    }
    sleep(Duration::from_secs(250)).await;
    cloud.world.lock().unwrap().malformed.insert(name(1));
    cloud.clear();
    assert_eq!(desired(&one(&plane, ecs("s0000"), Freshness::WithinResync).await), 2);
    let calls = cloud.calls();
    assert!(matches!(&calls[0], Call::DescribeServices { services, .. } if services.len() == 3), "{calls:?}");
    assert_eq!(calls.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_are_told_to_all_and_not_kept() {
    let cloud = FakeAws::numbered(2);
    let plane = plane(&cloud);
    cloud.script(|_| Verdict::Fail(error(ErrorClass::Transient, "InternalServerError")));
    for (_, answer, _) in plane.observe(&[ecs("s0000"), ecs("s0001"), policies("s0000")], Freshness::WithinResync).await
    {
        assert_eq!(answer.unwrap_err().code, "InternalServerError");
    }
    cloud.script(|_| Verdict::Answer);
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_does_not_answer_ends_and_a_panic_is_an_error() {
    let cloud = FakeAws::numbered(2);
    let plane = plane(&cloud);
    cloud.script(|_| Verdict::Hang);
    let answer = one(&plane, ecs("s0000"), Freshness::Now).await.unwrap_err();
    assert_eq!((answer.class, answer.code.as_str()), (ErrorClass::Transient, "Timeout"));
    cloud.script(|_| Verdict::Panic);
    for (_, answer, _) in plane.observe(&[ecs("s0000"), ecs("s0001")], Freshness::Now).await {
        let error = answer.unwrap_err();
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Transient, "Interrupted"));
    }
    cloud.script(|_| Verdict::Answer);
    one(&plane, ecs("s0000"), Freshness::Now).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn askers_that_go_away_wedge_nothing() {
    let cloud = FakeAws::numbered(3);
    let plane = plane(&cloud);
    // Gone before the call is sent, alone and beside another; gone while it is under way.
    for (patience, calls) in [(10, 0), (60, 1)] {
        cloud.clear();
        let given_up =
            tokio::time::timeout(Duration::from_millis(patience), one(&plane, ecs("s0000"), Freshness::Now)).await;
        assert!(given_up.is_err());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(cloud.count("DescribeServices"), calls);
    }
    let impatient = tokio::time::timeout(Duration::from_millis(10), one(&plane, ecs("s0001"), Freshness::Now));
    let (given_up, answer) = futures::join!(impatient, one(&plane, ecs("s0002"), Freshness::Now));
    assert!(given_up.is_err());
    answer.unwrap();
    for n in 0..3 {
        one(&plane, ecs(&name(n)), Freshness::Now).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn forgotten_questions_are_not_read_ahead() {
    let cloud = FakeAws::numbered(3);
    let plane = plane(&cloud);
    for n in 0..3 {
        one(&plane, ecs(&name(n)), Freshness::WithinResync).await.unwrap();
    }
    plane.forget(&ecs("s0001"));
    sleep(Duration::from_secs(250)).await;
    cloud.clear();
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
    let asked: Vec<_> = cloud.calls();
    assert!(
        matches!(&asked[..], [Call::DescribeServices { services, .. }] if *services == ["s0000", "s0002"]),
        "{asked:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn throttling_slows_the_reads_of_that_api_only() {
    let cloud = FakeAws::numbered(1);
    let plane = plane_with_budget(&cloud, 2.0);
    let mut throttles = 1;
    cloud.script(move |call| match call {
        Call::DescribeServices { .. } if throttles > 0 => {
            throttles -= 1;
            Verdict::Fail(error(ErrorClass::Throttled, "ThrottlingException"))
        }
        _ => Verdict::Answer,
    });
    let start = tokio::time::Instant::now();
    one(&plane, ecs("s0000"), Freshness::Now).await.unwrap();
    let waited = start.elapsed();
    assert!(
        (Duration::from_millis(950)..Duration::from_millis(1150)).contains(&waited),
        "a token at half of two a second: {waited:?}"
    );
    let start = tokio::time::Instant::now();
    one(&plane, target("s0000"), Freshness::Now).await.unwrap();
    assert!(start.elapsed() < Duration::from_millis(100));
}

#[tokio::test(start_paused = true)]
async fn a_read_is_made_again_twice_and_not_where_nobody_answers() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    for (class, code) in [(ErrorClass::Throttled, "ThrottlingException"), (ErrorClass::Transient, "ServerException")] {
        cloud.clear();
        cloud.script(move |_| Verdict::Fail(error(class, code)));
        assert_eq!(one(&plane, ecs("s0000"), Freshness::Now).await.unwrap_err().class, class);
        assert_eq!(cloud.count("DescribeServices"), 3, "{code}");
    }
    for (class, code) in [(ErrorClass::Transient, "Timeout"), (ErrorClass::Denied, "AccessDeniedException")] {
        cloud.clear();
        cloud.script(move |_| Verdict::Fail(error(class, code)));
        assert_eq!(one(&plane, ecs("s0000"), Freshness::Now).await.unwrap_err().class, class);
        assert_eq!(cloud.count("DescribeServices"), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_read_since_a_time_is_not_read_again() {
    let cloud = FakeAws::numbered(2);
    let plane = plane(&cloud);
    one(&plane, ecs("s0000"), Freshness::Now).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let since = tokio::time::Instant::now();
    one(&plane, ecs("s0001"), Freshness::Moving).await.unwrap();
    cloud.clear();
    one(&plane, ecs("s0001"), Freshness::Since(since)).await.unwrap();
    assert_eq!(cloud.count("DescribeServices"), 0);
    one(&plane, ecs("s0000"), Freshness::Since(since)).await.unwrap();
    assert_eq!(cloud.count("DescribeServices"), 1);
}

#[tokio::test(start_paused = true)]
async fn who_we_are_is_asked_once_an_hour_and_every_ten_minutes_before_writes() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    let query = Query::CallerIdentity(scope());
    for minute in 0..60 {
        one(&plane, query.clone(), Freshness::WithinResync).await.unwrap();
        assert_eq!(cloud.count("GetCallerIdentity"), 1, "minute {minute}");
        sleep(Duration::from_secs(59)).await;
    }
    one(&plane, query.clone(), Freshness::Now).await.unwrap();
    assert_eq!(cloud.count("GetCallerIdentity"), 2);
    sleep(Duration::from_secs(590)).await;
    one(&plane, query, Freshness::Now).await.unwrap();
    assert_eq!(cloud.count("GetCallerIdentity"), 2);
}

#[tokio::test(start_paused = true)]
async fn one_description_that_cannot_be_used_does_not_fail_the_nine_beside_it() {
    for code in ["IncompleteAnswer", "BadResponse"] {
        let cloud = FakeAws::numbered(10);
        cloud.script(move |call| match call {
            Call::DescribeServices { services, .. } if services.contains(&name(4)) => {
                Verdict::Fail(error(ErrorClass::Transient, code))
            }
            _ => Verdict::Answer,
        });
        let plane = plane(&cloud);
        let queries: Vec<Query> = (0..10).map(|n| ecs(&name(n))).collect();
        for round in 0..2 {
            for (query, answer, _) in plane.observe(&queries, Freshness::Now).await {
                assert_eq!(answer.is_err(), query == queries[4], "{code}, round {round}: {query:?}: {answer:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_look_reads_only_what_moves() {
    let cloud = FakeAws::numbered(1);
    let plane = plane(&cloud);
    let queries = [Query::CallerIdentity(scope()), ecs("s0000"), target("s0000"), policies("s0000")];
    plane.observe(&queries, Freshness::Now).await;
    cloud.clear();
    plane.observe(&queries, Freshness::Moving).await;
    assert!(matches!(&cloud.calls()[..], [Call::DescribeServices { .. }]), "{:?}", cloud.calls());
    plane.invalidate(&target("s0000"));
    plane.observe(&queries, Freshness::Moving).await;
    assert_eq!(cloud.count("DescribeScalableTargets"), 1, "what was written is read again too");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_back_makes_nothing_young_again() {
    struct Wall(Mutex<Timestamp>);
    impl Clock for Wall {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }
    let cloud = FakeAws::numbered(1);
    let wall = Arc::new(Wall(Mutex::new("2026-01-01T12:00:00Z".parse().unwrap())));
    let plane = Plane::new(cloud.clone(), wall.clone(), PlaneOptions::default(), AwsMetrics::default());
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
    *wall.0.lock().unwrap() = "2026-01-01T09:00:00Z".parse().unwrap();
    sleep(Duration::from_secs(151)).await;
    one(&plane, ecs("s0000"), Freshness::WithinResync).await.unwrap();
    assert_eq!(cloud.count("DescribeServices"), 2);
}
