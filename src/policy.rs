//! IAM policies and set-up commands as text: what an AWS account must allow so that events reach its stream.
//!
//! By default this is exactly the document of the page that users of the predecessor know (`kinesis:PutRecord` on one
//! stream's ARN); it grows only with what is switched on in [`Grants`]. A value that is not known yet stays in the text
//! as the page's own placeholder (`{region}`), and [`missing`] lists it. Everything here is pure: it writes text and
//! calls nobody. Absent on purpose: permission to create or delete streams, which Tributary never needs.

mod attach;
mod formats;
mod regions;
mod role;

use serde::Serialize;

pub use self::{
    attach::{IamCall, attach_calls, attach_name, check_attach_name, iam_endpoint},
    formats::{Format, render},
    regions::{PARTITIONS, Partition, Region, partition_of, region, regions, search},
    role::{Holder, check_trusted, render_role, trust_policy, trusted_of},
};
use crate::config::{Config, Destination, Operation};

/// What Kinesis is (link of the page).
pub const ABOUT_KINESIS: &str = "https://aws.amazon.com/documentation/kinesis/";
/// How to create an IAM user (link of the page).
pub const HOW_TO_CREATE_USER: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users_create.html#id_users_create_console";
/// How to create an IAM policy (link of the page).
pub const HOW_TO_CREATE_POLICY: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_create.html";
/// How to attach a policy to a user (link of the page).
pub const HOW_TO_ATTACH_POLICY: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-using.html#attach-managed-policy-console";
/// How to create a role with a trust policy.
pub const HOW_TO_CREATE_ROLE: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-custom.html";
/// How to create a stream.
pub const HOW_TO_CREATE_STREAM: &str =
    "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-create-a-stream.html";
/// What a stream costs.
pub const KINESIS_PRICING: &str = "https://aws.amazon.com/kinesis/data-streams/pricing/";

/// A page of the AWS console that a step of the set-up needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsolePage {
    /// The list of streams.
    Streams,
    /// The form for a new stream.
    CreateStream,
    /// The list of IAM users.
    Users,
    /// The form for a new IAM user.
    CreateUser,
    /// The list of IAM policies.
    Policies,
    /// The form for a new IAM policy.
    CreatePolicy,
}

impl ConsolePage {
    /// Its address for that region (empty: the one used last); `None` where the partition's console is not public.
    pub fn url(self, region: &str) -> Option<String> {
        let host = partition_of(region).console_host?;
        let (service, path) = match self {
            Self::Streams => ("kinesis", "streams/list"),
            Self::CreateStream => ("kinesis", "streams/create"),
            Self::Users => ("iam", "users"),
            Self::CreateUser => ("iam", "users/create"),
            Self::Policies => ("iam", "policies"),
            Self::CreatePolicy => ("iam", "policies/create"),
        };
        // Free text must not change the address.
        let known = region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') && !region.is_empty();
        let query = if known { format!("?region={region}") } else { String::new() };
        Some(format!("https://{host}/{service}/home{query}#/{path}"))
    }
}

/// A value that the policy needs and nobody has given yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The region of the stream.
    Region,
    /// The twelve digits of the AWS account.
    AccountId,
    /// The stream.
    StreamName,
    /// The customer key of an encrypted stream.
    KmsKeyArn,
    /// Who may assume the role.
    Trusted,
}

impl Missing {
    /// What a policy itself can lack, in the order of the ARN.
    pub const ALL: [Self; 4] = [Self::Region, Self::AccountId, Self::StreamName, Self::KmsKeyArn];

    /// What stands in the text for it; the first three exactly as on the page.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Region => "{region}",
            Self::AccountId => "{account-id}",
            Self::StreamName => "{stream-name}",
            Self::KmsKeyArn => "{kms-key-arn}",
            Self::Trusted => "{trusted-arn}",
        }
    }

    /// In words, to follow "still missing:".
    pub fn title(self) -> &'static str {
        match self {
            Self::Region => "the region",
            Self::AccountId => "the account id",
            Self::StreamName => "the stream name",
            Self::KmsKeyArn => "the ARN of the KMS key",
            Self::Trusted => "who may assume the role",
        }
    }
}

/// The stream as policies name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamArn {
    /// With placeholders for what is missing.
    pub arn: String,
    /// What is missing, in the order of the ARN.
    pub missing: Vec<Missing>,
}

/// The ARN of a stream. A `stream` that is an ARN itself is used as it is. Spaces around the values do not count.
pub fn stream_arn(region: &str, account_id: &str, stream: &str) -> StreamArn {
    let stream = stream.trim();
    if stream.starts_with("arn:") {
        return StreamArn { arn: stream.to_owned(), missing: Vec::new() };
    }
    let mut missing = Vec::new();
    let mut known = |value: &str, what: Missing| {
        let value = value.trim();
        if value.is_empty() {
            missing.push(what);
            return what.placeholder().to_owned();
        }
        value.to_owned()
    };
    let partition = partition_of(region.trim()).name;
    let region = known(region, Missing::Region);
    let account_id = known(account_id, Missing::AccountId);
    let stream = known(stream, Missing::StreamName);
    StreamArn { arn: format!("arn:{partition}:kinesis:{region}:{account_id}:stream/{stream}"), missing }
}

