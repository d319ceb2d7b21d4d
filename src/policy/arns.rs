//! The ARNs that a policy names, with placeholders for what is not known yet.

use super::host::Field;
use crate::{
    aws::{self, Arn, is_account_id},
    config::Destination,
};

/// A value that the policy needs and the settings do not have yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The region of the stream.
    Region,
    /// The twelve digits of the AWS account.
    AccountId,
    /// The name of the stream.
    StreamName,
    /// The customer-managed key of an encrypted stream.
    KmsKeyArn,
    /// Who may assume the role.
    Trusted,
    /// The account that it runs in, if that is not the stream's.
    WriterAccount,
    /// A value of the place where it runs.
    Host(Field),
}

impl Missing {
    /// Its placeholder in the text. The first three are those of the predecessor's page.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Region => "{region}",
            Self::AccountId => "{account-id}",
            Self::StreamName => "{stream-name}",
            Self::KmsKeyArn => "{kms-key-arn}",
            Self::Trusted => "{trusted-arn}",
            Self::WriterAccount => "{writer-account-id}",
            Self::Host(field) => field.placeholder(),
        }
    }

    /// Its name, to follow "still missing:".
    pub fn title(self) -> &'static str {
        match self {
            Self::Region => "the region",
            Self::AccountId => "the account id",
            Self::StreamName => "the stream name",
            Self::KmsKeyArn => "the ARN of the KMS key",
            Self::Trusted => "who may assume the role",
            Self::WriterAccount => "the account that it runs in",
            Self::Host(field) => field.title(),
        }
    }
}

/// An ARN with placeholders for its unknown fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialArn {
    /// The text.
    pub arn: String,
    /// What it has placeholders for, in the order of its fields.
    pub missing: Vec<Missing>,
}

/// The ARN of a destination's stream. A stream that is given as an ARN is returned as it is. Spaces around the values are
/// ignored.
pub fn stream_arn(destination: &Destination) -> PartialArn {
    let Destination { region, account_id, stream, .. } = destination;
    let stream = stream.trim();
    if Arn::is_meant(stream) {
        return PartialArn { arn: stream.to_owned(), missing: Vec::new() };
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
    let partition = aws::partition_of(region.trim()).name;
    let region = known(region, Missing::Region);
    let account_id = known(account_id, Missing::AccountId);
    let resource = format!("stream/{}", known(stream, Missing::StreamName));
    let (region, account_id, resource) = (&*region, &*account_id, &*resource);
    let arn = Arn { partition, service: "kinesis", region, account_id, resource };
    PartialArn { arn: arn.to_string(), missing }
}

/// The ARN of a KMS key that AWS named by ARN, id or alias. A policy needs the ARN. An alias does not lead to it, so it
/// is returned as it is, for the user to look up.
pub fn kms_key_arn(key: &str, destination: &Destination) -> String {
    if Arn::is_meant(key) || key.starts_with("alias/") {
        return key.to_owned();
    }
    let stream = stream_arn(destination).arn;
    let resource = format!("key/{key}");
    match Arn::parse(&stream) {
        Some(stream) => Arn { service: "kms", resource: &resource, ..stream }.to_string(),
        None => resource,
    }
}

/// Why a policy cannot name that key: a sentence to show below the field.
pub fn check_kms_key_arn(arn: &str) -> Result<(), String> {
    let arn = arn.trim();
    if arn.starts_with("alias/") || arn.contains(":alias/") {
        return Err(
            "an alias is of no use in a policy: give the ARN of the key itself, as the KMS console shows it"
                .to_owned(),
        );
    }
    let is_key = |arn: Arn<'_>| {
        arn.service == "kms"
            && !arn.partition.is_empty()
            && !arn.region.is_empty()
            && is_account_id(arn.account_id)
            && arn.resource_of_type("key").is_some_and(is_key_id)
    };
    if Arn::parse(arn).is_some_and(is_key) {
        return Ok(());
    }
    Err("a KMS key looks like arn:aws:kms:eu-west-1:123456789012:key/ID, with the account's 12 digits"
        .to_owned())
}

fn is_key_id(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_arn(region: &str, account_id: &str, stream: &str) -> PartialArn {
        super::stream_arn(&destination(region, account_id, stream))
    }

    fn destination(region: &str, account_id: &str, stream: &str) -> Destination {
        Destination {
            region: region.to_owned(),
            account_id: account_id.to_owned(),
            stream: stream.to_owned(),
            ..Destination::default()
        }
    }

    #[test]
    fn the_arn_has_placeholders_for_unknown_values_and_is_kept_if_it_is_given() {
        let nothing = stream_arn("", "", " ");
        assert_eq!(nothing.arn, "arn:aws:kinesis:{region}:{account-id}:stream/{stream-name}");
        assert_eq!(nothing.missing, [Missing::Region, Missing::AccountId, Missing::StreamName]);

        let some = stream_arn("eu-west-1", "", "clicks");
        assert_eq!(some.arn, "arn:aws:kinesis:eu-west-1:{account-id}:stream/clicks");
        assert_eq!(some.missing, [Missing::AccountId]);

        let all = stream_arn(" eu-west-1", "123456789012 ", "clicks");
        assert_eq!(all.arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks");
        assert_eq!(all.missing, []);

        let given = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/clicks";
        assert_eq!(stream_arn("eu-west-1", "", given), PartialArn { arn: given.to_owned(), missing: vec![] });
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
        let destination = destination("cn-north-1", "123456789012", "clicks");
        let arn = |key| kms_key_arn(key, &destination);
        assert_eq!(arn("0a-1b"), "arn:aws-cn:kms:cn-north-1:123456789012:key/0a-1b");
        assert_eq!(arn("arn:aws:kms:eu-west-1:1:key/x"), "arn:aws:kms:eu-west-1:1:key/x");
        assert_eq!(arn("alias/mine"), "alias/mine");
    }
}
