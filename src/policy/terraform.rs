//! The set-up as a Terraform file, formatted as `terraform fmt` does.

use std::fmt::Write as _;

use serde_json::json;

use super::{document::Document, role::Trust, scope::Scope};
use crate::shell;

/// Creates a user with the policy.
pub(super) fn user(document: &Document, scope: &Scope) -> String {
    format!(
        r#"# Lets Tributary use the Kinesis stream {title}.
# Not here on purpose: the user's access key, because Terraform would keep its secret in the state file.
# Create it afterwards with: aws iam create-access-key{region} --user-name {user}

resource "aws_iam_user" "tributary" {{
  name = {name}
}}

{policy}
resource "aws_iam_user_policy_attachment" "tributary" {{
  user       = aws_iam_user.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}}
"#,
        title = scope.title(),
        region = scope.iam_region_flag(),
        user = shell::word(&scope.name),
        name = string(&scope.name),
        policy = policy(document, scope),
    )
}

/// Creates a role with the policy, which the trust policy lets others assume.
pub(super) fn role(document: &Document, scope: &Scope, trust: &Trust<'_>) -> String {
    format!(
        r#"# Lets Tributary use the Kinesis stream {title} through a role.

resource "aws_iam_role" "tributary" {{
  name               = {name}
  assume_role_policy = {trust}
}}

{policy}
resource "aws_iam_role_policy_attachment" "tributary" {{
  role       = aws_iam_role.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}}
"#,
        title = scope.title(),
        name = string(&scope.name),
        trust = string(&trust.document().to_string()),
        policy = policy(document, scope),
    )
}

fn policy(document: &Document, scope: &Scope) -> String {
    format!(
        r#"resource "aws_iam_policy" "tributary" {{
  name = {name}
  policy = jsonencode({{
    Version = {version}
    Statement = [{statements}
    ]
  }})
}}
"#,
        name = string(&scope.name),
        version = string(document.version),
        statements = statements(document),
    )
}

fn statements(document: &Document) -> String {
    let list = |items: &mut dyn Iterator<Item = &str>| items.map(string).collect::<Vec<_>>().join(", ");
    let mut text = String::new();
    for statement in &document.statement {
        let action = list(&mut statement.action.iter().copied());
        let resource = list(&mut statement.resource.iter().map(String::as_str));
        write!(
            text,
            "
      {{
        Effect   = {effect}
        Action   = [{action}]
        Resource = [{resource}]
      }},",
            effect = string(statement.effect),
        )
        .expect("writing to a string cannot fail");
    }
    text
}

/// A string in HCL: JSON's escapes, with the beginnings of templates escaped too.
fn string(text: &str) -> String {
    json!(text).to_string().replace("${", "$${").replace("%{", "%%{")
}
