//! What each API call does and what it refuses.

use jiff::Timestamp;
use runbook_aws::{Call, Reply};
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, CallerIdentity, Capacity, ScalableTarget, ScheduledAction, StepScaling,
    TrackedMetric,
};
use runbook_core::{ErrorClass, Namespace};

use super::Region;
use super::refusal::Refusal;

/// Services that one DescribeServices may name.
const SERVICES_PER_CALL: usize = 10;
/// Targets that one DescribeScalableTargets may name, and that one page holds.
const TARGETS_PER_CALL: usize = 50;
/// Clusters on one page of DescribeDBClusters.
const CLUSTERS_PER_PAGE: usize = 100;
/// Names on one page of ListServices, at most.
const NAMES_PER_PAGE: usize = 100;
/// Policies on one page of DescribeScalingPolicies.
const POLICIES_PER_PAGE: usize = 10;
/// Scheduled actions on one page of DescribeScheduledActions.
const ACTIONS_PER_PAGE: usize = 50;
/// Policies of one target.
const POLICIES_PER_TARGET: usize = 50;

impl Region {
    /// Answers one call.
    ///
    /// # Errors
    /// As AWS refuses it.
    pub fn answer(&mut self, account: &str, call: &Call, now: Timestamp) -> Result<Reply, Refusal> {
        match call {
            Call::GetCallerIdentity => Ok(Reply::CallerIdentity(CallerIdentity {
                account_id: account.into(),
                arn: format!("arn:aws:sts::{account}:assumed-role/runbook-operator/simulator"),
            })),
            Call::DescribeServices { cluster, services } => self.describe_services(cluster, services, now),
            Call::ListServices { cluster, next_token } => self.list_services(cluster, next_token.as_deref()),
            Call::DescribeDbClusters { clusters, marker } => self.describe_clusters(clusters, marker.as_deref(), now),
            Call::DescribeScalableTargets { namespace, resource_ids, next_token } => {
                self.describe_targets(*namespace, resource_ids, next_token.as_deref())
            }
            Call::DescribeScalingPolicies { namespace, resource_id, next_token } => {
                self.describe_policies(*namespace, resource_id.as_deref(), next_token.as_deref())
            }
            Call::UpdateService { cluster, service, desired_count } => {
                self.update_service(cluster, service, *desired_count, now)
            }
            Call::RegisterScalableTarget { resource_id, capacity, tags } => {
                self.register_target(resource_id, *capacity, tags, now)
            }
            Call::PutTargetTrackingPolicy { resource_id, name, configuration } => {
                let kind = AppliedPolicyKind::TargetTracking(configuration.clone());
                self.put_scaling_policy(resource_id, AppliedPolicy { name: name.clone(), kind })
            }
            Call::PutStepScalingPolicy { resource_id, name, configuration } => {
                let step = StepScaling { configuration: configuration.clone(), arn: None, alarms: 0 };
                let kind = AppliedPolicyKind::StepScaling(step);
                self.put_scaling_policy(resource_id, AppliedPolicy { name: name.clone(), kind })
            }
            Call::DeleteScalingPolicy { resource_id, name } => self.delete_scaling_policy(resource_id, name),
            Call::DescribeScheduledActions { namespace, resource_id, next_token } => {
                self.describe_actions(*namespace, resource_id.as_deref(), next_token.as_deref())
            }
            Call::PutScheduledAction { resource_id, action } => self.put_action(resource_id, action, now),
            Call::DeleteScheduledAction { resource_id, name } => self.delete_action(resource_id, name),
            Call::ListTagsForResource { arn } => self.list_tags(arn),
            Call::DeregisterScalableTarget { resource_id } => {
                // What is gone already is deregistered, as the call promises.
                self.targets.remove(resource_id);
                Ok(Reply::Done)
            }
            Call::Rds(call) => self.rds.answer(call, now),
        }
    }

    fn describe_services(&mut self, cluster: &str, services: &[String], now: Timestamp) -> Result<Reply, Refusal> {
        if services.is_empty() {
            return Err(Refusal::parameter("Services cannot be empty."));
        }
        if services.len() > SERVICES_PER_CALL {
            return Err(Refusal::parameter("Services cannot have more than 10 elements."));
        }
        if !self.clusters.contains_key(cluster) {
            return Err(Refusal::no_cluster());
        }
        let found =
            services.iter().filter_map(|name| Some((name.clone(), self.service(cluster, name, now)?.describe(now))));
        Ok(Reply::Services(found.collect()))
    }

