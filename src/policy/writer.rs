//! Who writes to the stream: the IAM user or role that gets the policy, and the account that it belongs to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    arns::Missing,
    host::{Field, Host},
};
use crate::aws::{Arn, is_account_id};

/// The user or role that gets the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writer {
    /// Where it runs, and with that how it gets its keys.
    pub host: Host,
    /// On this computer: a role that other keys assume, or a user if it is `None`. Elsewhere it is always a role.
    pub assumed: Option<Assumed>,
    /// The account that it runs in; `None`: the stream's. An empty text means that it is still missing.
    pub account_id: Option<String>,
    /// The name of the user or role and of its policy; empty: `tributary-` and the stream's name.
    pub name: String,
    /// What is known about the host.
    pub values: Values,
}

/// Who may assume a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumed {
    /// The ARN of the user or role that may assume it. A role's ARN may contain `*`. Empty: a placeholder.
    pub trusted: String,
    /// The external id that the caller must give; empty: none.
    pub external_id: String,
}

/// The values of the hosts' fields.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Values(BTreeMap<Field, String>);

impl Values {
    /// The value, without spaces around it; empty if there is none.
    pub fn get(&self, field: Field) -> &str {
        self.typed(field).trim()
    }

    /// The value as it was typed.
    pub fn typed(&self, field: Field) -> &str {
        self.0.get(&field).map_or("", String::as_str)
    }

    /// Sets a value.
    pub fn set(&mut self, field: Field, value: &str) {
        self.0.insert(field, value.to_owned());
    }

    /// The fields that have a value.
    pub fn given(&self) -> impl Iterator<Item = Field> {
        self.0.iter().filter(|(_, value)| !value.trim().is_empty()).map(|(field, _)| *field)
    }

    /// Whether the value is there and right. A value that may be left out is right when it is.
    fn is_known(&self, field: Field) -> bool {
        let value = self.get(field);
        field.check(value).is_ok() || value.is_empty() && field.is_optional()
    }

    /// The value, or its placeholder while there is none that AWS would take.
    pub(super) fn known(&self, field: Field) -> &str {
        if self.is_known(field) { self.get(field) } else { field.placeholder() }
    }
}

impl Writer {
    /// Whether it is a role, and not a user.
    pub fn is_role(&self) -> bool {
        self.host != Host::ThisComputer || self.assumed.is_some()
    }

    /// What is still missing about it, in the order of the form.
    pub(super) fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        if self.account_id.as_ref().is_some_and(|id| !is_account_id(id.trim())) {
            missing.push(Missing::WriterAccount);
        }
        let is_trust_missing = |assumed: &Assumed| check_trusted(assumed.trusted.trim()).is_err();
        if self.host == Host::ThisComputer && self.assumed.as_ref().is_some_and(is_trust_missing) {
            missing.push(Missing::Trusted);
        }
        let unknown = self.host.fields().iter().filter(|field| !self.values.is_known(**field));
        missing.extend(unknown.copied().map(Missing::Host));
        missing
    }
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

/// Why that is not an account's id: a sentence to show below the field.
pub fn check_account_id(text: &str) -> Result<(), String> {
    if is_account_id(text.trim()) { Ok(()) } else { Err("an account id has 12 digits".to_owned()) }
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

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn what_is_missing_about_a_host_is_listed_in_the_order_of_its_form() {
        let of = |host| Writer { host, ..Writer::default() }.missing();
        for host in [Host::ThisComputer, Host::Ec2, Host::Ecs, Host::Lambda] {
            assert_eq!(of(host), [], "{host:?}");
        }
        let fields = |fields: &[Field]| fields.iter().copied().map(Missing::Host).collect::<Vec<_>>();
        let of_pod = [Field::Cluster, Field::Namespace, Field::ServiceAccount];
        assert_eq!(of(Host::EksPodIdentity), fields(&of_pod));
        assert_eq!(of(Host::Irsa), fields(&[Field::OidcIssuer, Field::Namespace, Field::ServiceAccount]));
        assert_eq!(of(Host::RolesAnywhere), fields(&[Field::TrustAnchor]));

        let mut writer = Writer {
            host: Host::EksPodIdentity,
            account_id: Some("22".to_owned()),
            assumed: Some(Assumed::default()),
            ..Writer::default()
        };
        for field in of_pod {
            writer.values.set(field, " a ");
        }
        assert_eq!(writer.missing(), [Missing::WriterAccount]);
        writer.account_id = Some(" 222222222222 ".to_owned());
        writer.values.set(Field::ClusterRegion, "EU West");
        assert_eq!(writer.missing(), fields(&[Field::ClusterRegion]), "a wrong value counts as missing");
    }
}
