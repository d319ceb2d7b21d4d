//! Charts over time: events, latencies, backlog, errors, shards, and hot keys. They are drawn from counts that the log
//! stores, so a restart leaves no gap. The pointer over one chart shows the values of all charts at that time. Dragging over a
//! chart shows the events of that time in the list.

mod bar;
mod brush;
mod format;
mod intervals;
mod keys;
mod load;
mod plot;
mod shards;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use eframe::egui::{self, RichText, Ui};
use lucide_icons::Icon;

use super::records;
use crate::{
    app::{
        command::{Command, LiveCommand, LogCommand},
        seen::Seen,
        theme::tokens,
        waiting::{Waiting, arrived},
        widgets::{self, Tone},
    },
    delivery::{
        Field, Millis,
        chart::{ChartSpan, Histogram, Interval, Overview},
        query::QueryKey,
    },
    engine::Answer,
};
use bar::Bar;
use brush::Brush;
use format::{millis, per_second, whole};
use intervals::Intervals;
use plot::{Chart, Series, TimeAxis};

/// Maximum kinds of errors to show.
const ERRORS_SHOWN_MAX: usize = 6;

/// The shortest time between two reads while the charts are out of sight.
const RETRYING_EVERY: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Charts {
    span: ChartSpan,
    overview: Option<Overview>,
    waiting: Option<Waiting<Result<Overview, String>>>,
    asked_at: Option<Instant>,
    error: Option<String>,
    /// The start of the interval under the pointer.
    hovered: Option<Millis>,
    brush: Option<Brush>,
}

impl Charts {
    /// Asks for the counts. `are_shown`: the charts are in sight; otherwise only [`Self::retrying`] is needed.
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>, are_shown: bool) {
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(overview)) => {
                self.error = None;
                self.overview = Some(overview);
            }
            Some(Err(error)) => self.error = Some(error),
            None => {}
        }
        let every = if are_shown { refresh_every(self.span) } else { RETRYING_EVERY };
        let is_due = self.asked_at.is_none_or(|at| at.elapsed() >= every);
        if self.waiting.is_none() && is_due {
            self.asked_at = Some(Instant::now());
            seen.push(Command::Log(LogCommand::ReadOverview(self.span)));
        }
    }

    pub(super) fn coming(&mut self, answer: Answer<Result<Overview, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    /// The number of events that are being retried, as of the last read.
    pub(super) fn retrying(&self) -> u64 {
        self.overview.as_ref().map_or(0, |overview| overview.retrying)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        self.span_ui(ui, seen);
        if let Some(error) = &self.error {
            widgets::message_ui(ui, Tone::Bad, &format!("The charts could not be read: {error}"));
        }
        ui.add_space(4.0);
        let Some(overview) = self.overview.take() else {
            widgets::hint_ui(ui, "Loading …");
            return;
        };
        // Charts with events in them move with time.
        if !overview.intervals.is_empty() {
            ui.request_repaint_after(refresh_every(self.span));
        }
        if is_empty(&overview) {
            self.empty_ui(ui, seen);
        } else {
            self.charts_ui(ui, seen, &overview);
        }
        self.overview = Some(overview);
    }

    /// The choice of the time, and the way to its events.
    fn span_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        ui.horizontal_wrapped(|ui| {
            let spans = [
                (ChartSpan::FiveMinutes, "5 minutes"),
                (ChartSpan::Hour, "1 hour"),
                (ChartSpan::Day, "24 hours"),
            ];
            if widgets::segments_ui(ui, &mut self.span, "Time of the charts", &spans) {
                self.show_again();
            }
            let events = widgets::button_ui(ui, Icon::Activity, "Events of this time");
            if events.on_hover_text("Shows the events of the charts' time in the list").clicked() {
                let ago = match self.span {
                    ChartSpan::FiveMinutes => "5m",
                    ChartSpan::Hour => "1h",
                    ChartSpan::Day => "24h",
                };
                seen.push(Command::Live(LiveCommand::Since(Some(ago))));
            }
            let hint = match self.hovered {
                Some(at) => format!("At {}", seen.clock.short(at)),
                None => "Drag across a chart to see its events".to_owned(),
            };
            ui.label(RichText::new(hint).color(tokens(ui).weak));
        });
    }

    fn show_again(&mut self) {
        self.asked_at = None;
        self.waiting = None;
        self.brush = None;
    }

    fn empty_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let has_events = seen.status.ledger.accepted > 0;
        if has_events && self.span != ChartSpan::Day {
            let text = "The charts show when events came, how long their delivery took, and what went wrong.";
            let action = (Icon::Clock, "Show 24 hours");
            if widgets::empty_ui(ui, Icon::ChartLine, "No events in this period", text, Some(action)) {
                self.span = ChartSpan::Day;
                self.show_again();
            }
            return;
        }
        let text = "Send an event, and the charts show when it came and how long its delivery took.";
        let action = (Icon::FlaskConical, "Send a test event");
        if widgets::empty_ui(ui, Icon::ChartLine, "No events in this period", text, Some(action)) {
            seen.push(Command::SendDraft);
        }
    }

    fn charts_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, overview: &Overview) {
        let intervals = Intervals::new(overview);
        let time = TimeAxis {
            intervals: &intervals,
            clock: seen.clock,
            hovered: self.hovered,
            now_hovered: None,
            brush: &mut self.brush,
            chosen: None,
        };
        let mut page = Page { time, overview, seen };
        widgets::page_ui(
            ui,
            &mut page,
            |page, ui| {
                page.events_ui(ui);
                page.backlog_ui(ui);
                page.errors_ui(ui);
                shards::shards_ui(ui, page.seen, page.time.intervals);
                records::card_ui(ui, page.seen);
            },
            |page, ui| {
                let hint = "From reading the request to the commit on disk";
                page.latency_ui(ui, "Accept latency", hint, |interval| &interval.accept_ms);
                let hint = "From reading the request to the stream's answer";
                page.latency_ui(ui, "Delivery latency", hint, |interval| &interval.delivery_ms);
                keys::keys_ui(ui, page.seen, page.overview);
            },
        );
        if let Some((from, to)) = page.time.chosen {
            page.seen.push(Command::TimeRange(from, to));
        }
        let now_hovered = page.time.now_hovered;
        if now_hovered != self.hovered {
            self.hovered = now_hovered;
            ui.request_repaint();
        }
    }
}

