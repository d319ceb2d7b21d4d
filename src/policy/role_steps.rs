//! What comes with a role: the steps after it exists that give it to the place where Tributary runs.

use serde_json::Value;

use super::{
    format::Format,
    host::{Field, Host, issuer_host},
    scope::Scope,
    writer::Writer,
};
use crate::{config::Config, shell};

/// A step after the role exists. Words in capitals stand for what is known only there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleStep {
    /// What to do, without a full stop.
    pub what: &'static str,
    /// The line or lines to use for it.
    pub text: String,
    pub(super) kind: Kind,
}

/// Who can take a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The commands do it as they are, and Terraform and `CloudFormation` have a resource for it.
    Resource,
    /// The commands do it as they are.
    Command,
    /// The user does it: it belongs into a file, or has words to fill in.
    ByHand,
}

/// The steps that are to be taken besides the text in that format ([`super::render()`]). None for a user.
pub fn role_steps(config: &Config, writer: &Writer, format: Format) -> Vec<RoleStep> {
    let mut steps = of(writer, &Scope::of(config, writer));
    steps.retain(|step| match format {
        Format::Json => true,
        Format::AwsCli => step.kind == Kind::ByHand,
        Format::Terraform | Format::CloudFormation => step.kind != Kind::Resource,
    });
    steps
}

/// All steps.
pub(super) fn of(writer: &Writer, scope: &Scope) -> Vec<RoleStep> {
    if !writer.is_role() {
        return Vec::new();
    }
    let role = scope.writer_arn();
    let region = scope.host_region_flag();
    let name = shell::word(&scope.name);
    let step = |kind, what, text| RoleStep { what, text, kind };
    match writer.host {
        Host::ThisComputer => vec![step(Kind::ByHand, "Enter the role in Tributary", role)],
        Host::Ec2 => vec![
            step(
                Kind::Resource,
                "Create the instance profile that hands out the role's keys",
                instance_profile(scope),
            ),
            step(
                Kind::ByHand,
                "Give the instance profile to the instance",
                format!(
                    "aws ec2 associate-iam-instance-profile{region} --iam-instance-profile Name={name} --instance-id INSTANCE_ID"
                ),
            ),
        ],
        Host::Ecs => vec![step(
            Kind::ByHand,
            "Set the task role in the task definition",
            format!("\"taskRoleArn\": {}", Value::from(role)),
        )],
        Host::EksPodIdentity => vec![step(
            Kind::Resource,
            "Associate the role with the service account",
            pod_identity_association(writer, scope),
        )],
        Host::Irsa => vec![
            step(
                Kind::ByHand,
                "Once for each cluster, make its issuer an OIDC provider of the account",
                oidc_provider(writer, scope),
            ),
            step(Kind::Command, "Annotate the service account", annotation(writer, &role)),
        ],
        Host::Lambda => vec![step(
            Kind::ByHand,
            "Give the role to the function",
            format!(
                "aws lambda update-function-configuration{region} --function-name FUNCTION_NAME --role {role}",
                role = shell::word(&role)
            ),
        )],
        Host::RolesAnywhere => vec![
            step(
                Kind::Resource,
                "Create a profile of Roles Anywhere, whose ARN the next step needs",
                format!(
                    "aws rolesanywhere create-profile{region} --name {name} --role-arns {role} --enabled",
                    name = shell::word(&scope.plain_name()),
                    role = shell::word(&role),
                ),
            ),
            step(
                Kind::ByHand,
                "Add a profile to ~/.aws/config on the machine, and choose it under Keys",
                aws_profile(writer, &role),
            ),
        ],
    }
}

fn instance_profile(scope: &Scope) -> String {
    let (region, name) = (scope.iam_region_flag(), shell::word(&scope.name));
    format!(
        "aws iam create-instance-profile{region} --instance-profile-name {name}\n\
         aws iam add-role-to-instance-profile{region} --instance-profile-name {name} --role-name {name}"
    )
}

/// The command that gives the role to the pod's service account.
fn pod_identity_association(writer: &Writer, scope: &Scope) -> String {
    let known = |field| shell::word(writer.values.known(field));
    format!(
        "aws eks create-pod-identity-association{region} --cluster-name {cluster} --namespace {namespace} --service-account {name} --role-arn {role}",
        region = scope.host_region_flag(),
        cluster = known(Field::Cluster),
        namespace = known(Field::Namespace),
        name = known(Field::ServiceAccount),
        role = shell::word(&scope.writer_arn()),
    )
}

fn oidc_provider(writer: &Writer, scope: &Scope) -> String {
    let issuer = issuer_host(writer.values.known(Field::OidcIssuer));
    format!(
        "aws iam create-open-id-connect-provider{region} --url {url} --client-id-list sts.amazonaws.com",
        region = scope.iam_region_flag(),
        url = shell::word(&format!("https://{issuer}")),
    )
}

fn annotation(writer: &Writer, role: &str) -> String {
    let known = |field| shell::word(writer.values.known(field));
    format!(
        "kubectl annotate serviceaccount --namespace {namespace} {name} {annotation}",
        namespace = known(Field::Namespace),
        name = known(Field::ServiceAccount),
        annotation = shell::word(&format!("eks.amazonaws.com/role-arn={role}")),
    )
}

/// A profile of AWS's files that exchanges the certificate for keys.
fn aws_profile(writer: &Writer, role: &str) -> String {
    format!(
        "[profile tributary]\n\
         credential_process = aws_signing_helper credential-process --certificate CERTIFICATE_FILE --private-key KEY_FILE \
         --trust-anchor-arn {anchor} --profile-arn PROFILE_ARN --role-arn {role}",
        anchor = shell::word(writer.values.known(Field::TrustAnchor)),
        role = shell::word(role),
    )
}