    fn list_services(&self, cluster: &str, token: Option<&str>) -> Result<Reply, Refusal> {
        let services = self.clusters.get(cluster).ok_or_else(Refusal::no_cluster)?;
        let active = services.iter().filter(|(_, service)| service.status == "ACTIVE").map(|(name, _)| name.clone());
        let (names, next_token) = page(active, token, NAMES_PER_PAGE)?;
        Ok(Reply::ServiceNames { names, next_token })
    }

    /// The clusters of these identifiers, by the filter `db-cluster-id`: those that are not there are left out.
    fn describe_clusters(
        &mut self,
        identifiers: &[String],
        marker: Option<&str>,
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        let found: Vec<_> = identifiers
            .iter()
            .filter_map(|identifier| {
                let cluster = self.aurora.get_mut(identifier)?;
                cluster.advance(now);
                Some((identifier.clone(), cluster.describe(identifier, now)))
            })
            .collect();
        let (clusters, marker) = page(found.into_iter(), marker, CLUSTERS_PER_PAGE)?;
        Ok(Reply::DbClusters { clusters, marker })
    }

    fn describe_targets(&self, namespace: Namespace, ids: &[String], token: Option<&str>) -> Result<Reply, Refusal> {
        if ids.len() > TARGETS_PER_CALL {
            return Err(Refusal::validation("ResourceIds: Member must have length less than or equal to 50"));
        }
        let mut ids: Vec<&String> = if ids.is_empty() { self.targets.keys().collect() } else { ids.iter().collect() };
        ids.retain(|id| Namespace::of(id) == namespace);
        ids.sort();
        ids.dedup();
        let all = ids.into_iter().filter_map(|id| self.targets.get_key_value(id)).map(|(id, target)| {
            let shown = ScalableTarget {
                arn: Some(target.arn.clone()),
                capacity: target.capacity,
                created_at: target.created_at,
            };
            (id.clone(), shown)
        });
        let (targets, next_token) = page(all, token, TARGETS_PER_CALL)?;
        Ok(Reply::ScalableTargets { targets, next_token })
    }

    fn list_tags(&self, arn: &str) -> Result<Reply, Refusal> {
        match self.targets.values().find(|target| target.arn == arn) {
            Some(target) => Ok(Reply::Tags(target.tags.clone())),
            // As the SDK's errors are classified.
            None => Err(Refusal::new(ErrorClass::Conflict, "ResourceNotFoundException", "The resource does not exist")),
        }
    }

    fn describe_policies(&self, namespace: Namespace, id: Option<&str>, token: Option<&str>) -> Result<Reply, Refusal> {
        // One target is looked up: there may be ten thousand.
        let targets: Box<dyn Iterator<Item = _>> = match id {
            Some(id) => Box::new(self.targets.get_key_value(id).into_iter()),
            None => Box::new(self.targets.iter()),
        };
        let of_namespace = targets.filter(|(target, _)| Namespace::of(target) == namespace);
        let all = of_namespace.flat_map(|(target, found)| found.policies.iter().map(move |policy| (target, policy)));
        let (page, next_token) = page(all, token, POLICIES_PER_PAGE)?;
        let policies = page
            .into_iter()
            .map(|(target, (name, kind))| (target.clone(), AppliedPolicy { name: name.clone(), kind: kind.clone() }));
        let policies = policies.collect();
        Ok(Reply::ScalingPolicies { policies, next_token })
    }

    fn update_service(&mut self, cluster: &str, name: &str, desired: i32, now: Timestamp) -> Result<Reply, Refusal> {
        if !self.clusters.contains_key(cluster) {
            return Err(Refusal::no_cluster());
        }
        let service = self.service(cluster, name, now).ok_or_else(Refusal::no_service)?;
        if service.status != "ACTIVE" {
            return Err(Refusal::new(ErrorClass::Invalid, "ServiceNotActiveException", "Service was not ACTIVE."));
        }
        if desired < 0 || service.scheduling_strategy == "DAEMON" {
            return Err(Refusal::parameter("The desired count is not valid for this service."));
        }
        service.set_desired(desired, now);
        Ok(Reply::Done)
    }

    fn register_target(
        &mut self,
        id: &str,
        capacity: Capacity,
        tags: &[(String, String)],
        now: Timestamp,
    ) -> Result<Reply, Refusal> {
        if capacity.min > capacity.max || capacity.min < 0 {
            return Err(Refusal::validation("Minimum capacity cannot be greater than maximum capacity"));
        }
        if self.targets.contains_key(id) && !tags.is_empty() {
            return Err(Refusal::validation("Tags can be given for a new scalable target only"));
        }
        known(id)?;
        if self.register(id, capacity, now) {
            tags.iter().for_each(|(key, value)| self.tag(id, key, value));
            Ok(Reply::Done)
        } else {
            Err(Refusal::validation(format!("{} doesn't exist: {id}", what(id))))
        }
    }

