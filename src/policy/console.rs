//! Pages of AWS: its documentation, and its web console for a region.

use crate::aws;

/// What Kinesis is. The predecessor's page links to it.
pub const ABOUT_KINESIS: &str = "https://aws.amazon.com/documentation/kinesis/";
/// How to create an IAM user. The predecessor's page links to it.
pub const HOW_TO_CREATE_USER: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_users_create.html#id_users_create_console";
/// How to create an IAM policy. The predecessor's page links to it.
pub const HOW_TO_CREATE_POLICY: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_create.html";
/// How to attach a policy to a user. The predecessor's page links to it.
pub const HOW_TO_ATTACH_POLICY: &str = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-using.html#attach-managed-policy-console";
/// How to create a role with a trust policy.
pub const HOW_TO_CREATE_ROLE: &str =
    "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-custom.html";
/// How to create a stream.
pub const HOW_TO_CREATE_STREAM: &str =
    "https://docs.aws.amazon.com/streams/latest/dev/how-do-i-create-a-stream.html";
/// What a stream costs.
pub const KINESIS_PRICING: &str = "https://aws.amazon.com/kinesis/data-streams/pricing/";

/// A page of the AWS console that a set-up step links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConsolePage {
    /// The form for a new stream.
    CreateStream,
    /// The form for a new IAM user.
    CreateUser,
    /// The form for a new IAM policy.
    CreatePolicy,
}

impl ConsolePage {
    /// The page's URL in a region; an empty region means the one that the console showed last. `None` if the
    /// partition's console is not public.
    pub fn url(self, region: &str) -> Option<String> {
        let host = aws::partition_of(region).console_host?;
        let (service, path) = match self {
            Self::CreateStream => ("kinesis", "streams/create"),
            Self::CreateUser => ("iam", "users/create"),
            Self::CreatePolicy => ("iam", "policies/create"),
        };
        // The region is free text: anything that could change the URL is left out.
        let is_safe = !region.is_empty() && region.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        let query = if is_safe { format!("?region={region}") } else { String::new() };
        Some(format!("https://{host}/{service}/home{query}#/{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn console_pages_are_those_of_the_region_s_partition() {
        let url = |region| ConsolePage::CreateStream.url(region);
        let at = |url: &str| Some(url.to_owned());
        assert_eq!(
            url("eu-west-1"),
            at("https://console.aws.amazon.com/kinesis/home?region=eu-west-1#/streams/create")
        );
        assert_eq!(url(""), at("https://console.aws.amazon.com/kinesis/home#/streams/create"));
        assert_eq!(url("x&y"), at("https://console.aws.amazon.com/kinesis/home#/streams/create"));
        assert_eq!(
            url("cn-north-1"),
            at("https://console.amazonaws.cn/kinesis/home?region=cn-north-1#/streams/create")
        );
        assert_eq!(url("us-iso-east-1"), None);
        assert_eq!(
            ConsolePage::CreateUser.url(""),
            at("https://console.aws.amazon.com/iam/home#/users/create")
        );
        assert_eq!(
            ConsolePage::CreatePolicy.url(""),
            at("https://console.aws.amazon.com/iam/home#/policies/create")
        );
    }
}
