//! The commands for an open delivery, from buttons and keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::{Response, Ui, vec2};
use lucide_icons::Icon;

use super::loaded::Loaded;
use crate::{
    app::{
        command::{self, Command, DeliveryCommand, LogCommand},
        json,
        seen::Seen,
        widgets,
    },
    delivery::{Delivery, Field, State, query::QueryKey},
    event::shown,
    shell,
    snippets::edit,
};

/// Whether deliveries of this kind have the command at all.
fn applies(command: DeliveryCommand, delivery: &Delivery) -> bool {
    match command {
        DeliveryCommand::CopyJson => true,
        DeliveryCommand::CopyRecord => delivery.state != State::Rejected,
        DeliveryCommand::Resend => matches!(delivery.state, State::Failed | State::Delivered),
        DeliveryCommand::CopyCurl | DeliveryCommand::Edit => delivery.kind.is_some(),
        DeliveryCommand::CopyId => !delivery.message_id.is_empty(),
        DeliveryCommand::SameUser => !delivery.partition_key.is_empty(),
        DeliveryCommand::SameName => delivery.name.is_some(),
        DeliveryCommand::SameSource => !delivery.source.is_empty(),
    }
}

/// Why a command that applies is not available for this delivery.
fn obstacle(command: DeliveryCommand, loaded: &Loaded) -> Option<String> {
    match command {
        // Both send the event again, so the log must have all of it.
        DeliveryCommand::CopyCurl | DeliveryCommand::Edit => loaded
            .kept_size()
            .map(|kept| format!("Not available: only the first {kept} of this event were kept")),
        DeliveryCommand::CopyJson
        | DeliveryCommand::CopyRecord
        | DeliveryCommand::CopyId
        | DeliveryCommand::Resend
        | DeliveryCommand::SameUser
        | DeliveryCommand::SameName
        | DeliveryCommand::SameSource => None,
    }
}

/// Carries out a command, or tells the user why it is not available.
pub(super) fn act(command: DeliveryCommand, ui: &Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
    if !applies(command, &loaded.detail.delivery) {
        seen.push(Command::Refuse("Not available for this delivery".to_owned()));
    } else if let Some(why) = obstacle(command, loaded) {
        seen.push(Command::Refuse(why));
    } else {
        run(command, ui, loaded, seen);
    }
}

fn run(command: DeliveryCommand, ui: &Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
    let delivery = &loaded.detail.delivery;
    let mut copy = |text: String, what: &str| {
        ui.copy_text(text);
        seen.copied(what);
    };
    match command {
        DeliveryCommand::CopyJson => copy(loaded.raw.clone(), loaded.event_name()),
        DeliveryCommand::CopyRecord => copy(record_json(loaded), "Record"),
        DeliveryCommand::CopyId => copy(delivery.message_id.to_string(), "messageId"),
        DeliveryCommand::CopyCurl => {
            let Some(kind) = delivery.kind else { return };
            let url = format!("{}/v1/{}", seen.endpoint(), kind.as_str());
            let event = edit::as_new(&loaded.raw);
            ui.copy_text(curl(&url, event.as_ref().unwrap_or(&loaded.raw)));
            seen.copied("curl command");
        }
        DeliveryCommand::Resend => seen.push(Command::Log(LogCommand::resend(delivery.id))),
        DeliveryCommand::Edit => {
            let Some(kind) = delivery.kind else { return };
            let event = edit::as_new(&loaded.event).map(|event| json::indent(&event));
            seen.push(Command::Compose(kind, event.unwrap_or_else(|| loaded.event.clone())));
        }
        DeliveryCommand::SameUser => filter(seen, Field::User, &delivery.partition_key),
        DeliveryCommand::SameName => filter(seen, Field::Event, delivery.name.as_deref().unwrap_or_default()),
        DeliveryCommand::SameSource => filter(seen, Field::Source, &delivery.source),
    }
}

/// Shows in Live the events with this value.
fn filter(seen: &mut Seen<'_>, field: Field, value: &str) {
    seen.push(Command::Filter(QueryKey::Field(field), value.to_owned()));
}

