//! `import`: policies that say what is in AWS now.

mod names;
mod yaml;

use jiff::Timestamp;
use kube::api::ObjectMeta;
use runbook_api::aws_account::{Grant, Verb};
use runbook_api::common::{AccountRef, Mode};
use runbook_api::{AwsAccount, AwsAccountSpec, ScalingPolicy};
use runbook_aws::{Freshness, Observer};
use runbook_core::arn::partition_of;
use runbook_core::facts::Answer;
use runbook_core::observed::{AppliedPolicy, CallerIdentity, ScalableTarget, ScheduledAction, ServiceLookup};
use runbook_core::scaling::import::{Imported, Seen, import};
use runbook_core::{CloudError, Query, Scope, ServiceId};

use self::yaml::Yaml;
use crate::arguments::{ImportOptions, Importable};
use crate::aws;
use crate::errors::CliError;
use crate::output::{Exit, Shown, counted};

/// A service, and what AWS shows of it.
struct Found {
    id: ServiceId,
    lookup: ServiceLookup,
    target: Option<ScalableTarget>,
    policies: Vec<AppliedPolicy>,
    actions: Vec<ScheduledAction>,
}

/// Writes what is there.
pub async fn run(options: &ImportOptions) -> Result<Shown, CliError> {
    let Importable::Ecs = options.what;
    let observer = aws::own(&options.account_name, &options.aws);
    let scope = scope(&observer, options).await?;
    let names = match options.service.as_slice() {
        [] => observer.list_services(&scope, &options.cluster).await?,
        named => named.to_vec(),
    };
    let found = observe(&observer, &scope, &options.cluster, names).await?;
    written(options, &scope, &found, Timestamp::now())
}

/// The account that the credentials belong to.
async fn scope(observer: &Observer, options: &ImportOptions) -> Result<Scope, CliError> {
    let unknown =
        Scope { connection: options.account_name.clone(), account_id: String::new(), region: options.region.clone() };
    let query = Query::CallerIdentity(unknown.clone());
    for (_, answer, _) in observer.observe(&[query], Freshness::Now).await {
        if let Answer::CallerIdentity(CallerIdentity { account_id, .. }) = answer? {
            return Ok(Scope { account_id, ..unknown });
        }
    }
    Err(CliError::Usage("STS did not say whose the credentials are: try again".into()))
}

/// Everything about the services, and only what there may be: a service without a scalable target has neither policies nor actions.
async fn observe(
    observer: &Observer,
    scope: &Scope,
    cluster: &str,
    names: Vec<String>,
) -> Result<Vec<Found>, CloudError> {
    let ids: Vec<ServiceId> =
        names.into_iter().map(|service| ServiceId { scope: scope.clone(), cluster: cluster.into(), service }).collect();
    let questions: Vec<Query> =
        ids.iter().flat_map(|id| [Query::EcsService(id.clone()), Query::ScalableTarget(id.clone().into())]).collect();
    let mut found: Vec<Found> = ids
        .into_iter()
        .map(|id| Found {
            id,
            lookup: ServiceLookup::ServiceMissing,
            target: None,
            policies: Vec::new(),
            actions: Vec::new(),
        })
        .collect();
    take(observer, &questions, &mut found).await?;
    let questions: Vec<Query> = found
        .iter()
        .filter(|one| one.target.is_some())
        .flat_map(|one| [Query::ScalingPolicies(one.id.clone().into()), Query::ScheduledActions(one.id.clone().into())])
        .collect();
    take(observer, &questions, &mut found).await?;
    Ok(found)
}

