//! Whether other settings move the events that wait somewhere else, and what the user is asked then.

use super::{Seen, status_line, widgets};
use crate::config::{Config, CredentialsSource, Destination, DestinationKind, StreamArn};

/// What becomes of events that are set aside.
pub(super) const ASIDE: &str = "They are kept under Failed, and can be sent again at any time.";

/// Where events would go with the new settings, seen from those in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// Where they go now.
    Nowhere,
    /// To another stream or server.
    Elsewhere,
    /// To a stream of the same name, perhaps in another account: a name is looked for in the account of the keys.
    OtherKeys,
}

pub(super) fn between(now: &Config, new: &Config) -> Move {
    let place = |of: &Destination| (of.stream.clone(), of.region.clone(), of.endpoint_url.clone());
    match (now.destination.kind, new.destination.kind) {
        (DestinationKind::Practice, DestinationKind::Practice) => Move::Nowhere,
        (DestinationKind::Kinesis, DestinationKind::Kinesis) => {
            let (from, to) = (&now.destination, &new.destination);
            // One that was not known before is filled in, and moves nothing.
            let other_account =
                from.account_id != to.account_id && !from.account_id.is_empty() && !to.account_id.is_empty();
            if place(from) != place(to) {
                Move::Elsewhere
            } else if StreamArn::parse(&to.stream).is_ok() {
                // An ARN names the account itself, whoever puts.
                Move::Nowhere
            } else if other_account || keys(now) != keys(new) {
                Move::OtherKeys
            } else {
                Move::Nowhere
            }
        }
        (DestinationKind::Practice, DestinationKind::Kinesis)
        | (DestinationKind::Kinesis, DestinationKind::Practice) => Move::Elsewhere,
    }
}

/// What decides whose account it is.
fn keys(config: &Config) -> (CredentialsSource, &str, &str) {
    let credentials = &config.credentials;
    let profile = match credentials.source {
        CredentialsSource::Profile => credentials.profile.as_str(),
        CredentialsSource::Default | CredentialsSource::Keychain => "",
    };
    (credentials.source, profile, &credentials.role_arn)
}

/// What is asked before such settings are applied; `None`: no event waits that they would move.
pub(super) fn question(seen: &Seen<'_>, new: &Config) -> Option<String> {
    let queued = seen.status.ledger.queued;
    let why = match between(seen.config, new) {
        Move::Nowhere => return None,
        Move::Elsewhere => "",
        Move::OtherKeys => ", and other keys may be another account's",
    };
    (queued > 0).then(|| {
        format!(
            "{} queued {} for {}{why}. Send there, or set aside?",
            widgets::digits(queued),
            if queued == 1 { "event waits" } else { "events wait" },
            status_line::destination(seen.config)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Config)) -> Config {
        let mut config = Config::default();
        config.destination.kind = DestinationKind::Kinesis;
        "eu-west-1".clone_into(&mut config.destination.region);
        "clicks".clone_into(&mut config.destination.stream);
        change(&mut config);
        config
    }

    #[test]
    fn another_stream_server_account_or_signer_moves_events_and_nothing_else_does() {
        let profile = |name: &'static str| {
            with(|config| {
                config.credentials.source = CredentialsSource::Profile;
                name.clone_into(&mut config.credentials.profile);
            })
        };
        let account = |id: &'static str| with(|config| id.clone_into(&mut config.destination.account_id));
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks";
        let by_arn = |role: &'static str| {
            with(|config| {
                arn.clone_into(&mut config.destination.stream);
                role.clone_into(&mut config.credentials.role_arn);
            })
        };
        let role = "arn:aws:iam::123456789012:role/r";
        let practice = |stream: &'static str| {
            let mut config = Config::default();
            stream.clone_into(&mut config.destination.stream);
            config
        };
        for (now, new, wanted) in [
            (with(|_| {}), with(|_| {}), Move::Nowhere),
            (practice(""), practice("typed"), Move::Nowhere),
            (practice(""), with(|_| {}), Move::Elsewhere),
            (with(|_| {}), practice(""), Move::Elsewhere),
            (with(|_| {}), with(|config| config.destination.stream.push('2')), Move::Elsewhere),
            (with(|_| {}), with(|config| config.destination.region.push('2')), Move::Elsewhere),
            (with(|_| {}), with(|config| config.destination.endpoint_url.push('x')), Move::Elsewhere),
            (with(|_| {}), with(|config| config.destination.ordered = false), Move::Nowhere),
            (with(|_| {}), with(|config| config.credentials.external_id.push('x')), Move::Nowhere),
            (with(|_| {}), with(|config| role.clone_into(&mut config.credentials.role_arn)), Move::OtherKeys),
            (with(|_| {}), profile("work"), Move::OtherKeys),
            (profile("work"), profile("home"), Move::OtherKeys),
            (account("123456789012"), account("210987654321"), Move::OtherKeys),
            (account(""), account("123456789012"), Move::Nowhere),
            (by_arn(""), by_arn(role), Move::Nowhere),
        ] {
            assert_eq!(between(&now, &new), wanted, "{now:?} {new:?}");
        }
    }
}
