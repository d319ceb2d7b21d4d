//! What flows, over time: events, latencies, what waits, errors, shards, and the keys that carry most. Drawn from stored
//! sums, so that a restart leaves no gap in the memory of it. The pointer over one chart reads all of them at that time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use eframe::egui::{self, Align, Color32, Label, Layout, RichText, Sense, Ui, WidgetInfo, vec2};
use egui_plot::{GridMark, HLine, Line, Plot, PlotPoints, Points, VLine};
use lucide_icons::Icon;

use super::super::{
    Clock, Seen, Waiting, Wish, arrived,
    theme::{self, Tokens, tokens, weight},
    widgets::{self, Tone},
};
use super::{columns::short_shard, records};
use crate::{
    delivery::{
        Field, Millis,
        chart::{HotKey, Interval, Overview, Window},
        query::Name,
    },
    engine::Engine,
    event::{Encoding, PartitionKey, shown},
};

/// What one shard takes in a second (AWS, "Kinesis Data Streams quotas").
const SHARD_RECORDS: f64 = 1000.0;
const SHARD_BYTES: f64 = 1_048_576.0;

/// From here on throttling is near.
const NEAR_LIMIT: f64 = 0.7;

/// Errors and shards that have a line or a bar of their own.
const NAMED_MAX: usize = 6;

#[derive(Default)]
pub(super) struct Charts {
    window: Window,
    overview: Option<Overview>,
    waiting: Option<Waiting<Result<Overview, String>>>,
    asked_at: Option<Instant>,
    error: Option<String>,
    hovered: Option<Millis>,
}

/// One line of a chart, with a value for each interval that has one.
struct Series {
    name: &'static str,
    color: Color32,
    values: Vec<Option<f64>>,
}

/// What a chart is of.
struct Chart<'a> {
    title: &'a str,
    hint: &'a str,
    series: &'a [Series],
    written: fn(f64) -> String,
    /// The smallest value that the axis ends at. Half of it is marked too, so for whole numbers it is 2.
    least: f64,
}

impl Charts {
    /// Asks for what the charts show; `all`: they are in sight.
    pub(super) fn logic(&mut self, ctx: &egui::Context, engine: &Engine, all: bool) {
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
            self.waiting = Some(Waiting::new(engine.overview(self.window)));
        }
    }

    /// Events that wait and were put before, as of a moment ago.
    pub(super) fn retrying(&self) -> u64 {
        self.overview.as_ref().map_or(0, |overview| overview.retrying)
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) {
        ui.horizontal(|ui| {
            let windows =
                [(Window::FiveMinutes, "5 minutes"), (Window::Hour, "1 hour"), (Window::Day, "24 hours")];
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
        let slots = Slots::new(&overview);
        let hovered = self.hovered;
        let mut page = Page { slots: &slots, overview: &overview, seen, hovered, now_hovered: None };
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
        let now_hovered = page.now_hovered;
        if now_hovered != self.hovered {
            self.hovered = now_hovered;
            ui.request_repaint();
        }
        self.overview = Some(overview);
    }
}

fn every(window: Window) -> Duration {
    match window {
        Window::FiveMinutes => Duration::from_secs(2),
        Window::Hour => Duration::from_secs(10),
        Window::Day => Duration::from_secs(30),
    }
}

/// The intervals side by side, with those in which nothing happened. A long interval is shown while it is running: ten
/// minutes are too long to wait for a first line. One of 2 seconds is not: it would only look like a fall.
struct Slots<'o> {
    window: Window,
    from: Millis,
    /// The end of the last interval.
    end: Millis,
    all: Vec<Option<&'o Interval>>,
}

/// The shortest time that a rate is worked out over, so that the first event of an interval that has just begun is no peak.
const RATE_SECONDS_MIN: f64 = 5.0;

impl<'o> Slots<'o> {
    fn new(overview: &'o Overview) -> Self {
        let window = overview.window;
        let (from, end) = match window {
            Window::FiveMinutes => (window.slot(overview.now - window.span_ms()), window.slot(overview.now)),
            Window::Hour | Window::Day => {
                (window.slot(overview.now - window.span_ms()) + window.step_ms(), overview.now)
            }
        };
        let count = usize::try_from(window.span_ms() / window.step_ms()).unwrap_or(0);
        let mut all = vec![None; count];
        for interval in &overview.intervals {
            let at = usize::try_from((interval.at - from) / window.step_ms()).ok();
            if let Some(place) = at.filter(|_| interval.at >= from).and_then(|at| all.get_mut(at)) {
                *place = Some(interval);
            }
        }
        Self { window, from, end, all }
    }