/// Whether nothing happened in the time of the charts, and nothing waits.
fn is_empty(overview: &Overview) -> bool {
    let is_quiet = |interval: &Interval| {
        let Interval { accepted, delivered, failed, rejected, queued, errors, .. } = interval;
        accepted + delivered + failed + rejected + queued == 0 && errors.is_empty()
    };
    overview.intervals.iter().all(is_quiet)
}

fn refresh_every(span: ChartSpan) -> Duration {
    match span {
        ChartSpan::FiveMinutes => Duration::from_secs(2),
        ChartSpan::Hour => Duration::from_secs(10),
        ChartSpan::Day => Duration::from_secs(30),
    }
}

/// What the charts are drawn from in one frame.
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
            &Chart {
                title,
                hint,
                series: &series,
                format: per_second,
                if_empty: "No events in this period",
                zero_is_nothing: true,
                top_min: 1.0,
            },
            |_| {},
        );
    }

    fn backlog_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        // In an interval in which nothing happened the backlog stays as it was.
        let mut last = None;
        let values = self.time.intervals.all.iter().map(|interval| {
            last = interval.map(|interval| interval.queued as f64).or(last);
            last
        });
        let series = [Series { name: "Waiting", color: t.accent, values: values.collect() }];
        let (title, hint) = ("Backlog", "Events that wait in the spool");
        let if_empty = "No event had to wait";
        let chart = Chart {
            title,
            hint,
            series: &series,
            format: whole,
            if_empty,
            zero_is_nothing: true,
            top_min: 2.0,
        };
        self.time.chart_ui(ui, &chart, |_| {});
    }

    fn latency_ui(&mut self, ui: &mut Ui, title: &str, hint: &str, of: fn(&Interval) -> &Histogram) {
        let t = tokens(ui);
        let quantile = |share: f64| {
            let value = |interval: &Interval| of(interval).quantile(share).map(|ms| ms as f64);
            self.time.intervals.all.iter().map(|interval| interval.and_then(value)).collect()
        };
        let series = [
            Series { name: "p50", color: t.ok, values: quantile(0.5) },
            Series { name: "p95", color: t.accent, values: quantile(0.95) },
            Series { name: "p99", color: t.warn, values: quantile(0.99) },
        ];
        let if_empty = "Nothing was measured in this period";
        let chart = Chart {
            title,
            hint,
            series: &series,
            format: millis,
            if_empty,
            zero_is_nothing: false,
            top_min: 2.0,
        };
        self.time.chart_ui(ui, &chart, |_| {});
    }

    fn errors_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let total = |i: &Interval| i.errors.values().sum::<u64>();
        let series = [Series { name: "All", color: t.err, values: self.time.intervals.rates(total) }];
        let hint = "Unsuccessful puts (as far as recorded), rejections, failures";
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        // Includes the running interval, so that a new error does not take ten minutes to appear.
        for (code, count) in self.overview.intervals.iter().flat_map(|interval| &interval.errors) {
            *kinds.entry(code).or_default() += count;
        }
        let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
        kinds.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        let if_empty = "No errors in this period";
        let chart = Chart {
            title: "Errors",
            hint,
            series: &series,
            format: per_second,
            if_empty,
            zero_is_nothing: true,
            top_min: 1.0,
        };
        self.time.chart_ui(ui, &chart, |ui| {
            let most = kinds.first().map_or(1, |(_, count)| *count) as f64;
            for (code, count) in kinds.iter().take(ERRORS_SHOWN_MAX) {
                let text = widgets::digits(*count);
                let bar = Bar { name: code, text: &text, share: *count as f64 / most, color: t.err };
                if bar.ui(ui).on_hover_text("Show these in the log").clicked() {
                    let command = Command::Filter(QueryKey::Field(Field::Error), (*code).to_owned());
                    self.seen.push(command);
                }
            }
            if kinds.len() > ERRORS_SHOWN_MAX {
                widgets::hint_ui(ui, &format!("and {} more kinds", kinds.len() - ERRORS_SHOWN_MAX));
            }
        });
    }
}
