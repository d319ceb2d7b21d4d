//! `[credentials]`: where AWS keys come from, and the role that is assumed with them. The keys themselves are never here.

use serde::{Deserialize, Serialize};

use super::destination::{Destination, DestinationKind, check_partition, is_partition};
use super::error::RuleError;
use super::setting::{Contradiction, Setting};
use crate::aws::{Arn, is_account_id};

/// Where AWS keys come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CredentialsSource {
    /// The places where every AWS tool looks, in the same order.
    #[default]
    Default,
    /// A named profile of AWS's own files.
    Profile,
    /// The system keychain, where the app put them.
    Keychain,
}

impl CredentialsSource {
    /// All three sources.
    pub const ALL: [Self; 3] = [Self::Default, Self::Profile, Self::Keychain];

    /// The word in the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Profile => "profile",
            Self::Keychain => "keychain",
        }
    }
}

/// `[credentials]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Where the keys come from.
    pub source: CredentialsSource,
    /// The profile's name; needed with [`CredentialsSource::Profile`].
    pub profile: String,
    /// A role to assume with the source's keys, or empty.
    pub role_arn: String,
    /// The external id that the role requires, or empty.
    pub external_id: String,
}

impl Credentials {
    /// Its settings, each with its rule, in the order of the file.
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self { source, profile, role_arn, external_id } = self;
        vec![
            Setting::word("credentials.source", source, &CredentialsSource::ALL, CredentialsSource::as_str),
            Setting::text("credentials.profile", profile, check_profile),
            Setting::text("credentials.role_arn", role_arn, check_role_arn),
            Setting::text("credentials.external_id", external_id, check_external_id),
        ]
    }

    pub(super) fn contradictions(&self, destination: &Destination) -> Vec<Contradiction> {
        let mut found = Vec::new();
        // A server other than AWS may have any ARNs.
        if destination.kind == DestinationKind::Kinesis
            && destination.endpoint_url.is_empty()
            && let Err(why) = check_role_in(&self.role_arn, &destination.region)
        {
            let text = format!("credentials.role_arn is of another part of AWS: {why}");
            found.push(Contradiction::new("credentials.role_arn", text));
        }
        if self.source == CredentialsSource::Profile && self.profile.is_empty() {
            let (missing, source) = ("credentials.profile", "credentials.source");
            found.push(Contradiction::missing(missing, source, "profile", "--profile"));
        }
        found
    }
}

fn check_profile(name: &str) -> Result<(), RuleError> {
    if name.chars().any(char::is_control) || name.trim() != name {
        return Err("it must be one line that begins and ends with no space".into());
    }
    Ok(())
}

/// The ARN of an IAM role, or empty.
pub fn check_role_arn(arn: &str) -> Result<(), RuleError> {
    const SHAPE: &str = "a role's ARN looks like arn:aws:iam::123456789012:role/NAME";
    if arn.is_empty() {
        return Ok(());
    }
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam" && arn.region.is_empty()).ok_or(SHAPE)?;
    let name = arn.resource_of_type("role").filter(|_| is_partition(arn.partition)).ok_or(SHAPE)?;
    if !is_account_id(arn.account_id) {
        return Err(RuleError::new("the ARN's account has 12 digits", SHAPE));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
    if name.is_empty() || name.ends_with('/') || !name.chars().all(allowed) {
        return Err(RuleError::new("the role's name has letters, digits and _ + = , . @ - / only", SHAPE));
    }
    Ok(())
}

/// Whether the role of an ARN that [`check_role_arn`] takes can be used in that region.
pub fn check_role_in(arn: &str, region: &str) -> Result<(), RuleError> {
    Arn::parse(arn).map_or(Ok(()), |arn| check_partition(arn.partition, region))
}

/// What `AssumeRole` takes as an external id (STS API reference).
pub fn check_external_id(text: &str) -> Result<(), RuleError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1224).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    Err("an external id has 2 to 1224 letters, digits and _ + = , . @ : / -".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_given_by_its_arn() {
        for good in ["", "arn:aws:iam::123456789012:role/a/b/c+=,.@-_"] {
            assert_eq!(check_role_arn(good), Ok(()), "{good}");
        }
        for (bad, part) in [
            ("arn:aws:iam::123456789012:user/x", "role's ARN"),
            ("arn:aws:iam::12345678901:role/x", "12 digits"),
            ("arn:aws:iam::123456789012:role/", "name"),
        ] {
            let why = check_role_arn(bad).unwrap_err().to_string();
            assert!(why.contains(part), "{bad}: {why}");
        }
    }
}
