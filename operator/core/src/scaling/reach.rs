//! Everything that a ScalingPolicy may ever ask or do, whatever AWS is like.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::input::{Input, Size};
use super::plan;
use crate::facts::{Answer, Facts};
use crate::iam::Permission;
use crate::observed::{CallerIdentity, Capacity, EcsService, ScalableTarget, ServiceLookup};
use crate::query::Query;

/// What IAM must allow for the policy to be brought about and kept so: the permissions of the questions and steps of the plans for every
/// situation that makes a difference to which there are.
pub fn permissions(input: &Input) -> Vec<Permission> {
    let mut needed = BTreeSet::new();
    for situation in situations(input) {
        let mut facts = Facts::default();
        loop {
            let plan = plan(input, &facts, Timestamp::UNIX_EPOCH);
            needed.extend(plan.needs.iter().flat_map(Query::permissions));
            needed.extend(plan.steps.iter().flat_map(|step| step.permissions()));
            if plan.needs.is_empty() {
                break;
            }
            for query in plan.needs {
                let answer = situation.answer(input, &query);
                facts.insert(query, Ok(answer));
            }
        }
    }
    needed.into_iter().collect()
}

/// What AWS may be like: the service's size, and the band that is registered.
struct Situation {
    desired_count: i32,
    registered: Option<Capacity>,
}

fn situations(input: &Input) -> Vec<Situation> {
    match &input.size {
        Size::Fixed(replicas) => vec![Situation { desired_count: replicas + 1, registered: None }],
        Size::Band { capacity, .. } => {
            let other = Capacity { max: capacity.max + 1, ..*capacity };
            vec![
                // Nothing is there yet; another band is; the size is outside the right one.
                Situation { desired_count: capacity.min, registered: None },
                Situation { desired_count: capacity.min, registered: Some(other) },
                Situation { desired_count: capacity.max + 1, registered: Some(*capacity) },
            ]
        }
    }
}

impl Situation {
    fn answer(&self, input: &Input, query: &Query) -> Answer {
        match query {
            Query::CallerIdentity(scope) => {
                Answer::CallerIdentity(CallerIdentity { account_id: scope.account_id.clone(), arn: String::new() })
            }
            Query::EcsService(_) => {
                Answer::EcsService(ServiceLookup::Found(Box::new(steady(input, self.desired_count))))
            }
            Query::ScalableTarget(_) => {
                Answer::ScalableTarget(self.registered.map(|capacity| ScalableTarget { arn: None, capacity }))
            }
            // None is there, so that each that is declared is put.
            Query::ScalingPolicies(_) => Answer::ScalingPolicies(Vec::new()),
        }
    }
}

/// A service that can be scaled and is not being deployed.
fn steady(input: &Input, desired_count: i32) -> EcsService {
    EcsService {
        arn: input.service.arn(),
        status: "ACTIVE".into(),
        desired_count,
        running_count: desired_count,
        pending_count: 0,
        deployments: Vec::new(),
        scheduling_strategy: "REPLICA".into(),
        deployment_controller: "ECS".into(),
        deployment_strategy: None,
        resource_management_type: None,
        tags: BTreeMap::new(),
    }
}
