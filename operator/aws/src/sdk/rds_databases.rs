//! Amazon RDS: DB instances and DB clusters, and how they are backed up.

use std::collections::BTreeMap;

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::RequestId;
use aws_sdk_rds::types::{
    ClusterPendingModifiedValues, DbCluster, DbInstance, Filter, PendingModifiedValues, Tag as SdkTag,
};
use runbook_core::observed::{BackupSettings, Database, Endpoint, Instance};
use runbook_core::step::SettingsChange;
use runbook_core::{CloudError, DatabaseKind};

use super::autoscaling_scheduled::timestamp;
use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::door::failure;

/// Amazon RDS API Reference: MaxRecords of each list.
pub(super) const A_PAGE: i32 = 100;
/// PendingModifiedValues has something that is not known here.
const OTHERS: &str = "Others";

pub(super) async fn describe(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    identifiers: &[String],
    marker: Option<String>,
) -> Result<Answered, CloudError> {
    // Asked by a filter and not by name: then one that is missing is no error, and several are one call.
    let filter = |name: &str| {
        let filter = || Filter::builder().name(name).set_values(Some(identifiers.to_vec())).build();
        (!identifiers.is_empty()).then(|| vec![filter()])
    };
    let (databases, marker, request_id) = match kind {
        DatabaseKind::Instance => {
            let request = client.describe_db_instances().set_filters(filter("db-instance-id")).max_records(A_PAGE);
            let output = request.set_marker(marker).send().await.map_err(|error| classify(call, &error))?;
            let found = output.db_instances().iter().map(|found| instance(call, found)).collect::<Result<_, _>>()?;
            (found, output.marker().map(Into::into), output.request_id().map(Into::into))
        }
        DatabaseKind::Cluster => {
            let request = client.describe_db_clusters().set_filters(filter("db-cluster-id")).max_records(A_PAGE);
            let output = request.set_marker(marker).send().await.map_err(|error| classify(call, &error))?;
            let found = output.db_clusters().iter().map(|found| cluster(call, found)).collect::<Result<_, _>>()?;
            (found, output.marker().map(Into::into), output.request_id().map(Into::into))
        }
    };
    Ok(Answered { reply: Reply::Databases { databases, marker }, request_id })
}

pub(super) async fn modify(
    client: &Client,
    call: &Call,
    kind: DatabaseKind,
    identifier: &str,
    changes: &SettingsChange,
    apply_immediately: bool,
) -> Result<Answered, CloudError> {
    let SettingsChange { retention_days, window, copy_tags_to_snapshot, deletion_protection } = changes.clone();
    let request_id: Option<String> = match kind {
        DatabaseKind::Instance => {
            let request = client
                .modify_db_instance()
                .db_instance_identifier(identifier)
                .set_backup_retention_period(retention_days)
                .set_preferred_backup_window(window)
                .set_copy_tags_to_snapshot(copy_tags_to_snapshot)
                .set_deletion_protection(deletion_protection)
                .apply_immediately(apply_immediately);
            let output = request.send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
        DatabaseKind::Cluster => {
            let request = client
                .modify_db_cluster()
                .db_cluster_identifier(identifier)
                .set_backup_retention_period(retention_days)
                .set_preferred_backup_window(window)
                .set_copy_tags_to_snapshot(copy_tags_to_snapshot)
                .set_deletion_protection(deletion_protection)
                .apply_immediately(apply_immediately);
            let output = request.send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
    };
    Ok(Answered { reply: Reply::Done, request_id })
}

/// What is absent is an error, and not false or nothing.
pub(super) fn required<T>(call: &Call, field: &str, value: Option<T>) -> Result<T, CloudError> {
    value.ok_or_else(|| failure(call, "IncompleteAnswer", format!("RDS described something without {field}")))
}

/// Tags by key.
pub(super) fn tags(list: &[SdkTag]) -> BTreeMap<String, String> {
    let pair = |tag: &SdkTag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()));
    list.iter().filter_map(pair).collect()
}

fn instance(call: &Call, found: &DbInstance) -> Result<(String, Database), CloudError> {
    let text = |field: &str, value: Option<&str>| required(call, field, value.map(str::to_owned));
    let settings = BackupSettings {
        retention_days: required(call, "BackupRetentionPeriod", found.backup_retention_period())?,
        window: found.preferred_backup_window().map(Into::into),
        copy_tags_to_snapshot: required(call, "CopyTagsToSnapshot", found.copy_tags_to_snapshot())?,
        deletion_protection: required(call, "DeletionProtection", found.deletion_protection())?,
    };
    let database = Database {
        arn: text("DBInstanceArn", found.db_instance_arn())?,
        resource_id: text("DbiResourceId", found.dbi_resource_id())?,
        status: text("DBInstanceStatus", found.db_instance_status())?,
        engine: text("Engine", found.engine())?,
        member_of: found.db_cluster_identifier().map(Into::into),
        settings,
        pending: found.pending_modified_values().map(pending_of_instance).unwrap_or_default(),
        maintenance_window: found.preferred_maintenance_window().map(Into::into),
        latest_restorable_time: found.latest_restorable_time().and_then(timestamp),
        aws_backup: found.aws_backup_recovery_point_arn().filter(|arn| !arn.is_empty()).map(Into::into),
        instance: Some(Box::new(set_up(call, found)?)),
        tags: tags(found.tag_list()),
    };
    Ok((text("DBInstanceIdentifier", found.db_instance_identifier())?, database))
}

