//! Where Tributary runs: how it gets its AWS keys there, and what has to be known about that place.
//!
//! On a computer of one's own it uses an IAM user's access key or assumes a role. Everywhere else AWS hands out the keys of a
//! role, and the role's trust policy has to name the service that does so.

use serde::{Deserialize, Serialize};

use crate::aws::{Arn, is_account_id};

/// A kind of place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Host {
    /// A computer with the keys of an IAM user, or with keys that assume a role.
    #[default]
    ThisComputer,
    /// An EC2 instance with an instance profile.
    Ec2,
    /// An ECS task, on Fargate or EC2.
    Ecs,
    /// A pod whose service account is associated with a role.
    EksPodIdentity,
    /// A pod whose service account has a token of the cluster's OIDC provider.
    Irsa,
    /// A Lambda function.
    Lambda,
    /// A machine outside of AWS with an X.509 certificate.
    RolesAnywhere,
}

impl Host {
    /// Every host, the default first.
    pub const ALL: [Self; 7] = [
        Self::ThisComputer,
        Self::Ec2,
        Self::Ecs,
        Self::EksPodIdentity,
        Self::Irsa,
        Self::Lambda,
        Self::RolesAnywhere,
    ];

    /// Its value for `tributary policy --runs-on`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ThisComputer => "this-computer",
            Self::Ec2 => "ec2",
            Self::Ecs => "ecs",
            Self::EksPodIdentity => "eks-pod-identity",
            Self::Irsa => "irsa",
            Self::Lambda => "lambda",
            Self::RolesAnywhere => "roles-anywhere",
        }
    }

    /// The host with that value.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|host| host.as_str() == word)
    }

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::ThisComputer => "This computer",
            Self::Ec2 => "EC2",
            Self::Ecs => "ECS",
            Self::EksPodIdentity => "EKS Pod Identity",
            Self::Irsa => "EKS IRSA",
            Self::Lambda => "Lambda",
            Self::RolesAnywhere => "Roles Anywhere",
        }
    }

    /// How Tributary gets its keys there: a sentence.
    pub fn about(self) -> &'static str {
        match self {
            Self::ThisComputer => "An IAM user's access key, or a role that your keys assume.",
            Self::Ec2 => {
                "The instance profile hands out the role's keys. A container needs a hop limit of 2."
            }
            Self::Ecs => "The task role, on Fargate and on EC2. It is not the task execution role.",
            Self::EksPodIdentity => {
                "An association gives the role to a service account. The cluster needs the add-on eks-pod-identity-agent."
            }
            Self::Irsa => {
                "The service account's token is exchanged for the role's keys. The account needs the cluster's OIDC provider."
            }
            Self::Lambda => "The execution role of the function.",
            Self::RolesAnywhere => {
                "A certificate of your own CA is exchanged for the role's keys, outside of AWS."
            }
        }
    }

    /// What has to be known about it, in the order of the form.
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::ThisComputer | Self::Ec2 | Self::Lambda => &[],
            Self::Ecs => &[Field::ClusterRegion],
            Self::EksPodIdentity => {
                &[Field::Cluster, Field::Namespace, Field::ServiceAccount, Field::ClusterRegion]
            }
            Self::Irsa => &[Field::OidcIssuer, Field::Namespace, Field::ServiceAccount],
            Self::RolesAnywhere => &[Field::TrustAnchor, Field::CertificateName],
        }
    }
}

/// A value that some hosts need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The region of the ECS or EKS cluster. Empty: the stream's region.
    ClusterRegion,
    /// The name of the EKS cluster.
    Cluster,
    /// The Kubernetes namespace of the pod.
    Namespace,
    /// The Kubernetes service account of the pod.
    ServiceAccount,
    /// The URL of the EKS cluster's OIDC issuer.
    OidcIssuer,
    /// The ARN of the trust anchor of Roles Anywhere.
    TrustAnchor,
    /// The common name (CN) that the certificate must have. Empty: any certificate of the trust anchor.
    CertificateName,
}

