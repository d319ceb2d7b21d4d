//! AWS keys in the system keychain (Secret Service, macOS Keychain, Windows Credential Manager), never in our files.
//!
//! Each destination has an entry of its own, so that keys for a destination that is being set up never replace those of
//! the current one. An entry is named by region and stream, or by the stream's ARN. No setting that may be filled in
//! later is part of the name.

use std::sync::Mutex;

use aws_credential_types::{
    Credentials,
    provider::{self, error::CredentialsError},
};
use keyring_core::{Entry, Error, api::CredentialStoreApi as _};

use crate::{aws::Arn, config::Destination};

const SERVICE: &str = "tributary";

/// The entry that all destinations shared in earlier versions. Read if a destination has no entry of its own; never
/// written.
const SHARED_ENTRY: &str = "aws";

/// Why a call to the keychain failed.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// There is no keychain, or it did not answer.
    #[error("the system keychain did not answer: {0}")]
    NoAnswer(Error),
    /// It refused to store the keys.
    #[error(
        "the system keychain did not take the keys ({0}); use a profile in ~/.aws/credentials instead, or start and unlock a \
         keychain (GNOME Keyring, KWallet) and store them again"
    )]
    NotStored(Error),
    /// The thread that asked it ended without an answer.
    #[error("the system keychain failed: {0}")]
    Failed(tokio::task::JoinError),
}

/// The name of a destination's entry.
fn entry_of(destination: &Destination) -> String {
    let Destination { region, stream, .. } = destination;
    if Arn::is_meant(stream) { stream.clone() } else { format!("{region}/{stream}") }
}

/// The keys that [`store_keys`] stored for a destination. Waits while the keychain asks its user.
pub(super) async fn keys(destination: &Destination) -> provider::Result {
    let entry = entry_of(destination);
    let loaded = blocking(move || load(&entry)).await;
    loaded.unwrap_or_else(|error| Err(CredentialsError::unhandled(error)))
}

fn load(entry: &str) -> provider::Result {
    // One question at a time: other attempts fail meanwhile, and are repeated.
    static ASKING: Mutex<()> = Mutex::new(());
    let Ok(_asking) = ASKING.try_lock() else {
        return Err(CredentialsError::provider_error("the system keychain still asks its user"));
    };
    let text = find(entry, |name| entry_in_store(name)?.get_password());
    let text = text.map_err(|error| match error {
        Error::NoEntry => CredentialsError::not_loaded(
            "the system keychain has no AWS keys for this destination of Tributary",
        ),
        other => CredentialsError::provider_error(KeychainError::NoAnswer(other)),
    })?;
    let (id, secret) = text.split_once('\n').ok_or_else(|| {
        CredentialsError::invalid_configuration("the keychain's entry for Tributary is damaged")
    })?;
    Ok(Credentials::new(id, secret, None, None, "keychain"))
}

/// The entry, in a store that is created for each call. A store that is kept for the whole process, as in the `keyring`
/// crate, remembers that there was no keychain at the first call, and keeps using a keychain service that was replaced.
fn entry_in_store(name: &str) -> keyring_core::Result<Entry> {
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new()?;
    #[cfg(target_os = "windows")]
    let store = windows_native_keyring_store::Store::new()?;
    #[cfg(not(any(target_os = "macos", target_os = "windows")))]
    let store = zbus_secret_service_keyring_store::Store::new()?;
    store.build(SERVICE, name, None)
}

/// The content of the destination's own entry, or else of the shared one.
fn find(entry: &str, get: impl Fn(&str) -> keyring_core::Result<String>) -> keyring_core::Result<String> {
    match get(entry) {
        Err(Error::NoEntry) => get(SHARED_ENTRY),
        found => found,
    }
}

/// Checks that a keychain answers. It may ask its user.
pub(crate) async fn check_keychain() -> Result<(), KeychainError> {
    let answer = blocking(|| entry_in_store(SHARED_ENTRY).and_then(|entry| entry.get_password())).await;
    match answer.map_err(KeychainError::Failed)? {
        Ok(_) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(KeychainError::NoAnswer(error)),
    }
}

/// Stores a pair of keys in the keychain for this destination, and replaces an earlier pair. Waits while the keychain asks
/// its user.
pub async fn store_keys(
    destination: &Destination,
    access_key_id: &str,
    secret_access_key: &str,
) -> Result<(), KeychainError> {
    let entry = entry_of(destination);
    let pair = format!("{}\n{}", access_key_id.trim(), secret_access_key.trim());
    let stored = blocking(move || entry_in_store(&entry)?.set_password(&pair)).await;
    stored.map_err(KeychainError::Failed)?.map_err(KeychainError::NotStored)
}

/// Runs on a thread of its own: the keychain may wait for its user, which must block no thread of the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, tokio::task::JoinError> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the door to a blocking library; it ends when the user answers"
    )]
    tokio::task::spawn_blocking(work).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(region: &str, stream: &str) -> Destination {
        Destination { region: region.to_owned(), stream: stream.to_owned(), ..Destination::default() }
    }

    #[test]
    fn a_destination_has_an_entry_of_its_own_that_stays_the_same_while_the_rest_is_filled_in() {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
        let clicks = destination("eu-west-1", "clicks");
        let named = [
            entry_of(&clicks),
            entry_of(&destination("eu-west-1", "orders")),
            entry_of(&destination("us-east-1", "clicks")),
            entry_of(&destination("eu-west-1", arn)),
            SHARED_ENTRY.to_owned(),
        ];
        assert_eq!(named, ["eu-west-1/clicks", "eu-west-1/orders", "us-east-1/clicks", arn, "aws"]);
        let filled_in =
            Destination { account_id: "123456789012".to_owned(), enabled: false, ..clicks.clone() };
        assert_eq!(entry_of(&filled_in), entry_of(&clicks));
    }

    #[test]
    fn a_destination_without_keys_of_its_own_gets_those_that_were_kept_for_all() {
        let kept = |names: &'static [&'static str]| {
            move |name: &str| {
                if names.contains(&name) { Ok(format!("keys of {name}")) } else { Err(Error::NoEntry) }
            }
        };
        let entry = "eu-west-1/clicks";
        assert_eq!(
            find(entry, kept(&["eu-west-1/clicks", "aws"])).ok().as_deref(),
            Some("keys of eu-west-1/clicks")
        );
        assert_eq!(find(entry, kept(&["eu-west-1/orders", "aws"])).ok().as_deref(), Some("keys of aws"));
        assert!(matches!(find(entry, kept(&["eu-west-1/orders"])), Err(Error::NoEntry)));
        let locked = |_: &str| Err(Error::NoDefaultStore);
        assert!(matches!(find(entry, locked), Err(Error::NoDefaultStore)), "other keys are not used instead");
    }
}
