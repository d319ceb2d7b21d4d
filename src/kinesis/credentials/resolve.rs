//! Asks a provider for keys, and retries what may pass by itself.

use std::time::SystemTime;

use aws_credential_types::{Credentials, provider::ProvideCredentials};

use super::failure::aws_error;
use crate::{
    delivery::{AwsError, error_code},
    kinesis::retry::{Attempts, Next},
};

/// The provider's keys. Expired keys are an error, as for the AWS CLI.
pub(super) async fn resolve(provider: &impl ProvideCredentials) -> Result<Credentials, AwsError> {
    let mut attempts = Attempts::new();
    let keys = loop {
        let error = match provider.provide_credentials().await {
            Ok(keys) => break keys,
            Err(error) => aws_error(&error),
        };
        match attempts.failed(&error.clone().into()) {
            Next::AtOnce => {}
            Next::After(pause) => tokio::time::sleep(pause).await,
            Next::GiveUp => return Err(error),
        }
    };
    match keys.expiry() {
        Some(at) if at <= SystemTime::now() => {
            Err(AwsError::new(error_code::EXPIRED_TOKEN, "the keys that were handed out had already expired"))
        }
        _ => Ok(keys),
    }
}
