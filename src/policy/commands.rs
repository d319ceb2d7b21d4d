//! The set-up as commands of the AWS CLI.

use std::fmt::Write as _;

use super::{
    document::Document,
    format::Format,
    host::{Field, Host, issuer_host},
    role_use,
    scope::Scope,
    share::Share,
    writer::Writer,
};
use crate::shell;

/// Comments and numbered commands.
struct Script {
    text: String,
    steps: usize,
}

impl Script {
    /// A script that begins with these lines as comments.
    fn new(head: &[String]) -> Self {
        Self { text: comments(&head.join("\n")), steps: 0 }
    }

    /// Adds a step: what it does, and its commands.
    fn step(&mut self, what: &str, commands: &str) {
        self.steps += 1;
        let what = comments(&format!("{}. {what}", self.steps));
        let commands = if commands.is_empty() { String::new() } else { format!("{commands}\n") };
        write!(self.text, "\n{what}{commands}").expect("writing to a string cannot fail");
    }
}

/// The lines as comments, with a line end after each. No text of the user can end a comment.
pub(super) fn comments(lines: &str) -> String {
    lines.lines().map(|line| format!("# {}\n", line.replace(char::is_control, " "))).collect()
}

/// Creates a user or a role with the policy. A user gets an access key; a role is given to its host.
pub(super) fn writer(
    document: &Document,
    scope: &Scope,
    writer: &Writer,
    trust: Option<&Document>,
) -> String {
    let name = shell::word(&scope.name);
    let region = scope.iam_region_flag();
    let kind = scope.writer_kind();
    let through = if trust.is_some() { " through a role" } else { "" };
    let mut head = vec![format!("Lets Tributary use the Kinesis stream {}{through}.", scope.title())];
    head.extend(scope.writer_half());
    head.push("For bash, zsh or AWS CloudShell, signed in as someone who may manage IAM.".to_owned());
    let mut script = Script::new(&head);
    match trust {
        None => script.step(
            "Create the IAM user that Tributary signs in as.",
            &format!("aws iam create-user{region} --user-name {name}"),
        ),
        Some(trust) => script.step(
            "Create the role, and say who may assume it.",
            &format!(
                "aws iam create-role{region} --role-name {name} --assume-role-policy-document {trust}",
                trust = shell::word(&trust.to_json())
            ),
        ),
    }
    script.step(
        "Create the policy.",
        &format!(
            "aws iam create-policy{region} --policy-name {name} --policy-document {document}",
            document = shell::word(&document.to_json())
        ),
    );
    script.step(
        &format!("Attach the policy to the {kind}."),
        &format!(
            "aws iam attach-{kind}-policy{region} --{kind}-name {name} --policy-arn {policy}",
            policy = shell::word(&scope.iam_arn("policy", &scope.name))
        ),
    );
    if trust.is_some() {
        hand_over(&mut script, scope, writer);
    } else {
        script.step(
            "Create the user's access key. The answer shows its secret this one time: enter both in Tributary.",
            &format!("aws iam create-access-key{region} --user-name {name}"),
        );
    }
    if let Some(line) = scope.by_arn() {
        script.step(&line, "");
    }
    script.text
}

/// The steps that give the role to its host.
fn hand_over(script: &mut Script, scope: &Scope, writer: &Writer) {
    let name = shell::word(&scope.name);
    let region = scope.iam_region_flag();
    match writer.host {
        Host::ThisComputer => {
            return script.step(&format!("Enter the role in Tributary: {}", scope.writer_arn()), "");
        }
        Host::Ec2 => script.step(
            "Create the instance profile that hands out the role's keys.",
            &format!(
                "aws iam create-instance-profile{region} --instance-profile-name {name}\n\
                 aws iam add-role-to-instance-profile{region} --instance-profile-name {name} --role-name {name}"
            ),
        ),
        Host::EksPodIdentity => script.step(
            "Associate the role with the service account. The cluster needs the add-on eks-pod-identity-agent.",
            &role_use::pod_identity_association(writer, scope),
        ),
        Host::Irsa => script.step(&oidc_provider(scope, writer), ""),
        Host::RolesAnywhere => script.step(
            "Create the profile of Roles Anywhere. The answer shows its ARN.",
            &format!(
                "aws rolesanywhere create-profile{region} --name {name} --role-arns {role} --enabled",
                region = scope.host_region_flag(),
                name = shell::word(&scope.plain_name()),
                role = shell::word(&scope.writer_arn()),
            ),
        ),
        Host::Ecs | Host::Lambda => {}
    }
    if let Some(role_use) = role_use::of(writer, scope, Format::AwsCli) {
        // Only what runs here is a command: the rest has words to fill in, or belongs into a file.
        if writer.host == Host::Irsa {
            script.step(&format!("{}.", role_use.what), &role_use.text);
        } else {
            script.step(&format!("{}:\n{}", role_use.what, role_use.text), "");
        }
    }
}

/// How to make the issuer known to IAM, which is done once for a cluster.
fn oidc_provider(scope: &Scope, writer: &Writer) -> String {
    let issuer = issuer_host(writer.values.known(Field::OidcIssuer));
    format!(
        "Once for each cluster: make its issuer an OIDC provider of this account.\n\
         aws iam create-open-id-connect-provider{region} --url {url} --client-id-list sts.amazonaws.com",
        region = scope.iam_region_flag(),
        url = shell::word(&format!("https://{issuer}")),
    )
}

/// Lets a writer of another account use the stream and its key.
pub(super) fn share(share: &Share, scope: &Scope) -> String {
    let region = scope.region_flag();
    let mut head =
        vec![format!("Lets {} write to the Kinesis stream {}.", scope.writer_arn(), scope.title())];
    head.extend(scope.stream_half());
    head.push("For bash, zsh or AWS CloudShell, signed in as someone who may manage the stream.".to_owned());
    let mut script = Script::new(&head);
    let stream = shell::word(&scope.stream_arn);
    script.step(
        &format!(
            "Set the stream's resource policy. It replaces the one that the stream has, which this shows:\n\
             aws kinesis get-resource-policy{region} --resource-arn {stream}"
        ),
        &format!(
            "aws kinesis put-resource-policy{region} --resource-arn {stream} --policy {policy}",
            policy = shell::word(&share.resource_policy.to_json())
        ),
    );
    if let Some((key, statement)) = &share.key {
        let key = shell::word(key);
        let filter = r#".Statement = (([.Statement] | flatten | map(select(.Sid != $add.Sid))) + [$add])"#;
        script.step(
            "Add a statement to the policy of the KMS key. Needs jq.",
            &format!(
                "policy=$(aws kms get-key-policy{region} --key-id {key} --policy-name default --query Policy --output text) &&\n\
                 policy=$(jq --argjson add {statement} {filter} <<<\"$policy\") &&\n\
                 aws kms put-key-policy{region} --key-id {key} --policy-name default --policy \"$policy\"",
                statement = shell::word(&statement.to_json()),
                filter = shell::word(filter),
            ),
        );
    }
    script.text
}
