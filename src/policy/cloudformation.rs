//! The set-up as a CloudFormation template in YAML.

use std::fmt::Write as _;

use serde_json::Value;

use super::{document::Document, role::Trust, scope::Scope};
use crate::shell;

/// Creates a user with the policy.
pub(super) fn user(document: &Document, scope: &Scope) -> String {
    format!(
        "\
# Lets Tributary use the Kinesis stream {title}. Save as tributary.yaml, then:
# aws cloudformation deploy{region} --template-file tributary.yaml --stack-name {stack} --capabilities CAPABILITY_NAMED_IAM
# Not here on purpose: the user's access key, because a template can only show its secret in the stack's outputs.
# Create it afterwards with: aws iam create-access-key{iam_region} --user-name {user}
AWSTemplateFormatVersion: \"2010-09-09\"
Description: {description}
Resources:
  TributaryUser:
    Type: AWS::IAM::User
    Properties:
      UserName: {name}
{policy}",
        title = scope.title(),
        region = scope.region_flag(),
        stack = stack_name(&scope.name),
        iam_region = scope.iam_region_flag(),
        user = shell::word(&scope.name),
        description = description(scope),
        name = string(&scope.name),
        policy = policy(document, scope, "Users:\n        - !Ref TributaryUser"),
    )
}

/// Creates a role with the policy, which the trust policy lets others assume.
pub(super) fn role(document: &Document, scope: &Scope, trust: &Trust<'_>) -> String {
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
{conditions}{policy}",
        title = scope.title(),
        region = scope.region_flag(),
        stack = stack_name(&scope.name),
        description = description(scope),
        name = string(&scope.name),
        version = string(document.version),
        trusted = string(&trust.principal),
        conditions = conditions(trust),
        policy = policy(document, scope, "Roles:\n        - !Ref TributaryRole"),
    )
}

fn policy(document: &Document, scope: &Scope, attached_to: &str) -> String {
    format!(
        "  TributaryPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: {name}
      {attached_to}
      PolicyDocument:
        Version: {version}
        Statement:
{statements}",
        name = string(&scope.name),
        version = string(document.version),
        statements = statements(document),
    )
}

fn statements(document: &Document) -> String {
    let mut text = String::new();
    for statement in &document.statement {
        let item = |text: &str| format!("              - {}\n", string(text));
        let action: String = statement.action.iter().map(|action| item(action)).collect();
        let resource: String = statement.resource.iter().map(|resource| item(resource)).collect();
        write!(
            text,
            "          - Effect: {}\n            Action:\n{action}            Resource:\n{resource}",
            statement.effect
        )
        .expect("writing to a string cannot fail");
    }
    text
}

fn conditions(trust: &Trust<'_>) -> String {
    let mut text = String::new();
    for condition in &trust.conditions {
        let head = if text.is_empty() { "            Condition:\n" } else { "" };
        let (operator, key, value) = (condition.operator, condition.key, string(condition.value));
        write!(text, "{head}              {operator}:\n                {key}: {value}\n")
            .expect("writing to a string cannot fail");
    }
    text
}

fn description(scope: &Scope) -> String {
    string(&format!("Lets Tributary use the Kinesis stream {}", scope.title()))
}

/// A YAML string in double quotes: JSON's escapes are YAML's too.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// A name that CloudFormation takes: letters, digits and hyphens.
fn stack_name(name: &str) -> String {
    let name = name.replace(['{', '}'], "");
    name.replace(|c: char| !c.is_ascii_alphanumeric(), "-").trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_name_has_only_what_cloudformation_allows() {
        assert_eq!(stack_name("tributary-click.stream_1"), "tributary-click-stream-1");
        assert_eq!(stack_name("tributary-{stream-name}"), "tributary-stream-name");
    }
}
