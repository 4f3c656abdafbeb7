//! An ECS service: its counts move towards what is desired, task by task; deployments take their time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use runbook_core::observed::{Deployment, EcsService};

/// An ECS service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// ARN.
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// DesiredCount.
    pub desired: i32,
    /// RunningCount.
    pub running: i32,
    /// `REPLICA` or `DAEMON`.
    pub scheduling_strategy: String,
    /// How long one task takes to start or stop.
    pub pace: SignedDuration,
    /// The last time at which `running` was brought up to date.
    moved: Timestamp,
    /// The last deployment: when it began and when it ends.
    deployment: (u32, Timestamp, Timestamp),
}

impl Service {
    /// A stable service.
    pub fn new(account: &str, region: &str, cluster: &str, name: &str, desired: i32) -> Self {
        let partition = runbook_core::arn::partition_of(region);
        Self {
            arn: format!("arn:{partition}:ecs:{region}:{account}:service/{cluster}/{name}"),
            status: "ACTIVE".into(),
            desired,
            running: desired,
            scheduling_strategy: "REPLICA".into(),
            pace: SignedDuration::from_secs(3),
            moved: Timestamp::MIN,
            deployment: (1, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH),
        }
    }

    /// Brings the running count to what it is at `now`.
    pub fn advance(&mut self, now: Timestamp) {
        let pace = self.pace.as_millis().max(1);
        let tasks = i32::try_from(now.duration_since(self.moved.max(Timestamp::UNIX_EPOCH)).as_millis() / pace)
            .unwrap_or(i32::MAX);
        if self.running == self.desired {
            self.moved = now;
        } else if tasks > 0 {
            let (low, high) = (self.running.saturating_sub(tasks), self.running.saturating_add(tasks));
            self.running = self.desired.clamp(low, high);
            self.moved = now;
        }
    }

    /// Changes how many tasks are to run. Starts no deployment.
    pub fn set_desired(&mut self, desired: i32, now: Timestamp) {
        self.advance(now);
        self.desired = desired;
    }

    /// Begins a deployment.
    pub fn deploy(&mut self, length: SignedDuration, now: Timestamp) {
        let number = self.deployment.0 + 1;
        self.deployment = (number, now, now.checked_add(length).unwrap_or(now));
    }

    /// Whether a deployment is under way.
    pub fn deploying(&self, now: Timestamp) -> bool {
        now < self.deployment.2
    }

    /// The service as DescribeServices shows it.
    pub fn describe(&self, now: Timestamp) -> EcsService {
        let (number, began, _) = self.deployment;
        let deployment = |number: u32, status: &str, state: &str, running: i32, began: Timestamp| Deployment {
            id: format!("ecs-svc/{number:019}"),
            status: status.into(),
            rollout_state: Some(state.into()),
            desired_count: self.desired,
            running_count: running,
            created_at: Some(began),
        };
        let deployments = if self.deploying(now) {
            vec![
                deployment(number, "PRIMARY", "IN_PROGRESS", 0, began),
                deployment(number - 1, "ACTIVE", "COMPLETED", self.running, Timestamp::UNIX_EPOCH),
            ]
        } else {
            vec![deployment(number, "PRIMARY", "COMPLETED", self.running, began)]
        };
        EcsService {
            arn: self.arn.clone(),
            status: self.status.clone(),
            desired_count: self.desired,
            running_count: self.running,
            pending_count: (self.desired - self.running).max(0),
            deployments,
            scheduling_strategy: self.scheduling_strategy.clone(),
            deployment_controller: "ECS".into(),
            deployment_strategy: Some("ROLLING".into()),
            resource_management_type: None,
            tags: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    #[test]
    fn running_follows_desired_task_by_task_both_ways() {
        let mut service = Service::new("1", "eu-central-1", "c", "s", 2);
        service.set_desired(4, at(0));
        let counts = |service: &mut Service, seconds| {
            service.advance(at(seconds));
            let shown = service.describe(at(seconds));
            (shown.running_count, shown.pending_count)
        };
        assert_eq!(counts(&mut service, 1), (2, 2));
        assert_eq!(counts(&mut service, 4), (3, 1));
        assert_eq!(counts(&mut service, 60), (4, 0));
        service.set_desired(1, at(60));
        assert_eq!(counts(&mut service, 63), (3, 0));
        assert_eq!(counts(&mut service, 90), (1, 0));
    }

    #[test]
    fn a_deployment_shows_until_it_ends() {
        let mut service = Service::new("1", "eu-central-1", "c", "s", 2);
        assert!(!service.describe(at(0)).deployment_in_progress());
        service.deploy(SignedDuration::from_secs(60), at(0));
        assert!(service.describe(at(59)).deployment_in_progress());
        assert!(!service.describe(at(60)).deployment_in_progress());
    }
}
