//! Whether other settings move the events that wait somewhere else, and what the user is asked then.

use eframe::egui::Ui;
use lucide_icons::Icon;

use super::{Seen, status_line, widgets};
use crate::{
    config::{Config, CredentialsSource, DestinationKind, StreamArn},
    engine::Queued,
};

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
    let (from, to) = (&now.destination, &new.destination);
    if !from.is_same_stream(to) {
        return Move::Elsewhere;
    }
    // An ARN names the account itself, whoever puts.
    if to.kind == DestinationKind::Practice || StreamArn::parse(&to.stream).is_ok() {
        return Move::Nowhere;
    }
    // One that was not known before is filled in, and moves nothing.
    let other_account =
        from.account_id != to.account_id && !from.account_id.is_empty() && !to.account_id.is_empty();
    if other_account || keys(now) != keys(new) { Move::OtherKeys } else { Move::Nowhere }
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

/// The button that puts the settings in force; two where events wait that they would move. What becomes of those, once
/// one was pressed. `can`: why neither can be.
pub(super) fn choice_ui(ui: &mut Ui, verb: &str, moves: bool, can: Result<(), &str>) -> Option<Queued> {
    let why = can.err().unwrap_or_default();
    let label = if moves { format!("{verb} and send them there") } else { verb.to_owned() };
    let there = widgets::primary_button_ui(ui, Icon::Check, &label, can.is_ok());
    let mut pressed = there.on_disabled_hover_text(why).clicked().then_some(Queued::GoOn);
    if moves {
        let label = format!("{verb} and set them aside");
        let aside = ui.add_enabled_ui(can.is_ok(), |ui| widgets::button_ui(ui, Icon::Archive, &label)).inner;
        let hint = "They are kept under Failed, and can be sent again at any time.";
        if aside.on_hover_text(hint).on_disabled_hover_text(why).clicked() {
            pressed = Some(Queued::SetAside);
        }
    }
    pressed
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
