//! Settings: what the user wrote (file, environment, flags), checked once and then trusted.

use crate::event::Encoding;

/// All settings, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where events go.
    pub destination: Destination,
    /// How AWS knows us.
    pub credentials: Credentials,
    /// The endpoint.
    pub capture: Capture,
    /// The queue on disk.
    pub spool: Spool,
    /// The delivery log.
    pub log: Log,
}

/// Where events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DestinationKind {
    /// The embedded local Kinesis.
    #[default]
    Practice,
    /// A stream in an AWS account, or on another Kinesis-compatible server.
    Kinesis,
}

/// Which call puts records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// One record a call: what the default policy allows.
    #[default]
    PutRecord,
    /// Up to 500 records a call.
    PutRecords,
}

/// `[destination]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// Practice or Kinesis.
    pub kind: DestinationKind,
    /// Off: events are kept in the spool and wait.
    pub enabled: bool,
    /// Such as `eu-west-1`; empty only with the practice stream.
    pub region: String,
    /// A name or a stream ARN; empty only with the practice stream.
    pub stream: String,
    /// Twelve digits, or empty: only the policy needs it.
    pub account_id: String,
    /// Which call.
    pub operation: Operation,
    /// How an event becomes bytes.
    pub encoding: Encoding,
    /// Keep the order per partition key.
    pub ordered: bool,
    /// Empty for AWS; else an `http(s)://` URL of another Kinesis-compatible server.
    pub endpoint_url: String,
}

impl Default for Destination {
    fn default() -> Self {
        Self {
            kind: DestinationKind::Practice,
            enabled: true,
            region: String::new(),
            stream: String::new(),
            account_id: String::new(),
            operation: Operation::PutRecord,
            encoding: Encoding::Base64,
            ordered: true,
            endpoint_url: String::new(),
        }
    }
}

/// Where AWS keys come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialsSource {
    /// As every AWS tool looks for them.
    #[default]
    Default,
    /// A named profile of AWS's own files.
    Profile,
    /// The system keychain, where the app put them.
    Keychain,
}

/// `[credentials]`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Where the keys come from.
    pub source: CredentialsSource,
    /// The profile's name; needed with `profile`.
    pub profile: String,
    /// A role that is assumed on top of the source, or empty.
    pub role_arn: String,
    /// Given when the role is assumed, or empty.
    pub external_id: String,
}

/// A named sender with its own write key.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    /// Shown in the log.
    pub name: String,
    /// What its SDK is given. A secret: `Debug` does not show it.
    pub write_key: String,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `[capture]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Where the endpoint listens.
    pub listen: std::net::SocketAddr,
    /// Refuse requests without a known write key.
    pub require_write_key: bool,
    /// Bytes of one request, inflated.
    pub max_body_bytes: usize,
    /// Who may send.
    pub sources: Vec<Source>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8485)),
            require_write_key: true,
            max_body_bytes: 5 * 1024 * 1024,
            sources: Vec::new(),
        }
    }
}

/// `[spool]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spool {
    /// Bytes of events that wait; full: 429, nothing accepted is lost.
    pub max_bytes: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self { max_bytes: 2 * 1024 * 1024 * 1024 }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Delivered events kept for looking; queued and failed ones are never pruned.
    pub keep_events: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { keep_events: 1_000_000 }
    }
}
