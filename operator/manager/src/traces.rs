//! Traces for an OpenTelemetry collector: a span a reconcile, and below it one a write to AWS. Reads serve many reconciles at once and stand
//! for themselves.

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::{Subscriber, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::registry::LookupSpan;

const SERVICE: &str = "runbook-operator";

/// Where traces go. The variables `OTEL_*` of the OpenTelemetry specification set the rest: headers, timeout, sampler, attributes.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Traces to the collector at `endpoint`, by OTLP over gRPC: `http://collector:4317`. Call it within a tokio runtime.
    ///
    /// # Errors
    /// The endpoint is no URL.
    pub fn to(endpoint: &str) -> Result<Self, ExporterBuildError> {
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build()?;
        let resource = Resource::builder().with_service_name(SERVICE).build();
        Ok(Self {
            provider: SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter).build(),
        })
    }

    /// What takes the spans of this project, and nobody else's.
    pub fn layer<S: Subscriber + for<'span> LookupSpan<'span>>(&self) -> impl Layer<S> + use<S> {
        let ours = Targets::new()
            .with_target("runbook_operator", LevelFilter::INFO)
            .with_target("runbook_aws", LevelFilter::DEBUG);
        tracing_opentelemetry::layer().with_tracer(self.provider.tracer(SERVICE)).with_filter(ours)
    }

    /// Sends what has not been sent.
    pub fn end(self) {
        if let Err(error) = self.provider.shutdown() {
            warn!(%error, "the last traces could not be sent");
        }
    }
}
