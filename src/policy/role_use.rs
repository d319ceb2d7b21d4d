//! What comes with a role: how the place where Tributary runs is given the role, once it exists.

use super::{
    format::Format,
    host::{Field, Host},
    scope::Scope,
    writer::Writer,
};
use crate::{config::Config, shell};

/// The last step of a set-up with a role. Words in capitals stand for what is known only there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleUse {
    /// What to do, without a full stop.
    pub what: &'static str,
    /// The line or lines to use there.
    pub text: String,
}

/// How the host is given the role. `None` for a user, and where the set-up in that format does it already.
pub fn role_use(config: &Config, writer: &Writer, format: Format) -> Option<RoleUse> {
    writer.is_role().then(|| of(writer, &Scope::of(config, writer), format)).flatten()
}

pub(super) fn of(writer: &Writer, scope: &Scope, format: Format) -> Option<RoleUse> {
    let role = scope.writer_arn();
    let region = scope.host_region_flag();
    let (what, text) = match writer.host {
        Host::ThisComputer => ("Enter the role in Tributary, under Credentials", role),
        Host::Ec2 => (
            "Give the instance profile to the instance",
            format!(
                "aws ec2 associate-iam-instance-profile{region} --iam-instance-profile Name={name} --instance-id INSTANCE_ID",
                name = shell::word(&scope.name)
            ),
        ),
        Host::Ecs => ("Set the task role in the task definition", format!("\"taskRoleArn\": \"{role}\"")),
        Host::EksPodIdentity if format == Format::Json => {
            ("Associate the role with the service account", pod_identity_association(writer, scope))
        }
        Host::EksPodIdentity => return None,
        Host::Irsa => (
            "Annotate the service account",
            format!(
                "kubectl annotate serviceaccount --namespace {namespace} {name} {annotation}",
                namespace = shell::word(writer.values.known(Field::Namespace)),
                name = shell::word(writer.values.known(Field::ServiceAccount)),
                annotation = shell::word(&format!("eks.amazonaws.com/role-arn={role}")),
            ),
        ),
        Host::Lambda => (
            "Give the role to the function",
            format!(
                "aws lambda update-function-configuration{region} --function-name FUNCTION_NAME --role {role}",
                role = shell::word(&role)
            ),
        ),
        Host::RolesAnywhere => (
            "Add a profile to ~/.aws/config on the machine, and choose it under Credentials",
            aws_profile(writer, &role),
        ),
    };
    Some(RoleUse { what, text })
}

/// The command that gives the role to the pod's service account.
pub(super) fn pod_identity_association(writer: &Writer, scope: &Scope) -> String {
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

/// A profile of AWS's files that exchanges the certificate for keys.
fn aws_profile(writer: &Writer, role: &str) -> String {
    let anchor = writer.values.known(Field::TrustAnchor);
    format!(
        "[profile tributary]\n\
         credential_process = aws_signing_helper credential-process --certificate CERTIFICATE_FILE --private-key KEY_FILE \
         --trust-anchor-arn {anchor} --profile-arn PROFILE_ARN --role-arn {role}"
    )
}
