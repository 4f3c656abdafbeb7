//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::output::{Color, Format};

/// An operations runbook as Kubernetes resources: see what the operator would do before it does it.
///
/// Nothing here writes to AWS or to the cluster.
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
    /// Show what needs attention in the cluster
    Status(StatusOptions),
    /// Print the CustomResourceDefinitions as YAML
    Crds,
    /// Print a completion script for a shell
    Completion {
        /// The shell.
        shell: Shell,
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
}
