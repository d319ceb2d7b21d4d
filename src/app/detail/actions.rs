//! What can be done with an open delivery, by buttons and by keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::{self, Ui, vec2};
use lucide_icons::Icon;

use super::{
    super::{
        command::{self, Command, DeliveryCommand, LogCommand},
        json,
        seen::Seen,
        widgets,
    },
    loaded::{Loaded, kept},
};
use crate::{
    delivery::{Delivery, Field, State, query::QueryKey},
    event::shown,
    shell,
    snippets::edit,
};

impl DeliveryCommand {
    /// Whether it means something for this delivery.
    pub(super) fn is_possible(self, delivery: &Delivery) -> bool {
        match self {
            Self::CopyJson => true,
            Self::CopyRecord => delivery.state != State::Rejected,
            Self::Resend => matches!(delivery.state, State::Failed | State::Delivered),
            Self::CopyCurl | Self::Edit => delivery.kind.is_some(),
            Self::CopyId => !delivery.message_id.is_empty(),
            Self::SameUser => !delivery.partition_key.is_empty(),
            Self::SameName => delivery.name.is_some(),
            Self::SameSource => !delivery.source.is_empty(),
        }
    }

    /// Why it cannot be done with this delivery, where it means something for it.
    pub(super) fn refusal(self, loaded: &Loaded) -> Option<String> {
        match self {
            // A part of an event is no event.
            Self::CopyCurl | Self::Edit => kept(&loaded.detail)
                .map(|kept| format!("Not available: only the first {kept} were kept of this event")),
            Self::CopyJson
            | Self::CopyRecord
            | Self::CopyId
            | Self::Resend
            | Self::SameUser
            | Self::SameName
            | Self::SameSource => None,
        }
    }

    fn button_ui(self, ui: &mut Ui, delivery: &Delivery) -> egui::Response {
        let (icon, label, hint) = match (self, delivery.state) {
            (Self::CopyJson, _) => (Icon::Copy, "JSON", "Copies the event as it is stored"),
            (Self::CopyRecord, _)
                if delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some()) =>
            {
                let hint =
                    "Copies what PutRecord would be given for this event alone: its record holds others, too";
                (Icon::Copy, "Record JSON", hint)
            }
            (Self::CopyRecord, _) => (Icon::Copy, "Record JSON", "Copies what PutRecord is given"),
            (Self::CopyCurl, _) => (Icon::Terminal, "curl", "Copies a command that sends it as a new event"),
            (Self::CopyId, _) => (Icon::Copy, "messageId", "Copies the messageId"),
            (Self::Resend, State::Failed) => {
                (Icon::RotateCw, "Resend", "Queues this event again, behind waiting events")
            }
            (Self::Resend, _) => {
                (Icon::RotateCw, "Replay", "Delivers this event once more, with the same messageId")
            }
            (Self::Edit, _) => {
                let hint = "Opens the Test place with this event, to be sent as a new one";
                (Icon::FlaskConical, "Edit as test", hint)
            }
            (Self::SameUser, _) => (Icon::ListFilter, "This user", "Shows only the events of this user"),
            (Self::SameName, _) => (Icon::ListFilter, "This event", "Shows only the events with this name"),
            (Self::SameSource, _) => {
                (Icon::ListFilter, "This source", "Shows only the events of this source")
            }
        };
        let keys = Command::Delivery(self).keys();
        let keys = keys.map(|keys| format!(" ({})", command::keys_text(ui, keys))).unwrap_or_default();
        widgets::button_ui(ui, icon, label).on_hover_text(format!("{hint}{keys}"))
    }

    pub(super) fn run(self, ui: &Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
        let delivery = &loaded.detail.delivery;
        let mut copy = |text: String, what: &str| {
            ui.copy_text(text);
            seen.copied(what);
        };
        match self {
            Self::CopyJson => copy(loaded.raw.clone(), loaded.event_name()),
            Self::CopyRecord => copy(record_json(loaded), "Record"),
            Self::CopyId => copy(delivery.message_id.to_string(), "messageId"),
            Self::CopyCurl => {
                let Some(kind) = delivery.kind else { return };
                let url = format!("{}/v1/{}", seen.endpoint(), kind.as_str());
                let event = edit::as_new(&loaded.raw);
                ui.copy_text(curl(&url, event.as_ref().unwrap_or(&loaded.raw)));
                seen.copied("curl command");
            }
            Self::Resend => seen.push(Command::Log(LogCommand::resend(delivery.id))),
            Self::Edit => {
                let Some(kind) = delivery.kind else { return };
                let event = edit::as_new(&loaded.event).map(|event| json::indent(&event));
                seen.push(Command::Compose(kind, event.unwrap_or_else(|| loaded.event.clone())));
            }
            Self::SameUser => same(seen, Field::User, &delivery.partition_key),
            Self::SameName => same(seen, Field::Event, delivery.name.as_deref().unwrap_or_default()),
            Self::SameSource => same(seen, Field::Source, &delivery.source),
        }
    }
}

/// The way to all events that have something in common with this one.
fn same(seen: &mut Seen<'_>, field: Field, value: &str) {
    seen.push(Command::Filter(QueryKey::Field(field), value.to_owned()));
}

/// Buttons for these, where they mean something.
pub(super) fn acts_ui(ui: &mut Ui, acts: &[DeliveryCommand], loaded: &Loaded, seen: &mut Seen<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.spacing_mut().button_padding = vec2(9.0, 4.0);
        for act in acts.iter().filter(|act| act.is_possible(&loaded.detail.delivery)) {
            let why = act.refusal(loaded);
            let button =
                ui.add_enabled_ui(why.is_none(), |ui| act.button_ui(ui, &loaded.detail.delivery)).inner;
            if button.on_disabled_hover_text(why.unwrap_or_default()).clicked() {
                act.run(ui, loaded, seen);
            }
        }
    });
}

/// What `PutRecord` is given: `Data` in base64, as AWS's API and command line take it.
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