/// How an instance is set up: what a restore of it is told. Groups that it is leaving are not its own.
fn set_up(call: &Call, found: &DbInstance) -> Result<Instance, CloudError> {
    let groups = found.vpc_security_groups().iter().filter_map(|group| group.vpc_security_group_id());
    let parameters = found.db_parameter_groups().first().and_then(|group| group.db_parameter_group_name());
    let options = found.option_group_memberships().first().and_then(|group| group.option_group_name());
    let subnets = found.db_subnet_group().and_then(|group| group.db_subnet_group_name());
    let endpoint = found.endpoint().and_then(|endpoint| {
        let port = u16::try_from(endpoint.port()?).ok()?;
        Some(Endpoint { address: endpoint.address()?.to_owned(), port })
    });
    Ok(Instance {
        class: required(call, "DBInstanceClass", found.db_instance_class())?.to_owned(),
        subnet_group: subnets.map(Into::into),
        security_groups: groups.map(Into::into).collect(),
        parameter_group: parameters.map(Into::into),
        option_group: options.map(Into::into),
        multi_az: required(call, "MultiAZ", found.multi_az())?,
        allocated_storage: found.allocated_storage(),
        storage_type: found.storage_type().map(Into::into),
        iops: found.iops(),
        iam_authentication: found.iam_database_authentication_enabled().unwrap_or_default(),
        master_username: found.master_username().map(Into::into),
        created_at: found.instance_create_time().and_then(timestamp),
        db_name: found.db_name().filter(|name| !name.is_empty()).map(Into::into),
        endpoint,
    })
}

fn cluster(call: &Call, found: &DbCluster) -> Result<(String, Database), CloudError> {
    let text = |field: &str, value: Option<&str>| required(call, field, value.map(str::to_owned));
    let settings = BackupSettings {
        retention_days: required(call, "BackupRetentionPeriod", found.backup_retention_period())?,
        window: found.preferred_backup_window().map(Into::into),
        copy_tags_to_snapshot: required(call, "CopyTagsToSnapshot", found.copy_tags_to_snapshot())?,
        deletion_protection: required(call, "DeletionProtection", found.deletion_protection())?,
    };
    let database = Database {
        arn: text("DBClusterArn", found.db_cluster_arn())?,
        resource_id: text("DbClusterResourceId", found.db_cluster_resource_id())?,
        status: text("Status", found.status())?,
        engine: text("Engine", found.engine())?,
        member_of: None,
        settings,
        pending: found.pending_modified_values().map(pending_of_cluster).unwrap_or_default(),
        maintenance_window: found.preferred_maintenance_window().map(Into::into),
        latest_restorable_time: found.latest_restorable_time().and_then(timestamp),
        aws_backup: found.aws_backup_recovery_point_arn().filter(|arn| !arn.is_empty()).map(Into::into),
        instance: None,
        tags: tags(found.tag_list()),
    };
    Ok((text("DBClusterIdentifier", found.db_cluster_identifier())?, database))
}

/// Amazon RDS API Reference, PendingModifiedValues. A password is shown by none.
fn pending_of_instance(pending: &PendingModifiedValues) -> BTreeMap<String, String> {
    let mut named = Named::default();
    named.add("BackupRetentionPeriod", pending.backup_retention_period());
    named.add("DBInstanceClass", pending.db_instance_class());
    named.add("AllocatedStorage", pending.allocated_storage());
    named.add("EngineVersion", pending.engine_version());
    named.add("MultiAZ", pending.multi_az());
    named.add("Port", pending.port());
    named.add("StorageType", pending.storage_type());
    named.add("Iops", pending.iops());
    named.add("CACertificateIdentifier", pending.ca_certificate_identifier());
    named.add("DBInstanceIdentifier", pending.db_instance_identifier());
    named.add("MasterUserPassword", pending.master_user_password().map(|_| "****"));
    // Empty lists are nothing.
    let mut rest = pending.clone();
    rest.processor_features = rest.processor_features.filter(|list| !list.is_empty());
    rest.additional_storage_volumes = rest.additional_storage_volumes.filter(|list| !list.is_empty());
    named.or_others(rest != PendingModifiedValues::builder().build())
}

/// Amazon RDS API Reference, ClusterPendingModifiedValues.
fn pending_of_cluster(pending: &ClusterPendingModifiedValues) -> BTreeMap<String, String> {
    let mut named = Named::default();
    named.add("BackupRetentionPeriod", pending.backup_retention_period());
    named.add("EngineVersion", pending.engine_version());
    named.add("DBClusterIdentifier", pending.db_cluster_identifier());
    named.add("AllocatedStorage", pending.allocated_storage());
    named.add("StorageType", pending.storage_type());
    named.add("Iops", pending.iops());
    named.add("MasterUserPassword", pending.master_user_password().map(|_| "****"));
    named.or_others(*pending != ClusterPendingModifiedValues::builder().build())
}

/// Pending values by name.
#[derive(Default)]
struct Named(BTreeMap<String, String>);

impl Named {
    fn add(&mut self, name: &str, value: Option<impl ToString>) {
        self.0.extend(value.map(|value| (name.to_owned(), value.to_string())));
    }

    /// Where something is pending and nothing that is named here, it is something else.
    fn or_others(mut self, anything: bool) -> BTreeMap<String, String> {
        if anything && self.0.is_empty() {
            self.0.insert(OTHERS.into(), String::new());
        }
        self.0
    }
}
