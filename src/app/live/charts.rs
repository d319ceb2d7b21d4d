//! What flows, over time: events, latencies, what waits, errors, shards, and the keys that carry most. Drawn from stored
//! sums, so that a restart leaves no gap in the memory of it. The pointer over one chart reads all of them at that time.

mod bar;
mod format;
mod intervals;
mod load;
mod plot;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use eframe::egui::{self, RichText, Ui};

use super::super::{
    command::{Command, LogCommand},
    seen::Seen,
    theme::tokens,
    waiting::{Waiting, arrived},
    widgets::{self, Tone},
};
use super::{columns::short_shard, records};
use crate::{
    delivery::{
        Field, Millis,
        chart::{ChartSpan, HotKey, Interval, Overview},
        query::QueryKey,
    },
    engine::Answer,
    event::{PartitionKey, shown},
};
use bar::Bar;
use format::{millis, per_second, percent, whole};
use intervals::Intervals;
use load::{NEAR_LIMIT, encoded, load, load_color};
pub(super) use plot::round_top;
use plot::{Chart, Series, TimeAxis};

/// Errors and shards that have a line or a bar of their own.
const NAMED_MAX: usize = 6;

#[derive(Default)]
pub(super) struct Charts {
    window: ChartSpan,
    overview: Option<Overview>,
    waiting: Option<Waiting<Result<Overview, String>>>,
    asked_at: Option<Instant>,
    error: Option<String>,
    hovered: Option<Millis>,
}

impl Charts {
    /// Asks for what the charts show; `all`: they are in sight.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>, all: bool) {
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(overview)) => {
                self.error = None;
                self.overview = Some(overview);
            }
            Some(Err(error)) => self.error = Some(error),
            None => {}
        }
        let every = if all { every(self.window) } else { Duration::from_secs(2) };
        let is_due = self.asked_at.is_none_or(|at| at.elapsed() >= every);
        if self.waiting.is_none() && is_due {
            self.asked_at = Some(Instant::now());
            seen.push(Command::Log(LogCommand::ReadOverview(self.window)));
        }
    }

    /// What the charts show is being read.
    pub(super) fn coming(&mut self, answer: Answer<Result<Overview, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    /// Events that wait and were put before, as of a moment ago.
    pub(super) fn retrying(&self) -> u64 {
        self.overview.as_ref().map_or(0, |overview| overview.retrying)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        ui.horizontal(|ui| {
            let windows = [
                (ChartSpan::FiveMinutes, "5 minutes"),
                (ChartSpan::Hour, "1 hour"),
                (ChartSpan::Day, "24 hours"),
            ];
            if widgets::segments_ui(ui, &mut self.window, "Time of the charts", &windows) {
                self.asked_at = None;
                self.waiting = None;
            }
            let hint = match self.hovered {
                Some(at) => format!("At {}", seen.clock.short(at)),
                None => "Point at a chart to read its values".to_owned(),
            };
            ui.label(RichText::new(hint).color(tokens(ui).weak));
        });
        if let Some(error) = &self.error {
            widgets::message_ui(ui, Tone::Bad, &format!("The charts could not be read: {error}"));
        }
        ui.add_space(4.0);
        let Some(overview) = self.overview.take() else {
            widgets::hint_ui(ui, "Loading …");
            return;
        };
        // They move with time as long as there is something in them.
        if !overview.intervals.is_empty() {
            ui.request_repaint_after(every(self.window));
        }
        let intervals = Intervals::new(&overview);
        let time =
            TimeAxis { intervals: &intervals, clock: seen.clock, hovered: self.hovered, now_hovered: None };
        let mut page = Page { time, overview: &overview, seen };
        widgets::page_ui(
            ui,
            &mut page,
            |page, ui| {
                page.events_ui(ui);
                page.backlog_ui(ui);
                page.errors_ui(ui);
                page.shards_ui(ui);
                records::card_ui(ui, page.seen);
            },
            |page, ui| {
                let latency = |ui: &mut Ui, page: &mut Page<'_, '_>, title, hint, of| {
                    page.latency_ui(ui, title, hint, of);
                };
                latency(ui, page, "Accept latency", "From reading the request to the commit on disk", |i| {
                    &i.accept_ms
                });
                latency(
                    ui,
                    page,
                    "Delivery latency",
                    "From reading the request to the stream's answer",
                    |i| &i.delivery_ms,
                );
                page.keys_ui(ui);
            },
        );
        let now_hovered = page.time.now_hovered;
        if now_hovered != self.hovered {
            self.hovered = now_hovered;
            ui.request_repaint();
        }
        self.overview = Some(overview);
    }
}

