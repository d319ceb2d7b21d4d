//! Whose keys these are: the credentials that the settings lead to, and who AWS says they belong to.

use std::time::{Instant, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::{
    credential_feature::AwsCredentialFeature as From,
    provider::{ProvideCredentials as _, error::CredentialsError},
};
use aws_sdk_kinesis::config::{Credentials as Keys, SharedCredentialsProvider};
use aws_sdk_sts::{error::SdkError, operation::assume_role::AssumeRoleError};

use super::{
    chain, connect, credentials_code, fault_of,
    tries::{self, Tries},
    without_secrets,
};
use crate::{
    config::{Config, CredentialsSource},
    delivery::{Caller, Fault},
    remedy,
};

/// Credentials that were found, and every AWS client's settings with them.
pub(super) struct Found {
    /// With these very keys: asking again does not look for them again.
    pub(super) aws: SdkConfig,
    /// Where they are from and how long they last, in a sentence. Of the key only its last four characters.
    pub(super) text: String,
}

/// Looks for the credentials of these settings, and assumes the role where there is one.
pub(super) async fn credentials(config: &Config) -> Result<Found, Fault> {
    let source = connect::source(config).await;
    let keys = resolve(&source).await?;
    let mut text = format!("Key {} from {}.", shortened(keys.access_key_id()), place(config, &keys));
    let source = with_keys(source, keys);
    let aws = connect::with_role(source, config).await;
    let role = &config.credentials.role_arn;
    let keys = resolve(&aws).await?;
    if !role.is_empty() {
        text = format!("{text} They may assume {role}.");
    }
    if let Some(left) = keys.expiry().and_then(|at| at.duration_since(SystemTime::now()).ok()) {
        text = format!("{text} They last for {} more minutes.", left.as_secs() / 60);
    }
    Ok(Found { aws: with_keys(aws, keys), text })
}

/// Who AWS says we are. Needs no permission.
pub(super) async fn caller(aws: &SdkConfig) -> Result<Caller, (Fault, Option<u16>)> {
    caller_after(aws, &mut Tries::default()).await
}

/// The same; `tries` hears what several tries learned besides.
pub(super) async fn caller_after(aws: &SdkConfig, tries: &mut Tries) -> Result<Caller, (Fault, Option<u16>)> {
    let client = aws_sdk_sts::Client::new(&connect::of_service(aws, "STS"));
    let answer = tries.call(|| client.get_caller_identity().send()).await?;
    match (answer.account(), answer.arn()) {
        (Some(account), Some(arn)) => Ok(Caller { account_id: account.into(), arn: arn.into() }),
        _ => Err((Fault::new("UnclearAnswer", "the answer names no account and no user"), None)),
    }
}

/// Whether what the caller makes would be in that account.
pub(super) fn in_account(caller: &Caller, account_id: &str) -> Result<(), Fault> {
    if *caller.account_id == *account_id {
        return Ok(());
    }
    let Caller { account_id: own, arn } = caller;
    Err(Fault::new(
        "OtherAccount",
        format!("{arn} is in account {own}, and the stream in account {account_id}"),
    ))
}

/// Who these settings are to AWS.
pub async fn who_am_i(config: &Config) -> Result<Caller, Fault> {
    let found = credentials(config).await?;
    caller(&found.aws).await.map_err(|(fault, _)| fault)
}

async fn resolve(aws: &SdkConfig) -> Result<Keys, Fault> {
    let provider = aws.credentials_provider().ok_or_else(|| Fault::new("CredentialsNotFound", ""))?;
    let began = Instant::now();
    let mut is_clock_known = false;
    for tried in 1.. {
        let fault = match provider.provide_credentials().await {
            Ok(keys) => return Ok(keys),
            Err(error) => fault_of_credentials(&error),
        };
        if remedy::is_the_clock(&fault.code, &fault.message) && !is_clock_known {
            // The provider's client has learned the time from this answer.
            is_clock_known = true;
            continue;
        }
        match tries::pause(&fault, None, tried, began.elapsed()) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(fault),
        }
    }
    Err(Fault::new("CredentialsNotFound", ""))
}

fn with_keys(aws: SdkConfig, keys: Keys) -> SdkConfig {
    aws.into_builder().credentials_provider(SharedCredentialsProvider::new(keys)).build()
}

/// Where STS answered, its own code says more than that there are no credentials.
fn fault_of_credentials(error: &CredentialsError) -> Fault {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(assumed) = cause.downcast_ref::<SdkError<AssumeRoleError>>() {
            let (fault, _) = fault_of(assumed);
            if matches!(assumed, SdkError::ServiceError(_)) && &*fault.code == "AccessDenied" {
                return Fault::new(
                    "CredentialsFailed",
                    format!("AssumeRole: AccessDenied: {}", fault.message),
                );
            }
            // Without an answer, it is STS that cannot be reached, not Kinesis.
            let is_answered = matches!(assumed, SdkError::ServiceError(_) | SdkError::ResponseError(_));
            if !is_answered {
                return Fault::new("CredentialsFailed", format!("AssumeRole: {}", fault.message));
            }
            return fault;
        }
        next = cause.source();
    }
    let text = format!("{error}: {}", chain(error));
    let code = match error {
        CredentialsError::CredentialsNotLoaded(_) => "CredentialsNotFound",
        _ => match credentials_code(&text) {
            "CredentialsNotFound" => "CredentialsNotFound",
            _ => "CredentialsFailed",
        },
    };
    Fault::new(code, without_secrets(&chain(error)))
}

/// Enough to tell two keys apart.
fn shortened(access_key_id: &str) -> String {
    let count = access_key_id.chars().count();
    let end: String = access_key_id.chars().skip(count.saturating_sub(4)).collect();
    if count > 8 { format!("…{end}") } else { "…".to_owned() }
}

fn place(config: &Config, keys: &Keys) -> String {
    let credentials = &config.credentials;
    match credentials.source {
        CredentialsSource::Profile => format!("the profile “{}”", credentials.profile),
        CredentialsSource::Keychain => "the system keychain".to_owned(),
        CredentialsSource::Default => {
            let steps = keys.get_property::<Vec<From>>().map(Vec::as_slice).unwrap_or_default();
            let known = steps.iter().find_map(|step| match step {
                From::CredentialsEnvVars => Some("environment variables"),
                From::CredentialsEnvVarsStsWebIdToken => Some("a web identity token"),
                From::CredentialsHttp => Some("the container's role"),
                From::CredentialsImds => Some("the machine's role"),
                step if format!("{step:?}").starts_with("CredentialsProfile") => {
                    Some("the default AWS profile")
                }
                _ => None,
            });
            known.unwrap_or("the AWS default chain").to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_only_its_end_is_said() {
        assert_eq!(shortened("AKIAIOSFODNN7EXAMPLE"), "…MPLE");
        assert_eq!(shortened("test"), "…");
    }

    #[test]
    fn a_credentials_error_says_whether_there_were_none_or_they_failed() {
        let none = CredentialsError::not_loaded("no providers in chain provided credentials");
        assert_eq!(&*fault_of_credentials(&none).code, "CredentialsNotFound");
        let failed = CredentialsError::provider_error("failed to load the cached SSO token");
        let fault = fault_of_credentials(&failed);
        assert_eq!(
            (&*fault.code, &*fault.message),
            ("CredentialsFailed", "failed to load the cached SSO token")
        );
    }
}
