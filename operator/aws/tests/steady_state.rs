//! What an hour of quiet costs: objects that are reconciled one by one, each at its own interval.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use futures::future::join_all;
use runbook_aws::Freshness;
use runbook_core::backoff;
use support::*;
use tokio::time::{Instant, sleep, sleep_until};

const RESYNC: Duration = Duration::from_secs(300);
const WARM_UP: Duration = Duration::from_secs(1800);
const MEASURED: Duration = Duration::from_secs(3600);

/// Calls per object and resync (for policies: per object and hour).
struct Cost {
    services: f64,
    targets: f64,
    policies: f64,
}

#[allow(clippy::cast_precision_loss)]
async fn an_hour_of(objects: usize) -> Cost {
    let cloud = FakeAws::numbered(objects);
    let plane = plane(&cloud);
    let start = Instant::now();
    let end = start + WARM_UP + MEASURED;
    let reconciles = join_all((0..objects).map(|number| {
        let (plane, name) = (&plane, name(number));
        async move {
            let seed = backoff::seed_of(&format!("uid-{name}"));
            let interval = backoff::spread(RESYNC, seed);
            let (mut at, mut measured) = (start, 0usize);
            while at < end {
                sleep_until(at).await;
                let queries = [ecs(&name), target(&name), policies(&name)];
                let answers = plane.observe(&queries, Freshness::WithinResync).await;
                assert!(answers.iter().all(|(_, answer, _)| answer.is_ok()));
                measured += usize::from(at >= start + WARM_UP);
                at = Instant::now() + interval;
            }
            measured
        }
    }));
    let clearing = async {
        sleep(WARM_UP).await;
        cloud.clear();
    };
    let (measured, ()) = futures::join!(reconciles, clearing);
    let resyncs = measured.into_iter().sum::<usize>() as f64;
    assert!(resyncs > objects as f64 * 9.0, "{resyncs}");
    let cost = Cost {
        services: cloud.count("DescribeServices") as f64 / resyncs,
        targets: cloud.count("DescribeScalableTargets") as f64 / resyncs,
        policies: cloud.count("DescribeScalingPolicies") as f64 / objects as f64,
    };
    println!("{objects}: services {:.4}, targets {:.4}, policies {:.4}", cost.services, cost.targets, cost.policies);
    cost
}

#[tokio::test(start_paused = true)]
async fn many_objects_cost_a_tenth_of_a_call_each() {
    for objects in [100, 1000] {
        let cost = an_hour_of(objects).await;
        assert!(cost.services <= 0.11, "{objects}: {}", cost.services);
        assert!(cost.targets <= 0.03, "{objects}: {}", cost.targets);
        assert!(cost.policies <= 0.25, "{objects}: {}", cost.policies);
    }
}

#[tokio::test(start_paused = true)]
async fn few_objects_cost_no_more_than_their_own_calls() {
    for objects in [1, 7] {
        let cost = an_hour_of(objects).await;
        assert!(cost.services <= 1.0 && cost.targets <= 1.0, "{objects}: {} {}", cost.services, cost.targets);
        assert!(cost.policies <= 1.5, "{objects}: {}", cost.policies);
    }
}
