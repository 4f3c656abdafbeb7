//! The program: arguments, logging, signals.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use ipnet::IpNet;
use kube::Client;
use runbook_aws::{SdkCloud, SystemClock};
use runbook_core::database_backup::export::Program;
use runbook_operator::asking::postgres::Postgres;
use runbook_operator::traces::Traces;
use runbook_operator::{Metrics, Operator, Options};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Reconciles the resources of ops.clocked.app with AWS.
#[derive(Debug, Parser)]
#[command(name = "runbook-operator", version)]
struct Args {
    /// Name of this Kubernetes cluster, unique among those that work in the same AWS accounts: part of the owner tag in AWS. Never change it
    #[arg(long, env = "RUNBOOK_CLUSTER_ID")]
    cluster_id: String,
    /// Namespace of the Lease. Default: that of the pod, or of the kubeconfig's context
    #[arg(long, env = "POD_NAMESPACE")]
    namespace: Option<String>,
    /// Name of the Lease by which one of several replicas leads
    #[arg(long, default_value = "runbook-operator")]
    lease_name: String,
    /// Name by which this process holds the Lease: the pod's
    #[arg(long, env = "POD_NAME")]
    identity: Option<String>,
    /// How long a successor waits after a leader that no longer answers
    #[arg(long, default_value = "15s", value_parser = duration)]
    lease_duration: Duration,
    /// How often the Lease is renewed
    #[arg(long, default_value = "3s", value_parser = duration)]
    renew_interval: Duration,
    /// How often each object is compared with AWS when nothing happens
    #[arg(long, default_value = "5m", value_parser = duration)]
    resync: Duration,
    /// How long a policy with deletionPolicy: Delete that is being deleted waits for an account, a grant, AWS, or the end of a hold,
    /// before it goes and leaves in AWS what it created
    #[arg(long, default_value = "10m", value_parser = duration)]
    deletion_deadline: Duration,
    /// How many objects are reconciled at a time in one account
    #[arg(long, default_value_t = 64)]
    concurrency: u16,
    /// Honour spec.endpointUrl of AwsAccounts. For sandboxes: whoever may write an AwsAccount could send signed requests anywhere
    #[arg(long)]
    allow_custom_endpoints: bool,
    /// Networks to which databases may be connected although they are denied otherwise: loopback and link-local addresses. For sandboxes
    #[arg(long, value_delimiter = ',')]
    allowed_networks: Vec<IpNet>,
    /// Files in PEM with the certificate authorities of databases beside RDS's own, which are built in
    #[arg(long, value_delimiter = ',')]
    database_ca_file: Vec<PathBuf>,
    /// Image of the Jobs of exports, with runbook-export and pg_dump. Default: there are no exports
    #[arg(long)]
    export_image: Option<String>,
    /// Memory of a Job of an export
    #[arg(long, default_value = "512Mi")]
    export_memory: String,
    /// Address of /healthz, /readyz and /metrics. Port 0 chooses a free one, which is logged
    #[arg(long, default_value = "0.0.0.0:8080")]
    listen: SocketAddr,
    /// Format of the log. RUST_LOG filters it
    #[arg(long, default_value = "json")]
    log_format: LogFormat,
    /// Send traces there by OTLP over gRPC, for example http://otel-collector.observability:4317. Default: none are made
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    otlp_endpoint: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Json,
    Text,
}

/// A duration as in the resources: `90s`, `5m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let seconds = runbook_api::duration::Duration::new(text).seconds().map_err(|error| error.to_string())?;
    u64::try_from(seconds).map(Duration::from_secs).map_err(|error| error.to_string())
}

fn log(format: LogFormat, traces: Option<&Traces>) {
    let mut filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    // Its span around each reconcile says less than our own.
    if let Ok(quiet) = "kube_runtime=warn".parse()
        && !std::env::var("RUST_LOG").is_ok_and(|directives| directives.contains("kube_runtime"))
    {
        filter = filter.add_directive(quiet);
    }
    // What was written to AWS is logged whatever else is not.
    if let Ok(audit) = "audit=info".parse()
        && !std::env::var("RUST_LOG").is_ok_and(|directives| directives.contains("audit"))
    {
        filter = filter.add_directive(audit);
    }
    let lines = match format {
        LogFormat::Json => tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Text => tracing_subscriber::fmt::layer().boxed(),
    };
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(traces.map(Traces::layer)).init();
}

impl Args {
    fn options(self, default_namespace: &str) -> Options {
        let namespace = self.namespace.as_deref().unwrap_or(default_namespace);
        let identity = self.identity.unwrap_or_else(|| format!("runbook-operator-{}", std::process::id()));
        let mut options = Options::new(&self.cluster_id, namespace, &identity);
        options.lease.name = self.lease_name;
        options.lease.duration = self.lease_duration;
        options.lease.renew_interval = self.renew_interval;
        options.resync = self.resync;
        options.deletion_deadline = self.deletion_deadline;
        options.concurrency = self.concurrency;
        options.allow_custom_endpoints = self.allow_custom_endpoints;
        let memory = self.export_memory;
        options.exports = self.export_image.map(|image| Program { image, memory, endpoint_url: None });
        options.listen = Some(self.listen);
        options
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    // A variable that is set to nothing is not set (OpenTelemetry specification, "Environment Variable Specification").
    let traces = match args.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()).map(Traces::to).transpose()
    {
        Ok(traces) => traces,
        Err(error) => {
            eprintln!("error: --otlp-endpoint: {error}");
            return ExitCode::FAILURE;
        }
    };
    log(args.log_format, traces.as_ref());
    let ended = run(args).await;
    let code = match &ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    };
    match ended {
        Ok(()) => info!("ended"),
        Err(error) => error!(%error, "ended by itself"),
    }
    if let Some(traces) = traces {
        // It blocks until the collector has answered, or for five seconds.
        let _ = tokio::task::spawn_blocking(|| traces.end()).await;
    }
    code
}

async fn run(args: Args) -> Result<(), Box<dyn std::error::Error>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let client = Client::try_default().await?;
    let databases = Postgres::new(args.allowed_networks.clone(), &args.database_ca_file)
        .map_err(|why| format!("--database-ca-file: {why}"))?;
    let options = args.options(client.default_namespace());
    options.check()?;
    info!(
        version = env!("CARGO_PKG_VERSION"),
        cluster_id = options.cluster_id,
        identity = options.lease.identity,
        "starting"
    );
    // At most 64 characters (STS API Reference, "AssumeRole").
    let session: String = format!("runbook-operator-{}", options.cluster_id).chars().take(64).collect();
    let cloud = Arc::new(SdkCloud::new(session));
    let operator = Operator {
        client,
        cloud: cloud.clone(),
        connections: cloud.clone(),
        queues: cloud,
        databases: Arc::new(databases),
        clock: Arc::new(SystemClock),
        options,
        metrics: Metrics::new(),
    };
    let shutdown = async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        info!(signal = name, "ending");
    };
    Ok(operator.run(shutdown).await?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
        let args =
            Args::try_parse_from(["runbook-operator", "--cluster-id=test", "--identity=a", "--resync=90s"]).unwrap();
        let options = args.options("runbook");
        assert_eq!(options.resync, Duration::from_secs(90));
        options.check().unwrap();
    }

    #[test]
    fn a_wrong_duration_says_what_to_write() {
        let error = Args::try_parse_from(["runbook-operator", "--cluster-id=test", "--resync=5"]).unwrap_err();
        assert!(error.to_string().contains("for example 90s, 5m or 1h30m"), "{error}");
    }
}
