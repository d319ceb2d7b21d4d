//! The payload of an open delivery: why it is not delivered, its JSON, what the endpoint set in it, and its facts.

use eframe::egui::{RichText, Ui};
use lucide_icons::Icon;

use super::{
    changes::Change,
    labels::{REPEAT, RESEND, size},
    loaded::Loaded,
};
use crate::{
    app::{
        command::Command,
        json_rows::Finds,
        json_view::Done,
        place::Place,
        remedy_card,
        seen::Seen,
        theme::tokens,
        widgets::{self, Tone},
    },
    config::DestinationKind,
    delivery::{AwsError, Delivery, State},
    engine::RECORD_BYTES_MAX,
    event::{Encoding, shown},
    remedy,
};

pub(super) fn payload_ui(ui: &mut Ui, loaded: &mut Loaded, seen: &mut Seen<'_>) {
    let delivery = &loaded.detail.delivery;
    error_ui(ui, delivery, seen, Place::Live);
    for (first, mark, button) in [
        (delivery.resend_of, RESEND, "Show the original"),
        (delivery.repeat_of, REPEAT, "Show the first event"),
    ] {
        if let Some(first) = first {
            widgets::message_ui(ui, Tone::Note, mark.meaning);
            if widgets::button_ui(ui, Icon::CornerUpLeft, button).clicked() {
                seen.push(Command::ShowDelivery(first));
            }
        }
    }
    if delivery.state == State::Rejected {
        widgets::title_ui(ui, "What was sent");
    }
    if let Some(kept) = loaded.kept_size() {
        let all = size(delivery).unwrap_or_default();
        widgets::hint_ui(ui, &format!("Only the first {kept} of {all} were kept."));
    }
    match loaded.payload.ui(ui) {
        None => {}
        Some(Done::Copied(what)) => seen.copied(what),
        Some(Done::Filter(Finds::Field(key, value))) => seen.push(Command::Filter(key, value)),
        Some(Done::Filter(Finds::Text(text))) => seen.push(Command::FilterText(text)),
    }
    ui.add_space(4.0);
    widgets::title_ui(ui, "Facts");
    facts_ui(ui, &loaded.detail.delivery, seen);
    changes_ui(ui, &loaded.changes);
}

fn changes_ui(ui: &mut Ui, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let t = tokens(ui);
    ui.add_space(4.0);
    widgets::title_ui(ui, "Set by the endpoint");
    for change in changes {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(change.member).monospace().color(t.code_key));
            if !change.is_certain {
                widgets::pill_ui(ui, t.warn, "Possible");
            }
            ui.label(RichText::new(&change.what).color(t.text)).on_hover_text(shown::line(&change.value));
        });
    }
    widgets::hint_ui(
        ui,
        "Tributary keeps only the stored event. A change that the stored event does not prove is marked “Possible”. The \
         endpoint also turns a numeric id into text, fills in values that the batch has for all its events, and removes a \
         write key in the body. Everything else is as it was sent, byte for byte.",
    );
}

fn facts_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        // The sender has sent the original event, not this resend.
        let name = if delivery.resend_of.is_some() { "Queued again" } else { "Received" };
        widgets::fact_ui(ui, name, &seen.clock.full(delivery.received_at), false);
        if !delivery.source.is_empty() {
            widgets::fact_ui(ui, "Source", &delivery.source, false);
        }
        if !delivery.message_id.is_empty() && widgets::fact_ui(ui, "messageId", &delivery.message_id, true) {
            seen.copied("messageId");
        }
        // A rejected event has no record, and therefore no partition key.
        let key = if delivery.state == State::Rejected { "User" } else { "Partition key" };
        if !delivery.partition_key.is_empty() && widgets::fact_ui(ui, key, &delivery.partition_key, true) {
            seen.copied(key);
        }
        if let Some(receipt) = &delivery.receipt {
            widgets::fact_ui(ui, "Shard", &receipt.shard_id, false);
            if widgets::fact_ui(ui, "Sequence number", &receipt.sequence_number, true) {
                seen.copied("Sequence number");
            }
            if let Some(place) = receipt.place {
                widgets::fact_ui(ui, "Place in record", &format!("{} of {}", place.at, place.of), false);
            }
        }
    });
}

/// Why the event is not delivered, and what to do. `here`: the place that shows this.
pub(crate) fn error_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>, here: Place) {
    let Some(error) = delivery.fault.as_ref() else { return };
    match delivery.state {
        State::Delivered => {}
        State::Resent => remedy_card::resent_ui(ui, seen, error, delivery.resent_as),
        State::Rejected | State::Failed | State::Queued | State::Retrying => {
            let event = remedy_card::Event {
                here,
                failed: (delivery.state == State::Failed).then_some(delivery.id),
                is_cause_over: is_cause_over(delivery, error, seen),
            };
            remedy_card::remedy_ui(ui, seen, error, Some(event));
        }
    }
}

/// Whether the destination refused the event's record, and nothing in force would refuse it now.
fn is_cause_over(delivery: &Delivery, error: &AwsError, seen: &Seen<'_>) -> bool {
    if delivery.state != State::Failed || !remedy::refuses_the_record(error) {
        return false;
    }
    let destination = &seen.config.destination;
    fits_every_stream(delivery.bytes, &delivery.partition_key, destination.encoding)
        && match destination.kind {
            DestinationKind::Practice => seen.snapshot.faults.record_bytes_max.is_none(),
            // Another server may take less than AWS.
            DestinationKind::Kinesis => remedy::other_server(seen.config).is_none(),
        }
}

/// Whether every stream of AWS takes the record of an event with that much JSON. Some streams take larger ones.
fn fits_every_stream(json_bytes: u32, partition_key: &str, encoding: Encoding) -> bool {
    usize::try_from(json_bytes)
        .is_ok_and(|json| encoding.encoded_len(json) + partition_key.len() <= RECORD_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_too_large_in_base64_fits_as_json() {
        assert!(!fits_every_stream(900_000, "ada", Encoding::Base64));
        assert!(fits_every_stream(900_000, "ada", Encoding::Json));
        assert!(fits_every_stream((1 << 20) - 3, "ada", Encoding::Json));
        assert!(!fits_every_stream((1 << 20) - 2, "ada", Encoding::Json), "the key counts, too");
    }
}
