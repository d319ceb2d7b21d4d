//! The set-up as a Terraform file, formatted as `terraform fmt` does.

use serde_json::json;

use super::{
    commands::{about_share, about_writer, comments},
    document::Document,
    hcl::{expression, string},
    host::{Field, Host},
    scope::Scope,
    share::Share,
    writer::Writer,
};

/// Creates a user or a role with the policy.
pub(super) fn writer(
    document: &Document,
    scope: &Scope,
    writer: &Writer,
    trust: Option<&Document>,
) -> String {
    let kind = scope.writer_kind();
    let mut lines = vec![format!("{}.", scope.purpose())];
    lines.extend(about_writer(writer, scope, "Terraform would keep its secret in the state file"));
    format!(
        r#"{head}
{identity}
resource "aws_iam_policy" "tributary" {{
  name = {name}
  policy = jsonencode({policy})
}}

resource "aws_iam_{kind}_policy_attachment" "tributary" {{
  {kind}       = aws_iam_{kind}.tributary.name
  policy_arn = aws_iam_policy.tributary.arn
}}
{host}"#,
        head = comments(&lines.join("\n")),
        identity = trust.map_or_else(|| user(scope), |trust| role(scope, trust)),
        name = string(&scope.name),
        policy = expression(&document.to_value(), 2),
        host = host(writer, scope).map_or_else(String::new, |text| format!("\n{text}")),
    )
}

fn user(scope: &Scope) -> String {
    format!(
        r#"resource "aws_iam_user" "tributary" {{
  name = {name}
}}
"#,
        name = string(&scope.name)
    )
}

fn role(scope: &Scope, trust: &Document) -> String {
    format!(
        r#"resource "aws_iam_role" "tributary" {{
  name = {name}
  assume_role_policy = jsonencode({trust})
}}
"#,
        name = string(&scope.name),
        trust = expression(&trust.to_value(), 2),
    )
}

/// What gives the role to its host.
fn host(writer: &Writer, scope: &Scope) -> Option<String> {
    let known = |field| string(writer.values.known(field));
    Some(match writer.host {
        Host::Ec2 => format!(
            r#"resource "aws_iam_instance_profile" "tributary" {{
  name = {name}
  role = aws_iam_role.tributary.name
}}
"#,
            name = string(&scope.name)
        ),
        Host::EksPodIdentity => format!(
            r#"# The cluster needs the add-on eks-pod-identity-agent, and the provider its region.
resource "aws_eks_pod_identity_association" "tributary" {{
  cluster_name    = {cluster}
  namespace       = {namespace}
  service_account = {name}
  role_arn        = aws_iam_role.tributary.arn
}}
"#,
            cluster = known(Field::Cluster),
            namespace = known(Field::Namespace),
            name = known(Field::ServiceAccount),
        ),
        Host::RolesAnywhere => format!(
            r#"# The provider needs the region of the trust anchor.
resource "aws_rolesanywhere_profile" "tributary" {{
  name      = {name}
  enabled   = true
  role_arns = [aws_iam_role.tributary.arn]
}}

output "profile_arn" {{
  value = aws_rolesanywhere_profile.tributary.arn
}}
"#,
            name = string(&scope.plain_name())
        ),
        Host::ThisComputer | Host::Ecs | Host::Irsa | Host::Lambda => return None,
    })
}

/// Lets a writer of another account use the stream and its key. A grant stands for the statement in the key's policy, because
/// Terraform could only replace that policy as a whole.
pub(super) fn share(share: &Share, scope: &Scope) -> String {
    let mut lines = vec![format!("{}.", scope.share_purpose())];
    lines.extend(about_share(scope));
    let stream = format!(
        r#"{head}
resource "aws_kinesis_resource_policy" "tributary" {{
  resource_arn = {stream}
  policy = jsonencode({policy})
}}
"#,
        head = comments(&lines.join("\n")),
        stream = string(&scope.stream_arn),
        policy = expression(&share.resource_policy.to_value(), 2),
    );
    let key = share.key.as_ref().map_or_else(String::new, |(key, _)| grant(key, share, scope));
    stream + &key
}

fn grant(key: &str, share: &Share, scope: &Scope) -> String {
    format!(
        r#"
# A grant, because Terraform could only replace the policy of a key as a whole.
resource "aws_kms_grant" "tributary" {{
  name              = {name}
  key_id            = {key}
  grantee_principal = {writer}
  operations        = {operations}
}}
"#,
        name = string(&scope.plain_name()),
        key = string(key),
        writer = string(&scope.writer_arn()),
        operations = expression(&json!(share.key_operations), 2),
    )
}
