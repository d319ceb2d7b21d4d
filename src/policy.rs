//! The IAM policies that Tributary needs, as text in four formats, and the IAM calls that set it up. Pure.
//!
//! By default the policy is exactly the one that users of the predecessor know: `kinesis:PutRecord` on the ARN of one
//! stream. It grows only with what [`Grants`] switches on. [`Writer`] says who gets it, where that runs ([`Host`]), and in
//! which account. A value that is not known yet appears as the placeholder that the predecessor's page has (`{region}`), and
//! [`missing`] lists it. The policy for creating a stream is apart ([`creation_policy`]). Deliberately absent: permission to
//! delete streams, which Tributary never needs.

mod arns;
mod attach;
mod cloudformation;
mod commands;
mod console;
mod creation;
mod document;
mod format;
mod hcl;
mod host;
mod render;
mod role_steps;
mod scope;
mod share;
mod terraform;
#[cfg(test)]
mod tests;
mod trust;
mod writer;
mod yaml;

pub use self::{
    arns::{Missing, PartialArn, check_kms_key_arn, kms_key_arn, stream_arn},
    attach::{Attachment, IamCall, UndoCall, attach_name, check_attach_name, iam_endpoint},
    console::{
        ABOUT_KINESIS, ConsolePage, HOW_TO_ATTACH_POLICY, HOW_TO_CREATE_POLICY, HOW_TO_CREATE_ROLE,
        HOW_TO_CREATE_STREAM, HOW_TO_CREATE_USER, KINESIS_PRICING,
    },
    creation::creation_policy,
    document::{Grants, missing},
    format::Format,
    host::{Field, Host},
    render::{render, render_share},
    role_steps::{RoleStep, role_steps},
    share::{Accounts, KEY_OF_AWS, accounts, key_statement},
    trust::trust_policy,
    writer::{Assumed, Values, Writer, check_account_id, check_trusted, trusted_of},
};
