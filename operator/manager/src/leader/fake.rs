//! An API server that keeps one Lease, and can be down or lose its answers.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

#[derive(Clone, Default)]
pub struct FakeApi {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    down: bool,
    lost_answers: usize,
    writes: usize,
}

impl FakeApi {
    pub fn client(&self) -> Client {
        let api = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let api = api.clone();
            async move { Ok::<_, Infallible>(api.serve(request).await) }
        });
        Client::new(service, "default")
    }

    /// No answer comes any more, or again.
    pub fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    /// The answers of the next writes get lost after their effect.
    pub fn lose_answers(&self, count: usize) {
        self.state.lock().unwrap().lost_answers = count;
    }

    /// Somebody else writes the Lease.
    pub fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut state = self.state.lock().unwrap();
        let mut lease = state.lease.clone().unwrap();
        edit(&mut lease);
        state.store(lease);
    }

    pub fn holder(&self) -> Option<String> {
        let state = self.state.lock().unwrap();
        state.lease.as_ref()?["spec"]["holderIdentity"].as_str().map(Into::into)
    }

    pub fn writes(&self) -> usize {
        self.state.lock().unwrap().writes
    }

    async fn serve(&self, request: Request<Body>) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let body = serde_json::from_slice(&body.collect_bytes().await.unwrap()).unwrap_or_default();
        let answer = {
            let mut state = self.state.lock().unwrap();
            if state.down { None } else { state.answer(&parts.method, body) }
        };
        let Some((code, value)) = answer else { return std::future::pending().await };
        let mut response = Response::new(Body::from(value.to_string().into_bytes()));
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        response
    }
}

impl State {
    /// `None`: the answer is lost.
    fn answer(&mut self, method: &Method, body: Value) -> Option<(u16, Value)> {
        let current = self.lease.clone();
        if *method == Method::GET {
            return Some(current.map_or_else(|| failure(404), |lease| (200, lease)));
        }
        let answer = match (method, current) {
            (&Method::POST, Some(_)) => failure(409),
            (&Method::POST, None) => (201, self.store(body)),
            (&Method::PUT, None) => failure(404),
            (&Method::PUT, Some(current)) => {
                if body["metadata"]["resourceVersion"] == current["metadata"]["resourceVersion"] {
                    (200, self.store(body))
                } else {
                    failure(409)
                }
            }
            _ => failure(405),
        };
        let lost = self.lost_answers > 0;
        self.lost_answers = self.lost_answers.saturating_sub(1);
        (!lost).then_some(answer)
    }

    fn store(&mut self, mut lease: Value) -> Value {
        self.version += 1;
        self.writes += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some(lease.clone());
        lease
    }
}

fn failure(code: u16) -> (u16, Value) {
    let reason = if code == 409 { "Conflict" } else { "NotFound" };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": reason,
        "reason": reason, "code": code});
    (code, status)
}
