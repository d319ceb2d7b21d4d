//! The card of the hot keys: the partition keys with the most events, and their load on one shard.

use eframe::egui::{Response, Ui};

use super::{
    super::records,
    bar::Bar,
    format::{per_second, percent},
    load::{NEAR_LIMIT, encoded, load, load_color},
};
use crate::{
    app::{command::Command, detail, seen::Seen, theme::tokens, widgets},
    delivery::{
        Field,
        chart::{HotKey, Overview},
        query::QueryKey,
    },
    event::{PartitionKey, shown},
};

const SHOWN_MAX: usize = 10;

/// How much of the traffic one key has.
struct Load {
    /// Share of all events.
    share: f64,
    events_per_second: f64,
    /// Share of one shard's limit.
    of_shard: f64,
}

pub(super) fn keys_ui(ui: &mut Ui, seen: &mut Seen<'_>, overview: &Overview) {
    let hot = &overview.hot;
    let seconds = ((overview.now - hot.since) as f64 / 1e3).max(1.0);
    let encoding = seen.config.destination.encoding;
    // A shard's limit counts records. With aggregation they are fewer than events.
    let records_per_event = records::records_per_event(&seen.status.puts);
    widgets::card_ui(ui, |ui| {
        widgets::title_ui(ui, "Hot keys");
        if hot.keys.is_empty() {
            widgets::hint_ui(ui, "No events in the last few minutes.");
            return;
        }
        let text = format!(
            "The partition keys with the most events in the last {}. All records of a key go to one shard.",
            widgets::duration(overview.now - hot.since)
        );
        widgets::hint_ui(ui, &text);
        for key in hot.keys.iter().take(SHOWN_MAX) {
            let events_per_second = key.events as f64 / seconds;
            let bytes = encoded(encoding, key.bytes as f64) / seconds;
            let load = Load {
                share: key.events as f64 / hot.events.max(1) as f64,
                events_per_second,
                of_shard: load(events_per_second * records_per_event, bytes),
            };
            if key_ui(ui, key, &load).clicked() {
                seen.push(Command::Filter(QueryKey::Field(Field::User), key.key.to_string()));
            }
        }
    });
}

fn key_ui(ui: &mut Ui, key: &HotKey, load: &Load) -> Response {
    let t = tokens(ui);
    let shard = key.shard.as_ref();
    let short = shard.map_or("a shard".to_owned(), |id| format!("shard {}", detail::short_shard(id)));
    let (share, of_shard) = (percent(load.share), percent(load.of_shard));
    let text =
        format!("{share} of events · {} · {of_shard} of {short}'s limit", per_second(load.events_per_second));
    let name = shown::line(&key.key);
    let bar = Bar { name: &name, text: &text, share: load.share, color: load_color(load.of_shard, t) };
    let events = widgets::digits(key.events);
    let events = if key.doubt > 0 {
        format!("{} to {events}", widgets::digits(key.events.saturating_sub(key.doubt)))
    } else {
        events
    };
    let hash = PartitionKey::hash_of(&key.key);
    let at = hash as f64 / u128::MAX as f64 * 100.0;
    let shard = shard.map_or(", no record was delivered lately".to_owned(), |shard| format!(", in {shard}"));
    let forecast = if load.of_shard >= 1.0 {
        "Above the limit of one shard: this key is throttled, however many shards there are."
    } else if load.of_shard >= NEAR_LIMIT {
        "Near the limit of one shard. More shards do not help a single key; a finer key does."
    } else {
        "Within the limit of one shard."
    };
    bar.ui(ui).on_hover_text(format!(
        "{name}\n{events} events\nMD5 {hash:032x}: at {at:.1} % of the hash range{shard}\n{forecast}\nClick to show them in \
         the log."
    ))
}
