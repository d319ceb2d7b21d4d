//! The profiles of AWS's own files, read with AWS's own parser: `~/.aws/config` and `~/.aws/credentials`, or what
//! `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name. Keys in them are not looked at.

use aws_config::profile::{self, Profile as Section, ProfileSet};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};

use super::{chain, sections::Sections};
use crate::delivery::{Profile, ProfileKind};

/// Every profile, `default` first. Files that are missing count as empty.
pub async fn profiles() -> Result<Vec<Profile>, String> {
    read(&Sections::read()?.for_sdk()).await
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
