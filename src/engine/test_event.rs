//! A test event: an ordinary sender of the tracking API, over loopback, that then finds its line in the log.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Question, Shared, TestSent, url_of};
use crate::{delivery::EventId, event::Kind};

const TIMEOUT: Duration = Duration::from_secs(15);

/// Posts the event; blocks until the endpoint answered.
pub fn post(
    endpoint: &str,
    write_key: Option<&str>,
    kind: Kind,
    json: &str,
) -> Result<(u16, String), String> {
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
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .build()
            .new_agent();
        let authorization = write_key.map(|key| format!("Basic {}", STANDARD.encode(format!("{key}:"))));
        Self { agent, endpoint, authorization }
    }

    /// To this engine's own endpoint, with the key of the source at that place.
    pub(super) fn of(shared: &Shared, source: usize) -> Result<Self, String> {
        let inner = *shared.inner_endpoint.borrow();
        let address = inner.or(*shared.endpoint.borrow()).ok_or("the capture endpoint is not listening")?;
        let config = shared.config.borrow();
        let key = config.capture.sources.get(source).map(|source| &*source.write_key);
        Ok(Self::new(url_of(address, false), key))
    }

    /// Status and body of the answer; blocks until it is there.
    fn send(&self, path: &str, json: &str) -> Result<(u16, String), String> {
        let Self { agent, endpoint, authorization } = self;
        let mut request =
            agent.post(format!("{endpoint}/v1/{path}")).header("Content-Type", "application/json");
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let no_answer =
            |error: ureq::Error| format!("the capture endpoint at {endpoint} did not answer: {error}");
        let mut answer = request.send(json).map_err(no_answer)?;
        let body = answer.body_mut().read_to_string().map_err(no_answer)?;
        Ok((answer.status().as_u16(), body))
    }

    /// The same, on a thread that may block.
    pub(super) async fn post(
        self: &Arc<Self>,
        path: &'static str,
        json: Arc<str>,
    ) -> Result<(u16, String), String> {
        let sender = Arc::clone(self);
        #[expect(clippy::disallowed_methods, reason = "the engine spawns; posting blocks")]
        let posted = tokio::task::spawn_blocking(move || sender.send(path, &json));
        posted.await.map_err(|error| format!("sending failed: {error}"))?
    }
}

/// Sends, then looks for the line that it made.
pub(super) async fn send(
    shared: Arc<Shared>,
    kind: Kind,
    json: String,
    source: usize,
) -> Result<TestSent, String> {
    let before = shared.spool.watch().borrow().newest;
    let json: Arc<str> = json.into();
    let sender = Arc::new(Sender::of(&shared, source)?);
    let (status, body) = sender.post(kind.as_str(), Arc::clone(&json)).await?;
    let message_id = [&*body, &*json].into_iter().find_map(message_id).unwrap_or_default();
    let id = find(&shared, message_id.clone(), before).await;
    Ok(TestSent { status, body, message_id, id })
}

fn message_id(json: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(json).ok()?;
    value.get("messageId")?.as_str().map(str::to_owned)
}

async fn find(shared: &Shared, message_id: String, after: EventId) -> Option<EventId> {
    if message_id.is_empty() {
        return None;
    }
    let (reply, answer) = tokio::sync::oneshot::channel();
    shared.desk.send(Question::Find { message_id, after, reply }).await.ok()?;
    answer.await.ok()?.map(|line| line.id)
}
