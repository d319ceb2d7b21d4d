//! The check of the public address: an ordinary sender goes the way that senders from outside go, from this machine to
//! `capture.public_url`, and tells what each part of the way did. The endpoint remembers how its requests arrived
//! (`capture::Probes`), so that a wrong prefix or a proxy that is not trusted can be named.
//!
//! It sends a settings request, a CORS preflight and one test event (with `context.tributary.test`), which is delivered
//! as any event. It does not use the outgoing proxy (`HTTPS_PROXY`). No step shows a write key.

mod certificate;

use std::{
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio_rustls::rustls::{crypto::ring, pki_types::CertificateDer};
use ureq::{
    http::{HeaderMap, Request},
    tls::{Certificate, RootCerts, TlsConfig},
};

use super::{Question, Shared};
use crate::{
    capture::{ReceivedProbe, TOKEN_HEADER},
    config::{self, Config, PublicUrl},
    delivery::{AwsError, CheckStep, Delivery, EventId, State, Verdict},
};

/// One request, or one attempt to connect.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long the test event's delivery is waited for.
const DELIVERY_WAIT: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// The page that the preflight is asked for.
const ORIGIN: &str = "https://www.example.com";

/// Makes the check; `tell` hears each step as it becomes known.
pub(super) async fn run(shared: Arc<Shared>, mut tell: impl FnMut(CheckStep)) {
    let config = Arc::clone(&shared.config.borrow());
    let Some(public) = config.capture.public_url.clone() else {
        let fault = AwsError::new("PublicAddressMissing", "capture.public_url is empty");
        return tell(step("name", Err(fault)));
    };
    let Ok(token) = config::new_write_key() else {
        return tell(step(
            "name",
            Err(AwsError::new("InternalFailure", "no random number could be generated")),
        ));
    };
    shared.activity.probes.begin(token.clone());
    let way = Arc::new(Way::new(&config, public, token.clone()));
    drop(go(&shared, &way, &mut tell).await);
    shared.activity.probes.end(&token);
}

/// A check ends with the first step that fails.
struct Ended;

async fn go(shared: &Arc<Shared>, way: &Arc<Way>, tell: &mut impl FnMut(CheckStep)) -> Result<(), Ended> {
    let mut say = |name: &'static str, found: Result<Told, AwsError>| {
        let ended = if found.is_err() { Err(Ended) } else { Ok(()) };
        tell(step(name, found));
        ended
    };
    let addresses = blocking(way, Way::addresses).await;
    say("name", addresses.as_ref().map(|found| Told::of(list(found))).map_err(AwsError::clone))?;
    let addresses = addresses.unwrap_or_default();
    let connected = blocking(way, move |_way| Way::connect(&addresses)).await;
    let address = connected.as_ref().ok().map(|(address, _)| *address);
    say("connection", connected.map(|(_, told)| told))?;
    say("certificate", blocking(way, move |way| way.certificate(address)).await)?;
    let asked = Arc::clone(shared);
    say("settings", blocking(way, move |way| way.settings(&asked)).await)?;
    let asked = Arc::clone(shared);
    say("preflight", blocking(way, move |way| way.preflight(&asked)).await)?;
    let (asked, before) = (Arc::clone(shared), shared.spool.watch().borrow().newest);
    let sent = blocking(way, move |way| way.event(&asked)).await;
    let (message_id, seen) = match sent {
        Ok((told, message_id, seen)) => {
            say("event", Ok(told))?;
            (message_id, seen)
        }
        Err(fault) => return say("event", Err(fault)),
    };
    let line = follow(shared, message_id, before).await;
    say("delivery", Ok(delivery(line.as_ref())))?;
    let stored = match &line {
        Some(line) => stored_ip(shared, line.id).await,
        None => None,
    };
    say("client-address", client_address(&seen, stored.as_deref()))
}

/// What a step found that did not fail.
struct Told {
    verdict: Verdict,
    detail: String,
}

impl Told {
    fn of(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Passed, detail: detail.into() }
    }

    fn skipped(detail: impl Into<String>) -> Self {
        Self { verdict: Verdict::Skipped, detail: detail.into() }
    }
}

fn step(name: &'static str, found: Result<Told, AwsError>) -> CheckStep {
    let (verdict, detail) = match found {
        Ok(Told { verdict, detail }) => (verdict, detail),
        Err(fault) => (Verdict::Failed(fault), String::new()),
    };
    CheckStep { name: name.into(), verdict, detail, found: None }
}

