//! `iam-policy`: the least that IAM must allow for the files to be brought about.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;
use runbook_core::account::Access;
use runbook_core::account::events::queues;
use runbook_core::iam::{Breadth, Permission, document};
use runbook_core::plan::Weight;

use crate::arguments::{IamPolicyOptions, NarrowTo};
use crate::errors::CliError;
use crate::kinds::{self, Accounts, Candidate, Prepared};
use crate::output::{BOLD, Exit, Format, Shown, json, line};
use crate::sources;

/// Characters of a managed policy, white space not counted (IAM User Guide, "IAM and AWS STS quotas").
const MANAGED_POLICY: usize = 6144;

/// Writes the policy for every object of the files.
pub async fn run(options: &IamPolicyOptions) -> Result<Shown, CliError> {
    let existing = super::existing(&options.sources).await?;
    let declared = sources::load(&options.sources, &existing)?;
    let accounts = Accounts::new(&declared.accounts, &existing);
    // Where the calls go makes no difference to what they need.
    let candidates = kinds::candidates(&declared, &accounts, &existing, Some("any"), true, Timestamp::now());
    let account = chosen(&candidates, options.account.as_deref())?;
    let mut notes = declared.notes;
    let mut exit = Exit::Fine;
    let mut needed = Vec::new();
    for candidate in &candidates {
        match &candidate.prepared {
            Ok(prepared) if prepared.access.scope.connection == account => needed.extend((prepared.permissions)()),
            Ok(prepared) => needed.extend(prepared.elsewhere.get(&account).into_iter().flatten().cloned()),
            // An override needs what its policy needs.
            Err(findings) if findings.iter().all(|finding| finding.weight == Weight::Note) => {}
            Err(findings) => {
                exit = Exit::Errors;
                let left_out =
                    findings.iter().map(|finding| format!("{}: left out: {}", candidate.subject, finding.message));
                notes.extend(left_out);
            }
        }
    }
    for queue in accounts.get(&account).map(queues).unwrap_or_default() {
        match queue {
            Ok(queue) => needed.extend(queue.permissions()),
            Err(heard) => {
                exit = Exit::Errors;
                notes.extend(
                    heard.finding().map(|finding| format!("AwsAccount {account}: left out: {}", finding.message)),
                );
            }
        }
    }
    let breadth = match options.narrow_to {
        NarrowTo::Service => Breadth::Service,
        NarrowTo::Cluster => Breadth::Cluster,
    };
    let document = document(&needed, breadth);
    if let Some(role) = accounts.get(&account).and_then(|account| account.spec.assume_role.as_ref()) {
        notes.push(format!(
            "note: this belongs to {}; the operator's own role needs sts:AssumeRole on it besides",
            role.role_arn
        ));
    }
    let text = match options.output {
        Format::Json => json("the policy", &document)?,
        Format::Text => listed(&needed),
    };
    let length = serde_json::to_string(&document).map_or(0, |text| text.len());
    if length > MANAGED_POLICY {
        notes.push(format!(
            "note: {length} characters are more than the {MANAGED_POLICY} of a managed policy: try --narrow-to cluster, or split the files"
        ));
    }
    Ok(Shown { text, notes, exit })
}

/// The account to write for: the one that is named, or the only one that is used.
fn chosen(candidates: &[Candidate], named: Option<&str>) -> Result<String, CliError> {
    let used: BTreeSet<&str> = candidates
        .iter()
        .filter_map(|candidate| candidate.prepared.as_ref().ok())
        .flat_map(|Prepared { access: Access { scope, .. }, elsewhere, .. }| {
            std::iter::once(scope.connection.as_str()).chain(elsewhere.keys().map(String::as_str))
        })
        .collect();
    match (named, used.into_iter().collect::<Vec<_>>().as_slice()) {
        (Some(name), used) if used.contains(&name) => Ok(name.into()),
        (Some(name), used) => Err(CliError::Usage(format!(
            "no object works in AwsAccount {name}; those that are used: {}",
            used.join(", ")
        ))),
        (None, [only]) => Ok((*only).into()),
        (None, []) => {
            let first = candidates.iter().find_map(|candidate| {
                let finding = candidate.prepared.as_ref().err()?.iter().find(|one| one.weight != Weight::Note)?;
                Some(format!("{}: {}", candidate.subject, finding.message))
            });
            let why =
                first.unwrap_or_else(|| "there are AwsAccounts only, which need no permissions by themselves".into());
            Err(CliError::Usage(format!("nothing can be allowed: {why}")))
        }
        (None, used) => Err(CliError::Usage(format!(
            "the objects work in {} AwsAccounts, each with a policy of its own: choose one of them with --account: {}",
            used.len(),
            used.join(", ")
        ))),
    }
}

/// For people: what is allowed to be done to what, by what it is for.
fn listed(needed: &[Permission]) -> String {
    let mut by_purpose: BTreeMap<_, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for permission in needed {
        by_purpose.entry(permission.purpose).or_default().insert((permission.action, &permission.resource.arn));
    }
    let mut text = String::new();
    for (purpose, allowed) in by_purpose {
        let _ = writeln!(text, "{}", line(BOLD, purpose.as_str(), ""));
        let width = allowed.iter().map(|(action, _)| action.len()).max().unwrap_or_default();
        for (action, resource) in allowed {
            let _ = writeln!(text, "  {action:width$}  {resource}");
        }
    }
    text
}
