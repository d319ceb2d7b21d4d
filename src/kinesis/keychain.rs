//! AWS keys in the system keychain (Secret Service, macOS Keychain, Windows Credential Manager), never in our files.

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
        future::ProvideCredentials::new(async { load() })
    }
}

fn load() -> provider::Result {
    let text =
        tokio::task::block_in_place(|| Entry::new(SERVICE, ENTRY).and_then(|entry| entry.get_password()));
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
