//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

use runbook_api::duration::Duration;
use runbook_api::scaling_override::SizeRange;
use runbook_core::scaling::overrides::Change;

use crate::output::{Color, Format};

/// An operations runbook as Kubernetes resources: see what the operator would do before it does it.
///
/// Nothing here writes to AWS. `scale`, `backup` and `restore` write to the cluster what the operator then does.
///
/// Exit codes: 0 fine, 1 something is wrong, 2 (plan only) something would be written.
#[derive(Debug, Parser)]
#[command(name = "kubectl-runbook", bin_name = "kubectl runbook", version, disable_help_subcommand = true)]
pub struct Arguments {
    /// When to use colours; NO_COLOR is honoured.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true,
        value_name = "auto|always|never"
    )]
    pub color: Color,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what would be written to AWS if these files were applied. Exit code: 0 nothing, 2 changes, 1 errors
    #[command(after_long_help = PLAN_HELP)]
    Plan(PlanOptions),
    /// Write policies that say what is in AWS now, so that a plan for them is empty
    Import(ImportOptions),
    /// Print the least IAM policy that these files need
    #[command(name = "iam-policy", after_long_help = IAM_HELP)]
    IamPolicy(IamPolicyOptions),
    /// Have another size for a while: make a ScalingOverride, or end those that were made so
    #[command(after_long_help = SCALE_HELP)]
    Scale(ScaleOptions),
    /// Take a snapshot of a BackupPolicy's database now: make a DatabaseBackup
    #[command(after_long_help = BACKUP_HELP)]
    Backup(BackupOptions),
    /// List every snapshot of a BackupPolicy's database, whoever made it
    Backups(BackupsOptions),
    /// Restore a BackupPolicy's database into a new one: make a DatabaseRestore
    #[command(after_long_help = RESTORE_HELP)]
    Restore(RestoreOptions),
    /// Show what needs attention in the cluster, and what holds for a while
    Status(StatusOptions),
    /// Print the CustomResourceDefinitions as YAML
    Crds,
    /// Print a completion script for a shell
    Completion {
        /// The shell.
        shell: Shell,
    },
    /// What kubectl asks when `kubectl runbook …` is completed
    #[command(name = "__complete", hide = true)]
    Complete {
        /// The words so far, the one that is being written last.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        words: Vec<String>,
    },
    /// Print the version
    Version,
}

const PLAN_HELP: &str = "\
What is checked without an API server: the schema of each kind (types, required and unknown fields, bounds, duplicates in lists), its \
CEL rules, names, references between the files, grants, conflicts between policies, and everything that the operator itself checks. Not \
checked: labels and annotations, admission policies and webhooks of the cluster, quotas; and without --cluster also not what must not \
change once an object exists, nor conflicts with policies that are not in the files. `kubectl apply --dry-run=server` checks those.

AWS is only read, with your own credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, …) or, where an AwsAccount names assumeRole, with that role.

Example, for a pull request:
  kubectl runbook plan -f policies/ -o json > plan.json; test $? -ne 1";

const IAM_HELP: &str = "\
AWS is not asked. The policy belongs to the role that the operator works with in the account: its own, or assumeRole of the AwsAccount. \
IAM takes at most 6,144 characters for a managed policy: --narrow-to cluster is shorter, and stays the same when services are added.

Example:
  kubectl runbook iam-policy -f policies/ | aws iam put-role-policy --role-name runbook-operator \\
    --policy-name runbook --policy-document file:///dev/stdin";

const SCALE_HELP: &str = "\
The size holds for the time that is given and then ends by itself; the policy stays as it is written. What the operator would refuse is \
refused before anything is made, with what to write instead. Of several overrides the newest decides.

Examples:
  kubectl runbook scale web --at-least 5 --for 1h --reason 'the sale begins at noon'
  kubectl runbook scale web --range 4..8 --for 1h30m --reason 'load test' --suspend-scheduled --wait
  kubectl runbook scale web --stop";

const BACKUP_HELP: &str = "\
The snapshot is kept until somebody deletes it: the retention of the policy is about its own alone.

Examples:
  kubectl runbook backup clocked-db --wait
  kubectl runbook backup clocked-db --snapshot-identifier before-migration";