    fn begins(&self, at: usize) -> Millis {
        self.from + Millis::try_from(at).unwrap_or(0) * self.window.step_ms()
    }

    /// How long an interval has lasted, in milliseconds: the running one less than the others.
    fn lasted(&self, at: usize) -> f64 {
        self.window.step_ms().min(self.end - self.begins(at)).max(0) as f64
    }

    /// The time that a rate of this interval is worked out over.
    fn seconds(&self, at: usize) -> f64 {
        (self.lasted(at) / 1e3).max(RATE_SECONDS_MIN.min(self.window.step_ms() as f64 / 1e3))
    }

    /// The middle of an interval, in seconds before the window's end.
    fn x(&self, at: usize) -> f64 {
        ((self.begins(at) - self.end) as f64 + self.lasted(at) / 2.0) / 1e3
    }

    fn at(&self, moment: Millis) -> Option<usize> {
        let at = usize::try_from((moment - self.from) / self.window.step_ms()).ok();
        at.filter(|at| moment >= self.from && *at < self.all.len())
    }

    fn of_x(&self, x: f64) -> Option<Millis> {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a day")]
        let moment = self.end + (x * 1e3).floor() as Millis;
        self.at(moment).filter(|_| moment < self.end).map(|at| self.begins(at))
    }

    /// Counts a second; where nothing was counted it was none.
    fn rates(&self, of: impl Fn(&Interval) -> u64) -> Vec<Option<f64>> {
        let rate = |at, slot: Option<&Interval>| slot.map_or(0, &of) as f64 / self.seconds(at);
        self.all.iter().enumerate().map(|(at, slot)| Some(rate(at, *slot))).collect()
    }
}

struct Page<'a, 's> {
    slots: &'a Slots<'a>,
    overview: &'a Overview,
    seen: &'a mut Seen<'s>,
    hovered: Option<Millis>,
    now_hovered: Option<Millis>,
}