fn every(window: ChartSpan) -> Duration {
    match window {
        ChartSpan::FiveMinutes => Duration::from_secs(2),
        ChartSpan::Hour => Duration::from_secs(10),
        ChartSpan::Day => Duration::from_secs(30),
    }
}

struct Page<'a, 's> {
    time: TimeAxis<'a>,
    overview: &'a Overview,
    seen: &'a mut Seen<'s>,
}

impl Page<'_, '_> {
    fn events_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let series = [
            Series { name: "In", color: t.accent, values: self.time.intervals.rates(|i| i.accepted) },
            Series { name: "Out", color: t.ok, values: self.time.intervals.rates(|i| i.delivered) },
            Series { name: "Rejected", color: t.err, values: self.time.intervals.rates(|i| i.rejected) },
        ];
        let (title, hint) = ("Events per second", "Accepted, delivered, rejected");
        self.time.chart_ui(
            ui,
            &Chart { title, hint, series: &series, format: per_second, top_min: 1.0 },
            |_| {},
        );
    }

    fn backlog_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        // Nothing happened: what waited still waits.
        let mut last = None;
        let values = self.time.intervals.all.iter().map(|slot| {
            last = slot.map(|slot| slot.queued as f64).or(last);
            last
        });
        let series = [Series { name: "Waiting", color: t.accent, values: values.collect() }];
        let (title, hint) = ("Backlog", "Events that wait in the spool");
        self.time.chart_ui(ui, &Chart { title, hint, series: &series, format: whole, top_min: 2.0 }, |_| {});
    }

    fn latency_ui(
        &mut self,
        ui: &mut Ui,
        title: &str,
        hint: &str,
        of: fn(&Interval) -> &crate::delivery::chart::Histogram,
    ) {
        let t = tokens(ui);
        let quantile = |share: f64| {
            let value = |slot: &Interval| of(slot).quantile(share).map(|ms| ms as f64);
            self.time.intervals.all.iter().map(|slot| slot.and_then(value)).collect()
        };
        let series = [
            Series { name: "p50", color: t.ok, values: quantile(0.5) },
            Series { name: "p95", color: t.accent, values: quantile(0.95) },
            Series { name: "p99", color: t.warn, values: quantile(0.99) },
        ];
        self.time.chart_ui(ui, &Chart { title, hint, series: &series, format: millis, top_min: 2.0 }, |_| {});
    }

    fn errors_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let total = |i: &Interval| i.errors.values().sum::<u64>();
        let series = [Series { name: "All", color: t.err, values: self.time.intervals.rates(total) }];
        let hint = "Puts that did not succeed (as far as recorded), rejections, failures";
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        // With those of the interval that is running: ten minutes are long to who has just met one.
        for (code, count) in self.overview.intervals.iter().flat_map(|interval| &interval.errors) {
            *kinds.entry(code).or_default() += count;
        }
        let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
        kinds.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        let chart = Chart { title: "Errors", hint, series: &series, format: per_second, top_min: 1.0 };
        self.time.chart_ui(ui, &chart, |ui| {
            if kinds.is_empty() {
                widgets::hint_ui(ui, "None in this period.");
            }
            let most = kinds.first().map_or(1, |(_, count)| *count) as f64;
            for (code, count) in kinds.iter().take(NAMED_MAX) {
                let text = widgets::digits(*count);
                let bar = Bar { name: code, text: &text, share: *count as f64 / most, color: t.err };
                if bar.ui(ui).on_hover_text("Show these in the log").clicked() {
                    let command = Command::Filter(QueryKey::Field(Field::Error), (*code).to_owned());
                    self.seen.push(command);
                }
            }
            if kinds.len() > NAMED_MAX {
                widgets::hint_ui(ui, &format!("and {} more kinds", kinds.len() - NAMED_MAX));
            }
        });
    }

    /// What each shard got, against what it takes.
    fn shards_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let encoding = self.seen.config.destination.encoding;
        let mut shards: BTreeMap<&str, (u64, f64)> = BTreeMap::new();
        for (at, slot) in self.time.intervals.all.iter().enumerate() {
            let seconds = self.time.intervals.rate_seconds(at);
            for (shard, (records, bytes)) in slot.iter().flat_map(|slot| &slot.shards) {
                let load = load(*records as f64 / seconds, encoded(encoding, *bytes as f64) / seconds);
                let place = shards.entry(shard).or_default();
                *place = (place.0 + records, place.1.max(load));
            }
        }
        let all = shards.values().map(|(records, _)| records).sum::<u64>().max(1) as f64;
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Shards");
            widgets::hint_ui(
                ui,
                "Each shard's share of the records, and its busiest interval against the limit of 1,000 records and \
                 1 MiB per second",
            );
            if shards.is_empty() {
                widgets::hint_ui(ui, "Nothing was delivered in this period.");
            }
            let mut shards: Vec<_> = shards.into_iter().collect();
            shards.sort_by_key(|(_, (records, _))| std::cmp::Reverse(*records));
            for (shard, (records, peak)) in shards.iter().take(3 * NAMED_MAX) {
                let share = *records as f64 / all;
                let text = format!("{} of records · peak {} of its limit", percent(share), percent(*peak));
                let bar = Bar { name: shard, text: &text, share, color: load_color(*peak, t) };
                if bar.ui(ui).on_hover_text("Show these in the log").clicked() {
                    let command = Command::Filter(QueryKey::Field(Field::Shard), (*shard).to_owned());
                    self.seen.push(command);
                }
            }
            if let Some((shard, (_, peak))) = shards.iter().max_by(|a, b| a.1.1.total_cmp(&b.1.1))
                && *peak >= NEAR_LIMIT
            {
                let text = format!(
                    "{shard} is at {:.0} % of what a shard takes: {}. Nothing is lost, but events wait. More shards, \
                     on-demand capacity or a key that spreads better help.",
                    peak * 100.0,
                    if *peak >= 1.0 { "the stream throttles it" } else { "throttling is near" }
                );
                widgets::message_ui(ui, Tone::Attention, &text);
            }
        });
    }

    /// Who sends most, and what that does to a shard.
    fn keys_ui(&mut self, ui: &mut Ui) {
        let hot = &self.overview.hot;
        let seconds = ((self.overview.now - hot.since) as f64 / 1e3).max(1.0);
        let encoding = self.seen.config.destination.encoding;
        // A shard takes so many records: with aggregation, not so many events.
        let records_per_event = records::records_per_event(&self.seen.status.puts);
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Hot keys");
            if hot.keys.is_empty() {
                widgets::hint_ui(ui, "No events in the last few minutes.");
                return;
            }
            let text = format!(
                "Partition keys that carry most of the last {}; all records of a key go to one shard",
                widgets::duration(self.overview.now - hot.since)
            );
            widgets::hint_ui(ui, &text);
            for key in hot.keys.iter().take(10) {
                let rate = key.events as f64 / seconds;
                let bytes = encoded(encoding, key.bytes as f64) / seconds;
                let load = load(rate * records_per_event, bytes);
                let share = key.events as f64 / hot.events.max(1) as f64;
                if key_ui(ui, key, share, rate, load).clicked() {
                    let command = Command::Filter(QueryKey::Field(Field::User), key.key.to_string());
                    self.seen.push(command);
                }
            }
        });
    }
}

