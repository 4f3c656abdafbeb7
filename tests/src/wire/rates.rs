//! How many requests AWS takes, as the sandbox says it too (`runbook_sandbox/aws/rates.py` names the sources).

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_aws::{Api, Call};

use crate::cloud::bucket::Bucket;

/// AWS's token buckets of one account and region.
#[derive(Debug)]
pub struct Rates {
    scale: f64,
    buckets: BTreeMap<(Api, bool), Bucket>,
}

impl Rates {
    /// Full buckets, `scale` times AWS's.
    pub fn new(scale: f64) -> Self {
        Self { scale, buckets: BTreeMap::new() }
    }

    /// Takes a token for a call, where there is one.
    pub fn take(&mut self, call: &Call, now: Timestamp) -> bool {
        let (burst, sustained) = documented(call);
        let (burst, sustained) = (burst * self.scale, sustained * self.scale);
        let bucket = self.buckets.entry((call.api(), call.is_write())).or_insert_with(|| Bucket::full(burst, now));
        bucket.take(sustained, burst, now)
    }
}

/// Burst, and requests a second after it.
fn documented(call: &Call) -> (f64, f64) {
    match (call.api(), call.is_write()) {
        (Api::Ecs, false) => (100.0, 20.0),
        (Api::Ecs, true) => (50.0, 5.0),
        // Not published: the sandbox's estimates.
        (Api::ApplicationAutoScaling, _) => (20.0, 10.0),
        (Api::Rds, false) => (40.0, 20.0),
        (Api::Rds, true) => (20.0, 5.0),
        // SQS is not served here.
        (Api::Sts | Api::Sqs, _) => (600.0, 600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_sustained_rate() {
        let mut rates = Rates::new(2.0);
        let call = Call::UpdateService { cluster: "a".into(), service: "b".into(), desired_count: 1 };
        let taken = |rates: &mut Rates, second| {
            let now = Timestamp::from_second(second).unwrap();
            (0..1000).filter(|_| rates.take(&call, now)).count()
        };
        assert_eq!([0, 0, 1, 3].map(|second| taken(&mut rates, second)), [100, 0, 10, 20]);
    }
}
