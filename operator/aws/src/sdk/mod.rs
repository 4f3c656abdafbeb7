//! The AWS SDKs behind [`Cloud`]: one module for each service, errors classified in one place.

mod autoscaling;
mod autoscaling_metric;
mod autoscaling_removal;
mod autoscaling_scheduled;
mod autoscaling_steps;
mod classify;
mod complete;
mod connect;
mod ecs;
mod http;
mod rds;
mod rds_copies;
mod rds_databases;
mod rds_restores;
mod rds_snapshots;
mod sqs;
mod sts;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::Credentials;
use runbook_core::events::Queue;
use runbook_core::{CloudError, Scope};

use self::classify::after_success;
use self::connect::{Clients, Connected, Process};
use crate::call::{Call, RdsCall, Request};
use crate::cloud::{Answered, Cloud, Connection, Connections};
use crate::door::transient;
use crate::queue::{Message, Queues, delete, receive};

/// AWS itself, by the connections it was given.
///
/// Nothing is retried here and no call is given up here: both are decided above, where the budget and the lease are known.
pub struct SdkCloud {
    process: Arc<Process>,
    connections: Mutex<HashMap<String, Arc<Connected>>>,
}

impl SdkCloud {
    /// AWS, with `session_name` as the session name of every role that is assumed: what CloudTrail shows as the actor.
    pub fn new(session_name: impl Into<String>) -> Self {
        Self::of(Process::new(session_name.into(), None))
    }

