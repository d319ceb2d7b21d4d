//! `tributary policy`: the IAM policy, filled in from the settings, for a person or a tool to apply.

use anyhow::Context;

use super::{
    destination_args::DestinationArgs,
    locations::Locations,
    output::{note, print},
};
use crate::{
    config::Overrides,
    policy::{self, Format, Grants, Holder, Missing},
};

#[derive(clap::Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent flag")]
pub struct Args {
    #[command(flatten)]
    destination: DestinationArgs,
    /// Also grant reading: what `tail` and the Stream place need
    #[arg(long)]
    read_back: bool,
    /// Also grant describing the stream: its state, its shards, its record limit
    #[arg(long)]
    describe: bool,
    /// Also grant listing the account's streams: what "List my streams" needs
    #[arg(long)]
    list_streams: bool,
    /// ARN of the KMS key, if the stream is encrypted with a key of your own
    #[arg(long, value_name = "ARN", value_parser = kms_key)]
    kms_key_arn: Option<String>,
    /// Write it for a role that this user or role may assume (`*` matches any text), instead of for a user; --external-id is the
    /// external id that the role asks for
    #[arg(long, value_name = "ARN", value_parser = trusted)]
    trusted: Option<String>,
    /// Print who may assume the role, as JSON, instead of the policy
    #[arg(long, requires = "trusted")]
    trust_policy: bool,
    /// json, aws-cli, terraform or cloudformation
    #[arg(long, default_value = "json", value_parser = ["json", "aws-cli", "terraform", "cloudformation"])]
    format: String,
}

/// An empty ARN becomes a placeholder in the policy.
fn kms_key(arn: &str) -> Result<String, String> {
    if arn.trim().is_empty() {
        return Ok(String::new());
    }
    policy::check_kms_key_arn(arn).map(|()| arn.to_owned())
}

fn trusted(arn: &str) -> Result<String, String> {
    policy::check_trusted(arn).map(|()| arn.to_owned())
}

pub(super) fn run(mut args: Args, locations: &Locations) -> anyhow::Result<()> {
    // A policy can be written before everything is known: placeholders mark what is missing.
    args.destination.practice = true;
    let overrides = Overrides::from(args.destination);
    let config = locations.read(&overrides)?.config;
    let format = Format::parse(&args.format).context("unknown format")?;
    let mut grants = Grants::for_config(&config);
    grants.read_back |= args.read_back;
    grants.describe |= args.describe;
    grants.list_streams |= args.list_streams;
    grants.kms_key_arn = args.kms_key_arn.or(grants.kms_key_arn);
    let missing = policy::missing(&config, &grants);
    let holder = match args.trusted {
        Some(trusted) => Holder::Role { trusted, external_id: config.credentials.external_id.clone() },
        None => Holder::User,
    };
    let trust = policy::trust_policy(&holder).filter(|_| args.trust_policy);
    if let Some(trust) = trust {
        print(&trust)?;
        return Ok(());
    }
    print(&format!("{}\n", policy::render(&config, &grants, &holder, format).trim_end()))?;
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|one| one.placeholder()).collect();
        let flags: Vec<_> = missing.iter().map(|one| flag(*one)).collect();
        note(&format!("still to be filled in: {} ({})", names.join(", "), flags.join(", ")));
    }
    Ok(())
}

/// The flag that sets it.
fn flag(missing: Missing) -> &'static str {
    match missing {
        Missing::Region => "--region",
        Missing::AccountId => "--account-id",
        Missing::StreamName => "--stream",
        Missing::KmsKeyArn => "--kms-key-arn",
        Missing::Trusted => "--trusted",
    }
}
