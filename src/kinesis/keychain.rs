//! AWS keys in the system keychain (Secret Service, macOS Keychain, Windows Credential Manager), never in our files.

use std::sync::Mutex;

use aws_credential_types::provider::{self, ProvideCredentials, error::CredentialsError, future};
use aws_sdk_kinesis::config::Credentials as Keys;
use keyring::v1::Entry;

const SERVICE: &str = "tributary";
const ENTRY: &str = "aws";

/// Gives the keys that [`store`] kept.
#[derive(Debug)]
pub(super) struct Provider;

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
        let loading = tokio::task::spawn_blocking(load);
        future::ProvideCredentials::new(async {
            loading.await.unwrap_or_else(|error| Err(CredentialsError::unhandled(error)))
        })
    }
}

fn load() -> provider::Result {
    // One question at a time: tries that come meanwhile fail, and come again.
    static ASKING: Mutex<()> = Mutex::new(());
    let Ok(_asking) = ASKING.try_lock() else {
        return Err(CredentialsError::provider_error("the system keychain still asks its user"));
    };
    let text = Entry::new(SERVICE, ENTRY).and_then(|entry| entry.get_password());
    let text = text.map_err(|error| match error {
        keyring::v1::Error::NoEntry => {
            CredentialsError::not_loaded("the system keychain has no AWS keys for Tributary")
        }
        other => CredentialsError::provider_error(format!("the system keychain did not answer: {other}")),
    })?;
    let (id, secret) = text.split_once('\n').ok_or_else(|| {
        CredentialsError::invalid_configuration("the keychain's entry for Tributary is damaged")
    })?;
    Ok(Keys::new(id, secret, None, None, "keychain"))
}

/// Whether there is a keychain that answers. It may ask its user.
pub(super) async fn is_there() -> Result<(), String> {
    blocking(|| match Entry::new(SERVICE, ENTRY).and_then(|entry| entry.get_password()) {
        Ok(_) | Err(keyring::v1::Error::NoEntry) => Ok(()),
        Err(error) => Err(format!("the system keychain did not answer: {error}")),
    })
    .await
}

/// As [`store`], beside the runtime's threads.
pub(super) async fn keep(access_key_id: String, secret_access_key: String) -> Result<(), String> {
    blocking(move || store(&access_key_id, &secret_access_key)).await
}

async fn blocking(work: impl FnOnce() -> Result<(), String> + Send + 'static) -> Result<(), String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the door to a blocking library; it ends when the user answers"
    )]
    let working = tokio::task::spawn_blocking(work);
    working.await.unwrap_or_else(|error| Err(format!("the system keychain failed: {error}")))
}

/// Keeps a pair of keys in the keychain, in the place of an earlier one. Blocks while the keychain asks its user.
pub fn store(access_key_id: &str, secret_access_key: &str) -> Result<(), String> {
    Entry::new(SERVICE, ENTRY)
        .and_then(|entry| entry.set_password(&format!("{}\n{}", access_key_id.trim(), secret_access_key.trim())))
        .map_err(|error| {
            format!(
                "the system keychain did not take the keys ({error}); use a profile in ~/.aws/credentials instead, \
                 or start a keychain (GNOME Keyring, KWallet)"
            )
        })
}
