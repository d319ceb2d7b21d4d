//! The flags that say who writes to the stream: where it runs, in which account, under which name.

use anyhow::{Context, bail};
use clap::{ArgGroup, Args};

use crate::{
    config::Config,
    policy::{self, Assumed, Field, Host, Values, Writer},
};

/// Flags that say who gets the policy. Without any, it is an IAM user.
#[derive(Args, Clone, Debug, Default)]
#[command(group = ArgGroup::new("role").args(["trusted", "runs_on"]).multiple(true))]
pub struct WriterArgs {
    /// Write it for a role that this user or role may assume (`*` matches any text), instead of for a user; --external-id is the
    /// external id that the role asks for
    #[arg(long, value_name = "ARN", value_parser = trusted)]
    trusted: Option<String>,
    /// Where Tributary runs: this-computer, ec2, ecs, eks-pod-identity, irsa, lambda or roles-anywhere. Anywhere but on this
    /// computer it is for a role, with the trust policy of that place
    #[arg(long, value_name = "PLACE", value_parser = Host::ALL.map(Host::as_str))]
    runs_on: Option<String>,
    /// The account that Tributary runs in, if the stream is in another one: that one is --account-id
    #[arg(long, value_name = "ID", value_parser = account_id)]
    writer_account: Option<String>,
    /// Name of the user or role and of its policy; without it `tributary-` and the stream's name
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Region of the ECS or EKS cluster, if it is not the stream's
    #[arg(long, value_name = "REGION", value_parser = |text: &str| known(Field::ClusterRegion, text))]
    cluster_region: Option<String>,
    /// EKS cluster, for eks-pod-identity
    #[arg(long, value_name = "NAME", value_parser = |text: &str| known(Field::Cluster, text))]
    cluster: Option<String>,
    /// Kubernetes namespace, for eks-pod-identity and irsa
    #[arg(long, value_name = "NAME", value_parser = |text: &str| known(Field::Namespace, text))]
    namespace: Option<String>,
    /// Kubernetes service account, for eks-pod-identity and irsa
    #[arg(long, value_name = "NAME", value_parser = |text: &str| known(Field::ServiceAccount, text))]
    service_account: Option<String>,
    /// OIDC issuer of the EKS cluster, for irsa
    #[arg(long, value_name = "URL", value_parser = |text: &str| known(Field::OidcIssuer, text))]
    oidc_issuer: Option<String>,
    /// Trust anchor, for roles-anywhere
    #[arg(long, value_name = "ARN", value_parser = |text: &str| known(Field::TrustAnchor, text))]
    trust_anchor_arn: Option<String>,
    /// Common name that the certificate must have, for roles-anywhere
    #[arg(long, value_name = "NAME", value_parser = |text: &str| known(Field::CertificateName, text))]
    certificate_name: Option<String>,
}

fn trusted(arn: &str) -> Result<String, String> {
    policy::check_trusted(arn).map(|()| arn.to_owned())
}

fn account_id(text: &str) -> Result<String, String> {
    policy::check_account_id(text).map(|()| text.to_owned())
}

fn name(text: &str) -> Result<String, String> {
    policy::check_attach_name(text).map(|()| text.to_owned())
}

fn known(field: Field, text: &str) -> Result<String, String> {
    field.check(text).map(|()| text.to_owned())
}

impl WriterArgs {
    /// Who the flags describe. The external id is a setting.
    pub(super) fn writer(&self, config: &Config) -> anyhow::Result<Writer> {
        let host = match &self.runs_on {
            None => Host::default(),
            Some(word) => Host::parse(word).context("unknown place")?,
        };
        if self.trusted.is_some() && host != Host::ThisComputer {
            bail!(
                "--trusted is for a role that other keys assume, and `--runs-on {}` needs none",
                host.as_str()
            );
        }
        let values = self.values();
        if let Some(other) = values.given().find(|field| !host.fields().contains(field)) {
            bail!("{} does not belong to `--runs-on {}`", flag_of(other), host.as_str());
        }
        let external_id = config.credentials.external_id.clone();
        Ok(Writer {
            host,
            assumed: self.trusted.clone().map(|trusted| Assumed { trusted, external_id }),
            account_id: self.writer_account.clone(),
            name: self.name.clone().unwrap_or_default(),
            values,
        })
    }

    fn values(&self) -> Values {
        let mut values = Values::default();
        for (field, value) in [
            (Field::ClusterRegion, &self.cluster_region),
            (Field::Cluster, &self.cluster),
            (Field::Namespace, &self.namespace),
            (Field::ServiceAccount, &self.service_account),
            (Field::OidcIssuer, &self.oidc_issuer),
            (Field::TrustAnchor, &self.trust_anchor_arn),
            (Field::CertificateName, &self.certificate_name),
        ] {
            if let Some(value) = value {
                values.set(field, value);
            }
        }
        values
    }
}

/// The flag that sets the field.
pub(super) fn flag_of(field: Field) -> &'static str {
    match field {
        Field::ClusterRegion => "--cluster-region",
        Field::Cluster => "--cluster",
        Field::Namespace => "--namespace",
        Field::ServiceAccount => "--service-account",
        Field::OidcIssuer => "--oidc-issuer",
        Field::TrustAnchor => "--trust-anchor-arn",
        Field::CertificateName => "--certificate-name",
    }
}
