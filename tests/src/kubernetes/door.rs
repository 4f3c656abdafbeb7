//! The server's side of a connection: requests of one process, with latency and faults, as a tower service for `kube::Client`.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::Future;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use kube::client::Body;
use serde_json::{Value, json};

use super::ApiServer;
use super::address::Address;
use super::failure::Failure;
use super::store::Key;
use super::verbs::Verbs;
use super::watch;
use crate::fault::{CallSite, Door as DoorOf, Fault};
use crate::journal::{KubernetesCall, ObjectKey, What};
use crate::process::Process;
use crate::stage::lock;

/// Longest time that a request without an answer stays open before the connection breaks.
const HANG: Duration = Duration::from_secs(60);

type Answer = Response<UnsyncBoxBody<Bytes, std::convert::Infallible>>;

/// The connection of one process to the server.
#[derive(Clone, Debug)]
pub struct Door {
    /// The server.
    pub server: ApiServer,
    /// Whose connection it is.
    pub process: Arc<Process>,
}

impl tower::Service<Request<Body>> for Door {
    type Response = Answer;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Answer>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move { door.serve(request).await })
    }
}

/// What came of a request.
struct Done {
    code: u16,
    body: Value,
    object: Option<Arc<Value>>,
    changed: bool,
}

impl Door {
    async fn serve(self, request: Request<Body>) -> io::Result<Answer> {
        self.process.proceed().await;
        let stage = &self.process.stage;
        let (parts, body) = request.into_parts();
        let body = body.collect_bytes().await.map_err(io::Error::other)?;
        let address = match Address::parse(&parts.uri) {
            Ok(address) => address,
            Err(failure) => {
                stage
                    .journal
                    .push(stage.now(), What::Note(format!("{} {}: {}", parts.method, parts.uri, failure.message)));
                return respond(failure.code, &failure.status());
            }
        };
        let is_write = parts.method != Method::GET;
        let is_watch = address.flag("watch");
        let key = site(&parts.method, &address, is_watch, &body);
        let (call, fault) = stage.call(DoorOf::Kubernetes, &key, is_write);
        let mut rng = stage.dice.nth(&format!("latency {key}"), call.nth);
        let weather = self.server.weather();
        let mut trip = || Duration::from_millis(rng.u64(weather.latency.0..=weather.latency.1));
        let (there, back) = (trip(), trip());

        if fault == Some(Fault::CrashBefore) {
            self.process.crash(&format!("before k8s#{} {key}", call.index));
            self.process.proceed().await;
        }
        tokio::time::sleep(there).await;
        // A request that is on its way when the process dies arrives all the same; there is nobody to hear the answer.
        if let Some(Fault::Slow(time)) = fault {
            tokio::time::sleep(time).await;
        }
        if self.server.weather().outage_until > stage.now() {
            return Err(io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused"));
        }
        if is_watch {
            return self.watch(&address, &call, fault).await;
        }
        let done = match refusal(fault, is_write) {
            Some(failure) => Err(failure),
            None => match fault {
                Some(Fault::HangBefore) => return self.hang().await,
                Some(Fault::HangThenEffect(time)) => {
                    tokio::time::sleep(time).await;
                    let done = self.handle(&parts.method, &parts.headers, &address, &body);
                    self.record(&parts.method, &address, &call, fault, &done);
                    return self.hang().await;
                }
                _ => self.handle(&parts.method, &parts.headers, &address, &body),
            },
        };
        self.record(&parts.method, &address, &call, fault, &done);
        match fault {
            Some(Fault::CrashAfter) => self.process.crash(&format!("after k8s#{} {key}", call.index)),
            Some(Fault::ErrorAfter) => {
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer"));
            }
            _ => {}
        }
        self.process.proceed().await;
        tokio::time::sleep(back).await;
        self.process.proceed().await;
        match done {
            Ok(done) => {
                self.learn(&address, &done);
                respond(done.code, &done.body)
            }
            Err(failure) => respond(failure.code, &failure.status()),
        }
    }

    async fn watch(&self, address: &Address, call: &CallSite, fault: Option<Fault>) -> io::Result<Answer> {
        let opened = match refusal(fault, false) {
            Some(failure) => Err(failure),
            None => match fault {
                Some(Fault::HangBefore | Fault::HangThenEffect(_)) => return self.hang().await,
                // To the client, a watch that it does not hear of is one that was never opened.
                Some(Fault::ErrorAfter) => {
                    return Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset by peer"));
                }
                Some(Fault::CrashAfter) => {
                    self.process.crash(&format!("at k8s#{} {}", call.index, call.key));
                    return self.hang().await;
                }
                _ => watch::open(&self.server, &self.process, address, call.nth),
            },
        };
        match opened {
            Ok(stream) => Response::builder()
                .header(http::header::CONTENT_TYPE, "application/json")
                .body(StreamBody::new(stream).boxed_unsync())
                .map_err(io::Error::other),
            Err(failure) => respond(failure.code, &failure.status()),
        }
    }

    async fn hang(&self) -> io::Result<Answer> {
        tokio::time::sleep(HANG).await;
        self.process.proceed().await;
        Err(io::Error::new(io::ErrorKind::TimedOut, "no answer"))
    }

    fn handle(
        &self,
        method: &Method,
        headers: &http::HeaderMap,
        address: &Address,
        body: &[u8],
    ) -> Result<Done, Failure> {
        let kind = address.kind;
        let status = address.subresource == "status";
        let parse = || -> Result<Value, Failure> {
            if body.is_empty() {
                return Ok(Value::Null);
            }
            serde_json::from_slice(body).map_err(|error| Failure::bad_request(error.to_string()))
        };
        let before = lock(&self.server.store).revision();
        let key = address.key();
        let object = match (method, &key) {
            (&Method::GET, None) => return self.list(address),
            (&Method::GET, Some(key)) => self.server.verbs(|verbs| verbs.get(kind, key))?,
            (&Method::POST, None) => {
                let object = with_namespace(parse()?, address.namespace.as_deref());
                self.server.verbs(|verbs| verbs.create(kind, object))?
            }
            (&Method::PUT, Some(key)) => {
                let object = parse()?;
                self.server.verbs(|verbs| verbs.replace(kind, key, object, status))?
            }
            (&Method::PATCH, Some(key)) => {
                let patch = parse()?;
                let sort =
                    headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
                self.server.verbs(|verbs| patch_by_sort(verbs, sort, address, key, &patch))?
            }
            (&Method::DELETE, Some(key)) => {
                let options = parse()?;
                self.server.verbs(|verbs| verbs.delete(kind, key, &options))?
            }
            _ => return Err(Failure::not_allowed(kind.resource)),
        };
        let changed = lock(&self.server.store).revision() != before;
        let code = if method == Method::POST { 201 } else { 200 };
        Ok(Done { code, body: (*object).clone(), object: Some(object), changed })
    }

    fn list(&self, address: &Address) -> Result<Done, Failure> {
        let name = address.selected_name()?;
        let store = lock(&self.server.store);
        let all: Vec<_> = store
            .list(address.kind)
            .into_iter()
            .filter(|(key, _)| address.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace))
            .filter(|(key, _)| name.as_ref().is_none_or(|name| *name == key.name))
            .collect();
        let from: usize = match address.parameter("continue") {
            None | Some("") => 0,
            Some(token) => token.parse().map_err(|_| Failure::gone("the provided continue parameter is too old"))?,
        };
        let limit =
            address.parameter("limit").and_then(|text| text.parse().ok()).filter(|n| *n > 0).unwrap_or(usize::MAX);
        let items: Vec<&Value> = all.iter().skip(from).take(limit).map(|(_, object)| &**object).collect();
        let next = from + items.len();
        let mut metadata = json!({"resourceVersion": store.revision().to_string()});
        if next < all.len() {
            metadata["continue"] = json!(next.to_string());
        }
        let kind = format!("{}List", address.kind.kind);
        let body =
            json!({"kind": kind, "apiVersion": address.kind.api_version(), "metadata": metadata, "items": items});
        Ok(Done { code: 200, body, object: None, changed: false })
    }

