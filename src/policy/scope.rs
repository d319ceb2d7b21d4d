//! What a set-up is for: the stream, field by field, and the name of the IAM objects made for it.

use super::arns::{Missing, stream_arn};
use crate::{
    aws::{self, Arn, Partition},
    config::Config,
    shell,
};

/// The stream's fields, with placeholders for unknown ones. If the settings have the stream's ARN, its fields win.
pub(super) struct Scope {
    pub(super) partition: &'static Partition,
    /// `None`: not known yet.
    pub(super) region: Option<String>,
    pub(super) account_id: String,
    pub(super) stream: String,
    /// The name of the user or role, and of the policy.
    pub(super) name: String,
}

impl Scope {
    pub(super) fn of(config: &Config) -> Self {
        let destination = &config.destination;
        let text = stream_arn(&destination.region, &destination.account_id, &destination.stream).arn;
        let arn = Arn::parse(&text);
        let known = |field: Option<&str>, missing: Missing| {
            field.filter(|text| !text.is_empty()).unwrap_or(missing.placeholder()).to_owned()
        };
        let stream = arn.map(|arn| arn.resource_of_type("stream").unwrap_or(arn.resource));
        let stream = known(stream, Missing::StreamName);
        let region = known(arn.map(|arn| arn.region), Missing::Region);
        let named = arn.and_then(|arn| aws::partition_named(arn.partition));
        Self {
            partition: named.unwrap_or(aws::partition_of(&region)),
            account_id: known(arn.map(|arn| arn.account_id), Missing::AccountId),
            region: Some(region).filter(|region| region != Missing::Region.placeholder()),
            name: iam_name(&stream),
            stream,
        }
    }

    /// `clicks in eu-west-1`, on one line.
    pub(super) fn title(&self) -> String {
        let region = self.region.as_deref().unwrap_or(Missing::Region.placeholder());
        // The title goes into comments, and a stream's name is the user's text: it must not end the comment.
        format!("{} in {region}", self.stream).replace(char::is_control, " ")
    }

    /// ` --region eu-west-1`, or nothing while the region is unknown.
    pub(super) fn region_flag(&self) -> String {
        self.region.as_ref().map_or_else(String::new, |region| format!(" --region {}", shell::word(region)))
    }

    /// The same flag for commands of IAM, which need it outside of the partition `aws` only: IAM has no regions, but the
    /// CLI finds the partition by the region.
    pub(super) fn iam_region_flag(&self) -> String {
        if self.partition.name == "aws" { String::new() } else { self.region_flag() }
    }

    /// The ARN of an IAM object of that kind (`policy`, `role`) and name.
    pub(super) fn iam_arn(&self, kind: &str, name: &str) -> String {
        let resource = format!("{kind}/{name}");
        let (partition, account_id) = (self.partition.name, &*self.account_id);
        Arn { partition, service: "iam", region: "", account_id, resource: &resource }.to_string()
    }
}

/// Maximum characters of the name of a user, role or policy (IAM API reference, `CreateUser`, `CreateRole`).
pub(super) const IAM_NAME_MAX: usize = 64;

/// Whether names of users, roles and policies may have this character (IAM API reference).
pub(super) fn is_in_iam_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+=,.@_-".contains(c)
}

/// The name of the user or role, and of the policy. A placeholder stays visible.
fn iam_name(stream: &str) -> String {
    if stream == Missing::StreamName.placeholder() {
        return format!("tributary-{stream}");
    }
    let stream = stream.chars().map(|c| if is_in_iam_names(c) { c } else { '-' });
    "tributary-".chars().chain(stream).take(IAM_NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_only_what_iam_allows() {
        let long = "x".repeat(128);
        assert_eq!(iam_name(&long).len(), 64);
        assert_eq!(iam_name("click.stream_1"), "tributary-click.stream_1");
        assert_eq!(iam_name("a b/c"), "tributary-a-b-c");
    }
}