/// The ARN of a KMS key that AWS names by ARN, by id or by alias. Policies name keys by ARN; an alias is of no use in
/// one, so it stays as it is, for its user to look up.
pub fn kms_key_arn(key: &str, destination: &Destination) -> String {
    if key.starts_with("arn:") || key.starts_with("alias/") {
        return key.to_owned();
    }
    let stream = stream_arn(&destination.region, &destination.account_id, &destination.stream).arn;
    let mut fields = stream.splitn(6, ':').skip(1);
    let [partition, _, region, account] = [(); 4].map(|()| fields.next().unwrap_or_default());
    format!("arn:{partition}:kms:{region}:{account}:key/{key}")
}

/// Why a policy could not name that key.
pub fn check_kms_key_arn(arn: &str) -> Result<(), String> {
    let arn = arn.trim();
    if arn.starts_with("alias/") || arn.contains(":alias/") {
        return Err(
            "an alias is of no use in a policy: give the ARN of the key itself, as the KMS console shows it"
                .to_owned(),
        );
    }
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", partition, "kms", region, account, key]
            if !(partition.is_empty() || region.is_empty())
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && key.strip_prefix("key/").is_some_and(is_key_id) =>
        {
            Ok(())
        }
        _ => Err(
            "a KMS key looks like arn:aws:kms:eu-west-1:123456789012:key/ID, with the account's 12 digits"
                .to_owned(),
        ),
    }
}

fn is_key_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// What the policy allows. Each switch is one thing that Tributary can do with the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent switch of the form")]
pub struct Grants {
    /// Put events one by one: what the page's policy allows.
    pub put_record: bool,
    /// Put up to 500 events a call. A permission of its own: neither put implies the other.
    pub put_records: bool,
    /// See whether the stream is there, its record limit and its encryption.
    pub describe: bool,
    /// Read events back, as consumers do.
    pub read_back: bool,
    /// Offer the account's streams in a list. AWS knows this only for all streams at once.
    pub list_streams: bool,
    /// The customer key of an encrypted stream. Streams without encryption or with AWS's own key need none.
    /// Given but empty: a placeholder.
    pub kms_key_arn: Option<String>,
}

impl Default for Grants {
    /// The page's policy.
    fn default() -> Self {
        Self {
            put_record: true,
            put_records: false,
            describe: false,
            read_back: false,
            list_streams: false,
            kms_key_arn: None,
        }
    }
}

impl Grants {
    /// What these settings need to deliver events, and no more.
    pub fn for_config(config: &Config) -> Self {
        match config.destination.operation {
            Operation::PutRecord => Self::default(),
            Operation::PutRecords => Self { put_record: false, put_records: true, ..Self::default() },
        }
    }

    fn stream_actions(&self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.put_record {
            actions.push("kinesis:PutRecord");
        }
        if self.put_records {
            actions.push("kinesis:PutRecords");
        }
        if self.describe {
            actions.push("kinesis:DescribeStreamSummary");
        }
        if self.read_back {
            actions.extend(["kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords"]);
        }
        actions
    }

    fn kms_actions(&self) -> Vec<&'static str> {
        let mut actions = Vec::new();
        if self.put_record || self.put_records {
            actions.push("kms:GenerateDataKey");
        }
        if self.read_back {
            actions.push("kms:Decrypt");
        }
        actions
    }
}

/// The values that the text still has placeholders for, in the order in which they appear.
pub fn missing(config: &Config, grants: &Grants) -> Vec<Missing> {
    let destination = &config.destination;
    let mut missing = stream_arn(&destination.region, &destination.account_id, &destination.stream).missing;
    // What no policy can name is as good as nothing.
    let key_missing = grants.kms_key_arn.as_ref().is_some_and(|arn| check_kms_key_arn(arn).is_err());
    if key_missing && !grants.kms_actions().is_empty() {
        missing.push(Missing::KmsKeyArn);
    }
    missing
}

/// A policy document in the member order of the page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<&'static str>,
    resource: Vec<String>,
}

impl Statement {
    fn allow(action: Vec<&'static str>, resource: impl Into<String>) -> Self {
        Self { effect: "Allow", action, resource: vec![resource.into()] }
    }
}

