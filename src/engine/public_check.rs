//! The check of the public address: a sender on this machine makes the requests that senders outside make, to
//! `capture.public_url`, and reports step by step. The endpoint remembers how these requests arrived (`capture::Probes`), so
//! that a wrong prefix or an untrusted proxy can be named.
//!
//! It sends a settings request, a CORS preflight and one test event (with `context.tributary.test`), which is delivered
//! like any other. It does not use the outgoing proxy (`HTTPS_PROXY`). No step shows a write key.

mod certificate;
mod client;
mod finding;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    command::LogRequest,
    message::Reply,
    shared::Shared,
    tasks::{Interrupted, Tasks},
};
use crate::{
    capture::ReceivedProbe,
    config,
    delivery::{AwsError, CheckStep, Delivery, EventId, State, error_code},
};
use client::{Client, Sent};
use finding::{Finding, cut, step};

/// How long to wait for the delivery of the test event.
const DELIVERY_WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Runs the check. `tell` is called with each step as soon as it is known.
pub(super) async fn run(shared: Arc<Shared>, mut tell: impl FnMut(CheckStep)) {
    let config = Arc::clone(&shared.config.borrow());
    let Some(public) = config.capture.public_url.clone() else {
        let error = AwsError::new("PublicAddressMissing", "capture.public_url is empty");
        return tell(step("name", Err(error)));
    };
    let Ok(token) = config::new_write_key() else {
        let error = AwsError::new(error_code::INTERNAL_FAILURE, "no random number could be generated");
        return tell(step("name", Err(error)));
    };
    shared.activity.probes.begin(token.clone());
    let client = Arc::new(Client::new(&config, public, Arc::clone(&shared.activity), token.clone()));
    drop(steps(&shared, &client, &mut tell).await);
    shared.activity.probes.end(&token);
}

/// The check ends with the first step that fails.
struct Ended;

async fn steps(shared: &Shared, client: &Arc<Client>, tell: &mut impl FnMut(CheckStep)) -> Result<(), Ended> {
    let mut report = |name: &'static str, found: Result<Finding, AwsError>| {
        let ended = if found.is_err() { Err(Ended) } else { Ok(()) };
        tell(step(name, found));
        ended
    };
    let tasks = &shared.tasks;
    let addresses = blocking(tasks, client, Client::addresses).await;
    report("name", addresses.as_ref().map(|found| Finding::of(list(found))).map_err(AwsError::clone))?;
    let addresses = addresses.unwrap_or_default();
    let connected = blocking(tasks, client, move |_client| Client::connect(&addresses)).await;
    let address = connected.as_ref().ok().map(|(address, _)| *address);
    report("connection", connected.map(|(_, finding)| finding))?;
    report("certificate", blocking(tasks, client, move |client| client.certificate(address)).await)?;
    report("settings", blocking(tasks, client, Client::settings).await)?;
    report("preflight", blocking(tasks, client, Client::preflight).await)?;
    let newest = shared.spool.watch().borrow().newest;
    let Sent { finding, message_id, seen } = match blocking(tasks, client, Client::event).await {
        Ok(sent) => sent,
        Err(error) => return report("event", Err(error)),
    };
    report("event", Ok(finding))?;
    let line = settled_line(shared, &message_id, newest).await;
    report("delivery", Ok(delivery(line.as_ref())))?;
    let stored = match &line {
        Some(line) => stored_ip(shared, line.id).await,
        None => None,
    };
    report("client-address", client_address(&seen, stored.as_deref()))
}

/// Runs a blocking call of the client on a thread for blocking work.
async fn blocking<T: Send + 'static>(
    tasks: &Tasks,
    client: &Arc<Client>,
    call: impl FnOnce(&Client) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let client = Arc::clone(client);
    let failed =
        |interrupted: Interrupted| AwsError::new(error_code::INTERNAL_FAILURE, interrupted.to_string());
    tasks.blocking(move || call(&client)).await.map_err(failed)?
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    addresses.join(", ")
}

/// The test event's line: once it is settled, once delivery waits for the user, or after [`DELIVERY_WAIT`].
async fn settled_line(shared: &Shared, message_id: &str, after: EventId) -> Option<Delivery> {
    let end = Instant::now() + DELIVERY_WAIT;
    loop {
        let line = shared.find_line(message_id, after).await;
        let is_settled =
            line.as_ref().is_some_and(|line| !matches!(line.state, State::Queued | State::Retrying));
        let waits_for_the_user =
            !shared.config.borrow().destination.enabled || shared.forwarder.borrow().fault().is_some();
        if is_settled || (line.is_some() && waits_for_the_user) || Instant::now() >= end {
            return line;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn delivery(line: Option<&Delivery>) -> Finding {
    match line {
        Some(line) if line.state == State::Delivered => {
            let shard =
                line.receipt.as_ref().map_or_else(String::new, |receipt| format!(" to {}", receipt.shard_id));
            Finding::of(format!("The test event was delivered{shard}"))
        }
        Some(line) => Finding::skipped(format!(
            "The test event is {} and not delivered yet. The public address is not the cause: see Live",
            line.state.as_str()
        )),
        None => Finding::skipped("The test event is not in the log yet"),
    }
}

/// The stored event's `context.ip`.
async fn stored_ip(shared: &Shared, id: EventId) -> Option<String> {
    let Reply::Detail(Some(detail)) = shared.ask_log(LogRequest::Detail(id)).await? else { return None };
    let event: Value = serde_json::from_slice(&detail.json).ok()?;
    event["context"]["ip"].as_str().map(str::to_owned)
}

/// Which client address events get.
fn client_address(seen: &ReceivedProbe, stored: Option<&str>) -> Result<Finding, AwsError> {
    let headers = |names: &[&str]| {
        let found = seen.headers.iter().filter(|(name, _)| names.contains(name));
        found.map(|(name, value)| format!("{name}: {}", cut(value))).collect::<Vec<_>>().join("; ")
    };
    if !seen.trusted {
        let any = headers(&[
            "X-Forwarded-For",
            "X-Forwarded-Proto",
            "X-Forwarded-Host",
            "X-Forwarded-Prefix",
            "Forwarded",
        ]);
        if !any.is_empty() {
            let message = format!("{} sent {any}", seen.peer);
            return Err(AwsError::new("PublicProxyNotTrusted", message));
        }
    } else if headers(&["X-Forwarded-For", "Forwarded"]).is_empty() {
        let message = format!("{} is trusted and names no client", seen.peer);
        return Err(AwsError::new("PublicClientNotNamed", message));
    }
    Ok(Finding::of(match stored {
        Some(ip) => format!("context.ip was stored as {ip}"),
        None => format!(
            "No context.ip was stored: this check came from {}, which says nothing about a user. Senders elsewhere have \
             their own address",
            seen.client
        ),
    }))
}
