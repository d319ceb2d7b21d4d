//! What all calls of one practice stream share: settings, keys, fault switches, and the streams with their records.

use super::faults::Faults;
use super::initial::Initial;
use super::key_pair::KeyPair;
use super::store::Streams;
use super::token::TokenKey;
use crate::{aws, slots::Limits};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;

/// What a practice stream is made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Maximum memory of all records together, overhead included.
    pub bytes_max: usize,
    /// The region in its ARNs.
    pub region: String,
    /// The account in its ARNs and messages: twelve digits.
    pub account_id: String,
    /// The keys for other programs; `None`: new random ones.
    pub keys: Option<KeyPair>,
    /// Any access key id is let in.
    pub any_key: bool,
    /// What a reset brings back; `None`: there is no control path.
    pub initial: Option<Initial>,
    /// Maximum numbers of connections.
    pub connections: Limits,
    /// Maximum time for the body of a request to arrive.
    pub body_time_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bytes_max: 64 << 20,
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            keys: None,
            any_key: false,
            initial: None,
            connections: Limits { connections: 256, authenticated: 64 },
            body_time_max: Duration::from_secs(30),
        }
    }
}

pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) access_key_id: String,
    pub(super) own_access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) token_key: TokenKey,
    /// Notified when the streams may have changed.
    pub(super) changed: Notify,
    faults: RwLock<Faults>,
    streams: Mutex<Streams>,
}

impl Shared {
    pub(super) fn new(settings: Settings) -> Self {
        let keys = settings.keys.clone().unwrap_or_else(|| KeyPair {
            access_key_id: new_access_key_id(),
            secret_access_key: STANDARD.encode(random_bytes::<30>()),
        });
        Self {
            access_key_id: keys.access_key_id,
            own_access_key_id: new_access_key_id(),
            secret_access_key: keys.secret_access_key,
            token_key: TokenKey(random_bytes()),
            changed: Notify::new(),
            faults: RwLock::new(settings.initial.as_ref().map(|initial| initial.faults).unwrap_or_default()),
            streams: Mutex::new(Streams::new(settings.bytes_max)),
            settings,
        }
    }

    /// Held for a few steps, never across an await. A holder that panicked left the streams consistent: no step leaves
    /// a record half counted.
    pub(super) fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn faults(&self) -> Faults {
        *self.faults.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_faults(&self, faults: Faults) {
        *self.faults.write().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    pub(super) fn arn(&self, stream: &str) -> String {
        let Settings { region, account_id, .. } = &self.settings;
        let partition = aws::partition_of(region).name;
        format!("arn:{partition}:kinesis:{region}:{account_id}:stream/{stream}")
    }
}

fn random_bytes<const LEN: usize>() -> [u8; LEN] {
    let mut bytes = [0; LEN];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// In the form of AWS's: AKIA and sixteen letters and digits.
fn new_access_key_id() -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random_bytes::<16>().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    format!("AKIA{}", String::from_iter(letters))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_the_partition_of_its_region() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let shared = Shared::new(Settings { region: region.into(), ..Settings::default() });
            assert_eq!(shared.arn("s"), format!("arn:{partition}:kinesis:{region}:000000000000:stream/s"));
        }
    }
}
