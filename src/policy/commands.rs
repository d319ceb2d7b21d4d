//! The set-up as commands of the AWS CLI.

use std::fmt::Write as _;

use super::{
    document::Document,
    host::Host,
    role_steps::{self, Kind, RoleStep},
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

/// What the comments of a file say about the writer's half: which account runs it, and what is left to do besides its
/// resources. `why_no_key`: why the file makes no access key, to follow "because".
pub(super) fn about_writer(writer: &Writer, scope: &Scope, why_no_key: &str) -> Vec<String> {
    let mut lines: Vec<String> = scope.writer_half().into_iter().chain(scope.by_arn()).collect();
    if !writer.is_role() {
        lines.push(format!("Not here on purpose: the user's access key, because {why_no_key}."));
        lines.push(format!("Create it afterwards with: {}", create_access_key(scope)));
    }
    // On this computer only the role's ARN is needed, which these tools show too.
    if writer.host != Host::ThisComputer {
        let steps = role_steps::of(writer, scope).into_iter().filter(|step| step.kind != Kind::Resource);
        lines.extend(steps.map(|step| format!("{}:\n{}", step.what, step.text)));
    }
    lines
}

/// What the comments of a file say about the stream's half.
pub(super) fn about_share(scope: &Scope) -> Vec<String> {
    let replaces = "A stream has one resource policy: this replaces it.".to_owned();
    scope.stream_half().into_iter().chain([replaces]).collect()
}

fn create_access_key(scope: &Scope) -> String {
    let (region, user) = (scope.iam_region_flag(), shell::word(&scope.name));
    format!("aws iam create-access-key{region} --user-name {user}")
}

/// The lines as comments, with a line end after each. No text of the user can end a comment.
pub(super) fn comments(lines: &str) -> String {
    // YAML 1.1 takes the separators of Unicode for line ends too.
    let ends_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    lines.lines().fold(String::new(), |text, line| text + "# " + &line.replace(ends_line, " ") + "\n")
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
    let mut head = vec![format!("{}.", scope.purpose())];
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
    for RoleStep { what, text, kind } in role_steps::of(writer, scope) {
        match kind {
            Kind::Resource | Kind::Command => script.step(&format!("{what}."), &text),
            Kind::ByHand if text.contains(' ') => script.step(&format!("{what}:\n{text}"), ""),
            Kind::ByHand => script.step(&format!("{what}: {text}"), ""),
        }
    }
    if trust.is_none() {
        script.step(
            "Create the user's access key. The answer shows its secret this one time: enter both in Tributary.",
            &create_access_key(scope),
        );
    }
    if let Some(line) = scope.by_arn() {
        script.step(&line, "");
    }
    script.text
}

/// Lets a writer of another account use the stream and its key.
pub(super) fn share(share: &Share, scope: &Scope) -> String {
    let region = scope.region_flag();
    let mut head = vec![format!("{}.", scope.share_purpose())];
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
        let filter = ".Statement = (([.Statement] | flatten | map(select(.Sid != $add.Sid))) + [$add])";
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
