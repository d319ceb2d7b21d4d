//! The commands for an open delivery, from buttons and keys.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::Ui;
use lucide_icons::Icon;

use super::{
    loaded::Loaded,
    looks::{Looks, Tab},
};
use crate::{
    app::{
        clock::Clock,
        command::{self, Command, DeliveryCommand, LogCommand},
        json,
        seen::Seen,
        widgets,
    },
    delivery::{
        Delivery, Field, State,
        query::{self, QueryKey},
    },
    event::shown,
    shell,
    snippets::edit,
};

/// Whether deliveries of this kind have the command at all.
fn applies(command: DeliveryCommand, delivery: &Delivery) -> bool {
    match command {
        DeliveryCommand::CopyJson | DeliveryCommand::Find | DeliveryCommand::SameTime => true,
        DeliveryCommand::CopyRecord => delivery.state != State::Rejected,
        DeliveryCommand::Resend => matches!(delivery.state, State::Failed | State::Delivered),
        DeliveryCommand::CopyCurl | DeliveryCommand::Edit => delivery.kind.is_some(),
        DeliveryCommand::CopyId | DeliveryCommand::CopySearch => !delivery.message_id.is_empty(),
        DeliveryCommand::CopySequence | DeliveryCommand::ShowRecord => delivery.receipt.is_some(),
        DeliveryCommand::CopyKey | DeliveryCommand::SameUser => !delivery.partition_key.is_empty(),
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
        | DeliveryCommand::CopyKey
        | DeliveryCommand::CopySequence
        | DeliveryCommand::CopySearch
        | DeliveryCommand::Find
        | DeliveryCommand::ShowRecord
        | DeliveryCommand::Resend
        | DeliveryCommand::SameUser
        | DeliveryCommand::SameName
        | DeliveryCommand::SameSource
        | DeliveryCommand::SameTime => None,
    }
}

/// Carries out a command, or tells the user why it is not available.
pub(super) fn act(
    command: DeliveryCommand,
    ui: &Ui,
    loaded: &Loaded,
    looks: &mut Looks,
    seen: &mut Seen<'_>,
) {
    if !applies(command, &loaded.detail.delivery) {
        seen.push(Command::Refuse("Not available for this delivery".to_owned()));
    } else if let Some(why) = obstacle(command, loaded) {
        seen.push(Command::Refuse(why));
    } else {
        run(command, ui, loaded, looks, seen);
    }
}

fn run(command: DeliveryCommand, ui: &Ui, loaded: &Loaded, looks: &mut Looks, seen: &mut Seen<'_>) {
    let delivery = &loaded.detail.delivery;
    if let Some((text, what)) = copied(command, loaded, seen) {
        ui.copy_text(text);
        return seen.copied(what);
    }
    match command {
        DeliveryCommand::Find => {
            looks.tab = Tab::Payload;
            looks.find.wants_focus = true;
        }
        DeliveryCommand::ShowRecord => {
            seen.commands.extend(delivery.receipt.clone().map(Command::ShowRecord));
        }
        DeliveryCommand::Resend => seen.push(Command::Log(LogCommand::resend(delivery.id))),
        DeliveryCommand::Edit => {
            let Some(kind) = delivery.kind else { return };
            let event = edit::as_new(loaded.payload.text()).map(|event| json::indent(&event));
            let event = event.unwrap_or_else(|| loaded.payload.text().to_owned());
            seen.push(Command::Compose(kind, event));
        }
        DeliveryCommand::SameUser => filter(seen, Field::User, &delivery.partition_key),
        DeliveryCommand::SameName => filter(seen, Field::Event, delivery.name.as_deref().unwrap_or_default()),
        DeliveryCommand::SameSource => filter(seen, Field::Source, &delivery.source),
        DeliveryCommand::SameTime => {
            const AROUND_MS: i64 = 60_000;
            let at = delivery.received_at;
            seen.push(Command::TimeRange(at - AROUND_MS, (at + AROUND_MS).min(Clock::now())));
        }
        DeliveryCommand::CopyJson
        | DeliveryCommand::CopyRecord
        | DeliveryCommand::CopyCurl
        | DeliveryCommand::CopyId
        | DeliveryCommand::CopyKey
        | DeliveryCommand::CopySequence
        | DeliveryCommand::CopySearch => {}
    }
}

/// What a command that copies copies, and its name in the notice. `None`: it does something else.
fn copied(command: DeliveryCommand, loaded: &Loaded, seen: &Seen<'_>) -> Option<(String, &'static str)> {
    let delivery = &loaded.detail.delivery;
    Some(match command {
        DeliveryCommand::CopyJson => (loaded.payload.raw().to_owned(), loaded.event_name()),
        DeliveryCommand::CopyRecord => (record_json(loaded), "Record"),
        DeliveryCommand::CopyId => (delivery.message_id.to_string(), "messageId"),
        DeliveryCommand::CopyKey => (delivery.partition_key.to_string(), "Partition key"),
        DeliveryCommand::CopySequence => {
            (delivery.receipt.as_ref()?.sequence_number.to_string(), "Sequence number")
        }
        DeliveryCommand::CopySearch => {
            (query::with("", QueryKey::Field(Field::MessageId), &[&delivery.message_id]), "Search")
        }
        DeliveryCommand::CopyCurl => {
            let url = format!("{}/v1/{}", seen.endpoint(), delivery.kind?.as_str());
            let event = edit::as_new(loaded.payload.raw());
            (curl(&url, event.as_deref().unwrap_or(loaded.payload.raw())), "curl command")
        }
        DeliveryCommand::Find
        | DeliveryCommand::ShowRecord
        | DeliveryCommand::Resend
        | DeliveryCommand::Edit
        | DeliveryCommand::SameUser
        | DeliveryCommand::SameName
        | DeliveryCommand::SameSource
        | DeliveryCommand::SameTime => return None,
    })
}

