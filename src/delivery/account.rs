//! Facts about an AWS account and about AWS's own files on this machine. No secrets.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{line::Millis, outcome::AwsError};

/// The identity that AWS says our keys belong to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsIdentity {
    /// Twelve digits.
    pub account_id: Arc<str>,
    /// The user or the assumed role.
    pub arn: Arc<str>,
}

/// The keys that were found for some settings, and who AWS says they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The end of the key's id, where the keys are from and how long they last, in a sentence.
    pub keys: Arc<str>,
    /// AWS's answer.
    pub identity: Result<AwsIdentity, AwsError>,
}

/// A stream of the account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListedStream {
    /// Its name.
    pub name: Arc<str>,
    /// Such as `ACTIVE`; empty if the server does not say.
    pub status: Arc<str>,
    /// Its capacity mode is on-demand.
    pub on_demand: bool,
    /// When it was created, if the server says.
    pub created_at: Option<Millis>,
}

/// The streams of an account in one region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamList {
    /// Sorted by name.
    pub streams: Vec<ListedStream>,
    /// There are more than Tributary lists.
    pub has_more: bool,
}

/// What `DescribeStreamSummary` says about a stream. `None`: the server does not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DescribedStream {
    /// Such as `ACTIVE`.
    pub status: Arc<str>,
    /// Its capacity mode is on-demand.
    pub on_demand: bool,
    /// Number of shards that take records.
    pub open_shards: u32,
    /// How long records are kept, in hours.
    pub retention_hours: u32,
    /// Maximum size of a record in KiB.
    pub record_kib_max: Option<u32>,
    /// The KMS key that encrypts its records; `None`: they are not encrypted.
    pub kms_key: Option<Arc<str>>,
    /// Kinesis spreads records over the shards by itself (record distribution `AUTO`).
    pub spreads_keys: bool,
    /// Write capacity that is always there, in MiB/s. Only with on-demand Advantage.
    pub warm_mibps: Option<u32>,
    /// Registered consumers with enhanced fan-out.
    pub consumers: Option<u32>,
    /// Channels: streaming tables and deliveries to S3 that AWS runs.
    pub channels: Option<u32>,
}

/// How the account pays for on-demand streams (`DescribeAccountSettings`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnDemandBilling {
    /// Each stream by the hour, and its traffic.
    Standard,
    /// A commitment to a minimum throughput of the account, without a charge for each stream.
    Advantage {
        /// Before this time the commitment cannot end.
        committed_until: Option<Millis>,
        /// It ends at that time: somebody has switched it off.
        is_ending: bool,
    },
}

/// Where a profile in AWS's files gets its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProfileKind {
    /// From the file itself.
    Keys,
    /// A sign-in with IAM Identity Center (SSO), which lasts some hours.
    Sso,
    /// A role, assumed with other keys.
    Role,
    /// A program that prints them (`credential_process`).
    Process,
    /// The AWS console's own sign-in (`aws login`).
    Login,
    /// The profile names no source of keys.
    None,
}

/// A profile in AWS's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// Where it gets its keys.
    pub kind: ProfileKind,
    /// Its region.
    pub region: Option<Arc<str>>,
    /// It needs a code from an MFA device, which cannot be entered here.
    pub mfa: bool,
}

/// The profiles and the AWS CLI of this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsProfiles {
    /// `default` first, the others by name.
    pub profiles: Vec<Profile>,
    /// The AWS CLI is installed, so `aws sso login` can run.
    pub has_cli: bool,
}

/// The sign-in page that the AWS CLI prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInPage {
    /// To open in a browser; if there is a code, on any machine.
    pub address: Option<String>,
    /// To enter on that page.
    pub code: Option<String>,
}

impl SignInPage {
    /// Reads a line that the AWS CLI printed; true if it changed something. An address can be anywhere in the line, a code
    /// (`ABCD-EFGH`) is a line of its own.
    pub fn read(&mut self, line: &str) -> bool {
        let before = self.clone();
        if let Some(address) = line.split_whitespace().find(|word| word.starts_with("https://")) {
            // The CLI prints a second address that has the code in it, so the last one counts.
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
