//! The card of the shards: each shard's share of the records, and its load against its limit.

use std::{cmp::Reverse, collections::BTreeMap};

use eframe::egui::Ui;

use super::{
    bar::Bar,
    format::percent,
    intervals::Intervals,
    load::{NEAR_LIMIT, encoded, load, load_color},
};
use crate::{
    app::{
        command::Command,
        seen::Seen,
        theme::tokens,
        widgets::{self, Tone},
    },
    delivery::{Field, query::QueryKey},
    event::Encoding,
};

const SHOWN_MAX: usize = 18;

/// The records that one shard got in the charts' period.
#[derive(Default)]
struct Shard {
    records: u64,
    /// The load in its busiest interval, as a share of its limit.
    peak: f64,
}

fn shards<'o>(intervals: &Intervals<'o>, encoding: Encoding) -> Vec<(&'o str, Shard)> {
    let mut shards: BTreeMap<&str, Shard> = BTreeMap::new();
    for (at, interval) in intervals.all.iter().enumerate() {
        let seconds = intervals.rate_seconds(at);
        for (id, (records, bytes)) in interval.iter().flat_map(|interval| &interval.shards) {
            let load = load(*records as f64 / seconds, encoded(encoding, *bytes as f64) / seconds);
            let shard = shards.entry(id).or_default();
            *shard = Shard { records: shard.records + records, peak: shard.peak.max(load) };
        }
    }
    let mut shards: Vec<_> = shards.into_iter().collect();
    shards.sort_by_key(|(_, shard)| Reverse(shard.records));
    shards
}

pub(super) fn shards_ui(ui: &mut Ui, seen: &mut Seen<'_>, intervals: &Intervals<'_>) {
    let t = tokens(ui);
    let shards = shards(intervals, seen.config.destination.encoding);
    let all = shards.iter().map(|(_, shard)| shard.records).sum::<u64>().max(1) as f64;
    widgets::card_ui(ui, |ui| {
        widgets::title_ui(ui, "Shards");
        let text = "Each shard's share of the records, and its busiest interval against the limit of 1,000 records and \
                    1 MiB per second";
        widgets::hint_ui(ui, text);
        if shards.is_empty() {
            widgets::hint_ui(ui, "Nothing was delivered in this period.");
        }
        for (id, Shard { records, peak }) in shards.iter().take(SHOWN_MAX) {
            let share = *records as f64 / all;
            let text = format!("{} of records · peak {} of its limit", percent(share), percent(*peak));
            let bar = Bar { name: id, text: &text, share, color: load_color(*peak, t) };
            if bar.ui(ui).on_hover_text("Show these in the log").clicked() {
                seen.push(Command::Filter(QueryKey::Field(Field::Shard), (*id).to_owned()));
            }
        }
        let busiest = shards.iter().max_by(|(_, one), (_, other)| one.peak.total_cmp(&other.peak));
        if let Some((id, Shard { peak, .. })) = busiest.filter(|(_, shard)| shard.peak >= NEAR_LIMIT) {
            let text = format!(
                "{id} is at {:.0} % of its limit: {}. Nothing is lost, but events wait. More shards, on-demand capacity or \
                 a more evenly spread partition key help.",
                peak * 100.0,
                if *peak >= 1.0 { "the stream throttles it" } else { "throttling is near" }
            );
            widgets::message_ui(ui, Tone::Attention, &text);
        }
    });
}
