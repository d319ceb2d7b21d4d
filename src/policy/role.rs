//! A role in place of a user: for accounts that give out no access keys, and for streams in another account. Its trust
//! policy says who may assume it, and with which external id.

use serde_json::{Value, json};

use super::arns::Missing;
use crate::aws::{Arn, is_account_id};

/// Who gets the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holder {
    /// An IAM user with an access key.
    #[default]
    User,
    /// A role that other credentials assume.
    Role {
        /// The ARN of the user or role that may assume it. A role's ARN may contain `*`. Empty: a placeholder.
        trusted: String,
        /// The external id that the caller must give; empty: none.
        external_id: String,
    },
}

/// Why a trust policy cannot name that ARN: a sentence to show below the field.
pub fn check_trusted(arn: &str) -> Result<(), String> {
    let can_be_trusted = |arn: Arn<'_>| {
        let is_kind = |kind| arn.resource_of_type(kind).is_some();
        arn.service == "iam"
            && arn.region.is_empty()
            && is_account_id(arn.account_id)
            && (arn.resource == "root" || is_kind("user") || is_kind("role"))
    };
    if Arn::parse(arn).is_some_and(can_be_trusted) {
        return Ok(());
    }
    Err("this is the ARN of a user, a role or an account's root: arn:aws:iam::123456789012:user/NAME"
        .to_owned())
}

/// The user or role to trust if the caller's credentials are to assume the role.
///
/// The ARN of an assumed role's session leads to the role, except for the role's path, which it leaves out. Roles of IAM
/// Identity Center have a path that contains the region of its directory: there `*` stands for the path.
pub fn trusted_of(caller_arn: &str) -> String {
    let session = Arn::parse(caller_arn).filter(|arn| arn.service == "sts" && arn.region.is_empty());
    let role = session.and_then(|arn| arn.resource_of_type("assumed-role")?.split('/').next());
    let (Some(session), Some(role)) = (session, role) else { return caller_arn.to_owned() };
    let path = if role.starts_with("AWSReservedSSO_") { "aws-reserved/sso.amazonaws.com/*" } else { "" };
    let resource = format!("role/{path}{role}");
    Arn { service: "iam", resource: &resource, ..session }.to_string()
}

/// The content of a trust policy.
///
/// A principal is one ARN, in which AWS gives `*` no meaning. If the trusted ARN contains one, the principal is the
/// account's root and a condition names the ARN
/// (<https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>).
pub(super) struct Trust<'a> {
    pub(super) principal: String,
    pub(super) conditions: Vec<Condition<'a>>,
}

pub(super) struct Condition<'a> {
    pub(super) operator: &'static str,
    pub(super) key: &'static str,
    pub(super) value: &'a str,
}

impl<'a> Trust<'a> {
    /// `None` for a user.
    pub(super) fn of(holder: &'a Holder) -> Option<Self> {
        let Holder::Role { trusted, external_id } = holder else { return None };
        let mut conditions = Vec::new();
        let principal = match Arn::parse(trusted) {
            Some(arn) if arn.resource.contains('*') => {
                conditions.push(Condition { operator: "ArnLike", key: "aws:PrincipalArn", value: trusted });
                Arn { resource: "root", ..arn }.to_string()
            }
            _ if trusted.is_empty() => Missing::Trusted.placeholder().to_owned(),
            _ => trusted.clone(),
        };
        if !external_id.is_empty() {
            let condition = Condition { operator: "StringEquals", key: "sts:ExternalId", value: external_id };
            conditions.push(condition);
        }
        Some(Self { principal, conditions })
    }

    pub(super) fn document(&self) -> Value {
        let mut statement =
            json!({ "Effect": "Allow", "Principal": { "AWS": self.principal }, "Action": "sts:AssumeRole" });
        for condition in &self.conditions {
            statement["Condition"][condition.operator][condition.key] = json!(condition.value);
        }
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    }

    /// Indented JSON without a line end at the end.
    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(&self.document()).expect("a document of strings is JSON")
    }
}

/// The role's trust policy as JSON that ends with a line end; `None` for a user.
pub fn trust_policy(holder: &Holder) -> Option<String> {
    Trust::of(holder).map(|trust| trust.to_json() + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(external_id: &str) -> Holder {
        let trusted = "arn:aws:iam::210987654321:user/ada".to_owned();
        Holder::Role { trusted, external_id: external_id.to_owned() }
    }

    #[test]
    fn the_trust_policy_names_who_may_and_the_external_id() {
        assert_eq!(
            trust_policy(&role("x-1")).unwrap(),
            r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Principal": {
        "AWS": "arn:aws:iam::210987654321:user/ada"
      },
      "Action": "sts:AssumeRole",
      "Condition": {
        "StringEquals": {
          "sts:ExternalId": "x-1"
        }
      }
    }
  ]
}
"#
        );
        assert!(!trust_policy(&role("")).unwrap().contains("Condition"));
        assert_eq!(trust_policy(&Holder::User), None);
        let nobody = Holder::Role { trusted: String::new(), external_id: String::new() };
        assert!(trust_policy(&nobody).unwrap().contains("{trusted-arn}"));
    }

    #[test]
    fn who_is_trusted_is_the_user_or_the_role_behind_a_session() {
        for (caller, trusted) in [
            ("arn:aws:iam::1:user/a/ada", "arn:aws:iam::1:user/a/ada"),
            ("arn:aws-cn:sts::1:assumed-role/admin/session", "arn:aws-cn:iam::1:role/admin"),
            (
                "arn:aws:sts::1:assumed-role/AWSReservedSSO_Admin_0a1b/ada@example.com",
                "arn:aws:iam::1:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Admin_0a1b",
            ),
        ] {
            assert_eq!(trusted_of(caller), trusted);
        }
        for good in [
            "arn:aws:iam::123456789012:root",
            "arn:aws-cn:iam::123456789012:role/a/b",
            "arn:aws:iam::123456789012:role/a/*b",
        ] {
            assert_eq!(check_trusted(good), Ok(()));
        }
        for bad in ["", "ada", "arn:aws:iam::12:user/a", "arn:aws:sts::123456789012:assumed-role/a/b"] {
            assert!(check_trusted(bad).is_err(), "{bad}");
        }
    }
}