const RESTORE_HELP: &str = "\
Nothing is ever restored over a database that exists. The new one is set up like the one that it is restored from: subnet group, security \
groups, parameter group; it is not public, and its users and passwords are those of the backup.

Examples:
  kubectl runbook restore clocked-db --to clocked-db-restored --wait
  kubectl runbook restore clocked-db --to clocked-db-restored --at 2026-03-01T02:30:00Z
  kubectl runbook restore clocked-db --to clocked-db-restored --snapshot clocked-manual-20260301-020000";

/// Where objects are read from.
#[derive(Args, Debug)]
pub struct Sources {
    /// A file, a directory (with all in it, *.yaml, *.yml and *.json), or - for standard input; may be repeated
    #[arg(short = 'f', long = "filename", required = true, value_name = "FILE|DIR|-")]
    pub filenames: Vec<PathBuf>,
    /// Namespace of objects that name none
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Read AwsAccounts that are not in the files, and the policies that exist already, from the cluster
    #[arg(long)]
    pub cluster: bool,
    /// How to reach the cluster.
    #[command(flatten)]
    pub kube: Kube,
}

/// How to reach the cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct Kube {
    /// The kubeconfig file; default: KUBECONFIG, else ~/.kube/config
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// How to reach AWS.
#[derive(Args, Clone, Debug, Default)]
pub struct Aws {
    /// Another endpoint for every API of AWS (AWS_ENDPOINT_URL is honoured, too)
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// Options of `plan`.
#[derive(Args, Debug)]
pub struct PlanOptions {
    /// The operator's own --cluster-id: needed for policies that are being deleted, part of the tag on what they created
    #[arg(long, value_name = "ID")]
    pub cluster_id: Option<String>,
    /// What to plan for.
    #[command(flatten)]
    pub sources: Sources,
    /// How to reach AWS.
    #[command(flatten)]
    pub aws: Aws,
    /// Honour spec.endpointUrl of AwsAccounts. Whoever wrote the file then receives requests that your credentials signed
    #[arg(long)]
    pub allow_custom_endpoints: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

/// Options of `import`.
#[derive(Args, Debug)]
pub struct ImportOptions {
    /// What to import
    #[arg(value_enum)]
    pub what: Importable,
    /// Name of the ECS cluster
    #[arg(long, value_name = "NAME")]
    pub cluster: String,
    /// Name of one service; default: every service of the cluster
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// Region of the cluster
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: String,
    /// Name of the AwsAccount that the policies refer to
    #[arg(long, default_value = "default", value_name = "NAME")]
    pub account_name: String,
    /// Namespace of the policies
    #[arg(short, long, default_value = "default")]
    pub namespace: String,
    /// Write the AwsAccount, too, with a grant for these services; in mode Observe, so that nothing is written until you say so
    #[arg(long)]
    pub with_account: bool,
    /// How to reach AWS.
    #[command(flatten)]
    pub aws: Aws,
}

/// What can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Importable {
    /// ECS services, as ScalingPolicies
    Ecs,
}

/// Options of `iam-policy`.
#[derive(Args, Debug)]
pub struct IamPolicyOptions {
    /// What to allow.
    #[command(flatten)]
    pub sources: Sources,
    /// The AwsAccount to write the policy for, where the files name several
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
    /// Name each service, or each cluster with all its services
    #[arg(long, value_enum, default_value_t)]
    pub narrow_to: NarrowTo,
    /// Output format: json is the policy, text says what each permission is for
    #[arg(short, long, value_enum, default_value_t = Format::Json)]
    pub output: Format,
}

/// How narrow the resources of an IAM policy are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NarrowTo {
    /// Each service by its name
    #[default]
    Service,
    /// All services of the same cluster
    Cluster,
}

