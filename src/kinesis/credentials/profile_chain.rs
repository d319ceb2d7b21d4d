//! Follows a profile to the source of its keys, by AWS's files.
//!
//! The steps are those of the SDK (`aws-config` 1.13, `profile/credentials/repr.rs`), which does not publish its result,
//! and whose errors name neither file nor line.

use aws_config::profile::{Profile, ProfileSet};

use super::config_text::{ConfigText, Section};
use crate::{
    delivery::{AwsError, error_code},
    remedy,
};

/// The source of a profile's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// An access key in the file.
    Keys,
    /// AWS IAM Identity Center.
    Sso { region: String, start_url: String, session: Option<String>, account: String, role: String },
    /// `aws login`.
    Login,
    /// A program that prints keys.
    Process {
        command: String,
        /// The account of the keys, if the program prints none.
        account: Option<String>,
    },
    /// A token file of a web identity.
    WebIdentity,
    /// `credential_source`: `Environment`, `Ec2InstanceMetadata` or `EcsContainer`.
    Machine(String),
}

impl Base {
    /// Who hands out the keys.
    pub(super) fn service(&self) -> String {
        match self {
            Self::Sso { region, .. } => {
                let hosts = format!("portal.sso.{region}.amazonaws.com and oidc.{region}.amazonaws.com");
                format!("AWS IAM Identity Center ({hosts})")
            }
            Self::Login => "AWS Sign-In".to_owned(),
            Self::WebIdentity | Self::Keys | Self::Process { .. } => "AWS STS".to_owned(),
            Self::Machine(source) => format!("the key service of this machine or container ({source})"),
        }
    }
}

/// A role that a profile assumes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
}

/// How a profile comes to keys.
#[derive(Clone, Debug)]
pub(super) struct ProfileChain {
    pub(super) base: Base,
    /// The profile with the base: the chosen one, or the last `source_profile`.
    pub(super) base_profile: String,
    /// The roles to assume with the base's keys, one after the other.
    pub(super) roles: Vec<Role>,
    /// One of the roles asks for the code of an MFA device.
    pub(super) wants_mfa: bool,
}

impl ProfileChain {
    /// Follows the profile of that name. The error says what is wrong in the files.
    pub(super) fn of(profiles: &ProfileSet, text: &ConfigText, name: &str) -> Result<Self, AwsError> {
        let files = Files { profiles, text };
        let mut visited: Vec<&str> = Vec::new();
        let mut roles = Vec::new();
        let mut wants_mfa = false;
        let mut current = name;
        loop {
            let Some(profile) = profiles.get_profile(current) else {
                return Err(files.no_such_profile(current, &visited));
            };
            let name = profile.name();
            if visited.contains(&name) {
                return Err(files.mistake(
                    name,
                    Some("source_profile"),
                    "the profiles name each other as `source_profile` in a circle. One of them needs keys of its own.",
                ));
            }
            visited.push(name);
            wants_mfa |= has(profile, "role_arn") && has(profile, "mfa_serial");
            let chain = |base, mut roles: Vec<Role>| {
                roles.reverse();
                Ok(Self { base, base_profile: name.to_owned(), roles, wants_mfa })
            };
            let is_source = visited.len() > 1;
            if is_source && has_key_pair(profile) {
                return chain(Base::Keys, roles);
            }
            let Some(role) = role(profile) else { return chain(files.base(profile, is_source)?, roles) };
            roles.push(role);
            match files.source_of_role(profile)? {
                Some(source) => current = source,
                None => return chain(files.base(profile, false)?, roles),
            }
        }
    }
}

fn has(profile: &Profile, key: &str) -> bool {
    profile.get(key).is_some()
}

fn has_key_pair(profile: &Profile) -> bool {
    has(profile, "aws_access_key_id") && has(profile, "aws_secret_access_key")
}

