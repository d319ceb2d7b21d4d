//! What is learned of an AWS account and of AWS's own files, as plain data. No secret is in it.

use std::sync::Arc;

/// Who AWS says we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Twelve digits.
    pub account_id: Arc<str>,
    /// The user or the assumed role.
    pub arn: Arc<str>,
}

/// A stream of the account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListedStream {
    /// Its name.
    pub name: Arc<str>,
    /// Such as `ACTIVE`; empty where the server does not say.
    pub status: Arc<str>,
    /// It takes as much as comes.
    pub on_demand: bool,
}

/// How a profile of AWS's files comes to keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileKind {
    /// They stand in the file.
    Keys,
    /// A sign-in with IAM Identity Center (SSO) that lasts some hours.
    Sso,
    /// A role that is assumed with other keys.
    Role,
    /// A program hands them out.
    Process,
    /// `aws login`, which this program cannot read.
    Login,
    /// The file does not say.
    None,
}

/// A profile of AWS's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Its name.
    pub name: Arc<str>,
    /// How it comes to keys.
    pub kind: ProfileKind,
    /// The region that it names.
    pub region: Option<Arc<str>>,
    /// It wants a code of an MFA device, which nobody can type in here.
    pub mfa: bool,
}

/// What AWS's own files and programs offer on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsFiles {
    /// `default` first, the others by name.
    pub profiles: Vec<Profile>,
    /// The AWS CLI is installed, so that `aws sso login` can be run.
    pub has_cli: bool,
}