async fn blocking<T: Send + 'static>(
    way: &Arc<Way>,
    work: impl FnOnce(&Way) -> Result<T, AwsError> + Send + 'static,
) -> Result<T, AwsError> {
    let way = Arc::clone(way);
    #[expect(clippy::disallowed_methods, reason = "the engine spawns; asking blocks")]
    let worked = tokio::task::spawn_blocking(move || work(&way)).await;
    worked.unwrap_or_else(|error| Err(AwsError::new("InternalFailure", error.to_string())))
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(|address| address.ip().to_string()).collect();
    addresses.join(", ")
}

/// The way from here to the public address.
struct Way {
    public: PublicUrl,
    key: Option<String>,
    needs_key: bool,
    token: String,
    roots: Vec<CertificateDer<'static>>,
    agent: ureq::Agent,
}

/// What came back.
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
    took: Duration,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `200 in 12 ms from nginx/1.22.1`
    fn said(&self) -> String {
        let mut said = format!("{} in {} ms", self.status, self.took.as_millis());
        if let Some(server) = self.header("server") {
            said = format!("{said} from {}", cut(server));
        }
        match self.header("via") {
            Some(via) => format!("{said}, via {}", cut(via)),
            None => said,
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

impl Way {
    fn new(config: &Config, public: PublicUrl, token: String) -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!("some of this machine's certificates cannot be read: {error}");
        }
        let roots: Vec<Certificate<'static>> =
            found.certs.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::new_with_certs(&roots))
            .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("tributary/", env!("CARGO_PKG_VERSION"), " (check)"))
            .tls_config(tls)
            .build()
            .new_agent();
        Self {
            public,
            key: config.capture.sources.first().map(|source| source.write_key.clone()),
            needs_key: config.capture.require_write_key,
            token,
            roots: found.certs,
            agent,
        }
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>, AwsError> {
        let host = bare(self.public.host());
        let fault = |why: String| AwsError::new("PublicNameNotFound", format!("{host}: {why}"));
        let found: Vec<_> =
            (host, self.public.port()).to_socket_addrs().map_err(|error| fault(error.to_string()))?.collect();
        if found.is_empty() { Err(fault("it has no address".to_owned())) } else { Ok(found) }
    }

    /// The first address that answers.
    fn connect(addresses: &[SocketAddr]) -> Result<(SocketAddr, Told), AwsError> {
        let mut refused = Vec::new();
        for address in addresses {
            let began = Instant::now();
            match TcpStream::connect_timeout(address, TIMEOUT) {
                Ok(_closed_at_once) => {
                    let told = format!("{address} answered in {} ms", began.elapsed().as_millis());
                    return Ok((*address, Told::of(told)));
                }
                Err(error) => refused.push(format!("{address}: {error}")),
            }
        }
        Err(AwsError::new("PublicNotReached", refused.join("; ")))
    }

    fn certificate(&self, address: Option<SocketAddr>) -> Result<Told, AwsError> {
        match address.filter(|_| self.public.is_https()) {
            Some(address) => certificate::check(bare(self.public.host()), address, &self.roots).map(Told::of),
            None => Ok(Told::skipped("http: write keys and events travel unencrypted")),
        }
    }

    /// The settings document that browser and mobile SDKs ask for first.
    fn settings(&self, shared: &Shared) -> Result<Told, AwsError> {
        if self.key.is_none() && self.needs_key {
            return Err(AwsError::new("PublicNoSource", "there is no source whose write key could be used"));
        }
        let key = self.key.as_deref().unwrap_or("none");
        let (answer, seen) = self.ask(shared, ("GET", &format!("/v1/projects/{key}/settings")), &[], None)?;
        let seen = self.arrived(&answer, seen)?;
        let document: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let named = &document["integrations"]["Segment.io"];
        let text = |name: &str| named[name].as_str().unwrap_or_default().to_owned();
        let (protocol, host) = (text("protocol"), text("apiHost"));
        let wanted =
            (self.public.scheme(), format!("{}{}/v1", self.public.authority(), self.public.prefix()));
        if (protocol.as_str(), &host) != (wanted.0, &wanted.1) {
            let message = format!("{}; it names {protocol}://{}", answer.said(), cut(&host));
            return Err(AwsError::new("PublicSettingsDiffer", message));
        }
        Ok(Told::of(format!("{}. {}. It names {protocol}://{host}", answer.said(), self.shown(&seen))))
    }

    /// A browser's question before it sends.
    fn preflight(&self, shared: &Shared) -> Result<Told, AwsError> {
        let headers = [
            ("Origin", ORIGIN),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ];
        let (answer, seen) = self.ask(shared, ("OPTIONS", "/v1/t"), &headers, None)?;
        if !(200..300).contains(&answer.status) {
            // A proxy may answer it itself, if it does so rightly.
            self.arrived(&answer, seen)?;
            return Err(AwsError::new("PublicPreflightRefused", answer.said()));
        }
        let said = |name: &str| -> Vec<String> {
            let values = answer.headers.get_all(name).iter();
            values.map(|value| cut(&String::from_utf8_lossy(value.as_bytes()))).collect()
        };
        let origins = said("access-control-allow-origin");
        if origins.len() != 1 || (origins[0] != ORIGIN && origins[0] != "*") {
            let shown = if origins.is_empty() { "none".to_owned() } else { origins.join(" and ") };
            let message = format!("{}; Access-Control-Allow-Origin: {shown}", answer.said());
            return Err(AwsError::new("PublicPreflightRefused", message));
        }
        let allowed = said("access-control-allow-headers").join(",").to_ascii_lowercase();
        let is_allowed = |name: &str| allowed.split(',').any(|one| one.trim() == name || one.trim() == "*");
        if !is_allowed("authorization") || !is_allowed("content-type") {
            let message = format!("{}; Access-Control-Allow-Headers: {allowed}", answer.said());
            return Err(AwsError::new("PublicPreflightRefused", message));
        }
        let by = match &seen {
            Some(seen) => format!("It arrived as {}", self.line(seen)),
            None => "A proxy answered it itself".to_owned(),
        };
        Ok(Told::of(format!("{}. {by}. Pages of other sites may send", answer.said())))
    }

    /// One test event, by a device's path, so that the sender's address is added.
    fn event(&self, shared: &Shared) -> Result<(Told, String, ReceivedProbe), AwsError> {
        let event = json!({
            "userId": "tributary-check",
            "event": "Public address checked",
            "context": { "tributary": { "test": true } },
        });
        let authorization =
            self.key.as_ref().map(|key| format!("Basic {}", STANDARD.encode(format!("{key}:"))));
        let mut headers = vec![("Content-Type", "application/json")];
        if let Some(authorization) = &authorization {
            headers.push(("Authorization", authorization));
        }
        let (answer, seen) = self.ask(shared, ("POST", "/v1/track"), &headers, Some(event.to_string()))?;
        let seen = self.arrived(&answer, seen)?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let Some(message_id) = body["messageId"].as_str() else {
            let message = format!("{}; the answer names no messageId", answer.said());
            return Err(AwsError::new("PublicElsewhere", message));
        };
        let told = format!("{}. {}", answer.said(), self.shown(&seen));
        Ok((Told::of(told), message_id.to_owned(), seen))
    }

    /// A request to the public address, its answer, and how it arrived at the endpoint, if it did.
    fn ask(
        &self,
        shared: &Shared,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<(Answer, Option<ReceivedProbe>), AwsError> {
        let failed = |error: &dyn std::fmt::Display| AwsError::new("PublicNoAnswer", error.to_string());
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.public));
        request = request.header(TOKEN_HEADER, &self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let began = Instant::now();
        let answered = match body {
            Some(body) => self.agent.run(request.body(body).map_err(|error| failed(&error))?),
            None => self.agent.run(request.body(()).map_err(|error| failed(&error))?),
        };
        let mut answered = answered.map_err(|error| failed(&error))?;
        let took = began.elapsed();
        // What is longer, or no text, is not ours.
        let body = answered.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let answer = Answer {
            status: answered.status().as_u16(),
            headers: answered.headers().clone(),
            body: body.unwrap_or_default(),
            took,
        };
        Ok((answer, shared.activity.probes.take(&self.token)))
    }

    /// How a request that must be answered with 200 arrived; what went wrong otherwise.
    fn arrived(&self, answer: &Answer, seen: Option<ReceivedProbe>) -> Result<ReceivedProbe, AwsError> {
        let said = answer.said();
        match (answer.status, seen) {
            (200, Some(seen)) => Ok(seen),
            (300..400, _) => {
                let to = answer.header("location").map(cut).unwrap_or_default();
                Err(AwsError::new("PublicRedirected", self.masked(&format!("{said}, to {to}"))))
            }
            (_, None) => Err(AwsError::new("PublicElsewhere", said)),
            (404, Some(seen)) => {
                Err(AwsError::new("PublicWrongPath", format!("{said}. {}", self.shown(&seen))))
            }
            (_, Some(seen)) => {
                let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
                let why = body["message"].as_str().map(cut).unwrap_or_default();
                Err(AwsError::new("PublicRefused", format!("{said}. {}. {why}", self.shown(&seen))))
            }
        }
    }

    fn shown(&self, seen: &ReceivedProbe) -> String {
        let who = if seen.trusted { ", a trusted proxy" } else { "" };
        let headers: Vec<String> =
            seen.headers.iter().map(|(name, value)| format!("{name}: {}", cut(value))).collect();
        let with = if headers.is_empty() { String::new() } else { format!(", with {}", headers.join("; ")) };
        format!("It arrived as {} from {}{who}{}", self.line(seen), seen.peer, self.masked(&with))
    }

    /// `POST /v1/track`
    fn line(&self, seen: &ReceivedProbe) -> String {
        self.masked(&format!("{} {}", seen.method, seen.path))
    }

    /// The settings request has the key in its path.
    fn masked(&self, text: &str) -> String {
        match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => text.replace(key, "…"),
            None => text.to_owned(),
        }
    }
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

