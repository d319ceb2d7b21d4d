//! Settings: what the user wrote (file, environment, flags), checked once and then trusted.
//!
//! A flag beats an environment variable beats the file beats the default. A mistake anywhere is an [`Error`] that names its
//! place and what is allowed; it is never replaced by a default in silence, and no message shows a write key.
//! The file is the user's: it is written once, on the first run, and later only the keys that [`save`] was given.
//! This is the only module that reads the process's environment. AWS keys are absent on purpose: they live in the
//! system keychain or in AWS's own files.

mod error;
mod example;
mod exposed;
mod file;
mod keys;
mod masked;
mod paths;
mod proxy;
mod raw;
mod rules;
mod save;
mod saved;
mod share;
mod sources;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use error::{Error, Origin, Problem};
pub use example::{EXAMPLE, new_write_key};
pub use exposed::{exposed_settings, exposed_tls_key};
pub use paths::{
    Environment, WindowSystem, ca_bundle, config_path, data_dir, default_config_path, default_data_dir,
    downloads_dir, endpoint_variable, key_files, program, window_system,
};
pub use proxy::{PublicUrl, check_trusted_proxy, is_authority, path_prefix, trusted_proxy_text};
pub use raw::Overrides;
pub use rules::{
    StreamArn, check_account_id, check_endpoint_url, check_external_id, check_listen, check_partition,
    check_region, check_role_arn, check_role_in, check_source_name, check_stream, check_write_key,
    other_server,
};
pub use save::{SaveError, save};
pub use saved::SavedDestination;

use crate::event::{Aggregation, Encoding};
use raw::RawConfig;

/// What [`load`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The settings in effect.
    pub config: Config,
    /// The file they came from.
    pub path: PathBuf,
    /// Whether this was the first run, and the file has just been written.
    pub created: bool,
    /// Settings such as `destination.stream` that a variable or a flag decides: what the file says about them has no effect.
    pub held: Vec<(&'static str, Origin)>,
}

/// Reads the settings; on the first run writes the file, with every key explained and a random write key.
///
/// A file that exists is only read.
pub fn load(path: &Path, environment: &Environment, overrides: &Overrides) -> Result<Loaded, Error> {
    let (text, created) = match read_text(path)? {
        Some(text) => (text, false),
        None => example::first_run(path)?,
    };
    in_effect(path, &text, environment, overrides).map(|loaded| Loaded { created, ..loaded })
}

/// Reads the settings and writes nothing: a file that is missing counts as empty.
pub fn read(path: &Path, environment: &Environment, overrides: &Overrides) -> Result<Loaded, Error> {
    let text = read_text(path)?.unwrap_or_default();
    in_effect(path, &text, environment, overrides)
}

fn in_effect(
    path: &Path,
    text: &str,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Loaded, Error> {
    let mut raw = RawConfig::default();
    file::collect(&mut raw, path, text);
    raw.environment(environment);
    raw.overrides(overrides);
    let (config, held) = raw.check()?;
    Ok(Loaded { config, path: path.to_owned(), created: false, held })
}

/// The file's text, or `None` where there is no file.
fn read_text(path: &Path) -> Result<Option<String>, Error> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
    };
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let line = file::line_at(error.as_bytes(), start);
        Error::Invalid(vec![Problem {
            origin: Origin::File { path: path.to_owned(), line },
            text: "the text is not UTF-8; save the file as UTF-8".to_owned(),
        }])
    })
}

impl Config {
    /// Whether these settings could be loaded: for settings that were put together in the window.
    pub fn check(&self) -> Result<(), Error> {
        RawConfig::of(self).check().map(|_| ())
    }

    /// The settings but sources and secrets, as the text of a settings file, for [`Self::with_imported`].
    pub fn export(&self) -> String {
        share::export(self)
    }

    /// These settings with what an exported text, or any settings file's, says on top. Sources stay as they are.
    pub fn with_imported(&self, text: &str) -> Result<Self, Vec<Problem>> {
        share::import(self, text)
    }

    /// Destination and credentials as text, right or not: what somebody was typing.
    pub fn draft(&self) -> String {
        let drafted = Self {
            destination: self.destination.clone(),
            credentials: self.credentials.clone(),
            ..Self::default()
        };
        share::export(&drafted)
    }

    /// These settings with the destination and credentials of a [`Self::draft`], as far as they are right.
    #[must_use]
    pub fn with_draft(&self, text: &str) -> Self {
        let Self { destination, credentials, .. } = share::restore(self, text);
        let enabled = self.destination.enabled;
        Self { destination: Destination { enabled, ..destination }, credentials, ..self.clone() }
    }

    /// The settings that differ: name, value here, value there.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        share::differences(self, other)
    }

    /// The settings as a settings file in which of every write key only the end can be seen.
    pub fn masked_toml(&self) -> String {
        masked::toml(self)
    }
}

/// All settings, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Destinations to switch to; the one in force is `destination`, whether it is among them or not.
    pub destinations: Vec<SavedDestination>,
    /// The window.
    pub app: App,
}

/// `[app]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Notices of the window are shown by the desktop too.
    pub desktop_notices: bool,
}

/// Where events go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DestinationKind {
    /// The embedded local Kinesis.
    #[default]
    Practice,
    /// A stream in an AWS account, or on another Kinesis-compatible server.
    Kinesis,
}

impl DestinationKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Practice, Self::Kinesis];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Practice => "practice",
            Self::Kinesis => "kinesis",
        }
    }
}

/// Which call puts records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Operation {
    /// One record a call: what the default policy allows.
    #[default]
    PutRecord,
    /// Up to 500 records a call.
    PutRecords,
}

