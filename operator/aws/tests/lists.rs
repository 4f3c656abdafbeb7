//! Lists of all: scaling policies and scheduled actions, page by page.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use futures::future::join_all;
use runbook_aws::{Call, Expected, Freshness};
use runbook_core::facts::Answer;
use runbook_core::{ErrorClass, Query};
use support::*;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn policies_of_many_targets_are_listed_and_a_list_is_read_to_its_end_or_not_at_all() {
    let cloud = FakeAws::numbered(40);
    let plane = plane(&cloud);
    let queries: Vec<Query> = (0..40).map(|n| policies(&name(n))).collect();
    let answers = plane.observe(&queries, Freshness::Now).await;
    assert!(
        answers
            .iter()
            .all(|(_, answer, _)| matches!(answer, Ok(Answer::ScalingPolicies(policies)) if policies.len() == 1))
    );
    assert_eq!(cloud.count("DescribeScalingPolicies"), 4, "four pages of ten");
    let mut left = 2;
    cloud.script(move |_| {
        left -= 1;
        if left < 0 { Verdict::Fail(error(ErrorClass::Transient, "Broken")) } else { Verdict::Answer }
    });
    let answers = plane.observe(&queries, Freshness::Now).await;
    assert!(
        answers.iter().all(|(_, answer, _)| answer.as_ref().is_err_and(|error| error.code == "Broken")),
        "no partial answer"
    );
}

