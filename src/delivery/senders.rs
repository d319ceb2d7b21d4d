//! Who sent to the endpoint since the engine started.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

use super::line::Millis;

/// A source that sent something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSeen {
    /// Its name in the settings.
    pub name: Arc<str>,
    /// Time of its last request.
    pub last_seen: Millis,
    /// Accepted events.
    pub accepted: u64,
    /// Rejected events.
    pub rejected: u64,
    /// Accepted events a second, over the last [`RATE_SECONDS`](super::RATE_SECONDS).
    pub per_sec: f32,
    /// The SDK that its events name in `context.library`, such as `analytics-node 3.1.0`.
    pub library: Option<Arc<str>>,
    /// When one of its requests was last told to come again because the source's share of the spool was full.
    pub share_full_at: Option<Millis>,
}

/// Requests with the same unknown write key, or with none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownSender {
    /// The key's last four characters, or `no key`.
    pub key: Arc<str>,
    /// Number of requests.
    pub requests: u64,
    /// Time of the last one.
    pub last_seen: Millis,
    /// Its `User-Agent`; may be empty.
    pub user_agent: Arc<str>,
}

/// Requests to a path, or with a method, that the endpoint does not serve.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongPath {
    /// Method and path without keys, such as `POST /track`; or `other paths`.
    pub request: Arc<str>,
    /// The path that was probably meant.
    pub meant: Option<Cow<'static, str>>,
    /// Number of requests.
    pub requests: u64,
    /// Time of the last one.
    pub last_seen: Millis,
    /// Its `User-Agent`; may be empty.
    pub user_agent: Arc<str>,
}
