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
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .proxy(None)
        .max_redirects(0)
        .timeout_global(Some(TIMEOUT))
        .build()
        .new_agent();
    let url = format!("{endpoint}/v1/{}", kind.as_str());
    let mut request = agent.post(&url).header("Content-Type", "application/json");
    if let Some(key) = write_key {
        request = request.header("Authorization", format!("Basic {}", STANDARD.encode(format!("{key}:"))));
    }
    let no_answer =
        |error: ureq::Error| format!("the capture endpoint at {endpoint} did not answer: {error}");
    let mut answer = request.send(json).map_err(no_answer)?;
    let body = answer.body_mut().read_to_string().map_err(no_answer)?;
    Ok((answer.status().as_u16(), body))
}

/// Sends, then looks for the line that it made.
pub(super) async fn send(
    shared: Arc<Shared>,
    kind: Kind,
    json: String,
    source: usize,
) -> Result<TestSent, String> {
    let before = shared.spool.watch().borrow().newest;
    let inner = *shared.inner_endpoint.borrow();
    let address = inner.or(*shared.endpoint.borrow()).ok_or("the capture endpoint is not listening")?;
    let endpoint = url_of(address, false);
    let key = shared.config.borrow().capture.sources.get(source).map(|source| source.write_key.clone());
    #[expect(clippy::disallowed_methods, reason = "the engine spawns; posting blocks")]
    let posted = tokio::task::spawn_blocking(move || {
        post(&endpoint, key.as_deref(), kind, &json).map(|answer| (answer, json))
    });
    let ((status, body), json) = posted.await.map_err(|error| format!("sending failed: {error}"))??;
    let message_id = [&body, &json].into_iter().find_map(|text| message_id(text)).unwrap_or_default();
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
