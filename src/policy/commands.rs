//! The set-up as commands of the AWS CLI.

use super::{document::Document, role::Trust, scope::Scope};
use crate::shell;

/// Creates a user with the policy, and an access key for it.
pub(super) fn user(document: &Document, scope: &Scope) -> String {
    let name = shell::word(&scope.name);
    let policy_arn = scope.iam_arn("policy", &scope.name);
    format!(
        "\
# Lets Tributary use the Kinesis stream {title}.
# For bash, zsh or AWS CloudShell, signed in as someone who may manage IAM.

# 1. Create the IAM user that Tributary signs in as.
aws iam create-user{region} --user-name {name}

# 2. Create the policy.
aws iam create-policy{region} --policy-name {name} --policy-document {document}

# 3. Attach the policy to the user.
aws iam attach-user-policy{region} --user-name {name} --policy-arn {policy_arn}

# 4. Create the user's access key. The answer shows its secret this one time: enter both in Tributary.
aws iam create-access-key{region} --user-name {name}
",
        title = scope.title(),
        region = scope.iam_region_flag(),
        document = shell::word(&document.to_json()),
        policy_arn = shell::word(&policy_arn),
    )
}

/// Creates a role with the policy, which the trust policy lets others assume.
pub(super) fn role(document: &Document, scope: &Scope, trust: &Trust<'_>) -> String {
    let name = shell::word(&scope.name);
    let policy_arn = scope.iam_arn("policy", &scope.name);
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
        title = scope.title(),
        region = scope.iam_region_flag(),
        trust = shell::word(&trust.to_json()),
        document = shell::word(&document.to_json()),
        policy_arn = shell::word(&policy_arn),
        role_arn = scope.iam_arn("role", &scope.name),
    )
}