#[tokio::test(start_paused = true)]
async fn scheduled_actions_are_listed_in_pages_of_fifty_and_to_their_end_or_not_at_all() {
    let cloud = FakeAws::numbered(40);
    cloud.world.lock().unwrap().actions_each = 4;
    let plane = plane(&cloud);
    let queries: Vec<Query> = (0..40).map(|n| actions(&name(n))).collect();
    let answers = plane.observe(&queries, Freshness::Now).await;
    assert!(
        answers
            .iter()
            .all(|(_, answer, _)| matches!(answer, Ok(Answer::ScheduledActions(actions)) if actions.len() == 4))
    );
    assert_eq!(cloud.count("DescribeScheduledActions"), 4, "160 in pages of fifty");
    plane.observe(&queries, Freshness::WithinResync).await;
    assert_eq!(cloud.count("DescribeScheduledActions"), 4, "believed for an hour, as scaling policies are");
    let mut left = 1;
    cloud.script(move |_| {
        left -= 1;
        if left < 0 { Verdict::Fail(error(ErrorClass::Transient, "Broken")) } else { Verdict::Answer }
    });
    let answers = plane.observe(&queries, Freshness::Now).await;
    assert!(answers.iter().all(|(_, answer, _)| answer.is_err()), "no partial answer");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_dearer_than_single_calls_is_given_up_and_remembered() {
    let cloud = FakeAws::numbered(500);
    let plane = plane(&cloud);
    let queries: Vec<Query> = (0..6).map(|n| policies(&name(n))).collect();
    let answers = plane.observe(&queries, Freshness::Now).await;
    assert!(
        answers
            .iter()
            .all(|(_, answer, _)| matches!(answer, Ok(Answer::ScalingPolicies(policies)) if policies.len() == 1))
    );
    assert_eq!(cloud.count("DescribeScalingPolicies"), 12 + 6);
    cloud.clear();
    plane.observe(&queries, Freshness::Now).await;
    assert_eq!(cloud.count("DescribeScalingPolicies"), 6);
}

#[tokio::test(start_paused = true)]
async fn one_target_that_fails_the_list_of_all_fails_alone() {
    let cloud = FakeAws::numbered(40);
    cloud.script(|call| match call {
        Call::DescribeScalingPolicies { resource_id: None, next_token: Some(_), .. } => {
            Verdict::Fail(error(ErrorClass::Transient, "FailedResourceAccessException"))
        }
        Call::DescribeScalingPolicies { resource_id: Some(id), .. } if id.ends_with("/s0011") => {
            Verdict::Fail(error(ErrorClass::Transient, "FailedResourceAccessException"))
        }
        _ => Verdict::Answer,
    });
    let plane = plane(&cloud);
    let queries: Vec<Query> = (0..40).map(|n| policies(&name(n))).collect();
    for calls in [2 + 40, 40] {
        cloud.clear();
        for (query, answer, _) in plane.observe(&queries, Freshness::Now).await {
            assert_eq!(answer.is_err(), query == queries[11], "{query:?}: {answer:?}");
        }
        assert_eq!(cloud.count("DescribeScalingPolicies"), calls, "a list that fails for one is not tried each time");
    }
    cloud.script(|_| Verdict::Answer);
    sleep(Duration::from_secs(3601)).await;
    cloud.clear();
    plane.observe(&queries, Freshness::Now).await;
    assert_eq!(cloud.count("DescribeScalingPolicies"), 4);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_fails_for_all_is_not_followed_by_a_call_for_each() {
    for (class, calls) in [(ErrorClass::Transient, 1 + 5), (ErrorClass::Denied, 1), (ErrorClass::Throttled, 1 + 5)] {
        let cloud = FakeAws::numbered(40);
        cloud.script(move |_| Verdict::Fail(error(class, "Down")));
        let queries: Vec<Query> = (0..40).map(|n| policies(&name(n))).collect();
        let answers = plane(&cloud).observe(&queries, Freshness::Now).await;
        assert!(answers.iter().all(|(_, answer, _)| answer.as_ref().is_err_and(|error| error.code == "Down")));
        assert_eq!(cloud.count("DescribeScalingPolicies"), calls, "{class:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_page_is_asked_again_and_the_list_goes_on() {
    let cloud = FakeAws::numbered(40);
    let mut calls = 0;
    cloud.script(move |_| {
        calls += 1;
        if [3, 4].contains(&calls) {
            Verdict::Fail(error(ErrorClass::Throttled, "Throttling"))
        } else {
            Verdict::Answer
        }
    });
    let queries: Vec<Query> = (0..40).map(|n| policies(&name(n))).collect();
    let answers = plane(&cloud).observe(&queries, Freshness::Now).await;
    assert!(answers.iter().all(|(_, answer, _)| answer.is_ok()));
    assert_eq!(cloud.count("DescribeScalingPolicies"), 4 + 2);
}

/// The first look at a thousand bands of two policies each, 64 at a time: how many calls it takes, and how long.
async fn first_look(expected: usize) -> (usize, Duration) {
    let cloud = FakeAws::numbered(1000);
    cloud.world.lock().unwrap().policies_each = 2;
    let plane = plane_with_budget(&cloud, 5.0);
    plane.expect(Expected { services: [(scope(), expected)].into(), ..Expected::default() });
    let slots = tokio::sync::Semaphore::new(64);
    let start = tokio::time::Instant::now();
    join_all((0..1000).map(|number| {
        let (plane, slots) = (&plane, &slots);
        async move {
            let _slot = slots.acquire().await.unwrap();
            let answer = one(plane, policies(&name(number)), Freshness::WithinResync).await;
            assert!(matches!(answer, Ok(Answer::ScalingPolicies(policies)) if policies.len() == 2));
        }
    }))
    .await;
    (cloud.count("DescribeScalingPolicies"), start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_first_look_at_many_bands_is_one_list() {
    let (calls, took) = first_look(1000).await;
    assert_eq!(calls, 200, "2,000 policies, ten a page");
    assert!(took < Duration::from_secs(45), "{took:?}");
    let (calls, _) = first_look(0).await;
    assert!(calls > 1000, "without being told it cannot be known: {calls}");
}

#[tokio::test(start_paused = true)]
async fn who_must_be_answered_by_a_later_read_expects_nothing_of_a_list_for_others() {
    let cloud = FakeAws::numbered(1000);
    let plane = plane(&cloud);
    plane.expect(Expected { services: [(scope(), 1000)].into(), ..Expected::default() });
    let queries: Vec<Query> = (0..6).map(|n| policies(&name(n))).collect();
    plane.observe(&queries, Freshness::Now).await;
    assert_eq!(cloud.count("DescribeScalingPolicies"), 12 + 6, "a list of a hundred pages would serve six");
}
