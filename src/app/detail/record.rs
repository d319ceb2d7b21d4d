//! The record of an open delivery: its key, size, shard and data.

use eframe::egui::Ui;

use super::loaded::Loaded;
use crate::{
    app::{
        record_data::{BothForms, Form, both_forms_ui},
        seen::Seen,
        widgets::{self, Tone},
    },
    delivery::{Delivery, State},
    event::{Aggregation, Bucket, Encoding, PartitionKey},
};

pub(super) fn record_ui(ui: &mut Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
    let detail = &loaded.detail;
    if detail.delivery.state == State::Rejected {
        widgets::message_ui(ui, Tone::Note, "The endpoint rejected this event, so there is no record.");
        return;
    }
    let encoding = match detail.encoding {
        Encoding::Base64 => "base64: base64 of the event's JSON",
        Encoding::Json => "json: the event's JSON text",
        Encoding::JsonLines => "json-lines: the event's JSON text and a newline",
    };
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if widgets::fact_ui(ui, "Partition key", &detail.delivery.partition_key, true) {
            seen.copied("Partition key");
        }
        widgets::fact_ui(ui, "Encoding", encoding, false);
        let (data, key) = (loaded.record.len(), detail.delivery.partition_key.len());
        let size = format!("{} data + {} key", widgets::bytes(data as u64), widgets::bytes(key as u64));
        widgets::fact_ui(ui, "Size", &size, false);
        shard_ui(ui, &detail.delivery, seen);
    });
    if detail.delivery.key_shortened {
        let text = "The user's id is longer than the 256 characters that Kinesis allows, so the partition key is its \
                    SHA-256.";
        widgets::message_ui(ui, Tone::Note, text);
    }
    let shares_record = detail.delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some());
    ui.add_space(2.0);
    widgets::title_ui(ui, if shares_record { "Its data in the record" } else { "Data" });
    let forms = BothForms {
        decoded_is: "JSON",
        decoded: loaded.payload.text(),
        stored_is: &format!("{}, {}", detail.encoding.as_str(), widgets::bytes(loaded.record.len() as u64)),
        stored: &loaded.record,
    };
    match both_forms_ui(ui, &forms) {
        None => {}
        Some(Form::Decoded) => {
            ui.copy_text(loaded.payload.raw().to_owned());
            seen.copied("Event");
        }
        Some(Form::Stored) => {
            ui.copy_text(loaded.record.clone());
            seen.copied("Record data");
        }
    }
}

/// The shard of the record, why that shard gets it, and the event's place among others in the record.
fn shard_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>) {
    let receipt = delivery.receipt.as_ref();
    let place = receipt.and_then(|receipt| receipt.place);
    let bucket = Bucket::of(&delivery.partition_key);
    if let Some(place) = place {
        let text = format!("{} of {}, under the key {}", place.at, place.of, bucket.partition_key());
        widgets::fact_ui(ui, "In an aggregate", &text, false);
    }
    // With aggregation every record has an explicit hash key. Whether a record that was delivered with one event had one is
    // not known.
    let aggregates = seen.config.destination.aggregation != Aggregation::None;
    let (hash, origin) = if place.is_some() || receipt.is_none() && aggregates {
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
            Some(shard) => format!("{shard}, with the current shards"),
            None => "not known until you open Stream".to_owned(),
        },
    };
    let at = hash as f64 / u128::MAX as f64 * 100.0;
    let text = format!("{shard}: {origin} is at {at:.1} % of the hash range");
    widgets::fact_ui(ui, "Shard by hash", &text, false);
}
