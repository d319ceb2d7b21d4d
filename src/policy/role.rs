//! The role form of the policy: a role that Tributary assumes, with a trust policy that says who may, and with which
//! external id. For accounts that give out no users, and for streams in another account.

use serde_json::json;

use super::{
    Document, Format, Grants, Missing,
    formats::{Place, hcl, hcl_statements, stack_name, to_json, yaml, yaml_statements},
};
use crate::{config::Config, shell};

/// Who holds the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holder {
    /// An IAM user with an access key.
    #[default]
    User,
    /// A role that is assumed on top of other keys.
    Role {
        /// The ARN of the user or role whose keys assume it, a role's with `*` in it for any that fits; empty: a
        /// placeholder.
        trusted: String,
        /// What must be given with it, or empty.
        external_id: String,
    },
}

/// Why nobody could be trusted under that ARN.
pub fn check_trusted(arn: &str) -> Result<(), String> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, who]
            if account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && (who == "root" || who.starts_with("user/") || who.starts_with("role/")) =>
        {
            Ok(())
        }
        _ => {
            Err("this is the ARN of a user, a role or an account's root: arn:aws:iam::123456789012:user/NAME"
                .to_owned())
        }
    }
}

/// The user or role to trust, where these are its keys: of an assumed role the role itself, as far as its ARN says it.
/// It leaves out the role's path, and that of a role of IAM Identity Center (SSO) holds the region of its directory:
/// there `*` stands for it.
pub fn trusted_of(caller_arn: &str) -> String {
    let parts: Vec<&str> = caller_arn.splitn(6, ':').collect();
    if let ["arn", partition, "sts", "", account, who] = parts[..]
        && let Some(role) = who.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next())
    {
        let path = if role.starts_with("AWSReservedSSO_") { "aws-reserved/sso.amazonaws.com/*" } else { "" };
        return format!("arn:{partition}:iam::{account}:role/{path}{role}");
    }
    caller_arn.to_owned()
}

/// A principal is one ARN, in which `*` has no meaning: then it is the account's root, and a condition says which of the
/// account's (<https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>).
struct Trust<'a> {
    principal: String,
    /// Operator, key, value.
    conditions: Vec<[&'a str; 3]>,
}

impl<'a> Trust<'a> {
    fn new(trusted: &'a str, external_id: &'a str) -> Self {
        let mut conditions = Vec::new();
        let principal = match trusted.rsplit_once(':') {
            Some((account, who)) if who.contains('*') => {
                conditions.push(["ArnLike", "aws:PrincipalArn", trusted]);
                format!("{account}:root")
            }
            _ if trusted.is_empty() => Missing::Trusted.placeholder().to_owned(),
            _ => trusted.to_owned(),
        };
        if !external_id.is_empty() {
            conditions.push(["StringEquals", "sts:ExternalId", external_id]);
        }
        Self { principal, conditions }
    }
}

/// Who may assume the role, as JSON; `None` for a user.
pub fn trust_policy(holder: &Holder) -> Option<String> {
    let Holder::Role { trusted, external_id } = holder else { return None };
    let trust = Trust::new(trusted, external_id);
    let mut statement =
        json!({ "Effect": "Allow", "Principal": { "AWS": trust.principal }, "Action": "sts:AssumeRole" });
    for [operator, key, value] in trust.conditions {
        statement["Condition"][operator][key] = json!(value);
    }
    let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
    Some(serde_json::to_string_pretty(&document).expect("a document of strings is JSON") + "\n")
}

/// As [`super::render`], for the role. JSON is the policy alone: [`trust_policy`] is a document of its own.
pub fn render_role(config: &Config, grants: &Grants, holder: &Holder, format: Format) -> String {
    let Some(trust) = trust_policy(holder) else { return super::render(config, grants, format) };
    let document = Document::new(config, grants);
    let place = Place::of(config);
    match format {
        Format::Json => super::render(config, grants, format),
        Format::AwsCli => aws_cli(&document, &place, &trust),
        Format::Terraform => terraform(&document, &place, &trust),
        Format::CloudFormation => cloudformation(&document, &place, holder),
    }
}

fn aws_cli(document: &Document, place: &Place, trust: &str) -> String {
    let name = shell::word(&place.name);
    let arn =
        |what: &str| format!("arn:{}:iam::{}:{what}/{}", place.partition.name, place.account, place.name);
    format!(
        "\
# Lets Tributary use the Kinesis stream {title} through a role.
# For bash, zsh or AWS CloudShell, signed in as someone who may manage IAM.

# 1. Create the role, and say who may assume it.
aws iam create-role{region} --role-name {name} --assume-role-policy-document {trust}

# 2. Create the policy.
aws iam create-policy{region} --policy-name {name} --policy-document {document}

# 3. Attach the policy to the role.
aws iam attach-role-policy{region} --role-name {name} --policy-arn {policy_arn}

# 4. Enter the role in Tributary: {role_arn}
",
        title = place.title(),
        region = place.cli_region(),
        trust = shell::word(trust.trim_end()),
        document = shell::word(&to_json(document)),
        policy_arn = shell::word(&arn("policy")),
        role_arn = arn("role"),
    )
}