fn key_ui(ui: &mut Ui, key: &HotKey, share: f64, rate: f64, load: f64) -> egui::Response {
    let t = tokens(ui);
    let hash = PartitionKey::hash_of(&key.key);
    let at = hash as f64 / u128::MAX as f64 * 100.0;
    let shard =
        key.shard.as_ref().map_or("a shard".to_owned(), |shard| format!("shard {}", short_shard(shard)));
    let (share_text, load_text) = (percent(share), percent(load));
    let text = format!("{share_text} of events · {} · {load_text} of {shard}'s limit", per_second(rate));
    let name = shown::line(&key.key);
    let bar = Bar { name: &name, text: &text, share, color: load_color(load, t) };
    let doubt = if key.doubt > 0 {
        format!(" (at most; {} fewer at least)", widgets::digits(key.doubt))
    } else {
        String::new()
    };
    let forecast = if load >= 1.0 {
        "More than one shard can take: this key is throttled, however many shards there are."
    } else if load >= NEAR_LIMIT {
        "Near the limit of one shard. More shards do not help a single key; a finer key does."
    } else {
        "Within the limit of one shard."
    };
    bar.ui(ui).on_hover_text(format!(
        "{name}\n{} events{doubt}\nMD5 {hash:032x}: at {at:.1} % of the hash range{}\n{forecast}\nClick to show them in the log.",
        widgets::digits(key.events),
        key.shard.as_ref().map_or_else(|| ", no record of it was delivered lately".to_owned(), |shard| format!(", in {shard}")),
    ))
}
