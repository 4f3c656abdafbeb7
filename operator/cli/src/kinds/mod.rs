//! What the commands need to know about a kind that is brought in line with AWS: a module for each.

mod backup_policy;
mod runs;
mod scaling_override;
mod scaling_policy;

pub use scaling_override::told;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use runbook_api::AwsAccount;
use runbook_core::account::{Access, Budget, usable};
use runbook_core::iam::Permission;
use runbook_core::report::Hold;
use runbook_core::{Facts, Finding, Plan};
use serde::Serialize;

use crate::cluster::Existing;
use crate::sources::{Declared, Origin, Problem, Sourced};

/// An object, by its kind and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace, where its kind has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// An object that can be planned for, or why it cannot.
pub struct Candidate {
    /// Which.
    pub subject: Subject,
    /// Where it was read.
    pub origin: Origin,
    /// What is needed to plan for it, or all that there is to say.
    pub prepared: Result<Prepared, Vec<Finding>>,
}

/// Plans for one object, on what is known about AWS, at a time.
pub type Planning = Box<dyn Fn(&Facts, Timestamp) -> Plan>;

/// What is needed to plan for an object: everything of its kind is behind these.
pub struct Prepared {
    /// Where it works, and what it may do there.
    pub access: Access,
    /// What would hold back writing.
    pub hold: Option<Hold>,
    /// Its plan.
    pub plan: Planning,
    /// What there is to say beside its plan.
    pub notes: Vec<Finding>,
    /// What IAM must allow in further AwsAccounts, by their names.
    pub elsewhere: BTreeMap<String, Vec<Permission>>,
    /// What IAM must allow for all its plans.
    pub permissions: Box<dyn Fn() -> Vec<Permission>>,
}

/// The AwsAccounts that objects may refer to: those of the files, and of the cluster where a file does not replace them.
#[derive(Debug, Default)]
pub struct Accounts {
    accounts: Vec<AwsAccount>,
}

impl Accounts {
    /// Those that are declared or exist.
    pub fn new(declared: &[Sourced<AwsAccount>], existing: &Existing) -> Self {
        let mut accounts: Vec<AwsAccount> = declared.iter().map(|account| account.object.clone()).collect();
        for account in existing.of_kind::<AwsAccount>() {
            if !accounts.iter().any(|declared| declared.metadata.name == account.metadata.name) {
                accounts.push(account);
            }
        }
        Self { accounts }
    }

    /// One of them.
    pub fn get(&self, name: &str) -> Option<&AwsAccount> {
        self.accounts.iter().find(|account| account.metadata.name.as_deref() == Some(name))
    }

    /// Those that can be used, with the calls a second that they allow.
    pub fn usable(&self, allow_custom_endpoints: bool) -> impl Iterator<Item = (&AwsAccount, Budget)> {
        let usable = move |account| usable(account, allow_custom_endpoints).ok().map(|budget| (account, budget));
        self.accounts.iter().filter_map(usable)
    }
}

/// Everything that is to be planned for, in the order of kind, namespace and name; what cannot be read among it.
pub fn candidates(
    declared: &Declared,
    accounts: &Accounts,
    existing: &Existing,
    cluster_id: Option<&str>,
    allow_custom_endpoints: bool,
    now: Timestamp,
) -> Vec<Candidate> {
    let overrides = scaling_override::Overrides::new(&declared.overrides, existing, now);
    let policies = scaling_policy::Scene::new(
        &declared.policies,
        accounts,
        existing,
        &overrides,
        cluster_id,
        allow_custom_endpoints,
    );
    let mut candidates: Vec<Candidate> =
        declared.policies.iter().map(|policy| policies.candidate(policy, now)).collect();
    // What an override in a file changes is planned for, wherever its policy is.
    candidates.extend(policies.named_by_files(declared).iter().map(|policy| policies.candidate(policy, now)));
    let backups = backup_policy::Scene::new(&declared.backups, accounts, existing, cluster_id, allow_custom_endpoints);
    candidates.extend(declared.backups.iter().map(|policy| backups.candidate(policy)));
    let runs = runs::Scene::new(declared, accounts, existing, cluster_id, allow_custom_endpoints, now);
    candidates.extend(runs.candidates());
    candidates.extend(overrides.candidates(&policies, declared, now));
    candidates.extend(declared.accounts.iter().filter_map(|account| unusable(account, allow_custom_endpoints)));
    candidates.extend(declared.problems.iter().map(unreadable));
    candidates.sort_by(|one, other| (&one.subject, &one.origin).cmp(&(&other.subject, &other.origin)));
    candidates
}

/// An AwsAccount has no plan of its own; it appears where it cannot be used.
fn unusable(account: &Sourced<AwsAccount>, allow_custom_endpoints: bool) -> Option<Candidate> {
    let finding = usable(&account.object, allow_custom_endpoints).err()?;
    let name = account.object.metadata.name.clone().unwrap_or_default();
    let subject = Subject { kind: "AwsAccount", namespace: None, name };
    Some(Candidate { subject, origin: account.origin.clone(), prepared: Err(vec![finding]) })
}

fn unreadable(problem: &Problem) -> Candidate {
    let nameless = || Subject { kind: "", namespace: None, name: problem.origin.to_string() };
    Candidate {
        subject: problem.subject.clone().unwrap_or_else(nameless),
        origin: problem.origin.clone(),
        prepared: Err(problem.messages.iter().map(|message| Finding::stalled("InvalidObject", message)).collect()),
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.kind.is_empty() {
            write!(formatter, "{} ", self.kind)?;
        }
        if let Some(namespace) = &self.namespace {
            write!(formatter, "{namespace}/")?;
        }
        formatter.write_str(&self.name)
    }
}