fn terraform(document: &Document, place: &Place, trust: &str) -> String {
    format!(
        r#"# Lets Tributary use the Kinesis stream {title} through a role.

resource "aws_iam_role" "tributary" {{
  name               = {name}
  assume_role_policy = {trust}
}}

resource "aws_iam_policy" "tributary" {{
  name = {name}
  policy = jsonencode({{
    Version = {version}
    Statement = [{statements}
    ]
  }})
}}

resource "aws_iam_role_policy_attachment" "tributary" {{
  role       = aws_iam_role.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}}
"#,
        title = place.title(),
        name = hcl(&place.name),
        trust = hcl(&one_line(trust)),
        version = hcl(document.version),
        statements = hcl_statements(document),
    )
}

/// The same JSON without the line ends and what indents.
fn one_line(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json)
        .map_or_else(|_| json.to_owned(), |value| value.to_string())
}

fn cloudformation(document: &Document, place: &Place, holder: &Holder) -> String {
    let trust = match holder {
        Holder::Role { trusted, external_id } => Trust::new(trusted, external_id),
        Holder::User => Trust::new("", ""),
    };
    let mut condition = String::new();
    for (at, [operator, key, value]) in trust.conditions.iter().enumerate() {
        let head = if at == 0 { "            Condition:\n" } else { "" };
        let value = yaml(value);
        condition = format!("{condition}{head}              {operator}:\n                {key}: {value}\n");
    }
    let region = match &place.region {
        Some(region) => format!(" --region {}", shell::word(region)),
        None => String::new(),
    };
    format!(
        "\
# Lets Tributary use the Kinesis stream {title} through a role. Save as tributary.yaml, then:
# aws cloudformation deploy{region} --template-file tributary.yaml --stack-name {stack} --capabilities CAPABILITY_NAMED_IAM
AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description}
Resources:
  TributaryRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: {name}
      AssumeRolePolicyDocument:
        Version: {version}
        Statement:
          - Effect: Allow
            Principal:
              AWS: {trusted}
            Action: sts:AssumeRole
{condition}  TributaryPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: {name}
      Roles:
        - !Ref TributaryRole
      PolicyDocument:
        Version: {version}
        Statement:
{statements}",
        title = place.title(),
        stack = stack_name(&place.name),
        description = yaml(&format!("Lets Tributary use the Kinesis stream {}", place.title())),
        name = yaml(&place.name),
        version = yaml(document.version),
        trusted = yaml(&trust.principal),
        statements = yaml_statements(document),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clicks() -> Config {
        let mut config = Config::default();
        "eu-west-1".clone_into(&mut config.destination.region);
        "123456789012".clone_into(&mut config.destination.account_id);
        "clicks".clone_into(&mut config.destination.stream);
        config
    }

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
    fn a_role_whose_path_is_not_known_is_trusted_by_a_condition() {
        let role = "arn:aws:iam::210987654321:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_Admin_0a1b";
        let holder = Holder::Role { trusted: role.to_owned(), external_id: "x-1".to_owned() };
        let trust: serde_json::Value = serde_json::from_str(&trust_policy(&holder).unwrap()).unwrap();
        let statement = &trust["Statement"][0];
        assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::210987654321:root");
        let conditions = json!({
            "ArnLike": { "aws:PrincipalArn": role },
            "StringEquals": { "sts:ExternalId": "x-1" },
        });
        assert_eq!(statement["Condition"], conditions);
        let template = render_role(&clicks(), &Grants::default(), &holder, Format::CloudFormation);
        let conditions = format!(
            "            Condition:\n              ArnLike:\n                aws:PrincipalArn: \"{role}\"\n              \
             StringEquals:\n                sts:ExternalId: \"x-1\"\n  TributaryPolicy:"
        );
        assert!(template.contains(&conditions), "{template}");
    }

    #[test]
    fn the_role_comes_in_every_format() {
        let text = |format| render_role(&clicks(), &Grants::default(), &role("x-1"), format);
        assert_eq!(text(Format::Json), super::super::render(&clicks(), &Grants::default(), Format::Json));
        let commands = text(Format::AwsCli);
        assert!(
            commands.contains(
                "aws iam create-role --role-name tributary-clicks --assume-role-policy-document '{\n"
            )
        );
        assert!(commands.contains(
            "aws iam attach-role-policy --role-name tributary-clicks --policy-arn arn:aws:iam::123456789012:policy/tributary-clicks\n"
        ));
        assert!(
            commands.ends_with("in Tributary: arn:aws:iam::123456789012:role/tributary-clicks\n"),
            "{commands}"
        );
        assert_eq!(text(Format::Terraform), include_str!("golden/role.tf"));
        assert_eq!(text(Format::CloudFormation), include_str!("golden/role.yaml"));
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
