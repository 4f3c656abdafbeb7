//! Amazon RDS: restores into new DB instances, and the end of those that were made to be verified.

use aws_sdk_rds::Client;
use aws_sdk_rds::operation::RequestId;
use aws_sdk_rds::primitives::DateTime;
use aws_sdk_rds::types::Tag;
use runbook_core::CloudError;
use runbook_core::step::{RestoreFrom, RestoredInstance};

use super::autoscaling::deleted;
use super::classify::classify;
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::vault::Password;

/// Everything is said that RDS has a default for that exposes, or inherits: see the step's own words.
pub(super) async fn restore(
    client: &Client,
    call: &Call,
    identifier: &str,
    from: &RestoreFrom,
    instance: &RestoredInstance,
    tags: &[(String, String)],
) -> Result<Answered, CloudError> {
    let RestoredInstance { class, subnet_group, security_groups, parameter_group, .. } = instance;
    let request_id: Option<String> = match from {
        RestoreFrom::Snapshot { snapshot, .. } => {
            let request = client
                .restore_db_instance_from_db_snapshot()
                .db_instance_identifier(identifier)
                .db_snapshot_identifier(snapshot)
                .db_instance_class(class)
                .db_subnet_group_name(subnet_group)
                .set_vpc_security_group_ids(Some(security_groups.clone()))
                .db_parameter_group_name(parameter_group)
                .set_option_group_name(instance.option_group.clone())
                .set_storage_type(instance.storage_type.clone())
                .set_iops(instance.iops)
                .multi_az(instance.multi_az)
                .enable_iam_database_authentication(instance.iam_authentication)
                .publicly_accessible(false)
                .deletion_protection(false)
                .auto_minor_version_upgrade(false)
                .copy_tags_to_snapshot(false)
                .set_tags(Some(sdk_tags(tags)));
            let output = request.send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
        RestoreFrom::PointInTime { source, resource_id: _, time } => {
            let at = time.map(|time| DateTime::from_secs(time.as_second()));
            let request = client
                .restore_db_instance_to_point_in_time()
                .source_db_instance_identifier(&source.identifier)
                .target_db_instance_identifier(identifier)
                .use_latest_restorable_time(at.is_none())
                .set_restore_time(at)
                .db_instance_class(class)
                .db_subnet_group_name(subnet_group)
                .set_vpc_security_group_ids(Some(security_groups.clone()))
                .db_parameter_group_name(parameter_group)
                .set_option_group_name(instance.option_group.clone())
                .set_storage_type(instance.storage_type.clone())
                .set_iops(instance.iops)
                .multi_az(instance.multi_az)
                .enable_iam_database_authentication(instance.iam_authentication)
                .publicly_accessible(false)
                .deletion_protection(false)
                .auto_minor_version_upgrade(false)
                .copy_tags_to_snapshot(false)
                .set_tags(Some(sdk_tags(tags)));
            let output = request.send().await.map_err(|error| classify(call, &error))?;
            output.request_id().map(Into::into)
        }
    };
    Ok(Answered { reply: Reply::Done, request_id })
}

pub(super) async fn set_master_password(
    client: &Client,
    call: &Call,
    identifier: &str,
    password: &Password,
) -> Result<Answered, CloudError> {
    let request = client
        .modify_db_instance()
        .db_instance_identifier(identifier)
        .master_user_password(password.expose())
        .apply_immediately(true);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn add_tags(
    client: &Client,
    call: &Call,
    arn: &str,
    tags: &[(String, String)],
) -> Result<Answered, CloudError> {
    let request = client.add_tags_to_resource().resource_name(arn).set_tags(Some(sdk_tags(tags)));
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn delete(client: &Client, call: &Call, identifier: &str) -> Result<Answered, CloudError> {
    let request = client.delete_db_instance().db_instance_identifier(identifier);
    let output = request.skip_final_snapshot(true).delete_automated_backups(true).send().await;
    deleted(output.map(|output| output.request_id().map(Into::into)).map_err(|error| classify(call, &error)))
}

fn sdk_tags(tags: &[(String, String)]) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}
