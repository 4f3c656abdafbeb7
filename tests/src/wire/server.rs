//! The server: requests in, answers out, every call counted.
//!
//! Beside AWS's protocols it serves, for whoever measures: `GET /_control/calls` (calls by operation, throttled ones and writes apart),
//! `GET /_control/desired` (DesiredCount by service), `GET /_control/retention` (BackupRetentionPeriod by database), and `POST` to either
//! (the same, to set behind the operator's back).

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use runbook_aws::{Call, Clock, Reply, SystemClock};
use runbook_core::CloudError;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::databases::{self, Databases};
use super::rates::Rates;
use super::{ACCOUNT, CLUSTER, REGION, answer_of, call_of, rds, refusal_of, sts};
use crate::cloud::Region;
use crate::cloud::ecs::Service;
use crate::cloud::refusal::Refusal;
use crate::stage::lock;

/// What is chosen about the server.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many services there are: `service-00000` and so on, of one task each.
    pub services: u32,
    /// The databases.
    pub databases: Databases,
    /// How many times faster than AWS its token buckets fill, and how many times larger they are.
    pub scale: f64,
    /// How long each call takes.
    pub latency: Duration,
}

struct Aws {
    latency: Duration,
    state: Mutex<Held>,
}

struct Held {
    region: Region,
    rates: Rates,
    calls: BTreeMap<&'static str, Count>,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Count {
    calls: u64,
    throttled: u64,
    refused: u64,
    /// When the last one that was not refused came, in seconds since the epoch.
    last: f64,
}

/// Serves for ever.
///
/// # Errors
/// When the socket fails.
pub async fn serve(listener: TcpListener, options: Options) -> std::io::Result<()> {
    let mut region = Region::default();
    let services = (0..options.services).map(|number| {
        let name = format!("service-{number:05}");
        (name.clone(), Service::new(ACCOUNT, REGION, CLUSTER, &name, 1))
    });
    region.clusters.insert(CLUSTER.into(), services.collect());
    options.databases.set_up(&mut region.rds, SystemClock.now());
    let held = Held { region, rates: Rates::new(options.scale), calls: BTreeMap::new() };
    let aws = Arc::new(Aws { latency: options.latency, state: Mutex::new(held) });
    let router = Router::new()
        .route("/", post(answer))
        .route("/_control/calls", get(calls))
        .route("/_control/desired", get(desired).post(set_desired))
        .route("/_control/retention", get(retention).post(set_retention))
        .with_state(aws);
    axum::serve(listener, router).into_future().await
}

async fn answer(State(aws): State<Arc<Aws>>, headers: HeaderMap, body: Bytes) -> Response {
    tokio::time::sleep(aws.latency).await;
    let Some(target) = headers.get("x-amz-target").and_then(|target| target.to_str().ok()) else {
        return answer_query(&aws, &body);
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let call = match call_of(target, &body) {
        Ok(call) => call,
        Err(refusal) => return refused(&refusal.of(&Call::GetCallerIdentity, None)),
    };
    let result = lock(&aws.state).make(&call, SystemClock.now());
    match result {
        Ok(reply) => ok(&answer_of(&call, &reply)),
        Err(refusal) => refused(&refusal.of(&call, None)),
    }
}

/// STS and RDS speak the query protocol.
fn answer_query(aws: &Aws, body: &[u8]) -> Response {
    let form: rds::Form = form_urlencoded::parse(body).into_owned().collect();
    if form.get("Action").is_some_and(|action| action == "GetCallerIdentity") {
        lock(&aws.state).count(&Call::GetCallerIdentity, None);
        return xml(StatusCode::OK, sts::caller_identity());
    }
    let made = rds::call_of(&form).map_err(|refusal| refusal.of(&Call::GetCallerIdentity, None)).and_then(|call| {
        let reply = lock(&aws.state).make(&call, SystemClock.now());
        reply.map(|reply| rds::answer_of(&call, &reply)).map_err(|refusal| refusal.of(&call, None))
    });
    match made {
        Ok(body) => xml(StatusCode::OK, body),
        Err(error) => xml(StatusCode::BAD_REQUEST, rds::refusal_of(&error)),
    }
}

impl Held {
    fn make(&mut self, call: &Call, now: Timestamp) -> Result<Reply, Refusal> {
        let result =
            if self.rates.take(call, now) { self.region.answer(ACCOUNT, call, now) } else { Err(Refusal::throttled()) };
        self.count(call, result.as_ref().err());
        result
    }

    fn count(&mut self, call: &Call, refusal: Option<&Refusal>) {
        let count = self.calls.entry(call.operation()).or_default();
        count.calls += 1;
        match refusal {
            None => count.last = SystemClock.now().as_duration().as_secs_f64(),
            Some(refusal) if refusal.code == "ThrottlingException" => count.throttled += 1,
            Some(_) => count.refused += 1,
        }
    }
}

async fn calls(State(aws): State<Arc<Aws>>) -> Response {
    ok(&json!(lock(&aws.state).calls))
}

async fn desired(State(aws): State<Arc<Aws>>) -> Response {
    let state = lock(&aws.state);
    let services = state.region.clusters.get(CLUSTER).into_iter().flatten();
    ok(&services.map(|(name, service)| (name.clone(), json!(service.desired))).collect())
}

async fn set_desired(State(aws): State<Arc<Aws>>, body: Bytes) -> Response {
    let Ok(wanted) = serde_json::from_slice::<BTreeMap<String, i32>>(&body) else {
        return (StatusCode::BAD_REQUEST, "want {\"service\": desiredCount}").into_response();
    };
    let now = SystemClock.now();
    let mut state = lock(&aws.state);
    for (name, desired) in wanted {
        match state.region.service(CLUSTER, &name, now) {
            Some(service) => service.set_desired(desired, now),
            None => return (StatusCode::NOT_FOUND, name).into_response(),
        }
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn retention(State(aws): State<Arc<Aws>>) -> Response {
    ok(&json!(databases::retention(&mut lock(&aws.state).region.rds, SystemClock.now())))
}

async fn set_retention(State(aws): State<Arc<Aws>>, body: Bytes) -> Response {
    let Ok(wanted) = serde_json::from_slice::<BTreeMap<String, i32>>(&body) else {
        return (StatusCode::BAD_REQUEST, "want {\"database\": BackupRetentionPeriod}").into_response();
    };
    match databases::set_retention(&mut lock(&aws.state).region.rds, wanted, SystemClock.now()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(missing) => (StatusCode::NOT_FOUND, missing).into_response(),
    }
}

fn xml(status: StatusCode, body: String) -> Response {
    (status, [("content-type", "text/xml")], body).into_response()
}

fn ok(body: &Value) -> Response {
    ([("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "request")], body.to_string())
        .into_response()
}

fn refused(error: &CloudError) -> Response {
    (StatusCode::BAD_REQUEST, ok(&refusal_of(error))).into_response()
}
