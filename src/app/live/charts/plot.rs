//! A line chart over time: its legend, lines and axes.

use eframe::egui::{self, Align, Color32, Layout, RichText, Ui, WidgetInfo};
use egui_plot::{GridMark, HLine, Line, Plot, PlotPoints, Points, VLine};
use lucide_icons::Icon;

use super::{
    format::{axis_time, axis_value, time_marks},
    intervals::Intervals,
};
use crate::{
    app::{
        clock::Clock,
        theme::{self, tokens, weight},
        widgets,
    },
    delivery::Millis,
};

/// One line of a chart.
pub(super) struct Series {
    pub name: &'static str,
    pub color: Color32,
    /// One entry for each interval; `None` interrupts the line.
    pub values: Vec<Option<f64>>,
}

/// A chart to draw.
pub(super) struct Chart<'a> {
    pub title: &'a str,
    pub hint: &'a str,
    pub series: &'a [Series],
    pub format: fn(f64) -> String,
    /// The minimum top of the value axis. Half of it has a mark too, so it is 2 for whole numbers.
    pub top_min: f64,
}

/// The time axis that all charts of the page share.
pub(super) struct TimeAxis<'a> {
    pub intervals: &'a Intervals<'a>,
    pub clock: &'a Clock,
    /// The start of the interval under the pointer, in the last frame.
    pub hovered: Option<Millis>,
    /// The start of the interval under the pointer, in this frame.
    pub now_hovered: Option<Millis>,
}

impl TimeAxis<'_> {
    /// `below`: what the chart's card shows below the plot.
    pub(super) fn chart_ui(&mut self, ui: &mut Ui, chart: &Chart<'_>, below: impl FnOnce(&mut Ui)) {
        let t = tokens(ui);
        widgets::card_ui(ui, |ui| {
            ui.horizontal(|ui| {
                widgets::title_ui(ui, chart.title);
                ui.label(theme::icon(Icon::Info).size(12.0).color(t.weak)).on_hover_text(chart.hint);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    for one in chart.series.iter().rev() {
                        self.legend_ui(ui, one, chart.format);
                    }
                });
            });
            self.plot_ui(ui, chart);
            below(ui);
        });
    }

    /// The name of a series with its value under the pointer, or its newest value.
    fn legend_ui(&self, ui: &mut Ui, series: &Series, format: fn(f64) -> String) {
        let t = tokens(ui);
        let value = match self.hovered.and_then(|at| self.intervals.at(at)) {
            Some(at) => series.values[at],
            None => series.values.iter().rev().find_map(|value| *value),
        };
        let value = value.map_or("–".to_owned(), format);
        ui.label(weight(&*value, 620.0).color(t.strong))
            .widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, format!("{} {value}", series.name)));
        ui.label(RichText::new(series.name).color(t.weak));
        widgets::dot_ui(ui, series.color);
    }

    fn plot_ui(&mut self, ui: &mut Ui, chart: &Chart<'_>) {
        let Chart { title, series, format, top_min, .. } = *chart;
        let t = tokens(ui);
        let intervals = self.intervals;
        let start = -(intervals.span.span_ms() as f64) / 1e3;
        let peak = series.iter().flat_map(|one| one.values.iter().flatten()).copied().fold(0.0, f64::max);
        let top = round_top(peak.max(top_min));
        let clock = self.clock;
        let end = intervals.end;
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
                let marks = time_marks(end, clock.offset_ms(end), intervals.span);
                move |_| marks.clone()
            })
            .y_grid_spacer(move |_| {
                let mark = |value: f64| GridMark { value, step_size: top };
                vec![mark(0.0), mark(top / 2.0), mark(top)]
            })
            .x_axis_formatter(move |mark, _| axis_time(clock, end, mark.value, intervals.span))
            .y_axis_formatter(move |mark, _| axis_value(mark.value, format))
            .label_formatter(|_| None);
        let hovered = self.hovered.and_then(|at| intervals.at(at)).map(|at| intervals.x(at));
        let output = axes_ui(ui, |ui| {
            plot.show(ui, |plot| {
                for one in series {
                    for (n, run) in runs(&one.values).into_iter().enumerate() {
                        let is_point = run.len() == 1;
                        let points: PlotPoints<'_> =
                            run.into_iter().map(|(at, value)| [intervals.x(at), value]).collect();
                        if is_point {
                            // A line with one point is invisible.
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
            self.now_hovered = intervals.at_x(output.transform.value_from_position(pointer).x);
        }
    }
}

/// Draws the axes with small, weak text.
fn axes_ui<R>(ui: &mut Ui, plot: impl FnOnce(&mut Ui) -> R) -> R {
    ui.scope(|ui| {
        ui.visuals_mut().override_text_color = Some(tokens(ui).weak);
        let small = egui::TextStyle::Small.resolve(ui.style());
        ui.style_mut().text_styles.insert(egui::TextStyle::Body, small);
        plot(ui)
    })
    .inner
}

/// Splits the values, with their indexes, where one is missing.
fn runs(values: &[Option<f64>]) -> Vec<Vec<(usize, f64)>> {
    let present: Vec<(usize, f64)> =
        values.iter().enumerate().filter_map(|(at, value)| Some((at, (*value)?))).collect();
    let neighbours = present.chunk_by(|a, b| a.0 + 1 == b.0);
    neighbours.map(<[_]>::to_vec).collect()
}

/// The smallest round number from `peak` on whose half is round too. At least 1.
pub(crate) fn round_top(peak: f64) -> f64 {
    if peak <= 1.0 {
        return 1.0;
    }
    let magnitude = 10_f64.powf(peak.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * magnitude).find(|top| *top >= peak).unwrap_or(10.0 * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_where_nothing_was_measured() {
        let runs = runs(&[None, Some(1.0), Some(2.0), None, Some(3.0)]);
        assert_eq!(runs, [vec![(1, 1.0), (2, 2.0)], vec![(4, 3.0)]]);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        for (peak, top) in [(0.0, 1.0), (0.4, 1.0), (3.0, 4.0), (41.0, 60.0), (730.0, 800.0)] {
            assert!((round_top(peak) - top).abs() < 1e-9, "{peak}: {}", round_top(peak));
        }
    }
}