/// Shows in Live the events with this value.
fn filter(seen: &mut Seen<'_>, field: Field, value: &str) {
    seen.push(Command::Filter(QueryKey::Field(field), value.to_owned()));
}

/// The buttons of the head: the commands that apply, those that copy and those that filter in a menu each.
pub(super) fn buttons_ui(ui: &mut Ui, loaded: &Loaded, looks: &mut Looks, seen: &mut Seen<'_>) {
    use DeliveryCommand::{
        CopyCurl, CopyId, CopyJson, CopyKey, CopyRecord, CopySearch, CopySequence, Edit, Resend, SameName,
        SameSource, SameTime, SameUser, ShowRecord,
    };
    let mut chosen = None;
    let copies = [CopyJson, CopyCurl, CopyRecord, CopyId, CopyKey, CopySequence, CopySearch];
    let filters = [SameUser, SameName, SameSource, SameTime];
    button_ui(ui, Resend, loaded, &mut chosen);
    menu_ui(ui, (Icon::Copy, "Copy"), &copies, loaded, &mut chosen);
    menu_ui(ui, (Icon::ListFilter, "Filter"), &filters, loaded, &mut chosen);
    button_ui(ui, ShowRecord, loaded, &mut chosen);
    button_ui(ui, Edit, loaded, &mut chosen);
    if let Some(command) = chosen {
        run(command, ui, loaded, looks, seen);
    }
}

type Chosen = Option<DeliveryCommand>;

fn button_ui(ui: &mut Ui, command: DeliveryCommand, loaded: &Loaded, chosen: &mut Chosen) {
    let delivery = &loaded.detail.delivery;
    if !applies(command, delivery) {
        return;
    }
    let (icon, label, hint) = wording(command, delivery);
    let why = obstacle(command, loaded);
    let button = ui.add_enabled_ui(why.is_none(), |ui| widgets::button_ui(ui, icon, label)).inner;
    let keys = keys_text(ui, command).map(|keys| format!(" ({keys})")).unwrap_or_default();
    let button = button.on_hover_text(format!("{hint}{keys}"));
    if button.on_disabled_hover_text(why.unwrap_or_default()).clicked() {
        *chosen = Some(command);
    }
}

fn menu_ui(
    ui: &mut Ui,
    (icon, label): (Icon, &str),
    commands: &[DeliveryCommand],
    loaded: &Loaded,
    chosen: &mut Chosen,
) {
    let delivery = &loaded.detail.delivery;
    widgets::actions_ui(ui, icon, label, |ui| {
        for command in commands.iter().copied().filter(|command| applies(*command, delivery)) {
            let (icon, label, hint) = wording(command, delivery);
            let keys = keys_text(ui, command).unwrap_or_default();
            let why = obstacle(command, loaded);
            if widgets::action_ui(ui, (icon, label), &keys, hint, why.as_deref()) {
                *chosen = Some(command);
            }
        }
    });
}

fn keys_text(ui: &Ui, command: DeliveryCommand) -> Option<String> {
    Command::Delivery(command).keys().map(|keys| command::keys_text(ui, keys))
}

/// The icon, the label and the explanation of a command.
fn wording(command: DeliveryCommand, delivery: &Delivery) -> (Icon, &'static str, &'static str) {
    let shares_record = delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some());
    match command {
        DeliveryCommand::CopyJson => (Icon::Braces, "Payload JSON", "Copies the event as it is stored"),
        DeliveryCommand::CopyRecord if shares_record => {
            let hint = "Copies the parameters of PutRecord for this event alone, although its record holds other \
                        events too";
            (Icon::Waves, "Record JSON", hint)
        }
        DeliveryCommand::CopyRecord => (Icon::Waves, "Record JSON", "Copies the parameters of PutRecord"),
        DeliveryCommand::CopyCurl => {
            (Icon::Terminal, "curl command", "Copies a command that sends this as a new event")
        }
        DeliveryCommand::CopyId => (Icon::Hash, "messageId", "Copies the messageId"),
        DeliveryCommand::CopyKey if delivery.state == State::Rejected => {
            (Icon::User, "User id", "Copies the id of the user")
        }
        DeliveryCommand::CopyKey => (Icon::Key, "Partition key", "Copies the partition key of the record"),
        DeliveryCommand::CopySequence => {
            (Icon::ListOrdered, "Sequence number", "Copies the sequence number of the record")
        }
        DeliveryCommand::CopySearch => (
            Icon::Search,
            "Search for this event",
            "Copies the search that finds it, for Live and for tributary log",
        ),
        DeliveryCommand::Find => (Icon::Search, "Find", "Searches in the payload"),
        DeliveryCommand::ShowRecord => {
            (Icon::Waves, "Show in Stream", "Reads the record back from the stream")
        }
        DeliveryCommand::Resend if delivery.state == State::Failed => {
            (Icon::RotateCw, "Resend", "Queues this event again, behind waiting events")
        }
        DeliveryCommand::Resend => {
            (Icon::RotateCw, "Replay", "Delivers this event once more, with the same messageId")
        }
        DeliveryCommand::Edit => {
            (Icon::FlaskConical, "Edit as test", "Opens this event in Test, to send it as a new one")
        }
        DeliveryCommand::SameUser => (Icon::User, "This user", "Shows only the events of this user"),
        DeliveryCommand::SameName => (Icon::Tag, "This event", "Shows only the events with this name"),
        DeliveryCommand::SameSource => (Icon::Plug, "This source", "Shows only the events of this source"),
        DeliveryCommand::SameTime => {
            (Icon::Clock, "Around this time", "Shows the events received a minute before and after it")
        }
    }
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
