//! How the policy gets to AWS: the steps by hand, for each format.

use eframe::egui::Ui;

use super::super::super::{
    theme::{tokens, weight},
    widgets,
};
use crate::{
    config::Config,
    policy::{self, ConsolePage, Format, Host, Writer},
};

/// A line, and its links: label and address. Some partitions have no public console, and then there is no link.
type Line = (String, Vec<(&'static str, Option<String>)>);

/// Draws the instructions. `has_key`: whether the stream has a key of the user's own.
pub(super) fn how_ui(ui: &mut Ui, draft: &Config, writer: &Writer, format: Format, has_key: bool) {
    let t = tokens(ui);
    ui.add_space(2.0);
    ui.label(weight("How to attach it", 580.0).color(t.strong));
    let mut lines = match format {
        Format::Json if writer.is_role() => for_role(draft, writer),
        Format::Json => for_user(draft),
        Format::AwsCli => vec![
            line(
                "Copy the commands and run them in a shell, or in CloudShell, with keys that may manage IAM.",
            ),
            line("They create the policy and its user or role, and attach the policy."),
        ],
        Format::Terraform => vec![line("Add it to your Terraform project and apply it.")],
        Format::CloudFormation => {
            vec![line("Create a stack from it, and allow it to create named IAM resources.")]
        }
    };
    if let Some(accounts) = policy::accounts(draft, writer) {
        lines.push(line(&for_stream(&accounts.stream, format, has_key)));
    }
    for (number, (text, links)) in lines.into_iter().enumerate() {
        ui.horizontal_wrapped(|ui| {
            ui.label(weight(format!("{}.", number + 1), 560.0).color(t.weak));
            ui.label(text);
            for (label, url) in links.into_iter().filter_map(|(label, url)| Some((label, url?))) {
                widgets::link_ui(ui, label, &url);
            }
        });
    }
}

fn line(text: &str) -> Line {
    (text.to_owned(), Vec::new())
}

fn how(url: &str) -> (&'static str, Option<String>) {
    ("How", Some(url.to_owned()))
}

fn policies(draft: &Config) -> (&'static str, Option<String>) {
    ("Open IAM policies", ConsolePage::CreatePolicy.url(&draft.destination.region))
}

fn for_user(draft: &Config) -> Vec<Line> {
    let users = ("Open IAM users", ConsolePage::CreateUser.url(&draft.destination.region));
    vec![
        ("Create an IAM user for Tributary.".to_owned(), vec![users, how(policy::HOW_TO_CREATE_USER)]),
        (
            "Create a policy: choose JSON and paste the text above.".to_owned(),
            vec![policies(draft), how(policy::HOW_TO_CREATE_POLICY)],
        ),
        ("Attach the policy to the user.".to_owned(), vec![how(policy::HOW_TO_ATTACH_POLICY)]),
        line(
            "Make an access key for the user, put it into a profile of your AWS files, and choose that under Keys.",
        ),
    ]
}

fn for_role(draft: &Config, writer: &Writer) -> Vec<Line> {
    let last = if writer.host == Host::ThisComputer {
        "Enter the role's ARN, and the external id where you use one, under Keys."
    } else {
        "Then give the role to its place, with the lines below the trust policy."
    };
    vec![
        (
            "Create a policy: choose JSON and paste the first text.".to_owned(),
            vec![policies(draft), how(policy::HOW_TO_CREATE_POLICY)],
        ),
        (
            "Create a role with a custom trust policy: paste the second text, and choose the policy."
                .to_owned(),
            vec![how(policy::HOW_TO_CREATE_ROLE)],
        ),
        line(last),
    ]
}

/// What the stream's account does afterwards.
fn for_stream(account: &str, format: Format, has_key: bool) -> String {
    let mut text = match format {
        Format::Json => format!(
            "In account {account}, open the stream in the AWS console, choose Data stream sharing, and paste the resource policy. \
             It replaces the one that the stream has."
        ),
        Format::AwsCli | Format::Terraform | Format::CloudFormation => {
            format!(
                "Account {account} runs the second half afterwards, with keys that may manage the stream."
            )
        }
    };
    if has_key && format == Format::Json {
        text += " Add the statement to the policy of the KMS key.";
    }
    text
}
