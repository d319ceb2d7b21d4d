//! Whether new settings send the queued events to another destination, and the question to the user in that case.

use eframe::egui::Ui;
use lucide_icons::Icon;

use super::{seen::Seen, status_line, widgets};
use crate::{
    config::{Config, CredentialsSource, DestinationKind, StreamArn},
    engine::WaitingEvents,
};

/// Where events would go with the new settings, compared with those in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// To the same stream.
    Nowhere,
    /// To another stream or server.
    Elsewhere,
    /// To a stream of the same name, perhaps in another account: AWS looks for a name in the account of the keys.
    OtherKeys,
}

pub(super) fn between(now: &Config, new: &Config) -> Move {
    let (from, to) = (&now.destination, &new.destination);
    if !from.is_same_stream(to) {
        return Move::Elsewhere;
    }
    // An ARN names the account itself.
    if to.kind == DestinationKind::Practice || StreamArn::parse(&to.stream).is_ok() {
        return Move::Nowhere;
    }
    // An account id that was empty is only filled in, so it does not move the events.
    let other_account =
        from.account_id != to.account_id && !from.account_id.is_empty() && !to.account_id.is_empty();
    if other_account || keys(now) != keys(new) { Move::OtherKeys } else { Move::Nowhere }
}

/// The settings that decide which account's keys are used.
fn keys(config: &Config) -> (CredentialsSource, &str, &str) {
    let credentials = &config.credentials;
    let profile = match credentials.source {
        CredentialsSource::Profile => credentials.profile.as_str(),
        CredentialsSource::Default | CredentialsSource::Keychain => "",
    };
    (credentials.source, profile, &credentials.role_arn)
}

/// The question before settings that move queued events are applied. It names the present and the new destination.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub text: String,
    /// The button that sends the events: its label after the verb.
    send: String,
    /// The button that sets the events aside: its label after the verb.
    set_aside: String,
}

/// The question for these settings; `None`: they move no queued event.
pub(super) fn question(seen: &Seen<'_>, new: &Config) -> Option<Question> {
    let queued = seen.status.ledger.queued;
    match between(seen.config, new) {
        _ if queued == 0 => None,
        Move::Nowhere => None,
        Move::Elsewhere => Some(Question::about(queued, seen.config, new)),
        Move::OtherKeys => Some(Question::about_keys(queued, seen.config)),
    }
}

/// "1 queued event waits for", and the pronoun for it in the rest of the sentence.
fn waits(queued: u64) -> (String, &'static str) {
    let (waits, them) = if queued == 1 { ("event waits", "it") } else { ("events wait", "them") };
    (format!("{} queued {waits} for", widgets::digits(queued)), them)
}

impl Question {
    fn about(queued: u64, now: &Config, new: &Config) -> Self {
        let (waits, them) = waits(queued);
        let name = |config: &Config| match config.destination.kind {
            DestinationKind::Practice => "the practice stream".to_owned(),
            DestinationKind::Kinesis => status_line::destination(config),
        };
        let (mut from, mut to) = (name(now), name(new));
        // The buttons have the shortest names that differ.
        let (from_short, to_short) = match (stream(now), stream(new)) {
            _ if from == to => (server(now).to_owned(), server(new).to_owned()),
            (one, other) if one == other => (from.clone(), to.clone()),
            (one, other) => (one, other),
        };
        if from == to {
            from = format!("{from} on {from_short}");
            to = format!("{to} on {to_short}");
        }
        let (from_short, to_short) = (widgets::shortened(&from_short), widgets::shortened(&to_short));
        let those =
            if queued == 1 { "the one".to_owned() } else { format!("the {}", widgets::digits(queued)) };
        Self {
            text: format!("{waits} {from}. Send {them} to {to}, or set {them} aside?"),
            send: format!("send {them} to {to_short}"),
            set_aside: format!("set aside {those} for {from_short}"),
        }
    }

    fn about_keys(queued: u64, now: &Config) -> Self {
        let (waits, them) = waits(queued);
        let from = status_line::destination(now);
        Self {
            text: format!(
                "{waits} {from}, and the new keys may be another account's. Send {them} with the new keys, or set {them} aside?"
            ),
            send: format!("send {them} with the new keys"),
            set_aside: format!("set {them} aside"),
        }
    }
}