/// The role that the profile assumes with other keys. With a web identity, the role is part of the base.
fn role(profile: &Profile) -> Option<Role> {
    let arn = profile.get("role_arn").filter(|_| !has(profile, "web_identity_token_file"))?;
    Some(Role {
        arn: arn.to_owned(),
        external_id: profile.get("external_id").map(str::to_owned),
        session_name: profile.get("role_session_name").map(str::to_owned),
    })
}

struct Files<'f> {
    profiles: &'f ProfileSet,
    text: &'f ConfigText,
}

impl Files<'_> {
    /// The profile whose keys assume this one's role; `None`: this profile itself has them.
    fn source_of_role<'p>(&self, profile: &'p Profile) -> Result<Option<&'p str>, AwsError> {
        let name = profile.name();
        match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => Err(self.mistake(
                name,
                Some("credential_source"),
                "a role has either `source_profile` or `credential_source`. Take this line or the other away.",
            )),
            (None, None) => Err(self.mistake(
                name,
                Some("role_arn"),
                "the role does not say whose keys may assume it. Add `source_profile = NAME`, the profile with the \
                 keys, or `credential_source`.",
            )),
            (Some(source), None) => Ok(Some(source).filter(|source| *source != name)),
            (None, Some(_)) => Ok(None),
        }
    }

    /// The source of this profile's keys. `is_source`: another profile takes its keys from this one.
    fn base(&self, profile: &Profile, is_source: bool) -> Result<Base, AwsError> {
        let (name, get) = (profile.name(), |key: &str| profile.get(key).map(str::to_owned));
        if let Some(source) = get("credential_source") {
            let known = ["environment", "ec2instancemetadata", "ecscontainer"];
            if known.contains(&source.to_ascii_lowercase().as_str()) {
                return Ok(Base::Machine(source));
            }
            return Err(self.mistake(
                name,
                Some("credential_source"),
                "`credential_source` is Environment, Ec2InstanceMetadata or EcsContainer.",
            ));
        }
        if has(profile, "role_arn") && has(profile, "web_identity_token_file") {
            return Ok(Base::WebIdentity);
        }
        if has_sso(profile) {
            return self.sso(profile);
        }
        if has(profile, "login_session") {
            return Ok(Base::Login);
        }
        if let Some(command) = get("credential_process") {
            return Ok(Base::Process { command, account: get("aws_account_id") });
        }
        match (has(profile, "aws_access_key_id"), has(profile, "aws_secret_access_key")) {
            (true, true) => Ok(Base::Keys),
            (true, false) => Err(self.mistake(
                name,
                Some("aws_access_key_id"),
                "the profile has an access key id and no `aws_secret_access_key`. Add the secret that belongs to it.",
            )),
            (false, true) => Err(self.mistake(
                name,
                Some("aws_secret_access_key"),
                "the profile has a secret and no `aws_access_key_id`. Add the access key id that belongs to it.",
            )),
            (false, false) if is_source => Err(self.mistake(
                name,
                None,
                "another profile takes its keys from this one (`source_profile`), and it has none: no keys, no SSO, no \
                 `aws login`, no program. Add keys to it, or name another profile.",
            )),
            (false, false) => {
                let location = self.text.location_of(Section::Profile(name), None).unwrap_or_default();
                let text = format!("{location}: the profile has no keys, no SSO, no `aws login`, no role and no program");
                Err(AwsError::new(error_code::PROFILE_WITHOUT_KEYS, remedy::about_profile(name, &text)))
            }
        }
    }

    fn sso(&self, profile: &Profile) -> Result<Base, AwsError> {
        let (name, get) = (profile.name(), |key: &str| profile.get(key).map(str::to_owned));
        let session = get("sso_session");
        let (region, start_url) = match &session {
            None => (get("sso_region"), get("sso_start_url")),
            Some(session) => {
                for key in ["sso_start_url", "sso_region"] {
                    if has(profile, key) {
                        return Err(self.mistake(
                            name,
                            Some(key),
                            &format!(
                                "`{key}` belongs to the section [sso-session {session}] where the profile names an \
                                 `sso_session`. Take this line out of the profile."
                            ),
                        ));
                    }
                }
                let Some(section) = self.profiles.sso_session(session) else {
                    return Err(self.mistake(
                        name,
                        Some("sso_session"),
                        &format!(
                            "there is no section [sso-session {session}]. Make it with `aws configure sso-session`, or \
                             correct the name."
                        ),
                    ));
                };
                (
                    section.get("sso_region").map(str::to_owned),
                    section.get("sso_start_url").map(str::to_owned),
                )
            }
        };
        let missing = |key: &str| {
            let (section, title) = match &session {
                Some(session) if key == "sso_region" || key == "sso_start_url" => {
                    (Section::SsoSession(session), format!("[sso-session {session}]"))
                }
                _ => (Section::Profile(name), "the profile".to_owned()),
            };
            let location = self.text.location_of(section, None).unwrap_or_default();
            let text = format!(
                "{location}: {title} signs in with SSO and has no `{key}`. Add it, or make the profile anew with \
                 `aws configure sso`."
            );
            AwsError::new(error_code::AWS_FILE_MISTAKE, remedy::about_profile(name, &text))
        };
        Ok(Base::Sso {
            region: region.ok_or_else(|| missing("sso_region"))?,
            start_url: start_url.ok_or_else(|| missing("sso_start_url"))?,
            account: get("sso_account_id").ok_or_else(|| missing("sso_account_id"))?,
            role: get("sso_role_name").ok_or_else(|| missing("sso_role_name"))?,
            session,
        })
    }

    fn no_such_profile(&self, name: &str, visited: &[&str]) -> AwsError {
        if let Some(why) = self.text.why_ignored(name) {
            return AwsError::new(error_code::AWS_FILE_MISTAKE, remedy::about_profile(name, &why));
        }
        let Some(from) = visited.last() else {
            let text = format!("{} have no profile of that name", self.text.paths());
            return AwsError::new(error_code::PROFILE_NOT_FOUND, remedy::about_profile(name, &text));
        };
        let rule = format!(
            "the profile “{name}”, whose keys are to be used (`source_profile`), is not there. Correct the name, or make the \
             profile."
        );
        self.mistake(from, Some("source_profile"), &rule)
    }

    fn mistake(&self, profile: &str, key: Option<&str>, rule: &str) -> AwsError {
        let location = self.text.location_of(Section::Profile(profile), key);
        let location = location.unwrap_or_else(|| self.text.paths());
        AwsError::new(
            error_code::AWS_FILE_MISTAKE,
            remedy::about_profile(profile, &format!("{location}: {rule}")),
        )
    }
}