    fn record(
        &self,
        method: &Method,
        address: &Address,
        call: &CallSite,
        fault: Option<Fault>,
        done: &Result<Done, Failure>,
    ) {
        let object = address.key().map_or_else(
            || match done {
                Ok(Done { object: Some(object), .. }) => Key::of(address.kind, object).object(address.kind),
                _ => ObjectKey {
                    resource: address.kind.resource.into(),
                    namespace: address.namespace.clone().unwrap_or_default(),
                    name: String::new(),
                },
            },
            |key| key.object(address.kind),
        );
        let stage = &self.process.stage;
        let (code, changed, state) = match done {
            Ok(done) => (done.code, done.changed, done.object.clone()),
            Err(failure) => (failure.code, false, None),
        };
        let call = KubernetesCall {
            process: self.process.number,
            index: call.index,
            method: method.to_string(),
            object,
            subresource: address.subresource.clone(),
            fault,
            code,
            changed,
            state: if *method == Method::GET { None } else { state },
        };
        stage.journal.push(stage.now(), What::Kubernetes(Box::new(call)));
    }

    /// What an answer tells the operator.
    fn learn(&self, address: &Address, done: &Done) {
        let stage = &self.process.stage;
        let push = |key: Key, state: Arc<Value>| {
            let what =
                What::Learned { process: self.process.number, object: key.object(address.kind), state: Some(state) };
            stage.journal.push(stage.now(), what);
        };
        if let Some(object) = &done.object {
            push(Key::of(address.kind, object), Arc::clone(object));
        }
        let Some(items) = done.body.get("items").and_then(Value::as_array) else { return };
        for object in items {
            push(Key::of(address.kind, object), Arc::new(object.clone()));
        }
        let of_some = address.namespace.is_some() || !matches!(address.selected_name(), Ok(None));
        let paged = address.parameter("continue").is_some_and(|token| !token.is_empty())
            || done.body.pointer("/metadata/continue").is_some();
        let revision = done.body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
        if let (false, false, Some(Ok(revision))) = (of_some, paged, revision.map(str::parse)) {
            let there = items.iter().map(|object| Key::of(address.kind, object).object(address.kind)).collect();
            let (process, resource) = (self.process.number, address.kind.resource.into());
            stage.journal.push(stage.now(), What::Listed { process, resource, revision, there });
        }
    }
}

