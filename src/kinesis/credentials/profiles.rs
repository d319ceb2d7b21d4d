//! The profiles of AWS's own files, read with the SDK's parser: `~/.aws/config` and `~/.aws/credentials`, or the files that
//! `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name. Keys in them are not read.

use aws_config::profile::{Profile as Section, ProfileFileLoadError, ProfileSet};

use super::config_text::{ConfigFileError, ConfigText};
use crate::{
    delivery::{Profile, ProfileKind},
    kinesis::error::causes,
};

/// Why the profiles cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesError {
    /// A file is unreadable or has a mistake.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// The SDK's parser found a mistake.
    #[error("AWS's files cannot be read: {0}: {causes}", causes = causes(.0))]
    Sdk(ProfileFileLoadError),
}

/// Every profile, `default` first, then by name. A missing file counts as empty.
pub async fn profiles() -> Result<Vec<Profile>, ProfilesError> {
    listed(&ConfigText::read()?).await
}

async fn listed(text: &ConfigText) -> Result<Vec<Profile>, ProfilesError> {
    let profiles = text.profiles().await.map_err(ProfilesError::Sdk)?;
    let mut names: Vec<&str> = profiles.profiles().collect();
    names.sort_unstable_by_key(|name| (*name != "default", *name));
    let described = |name: &str| Some(described(name, profiles.get_profile(name)?, &profiles));
    Ok(names.into_iter().filter_map(described).collect())
}

fn described(name: &str, section: &Section, profiles: &ProfileSet) -> Profile {
    Profile {
        name: name.into(),
        kind: kind(section),
        region: section.get("region").map(Into::into),
        mfa: wants_mfa(section, profiles),
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

/// Whether this profile or one that it takes keys from asks for the code of an MFA device.
fn wants_mfa(section: &Section, profiles: &ProfileSet) -> bool {
    const STEPS_MAX: usize = 8;
    let mut next = Some(section);
    for _ in 0..STEPS_MAX {
        let Some(section) = next else { return false };
        if section.get("role_arn").is_some() && section.get("mfa_serial").is_some() {
            return true;
        }
        next = section.get("source_profile").and_then(|name| profiles.get_profile(name));
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn profiles_are_listed_with_how_they_come_to_keys() {
        let config = "[default]\nregion = eu-west-1\n[profile work]\nsso_session = w\n[sso-session w]\n\
                      sso_start_url = https://x.awsapps.com/start\n[profile admin]\nrole_arn = arn:aws:iam::1:role/a\n\
                      source_profile = coded\n[profile coded]\nrole_arn = arn:aws:iam::1:role/b\nmfa_serial = \
                      arn:aws:iam::1:mfa/u\nsource_profile = default\n[profile tool]\ncredential_process = /bin/x\n\
                      [profile new]\nlogin_session = arn:aws:iam::1:user/u\n[forgotten]\nregion = eu-west-1\n";
        let keys = "[default]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = never-shown\n";
        let folder = tempfile::tempdir().unwrap();
        let paths = ["config", "credentials"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], config).unwrap();
        std::fs::write(&paths[1], keys).unwrap();
        let found = listed(&ConfigText::of(paths.to_vec()).unwrap()).await.unwrap();
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
