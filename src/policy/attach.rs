//! The IAM calls that create a user with the policy, as data: the user sees them before any is made.

use serde::{Deserialize, Serialize};

use super::{
    document::{Document, Grants},
    scope::{IAM_NAME_MAX, Scope, is_in_iam_names},
    writer::Writer,
};
use crate::{
    aws::{self, Partition},
    config::Config,
};

/// One call of the IAM API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IamCall {
    /// Such as `CreateUser`.
    pub action: &'static str,
    /// What it does, in a few words.
    pub what: &'static str,
    /// Names and values of its parameters, in order.
    pub parameters: Vec<(&'static str, String)>,
    /// The call that undoes it.
    pub undo: UndoCall,
}

/// The call that undoes an [`IamCall`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndoCall {
    /// Such as `DeleteUser`.
    pub action: &'static str,
    /// Which parameters it takes over, from the call or from its answer.
    pub parameters: &'static [&'static str],
}

/// The usual name of the user and the policy.
pub fn attach_name(config: &Config) -> String {
    Scope::of(config, &Writer::default()).name
}

/// Why IAM would not take that name for a user or a policy: a sentence to show below the field.
pub fn check_attach_name(name: &str) -> Result<(), String> {
    if (1..=IAM_NAME_MAX).contains(&name.len()) && name.chars().all(is_in_iam_names) {
        return Ok(());
    }
    Err("a name in IAM has 1 to 64 letters, digits and + = , . @ _ -".to_owned())
}

/// An IAM user who may do what the policy allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// What the policy allows.
    pub grants: Grants,
    /// The name of the user and the policy.
    pub name: String,
    /// Whether the user gets an access key.
    pub access_key: bool,
}

impl Attachment {
    /// The calls that create it for the stream of these settings, in order.
    pub fn calls(&self, config: &Config) -> Vec<IamCall> {
        let Self { grants, name, access_key } = self;
        let scope = Scope::of(config, &Writer::default());
        let user = ("UserName", name.clone());
        let mut calls = vec![
            IamCall {
                action: "CreateUser",
                what: "Creates the IAM user that Tributary signs in as",
                parameters: vec![user.clone()],
                undo: UndoCall { action: "DeleteUser", parameters: &["UserName"] },
            },
            IamCall {
                action: "CreatePolicy",
                what: "Creates the policy",
                parameters: vec![
                    ("PolicyName", name.clone()),
                    ("PolicyDocument", Document::new(config, grants).to_json()),
                ],
                undo: UndoCall { action: "DeletePolicy", parameters: &["PolicyArn"] },
            },
            IamCall {
                action: "AttachUserPolicy",
                what: "Attaches the policy to the user",
                parameters: vec![user.clone(), ("PolicyArn", scope.iam_arn("policy", name))],
                undo: UndoCall { action: "DetachUserPolicy", parameters: &["UserName", "PolicyArn"] },
            },
        ];
        if *access_key {
            calls.push(IamCall {
                action: "CreateAccessKey",
                what: "Creates the user's access key, which goes into the system keychain unseen",
                parameters: vec![user],
                undo: UndoCall { action: "DeleteAccessKey", parameters: &["UserName", "AccessKeyId"] },
            });
        }
        calls
    }
}

/// The URL of IAM in a region's partition, and the region that its requests are signed for. A partition has one IAM for
/// all regions.
pub fn iam_endpoint(region: &str) -> (String, &'static str) {
    let Partition { name, dns_suffix, .. } = aws::partition_of(region);
    let home = match *name {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        "aws-eusc" => "eusc-de-east-1",
        _ => "us-east-1",
    };
    let url = match *name {
        "aws" => "https://iam.amazonaws.com".to_owned(),
        "aws-us-gov" => "https://iam.us-gov.amazonaws.com".to_owned(),
        _ => format!("https://iam.{home}.{dns_suffix}"),
    };
    (url, home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_make_user_policy_attachment_and_key_and_each_can_be_undone() {
        let mut config = Config::default();
        "cn-north-1".clone_into(&mut config.destination.region);
        "123456789012".clone_into(&mut config.destination.account_id);
        "clicks".clone_into(&mut config.destination.stream);
        assert_eq!(attach_name(&config), "tributary-clicks");
        let attachment =
            Attachment { grants: Grants::default(), name: "forwarder".to_owned(), access_key: true };
        let calls = attachment.calls(&config);
        let said: Vec<_> = calls.iter().map(|call| (call.action, call.undo.action)).collect();
        assert_eq!(
            said,
            [
                ("CreateUser", "DeleteUser"),
                ("CreatePolicy", "DeletePolicy"),
                ("AttachUserPolicy", "DetachUserPolicy"),
                ("CreateAccessKey", "DeleteAccessKey"),
            ]
        );
        let document = &calls[1].parameters[1].1;
        assert!(document.contains("arn:aws-cn:kinesis:cn-north-1:123456789012:stream/clicks"), "{document}");
        let policy = ("PolicyArn", "arn:aws-cn:iam::123456789012:policy/forwarder".to_owned());
        assert_eq!(calls[2].parameters, [("UserName", "forwarder".to_owned()), policy]);
        let without_key = Attachment { access_key: false, ..attachment };
        assert_eq!(without_key.calls(&config).len(), 3);
    }

    /// The expected values are those of botocore 1.43's endpoint rules for IAM.
    #[test]
    fn each_partition_has_its_iam_endpoint() {
        for (region, url, signed_for) in [
            ("eu-west-1", "https://iam.amazonaws.com", "us-east-1"),
            ("cn-northwest-1", "https://iam.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("us-gov-east-1", "https://iam.us-gov.amazonaws.com", "us-gov-west-1"),
            ("us-iso-west-1", "https://iam.us-iso-east-1.c2s.ic.gov", "us-iso-east-1"),
            ("us-isob-east-1", "https://iam.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1"),
            ("eu-isoe-west-1", "https://iam.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1"),
            ("us-isof-east-1", "https://iam.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1"),
            ("eusc-de-east-1", "https://iam.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1"),
        ] {
            assert_eq!(iam_endpoint(region), (url.to_owned(), signed_for));
        }
    }

    #[test]
    fn names_that_iam_does_not_take_are_refused() {
        for good in ["a", "tributary-click.stream_1", "A+=,.@_-9"] {
            assert_eq!(check_attach_name(good), Ok(()));
        }
        for bad in ["", "a b", "é", &"x".repeat(65)] {
            assert!(check_attach_name(bad).is_err(), "{bad:?}");
        }
    }
}
