//! Reads token files of SSO sign-ins whose times the SDK cannot read.
//!
//! The SDK (`aws-config` 1.13) reads `2030-01-31T12:00:00Z` only. Older versions of the AWS CLI wrote `…UTC`, other tools
//! write `…+00:00`, and the AWS CLI reads all of them. Only a token that has not expired is used here: the SDK and
//! `aws sso login` renew tokens.

use std::time::SystemTime;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_runtime::fs_util::{Os, home_dir};
use aws_types::os_shim_internal::Env;
use serde_json::Value;

use super::profile_chain::Base;

/// The role's keys; `None` if the file holds no valid token, or if the portal refuses it.
pub(super) async fn keys(base: &Base, aws: &SdkConfig) -> Option<Credentials> {
    let Base::Sso { region, start_url, session, account, role } = base else { return None };
    let env = Env::real();
    let file = std::path::Path::new(&home_dir(&env, Os::real())?)
        .join(".aws/sso/cache")
        .join(file_name(session.as_deref().unwrap_or(start_url)));
    let token = token_in(&std::fs::read(file).ok()?, SystemTime::now())?;
    let mut settings = aws_sdk_sso::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region.clone()));
    settings.set_http_client(aws.http_client());
    settings.set_timeout_config(aws.timeout_config().cloned());
    settings.set_use_fips(aws.use_fips());
    settings.set_use_dual_stack(aws.use_dual_stack());
    settings.set_endpoint_url(env.get("AWS_ENDPOINT_URL_SSO").or_else(|_| env.get("AWS_ENDPOINT_URL")).ok());
    let portal = aws_sdk_sso::Client::from_conf(settings.build());
    let answer =
        portal.get_role_credentials().access_token(token).account_id(account).role_name(role).send().await;
    let given = answer.ok()?.role_credentials?;
    let expiry = jiff::Timestamp::from_millisecond(given.expiration).ok()?;
    let mut keys = Credentials::builder()
        .access_key_id(given.access_key_id?)
        .secret_access_key(given.secret_access_key?)
        .account_id(account.as_str())
        .expiry(expiry.into())
        .provider_name("SSO");
    keys.set_session_token(given.session_token);
    Some(keys.build())
}

/// The file's name in every AWS tool: the SHA-1 of the session's name, or of the start URL if the profile has no session.
fn file_name(session: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, session.as_bytes());
    format!("{}.json", hex::encode(digest))
}

fn token_in(file: &[u8], now: SystemTime) -> Option<String> {
    let file: Value = serde_json::from_slice(file).ok()?;
    let spelled = file["expiresAt"].as_str()?.trim();
    let spelled =
        spelled.strip_suffix("UTC").map_or_else(|| spelled.to_owned(), |time| format!("{}Z", time.trim()));
    let expires: jiff::Timestamp = spelled.parse().ok()?;
    (SystemTime::from(expires) > now).then(|| file["accessToken"].as_str().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_spelling_that_tools_write() {
        let now = SystemTime::now();
        for (spelled, is_good) in [
            ("2099-01-01T00:00:00Z", true),
            ("2099-01-01T00:00:00UTC", true),
            ("2099-01-01T00:00:00+00:00", true),
            ("2099-01-01T01:00:00.5+01:00", true),
            ("2001-01-01T00:00:00UTC", false),
            ("soon", false),
        ] {
            let file = format!(r#"{{"accessToken":"t","expiresAt":"{spelled}"}}"#);
            assert_eq!(token_in(file.as_bytes(), now).is_some(), is_good, "{spelled}");
        }
        assert_eq!(file_name("company"), "71b21161ffa1e6516bcc072aaf5ef38cbe85b511.json");
    }
}
