//! What Set up fills in by itself: from a stream's address that was pasted, and where one value is the usual one.

use super::super::account::Account;
use crate::config::{self, Config, CredentialsSource, Destination, StreamArn};

/// The region of servers that are not AWS, unless the user names another: they take any.
const USUAL_REGION: &str = "us-east-1";

/// Takes region and account from a stream's ARN, once it is complete.
pub(super) fn from_arn(destination: &mut Destination) {
    if let Ok(arn) = StreamArn::parse(&destination.stream) {
        let (region, account) = (arn.region.to_owned(), arn.account_id.to_owned());
        (destination.region, destination.account_id) = (region, account);
    }
}

/// Takes apart a web address in the field for the stream: a page of the AWS console names region and stream, an endpoint of
/// AWS the region, and any other address is a server that is not AWS.
pub(super) fn from_url(destination: &mut Destination) {
    let url = destination.stream.clone();
    let Some((_, rest)) = url.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"))
    else {
        return;
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let labels: Vec<&str> = host.split('.').collect();
    let of_console = host.ends_with(".console.aws.amazon.com").then(|| labels[0]);
    let of_endpoint = labels.iter().position(|label| *label == "kinesis").and_then(|at| labels.get(at + 1));
    if let Some(region) = of_console {
        region.clone_into(&mut destination.region);
        let name = path.split("/details/").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
        name.unwrap_or_default().clone_into(&mut destination.stream);
    } else if config::other_server(&url).is_none() {
        if let Some(region) = of_endpoint {
            (*region).clone_into(&mut destination.region);
        }
        destination.stream.clear();
    } else if config::check_endpoint_url(&url).is_ok() {
        destination.endpoint_url = url;
        destination.stream.clear();
        usual_region(destination);
    }
}

/// Fills in an empty region: that of the profile in AWS's files, or for a server that is not AWS the usual one.
pub(super) fn region(draft: &mut Config, account: &Account) {
    let profile = match draft.credentials.source {
        CredentialsSource::Profile => draft.credentials.profile.as_str(),
        CredentialsSource::Default | CredentialsSource::Keychain => "default",
    };
    if draft.destination.region.is_empty()
        && let Some(region) = account.profile(profile).and_then(|profile| profile.region.as_deref())
    {
        region.clone_into(&mut draft.destination.region);
    }
    usual_region(&mut draft.destination);
}

fn usual_region(destination: &mut Destination) {
    if destination.region.is_empty() && config::other_server(&destination.endpoint_url).is_some() {
        USUAL_REGION.clone_into(&mut destination.region);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pasted(text: &str) -> [String; 3] {
        let mut destination = Destination { stream: text.to_owned(), ..Destination::default() };
        from_url(&mut destination);
        from_arn(&mut destination);
        [destination.region, destination.stream, destination.endpoint_url]
    }

    #[test]
    fn a_pasted_address_fills_in_what_it_names() {
        let console = "https://eu-west-1.console.aws.amazon.com/kinesis/home?region=eu-west-1#/streams/details/clicks/monitoring";
        assert_eq!(pasted(console), ["eu-west-1", "clicks", ""]);
        assert_eq!(pasted("https://kinesis.eu-central-1.amazonaws.com/"), ["eu-central-1", "", ""]);
        assert_eq!(pasted("http://localhost:4566"), ["us-east-1", "", "http://localhost:4566"]);
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
        assert_eq!(pasted(arn), ["eu-west-1", arn, ""]);
        assert_eq!(pasted("clicks"), ["", "clicks", ""], "a name stays a name");
        assert_eq!(
            pasted("http://user:word@host"),
            ["", "http://user:word@host", ""],
            "it is refused, not taken"
        );
    }
}