impl Page<'_, '_> {
    fn events_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let series = [
            Series { name: "In", color: t.accent, values: self.slots.rates(|i| i.accepted) },
            Series { name: "Out", color: t.ok, values: self.slots.rates(|i| i.delivered) },
            Series { name: "Rejected", color: t.err, values: self.slots.rates(|i| i.rejected) },
        ];
        let (title, hint) = ("Events per second", "Accepted, delivered, rejected");
        self.chart_ui(
            ui,
            &Chart { title, hint, series: &series, written: per_second, least: 1.0 },
            |_, _| {},
        );
    }

    fn backlog_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        // Nothing happened: what waited still waits.
        let mut last = None;
        let values = self.slots.all.iter().map(|slot| {
            last = slot.map(|slot| slot.queued as f64).or(last);
            last
        });
        let series = [Series { name: "Waiting", color: t.accent, values: values.collect() }];
        let (title, hint) = ("Backlog", "Events that wait in the spool");
        self.chart_ui(ui, &Chart { title, hint, series: &series, written: whole, least: 2.0 }, |_, _| {});
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
            self.slots.all.iter().map(|slot| slot.and_then(value)).collect()
        };
        let series = [
            Series { name: "p50", color: t.ok, values: quantile(0.5) },
            Series { name: "p95", color: t.accent, values: quantile(0.95) },
            Series { name: "p99", color: t.warn, values: quantile(0.99) },
        ];
        self.chart_ui(ui, &Chart { title, hint, series: &series, written: millis, least: 2.0 }, |_, _| {});
    }

    fn errors_ui(&mut self, ui: &mut Ui) {
        let t = tokens(ui);
        let total = |i: &Interval| i.errors.values().sum::<u64>();
        let series = [Series { name: "All", color: t.err, values: self.slots.rates(total) }];
        let hint = "Puts that did not succeed (as far as recorded), rejections, failures";
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        // With those of the interval that is running: ten minutes are long to who has just met one.
        for (code, count) in self.overview.intervals.iter().flat_map(|interval| &interval.errors) {
            *kinds.entry(code).or_default() += count;
        }
        let mut kinds: Vec<(&str, u64)> = kinds.into_iter().collect();
        kinds.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
        let chart = Chart { title: "Errors", hint, series: &series, written: per_second, least: 1.0 };
        self.chart_ui(ui, &chart, |ui, page| {
            if kinds.is_empty() {
                widgets::hint_ui(ui, "None in this period.");
            }
            let most = kinds.first().map_or(1, |(_, count)| *count) as f64;
            for (code, count) in kinds.iter().take(NAMED_MAX) {
                let text = widgets::digits(*count);
                let bar = Bar { name: code, text: &text, share: *count as f64 / most, color: t.err };
                if bar.ui(ui).on_hover_text("Show these in the log").clicked() {
                    let wish = Wish::Filter(Name::Field(Field::Error), (*code).to_owned());
                    page.seen.wishes.push(wish);
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
        for (at, slot) in self.slots.all.iter().enumerate() {
            let seconds = self.slots.seconds(at);
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
                    let wish = Wish::Filter(Name::Field(Field::Shard), (*shard).to_owned());
                    self.seen.wishes.push(wish);
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
                    let wish = Wish::Filter(Name::Field(Field::User), key.key.to_string());
                    self.seen.wishes.push(wish);
                }
            }
        });
    }

    fn chart_ui(&mut self, ui: &mut Ui, chart: &Chart<'_>, below: impl FnOnce(&mut Ui, &mut Self)) {
        let t = tokens(ui);
        widgets::card_ui(ui, |ui| {
            ui.horizontal(|ui| {
                widgets::title_ui(ui, chart.title);
                ui.label(theme::icon(Icon::Info).size(12.0).color(t.weak)).on_hover_text(chart.hint);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    for one in chart.series.iter().rev() {
                        self.legend_ui(ui, one, chart.written);
                    }
                });
            });
            self.plot_ui(ui, chart);
            below(ui, self);
        });
    }

    /// A series' name, and its value under the pointer or its newest.
    fn legend_ui(&self, ui: &mut Ui, series: &Series, written: fn(f64) -> String) {
        let t = tokens(ui);
        let value = match self.hovered.and_then(|at| self.slots.at(at)) {
            Some(at) => series.values[at],
            None => series.values.iter().rev().find_map(|value| *value),
        };
        let value = value.map_or("–".to_owned(), written);
        ui.label(weight(&*value, 620.0).color(t.strong))
            .widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{} {value}", series.name)));
        ui.label(RichText::new(series.name).color(t.weak));
        widgets::dot_ui(ui, series.color);
    }

    fn plot_ui(&mut self, ui: &mut Ui, chart: &Chart<'_>) {
        let Chart { title, series, written, least, .. } = *chart;
        let t = tokens(ui);
        let slots = self.slots;
        let start = -(slots.window.span_ms() as f64) / 1e3;
        let peak = series.iter().flat_map(|one| one.values.iter().flatten()).copied().fold(0.0, f64::max);
        let top = nice(peak.max(least));
        let clock = self.seen.clock;
        let end = slots.end;
        let plot = Plot::new(title)
            .height(118.0)
            .allow_scroll(false)
            .allow_drag(false)
            .allow_zoom(false)
            .allow_boxed_zoom(false)
            .show_crosshair(false)
            .show_background(false)
            .show_axes([true, true])
            .show_grid([false, true])
            .grid_color(t.line)
            .y_axis_min_width(46.0)
            .include_x(start)
            .include_x(0.0)
            .include_y(0.0)
            .include_y(top * 1.04)
            .set_margin_fraction(egui::Vec2::ZERO)
            .x_grid_spacer({
                let marks = time_marks(end, clock.offset_ms(end), slots.window);
                move |_| marks.clone()
            })
            .y_grid_spacer(move |_| {
                let mark = |value: f64| GridMark { value, step_size: top };
                vec![mark(0.0), mark(top / 2.0), mark(top)]
            })
            .x_axis_formatter(move |mark, _| axis_time(clock, end, mark.value, slots.window))
            .y_axis_formatter(move |mark, _| axis_value(mark.value, written))
            .label_formatter(|_| None);
        let hovered = self.hovered.and_then(|at| slots.at(at)).map(|at| slots.x(at));
        let output = axes_ui(ui, |ui| {
            plot.show(ui, |plot| {
                for one in series {
                    for (n, run) in runs(&one.values).into_iter().enumerate() {
                        let is_point = run.len() == 1;
                        let points: PlotPoints<'_> =
                            run.into_iter().map(|(at, value)| [slots.x(at), value]).collect();
                        if is_point {
                            // A line from one place to the same place could not be seen.
                            plot.points(
                                Points::new(one.name, points).id((one.name, n)).color(one.color).radius(2.5),
                            );
                            continue;
                        }
                        let line = Line::new(one.name, points).id((one.name, n)).color(one.color).width(1.6);
                        plot.line(if series.len() == 1 { line.fill(0.0).fill_alpha(0.14) } else { line });
                    }
                }
                if let Some(x) = hovered {
                    plot.vline(VLine::new("pointer", x).color(t.edge).width(1.0));
                }
                if peak == 0.0 {
                    plot.hline(HLine::new("nothing", 0.0).color(t.line).width(1.0));
                }
            })
        });
        if let Some(pointer) = output.response.hover_pos() {
            self.now_hovered = slots.of_x(output.transform.value_from_position(pointer).x);
        }
    }
}