/// Buttons for those of the commands that apply.
pub(super) fn buttons_ui(ui: &mut Ui, commands: &[DeliveryCommand], loaded: &Loaded, seen: &mut Seen<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.spacing_mut().button_padding = vec2(9.0, 4.0);
        let delivery = &loaded.detail.delivery;
        for command in commands.iter().copied().filter(|command| applies(*command, delivery)) {
            let why = obstacle(command, loaded);
            let button = ui.add_enabled_ui(why.is_none(), |ui| button_ui(ui, command, delivery)).inner;
            if button.on_disabled_hover_text(why.unwrap_or_default()).clicked() {
                run(command, ui, loaded, seen);
            }
        }
    });
}

fn button_ui(ui: &mut Ui, command: DeliveryCommand, delivery: &Delivery) -> Response {
    let shares_record = delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some());
    let (icon, label, hint) = match command {
        DeliveryCommand::CopyJson => (Icon::Copy, "JSON", "Copies the event as it is stored"),
        DeliveryCommand::CopyRecord if shares_record => {
            let hint = "Copies the parameters of PutRecord for this event alone, although its record holds other \
                        events too";
            (Icon::Copy, "Record JSON", hint)
        }
        DeliveryCommand::CopyRecord => (Icon::Copy, "Record JSON", "Copies the parameters of PutRecord"),
        DeliveryCommand::CopyCurl => {
            (Icon::Terminal, "curl", "Copies a command that sends this as a new event")
        }
        DeliveryCommand::CopyId => (Icon::Copy, "messageId", "Copies the messageId"),
        DeliveryCommand::Resend if delivery.state == State::Failed => {
            (Icon::RotateCw, "Resend", "Queues this event again, behind waiting events")
        }
        DeliveryCommand::Resend => {
            (Icon::RotateCw, "Replay", "Delivers this event once more, with the same messageId")
        }
        DeliveryCommand::Edit => {
            (Icon::FlaskConical, "Edit as test", "Opens this event in Test, to send it as a new one")
        }
        DeliveryCommand::SameUser => (Icon::ListFilter, "This user", "Shows only the events of this user"),
        DeliveryCommand::SameName => (Icon::ListFilter, "This event", "Shows only the events with this name"),
        DeliveryCommand::SameSource => {
            (Icon::ListFilter, "This source", "Shows only the events of this source")
        }
    };
    let keys = Command::Delivery(command).keys();
    let keys = keys.map(|keys| format!(" ({})", command::keys_text(ui, keys))).unwrap_or_default();
    widgets::button_ui(ui, icon, label).on_hover_text(format!("{hint}{keys}"))
}

/// The parameters of `PutRecord`, with `Data` in base64 as AWS's API and command line expect it.
fn record_json(loaded: &Loaded) -> String {
    let data = loaded.detail.encoding.encode(&loaded.detail.json);
    let record = serde_json::json!({
        "PartitionKey": &*loaded.detail.delivery.partition_key,
        "Data": STANDARD.encode(data),
    });
    serde_json::to_string_pretty(&record).unwrap_or_default()
}

/// A command that sends the same event again; the user fills in a write key.
fn curl(url: &str, json: &str) -> String {
    let (url, json) = (shell::word(url), shown::lines(json));
    let body = shell::word(&json);
    format!("curl {url} -u YOUR_WRITE_KEY: -H 'Content-Type: application/json' -d {body}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_command_survives_a_quote_in_the_event() {
        let text = curl("http://h/v1/track", r#"{"event":"it's"}"#);
        assert!(text.ends_with(r#"-d "{\"event\":\"it's\"}""#), "{text}");
    }

    #[test]
    fn a_curl_command_holds_no_control_character_that_a_terminal_would_obey() {
        let text = curl("http://h/v1/track", "{\"event\":\"a\u{9b}b\u{202e}\"}");
        assert!(text.ends_with(r#"-d "{\"event\":\"a\\u009bb\\u202e\"}""#), "{text}");
    }
}