    fn put_scaling_policy(&mut self, id: &str, policy: AppliedPolicy) -> Result<Reply, Refusal> {
        known(id)?;
        let Some(target) = self.targets.get(id) else { return Err(not_registered(id)) };
        match target.policies.get(&policy.name) {
            Some(current) if current.type_name() != policy.kind.type_name() => {
                return Err(Refusal::validation(format!("Policy {} is of type {}", policy.name, current.type_name())));
            }
            None if target.policies.len() >= POLICIES_PER_TARGET => {
                return Err(Refusal::new(ErrorClass::Invalid, "LimitExceededException", "Too many scaling policies"));
            }
            _ => {}
        }
        let metric = tracked(&policy.kind);
        if metric.is_some()
            && target.policies.iter().any(|(name, kind)| *name != policy.name && tracked(kind) == metric)
        {
            let message = "Only one TargetTrackingScaling policy for a given metric specification is allowed.";
            return Err(Refusal::validation(message));
        }
        self.put_policy(id, policy);
        Ok(Reply::Done)
    }

    fn delete_scaling_policy(&mut self, id: &str, name: &str) -> Result<Reply, Refusal> {
        let target = self.targets.get_mut(id).ok_or_else(|| not_registered(id))?;
        target
            .policies
            .remove(name)
            .map(|_| Reply::Done)
            .ok_or_else(|| Refusal::not_found(format!("No scaling policy {name}")))
    }

    fn describe_actions(&self, namespace: Namespace, id: Option<&str>, token: Option<&str>) -> Result<Reply, Refusal> {
        let all: Vec<(String, ScheduledAction)> = self
            .targets
            .iter()
            .filter(|(target, _)| id.is_none_or(|id| id == target.as_str()) && Namespace::of(target) == namespace)
            .flat_map(|(target, found)| found.actions.values().map(|action| (target.clone(), action.clone())))
            .collect();
        let (actions, next_token) = page(all.into_iter(), token, ACTIONS_PER_PAGE)?;
        Ok(Reply::ScheduledActions { actions, next_token })
    }

    /// Keeps the action; see [`crate::cloud::FakeAws::fire`].
    fn put_action(&mut self, id: &str, action: &ScheduledAction, now: Timestamp) -> Result<Reply, Refusal> {
        let target = self.targets.get_mut(id).ok_or_else(|| not_registered(id))?;
        let created_at = target.actions.get(&action.name).map_or(Some(now), |current| current.created_at);
        target.actions.insert(action.name.clone(), ScheduledAction { created_at, ..action.clone() });
        Ok(Reply::Done)
    }

    fn delete_action(&mut self, id: &str, name: &str) -> Result<Reply, Refusal> {
        let target = self.targets.get_mut(id).ok_or_else(|| not_registered(id))?;
        target
            .actions
            .remove(name)
            .map(|_| Reply::Done)
            .ok_or_else(|| Refusal::not_found(format!("No scheduled action {name}")))
    }
}

fn not_registered(id: &str) -> Refusal {
    let namespace = Namespace::of(id).as_str();
    Refusal::not_found(format!("No scalable target registered for service namespace: {namespace}, resource ID: {id}"))
}

fn tracked(kind: &AppliedPolicyKind) -> Option<&TrackedMetric> {
    match kind {
        AppliedPolicyKind::TargetTracking(configuration) => Some(&configuration.metric),
        AppliedPolicyKind::StepScaling(_) | AppliedPolicyKind::Other(_) => None,
    }
}

/// Refuses a ResourceId of neither form.
fn known(id: &str) -> Result<(), Refusal> {
    match id.split('/').collect::<Vec<_>>().as_slice() {
        ["service", _, _] => Ok(()),
        [cluster] if cluster.starts_with("cluster:") => Ok(()),
        _ => Err(Refusal::validation(format!(
            "Unsupported service namespace, resource type or scalable dimension: {id}"
        ))),
    }
}

fn what(id: &str) -> &'static str {
    match Namespace::of(id) {
        Namespace::Ecs => "ECS service",
        Namespace::Rds => "DB cluster",
    }
}

/// One page, and the token of the next.
fn page<T>(
    all: impl Iterator<Item = T>,
    token: Option<&str>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let from: usize = match token {
        None => 0,
        Some(token) => token.strip_prefix("from-").and_then(|number| number.parse().ok()).ok_or_else(|| {
            Refusal::new(ErrorClass::Invalid, "InvalidNextTokenException", "The next token is invalid")
        })?,
    };
    let mut rest = all.skip(from);
    let items = rest.by_ref().take(size).collect();
    let more = rest.next().is_some();
    Ok((items, more.then(|| format!("from-{}", from + size))))
}
