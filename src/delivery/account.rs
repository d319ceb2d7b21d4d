//! What is learned of an AWS account and of AWS's own files, as plain data. No secret is in it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsIdentity {
    /// Twelve digits.
    pub account_id: Arc<str>,
    /// The user or the assumed role.
    pub arn: Arc<str>,
}

/// A stream of the account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedStream {
    /// Its name.
    pub name: Arc<str>,
    /// Such as `ACTIVE`; empty where the server does not say.
    pub status: Arc<str>,
    /// It takes as much as comes.
    pub on_demand: bool,
}

/// How a profile of AWS's files comes to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProfileKind {
    /// They stand in the file.
    Keys,
    /// A sign-in with IAM Identity Center (SSO) that lasts some hours.
    Sso,
    /// A role that is assumed with other keys.
    Role,
    /// A program hands them out.
    Process,
    /// `aws login`, which this program cannot read.
    Login,
    /// The file does not say.
    None,
}

/// A profile of AWS's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// How it comes to keys.
    pub kind: ProfileKind,
    /// The region that it names.
    pub region: Option<Arc<str>>,
    /// It wants a code of an MFA device, which nobody can type in here.
    pub mfa: bool,
}

/// What AWS's own files and programs offer on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsProfiles {
    /// `default` first, the others by name.
    pub profiles: Vec<Profile>,
    /// The AWS CLI is installed, so that `aws sso login` can be run.
    pub has_cli: bool,
}

/// The page on which a person signs in, as the AWS CLI names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInPage {
    /// To be opened in a browser, on any machine where there is a code.
    pub address: Option<String>,
    /// To be typed in there.
    pub code: Option<String>,
}

impl SignInPage {
    /// Takes in a line that the AWS CLI printed; true when it says something new. An address stands in a line of its own
    /// or within words, a code (`ABCD-EFGH`) in a line of its own.
    pub fn read(&mut self, line: &str) -> bool {
        let before = self.clone();
        if let Some(address) = line.split_whitespace().find(|word| word.starts_with("https://")) {
            // With a code in it (the second address that is printed) nothing must be typed.
            self.address = Some(address.trim_end_matches(['.', ',']).to_owned());
        }
        let is_of_code = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
        if let Some((left, right)) = line.trim().split_once('-')
            && left.len() == 4
            && right.len() == 4
            && line.trim().chars().all(|c| c == '-' || is_of_code(c))
        {
            self.code = Some(line.trim().to_owned());
        }
        *self != before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_code_are_read_from_what_the_aws_cli_prints() {
        let mut page = SignInPage::default();
        for line in [
            "Attempting to automatically open the SSO authorization page in your default browser.",
            "If the browser does not open or you wish to use a different device to authorize this request, open the following URL:",
            "https://x.awsapps.com/start/#/device",
            "Then enter the code:",
            "ABCD-EF12",
        ] {
            page.read(line);
        }
        assert_eq!(page.address.as_deref(), Some("https://x.awsapps.com/start/#/device"));
        assert_eq!(page.code.as_deref(), Some("ABCD-EF12"));
        assert!(!page.read("Successfully logged in"));
    }
}