/// Axes are small and matter less.
fn axes_ui<R>(ui: &mut Ui, plot: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope(|ui| {
        ui.visuals_mut().override_text_color = Some(tokens(ui).weak);
        let small = egui::TextStyle::Small.resolve(ui.style());
        ui.style_mut().text_styles.insert(egui::TextStyle::Body, small);
        plot(ui)
    })
    .inner
}

/// A mark of the axis. It begins at "0", even where a measured 0 is written differently, as "<1 ms".
fn axis_value(value: f64, written: fn(f64) -> String) -> String {
    if value == 0.0 { "0".to_owned() } else { written(value) }
}

fn axis_time(clock: &Clock, end: Millis, x: f64, window: Window) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a day")]
    let at = end + (x * 1e3) as Millis;
    let format = match window {
        Window::FiveMinutes => "%H:%M:%S",
        Window::Hour | Window::Day => "%H:%M",
    };
    clock.format(at, format)
}

/// Round local times, as seconds relative to the end; none so near an edge that its label would be cut.
fn time_marks(end: Millis, offset_ms: Millis, window: Window) -> Vec<GridMark> {
    const EDGE: f64 = 0.05;
    let step_ms: Millis = match window {
        Window::FiveMinutes => 60_000,
        Window::Hour => 15 * 60_000,
        Window::Day => 6 * 3_600_000,
    };
    let span = window.span_ms() as f64 / 1e3;
    let first = (end - window.span_ms() + offset_ms).div_euclid(step_ms) + 1;
    let last = (end + offset_ms).div_euclid(step_ms);
    let values = (first..=last).map(|step| (step * step_ms - offset_ms - end) as f64 / 1e3);
    let inside = values.filter(|value| (EDGE..=1.0 - EDGE).contains(&(-value / span)));
    inside.map(|value| GridMark { value, step_size: step_ms as f64 / 1e3 }).collect()
}

/// Neighbouring values: where there is none the line is broken.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let places: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect();
    let neighbours = places.chunk_by(|a, b| a.0 + 1 == b.0);
    neighbours.map(<[_]>::to_vec).collect()
}

/// The next round number whose half is round too.
pub(super) fn nice(peak: f64) -> f64 {
    if peak <= 1.0 {
        return 1.0;
    }
    let magnitude = 10_f64.powf(peak.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * magnitude).find(|top| *top >= peak).unwrap_or(10.0 * magnitude)
}

fn per_second(value: f64) -> String {
    if value > 0.0 && value < 0.05 {
        return "<0.1/s".to_owned();
    }
    if value >= 10_000.0 { format!("{:.0}k/s", value / 1e3) } else { format!("{}/s", short(value)) }
}

fn whole(value: f64) -> String {
    match value {
        ..10_000.0 => short(value),
        10_000.0..1e6 => format!("{:.0}k", value / 1e3),
        _ => format!("{:.1}M", value / 1e6),
    }
}

fn millis(value: f64) -> String {
    match value {
        ..1.0 => "<1 ms".to_owned(),
        1.0..1e3 => format!("{} ms", short(value)),
        1e3..6e4 => format!("{:.1} s", value / 1e3),
        6e4..3.6e6 => format!("{:.0} min", value / 6e4),
        _ => format!("{:.0} h", value / 3.6e6),
    }
}

fn short(value: f64) -> String {
    if value > 0.0 && value < 10.0 && value.fract() > 0.04 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

/// The record's bytes of so many of JSON.
fn encoded(encoding: Encoding, bytes: f64) -> f64 {
    match encoding {
        Encoding::Base64 => bytes * 4.0 / 3.0,
        Encoding::Json | Encoding::JsonLines => bytes,
    }
}

/// How much of what a shard takes that is.
fn load(records: f64, bytes: f64) -> f64 {
    (records / SHARD_RECORDS).max(bytes / SHARD_BYTES)
}

/// A share for the eye; a little is not nothing.
fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 { "<0.1 %".to_owned() } else { format!("{:.1} %", share * 100.0) }
}

