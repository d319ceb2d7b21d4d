//! The record of an open delivery: its key, its size, its shard and its bytes.

use eframe::egui::{self, Frame, Label, Margin, RichText, Stroke, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        json,
        seen::Seen,
        theme::tokens,
        widgets::{self, Tone},
    },
    loaded::Loaded,
};
use crate::{
    delivery::{Delivery, State},
    event::{Aggregation, Bucket, Encoding, PartitionKey, shown},
};

pub(super) fn record_ui(ui: &mut Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
    let detail = &loaded.detail;
    if detail.delivery.state == State::Rejected {
        widgets::message_ui(ui, Tone::Note, "It was refused at the endpoint, so there is no record.");
        return;
    }
    let consequence = match detail.encoding {
        Encoding::Base64 => "base64: base64 of the event's JSON",
        Encoding::Json => "json: the event's JSON text",
        Encoding::JsonLines => "json-lines: the event's JSON text and a newline",
    };
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if widgets::fact_ui(ui, "Partition key", &detail.delivery.partition_key, true) {
            seen.copied("Partition key");
        }
        widgets::fact_ui(ui, "Encoding", consequence, false);
        let (data, key) = (loaded.record.len(), detail.delivery.partition_key.len());
        let size = format!("{} data + {} key", widgets::bytes(data as u64), widgets::bytes(key as u64));
        widgets::fact_ui(ui, "Size", &size, false);
        shard_ui(ui, &detail.delivery, seen);
    });
    if detail.delivery.key_shortened {
        widgets::message_ui(
            ui,
            Tone::Note,
            "The user's id is longer than the 256 characters that Kinesis takes: the partition key is its SHA-256.",
        );
    }
    let shares = detail.delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some());
    widgets::title_ui(ui, if shares { "Its data in the record" } else { "Data" });
    if wrapped_code_ui(ui, &loaded.record) {
        ui.copy_text(loaded.record.clone());
        seen.copied("Record data");
    }
    ui.horizontal(|ui| {
        if widgets::button_ui(ui, Icon::Braces, "Copy event as stored").clicked() {
            ui.copy_text(loaded.raw.clone());
            seen.copied("Event");
        }
    });
}

/// Why the record is in its shard, and which other events it holds.
fn shard_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>) {
    let receipt = delivery.receipt.as_ref();
    let place = receipt.and_then(|receipt| receipt.place);
    let bucket = Bucket::of(&delivery.partition_key);
    if let Some(place) = place {
        let text = format!("{} of {}, under the key {}", place.at, place.of, bucket.partition_key());
        widgets::fact_ui(ui, "In an aggregate", &text, false);
    }
    // With aggregation every record has an explicit hash key; of one that was delivered alone it is not known.
    let aggregates = seen.config.destination.aggregation != Aggregation::None;
    let (hash, what) = if place.is_some() || receipt.is_none() && aggregates {
        (bucket.hash_key(), format!("the explicit hash key of {}", bucket.partition_key()))
    } else {
        (PartitionKey::hash_of(&delivery.partition_key), "MD5 of the key".to_owned())
    };
    if widgets::fact_ui(ui, "Hash key", &hash.to_string(), true) {
        seen.copied("Hash key");
    }
    let shard = match receipt {
        Some(receipt) => receipt.shard_id.to_string(),
        None => match seen.snapshot.shards.by_hash(hash, &seen.config.destination) {
            Some(shard) => format!("{shard}, as the shards are now"),
            None => "not known until the Stream place is opened".to_owned(),
        },
    };
    let at = hash as f64 / u128::MAX as f64 * 100.0;
    let text = format!("{shard}: {what} is at {at:.1} % of the hash range");
    widgets::fact_ui(ui, "Shard by hash", &text, false);
}

/// Text without structure, broken anywhere. True when its copy button was pressed.
pub(in crate::app) fn wrapped_code_ui(ui: &mut Ui, text: &str) -> bool {
    let t = tokens(ui);
    let (shown, was_cut) = json::cut(text, 8 * 1024);
    let mut copy = false;
    Frame::new()
        .fill(t.field)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(9)
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.take_available_width();
            let mut job = egui::text::LayoutJob::simple(
                shown::lines(shown).into_owned(),
                egui::TextStyle::Monospace.resolve(ui.style()),
                t.text,
                ui.available_width(),
            );
            job.wrap.break_anywhere = true;
            ui.add(Label::new(job).selectable(true));
            ui.horizontal(|ui| {
                copy = widgets::button_ui(ui, Icon::Copy, "Copy record data").clicked();
                if was_cut {
                    ui.label(RichText::new("Shortened here. Copy gives all of it.").small().color(t.weak));
                }
            });
        });
    copy
}
