//! Finds the keys of some settings once, and asks AWS who they belong to.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::{Credentials, credential_feature::AwsCredentialFeature};

use super::{
    finder::{KeyFinder, KeyOrigin},
    resolve::resolve,
};
use crate::{
    config::Config,
    delivery::{AwsError, AwsIdentity, KeyOwner, error_code},
    kinesis::{
        error::CallError,
        retry::{ClockOffset, retried},
        sdk_config,
    },
};

/// Keys that were found.
pub(crate) struct FoundKeys {
    /// Settings of AWS clients with these very keys: their use looks up no keys.
    pub(crate) aws: SdkConfig,
    pub(crate) keys: Credentials,
    /// Where they are from and how long they last, in a sentence. It quotes only the last four characters of the key.
    pub(crate) text: String,
}

/// Finds the keys of these settings, and assumes the role if there is one.
pub(crate) async fn find(config: &Config) -> Result<FoundKeys, AwsError> {
    let finder = KeyFinder::new(config).await;
    let mut keys = resolve(&finder).await?;
    let mut text = format!("Key {} from {}.", shortened(keys.access_key_id()), origin_of(&keys));
    let has_sign_in = keys.get_property::<KeyOrigin>().is_some_and(|origin| origin.has_sign_in);
    let mut aws = sdk_config::with_keys(finder.aws().clone(), keys.clone());
    if let Some(role) = sdk_config::role_provider(&aws, config).await {
        keys = resolve(&role).await?;
        aws = sdk_config::with_keys(aws, keys.clone());
        text = format!("{text} They may assume {}.", config.credentials.role_arn);
    }
    if let Some(left) = keys.expiry().and_then(|at| at.duration_since(SystemTime::now()).ok()) {
        let renewed = if has_sign_in { ", and are renewed for as long as the sign-in lasts" } else { "" };
        text = format!("{text} They last for {} more minutes{renewed}.", left.as_secs() / 60);
    }
    Ok(FoundKeys { aws, keys, text })
}

/// Who AWS says the keys belong to. Needs no permission. `clock` learns the clock's offset on the way.
pub(crate) async fn identity_of(aws: &SdkConfig, clock: &mut ClockOffset) -> Result<AwsIdentity, CallError> {
    let client = aws_sdk_sts::Client::new(&sdk_config::for_service(aws, "STS"));
    let answer = retried(clock, || client.get_caller_identity().send()).await?;
    match (answer.account(), answer.arn()) {
        (Some(account), Some(arn)) => Ok(AwsIdentity { account_id: account.into(), arn: arn.into() }),
        _ => {
            Err(CallError::unanswered(error_code::UNCLEAR_ANSWER, "the answer names no account and no user"))
        }
    }
}

/// Checks that whatever these keys create is in that account.
pub(crate) fn check_account(identity: &AwsIdentity, account_id: &str) -> Result<(), AwsError> {
    if *identity.account_id == *account_id {
        return Ok(());
    }
    let AwsIdentity { account_id: own, arn } = identity;
    Err(AwsError::new(
        error_code::OTHER_ACCOUNT,
        format!("{arn} is in account {own}, and the stream in account {account_id}"),
    ))
}

/// The keys of these settings, and who they are to AWS. An error: no keys were found.
pub async fn who_am_i(config: &Config) -> Result<KeyOwner, AwsError> {
    let found = find(config).await?;
    let identity = identity_of(&found.aws, &mut ClockOffset::default()).await;
    Ok(KeyOwner { keys: found.text.into(), identity: identity.map_err(|failure| failure.error) })
}

/// Enough of an access key id to tell two keys apart.
fn shortened(access_key_id: &str) -> String {
    let count = access_key_id.chars().count();
    let end: String = access_key_id.chars().skip(count.saturating_sub(4)).collect();
    if count > 8 { format!("…{end}") } else { "…".to_owned() }
}

fn origin_of(keys: &Credentials) -> &str {
    if let Some(origin) = keys.get_property::<KeyOrigin>() {
        return &origin.text;
    }
    let features = keys.get_property::<Vec<AwsCredentialFeature>>().map(Vec::as_slice).unwrap_or_default();
    let known = features.iter().find_map(|feature| match feature {
        AwsCredentialFeature::CredentialsEnvVars => Some("environment variables"),
        AwsCredentialFeature::CredentialsEnvVarsStsWebIdToken => Some("a web identity token"),
        AwsCredentialFeature::CredentialsHttp => Some("the container's role"),
        AwsCredentialFeature::CredentialsImds => Some("the machine's role"),
        _ => None,
    });
    known.unwrap_or("the AWS default chain")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_its_end_is_said() {
        assert_eq!(shortened("AKIAIOSFODNN7EXAMPLE"), "…MPLE");
        assert_eq!(shortened("test"), "…");
    }
}
