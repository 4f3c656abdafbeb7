//! Reading without writing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;

use runbook_aws::{Cloud, Freshness, Observer, PlaneOptions, SystemClock};
use runbook_core::ErrorClass;
use support::{FakeAws, Verdict, ecs, error, scope};

fn observer(cloud: &Arc<FakeAws>) -> Observer {
    Observer::new(Arc::clone(cloud) as Arc<dyn Cloud>, Arc::new(SystemClock), PlaneOptions::default())
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_listed_to_its_end() {
    let cloud = FakeAws::numbered(230);
    let names = observer(&cloud).list_services(&scope(), "app").await.unwrap();
    assert_eq!((names.len(), names.is_sorted()), (230, true));
    assert_eq!(cloud.count("ListServices"), 3);
}

#[tokio::test(start_paused = true)]
async fn half_a_list_is_an_error() {
    let cloud = FakeAws::numbered(230);
    let mut calls = 0;
    cloud.script(move |_| {
        calls += 1;
        if calls == 3 { Verdict::Fail(error(ErrorClass::Throttled, "ThrottlingException")) } else { Verdict::Answer }
    });
    let failed = observer(&cloud).list_services(&scope(), "app").await.unwrap_err();
    assert_eq!(failed.class, ErrorClass::Throttled);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_there_is_not_found() {
    let cloud = FakeAws::numbered(1);
    cloud.world.lock().unwrap().missing_clusters.insert("app".into());
    let failed = observer(&cloud).list_services(&scope(), "app").await.unwrap_err();
    assert_eq!((failed.class, failed.code.as_str()), (ErrorClass::NotFound, "ClusterNotFoundException"));
}

#[tokio::test(start_paused = true)]
async fn questions_share_calls_as_they_do_for_the_operator() {
    let cloud = FakeAws::numbered(20);
    let queries: Vec<_> = (0..20).map(|number| ecs(&support::name(number))).collect();
    let answers = observer(&cloud).observe(&queries, Freshness::Now).await;
    assert!(answers.iter().all(|(_, answer, _)| answer.is_ok()));
    assert_eq!(cloud.count("DescribeServices"), 2);
}