/// Options of `scale`.
#[derive(Args, Debug)]
#[command(group = clap::ArgGroup::new("size").args(["at_least", "exactly", "range", "stop"]).required(true))]
pub struct ScaleOptions {
    /// Name of the ScalingPolicy
    pub name: String,
    /// At least this many tasks; a larger service stays so
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=5000))]
    pub at_least: Option<i32>,
    /// Exactly this many tasks; 0 needs the policy's allowZero
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..=5000))]
    pub exactly: Option<i32>,
    /// Another band, for example 4..8
    #[arg(long, value_name = "MIN..MAX", value_parser = range)]
    pub range: Option<SizeRange>,
    /// How long it holds: 90s, 5m, 1h30m
    #[arg(long = "for", value_name = "DURATION", value_parser = seconds, required_unless_present = "stop")]
    pub seconds: Option<i64>,
    /// Why, for whoever meets it at night
    #[arg(long, value_name = "TEXT", value_parser = reason, required_unless_present = "stop")]
    pub reason: Option<String>,
    /// No scheduled scaling meanwhile
    #[arg(long)]
    pub suspend_scheduled: bool,
    /// End the overrides of this policy that were made by this command
    #[arg(long, conflicts_with_all = ["seconds", "reason", "suspend_scheduled"])]
    pub stop: bool,
    /// Say what would be done, and let the API server judge it; nothing is made
    #[arg(long, conflicts_with = "wait")]
    pub dry_run: bool,
    /// Wait until AWS follows
    #[arg(long)]
    pub wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "10m", requires = "wait")]
    pub timeout: i64,
    /// The namespace; default: that of the kubeconfig's context
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// How to reach the cluster.
    #[command(flatten)]
    pub kube: Kube,
}

impl ScaleOptions {
    /// The size that is asked for; none for `--stop`.
    pub fn change(&self) -> Option<Change> {
        let of_range = |range: SizeRange| Change::Range { min: range.min, max: range.max };
        self.at_least.map(Change::AtLeast).or(self.exactly.map(Change::Exactly)).or(self.range.map(of_range))
    }
}

/// What `backup`, `backups` and `restore` are about.
#[derive(Args, Debug)]
pub struct OfPolicy {
    /// Name of the BackupPolicy
    pub name: String,
    /// The namespace; default: that of the kubeconfig's context
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// How to reach the cluster.
    #[command(flatten)]
    pub kube: Kube,
}

/// How a run is made.
#[derive(Args, Debug)]
pub struct RunOptions {
    /// What it is about.
    #[command(flatten)]
    pub of: OfPolicy,
    /// Say what would be done, and let the API server judge it; nothing is made
    #[arg(long, conflicts_with = "wait")]
    pub dry_run: bool,
    /// Wait until it has ended
    #[arg(long)]
    pub wait: bool,
    /// How long to wait at most, with --wait or without a cluster
    #[arg(long, value_name = "DURATION", value_parser = seconds, default_value = "2h")]
    pub timeout: i64,
    /// What is known where there is no cluster.
    #[command(flatten)]
    pub alone: WithoutCluster,
}

/// What a run is made by where there is no cluster.
#[derive(Args, Clone, Debug)]
pub struct WithoutCluster {
    /// Ask no cluster, and make it from here, to its end, with your own AWS credentials: a file or directory with the BackupPolicy and its
    /// AwsAccount; may be repeated
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-", conflicts_with_all = ["wait", "kubeconfig", "context"])]
    pub filenames: Vec<PathBuf>,
    /// The operator's own --cluster-id, part of the tag that says whose what is made is
    #[arg(long, value_name = "ID", requires = "filenames")]
    pub cluster_id: Option<String>,
    /// How to reach AWS.
    #[command(flatten)]
    pub aws: Aws,
}

impl WithoutCluster {
    /// Itself, where files are given.
    pub fn given(&self) -> Option<&Self> {
        (!self.filenames.is_empty()).then_some(self)
    }
}

/// Options of `backup`.
#[derive(Args, Debug)]
pub struct BackupOptions {
    /// How it is made.
    #[command(flatten)]
    pub run: RunOptions,
    /// Identifier of the snapshot; default: the policy's namePrefix, or the database's identifier and -manual, and the time
    #[arg(long, value_name = "ID")]
    pub snapshot_identifier: Option<String>,
}

/// Options of `backups`.
#[derive(Args, Debug)]
pub struct BackupsOptions {
    /// What it is about.
    #[command(flatten)]
    pub of: OfPolicy,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// How to reach AWS.
    #[command(flatten)]
    pub aws: Aws,
}

