//! The sender of the check: it makes the requests that senders outside make, from this machine to the public address.
//! Its calls block.

use std::{
    net::{SocketAddr, TcpStream, ToSocketAddrs},
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio_rustls::rustls::pki_types::CertificateDer;
use ureq::http::{HeaderMap, Request};

use super::{
    certificate::{self, TIMEOUT},
    finding::{Finding, cut},
};
use crate::{
    capture::{Activity, ReceivedProbe, TOKEN_HEADER},
    config::{Config, PublicUrl},
    delivery::AwsError,
    engine::https,
};

/// Maximum bytes of an answer to read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// The origin that the preflight request names.
const ORIGIN: &str = "https://www.example.com";

/// A sender that uses the public address.
pub(super) struct Client {
    public: PublicUrl,
    /// The first source's write key.
    key: Option<String>,
    needs_key: bool,
    /// Marks its requests, so that the endpoint remembers how they arrived.
    token: String,
    activity: Arc<Activity>,
    roots: Vec<CertificateDer<'static>>,
    agent: ureq::Agent,
}

struct Response {
    status: u16,
    headers: HeaderMap,
    body: String,
    took: Duration,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `200 in 12 ms from nginx/1.22.1`
    fn described(&self) -> String {
        let mut text = format!("{} in {} ms", self.status, self.took.as_millis());
        if let Some(server) = self.header("server") {
            text = format!("{text} from {}", cut(server));
        }
        match self.header("via") {
            Some(via) => format!("{text}, via {}", cut(via)),
            None => text,
        }
    }
}

impl Client {
    pub(super) fn new(config: &Config, public: PublicUrl, activity: Arc<Activity>, token: String) -> Self {
        let roots = https::roots();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .user_agent(concat!("tributary/", env!("CARGO_PKG_VERSION"), " (check)"))
            .tls_config(https::tls(&roots))
            .build()
            .new_agent();
        Self {
            public,
            key: config.capture.sources.first().map(|source| source.write_key.clone()),
            needs_key: config.capture.require_write_key,
            token,
            activity,
            roots,
            agent,
        }
    }

    /// Resolves the host name in the public address.
    pub(super) fn addresses(&self) -> Result<Vec<SocketAddr>, AwsError> {
        let host = bare(self.public.host());
        let fault = |why: String| AwsError::new("PublicNameNotFound", format!("{host}: {why}"));
        let found: Vec<_> =
            (host, self.public.port()).to_socket_addrs().map_err(|error| fault(error.to_string()))?.collect();
        if found.is_empty() { Err(fault("it has no address".to_owned())) } else { Ok(found) }
    }

    /// Connects to the first address that answers.
    pub(super) fn connect(addresses: &[SocketAddr]) -> Result<(SocketAddr, Finding), AwsError> {
        let mut refused = Vec::new();
        for address in addresses {
            let began = Instant::now();
            match TcpStream::connect_timeout(address, TIMEOUT) {
                Ok(_closed_at_once) => {
                    let told = format!("{address} answered in {} ms", began.elapsed().as_millis());
                    return Ok((*address, Finding::of(told)));
                }
                Err(error) => refused.push(format!("{address}: {error}")),
            }
        }
        Err(AwsError::new("PublicNotReached", refused.join("; ")))
    }

    /// Checks the certificate that the server at this address shows.
    pub(super) fn certificate(&self, address: Option<SocketAddr>) -> Result<Finding, AwsError> {
        match address.filter(|_| self.public.is_https()) {
            Some(address) => {
                certificate::check(bare(self.public.host()), address, &self.roots).map(Finding::of)
            }
            None => Ok(Finding::skipped("http: write keys and events travel unencrypted")),
        }
    }

    /// Requests the settings document that browser and mobile SDKs fetch first.
    pub(super) fn settings(&self) -> Result<Finding, AwsError> {
        if self.key.is_none() && self.needs_key {
            return Err(AwsError::new("PublicNoSource", "there is no source whose write key could be used"));
        }
        let key = self.key.as_deref().unwrap_or("none");
        let (answer, seen) = self.ask(("GET", &format!("/v1/projects/{key}/settings")), &[], None)?;
        let seen = self.arrived(&answer, seen)?;
        let document: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let named = &document["integrations"]["Segment.io"];
        let text = |name: &str| named[name].as_str().unwrap_or_default().to_owned();
        let (protocol, host) = (text("protocol"), text("apiHost"));
        let wanted =
            (self.public.scheme(), format!("{}{}/v1", self.public.authority(), self.public.prefix()));
        if (protocol.as_str(), &host) != (wanted.0, &wanted.1) {
            let message = format!("{}; it names {protocol}://{}", answer.described(), cut(&host));
            return Err(AwsError::new("PublicSettingsDiffer", message));
        }
        Ok(Finding::of(format!(
            "{}. {}. It names {protocol}://{host}",
            answer.described(),
            self.shown(&seen)
        )))
    }

    /// Sends the CORS preflight that a browser sends before events from another site's page.
    pub(super) fn preflight(&self) -> Result<Finding, AwsError> {
        let headers = [
            ("Origin", ORIGIN),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ];
        let (answer, seen) = self.ask(("OPTIONS", "/v1/t"), &headers, None)?;
        if !(200..300).contains(&answer.status) {
            // Only a failed preflight must have reached the endpoint: a proxy may answer a good one itself.
            self.arrived(&answer, seen)?;
            return Err(AwsError::new("PublicPreflightRefused", answer.described()));
        }
        let said = |name: &str| -> Vec<String> {
            let values = answer.headers.get_all(name).iter();
            values.map(|value| cut(&String::from_utf8_lossy(value.as_bytes()))).collect()
        };
        let origins = said("access-control-allow-origin");
        if origins.len() != 1 || (origins[0] != ORIGIN && origins[0] != "*") {
            let shown = if origins.is_empty() { "none".to_owned() } else { origins.join(" and ") };
            let message = format!("{}; Access-Control-Allow-Origin: {shown}", answer.described());
            return Err(AwsError::new("PublicPreflightRefused", message));
        }
        let allowed = said("access-control-allow-headers").join(",").to_ascii_lowercase();
        let is_allowed = |name: &str| allowed.split(',').any(|one| one.trim() == name || one.trim() == "*");
        if !is_allowed("authorization") || !is_allowed("content-type") {
            let message = format!("{}; Access-Control-Allow-Headers: {allowed}", answer.described());
            return Err(AwsError::new("PublicPreflightRefused", message));
        }
        let by = match &seen {
            Some(seen) => format!("It arrived as {}", self.line(seen)),
            None => "A proxy answered it itself".to_owned(),
        };
        Ok(Finding::of(format!("{}. {by}. Pages of other sites may send", answer.described())))
    }

    /// Sends one test event to the path for devices, where the endpoint adds the sender's address.
    pub(super) fn event(&self) -> Result<Sent, AwsError> {
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
        let (answer, seen) = self.ask(("POST", "/v1/track"), &headers, Some(event.to_string()))?;
        let seen = self.arrived(&answer, seen)?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let Some(message_id) = body["messageId"].as_str() else {
            let message = format!("{}; the answer names no messageId", answer.described());
            return Err(AwsError::new("PublicElsewhere", message));
        };
        let told = format!("{}. {}", answer.described(), self.shown(&seen));
        Ok(Sent { finding: Finding::of(told), message_id: message_id.to_owned(), seen })
    }

    /// Sends a request. Returns the answer, and how the request arrived at the endpoint, if it did.
    fn ask(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<(Response, Option<ReceivedProbe>), AwsError> {
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
        // A longer body, or one that is not text, does not come from this program.
        let body = answered.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let answer = Response {
            status: answered.status().as_u16(),
            headers: answered.headers().clone(),
            body: body.unwrap_or_default(),
            took,
        };
        Ok((answer, self.activity.probes.take(&self.token)))
    }

    /// How the request arrived, if it was answered with 200; otherwise what went wrong.
    fn arrived(&self, answer: &Response, seen: Option<ReceivedProbe>) -> Result<ReceivedProbe, AwsError> {
        let said = answer.described();
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

    /// Hides the write key, which the path of the settings request holds.
    fn masked(&self, text: &str) -> String {
        match self.key.as_deref().filter(|key| !key.is_empty()) {
            Some(key) => text.replace(key, "…"),
            None => text.to_owned(),
        }
    }
}

/// A test event that arrived.
pub(super) struct Sent {
    pub(super) finding: Finding,
    pub(super) message_id: String,
    pub(super) seen: ReceivedProbe,
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}