/// The test event's line, once it is settled or has waited long enough.
async fn follow(shared: &Shared, message_id: String, after: EventId) -> Option<Delivery> {
    let end = Instant::now() + DELIVERY_WAIT;
    loop {
        let (reply, answer) = tokio::sync::oneshot::channel();
        shared.desk.send(Question::Find { message_id: message_id.clone(), after, reply }).await.ok()?;
        let line = answer.await.ok()?;
        let settled =
            line.as_ref().is_some_and(|line| !matches!(line.state, State::Queued | State::Retrying));
        let waits_for_the_user =
            !shared.config.borrow().destination.enabled || shared.forwarder.borrow().fault().is_some();
        if settled || (line.is_some() && waits_for_the_user) || Instant::now() >= end {
            return line;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn delivery(line: Option<&Delivery>) -> Told {
    match line {
        Some(line) if line.state == State::Delivered => {
            let shard =
                line.receipt.as_ref().map_or_else(String::new, |receipt| format!(" to {}", receipt.shard_id));
            Told::of(format!("The test event was delivered{shard}"))
        }
        Some(line) => Told::skipped(format!(
            "The test event is {} and not delivered yet. The public address is not the cause: see Live",
            line.state.as_str()
        )),
        None => Told::skipped("The test event is not in the log yet"),
    }
}

/// What the stored event has as `context.ip`.
async fn stored_ip(shared: &Shared, id: EventId) -> Option<String> {
    let encoding = shared.config.borrow().destination.encoding;
    let (reply, answer) = tokio::sync::oneshot::channel();
    shared.desk.send(Question::Detail(id, encoding, reply)).await.ok()?;
    let detail = answer.await.ok()?.ok()??;
    let event: Value = serde_json::from_slice(&detail.json).ok()?;
    event["context"]["ip"].as_str().map(str::to_owned)
}

/// Whose address events get.
fn client_address(seen: &ReceivedProbe, stored: Option<&str>) -> Result<Told, AwsError> {
    let said = |names: &[&str]| {
        let found = seen.headers.iter().filter(|(name, _)| names.contains(name));
        found.map(|(name, value)| format!("{name}: {}", cut(value))).collect::<Vec<_>>().join("; ")
    };
    let chain = said(&["X-Forwarded-For", "Forwarded"]);
    if !seen.trusted {
        let any = said(&[
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
    } else if chain.is_empty() {
        let message = format!("{} is trusted and names no client", seen.peer);
        return Err(AwsError::new("PublicClientNotNamed", message));
    }
    Ok(Told::of(match stored {
        Some(ip) => format!("context.ip was stored as {ip}"),
        None => format!(
            "No context.ip was stored: this check came from {}, which says nothing about a user. Senders elsewhere have \
             their own address",
            seen.client
        ),
    }))
}