fn has_sso(profile: &Profile) -> bool {
    ["sso_account_id", "sso_region", "sso_role_name", "sso_start_url", "sso_session"]
        .iter()
        .any(|key| has(profile, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn chain(config: &str, credentials: &str, name: &str) -> Result<ProfileChain, AwsError> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["config", "credentials"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], config).unwrap();
        std::fs::write(&paths[1], credentials).unwrap();
        let text = ConfigText::of(paths.to_vec()).unwrap();
        ProfileChain::of(&text.profiles().await.unwrap(), &text, name)
    }

    const CONFIG: &str = "[profile direct]\nsso_start_url = https://x\nsso_region = eu-west-1\nsso_account_id = 1\n\
                          sso_role_name = r\n[sso-session s]\nsso_start_url = https://x\nsso_region = eu-west-1\n\
                          [profile sso]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n\
                          [profile login]\nlogin_session = arn:aws:iam::1:user/u\n\
                          [profile program]\ncredential_process = /bin/x --y\n\
                          [profile top]\nrole_arn = arn:aws:iam::1:role/top\nsource_profile = middle\n\
                          [profile middle]\nrole_arn = arn:aws:iam::1:role/middle\nsource_profile = program\nmfa_serial = m\n\
                          [profile self]\nrole_arn = arn:aws:iam::1:role/self\nsource_profile = self\n\
                          [profile machine]\nrole_arn = arn:aws:iam::1:role/m\ncredential_source = EcsContainer\n";
    const CREDENTIALS: &str = "[plain]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n\
                               [self]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = s\n";

    #[tokio::test]
    async fn a_profile_is_followed_to_what_hands_out_its_keys() {
        for (name, base, at, roles) in [
            ("plain", "Keys", "plain", 0),
            ("direct", "Sso", "direct", 0),
            ("sso", "Sso", "sso", 0),
            ("login", "Login", "login", 0),
            ("program", "Process", "program", 0),
            ("top", "Process", "program", 2),
            ("self", "Keys", "self", 1),
            ("machine", "Machine", "machine", 1),
        ] {
            let found = chain(CONFIG, CREDENTIALS, name).await.expect(name);
            assert!(format!("{:?}", found.base).starts_with(base), "{name}: {found:?}");
            assert_eq!((&*found.base_profile, found.roles.len()), (at, roles), "{name}");
            assert_eq!(found.wants_mfa, name == "top", "{name}");
        }
        let top = chain(CONFIG, CREDENTIALS, "top").await.expect("it is right");
        assert_eq!(top.roles[0].arn, "arn:aws:iam::1:role/middle", "the one next to the keys comes first");
    }

    #[tokio::test]
    async fn each_mistake_in_a_profile_has_words_and_a_line_of_its_own() {
        for (config, name, code, wanted) in [
            (
                "[profile a]\nregion = x\n",
                "a",
                "ProfileWithoutKeys",
                "config, line 1: the profile has no keys",
            ),
            ("[profile a]\nregion = x\n", "b", "ProfileNotFound", "have no profile of that name"),
            ("[profile 'a b']\nregion = x\n", "a b", "AwsFileMistake", "config, line 1: the section"),
            (
                "[profile a]\nrole_arn = r\nsource_profile = gone\n",
                "a",
                "AwsFileMistake",
                "config, line 3: the profile “gone”",
            ),
            ("[profile a]\nrole_arn = r\n", "a", "AwsFileMistake", "line 2: the role does not say"),
            (
                "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nregion = x\n",
                "a",
                "AwsFileMistake",
                "line 4: another profile takes its keys",
            ),
            (
                "[profile a]\nrole_arn = r\nsource_profile = b\n[profile b]\nrole_arn = q\nsource_profile = a\n",
                "a",
                "AwsFileMistake",
                "in a circle",
            ),
            (
                "[profile a]\nrole_arn = r\nsource_profile = b\ncredential_source = Environment\n",
                "a",
                "AwsFileMistake",
                "line 4: a role has either",
            ),
            (
                "[profile a]\nrole_arn = r\ncredential_source = Somewhere\n",
                "a",
                "AwsFileMistake",
                "line 3: `credential_source` is",
            ),
            (
                "[profile a]\nsso_session = s\nsso_region = x\n[sso-session s]\nsso_region = x\n",
                "a",
                "AwsFileMistake",
                "line 3: `sso_region` belongs",
            ),
            (
                "[profile a]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n",
                "a",
                "AwsFileMistake",
                "line 2: there is no section [sso-session s]",
            ),
            (
                "[profile a]\nsso_session = s\n[sso-session s]\nsso_region = x\nsso_start_url = y\n",
                "a",
                "AwsFileMistake",
                "line 1: the profile signs in with SSO and has no `sso_account_id`",
            ),
            (
                "[profile a]\nsso_session = s\n[sso-session s]\nsso_region = x\n",
                "a",
                "AwsFileMistake",
                "line 3: [sso-session s] signs in with SSO and has no `sso_start_url`",
            ),
            ("[profile a]\naws_access_key_id = AKIA\n", "a", "AwsFileMistake", "no `aws_secret_access_key`"),
        ] {
            let fault = chain(config, "", name).await.expect_err(config);
            assert_eq!(&*fault.code, code, "{config:?}: {fault}");
            assert!(fault.message.contains(wanted), "{config:?}: {fault}");
        }
    }
}