/// The destination's name for a button that switches to it.
pub(super) fn short_name(config: &Config) -> String {
    match config.destination.stream.as_str() {
        "" if config.destination.kind == DestinationKind::Kinesis => "the new stream".to_owned(),
        _ => widgets::shortened(&stream(config)),
    }
}

/// Whether these settings would send queued events elsewhere, so that the user must be asked.
pub(super) fn must_ask(queued: u64, now: &Config, new: &Config) -> bool {
    queued > 0 && between(now, new) != Move::Nowhere
}

/// The stream's name alone, for a button.
fn stream(config: &Config) -> String {
    match config.destination.kind {
        DestinationKind::Practice => "the practice stream".to_owned(),
        DestinationKind::Kinesis => status_line::stream_name(config).to_owned(),
    }
}

/// The name of the server, for two destinations whose other names are the same.
fn server(config: &Config) -> &str {
    match config.destination.endpoint_url.as_str() {
        "" => "AWS",
        url => url,
    }
}

/// Draws the button that puts the settings in force, or two buttons if the settings would move queued events. Returns what
/// happens to those events, once a button was pressed. `can`: an error says why no button can be pressed.
pub(super) fn choice_ui(
    ui: &mut Ui,
    verb: &str,
    question: Option<&Question>,
    can: Result<(), &str>,
) -> Option<WaitingEvents> {
    let why = can.err().unwrap_or_default();
    let label = question.map_or_else(|| verb.to_owned(), |question| format!("{verb} and {}", question.send));
    let there = widgets::primary_button_ui(ui, Icon::Check, &label, can.is_ok());
    let mut pressed = there.on_disabled_hover_text(why).clicked().then_some(WaitingEvents::GoOn);
    if let Some(question) = question {
        let label = format!("{verb} and {}", question.set_aside);
        let aside = ui.add_enabled_ui(can.is_ok(), |ui| widgets::button_ui(ui, Icon::Archive, &label)).inner;
        let hint = "They are kept under Failed, and can be sent again at any time.";
        if aside.on_hover_text(hint).on_disabled_hover_text(why).clicked() {
            pressed = Some(WaitingEvents::SetAside);
        }
    }
    pressed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Aggregation;

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
        for (now, new, wanted) in vec![
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

    #[test]
    fn how_events_share_records_moves_none_of_them() {
        let aggregated = with(|config| config.destination.aggregation = Aggregation::Kpl);
        assert_eq!(between(&with(|_| {}), &aggregated), Move::Nowhere);
        let larger = with(|config| config.destination.aggregation_max_bytes += 1);
        assert_eq!(between(&with(|_| {}), &larger), Move::Nowhere);
    }

    #[test]
    fn a_question_names_both_destinations_as_shortly_as_keeps_them_apart() {
        let ask = |change: fn(&mut Config)| Question::about(2, &with(|_| {}), &with(change));
        let other = ask(|config| "orders".clone_into(&mut config.destination.stream));
        assert_eq!(
            other.text,
            "2 queued events wait for clicks @ eu-west-1. Send them to orders @ eu-west-1, or set them aside?"
        );
        assert_eq!([&*other.send, &*other.set_aside], ["send them to orders", "set aside the 2 for clicks"]);
        let region = ask(|config| "us-east-1".clone_into(&mut config.destination.region));
        assert_eq!(region.send, "send them to clicks @ us-east-1");
        let server = ask(|config| "http://localhost:4566/".clone_into(&mut config.destination.endpoint_url));
        assert_eq!(server.send, "send them to clicks @ localhost:4566");
        assert!(server.text.contains("for clicks @ eu-west-1. Send them to clicks @ localhost:4566,"));
        let scheme = |scheme: &str| {
            let url = format!("{scheme}://localhost:4566");
            with(|config| config.destination.endpoint_url = url)
        };
        let secured = Question::about(1, &scheme("http"), &scheme("https"));
        assert!(secured.text.contains("Send it to clicks @ localhost:4566 on https://localhost:4566,"));
        let practice = ask(|config| config.destination.kind = DestinationKind::Practice);
        assert_eq!(practice.send, "send them to the practice stream");
    }
}
