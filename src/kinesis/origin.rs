//! Where a profile's keys come from, by what AWS's files say and not by the words of an error.
//!
//! The steps are those of the SDK (`aws-config` 1.13, `profile/credentials/repr.rs`), which keeps what it found to itself
//! and says of a mistake neither file nor line.

use aws_config::profile::{Profile as Section, ProfileSet};

use super::sections::{Named, Sections};
use crate::{delivery::AwsError, remedy};

/// What stands at the beginning of a profile's chain of roles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Keys,
    Sso {
        region: String,
        start_url: String,
        session: Option<String>,
        account: String,
        role: String,
    },
    /// `aws login`.
    Login,
    /// A program that prints keys, and the account to name where it names none.
    Process {
        command: String,
        account: Option<String>,
    },
    WebIdentity,
    /// `credential_source`: `Environment`, `Ec2InstanceMetadata` or `EcsContainer`.
    Machine(String),
}

/// A role of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) external_id: Option<String>,
    pub(super) session_name: Option<String>,
}

/// How a profile comes to keys.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) base: Base,
    /// The profile in which the base stands: the chosen one, or the last `source_profile`.
    pub(super) base_profile: String,
    /// To be assumed one after the other with the base's keys.
    pub(super) roles: Vec<Role>,
    /// A role that asks for the code of an MFA device.
    pub(super) wants_mfa: bool,
}

/// Follows the profile to its keys. The fault says what is wrong in the files.
pub(super) fn of(set: &ProfileSet, sections: &Sections, name: &str) -> Result<Origin, AwsError> {
    let files = Files { set, sections };
    let mut visited: Vec<&str> = Vec::new();
    let mut roles = Vec::new();
    let mut wants_mfa = false;
    let mut current = name;
    loop {
        let Some(section) = set.get_profile(current) else {
            return Err(files.no_such_profile(current, &visited));
        };
        let current_name = section.name();
        if visited.contains(&current_name) {
            return Err(files.mistake(
                current_name,
                Some("source_profile"),
                "the profiles name each other as `source_profile` in a circle. One of them needs keys of its own.",
            ));
        }
        visited.push(current_name);
        wants_mfa |= section.get("role_arn").is_some() && section.get("mfa_serial").is_some();
        let origin = |base, roles: Vec<Role>| {
            Ok(Origin {
                base,
                base_profile: current_name.to_owned(),
                roles: roles.into_iter().rev().collect(),
                wants_mfa,
            })
        };
        if visited.len() > 1 && section.get("aws_access_key_id").is_some() && has_secret(section) {
            return origin(Base::Keys, roles);
        }
        let role = section.get("role_arn").filter(|_| section.get("web_identity_token_file").is_none());
        let Some(arn) = role else {
            return origin(files.base(section, visited.len() > 1)?, roles);
        };
        roles.push(Role {
            arn: arn.to_owned(),
            external_id: section.get("external_id").map(str::to_owned),
            session_name: section.get("role_session_name").map(str::to_owned),
        });
        match (section.get("source_profile"), section.get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(files.mistake(
                    current_name,
                    Some("credential_source"),
                    "a role has either `source_profile` or `credential_source`. Take this line or the other away.",
                ));
            }
            (None, None) => {
                return Err(files.mistake(
                    current_name,
                    Some("role_arn"),
                    "the role does not say whose keys may assume it. Add `source_profile = NAME`, the profile with the \
                     keys, or `credential_source`.",
                ));
            }
            (Some(source), None) if source != current_name => current = source,
            (Some(_), None) | (None, Some(_)) => {
                return origin(files.base(section, false)?, roles);
            }
        }
    }
}

fn has_secret(section: &Section) -> bool {
    section.get("aws_secret_access_key").is_some()
}

struct Files<'f> {
    set: &'f ProfileSet,
    sections: &'f Sections,
}