fn load_color(load: f64, t: &Tokens) -> Color32 {
    if load >= 1.0 {
        t.err
    } else if load >= NEAR_LIMIT {
        t.warn
    } else {
        t.accent
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

/// A name, a bar as long as its share, and what it means in figures.
struct Bar<'a> {
    name: &'a str,
    text: &'a str,
    share: f64,
    color: Color32,
}

impl Bar<'_> {
    fn ui(&self, ui: &mut Ui) -> egui::Response {
        let t = tokens(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 26.0), Sense::click());
        let name = format!("{}: {}", self.name, self.text);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        let fill = if response.hovered() { t.hover } else { t.field };
        ui.painter().rect_filled(rect, 5.0, fill);
        #[expect(clippy::cast_possible_truncation, reason = "a width in points")]
        let width = (rect.width() * self.share.clamp(0.0, 1.0) as f32).max(3.0);
        let bar = egui::Rect::from_min_size(rect.min, vec2(width, rect.height()));
        ui.painter().rect_filled(bar, 5.0, self.color.gamma_multiply(0.22));
        widgets::ring_ui(ui, &response, 5.0);
        let mut inside = ui.new_child(
            egui::UiBuilder::new()
                .max_rect(rect.shrink2(vec2(9.0, 0.0)))
                .layout(Layout::right_to_left(Align::Center)),
        );
        inside.add(Label::new(RichText::new(self.text).size(12.0).color(t.text)).selectable(false));
        inside.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let name = RichText::new(self.name).monospace().color(t.strong);
            ui.add(Label::new(name).selectable(false).truncate());
        });
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(at: Millis, accepted: u64) -> Interval {
        Interval { at, accepted, ..Interval::default() }
    }

    #[test]
    fn each_interval_has_its_place_and_the_running_one_has_none() {
        let window = Window::FiveMinutes;
        let now = 1_000_000_001_500;
        let running = window.slot(now);
        let intervals =
            vec![interval(running - 4_000, 10), interval(running - 2_000, 6), interval(running, 99)];
        let overview = Overview { window, now, intervals, ..Overview::default() };
        let slots = Slots::new(&overview);
        let rates = slots.rates(|i| i.accepted);
        assert_eq!(rates.len(), 150);
        assert_eq!(rates[147..], [Some(0.0), Some(5.0), Some(3.0)]);
        assert_eq!(slots.of_x(slots.x(149)), Some(running - 2_000));
        assert_eq!(slots.at(running - 2_000), Some(149));
        assert_eq!((slots.of_x(0.5), slots.of_x(-301.0)), (None, None));
    }

    #[test]
    fn longer_intervals_count_while_they_run_by_the_time_that_they_have_run() {
        for (window, count) in [(Window::Hour, 120), (Window::Day, 144)] {
            let running = window.slot(1_700_000_000_000);
            let now = running + 10_000;
            let intervals = vec![interval(running - window.step_ms(), 60), interval(running, 50)];
            let overview = Overview { window, now, intervals, ..Overview::default() };
            let slots = Slots::new(&overview);
            let rates = slots.rates(|i| i.accepted);
            let step = window.step_ms() as f64 / 1e3;
            assert_eq!(rates.len(), count);
            assert_eq!(rates[count - 2..], [Some(60.0 / step), Some(5.0)], "{window:?}");
            assert_eq!(slots.at(running), Some(count - 1));
            let x = slots.x(count - 1);
            assert!(x < 0.0 && slots.of_x(x) == Some(running), "{window:?}: {x}");
        }
    }

    #[test]
    fn a_rate_that_is_small_is_not_none_and_the_axis_begins_at_0() {
        assert_eq!([0.0, 0.02, 0.3].map(per_second), ["0/s", "<0.1/s", "0.3/s"]);
        assert_eq!([per_second(0.0), axis_value(0.0, per_second)], ["0/s", "0"]);
        assert_eq!([millis(0.0), axis_value(0.0, millis), axis_value(45.0, millis)], ["<1 ms", "0", "45 ms"]);
    }

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let runs = runs(&[None, Some(1.0), Some(2.0), None, Some(3.0)]);
        assert_eq!(runs, [vec![(1, 1.0), (2, 2.0)], vec![(4, 3.0)]]);
    }

    #[test]
    fn what_a_shard_takes_is_bounded_by_records_and_by_bytes() {
        assert!((load(500.0, 1_000.0) - 0.5).abs() < 1e-9);
        assert!((load(1.0, 2.0 * 1_048_576.0) - 2.0).abs() < 1e-9);
        assert!((encoded(Encoding::Base64, 300.0) - 400.0).abs() < 1e-9);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (peak, top) in [(0.0, 1.0), (0.4, 1.0), (3.0, 4.0), (41.0, 60.0), (730.0, 800.0)] {
            assert!((nice(peak) - top).abs() < 1e-9, "{peak}: {}", nice(peak));
        }
        assert_eq!([millis(45.0), millis(2_500.0)], ["45 ms", "2.5 s"]);
    }
}
