//! The audit line of a write. Alone in its program: which lines are wanted is decided once for all threads.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use runbook_aws::Executor;
use runbook_core::ErrorClass;
use support::*;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};

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
    let cloud = unbanded(1);
    let executor = Executor::new(plane(&cloud), leader());
    let (origin, step) = (origin(), scale("s0000", 2, 4));
    executor.execute(&step, &origin).await.unwrap();
    cloud.world.lock().unwrap().counts.insert("s0000".into(), 2);
    cloud.script(|call| match call.is_write() {
        true => Verdict::Fail(error(ErrorClass::Denied, "AccessDeniedException")),
        false => Verdict::Answer,
    });
    executor.execute(&step, &origin).await.unwrap_err();
    cloud.script(|call| if call.is_write() { Verdict::Hang } else { Verdict::Answer });
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
