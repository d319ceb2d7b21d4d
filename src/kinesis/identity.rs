//! Whose keys these are: the credentials that the settings lead to, and who AWS says they belong to.

use std::time::SystemTime;

use aws_config::SdkConfig;
use aws_credential_types::credential_feature::AwsCredentialFeature as From;
use aws_sdk_kinesis::config::{Credentials as Keys, SharedCredentialsProvider};

use super::{
    connect,
    keys::{Place, resolve},
    tries::Tries,
};
use crate::{
    config::Config,
    delivery::{AwsError, AwsIdentity},
};

/// Credentials that were found, and every AWS client's settings with them.
pub(super) struct Found {
    /// With these very keys: asking again does not look for them again.
    pub(super) aws: SdkConfig,
    /// Where they are from and how long they last, in a sentence. Of the key only its last four characters.
    pub(super) text: String,
}

/// Looks for the credentials of these settings, and assumes the role where there is one.
pub(super) async fn credentials(config: &Config) -> Result<Found, AwsError> {
    let source = connect::source(config).await;
    let keys = resolve(&source).await?;
    let mut text = format!("Key {} from {}.", shortened(keys.access_key_id()), place(&keys));
    let is_signed_in = keys.get_property::<Place>().is_some_and(|place| place.is_signed_in);
    let source = with_keys(source, keys);
    let aws = connect::with_role(source, config).await;
    let role = &config.credentials.role_arn;
    let keys = resolve(&aws).await?;
    if !role.is_empty() {
        text = format!("{text} They may assume {role}.");
    }
    if let Some(left) = keys.expiry().and_then(|at| at.duration_since(SystemTime::now()).ok()) {
        let renewed = if is_signed_in { ", and are renewed for as long as the sign-in lasts" } else { "" };
        text = format!("{text} They last for {} more minutes{renewed}.", left.as_secs() / 60);
    }
    Ok(Found { aws: with_keys(aws, keys), text })
}

/// Who AWS says we are. Needs no permission.
pub(super) async fn caller(aws: &SdkConfig) -> Result<AwsIdentity, (AwsError, Option<u16>)> {
    caller_after(aws, &mut Tries::default()).await
}

/// The same; `tries` hears what several tries learned besides.
pub(super) async fn caller_after(
    aws: &SdkConfig,
    tries: &mut Tries,
) -> Result<AwsIdentity, (AwsError, Option<u16>)> {
    let client = aws_sdk_sts::Client::new(&connect::of_service(aws, "STS"));
    let answer = tries.call(|| client.get_caller_identity().send()).await?;
    match (answer.account(), answer.arn()) {
        (Some(account), Some(arn)) => Ok(AwsIdentity { account_id: account.into(), arn: arn.into() }),
        _ => Err((AwsError::new("UnclearAnswer", "the answer names no account and no user"), None)),
    }
}

/// Whether what the caller makes would be in that account.
pub(super) fn in_account(caller: &AwsIdentity, account_id: &str) -> Result<(), AwsError> {
    if *caller.account_id == *account_id {
        return Ok(());
    }
    let AwsIdentity { account_id: own, arn } = caller;
    Err(AwsError::new(
        "OtherAccount",
        format!("{arn} is in account {own}, and the stream in account {account_id}"),
    ))
}

/// Who these settings are to AWS.
pub async fn who_am_i(config: &Config) -> Result<AwsIdentity, AwsError> {
    let found = credentials(config).await?;
    caller(&found.aws).await.map_err(|(fault, _)| fault)
}

fn with_keys(aws: SdkConfig, keys: Keys) -> SdkConfig {
    aws.into_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build()
}

/// Enough to tell two keys apart.
fn shortened(access_key_id: &str) -> String {
    let count = access_key_id.chars().count();
    let end: String = access_key_id.chars().skip(count.saturating_sub(4)).collect();
    if count > 8 { format!("…{end}") } else { "…".to_owned() }
}

fn place(keys: &Keys) -> &str {
    if let Some(place) = keys.get_property::<Place>() {
        return &place.text;
    }
    let steps = keys.get_property::<Vec<From>>().map(Vec::as_slice).unwrap_or_default();
    let known = steps.iter().find_map(|step| match step {
        From::CredentialsEnvVars => Some("environment variables"),
        From::CredentialsEnvVarsStsWebIdToken => Some("a web identity token"),
        From::CredentialsHttp => Some("the container's role"),
        From::CredentialsImds => Some("the machine's role"),
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
