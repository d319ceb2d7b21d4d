//! What a set-up is for: the stream, field by field, and the name and the account of the IAM objects made for it.

use super::{
    arns::{Missing, stream_arn},
    host::{Field, Host},
    writer::Writer,
};
use crate::{
    aws::{self, Arn, Partition, is_account_id},
    config::Config,
    shell,
};

/// The stream's fields, with placeholders for unknown ones. If the settings have the stream's ARN, its fields win.
pub(super) struct Scope {
    pub(super) partition: &'static Partition,
    /// `None`: not known yet.
    pub(super) region: Option<String>,
    /// The stream's account.
    pub(super) account_id: String,
    pub(super) stream: String,
    pub(super) stream_arn: String,
    /// The name of the user or role, and of the policy.
    pub(super) name: String,
    /// The account of the user or role.
    pub(super) writer_account: String,
    /// Whether the writer gets a role, and not a user.
    is_role: bool,
    /// The region of the host, if it is known to be another one than the stream's.
    host_region: Option<String>,
}

impl Scope {
    pub(super) fn of(config: &Config, writer: &Writer) -> Self {
        let stream_arn = stream_arn(&config.destination).arn;
        let arn = Arn::parse(&stream_arn);
        let known = |field: Option<&str>, missing: Missing| {
            field.filter(|text| !text.is_empty()).unwrap_or(missing.placeholder()).to_owned()
        };
        let stream = arn.map(|arn| arn.resource_of_type("stream").unwrap_or(arn.resource));
        let stream = known(stream, Missing::StreamName);
        let region = known(arn.map(|arn| arn.region), Missing::Region);
        let named = arn.and_then(|arn| aws::partition_named(arn.partition));
        let account_id = known(arn.map(|arn| arn.account_id), Missing::AccountId);
        let writer_account = match writer.account_id.as_deref().map(str::trim) {
            None => account_id.clone(),
            Some(id) => known(Some(id).filter(|id| is_account_id(id)), Missing::WriterAccount),
        };
        let name = Some(writer.name.trim()).filter(|name| !name.is_empty());
        Self {
            partition: named.unwrap_or(aws::partition_of(&region)),
            account_id,
            region: Some(region).filter(|region| region != Missing::Region.placeholder()),
            name: name.map_or_else(|| iam_name(&stream), str::to_owned),
            stream,
            writer_account,
            is_role: writer.is_role(),
            host_region: host_region(writer),
            stream_arn,
        }
    }

    /// Whether the writer is in another account than the stream.
    pub(super) fn is_shared(&self) -> bool {
        self.writer_account != self.account_id
    }

    /// The ARN of the user or role.
    pub(super) fn writer_arn(&self) -> String {
        self.iam_arn(self.writer_kind(), &self.name)
    }

    /// Which account runs the writer's half, if there are two.
    pub(super) fn writer_half(&self) -> Option<String> {
        let Self { writer_account, account_id, .. } = self;
        self.is_shared().then(|| {
            format!("Run in account {writer_account} (writer). Account {account_id} (stream) runs the other half afterwards.")
        })
    }

    /// A stream of another account has no name that Kinesis would find.
    pub(super) fn by_arn(&self) -> Option<String> {
        self.is_shared().then(|| format!("Enter the stream in Tributary as its ARN: {}", self.stream_arn))
    }

    /// Which account runs the stream's half, if there are two.
    pub(super) fn stream_half(&self) -> Option<String> {
        let Self { writer_account, account_id, .. } = self;
        let kind = self.writer_kind();
        self.is_shared().then(|| {
            format!("Run in account {account_id} (stream), after the half of account {writer_account} (writer): the {kind} must exist.")
        })
    }

    /// What the writer's half is for, without a full stop.
    pub(super) fn purpose(&self) -> String {
        let through = if self.is_role { " through a role" } else { "" };
        format!("Lets Tributary use the Kinesis stream {}{through}", self.title())
    }

    /// What the stream's half is for, without a full stop.
    pub(super) fn share_purpose(&self) -> String {
        format!("Lets {} write to the Kinesis stream {}", self.writer_arn(), self.title())
    }

    /// `role` or `user`.
    pub(super) fn writer_kind(&self) -> &'static str {
        if self.is_role { "role" } else { "user" }
    }

    /// The region of the host, or its placeholder.
    pub(super) fn host_region(&self) -> &str {
        self.host_region
            .as_ref()
            .or(self.region.as_ref())
            .map_or(Missing::Region.placeholder(), |region| region)
    }

    /// ` --region eu-west-1`, for commands about the host.
    pub(super) fn host_region_flag(&self) -> String {
        format!(" --region {}", shell::word(self.host_region()))
    }

    /// The name for services that take fewer characters than IAM: letters, digits, `-` and `_`.
    pub(super) fn plain_name(&self) -> String {
        let name = self.name.replace(['{', '}'], "");
        name.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_', "-")
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

    /// The ARN of an IAM object of that kind (`policy`, `role`) and name, in the writer's account.
    pub(super) fn iam_arn(&self, kind: &str, name: &str) -> String {
        let resource = format!("{kind}/{name}");
        let (partition, account_id) = (self.partition.name, &*self.writer_account);
        Arn { partition, service: "iam", region: "", account_id, resource: &resource }.to_string()
    }
}

/// The region of the host, where that is known.
fn host_region(writer: &Writer) -> Option<String> {
    let field = match writer.host {
        Host::Ecs | Host::EksPodIdentity => writer.values.known(Field::ClusterRegion),
        Host::RolesAnywhere => Arn::parse(writer.values.known(Field::TrustAnchor))?.region,
        Host::ThisComputer | Host::Ec2 | Host::Irsa | Host::Lambda => "",
    };
    Some(field.to_owned()).filter(|region| !region.is_empty())
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
