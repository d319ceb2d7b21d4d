//! `tributary policy`: the IAM policy, filled in from the settings, for a person or a tool to apply.

use anyhow::{Context, bail};

use super::{
    destination_args::DestinationArgs,
    locations::Locations,
    output::{note, print},
    writer_args::{WriterArgs, flag_of},
};
use crate::{
    config::{Config, Overrides},
    policy::{self, Format, Grants, Host, Missing, Writer},
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
    #[command(flatten)]
    writer: WriterArgs,
    /// Print who may assume the role, as JSON, instead of the policy
    #[arg(long, requires = "role")]
    trust_policy: bool,
    /// Print the half that the stream's account runs, instead of the policy: JSON is the stream's resource policy. Needs
    /// --writer-account
    #[arg(long, conflicts_with = "trust_policy", requires = "writer_account")]
    resource_policy: bool,
    /// Print the statement that the policy of the KMS key needs, as JSON, instead of the policy. Needs --writer-account and
    /// --kms-key-arn
    #[arg(long, conflicts_with_all = ["trust_policy", "resource_policy"], requires_all = ["writer_account", "kms_key_arn"])]
    key_policy: bool,
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

pub(super) fn run(mut args: Args, locations: &Locations) -> anyhow::Result<()> {
    // A policy can be written before everything is known: placeholders mark what is missing.
    args.destination.practice = true;
    let overrides = Overrides::from(args.destination.clone());
    let config = locations.read(&overrides)?.config;
    let format = Format::parse(&args.format).context("unknown format")?;
    let mut grants = Grants::for_config(&config);
    grants.read_back |= args.read_back;
    grants.describe |= args.describe;
    grants.list_streams |= args.list_streams;
    grants.kms_key_arn = args.kms_key_arn.clone().or(grants.kms_key_arn);
    let writer = args.writer.writer(&config)?;
    let text = args.text(&config, &grants, &writer, format)?;
    print(&text)?;
    if !args.trust_policy && !args.key_policy {
        say_what_remains(&args, &config, &grants, &writer, format);
    }
    let mut missing = policy::missing(&config, &grants, &writer);
    // The texts for one writer do not have all the same placeholders.
    missing.retain(|one| text.contains(one.placeholder()));
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|one| one.placeholder()).collect();
        let flags: Vec<_> = missing.iter().map(|one| flag(*one)).collect();
        note(&format!("still to be filled in: {} ({})", names.join(", "), flags.join(", ")));
    }
    Ok(())
}

impl Args {
    /// The text that was asked for.
    fn text(
        &self,
        config: &Config,
        grants: &Grants,
        writer: &Writer,
        format: Format,
    ) -> anyhow::Result<String> {
        if self.trust_policy {
            let Some(text) = policy::trust_policy(config, writer) else {
                bail!(
                    "a user has no trust policy: say who may assume a role with --trusted, or where it runs with --runs-on"
                );
            };
            return Ok(text);
        }
        if self.key_policy {
            let Some(text) = policy::key_statement(config, grants, writer) else {
                bail!(
                    "only a key in another account needs a statement: give --kms-key-arn and --writer-account"
                );
            };
            return Ok(text);
        }
        if self.resource_policy {
            let Some(text) = policy::render_share(config, grants, writer, format) else {
                bail!(
                    "stream and writer are in one account, which needs no resource policy: give --writer-account"
                );
            };
            return Ok(text);
        }
        Ok(policy::render(config, grants, writer, format))
    }
}

/// Notes what is to be done besides the text.
fn say_what_remains(args: &Args, config: &Config, grants: &Grants, writer: &Writer, format: Format) {
    if args.resource_policy {
        if format == Format::Json && grants.kms_key_arn.is_some() {
            note("the policy of the KMS key needs a statement too: --key-policy prints it");
        }
        if grants.kms_key_arn.is_none() {
            note(policy::KEY_OF_AWS);
        }
        return;
    }
    if format == Format::Json && writer.host != Host::ThisComputer {
        note("the role needs a trust policy too: --trust-policy prints it");
        for step in policy::role_steps(config, writer, format) {
            note(&format!("{}:\n{}", step.what, step.text));
        }
    }
    if policy::accounts(config, writer).is_some() {
        note("the stream's account has to run the other half: --resource-policy prints it");
        note("enter the stream in Tributary as its ARN, not as its name");
    }
}

/// The flag that sets it.
fn flag(missing: Missing) -> &'static str {
    match missing {
        Missing::Region => "--region",
        Missing::AccountId => "--account-id",
        Missing::StreamName => "--stream",
        Missing::KmsKeyArn => "--kms-key-arn",
        Missing::Trusted => "--trusted",
        Missing::WriterAccount => "--writer-account",
        Missing::Host(field) => flag_of(field),
    }
}