fn patch_by_sort(
    verbs: &mut Verbs<'_>,
    sort: &str,
    address: &Address,
    key: &Key,
    patch: &Value,
) -> Result<Arc<Value>, Failure> {
    let (kind, status) = (address.kind, address.subresource == "status");
    match sort {
        "application/merge-patch+json" => verbs.merge(kind, key, patch, status),
        "application/json-patch+json" => verbs.json_patch(kind, key, patch, status),
        other => Err(Failure::unsupported_media(format!("the simulator's API server takes no patch of type {other}"))),
    }
}

/// The refusals that need no look at the object.
fn refusal(fault: Option<Fault>, is_write: bool) -> Option<Failure> {
    match fault {
        Some(Fault::ErrorBefore) => Some(Failure::internal()),
        Some(Fault::Throttle) => Some(Failure::too_many()),
        Some(Fault::Conflict) if is_write => Some(Failure::conflict("the object")),
        Some(Fault::Conflict) => Some(Failure::gone("too old resource version")),
        Some(Fault::Denied) => Some(Failure { code: 403, reason: "Forbidden", message: "forbidden".into() }),
        _ => None,
    }
}

/// What the call is about, the same for the same seed. Names of events hold the machine's time and are left out.
fn site(method: &Method, address: &Address, is_watch: bool, body: &[u8]) -> String {
    let verb = if is_watch { "WATCH" } else { method.as_str() };
    let namespace = address.namespace.as_deref().unwrap_or_default();
    let resource = address.kind.resource;
    if resource == "events" {
        let regarding = serde_json::from_slice::<Value>(body).ok();
        let text = |path: &str| {
            regarding.as_ref().and_then(|body| body.pointer(path)).and_then(Value::as_str).unwrap_or_default()
        };
        return format!("{verb} events {namespace}/{} {}", text("/regarding/name"), text("/action"));
    }
    let name = address.name.as_deref().unwrap_or_default();
    format!("{verb} {resource} {namespace}/{name} {}", address.subresource)
}

fn with_namespace(mut object: Value, namespace: Option<&str>) -> Value {
    if let (Some(namespace), Some(metadata)) = (namespace, object.get_mut("metadata").and_then(Value::as_object_mut)) {
        metadata.entry("namespace").or_insert_with(|| json!(namespace));
    }
    object
}

fn respond(code: u16, body: &Value) -> io::Result<Answer> {
    let mut response = Response::builder().status(code).header(http::header::CONTENT_TYPE, "application/json");
    if code == 429 {
        response = response.header(http::header::RETRY_AFTER, "1");
    }
    let body = Full::new(Bytes::from(body.to_string()));
    response.body(body.boxed_unsync()).map_err(io::Error::other)
}
