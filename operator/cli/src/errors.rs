//! Why a command could not be run at all. What is wrong with one object is a finding of its own and stops no other.

use std::io;

use runbook_core::CloudError;

/// What happened, to what, what to do next.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// No thread to run on.
    #[error("the program could not be started: {0}")]
    Runtime(io::Error),
    /// Something is to be told otherwise.
    #[error("{0}")]
    Usage(String),
    /// Kubernetes did not answer.
    #[error("{what}: {error} ({})", advice(&**error))]
    Cluster {
        /// What was asked.
        what: String,
        /// What came of it.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// AWS did not answer, or refused.
    #[error("{error}{}", hint(error))]
    Aws {
        /// What AWS said.
        error: CloudError,
    },
    /// Something that is made here could not be written.
    #[error("{what} could not be written: {error}")]
    Output {
        /// What.
        what: &'static str,
        /// Why.
        error: String,
    },
}

impl From<CloudError> for CliError {
    fn from(error: CloudError) -> Self {
        Self::Aws { error }
    }
}

/// What to do about an error of the API server.
fn advice(error: &(dyn std::error::Error + Send + Sync + 'static)) -> &'static str {
    match error.downcast_ref() {
        Some(kube::Error::Api(status)) if status.code == 403 => {
            "ask for the chart's ClusterRole runbook-operator-viewer, or -editor to scale, in this namespace"
        }
        Some(kube::Error::Api(status)) if status.code == 404 => {
            "is the operator's chart installed in this cluster? `kubectl runbook crds` prints what it needs"
        }
        Some(kube::Error::Api(status)) if [400, 409, 422].contains(&status.code) => "nothing was changed",
        _ => "check KUBECONFIG, --kubeconfig and --context, and that `kubectl get scalingpolicies` works",
    }
}

/// What to do about an error of AWS on a person's own machine.
fn hint(error: &CloudError) -> &'static str {
    match error.code.as_str() {
        "CredentialsNotLoaded" | "CredentialsUnavailable" => {
            " (no credentials: set AWS_PROFILE, log in with `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
        }
        "ClusterNotFoundException" => " (check --cluster and --region)",
        _ if error.class == runbook_core::ErrorClass::Denied => {
            " (the policy that `kubectl runbook iam-policy` prints allows what a plan reads; an import needs ecs:ListServices besides)"
        }
        _ => "",
    }
}
