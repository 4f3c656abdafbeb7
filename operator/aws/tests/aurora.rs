//! Aurora clusters on a scripted AWS and a paused clock: which calls are made, and what is made of their answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use runbook_aws::{Call, Executor, Freshness};
use runbook_core::facts::Answer;
use runbook_core::observed::{Capacity, Suspended};
use runbook_core::{ErrorClass, Namespace, Query, Step};
use support::*;
use tokio::time::sleep;

fn with_clusters(clusters: &[(&str, usize)]) -> Arc<FakeAws> {
    let cloud = unbanded(1);
    cloud.world.lock().unwrap().clusters =
        clusters.iter().map(|(name, readers)| ((*name).to_owned(), *readers)).collect();
    cloud
}

fn readers(answer: &Answer) -> Option<usize> {
    let Answer::DbCluster(found) = answer else { panic!("{answer:?}") };
    found.as_ref().map(|cluster| cluster.readers().count())
}

fn described(cloud: &FakeAws) -> Vec<Vec<String>> {
    let clusters = |call: Call| match call {
        Call::DescribeDbClusters { clusters, .. } => Some(clusters),
        _ => None,
    };
    cloud.calls().into_iter().filter_map(clusters).collect()
}

#[tokio::test(start_paused = true)]
async fn clusters_share_a_call_and_one_that_is_missing_is_no_error() {
    let cloud = with_clusters(&[("one", 1), ("two", 2)]);
    let plane = plane(&cloud);
    let queries = ["one", "gone", "two"].map(|name| Query::DbCluster(cluster(name)));
    let answers = plane.observe(&queries, Freshness::Now).await;
    let found: Vec<_> = answers.iter().map(|(_, answer, _)| readers(answer.as_ref().unwrap())).collect();
    assert_eq!(found, [Some(1), None, Some(2)]);
    let mut asked = described(&cloud);
    asked.iter_mut().for_each(|names| names.sort_unstable());
    assert_eq!(asked, [["gone", "one", "two"]]);
}

#[tokio::test(start_paused = true)]
async fn every_page_is_read_before_a_cluster_is_missing() {
    let cloud = with_clusters(&[("one", 1), ("two", 2), ("zoo", 3)]);
    cloud.world.lock().unwrap().cluster_page = Some(1);
    let plane = plane(&cloud);
    let queries = ["one", "two", "zoo"].map(|name| Query::DbCluster(cluster(name)));
    let answers = plane.observe(&queries, Freshness::Now).await;
    let found: Vec<_> = answers.iter().map(|(_, answer, _)| readers(answer.as_ref().unwrap())).collect();
    assert_eq!((found, described(&cloud).len()), (vec![Some(1), Some(2), Some(3)], 3));
}

#[tokio::test(start_paused = true)]
async fn targets_of_two_namespaces_share_no_call() {
    let cloud = with_clusters(&[("db", 1)]);
    let plane = plane(&cloud);
    let of_db = |query: fn(runbook_core::TargetId) -> Query| query(cluster("db").into());
    let queries =
        [target("s0000"), of_db(Query::ScalableTarget), of_db(Query::ScalingPolicies), of_db(Query::ScheduledActions)];
    for (_, answer, _) in plane.observe(&queries, Freshness::Now).await {
        answer.unwrap();
    }
    let mut asked: Vec<_> = cloud
        .calls()
        .into_iter()
        .filter_map(|call| match call {
            Call::DescribeScalableTargets { namespace, resource_ids, .. } => Some((namespace, resource_ids)),
            Call::DescribeScalingPolicies { namespace, resource_id, .. }
            | Call::DescribeScheduledActions { namespace, resource_id, .. } => {
                Some((namespace, resource_id.into_iter().collect()))
            }
            _ => None,
        })
        .collect();
    asked.sort_unstable();
    let db = || (Namespace::Rds, vec!["cluster:db".to_owned()]);
    assert_eq!(asked, [(Namespace::Ecs, vec!["service/app/s0000".to_owned()]), db(), db(), db()]);
}

#[tokio::test(start_paused = true)]
async fn registering_is_one_call_and_the_cluster_is_read_again() {
    let cloud = with_clusters(&[("db", 1)]);
    let plane = plane(&cloud);
    let executor = Executor::new(Arc::clone(&plane), leader());
    let queries = [Query::ScalableTarget(cluster("db").into()), Query::DbCluster(cluster("db"))];
    plane.observe(&queries, Freshness::Now).await;
    let to = Capacity { min: 2, max: 4, suspended: Suspended::default() };
    let register = |desired_count| Step::RegisterScalableTarget {
        target: cluster("db").into(),
        from: None,
        to,
        desired_count,
        tags: vec![("owner".into(), "test".into())],
    };
    executor.execute(&register(1), &origin()).await.unwrap();
    let writes: Vec<Call> = cloud.calls().into_iter().filter(Call::is_write).collect();
    let tags = vec![("owner".to_owned(), "test".to_owned())];
    assert_eq!(writes, [Call::RegisterScalableTarget { resource_id: "cluster:db".into(), capacity: to, tags }]);
    let before = described(&cloud).len();
    plane.observe(&queries, Freshness::WithinResync).await;
    assert_eq!(described(&cloud).len(), before + 1, "it moves readers");
    // Somebody has deleted the reader meanwhile: what was planned is no longer what would be done.
    cloud.world.lock().unwrap().clusters.insert("db".into(), 0);
    sleep(Duration::from_secs(60)).await;
    let error = executor.execute(&register(1), &origin()).await.unwrap_err();
    assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "ChangedMeanwhile"));
}
