//! How the new instance is set up: as it is said, else as the one that the data is of. Never by RDS's own defaults, which are a public
//! address, the default security group and the default parameter group (Amazon RDS API Reference, RestoreDBInstanceFromDBSnapshot).

use runbook_api::database_restore::RestoreTarget;

use crate::ids::DatabaseId;
use crate::observed::{Database, Instance};
use crate::plan::Finding;
use crate::step::RestoredInstance;

/// What gp3 has without being asked, below the size from which it may be asked for more (Amazon RDS User Guide, "gp3 storage").
const GP3_BASELINE: i32 = 3000;

/// Iops, where RDS demands it beside the StorageType (Amazon RDS API Reference, RestoreDBInstanceFromDBSnapshot, StorageType). The
/// baseline of gp3 is not said: small volumes take no other.
fn iops(like: &Instance) -> Option<i32> {
    match like.storage_type.as_deref() {
        Some("io1" | "io2") => like.iops,
        Some("gp3") => like.iops.filter(|iops| *iops > GP3_BASELINE),
        _ => None,
    }
}

/// Everything that RDS is told.
///
/// # Errors
/// A stalled finding that names what must be said, where it is said nowhere.
pub fn set_up(
    declared: &RestoreTarget,
    source: Option<&Database>,
    id: &DatabaseId,
) -> Result<RestoredInstance, Finding> {
    let unknown = Instance::default();
    let like = source.and_then(|database| database.instance.as_deref()).unwrap_or(&unknown);
    let class = declared.instance_class.clone().or_else(|| Some(like.class.clone()).filter(|class| !class.is_empty()));
    let subnet_group = declared.subnet_group.clone().or_else(|| like.subnet_group.clone());
    let groups = declared.security_groups.clone().unwrap_or_else(|| like.security_groups.clone());
    let security_groups = Some(groups).filter(|groups| !groups.is_empty());
    let parameter_group = declared.parameter_group.clone().or_else(|| like.parameter_group.clone());
    match (class, subnet_group, security_groups, parameter_group) {
        (Some(class), Some(subnet_group), Some(security_groups), Some(parameter_group)) => Ok(RestoredInstance {
            class,
            subnet_group,
            security_groups,
            parameter_group,
            option_group: declared.option_group.clone().or_else(|| like.option_group.clone()),
            multi_az: declared.multi_az,
            storage_type: like.storage_type.clone(),
            iops: iops(like),
            iam_authentication: like.iam_authentication,
        }),
        (class, subnet_group, security_groups, parameter_group) => {
            let missing = [
                ("target.instanceClass", class.is_none()),
                ("target.subnetGroup", subnet_group.is_none()),
                ("target.securityGroups", security_groups.is_none()),
                ("target.parameterGroup", parameter_group.is_none()),
            ];
            let missing: Vec<&str> =
                missing.into_iter().filter_map(|(field, missing)| missing.then_some(field)).collect();
            Err(Finding::stalled(
                "TargetIncomplete",
                format!(
                    "{id} does not exist any longer or does not tell, so the new instance cannot be set up like it: create a DatabaseRestore \
                     that says {}",
                    missing.join(", ")
                ),
            ))
        }
    }
}