impl Files<'_> {
    fn base(&self, section: &Section, is_source: bool) -> Result<Base, AwsError> {
        let (name, get) = (section.name(), |key: &str| section.get(key).map(str::to_owned));
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
        if get("role_arn").is_some() && get("web_identity_token_file").is_some() {
            return Ok(Base::WebIdentity);
        }
        if section_has_sso(section) {
            return self.sso(section);
        }
        if get("login_session").is_some() {
            return Ok(Base::Login);
        }
        if let Some(command) = get("credential_process") {
            return Ok(Base::Process { command, account: get("aws_account_id") });
        }
        match (get("aws_access_key_id").is_some(), has_secret(section)) {
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
                let place = self.sections.place_of(Named::Profile(name), None).unwrap_or_default();
                let text = format!("{place}: the profile has no keys, no SSO, no `aws login`, no role and no program");
                Err(AwsError::new("ProfileWithoutKeys", remedy::about_profile(name, &text)))
            }
        }
    }

    fn sso(&self, section: &Section) -> Result<Base, AwsError> {
        let (name, get) = (section.name(), |key: &str| section.get(key).map(str::to_owned));
        let session = get("sso_session");
        let (region, start_url) = match &session {
            None => (get("sso_region"), get("sso_start_url")),
            Some(session) => {
                for key in ["sso_start_url", "sso_region"] {
                    if get(key).is_some() {
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
                let Some(of_session) = self.set.sso_session(session) else {
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
                    of_session.get("sso_region").map(str::to_owned),
                    of_session.get("sso_start_url").map(str::to_owned),
                )
            }
        };
        let missing = |key: &str| {
            let (section, of) = match &session {
                Some(session) if key == "sso_region" || key == "sso_start_url" => {
                    (Named::SsoSession(session), format!("[sso-session {session}]"))
                }
                _ => (Named::Profile(name), "the profile".to_owned()),
            };
            let place = self.sections.place_of(section, None).unwrap_or_default();
            let text = format!(
                "{place}: {of} signs in with SSO and has no `{key}`. Add it, or make the profile anew with \
                                `aws configure sso`."
            );
            AwsError::new("AwsFileMistake", remedy::about_profile(name, &text))
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
        if let Some(hidden) = self.sections.hidden(name) {
            return AwsError::new("AwsFileMistake", remedy::about_profile(name, &hidden));
        }
        let Some(from) = visited.last() else {
            let text = format!("{} have no profile of that name", self.sections.places());
            return AwsError::new("ProfileNotFound", remedy::about_profile(name, &text));
        };
        let rule = format!(
            "the profile “{name}”, whose keys are to be used (`source_profile`), is not there. Correct the name, or make the \
             profile."
        );
        self.mistake(from, Some("source_profile"), &rule)
    }

    fn mistake(&self, profile: &str, key: Option<&str>, rule: &str) -> AwsError {
        let place =
            self.sections.place_of(Named::Profile(profile), key).unwrap_or_else(|| self.sections.places());
        AwsError::new("AwsFileMistake", remedy::about_profile(profile, &format!("{place}: {rule}")))
    }
}

fn section_has_sso(section: &Section) -> bool {
    ["sso_account_id", "sso_region", "sso_role_name", "sso_start_url", "sso_session"]
        .iter()
        .any(|key| section.get(key).is_some())
}

#[cfg(test)]
mod tests {
    use aws_types::os_shim_internal::{Env, Fs};

    use super::*;

    async fn origin(config: &str, credentials: &str, name: &str) -> Result<Origin, AwsError> {
        let folder = tempfile::tempdir().unwrap();
        let paths = ["config", "credentials"].map(|name| folder.path().join(name));
        std::fs::write(&paths[0], config).unwrap();
        std::fs::write(&paths[1], credentials).unwrap();
        let sections = Sections::of(paths.to_vec()).unwrap();
        let set =
            aws_config::profile::load(&Fs::real(), &Env::from_slice(&[]), &sections.for_sdk(), None).await;
        of(&set.unwrap(), &sections, name)
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
            let found = origin(CONFIG, CREDENTIALS, name).await.expect(name);
            assert!(format!("{:?}", found.base).starts_with(base), "{name}: {found:?}");
            assert_eq!((&*found.base_profile, found.roles.len()), (at, roles), "{name}");
            assert_eq!(found.wants_mfa, name == "top", "{name}");
        }
        let top = origin(CONFIG, CREDENTIALS, "top").await.expect("it is right");
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
            let fault = origin(config, "", name).await.expect_err(config);
            assert_eq!(&*fault.code, code, "{config:?}: {fault}");
            assert!(fault.message.contains(wanted), "{config:?}: {fault}");
        }
    }
}
