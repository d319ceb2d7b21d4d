//! AWS keys in the system keychain (Secret Service, macOS Keychain, Windows Credential Manager), never in our files.
//!
//! Each destination has an entry of its own: keys for one that is being set up do not touch those of the one in force.
//! An entry is named by region and stream, or by the stream's ARN, and by nothing that is filled in later.

use std::sync::Mutex;

use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError, future};
use aws_sdk_kinesis::config::Credentials as Keys;
use keyring_core::{Entry, Error, api::CredentialStoreApi as _};

use crate::{aws::Arn, config::Destination};

const SERVICE: &str = "tributary";

/// The entry of all destinations, before each had its own. Read where a destination has none; never written.
const ENTRY_OF_ALL: &str = "aws";

/// The name of a destination's entry.
fn entry_of(destination: &Destination) -> String {
    let Destination { region, stream, .. } = destination;
    if Arn::is_meant(stream) { stream.clone() } else { format!("{region}/{stream}") }
}

/// Gives the keys that [`keep`] kept for a destination.
#[derive(Debug)]
pub(super) struct Provider {
    entry: String,
}

impl Provider {
    pub(super) fn of(destination: &Destination) -> Self {
        Self { entry: entry_of(destination) }
    }
}

impl ProvideCredentials for Provider {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        // The keychain may ask its user first: not on a thread of the runtime, and no task waits for ever.
        #[expect(
            clippy::disallowed_methods,
            reason = "the door to a blocking library; it ends when the user answers"
        )]
        let loading = tokio::task::spawn_blocking({
            let entry = self.entry.clone();
            move || load(&entry)
        });
        future::ProvideCredentials::new(async {
            loading.await.unwrap_or_else(|error| Err(CredentialsError::unhandled(error)))
        })
    }
}

fn load(entry: &str) -> provider::Result {
    // One question at a time: tries that come meanwhile fail, and come again.
    static ASKING: Mutex<()> = Mutex::new(());
    let Ok(_asking) = ASKING.try_lock() else {
        return Err(CredentialsError::provider_error("the system keychain still asks its user"));
    };
    let text = find(entry, |name| entry_in_store(name)?.get_password());
    let text = text.map_err(|error| match error {
        Error::NoEntry => CredentialsError::not_loaded(
            "the system keychain has no AWS keys for this destination of Tributary",
        ),
        other => CredentialsError::provider_error(format!("the system keychain did not answer: {other}")),
    })?;
    let (id, secret) = text.split_once('\n').ok_or_else(|| {
        CredentialsError::invalid_configuration("the keychain's entry for Tributary is damaged")
    })?;
    Ok(Keys::new(id, secret, None, None, "keychain"))
}

/// The entry in a store that is made anew for each question. A store that is kept, as the `keyring` crate does, remembers
/// for the life of the process that no keychain was there at its first question, and goes on talking to a keychain service
/// that was replaced.
fn entry_in_store(name: &str) -> keyring_core::Result<Entry> {
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new()?;
    #[cfg(target_os = "windows")]
    let store = windows_native_keyring_store::Store::new()?;
    #[cfg(not(any(target_os = "macos", target_os = "windows")))]
    let store = zbus_secret_service_keyring_store::Store::new()?;
    store.build(SERVICE, name, None)
}

/// What the destination's own entry holds, or else that of all.
fn find(entry: &str, get: impl Fn(&str) -> keyring_core::Result<String>) -> keyring_core::Result<String> {
    match get(entry) {
        Err(Error::NoEntry) => get(ENTRY_OF_ALL),
        found => found,
    }
}

/// Whether there is a keychain that answers. It may ask its user.
pub(super) async fn is_there() -> Result<(), String> {
    blocking(|| match entry_in_store(ENTRY_OF_ALL).and_then(|entry| entry.get_password()) {
        Ok(_) | Err(Error::NoEntry) => Ok(()),
        Err(error) => Err(format!("the system keychain did not answer: {error}")),
    })
    .await
}

/// Keeps a pair of keys in the keychain for this destination, in the place of an earlier one. Waits, on no thread of the
/// runtime, while the keychain asks its user.
pub async fn keep(
    destination: &Destination,
    access_key_id: String,
    secret_access_key: String,
) -> Result<(), String> {
    let destination = destination.clone();
    blocking(move || store(&destination, &access_key_id, &secret_access_key)).await
}

async fn blocking(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the door to a blocking library; it ends when the user answers"
    )]
    let working = tokio::task::spawn_blocking(work);
    working.await.unwrap_or_else(|error| Err(format!("the system keychain failed: {error}")))
}

fn store(destination: &Destination, access_key_id: &str, secret_access_key: &str) -> Result<(), String> {
    entry_in_store(&entry_of(destination))
        .and_then(|entry| entry.set_password(&format!("{}\n{}", access_key_id.trim(), secret_access_key.trim())))
        .map_err(|error| {
            format!(
                "the system keychain did not take the keys ({error}); use a profile in ~/.aws/credentials instead, \
                 or start and unlock a keychain (GNOME Keyring, KWallet) and store them again"
            )
        })
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
            ENTRY_OF_ALL.to_owned(),
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
