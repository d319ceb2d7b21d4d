//! The profiles of AWS's own files, read with AWS's own parser: `~/.aws/config` and `~/.aws/credentials`, or what
//! `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name. Keys in them are not looked at.

use aws_config::profile::{self, Profile as Section, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError, future};
use aws_sdk_kinesis::config::SharedCredentialsProvider;

use super::chain;
use crate::delivery::{Profile, ProfileKind};

/// The keys of a profile. The SDK does not look at `mfa_serial`: it asks for the role without a code, and AWS says only
/// that this is not allowed.
#[derive(Debug)]
pub(super) struct MaybeCoded {
    keys: SharedCredentialsProvider,
    /// `None`: the one that AWS's tools choose.
    profile: Option<String>,
    files: EnvConfigFiles,
}

impl MaybeCoded {
    pub(super) fn new(keys: SharedCredentialsProvider, profile: Option<String>) -> Self {
        Self { keys, profile, files: EnvConfigFiles::default() }
    }

    async fn asks_for_a_code(&self) -> bool {
        let Ok(set) = profile::load(&Fs::real(), &Env::real(), &self.files, None).await else {
            return false;
        };
        let name = self.profile.as_deref().unwrap_or(set.selected_profile());
        set.get_profile(name).is_some_and(|section| wants_mfa(section, &set))
    }
}

impl ProvideCredentials for MaybeCoded {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let error = match self.keys.provide_credentials().await {
                Err(error) if chain(&error).contains("AccessDenied") => error,
                other => return other,
            };
            if !self.asks_for_a_code().await {
                return Err(error);
            }
            let text = "the profile names an MFA device (mfa_serial), whose code cannot be typed in here";
            Err(CredentialsError::provider_error(format!("{text}: {}", chain(&error))))
        })
    }
}

/// Every profile, `default` first. Files that are missing count as empty.
pub async fn profiles() -> Result<Vec<Profile>, String> {
    read(&EnvConfigFiles::default()).await
}

async fn read(files: &EnvConfigFiles) -> Result<Vec<Profile>, String> {
    let set = profile::load(&Fs::real(), &Env::real(), files, None).await;
    let set = set.map_err(|error| format!("AWS's files cannot be read: {error}: {}", chain(&error)))?;
    let mut names: Vec<&str> = set.profiles().collect();
    names.sort_unstable_by_key(|name| (*name != "default", *name));
    Ok(names.into_iter().filter_map(|name| Some(described(name, set.get_profile(name)?, &set))).collect())
}

fn described(name: &str, section: &Section, set: &ProfileSet) -> Profile {
    Profile {
        name: name.into(),
        kind: kind(section),
        region: section.get("region").map(Into::into),
        mfa: wants_mfa(section, set),
    }
}

fn kind(section: &Section) -> ProfileKind {
    let has = |name: &str| section.get(name).is_some();
    if has("role_arn") {
        ProfileKind::Role
    } else if has("aws_access_key_id") {
        ProfileKind::Keys
    } else if has("sso_session") || has("sso_start_url") {
        ProfileKind::Sso
    } else if has("credential_process") {
        ProfileKind::Process
    } else if has("login_session") {
        ProfileKind::Login
    } else {
        ProfileKind::None
    }
}

/// A role's profile can stand on another one that wants the code.
fn wants_mfa(section: &Section, set: &ProfileSet) -> bool {
    const STEPS_MAX: usize = 8;
    let mut next = Some(section);
    for _ in 0..STEPS_MAX {
        let Some(section) = next else { return false };
        if section.get("role_arn").is_some() && section.get("mfa_serial").is_some() {
            return true;
        }
        next = section.get("source_profile").and_then(|name| set.get_profile(name));
    }
    false
}

#[cfg(test)]
mod tests {
    use aws_runtime::env_config::file::EnvConfigFileKind;

    use super::*;

    #[derive(Debug)]
    struct Failing(&'static str);

    impl ProvideCredentials for Failing {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::provider_error(self.0)))
        }
    }

    #[tokio::test]
    async fn a_role_that_is_refused_to_a_profile_with_an_mfa_device_is_a_matter_of_the_code() {
        let config = "[default]\nregion = eu-west-1\n[profile admin]\nrole_arn = arn:aws:iam::1:role/a\n\
                      source_profile = default\nmfa_serial = arn:aws:iam::1:mfa/u\n";
        let files = EnvConfigFiles::builder().with_contents(EnvConfigFileKind::Config, config).build();
        for (name, said, wants_code) in [
            ("admin", "service error: unhandled error (AccessDenied)", true),
            ("default", "service error: unhandled error (AccessDenied)", false),
            ("admin", "dispatch failure: io error", false),
        ] {
            let keys = SharedCredentialsProvider::new(Failing(said));
            let keys = MaybeCoded { keys, profile: Some(name.to_owned()), files: files.clone() };
            let error = keys.provide_credentials().await.expect_err("it fails");
            let said = format!("{error}: {}", chain(&error));
            assert_eq!(said.contains("mfa_serial"), wants_code, "{name}: {said}");
        }
    }

    #[tokio::test]
    async fn profiles_are_listed_with_how_they_come_to_keys() {
        let config = "[default]\nregion = eu-west-1\n[profile work]\nsso_session = w\n[sso-session w]\n\
                      sso_start_url = https://x.awsapps.com/start\n[profile admin]\nrole_arn = arn:aws:iam::1:role/a\n\
                      source_profile = coded\n[profile coded]\nrole_arn = arn:aws:iam::1:role/b\nmfa_serial = \
                      arn:aws:iam::1:mfa/u\nsource_profile = default\n[profile tool]\ncredential_process = /bin/x\n\
                      [profile new]\nlogin_session = arn:aws:iam::1:user/u\n[forgotten]\nregion = eu-west-1\n";
        let keys = "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = never-shown\n";
        let files = EnvConfigFiles::builder()
            .with_contents(EnvConfigFileKind::Config, config)
            .with_contents(EnvConfigFileKind::Credentials, keys)
            .build();
        let found = read(&files).await.unwrap();
        let lines: Vec<_> =
            found.iter().map(|one| (&*one.name, one.kind, one.region.as_deref(), one.mfa)).collect();
        assert_eq!(
            lines,
            [
                ("default", ProfileKind::Keys, Some("eu-west-1"), false),
                ("admin", ProfileKind::Role, None, true),
                ("coded", ProfileKind::Role, None, true),
                ("new", ProfileKind::Login, None, false),
                ("tool", ProfileKind::Process, None, false),
                ("work", ProfileKind::Sso, None, false),
            ]
        );
        assert!(!format!("{found:?}").contains("never-shown"));
    }
}
