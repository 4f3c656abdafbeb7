//! The early end of what was made by `scale`. What others made is told, and left to them.

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_api::scaling_override::MADE_BY;
use runbook_api::{ScalingOverride, ScalingPolicy};
use runbook_core::report::conditions::whole_seconds;

use super::{MAKER, of_policy, wait};
use crate::arguments::ScaleOptions;
use crate::cluster::Cluster;
use crate::errors::CliError;
use crate::output::{BOLD, GREEN, Shown, line, tell};

/// Ends the active ones. The objects stay to be looked at; the operator removes them in days.
pub async fn run(options: &ScaleOptions, cluster: &Cluster, namespace: &str) -> Result<Shown, CliError> {
    let now = whole_seconds(Timestamp::now());
    let all = of_policy(cluster, namespace, &options.name).await?;
    let (own, others) = active(&all, now);
    let mut text = String::new();
    for object in &own {
        cluster.end(object, &now.to_string(), options.dry_run).await?;
        let head = if options.dry_run { line(BOLD, "dry run", ": would end") } else { line(GREEN, "ended", "") };
        text += &format!("{head} ScalingOverride {namespace}/{}: {}\n", object.name_any(), object.spec.reason);
    }
    if own.is_empty() {
        text = format!("no override of ScalingPolicy {namespace}/{} that this command made holds\n", options.name);
    }
    let left = |object: &&ScalingOverride| {
        let name = object.name_any();
        format!(
            "note: ScalingOverride {namespace}/{name} holds until {}: {} (to end it: kubectl delete svcoverride {name} -n {namespace}, \
             or remove it from where it comes from)",
            object.spec.expires_at.0, object.spec.reason
        )
    };
    let notes: Vec<String> = others.iter().map(left).collect();
    let policy = match options.wait && !own.is_empty() {
        true => cluster.find::<ScalingPolicy>(namespace, &options.name).await?,
        false => None,
    };
    let Some(policy) = policy else { return Ok(Shown { text, notes, ..Shown::default() }) };
    notes.iter().chain([&text]).for_each(|text| tell(text.trim_end()));
    wait::until_followed(cluster, &policy, None, options.timeout).await
}

/// Those that have not ended: made by this command, and by others.
fn active(all: &[ScalingOverride], now: Timestamp) -> (Vec<&ScalingOverride>, Vec<&ScalingOverride>) {
    let holds =
        |object: &&ScalingOverride| now < object.spec.expires_at.0 && object.metadata.deletion_timestamp.is_none();
    all.iter().filter(holds).partition(|object| object.labels().get(MADE_BY).is_some_and(|maker| maker == MAKER))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_this_command_made_and_has_not_ended_is_ended() {
        let object = |name: &str, made_by: Option<&str>, expires_at: &str| -> ScalingOverride {
            let labels = made_by.map(|maker| serde_json::json!({MADE_BY: maker}));
            serde_json::from_value(serde_json::json!({
                "apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingOverride",
                "metadata": {"name": name, "namespace": "shop", "labels": labels},
                "spec": {"policyRef": {"name": "web"}, "atLeast": 1, "expiresAt": expires_at, "reason": "x"},
            }))
            .unwrap()
        };
        let (noon, later) = ("2026-03-01T12:00:00Z", "2026-03-01T12:00:01Z");
        let all = [
            object("own", Some("cli"), later),
            object("ended", Some("cli"), noon),
            object("adopted", Some("operator"), later),
            object("git", None, later),
        ];
        let (own, others) = active(&all, noon.parse().unwrap());
        let names = |objects: Vec<&ScalingOverride>| objects.iter().map(|one| one.name_any()).collect::<Vec<_>>();
        assert_eq!((names(own), names(others)), (vec!["own".to_owned()], vec!["adopted".to_owned(), "git".to_owned()]));
    }
}
