//! A notification as a POST to a webhook.

use std::time::Duration;

use ureq::Proxy;

use super::error::SendError;
use crate::{
    config::Alert,
    engine::https::{agent, said},
};

/// Until the answer is there.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Maximum bytes of an answer to read.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Posts this JSON. Every status of 200 to 299 means that it arrived. Blocks. Uses the proxy of
/// `HTTPS_PROXY`, unless `NO_PROXY` names the host.
pub(super) fn post(alert: &Alert, json: String) -> Result<(), SendError> {
    let agent = agent(TIMEOUT, Proxy::try_from_env());
    let mut request = agent.post(&alert.url).header("content-type", "application/json");
    if !alert.authorization.is_empty() {
        request = request.header("authorization", &alert.authorization);
    }
    let mut response = request.send(json).map_err(|error| {
        // The address is a secret.
        let why = error.to_string().replace(&alert.url, "…");
        let why = why.strip_prefix("io: ").unwrap_or(&why);
        SendError::refused(format!("{} was not reached ({why})", alert.masked_url()))
    })?;
    if response.status().is_success() {
        return Ok(());
    }
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().unwrap_or_default();
    let status = response.status();
    let said = said(&body);
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Err(SendError::refused(format!("{} answered {status}{said}", alert.masked_url())))
}
