//! `scale`: another size for a while, as a ScalingOverride that the operator follows; and its early end.

mod effect;
mod stop;
mod wait;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use runbook_api::scaling_override::{MADE_BY, PolicyRef, ScalingOverrideSpec, SizeRange};
use runbook_api::{AwsAccount, ScalingOverride, ScalingPolicy};
use runbook_core::backoff::seed_of;
use runbook_core::report::conditions::whole_seconds;
use runbook_core::scaling::overrides::Change;
use serde::Deserialize;

use self::effect::Effect;
use crate::arguments::ScaleOptions;
use crate::cluster::Cluster;
use crate::errors::CliError;
use crate::output::{BOLD, GREEN, Shown, line, tell};

/// The label's value for what is made here.
const MAKER: &str = "cli";

/// Makes an override, or ends those that were made here.
pub async fn run(options: &ScaleOptions) -> Result<Shown, CliError> {
    let cluster = Cluster::connect(&options.kube).await?;
    let namespace = options.namespace.clone().unwrap_or_else(|| cluster.default_namespace().to_owned());
    match options.change() {
        Some(change) => make(options, &cluster, &namespace, change).await,
        None => stop::run(options, &cluster, &namespace).await,
    }
}

async fn make(options: &ScaleOptions, cluster: &Cluster, namespace: &str, change: Change) -> Result<Shown, CliError> {
    let now = whole_seconds(Timestamp::now());
    let Some(policy) = cluster.find::<ScalingPolicy>(namespace, &options.name).await? else {
        return Err(nowhere(cluster, namespace, &options.name).await?);
    };
    let object = object(options, namespace, change, now)?;
    let siblings = of_policy(cluster, namespace, &options.name).await?;
    let effect = Effect::of(&object, &policy, &siblings, now)?;
    // Whoever may scale may not always read accounts; what one holds back is then told by the operator.
    let account = cluster.accounts().await.ok().and_then(|accounts| {
        let (_, account) = accounts.into_iter().find(|(subject, _)| subject.name == policy.spec.account_ref.name)?;
        AwsAccount::deserialize(account).ok()
    });
    let warnings = effect::warnings(&policy, account.as_ref(), now);
    cluster.create(&object, options.dry_run).await?;
    let name = object.name_any();
    let head = if options.dry_run {
        line(BOLD, "dry run", &format!(": ScalingOverride {namespace}/{name} would be made"))
    } else {
        line(GREEN, "made", &format!(" ScalingOverride {namespace}/{name}"))
    };
    let text =
        format!("{head}\n{effect}to end it before: kubectl runbook scale {} --stop -n {namespace}\n", options.name);
    if !options.wait {
        return Ok(Shown { text, notes: warnings, ..Shown::default() });
    }
    warnings.iter().chain([&text]).for_each(|text| tell(text.trim_end()));
    wait::until_followed(cluster, &policy, Some(&name), options.timeout).await
}

/// The overrides that name a policy.
async fn of_policy(cluster: &Cluster, namespace: &str, policy: &str) -> Result<Vec<ScalingOverride>, CliError> {
    let all = cluster.overrides(Some(namespace)).await?.into_iter();
    let read = all.filter_map(|(_, object)| ScalingOverride::deserialize(object).ok());
    Ok(read.filter(|object| object.spec.policy_ref.name == policy).collect())
}

/// That there is no such policy, and which there are.
async fn nowhere(cluster: &Cluster, namespace: &str, name: &str) -> Result<CliError, CliError> {
    let there: Vec<String> =
        cluster.policies(Some(namespace)).await?.into_iter().map(|(subject, _)| subject.name).collect();
    let there = match there.as_slice() {
        [] => "there is none; choose another namespace with -n".into(),
        names => format!("those that are there: {}", names.join(", ")),
    };
    Ok(CliError::Usage(format!("there is no ScalingPolicy {name} in namespace {namespace}: {there}")))
}

/// The object to create. Its name is made of what it says, so that the same call again makes no second one.
fn object(
    options: &ScaleOptions,
    namespace: &str,
    change: Change,
    now: Timestamp,
) -> Result<ScalingOverride, CliError> {
    let too_long = || CliError::Usage("--for reaches beyond all calendars: write a shorter time".into());
    let lasts = SignedDuration::from_secs(options.seconds.unwrap_or_default());
    let expires_at = now.checked_add(lasts).map_err(|_| too_long())?;
    let policy = &options.name;
    let (at_least, exactly, range) = match change {
        Change::AtLeast(least) => (Some(least), None, None),
        Change::Exactly(count) => (None, Some(count), None),
        Change::Range { min, max } => (None, None, Some(SizeRange { min, max })),
    };
    let reason = options.reason.clone().unwrap_or_default();
    let said = format!("{namespace}/{policy} {change:?} {} {expires_at} {reason}", options.suspend_scheduled);
    let name = format!("scaled-{policy}-{:08x}", seed_of(&said) & 0xffff_ffff);
    let spec = ScalingOverrideSpec {
        policy_ref: PolicyRef { name: policy.clone() },
        at_least,
        exactly,
        range,
        suspend_scheduled: options.suspend_scheduled.then_some(true),
        expires_at: Time(expires_at),
        reason,
    };
    let mut object = ScalingOverride::new(&name, spec);
    object.metadata.namespace = Some(namespace.into());
    object.metadata.labels = Some(BTreeMap::from([(MADE_BY.to_owned(), MAKER.to_owned())]));
    Ok(object)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::{Arguments, Command};

    fn made(arguments: &str, now: &str) -> ScalingOverride {
        let words = ["kubectl-runbook", "scale"].into_iter().chain(arguments.split(' '));
        let Command::Scale(options) = Arguments::try_parse_from(words).unwrap().command else { panic!("no scale") };
        object(&options, "shop", options.change().unwrap(), now.parse().unwrap()).unwrap()
    }

    #[test]
    fn the_same_call_has_the_same_name_and_another_call_another() {
        let noon = "2026-03-01T12:00:00Z";
        let call = "web --at-least 5 --for 1h --reason sale";
        let first = made(call, noon);
        assert_eq!(first, made(call, noon));
        assert_eq!(first.spec.expires_at.0.to_string(), "2026-03-01T13:00:00Z");
        assert_eq!(first.metadata.labels.as_ref().unwrap()[MADE_BY], "cli");
        let others = [
            made(call, "2026-03-01T12:00:01Z"),
            made("web --at-least 6 --for 1h --reason sale", noon),
            made("web --exactly 5 --for 1h --reason sale", noon),
            made("web --at-least 5 --for 1h --reason sail", noon),
            made("web --at-least 5 --for 1h --reason sale --suspend-scheduled", noon),
        ];
        assert!(others.iter().all(|other| other.metadata.name != first.metadata.name));
    }
}