async fn take(observer: &Observer, questions: &[Query], found: &mut [Found]) -> Result<(), CloudError> {
    for (query, answer, _) in observer.observe(questions, Freshness::Now).await {
        let answer = answer?;
        let Some(one) = found.iter_mut().find(|one| query.target() == Some(one.id.clone().into())) else { continue };
        match answer {
            Answer::EcsService(lookup) => one.lookup = lookup,
            Answer::ScalableTarget(target) => one.target = target,
            Answer::ScalingPolicies(policies) => one.policies = policies,
            Answer::ScheduledActions(actions) => one.actions = actions,
            Answer::CallerIdentity(_)
            | Answer::DbCluster(_)
            | Answer::ScalableTargetTags(_)
            | Answer::Database(_)
            | Answer::DatabaseSnapshots(_)
            | Answer::Snapshot(_)
            | Answer::VerificationInstances(_)
            | Answer::Credential(_)
            | Answer::Sql(_)
            | Answer::ExportJob(_)
            | Answer::UsableSecret(_)
            | Answer::RdsQuotas(_) => {}
        }
    }
    Ok(())
}

/// The objects, with what they cannot say as comments: in the output, and on standard error for whoever redirects it.
fn written(options: &ImportOptions, scope: &Scope, found: &[Found], now: Timestamp) -> Result<Shown, CliError> {
    let mut yaml = Yaml::new()?;
    let mut notes = Vec::new();
    let mut imported = Vec::new();
    let mut exit = Exit::Fine;
    for one in found {
        let Found { id, lookup, target, policies, actions } = one;
        match import(Seen { id, lookup, target: target.as_ref(), policies, actions }, now) {
            Ok(policy) => imported.push((id, policy)),
            Err(why) => {
                notes.push(format!("# not imported: {why}"));
                // Whoever names a service wants it.
                if !options.service.is_empty() {
                    exit = Exit::Errors;
                }
            }
        }
    }
    if options.with_account {
        let ids: Vec<&ServiceId> = imported.iter().map(|(id, _)| *id).collect();
        let remark = "mode is Observe: nothing is written until you set it to Enforce";
        let name = &options.account_name;
        let refused = |why| CliError::Usage(format!("AwsAccount {name} cannot be declared: {why}"));
        yaml.add("AwsAccount", &account(options, scope, &ids), &[remark.into()])?.map_err(refused)?;
    }
    let names = names::of(imported.iter().map(|(id, _)| id.service.as_str()));
    for ((id, Imported { mut spec, remarks }), name) in imported.into_iter().zip(names) {
        spec.account_ref = AccountRef { name: options.account_name.clone() };
        // The account that is written beside it has this region only.
        spec.region = (!options.with_account).then(|| scope.region.clone());
        let metadata = ObjectMeta { namespace: Some(options.namespace.clone()), ..ObjectMeta::default() };
        let mut policy = ScalingPolicy::new(&name, spec);
        policy.metadata = ObjectMeta { name: Some(name), ..metadata };
        notes.extend(remarks.iter().map(|remark| format!("# {id}: {remark}")));
        match yaml.add("ScalingPolicy", &policy, &remarks)? {
            Ok(()) => {}
            Err(why) => {
                notes.push(format!("# not imported: {id} cannot be declared: {why}"));
                exit = Exit::Errors;
            }
        }
    }
    notes.push(format!(
        "# {} of {} imported; now: kubectl runbook plan -f FILE",
        yaml.count("ScalingPolicy"),
        counted(found.len(), "service", "services")
    ));
    Ok(Shown { text: yaml.text(), notes, exit })
}

fn account(options: &ImportOptions, scope: &Scope, ids: &[&ServiceId]) -> AwsAccount {
    let resources = match options.service.as_slice() {
        [] => vec![format!(
            "arn:{}:ecs:{}:{}:service/{}/*",
            partition_of(&scope.region),
            scope.region,
            scope.account_id,
            options.cluster
        )],
        _ => ids.iter().map(|id| id.arn()).collect(),
    };
    let grant = Grant { namespaces: vec![options.namespace.clone()], verbs: vec![Verb::Scale], resources };
    let spec = AwsAccountSpec {
        account_id: scope.account_id.clone(),
        regions: vec![scope.region.clone()],
        mode: Mode::Observe,
        assume_role: None,
        use_fips: false,
        use_dual_stack: false,
        grants: vec![grant],
        request_budget: None,
        freeze: Vec::new(),
        safety: None,
        events: Vec::new(),
        endpoint_url: None,
    };
    AwsAccount::new(&options.account_name, spec)
}