    /// As [`SdkCloud::new`], with these credentials in place of the process's own: for tests.
    pub fn with_credentials(session_name: impl Into<String>, access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "given");
        Self::of(Process::new(session_name.into(), Some(credentials)))
    }

    fn of(process: Process) -> Self {
        Self { process: Arc::new(process), connections: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Connected>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections for SdkCloud {
    fn set_connection(&self, connection: Connection) {
        let mut connections = self.lock();
        if connections.get(&connection.name).is_some_and(|known| known.connection == connection) {
            return;
        }
        connections.insert(connection.name.clone(), Arc::new(Connected::new(connection, Arc::clone(&self.process))));
    }

    fn remove_connection(&self, name: &str) {
        self.lock().remove(name);
    }
}

impl SdkCloud {
    /// The clients for a request in this scope.
    async fn clients(&self, scope: &Scope, request: &Request) -> Result<Clients, CloudError> {
        let connected = self.lock().get(&scope.connection).cloned();
        match connected {
            Some(connected) => Ok(connected.clients(&scope.region).await),
            None => Err(transient(
                request,
                "NotConnected",
                format!("AwsAccount {} is not connected, or no longer", scope.connection),
            )),
        }
    }

    /// What an answer says about the process's credentials.
    fn judged<T>(&self, result: Result<T, CloudError>) -> Result<T, CloudError> {
        match result {
            Ok(answered) => {
                self.process.has_worked();
                Ok(answered)
            }
            Err(error) if self.process.worked() => Err(after_success(error)),
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl Queues for SdkCloud {
    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Message>, CloudError> {
        let clients = self.clients(&queue.scope, &receive(queue)).await?;
        self.judged(sqs::receive_message(&clients.sqs, queue, wait).await)
    }

    async fn delete(&self, queue: &Queue, receipts: &[String]) -> Result<usize, CloudError> {
        let clients = self.clients(&queue.scope, &delete(queue)).await?;
        self.judged(sqs::delete_message_batch(&clients.sqs, queue, receipts).await)
    }
}

#[async_trait]
impl Cloud for SdkCloud {
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError> {
        let clients = self.clients(scope, &call.request()).await?;
        let result = match call {
            Call::GetCallerIdentity => sts::get_caller_identity(&clients.sts, call).await,
            Call::DescribeServices { cluster, services } => {
                ecs::describe_services(&clients.ecs, call, cluster, services).await
            }
            Call::ListServices { cluster, next_token } => {
                ecs::list_services(&clients.ecs, call, cluster, next_token.clone()).await
            }
            Call::UpdateService { cluster, service, desired_count } => {
                ecs::update_service(&clients.ecs, call, cluster, service, *desired_count).await
            }
            Call::DescribeDbClusters { clusters, marker } => {
                rds::describe_db_clusters(&clients.rds, call, clusters, marker.clone()).await
            }
            Call::Rds(rds) => of_rds(&clients.rds, call, rds).await,
            Call::DescribeScalableTargets { namespace, resource_ids, next_token } => {
                autoscaling::describe_scalable_targets(
                    &clients.autoscaling,
                    call,
                    *namespace,
                    resource_ids,
                    next_token.clone(),
                )
                .await
            }
            Call::DescribeScalingPolicies { namespace, resource_id, next_token } => {
                autoscaling::describe_scaling_policies(
                    &clients.autoscaling,
                    call,
                    *namespace,
                    resource_id.clone(),
                    next_token.clone(),
                )
                .await
            }
            Call::RegisterScalableTarget { resource_id, capacity, tags } => {
                autoscaling::register_scalable_target(&clients.autoscaling, call, resource_id, capacity, tags).await
            }
            Call::PutTargetTrackingPolicy { resource_id, name, configuration } => {
                autoscaling::put_target_tracking_policy(&clients.autoscaling, call, resource_id, name, configuration)
                    .await
            }
            Call::PutStepScalingPolicy { resource_id, name, configuration } => {
                autoscaling_steps::put_step_scaling_policy(&clients.autoscaling, call, resource_id, name, configuration)
                    .await
            }
            Call::DeleteScalingPolicy { resource_id, name } => {
                autoscaling::delete_scaling_policy(&clients.autoscaling, call, resource_id, name).await
            }
            Call::DescribeScheduledActions { namespace, resource_id, next_token } => {
                autoscaling_scheduled::describe_scheduled_actions(
                    &clients.autoscaling,
                    call,
                    *namespace,
                    resource_id.clone(),
                    next_token.clone(),
                )
                .await
            }
            Call::PutScheduledAction { resource_id, action } => {
                autoscaling_scheduled::put_scheduled_action(&clients.autoscaling, call, resource_id, action).await
            }
            Call::DeleteScheduledAction { resource_id, name } => {
                autoscaling_scheduled::delete_scheduled_action(&clients.autoscaling, call, resource_id, name).await
            }
            Call::ListTagsForResource { arn } => {
                autoscaling_removal::list_tags_for_resource(&clients.autoscaling, call, arn).await
            }
            Call::DeregisterScalableTarget { resource_id } => {
                autoscaling_removal::deregister_scalable_target(&clients.autoscaling, call, resource_id).await
            }
        };
        self.judged(result)
    }
}

async fn of_rds(client: &aws_sdk_rds::Client, call: &Call, rds: &RdsCall) -> Result<Answered, CloudError> {
    match rds {
        RdsCall::DescribeDatabases { kind, identifiers, marker } => {
            rds_databases::describe(client, call, *kind, identifiers, marker.clone()).await
        }
        RdsCall::DescribeSnapshots { kind, source, snapshot, marker } => {
            rds_snapshots::describe(client, call, *kind, source.clone(), snapshot.clone(), marker.clone()).await
        }
        RdsCall::DescribeAccountAttributes => rds_snapshots::describe_account_attributes(client, call).await,
        RdsCall::Modify { kind, identifier, changes, apply_immediately } => {
            rds_databases::modify(client, call, *kind, identifier, changes, *apply_immediately).await
        }
        RdsCall::CreateSnapshot { kind, source, snapshot, tags } => {
            rds_snapshots::create(client, call, *kind, source, snapshot, tags).await
        }
        RdsCall::CopySnapshot { kind, source, snapshot, kms_key, option_group, tags } => {
            let copy = rds_copies::Copy {
                source,
                snapshot,
                kms_key: kms_key.clone(),
                option_group: option_group.clone(),
                tags,
            };
            rds_copies::copy(client, call, *kind, copy).await
        }
        RdsCall::ShareSnapshot { kind, snapshot, account } => {
            rds_copies::share(client, call, *kind, snapshot, account).await
        }
        RdsCall::DeleteSnapshot { kind, snapshot } => rds_snapshots::delete(client, call, *kind, snapshot).await,
        RdsCall::Restore { identifier, from, instance, tags } => {
            rds_restores::restore(client, call, identifier, from, instance, tags).await
        }
        RdsCall::SetMasterPassword { identifier, password } => {
            rds_restores::set_master_password(client, call, identifier, password).await
        }
        RdsCall::AddTags { arn, tags } => rds_restores::add_tags(client, call, arn, tags).await,
        RdsCall::DeleteInstance { identifier } => rds_restores::delete(client, call, identifier).await,
    }
}
