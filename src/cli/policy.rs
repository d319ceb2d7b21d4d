//! `tributary policy`: the IAM policy, filled in from the settings, for a person or a tool to apply.

use anyhow::Context;
use clap::Args;

use super::{DestinationWords, Places, print, tell};
use crate::{
    config::Overrides,
    policy::{self, Format, Grants, Holder, Missing},
};

#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
pub struct Words {
    #[command(flatten)]
    destination: DestinationWords,
    /// Grant reading too: what `tail` and the Stream place need
    #[arg(long)]
    read_back: bool,
    /// Grant looking at the stream too: its state, its shards, its record limit
    #[arg(long)]
    describe: bool,
    /// Grant listing the account's streams too: what "List my streams" needs
    #[arg(long)]
    list_streams: bool,
    /// ARN of the KMS key, where the stream is encrypted with a key of your own
    #[arg(long, value_name = "ARN", value_parser = kms_key)]
    kms_key_arn: Option<String>,
    /// For a role that this user or role may assume (`*` stands for any text), instead of for a user; --external-id is what it asks for
    #[arg(long, value_name = "ARN", value_parser = trusted)]
    trusted: Option<String>,
    /// Print who may assume the role, as JSON, instead of the policy
    #[arg(long, requires = "trusted")]
    trust_policy: bool,
    /// json, aws-cli, terraform or cloudformation
    #[arg(long, default_value = "json", value_parser = ["json", "aws-cli", "terraform", "cloudformation"])]
    format: String,
}

/// An empty one is a placeholder in the text.
fn kms_key(arn: &str) -> Result<String, String> {
    if arn.trim().is_empty() {
        return Ok(String::new());
    }
    policy::check_kms_key_arn(arn).map(|()| arn.to_owned())
}

fn trusted(arn: &str) -> Result<String, String> {
    policy::check_trusted(arn).map(|()| arn.to_owned())
}

pub(super) fn run(words: Words, places: &Places) -> anyhow::Result<()> {
    // A policy can be written before everything is known: what is missing is marked in it.
    let overrides = Overrides { practice: true, ..Overrides::from(words.destination) };
    let config = places.read(&overrides)?.config;
    let format = Format::parse(&words.format).context("unknown format")?;
    let mut grants = Grants::for_config(&config);
    grants.read_back |= words.read_back;
    grants.describe |= words.describe;
    grants.list_streams |= words.list_streams;
    grants.kms_key_arn = words.kms_key_arn.or(grants.kms_key_arn);
    let missing = policy::missing(&config, &grants);
    let holder = match words.trusted {
        Some(trusted) => Holder::Role { trusted, external_id: config.credentials.external_id.clone() },
        None => Holder::User,
    };
    let trust = policy::trust_policy(&holder).filter(|_| words.trust_policy);
    if let Some(trust) = trust {
        print(&trust)?;
        return Ok(());
    }
    print(&format!("{}\n", policy::render(&config, &grants, &holder, format).trim_end()))?;
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|one| one.placeholder()).collect();
        let flags: Vec<_> = missing.iter().map(|one| flag(*one)).collect();
        tell(&format!("still to be filled in: {} ({})", names.join(", "), flags.join(", ")));
    }
    Ok(())
}

/// What gives it.
fn flag(missing: Missing) -> &'static str {
    match missing {
        Missing::Region => "--region",
        Missing::AccountId => "--account-id",
        Missing::StreamName => "--stream",
        Missing::KmsKeyArn => "--kms-key-arn",
        Missing::Trusted => "--trusted",
    }
}
