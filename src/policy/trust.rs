//! The trust policy of a role: who may assume it, and under which conditions. One for each host, as AWS documents it.

use serde_json::{Value, json};

use super::{
    arns::Missing,
    document::{Document, Statement},
    host::{Field, Host, issuer_host},
    scope::Scope,
    writer::{Assumed, Writer, check_trusted},
};
use crate::{aws::Arn, config::Config};

/// The role's trust policy as JSON that ends with a line end; `None` for a user.
pub fn trust_policy(config: &Config, writer: &Writer) -> Option<String> {
    trust(writer, &Scope::of(config, writer)).map(|document| document.to_json() + "\n")
}

/// The role's trust policy; `None` for a user.
pub(super) fn trust(writer: &Writer, scope: &Scope) -> Option<Document> {
    let assume = json!("sts:AssumeRole");
    let service = |name: &str, action: Value| Statement::of(json!({ "Service": name }), action);
    let statement = match writer.host {
        Host::ThisComputer => assumed(writer.assumed.as_ref()?),
        Host::Ec2 => service(&ec2(scope), assume),
        Host::Ecs => service("ecs-tasks.amazonaws.com", assume).on(of_tasks(scope)),
        Host::EksPodIdentity => {
            service("pods.eks.amazonaws.com", json!(["sts:AssumeRole", "sts:TagSession"]))
                .on(of_pods(writer, scope))
        }
        Host::Irsa => irsa(writer, scope),
        Host::Lambda => service("lambda.amazonaws.com", assume),
        Host::RolesAnywhere => service(
            "rolesanywhere.amazonaws.com",
            json!(["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]),
        )
        .on(of_certificates(writer)),
    };
    Some(Document::of(vec![statement]))
}

/// A principal is one ARN, in which AWS gives `*` no meaning. If the trusted ARN contains one, the principal is the
/// account's root and a condition names the ARN
/// (<https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>).
fn assumed(assumed: &Assumed) -> Statement {
    let trusted = assumed.trusted.trim();
    let mut conditions = json!({});
    let principal = match Arn::parse(trusted).filter(|_| check_trusted(trusted).is_ok()) {
        None => Missing::Trusted.placeholder().to_owned(),
        Some(arn) if arn.resource.contains('*') => {
            conditions["ArnLike"] = json!({ "aws:PrincipalArn": trusted });
            Arn { resource: "root", ..arn }.to_string()
        }
        Some(_) => trusted.to_owned(),
    };
    if !assumed.external_id.is_empty() {
        conditions["StringEquals"] = json!({ "sts:ExternalId": assumed.external_id });
    }
    Statement::of(json!({ "AWS": principal }), json!("sts:AssumeRole")).on(conditions)
}

/// In China, EC2 is the one service here whose principal ends with the partition's own domain.
fn ec2(scope: &Scope) -> String {
    let suffix = if scope.partition.name == "aws-cn" { scope.partition.dns_suffix } else { "amazonaws.com" };
    format!("ec2.{suffix}")
}

/// Without these, another account's task could make ECS use the role (confused deputy). ECS takes no cluster's ARN here
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>).
fn of_tasks(scope: &Scope) -> Value {
    let (region, account_id) = (scope.host_region(), &*scope.writer_account);
    let tasks = Arn { partition: scope.partition.name, service: "ecs", region, account_id, resource: "*" };
    json!({
        "ArnLike": { "aws:SourceArn": tasks.to_string() },
        "StringEquals": { "aws:SourceAccount": account_id },
    })
}

/// EKS sets these tags when it assumes the role
/// (<https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html>).
fn of_pods(writer: &Writer, scope: &Scope) -> Value {
    let values = &writer.values;
    let resource = format!("cluster/{}", values.known(Field::Cluster));
    let (region, account_id) = (scope.host_region(), &*scope.writer_account);
    let cluster =
        Arn { partition: scope.partition.name, service: "eks", region, account_id, resource: &resource };
    json!({ "StringEquals": {
        "aws:RequestTag/eks-cluster-arn": cluster.to_string(),
        "aws:RequestTag/kubernetes-namespace": values.known(Field::Namespace),
        "aws:RequestTag/kubernetes-service-account": values.known(Field::ServiceAccount),
    } })
}

/// Both conditions are needed: without the subject, every pod of the cluster may assume the role
/// (<https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html>).
fn irsa(writer: &Writer, scope: &Scope) -> Statement {
    let values = &writer.values;
    let issuer = issuer_host(values.known(Field::OidcIssuer));
    let provider = scope.iam_arn("oidc-provider", issuer);
    let (namespace, name) = (values.known(Field::Namespace), values.known(Field::ServiceAccount));
    let mut equal = json!({});
    equal[format!("{issuer}:aud")] = json!("sts.amazonaws.com");
    equal[format!("{issuer}:sub")] = json!(format!("system:serviceaccount:{namespace}:{name}"));
    Statement::of(json!({ "Federated": provider }), json!("sts:AssumeRoleWithWebIdentity"))
        .on(json!({ "StringEquals": equal }))
}

/// Without the trust anchor, a certificate of any trust anchor of the account will do
/// (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>).
fn of_certificates(writer: &Writer) -> Value {
    let mut conditions = json!({ "ArnEquals": { "aws:SourceArn": writer.values.known(Field::TrustAnchor) } });
    let name = writer.values.known(Field::CertificateName);
    if !name.is_empty() {
        conditions["StringEquals"] = json!({ "aws:PrincipalTag/x509Subject/CN": name });
    }
    conditions
}
