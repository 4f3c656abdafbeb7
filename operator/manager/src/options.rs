//! What can be set from outside.

use std::net::SocketAddr;
use std::time::Duration;

use runbook_aws::execute::WRITE_TIMEOUT;
use runbook_core::database_backup::export::Program;

use crate::errors::OperatorError;
use crate::leader::LeaseOptions;

/// How the operator works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Name of the Kubernetes cluster, unique among those that work in the same AWS accounts: part of the owner tag in AWS.
    pub cluster_id: String,
    /// By which Lease one of several replicas leads.
    pub lease: LeaseOptions,
    /// How often each object is compared with AWS when nothing happens.
    pub resync: Duration,
    /// How many objects of a kind are reconciled at a time in one account.
    pub concurrency: u16,
    /// Whether `spec.endpointUrl` of an AwsAccount is honoured.
    pub allow_custom_endpoints: bool,
    /// Where health, readiness and metrics are served; `None`: nowhere.
    pub listen: Option<SocketAddr>,
    /// What Jobs of exports run; none: there are no exports.
    pub exports: Option<Program>,
    /// How long an object that is being deleted waits for what keeps it from removing what it created in AWS.
    pub deletion_deadline: Duration,
    /// How long reconciles that are under way may take to end when the operator is stopped.
    pub grace: Duration,
}

impl Options {
    /// The defaults, for a cluster and a pod.
    pub fn new(cluster_id: &str, namespace: &str, identity: &str) -> Self {
        Self {
            cluster_id: cluster_id.into(),
            lease: LeaseOptions {
                namespace: namespace.into(),
                name: "runbook-operator".into(),
                identity: identity.into(),
                duration: Duration::from_secs(15),
                renew_interval: Duration::from_secs(3),
            },
            resync: Duration::from_secs(300),
            concurrency: 64,
            allow_custom_endpoints: false,
            listen: None,
            exports: None,
            deletion_deadline: Duration::from_secs(600),
            grace: Duration::from_secs(20),
        }
    }

    /// Whether the options go together.
    ///
    /// # Errors
    /// Which does not, and what to write.
    pub fn check(&self) -> Result<(), OperatorError> {
        let wrong = |option, why: &str| Err(OperatorError::Option { option, why: why.into() });
        let LeaseOptions { duration, renew_interval, .. } = &self.lease;
        if !is_cluster_id(&self.cluster_id) {
            return wrong(
                "--cluster-id",
                "must be 1 to 63 lower-case letters, digits and hyphens, for example production-eu",
            );
        }
        if self.lease.identity.is_empty() {
            return wrong("--identity", "must not be empty: pass the pod's name");
        }
        if *duration < Duration::from_secs(5) || duration.subsec_nanos() != 0 {
            return wrong("--lease-duration", "must be whole seconds, at least 5s, for example 15s");
        }
        if renew_interval.is_zero() || *renew_interval * 2 > *duration {
            return wrong(
                "--renew-interval",
                "must be more than 0s and at most half of --lease-duration, so that a renewal can fail once",
            );
        }
        if self.lease.ours() <= *renew_interval + WRITE_TIMEOUT {
            return wrong(
                "--lease-duration",
                "is too short: between two renewals no write to AWS could be made; the default is 15s",
            );
        }
        if self.resync < Duration::from_secs(1) {
            return wrong("--resync", "must be at least 1s, for example 5m");
        }
        if self.concurrency == 0 {
            return wrong("--concurrency", "must be at least 1");
        }
        Ok(())
    }
}

/// A label value of Kubernetes in lower case: it also fits into a tag of AWS and the name of a role session.
fn is_cluster_id(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wrong_option_is_named() {
        let good = Options::new("test", "runbook", "pod-a");
        good.check().unwrap();
        let wrong = |change: &dyn Fn(&mut Options)| {
            let mut options = good.clone();
            change(&mut options);
            match options.check() {
                Err(OperatorError::Option { option, .. }) => option,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wrong(&|options| options.cluster_id = "Production".into()), "--cluster-id");
        assert_eq!(wrong(&|options| options.cluster_id = String::new()), "--cluster-id");
        assert_eq!(wrong(&|options| options.lease.identity = String::new()), "--identity");
        assert_eq!(wrong(&|options| options.lease.duration = Duration::from_millis(15_500)), "--lease-duration");
        assert_eq!(wrong(&|options| options.lease.renew_interval = Duration::from_secs(8)), "--renew-interval");
        assert_eq!(wrong(&|options| options.lease.duration = Duration::from_secs(8)), "--lease-duration");
        assert_eq!(wrong(&|options| options.resync = Duration::ZERO), "--resync");
        assert_eq!(wrong(&|options| options.concurrency = 0), "--concurrency");
    }
}
