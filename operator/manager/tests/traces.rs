//! What a collector receives.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::trace::v1::Span;
use runbook_operator::traces::Traces;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tracing::subscriber::with_default;
use tracing::{debug_span, info_span};
use tracing_subscriber::layer::SubscriberExt;

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reconciles_and_the_calls_below_them_reach_the_collector() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let service = Server::builder().add_service(TraceServiceServer::new(collector.clone()));
    tokio::spawn(service.serve_with_incoming(TcpIncoming::from(listener)));

    let traces = Traces::to(&endpoint).unwrap();
    with_default(tracing_subscriber::registry().with(traces.layer()), || {
        let reconcile = info_span!(target: "runbook_operator::runner", "reconcile", object = "web");
        reconcile.in_scope(|| {
            debug_span!(target: "runbook_aws::door", "aws", otel.name = "UpdateService", aws.request_id = "r-1")
                .in_scope(|| {});
            info_span!(target: "somebody_else", "noise").in_scope(|| {});
        });
    });
    tokio::task::spawn_blocking(|| traces.end()).await.unwrap();

    let received = collector.0.lock().unwrap();
    let resource = &received[0].resource_spans[0].resource.as_ref().unwrap().attributes;
    assert!(resource.iter().any(|attribute| attribute.key == "service.name"), "{resource:?}");
    let spans: Vec<&Span> = received
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans)
        .collect();
    let named = |name: &str| *spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert_eq!(named("UpdateService").parent_span_id, named("reconcile").span_id);
    assert!(named("UpdateService").attributes.iter().any(|attribute| attribute.key == "aws.request_id"));
}

#[tokio::test]
async fn an_endpoint_that_is_no_url_is_refused() {
    assert!(Traces::to("not a url").is_err());
}