impl Field {
    /// Its name in the form.
    pub fn label(self) -> &'static str {
        match self {
            Self::ClusterRegion => "Region of the cluster",
            Self::Cluster => "EKS cluster",
            Self::Namespace => "Kubernetes namespace",
            Self::ServiceAccount => "Service account",
            Self::OidcIssuer => "OIDC issuer",
            Self::TrustAnchor => "ARN of the trust anchor",
            Self::CertificateName => "Common name of the certificate",
        }
    }

    /// Its name, to follow "still missing:".
    pub fn title(self) -> &'static str {
        match self {
            Self::ClusterRegion => "the region of the cluster",
            Self::Cluster => "the EKS cluster",
            Self::Namespace => "the Kubernetes namespace",
            Self::ServiceAccount => "the service account",
            Self::OidcIssuer => "the OIDC issuer",
            Self::TrustAnchor => "the ARN of the trust anchor",
            Self::CertificateName => "the common name of the certificate",
        }
    }

    /// An example, or what an empty field means.
    pub fn hint(self) -> &'static str {
        match self {
            Self::ClusterRegion => "the stream's region",
            Self::Cluster => "production",
            Self::Namespace => "analytics",
            Self::ServiceAccount => "tributary",
            Self::OidcIssuer => "https://oidc.eks.eu-west-1.amazonaws.com/id/…",
            Self::TrustAnchor => "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/…",
            Self::CertificateName => "any certificate of the trust anchor",
        }
    }

    /// Its placeholder.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::ClusterRegion => "{cluster-region}",
            Self::Cluster => "{cluster}",
            Self::Namespace => "{namespace}",
            Self::ServiceAccount => "{service-account}",
            Self::OidcIssuer => "{oidc-issuer}",
            Self::TrustAnchor => "{trust-anchor-arn}",
            Self::CertificateName => "{certificate-name}",
        }
    }

    /// Whether it may be left out.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::ClusterRegion | Self::CertificateName)
    }

    /// Why AWS or Kubernetes would not take that value: a sentence to show below the field.
    pub fn check(self, value: &str) -> Result<(), String> {
        let value = value.trim();
        let (is_right, rule) = match self {
            Self::ClusterRegion => {
                (is_made_of(value, 1..=32, is_lower_digit_or_hyphen), "a region looks like eu-west-1")
            }
            Self::Cluster => (
                is_made_of(value, 1..=100, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
                    && value.starts_with(|c: char| c.is_ascii_alphanumeric()),
                "the name of an EKS cluster has 1 to 100 letters, digits, - and _",
            ),
            Self::Namespace => {
                (is_dns_name(value, 63, false), "a namespace has 1 to 63 lower-case letters, digits and -")
            }
            Self::ServiceAccount => (
                is_dns_name(value, 253, true),
                "the name of a service account has 1 to 253 lower-case letters, digits, - and .",
            ),
            Self::OidcIssuer => (
                is_issuer(issuer_host(value)),
                "the issuer looks like https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE: see aws eks describe-cluster",
            ),
            Self::TrustAnchor => (
                is_trust_anchor(value),
                "a trust anchor looks like arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/ID",
            ),
            Self::CertificateName => (
                is_made_of(value, 1..=64, |c| !c.is_control() && !"*?".contains(c)),
                "a common name has 1 to 64 characters, without * and ?",
            ),
        };
        if is_right { Ok(()) } else { Err(rule.to_owned()) }
    }
}

/// The issuer as IAM names it: without `https://` and without a slash at the end.
pub(super) fn issuer_host(url: &str) -> &str {
    let url = url.trim();
    url.strip_prefix("https://").unwrap_or(url).trim_end_matches('/')
}

fn is_made_of(
    text: &str,
    length: std::ops::RangeInclusive<usize>,
    is_allowed: impl Fn(char) -> bool,
) -> bool {
    length.contains(&text.chars().count()) && text.chars().all(is_allowed)
}

fn is_lower_digit_or_hyphen(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

/// Whether the text is a DNS label, or labels with dots between them (RFC 1123).
fn is_dns_name(text: &str, longest: usize, with_dots: bool) -> bool {
    let is_label = |label: &str| {
        is_made_of(label, 1..=63, is_lower_digit_or_hyphen)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= longest && if with_dots { text.split('.').all(is_label) } else { is_label(text) }
}

/// A host name with a path. Anything else would change the meaning of the condition keys that it is part of.
fn is_issuer(text: &str) -> bool {
    text.split_once('/').is_some_and(|(host, path)| is_dns_name(host, 253, true) && !path.is_empty())
        && is_made_of(text, 1..=255, |c| c.is_ascii_alphanumeric() || "-._/".contains(c))
}

fn is_trust_anchor(text: &str) -> bool {
    let is_id = |id: &str| is_made_of(id, 1..=64, |c| c.is_ascii_alphanumeric() || c == '-');
    Arn::parse(text).is_some_and(|arn| {
        arn.service == "rolesanywhere"
            && !arn.partition.is_empty()
            && !arn.region.is_empty()
            && is_account_id(arn.account_id)
            && arn.resource_of_type("trust-anchor").is_some_and(is_id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_words_are_read_and_written() {
        for host in Host::ALL {
            assert_eq!(Host::parse(host.as_str()), Some(host));
            assert!(!host.title().is_empty() && host.about().ends_with('.'));
        }
        assert_eq!(Host::parse("EC2"), None);
    }

    #[test]
    fn each_field_takes_what_aws_takes_and_says_its_rule() {
        let issuer = "https://oidc.eks.eu-west-1.amazonaws.com/id/D43C";
        let anchor = "arn:aws:rolesanywhere:eu-west-1:123456789012:trust-anchor/0a-1b";
        for (field, good, bad) in [
            (Field::ClusterRegion, &["us-gov-west-1"][..], &["EU", "eu west"][..]),
            (Field::Cluster, &["prod", "Prod_1-a"], &["", "-a", "a b", "a\"b"]),
            (Field::Namespace, &["analytics", "a-1"], &["", "A", "a.b", "-a", "a:b", "*"]),
            (Field::ServiceAccount, &["tributary", "a.b-1"], &["", "a..b", "a_b", "*", "a:b"]),
            (
                Field::OidcIssuer,
                &[issuer, "oidc.eks.eu-west-1.amazonaws.com/id/D43C", "https://keys.example.com/a/"],
                &["", "http://a/b", "https://a", "https://a/b?c", "https://a/*", "https://a/b:aud"],
            ),
            (
                Field::TrustAnchor,
                &[anchor],
                &[
                    "",
                    "arn:aws:rolesanywhere:eu-west-1:12:trust-anchor/a",
                    "arn:aws:iam::123456789012:role/a",
                ],
            ),
            (Field::CertificateName, &["collector-1.example.com", "Ada L."], &["", "a*", "a\nb"]),
        ] {
            for value in good {
                assert_eq!(field.check(value), Ok(()), "{field:?} {value}");
            }
            for value in bad {
                assert!(field.check(value).is_err(), "{field:?} {value}");
            }
        }
        assert_eq!(issuer_host(&format!(" {issuer}/ ")), "oidc.eks.eu-west-1.amazonaws.com/id/D43C");
    }
}