impl Document {
    /// With no grant at all it has no statement, which AWS refuses: there is nothing to allow.
    fn new(config: &Config, grants: &Grants) -> Self {
        let destination = &config.destination;
        let stream = stream_arn(&destination.region, &destination.account_id, &destination.stream);
        let mut statement = Vec::new();
        let actions = grants.stream_actions();
        if !actions.is_empty() {
            statement.push(Statement::allow(actions, stream.arn));
        }
        if grants.list_streams {
            statement.push(Statement::allow(vec!["kinesis:ListStreams"], "*"));
        }
        let actions = grants.kms_actions();
        if let Some(key) = &grants.kms_key_arn
            && !actions.is_empty()
        {
            let key = Some(key.trim()).filter(|key| check_kms_key_arn(key).is_ok());
            statement.push(Statement::allow(actions, key.unwrap_or(Missing::KmsKeyArn.placeholder())));
        }
        Self { version: "2012-10-17", statement }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arn_is_the_page_s_with_its_placeholders_until_values_are_known() {
        let nothing = stream_arn("", "", " ");
        assert_eq!(nothing.arn, "arn:aws:kinesis:{region}:{account-id}:stream/{stream-name}");
        assert_eq!(nothing.missing, [Missing::Region, Missing::AccountId, Missing::StreamName]);

        let some = stream_arn("eu-west-1", "", "clicks");
        assert_eq!(some.arn, "arn:aws:kinesis:eu-west-1:{account-id}:stream/clicks");
        assert_eq!(some.missing, [Missing::AccountId]);

        let all = stream_arn(" eu-west-1", "123456789012 ", "clicks");
        assert_eq!(all.arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks");
        assert_eq!(all.missing, []);
    }

    #[test]
    fn the_arn_is_right_in_every_partition() {
        for (region, arn) in [
            ("sa-east-1", "arn:aws:kinesis:sa-east-1:1:stream/s"),
            ("cn-north-1", "arn:aws-cn:kinesis:cn-north-1:1:stream/s"),
            ("us-gov-west-1", "arn:aws-us-gov:kinesis:us-gov-west-1:1:stream/s"),
            ("eusc-de-east-1", "arn:aws-eusc:kinesis:eusc-de-east-1:1:stream/s"),
            ("us-iso-east-1", "arn:aws-iso:kinesis:us-iso-east-1:1:stream/s"),
            ("us-isob-west-1", "arn:aws-iso-b:kinesis:us-isob-west-1:1:stream/s"),
            ("eu-isoe-west-1", "arn:aws-iso-e:kinesis:eu-isoe-west-1:1:stream/s"),
            ("us-isof-south-1", "arn:aws-iso-f:kinesis:us-isof-south-1:1:stream/s"),
        ] {
            assert_eq!(stream_arn(region, "1", "s").arn, arn);
        }
    }

    #[test]
    fn a_key_that_aws_names_by_its_id_gets_the_arn_that_policies_need() {
        let destination = Destination {
            region: "cn-north-1".to_owned(),
            account_id: "123456789012".to_owned(),
            stream: "clicks".to_owned(),
            ..Destination::default()
        };
        let arn = |key| kms_key_arn(key, &destination);
        assert_eq!(arn("0a-1b"), "arn:aws-cn:kms:cn-north-1:123456789012:key/0a-1b");
        assert_eq!(arn("arn:aws:kms:eu-west-1:1:key/x"), "arn:aws:kms:eu-west-1:1:key/x");
        assert_eq!(arn("alias/mine"), "alias/mine");
    }

    #[test]
    fn a_stream_that_is_an_arn_is_used_as_it_is() {
        let arn = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/clicks";
        assert_eq!(stream_arn("eu-west-1", "", arn), StreamArn { arn: arn.to_owned(), missing: vec![] });
    }

    #[test]
    fn settings_ask_for_the_one_put_that_they_use() {
        let mut config = Config::default();
        assert_eq!(Grants::for_config(&config), Grants::default());
        assert_eq!(Grants::default().stream_actions(), ["kinesis:PutRecord"]);
        config.destination.operation = Operation::PutRecords;
        assert_eq!(Grants::for_config(&config).stream_actions(), ["kinesis:PutRecords"]);
    }

    #[test]
    fn missing_values_are_listed_with_the_key_last() {
        let key_wanted = Grants { kms_key_arn: Some(String::new()), ..Grants::default() };
        assert_eq!(missing(&Config::default(), &key_wanted), Missing::ALL);
        let only_listing = Grants { put_record: false, list_streams: true, ..key_wanted };
        assert_eq!(missing(&Config::default(), &only_listing), Missing::ALL[..3]);
    }

    #[test]
    fn console_pages_are_those_of_the_region_s_partition() {
        let url = |region| ConsolePage::CreateStream.url(region);
        let at = |url: &str| Some(url.to_owned());
        assert_eq!(
            url("eu-west-1"),
            at("https://console.aws.amazon.com/kinesis/home?region=eu-west-1#/streams/create")
        );
        assert_eq!(url(""), at("https://console.aws.amazon.com/kinesis/home#/streams/create"));
        assert_eq!(url("x&y"), at("https://console.aws.amazon.com/kinesis/home#/streams/create"));
        assert_eq!(
            url("cn-north-1"),
            at("https://console.amazonaws.cn/kinesis/home?region=cn-north-1#/streams/create")
        );
        assert_eq!(url("us-iso-east-1"), None);
        assert_eq!(ConsolePage::Users.url(""), at("https://console.aws.amazon.com/iam/home#/users"));
        assert_eq!(ConsolePage::Policies.url(""), at("https://console.aws.amazon.com/iam/home#/policies"));
    }
}
