//! Names and ARNs in events: AWS writes either, as its caller did.

use super::Ignored;
use crate::arn::partition_of;
use crate::ids::{ClusterId, Scope, ServiceId, TargetId};

/// The cluster that ECS takes where none is named.
const DEFAULT_CLUSTER: &str = "default";

/// The service that `service` (a name, or an ARN in the old or the long format) and `cluster` (a name, an ARN, or nothing) stand for.
pub(super) fn service(scope: &Scope, cluster: Option<&str>, service: &str) -> Result<ServiceId, Ignored> {
    let cluster = cluster.map(|cluster| local(scope, "ecs", cluster)).transpose()?;
    let cluster = cluster.map(|cluster| cluster.strip_prefix("cluster/").unwrap_or(cluster));
    let path = local(scope, "ecs", service)?;
    let path = path.strip_prefix("service/").unwrap_or(path);
    let (cluster, name) = match path.split_once('/') {
        Some((of, name)) => (of, name),
        None => (cluster.unwrap_or(DEFAULT_CLUSTER), path),
    };
    if cluster.is_empty() || name.is_empty() || name.contains('/') {
        return Err(Ignored::Malformed("it names no service".into()));
    }
    Ok(ServiceId { scope: scope.clone(), cluster: cluster.into(), service: name.into() })
}

/// The service that a ResourceId of Application Auto Scaling names.
pub(super) fn scalable(scope: &Scope, resource_id: &str) -> Result<TargetId, Ignored> {
    match resource_id.split('/').collect::<Vec<_>>()[..] {
        ["service", cluster, name] if !cluster.is_empty() && !name.is_empty() => {
            Ok(ServiceId { scope: scope.clone(), cluster: cluster.into(), service: name.into() }.into())
        }
        _ => Err(Ignored::Malformed("it names no scalable target of ECS".into())),
    }
}

/// The DB cluster that a ResourceId of Application Auto Scaling names.
pub(super) fn cluster(scope: &Scope, resource_id: &str) -> Result<TargetId, Ignored> {
    match resource_id.strip_prefix("cluster:") {
        Some(cluster) if !cluster.is_empty() => {
            // RDS keeps identifiers in lower case, whatever a caller writes.
            Ok(ClusterId { scope: scope.clone(), cluster: cluster.to_ascii_lowercase() }.into())
        }
        _ => Err(Ignored::Malformed("it names no scalable target of RDS".into())),
    }
}

/// A name as it is, or the last part of an ARN of this account, region and API.
fn local<'a>(scope: &Scope, api: &str, text: &'a str) -> Result<&'a str, Ignored> {
    if !text.starts_with("arn:") {
        return Ok(text);
    }
    match text.splitn(6, ':').collect::<Vec<_>>()[..] {
        ["arn", partition, of, region, account, resource] if partition == partition_of(&scope.region) && of == api => {
            if account != scope.account_id {
                return Err(Ignored::OtherAccount(account.into()));
            }
            if region != scope.region {
                return Err(Ignored::OtherRegion(region.into()));
            }
            Ok(resource)
        }
        _ => Err(Ignored::Irrelevant),
    }
}
