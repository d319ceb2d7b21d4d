//! The probes of a running engine, asked at its endpoint as a load balancer asks them. For the health check of a
//! container, whose image has neither a shell nor curl.

use std::time::Duration;

use serde_json::Value;

use super::https::local_agent;

/// Less than the 5 seconds that ECS gives a health check, so that it ends with its own message.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether the process lives.
    Health,
    /// Whether events are accepted.
    Ready,
}

/// Why the answer is not yes.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// There was no answer.
    #[error("the engine does not answer at {url}")]
    NoAnswer {
        /// What was asked.
        url: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The answer is no.
    #[error("{url} answers {status}: {why}")]
    No {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The message of the answer.
        why: String,
    },
}

/// Asks the endpoint at this URL, which is one on this machine; blocks until it has answered. Returns the body of the answer.
pub(super) fn ask(endpoint: &str, probe: Probe) -> Result<String, ProbeError> {
    let agent = local_agent(TIMEOUT);
    let url = match probe {
        Probe::Health => format!("{endpoint}/health"),
        Probe::Ready => format!("{endpoint}/ready"),
    };
    let answer = || -> Result<_, ureq::Error> {
        let mut answer = agent.get(&url).call()?;
        let body = answer.body_mut().read_to_string()?;
        Ok((answer.status().as_u16(), body))
    };
    match answer() {
        Ok((200, body)) => Ok(body),
        Ok((status, body)) => {
            let message = serde_json::from_str(&body).ok().and_then(|answer: Value| message_in(&answer));
            Err(ProbeError::No { url, status, why: message.unwrap_or(body) })
        }
        Err(source) => Err(ProbeError::NoAnswer { url, source: Box::new(source) }),
    }
}

fn message_in(answer: &Value) -> Option<String> {
    answer.get("message")?.as_str().map(str::to_owned)
}
