//! Test events. They go through the capture endpoint, as any sender's events do.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    command::{TestEvent, TestSent},
    endpoint_url::url_of,
    https::local_agent,
    shared::Shared,
    tasks::{Interrupted, Tasks},
};
use crate::event::Kind;

const TIMEOUT: Duration = Duration::from_secs(15);

/// Why an event was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The endpoint is not open.
    #[error("the capture endpoint is not listening")]
    NotListening,
    /// The endpoint cannot be reached, or did not answer in time.
    #[error("the capture endpoint at {endpoint} did not answer")]
    NoAnswer {
        /// The URL of the endpoint.
        endpoint: String,
        /// What the HTTP client says.
        source: Box<ureq::Error>,
    },
    /// The thread that sends it ended.
    #[error("the event was not sent")]
    Interrupted(#[from] Interrupted),
}

/// The answer of the capture endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Posts an event; blocks until the endpoint has answered.
pub fn post(
    endpoint: &str,
    write_key: Option<&str>,
    kind: Kind,
    json: &str,
) -> Result<EndpointAnswer, SendError> {
    Sender::new(endpoint.to_owned(), write_key).send(kind.as_str(), json)
}

/// A sender with one write key; keeps its connection.
pub(super) struct Sender {
    agent: ureq::Agent,
    endpoint: String,
    authorization: Option<String>,
}

impl Sender {
    fn new(endpoint: String, write_key: Option<&str>) -> Self {
        let agent = local_agent(TIMEOUT);
        let authorization = write_key.map(|key| format!("Basic {}", STANDARD.encode(format!("{key}:"))));
        Self { agent, endpoint, authorization }
    }

    /// A sender for this engine's own endpoint, with the write key of the source at this index.
    pub(super) fn to_this_engine(shared: &Shared, source: usize) -> Result<Self, SendError> {
        let inner = *shared.inner_endpoint.borrow();
        let address = inner.or(*shared.endpoint.borrow()).ok_or(SendError::NotListening)?;
        let config = shared.config.borrow();
        let key = config.capture.sources.get(source).map(|source| &*source.write_key);
        Ok(Self::new(url_of(address, false), key))
    }

    /// Blocks until the endpoint has answered.
    fn send(&self, path: &str, json: &str) -> Result<EndpointAnswer, SendError> {
        let Self { agent, endpoint, authorization } = self;
        let mut request =
            agent.post(format!("{endpoint}/v1/{path}")).header("Content-Type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let no_answer = |error| SendError::NoAnswer { endpoint: endpoint.clone(), source: Box::new(error) };
        let mut answer = request.send(json).map_err(no_answer)?;
        let body = answer.body_mut().read_to_string().map_err(no_answer)?;
        Ok(EndpointAnswer { status: answer.status().as_u16(), body })
    }

    /// Posts an event on a thread for blocking work.
    pub(super) async fn post(
        self: &Arc<Self>,
        tasks: &Tasks,
        path: &'static str,
        json: Arc<str>,
    ) -> Result<EndpointAnswer, SendError> {
        let sender = Arc::clone(self);
        tasks.blocking(move || sender.send(path, &json)).await?
    }
}

/// Sends an event, then looks for its line in the log.
pub(super) async fn send(shared: &Shared, event: TestEvent) -> Result<TestSent, SendError> {
    let newest = shared.spool.watch().borrow().newest;
    let json: Arc<str> = event.json.into();
    let sender = Arc::new(Sender::to_this_engine(shared, event.source)?);
    let began = Instant::now();
    let answer = sender.post(&shared.tasks, event.kind.as_str(), Arc::clone(&json)).await?;
    let took_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    let EndpointAnswer { status, body } = answer;
    let message_id = [&*body, &*json].into_iter().find_map(message_id).unwrap_or_default();
    let line = if message_id.is_empty() { None } else { shared.find_line(&message_id, newest).await };
    Ok(TestSent { status, body, took_ms, message_id, id: line.map(|line| line.id) })
}

fn message_id(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.get("messageId")?.as_str().map(str::to_owned)
}
