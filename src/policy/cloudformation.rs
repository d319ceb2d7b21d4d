//! The set-up as a CloudFormation template in YAML.

use super::{
    commands::{about_share, about_writer, comments},
    document::Document,
    host::{Field, Host},
    scope::Scope,
    share::Share,
    writer::Writer,
    yaml::{member, string},
};

/// Creates a user or a role with the policy.
pub(super) fn writer(
    document: &Document,
    scope: &Scope,
    writer: &Writer,
    trust: Option<&Document>,
) -> String {
    let mut lines = vec![
        format!("{}. Save as tributary.yaml, then:", scope.purpose()),
        format!(
            "aws cloudformation deploy{region} --template-file tributary.yaml --stack-name {stack} --capabilities CAPABILITY_NAMED_IAM",
            region = deploy_region_flag(writer, scope),
            stack = stack_name(&scope.name),
        ),
    ];
    lines.extend(about_writer(writer, scope, "a template can only show its secret in the stack's outputs"));
    let (identity, attached_to) = match trust {
        None => (user(scope), "Users:\n        - !Ref TributaryUser"),
        Some(trust) => (role(scope, trust), "Roles:\n        - !Ref TributaryRole"),
    };
    format!(
        "{head}{intro}{identity}  TributaryPolicy:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: {name}
      {attached_to}
{policy}{host}",
        head = comments(&lines.join("\n")),
        intro = intro(scope),
        name = string(&scope.name),
        policy = member("PolicyDocument", &document.to_value(), 6),
        host = host(writer, scope),
    )
}

fn intro(scope: &Scope) -> String {
    let description = string(&format!("Lets Tributary use the Kinesis stream {}", scope.title()));
    format!("AWSTemplateFormatVersion: \"2010-09-09\"\nDescription: {description}\nResources:\n")
}

fn user(scope: &Scope) -> String {
    format!(
        "  TributaryUser:
    Type: AWS::IAM::User
    Properties:
      UserName: {name}
",
        name = string(&scope.name)
    )
}

fn role(scope: &Scope, trust: &Document) -> String {
    format!(
        "  TributaryRole:
    Type: AWS::IAM::Role
    Properties:
      RoleName: {name}
{trust}",
        name = string(&scope.name),
        trust = member("AssumeRolePolicyDocument", &trust.to_value(), 6),
    )
}

/// The resources that give the role to its host.
fn host(writer: &Writer, scope: &Scope) -> String {
    let known = |field| string(writer.values.known(field));
    match writer.host {
        Host::Ec2 => format!(
            "  TributaryInstanceProfile:
    Type: AWS::IAM::InstanceProfile
    Properties:
      InstanceProfileName: {name}
      Roles:
        - !Ref TributaryRole
",
            name = string(&scope.name)
        ),
        Host::EksPodIdentity => format!(
            "  # The cluster needs the add-on eks-pod-identity-agent.
  TributaryPodIdentity:
    Type: AWS::EKS::PodIdentityAssociation
    Properties:
      ClusterName: {cluster}
      Namespace: {namespace}
      ServiceAccount: {name}
      RoleArn: !GetAtt TributaryRole.Arn
",
            cluster = known(Field::Cluster),
            namespace = known(Field::Namespace),
            name = known(Field::ServiceAccount),
        ),
        Host::RolesAnywhere => format!(
            "  TributaryProfile:
    Type: AWS::RolesAnywhere::Profile
    Properties:
      Name: {name}
      Enabled: true
      RoleArns:
        - !GetAtt TributaryRole.Arn
Outputs:
  ProfileArn:
    Value: !GetAtt TributaryProfile.ProfileArn
",
            name = string(&scope.plain_name())
        ),
        Host::ThisComputer | Host::Ecs | Host::Irsa | Host::Lambda => String::new(),
    }
}

/// Lets a writer of another account use the stream. `CloudFormation` cannot add to the policy of an existing key, so that
/// statement is a comment.
pub(super) fn share(share: &Share, scope: &Scope) -> String {
    let stack = stack_name(&format!("{}-share", scope.name));
    let mut lines = vec![
        format!("{}. Save as share.yaml, then:", scope.share_purpose()),
        format!(
            "aws cloudformation deploy{region} --template-file share.yaml --stack-name {stack}",
            region = scope.region_flag()
        ),
    ];
    lines.extend(about_share(scope));
    if let Some((key, statement)) = &share.key {
        lines.push(format!(
            "CloudFormation cannot add to the policy of a key. Add this statement to that of {key}:"
        ));
        lines.push(statement.to_json());
    }
    format!(
        "{head}{intro}  TributaryStreamPolicy:
    Type: AWS::Kinesis::ResourcePolicy
    Properties:
      ResourceArn: {stream}
{policy}",
        head = comments(&lines.join("\n")),
        intro = intro(scope),
        stream = string(&scope.stream_arn),
        policy = member("ResourcePolicy", &share.resource_policy.to_value(), 6),
    )
}

/// Resources of the host are in its region, and IAM has none.
fn deploy_region_flag(writer: &Writer, scope: &Scope) -> String {
    match writer.host {
        Host::EksPodIdentity | Host::RolesAnywhere => scope.host_region_flag(),
        Host::ThisComputer | Host::Ec2 | Host::Ecs | Host::Irsa | Host::Lambda => scope.region_flag(),
    }
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