/// Options of `restore`.
#[derive(Args, Debug)]
pub struct RestoreOptions {
    /// How it is made.
    #[command(flatten)]
    pub run: RunOptions,
    /// Identifier of the new DB instance; there must be none of that name
    #[arg(long, value_name = "ID")]
    pub to: String,
    /// Restore this snapshot; default: the latest state that the database can be restored to
    #[arg(long, value_name = "ID", conflicts_with = "at")]
    pub snapshot: Option<String>,
    /// Restore the state of this time, in RFC 3339
    #[arg(long, value_name = "TIME")]
    pub at: Option<Timestamp>,
    /// DBInstanceClass of the new one; default: that of the database
    #[arg(long, value_name = "CLASS")]
    pub instance_class: Option<String>,
}

/// A length of time, the same as in every field of the kinds.
fn seconds(text: &str) -> Result<i64, String> {
    match Duration::new(text).seconds() {
        Ok(0) => Err("0 is no time at all: write for example 90s, 5m or 1h30m".into()),
        Ok(seconds) => Ok(seconds),
        Err(error) => Err(error.to_string()),
    }
}

fn range(text: &str) -> Result<SizeRange, String> {
    let number = |text: &str| text.trim().parse::<i32>().ok().filter(|number| (0..=5000).contains(number));
    let (min, max) = text.split_once("..").map(|(min, max)| (number(min), number(max))).unwrap_or_default();
    match (min, max) {
        (Some(min), Some(max)) if min <= max => Ok(SizeRange { min, max }),
        (Some(_), Some(_)) => Err("the first number must not exceed the second: write for example 4..8".into()),
        _ => Err("write two numbers from 0 to 5000, for example 4..8".into()),
    }
}

fn reason(text: &str) -> Result<String, String> {
    match (text.trim().is_empty(), text.chars().count()) {
        (true, _) => Err("say why, for whoever meets it at night".into()),
        (_, 257..) => Err("at most 256 characters".into()),
        _ => Ok(text.into()),
    }
}

/// Options of `status`.
#[derive(Args, Debug)]
pub struct StatusOptions {
    /// All namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub all_namespaces: bool,
    /// The namespace; default: that of the kubeconfig's context
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Show every object that needs attention, not only the first 20
    #[arg(long)]
    pub all: bool,
    /// How to reach the cluster.
    #[command(flatten)]
    pub kube: Kube,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_times_and_reasons_are_as_in_the_kinds() {
        assert_eq!(range("4..8"), Ok(SizeRange { min: 4, max: 8 }));
        assert_eq!(range("0..0"), Ok(SizeRange { min: 0, max: 0 }));
        for wrong in ["8..4", "4", "4..", "..8", "4-8", "-1..3", "1..5001", "4...8"] {
            assert!(range(wrong).is_err_and(|why| why.contains("for example 4..8")), "{wrong}");
        }
        assert_eq!(seconds("1h30m"), Ok(5400));
        for wrong in ["0s", "1d", "90", "tomorrow"] {
            assert!(seconds(wrong).is_err_and(|why| why.contains("for example 90s, 5m or 1h30m")), "{wrong}");
        }
        assert!(reason(" ").is_err() && reason(&"x".repeat(257)).is_err() && reason(&"ü".repeat(256)).is_ok());
    }

    #[test]
    fn a_size_needs_an_end_and_a_reason_and_stopping_neither() {
        let parsed = |arguments: &str| {
            Arguments::try_parse_from(["kubectl-runbook", "scale"].into_iter().chain(arguments.split(' ')))
        };
        for right in [
            "web --at-least 5 --for 1h --reason x",
            "web --exactly 0 --for 1h --reason x --dry-run",
            "web --range 4..8 --for 90s --reason x --suspend-scheduled --wait --timeout 2m -n shop",
            "web --stop",
            "web --stop --wait",
        ] {
            assert!(parsed(right).is_ok(), "{right}");
        }
        for wrong in [
            "web",
            "--at-least 5 --for 1h --reason x",
            "web --at-least 5 --reason x",
            "web --at-least 5 --for 1h",
            "web --at-least 0 --for 1h --reason x",
            "web --at-least 5 --exactly 5 --for 1h --reason x",
            "web --stop --at-least 5",
            "web --stop --for 1h",
            "web --exactly 5 --for 1h --reason x --wait --dry-run",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