impl Operation {
    /// Both operations.
    pub const ALL: [Self; 2] = [Self::PutRecord, Self::PutRecords];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PutRecord => "put-record",
            Self::PutRecords => "put-records",
        }
    }

    /// Records of one call, at most (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html>).
    pub fn records_max(self) -> usize {
        match self {
            Self::PutRecord => 1,
            Self::PutRecords => 500,
        }
    }

    /// Calls in flight, at most. Memory holds no more than 40 full ones of a backlog.
    pub fn puts_max(self) -> usize {
        match self {
            Self::PutRecord => 1024,
            Self::PutRecords => 40,
        }
    }
}

/// `[destination]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Whether events that wait together share records. [`Aggregation::Lines`] only with [`Encoding::JsonLines`].
    pub aggregation: Aggregation,
    /// Of a record that several events share: its data and partition key, in bytes. A larger event has one of its own.
    pub aggregation_max_bytes: usize,
}

impl Destination {
    /// Whether both are the same stream of the same server. A stream that has a name only is looked for in the account of
    /// the keys: whose that is, is not said here.
    pub fn is_same_stream(&self, other: &Self) -> bool {
        self.kind == other.kind
            && (self.kind == DestinationKind::Practice
                || (&self.region, &self.stream, &self.endpoint_url)
                    == (&other.region, &other.stream, &other.endpoint_url))
    }
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
            aggregation: Aggregation::None,
            aggregation_max_bytes: 51_200,
        }
    }
}

/// Where AWS keys come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialsSource {
    /// As every AWS tool looks for them.
    #[default]
    Default,
    /// A named profile of AWS's own files.
    Profile,
    /// The system keychain, where the app put them.
    Keychain,
}

impl CredentialsSource {
    /// All three paths.
    pub const ALL: [Self; 3] = [Self::Default, Self::Profile, Self::Keychain];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Profile => "profile",
            Self::Keychain => "keychain",
        }
    }
}

/// `[credentials]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Shown in the log.
    pub name: String,
    /// What its SDK is given. A secret: `Debug` does not show it.
    pub write_key: String,
    /// The key before it, which goes on working until it is revoked. A secret too.
    pub retiring_write_key: Option<String>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Source {
    /// A source with one key.
    pub fn new(name: impl Into<String>, write_key: impl Into<String>) -> Self {
        Self { name: name.into(), write_key: write_key.into(), retiring_write_key: None }
    }

    /// Every key that its senders may use.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&*self.write_key).chain(self.retiring_write_key.as_deref())
    }

    /// The end of the write key, enough to tell two apart; nothing of a short one.
    pub fn masked_key(&self) -> String {
        masked::key(&self.write_key)
    }

    /// The same of the key that is retiring.
    pub fn masked_retiring_key(&self) -> Option<String> {
        self.retiring_write_key.as_deref().map(masked::key)
    }
}

/// `[capture]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Where the endpoint listens.
    pub listen: std::net::SocketAddr,
    /// Refuse requests without a known write key.
    pub require_write_key: bool,
    /// A PEM file with the certificate chain of an https endpoint; empty: http.
    pub tls_cert: String,
    /// A PEM file with its private key.
    pub tls_key: String,
    /// Do not forward an event whose `messageId` was accepted before.
    pub drop_repeats: bool,
    /// Where a page finds its copy of analytics.js: a URL or a path of the page's own site. Empty: nowhere.
    pub analytics_js: String,
    /// Bytes of one request, inflated.
    pub max_body_bytes: usize,
    /// What senders see where a reverse proxy stands in front.
    pub public_url: Option<PublicUrl>,
    /// The proxies whose forwarded headers count; none are trusted by default.
    pub trusted_proxies: Vec<ipnet::IpNet>,
    /// Connections that one peer address may have at a time; 0: as many as there are.
    pub max_connections_per_peer: usize,
    /// Who may send.
    pub sources: Vec<Source>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            listen: std::net::SocketAddr::from(([127, 0, 0, 1], 8485)),
            require_write_key: true,
            tls_cert: String::new(),
            tls_key: String::new(),
            drop_repeats: false,
            analytics_js: String::new(),
            max_body_bytes: 16 * 1024 * 1024,
            public_url: None,
            trusted_proxies: Vec::new(),
            max_connections_per_peer: 1024,
            sources: Vec::new(),
        }
    }
}

impl Capture {
    /// Whether other machines can reach the endpoint: allowed, since it was asked for, but faces warn.
    pub fn exposed(&self) -> bool {
        !self.listen.ip().to_canonical().is_loopback()
    }

    /// The sources that had another name before: that name, and the one of now. They are known by their write keys.
    pub fn renamed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let has = |sources: &[Source], name: &str| sources.iter().any(|source| source.name == name);
        self.sources.iter().filter_map(move |now| {
            let was = before.sources.iter().find(|was| was.write_key == now.write_key)?;
            let is_renamed = !has(&before.sources, &now.name) && !has(&self.sources, &was.name);
            is_renamed.then_some((&*was.name, &*now.name))
        })
    }
}

/// `[spool]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spool {
    /// Bytes of events that wait; full: 429, nothing accepted is lost.
    pub max_bytes: u64,
    /// Bytes that are left free on its disk; less: 429, before a write fails.
    pub min_free_bytes: u64,
    /// How many hundredths of `max_bytes` one of several sources may have while the others have nothing; 100: all.
    pub max_source_percent: u8,
}

impl Default for Spool {
    fn default() -> Self {
        Self { max_bytes: 2 * 1024 * 1024 * 1024, min_free_bytes: 256 * 1024 * 1024, max_source_percent: 50 }
    }
}

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// Delivered events kept for looking; queued and failed ones are never pruned.
    pub keep_events: u64,
    /// Rejected events kept for looking.
    pub keep_rejected: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self { keep_events: 1_000_000, keep_rejected: 10_000 }
    }
}
