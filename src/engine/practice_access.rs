//! Where the practice stream is, for the forwarder, for readers, and for other programs.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, DestinationKind},
    forward::ConnectionSettings,
    kinesis::Access,
    practice::Practice,
};

/// The stream name of the practice stream.
pub const PRACTICE_STREAM: &str = "practice";

/// How another program reaches a practice stream.
#[derive(Clone, Serialize, Deserialize)]
pub struct PracticeAccess {
    /// Its address on loopback.
    pub endpoint_url: String,
    /// The name of its stream.
    pub stream: String,
    /// Its region. Empty in the file of an engine of an earlier build.
    #[serde(default)]
    pub region: String,
    /// Its access key id.
    pub access_key_id: String,
    /// Its secret access key.
    pub secret_access_key: String,
}

impl PracticeAccess {
    pub(super) fn new(practice: &Practice, port: u16) -> Self {
        Self {
            endpoint_url: url(port),
            stream: PRACTICE_STREAM.to_owned(),
            region: practice.region().to_owned(),
            access_key_id: practice.access_key_id().to_owned(),
            secret_access_key: practice.secret_access_key().to_owned(),
        }
    }

    /// The environment variables by which AWS's SDKs and tools find it. Some read only one of the two names of the region.
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL_KINESIS", &self.endpoint_url),
            ("AWS_ACCESS_KEY_ID", &self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &self.secret_access_key),
            ("AWS_REGION", &self.region),
            ("AWS_DEFAULT_REGION", &self.region),
        ]
    }
}

impl std::fmt::Debug for PracticeAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PracticeAccess").field("endpoint_url", &self.endpoint_url).finish_non_exhaustive()
    }
}

/// The connection settings for the forwarder and for readers of the stream. If the practice stream is the destination, they
/// hold its address even while its port is closed, so that its events never go to AWS.
pub(super) fn connection(config: Arc<Config>, practice: &Practice, port: u16) -> ConnectionSettings {
    let practice = (config.destination.kind == DestinationKind::Practice).then(|| Access {
        endpoint_url: url(port),
        stream: PRACTICE_STREAM.to_owned(),
        access_key_id: practice.own_access_key_id().to_owned(),
        secret_access_key: practice.secret_access_key().to_owned(),
        // Half of its connections; the other half is for readers, checks and other programs.
        puts_max: practice.connections().connections / 2,
    });
    ConnectionSettings { config, practice }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
