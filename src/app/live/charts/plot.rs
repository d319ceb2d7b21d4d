//! A line chart over time: its legend, lines and axes, the values at the pointer, and the time that is dragged over it.

use eframe::egui::{
    self, Align, Color32, CursorIcon, Layout, PopupAnchor, Rect, Response, RichText, TextStyle, Tooltip, Ui,
    WidgetInfo, WidgetText, vec2,
};
use egui_plot::{GridMark, Line, Plot, PlotPoint, PlotPoints, PlotTransform, Points, VLine};
use lucide_icons::Icon;

use super::{
    brush::Brush,
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

const PLOT_HEIGHT: f32 = 118.0;

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
    /// What the chart says if it has no values.
    pub if_empty: &'a str,
    /// 0 says only that nothing happened, so a line of it is not drawn.
    pub zero_is_nothing: bool,
    /// The minimum top of the value axis. Half of it has a mark too, so it is 2 for whole numbers.
    pub top_min: f64,
}

impl Chart<'_> {
    /// The largest value; 0: there is nothing to draw.
    fn peak(&self) -> f64 {
        self.series.iter().flat_map(|one| one.values.iter().flatten()).copied().fold(0.0, f64::max)
    }

    fn is_empty(&self) -> bool {
        !self.series.iter().any(|one| self.has_line(one))
    }

    fn has_line(&self, series: &Series) -> bool {
        series.values.iter().flatten().any(|value| *value > 0.0 || !self.zero_is_nothing)
    }
}

/// The time axis that all charts of the page share.
pub(super) struct TimeAxis<'a> {
    pub intervals: &'a Intervals<'a>,
    pub clock: &'a Clock,
    /// The start of the interval under the pointer, in the last frame.
    pub hovered: Option<Millis>,
    /// The start of the interval under the pointer, in this frame.
    pub now_hovered: Option<Millis>,
    /// The time that is being dragged over.
    pub brush: &'a mut Option<Brush>,
    /// The time that was dragged over, once the pointer is released: its beginning and its end.
    pub chosen: Option<(Millis, Millis)>,
}

impl TimeAxis<'_> {
    /// `below`: what the chart's card shows below the plot.
    pub(super) fn chart_ui(&mut self, ui: &mut Ui, chart: &Chart<'_>, below: impl FnOnce(&mut Ui)) {
        let t = tokens(ui);
        widgets::card_ui(ui, |ui| {
            let is_beside = self.legend_width(ui, chart) < ui.available_width();
            ui.horizontal(|ui| {
                widgets::title_ui(ui, chart.title);
                ui.label(theme::icon(Icon::Info).size(12.0).color(t.weak)).on_hover_text(chart.hint);
                if is_beside {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        for one in chart.series.iter().rev() {
                            self.legend_ui(ui, one, chart.format, true);
                        }
                    });
                }
            });
            if !is_beside {
                ui.horizontal_wrapped(|ui| {
                    for one in chart.series {
                        self.legend_ui(ui, one, chart.format, false);
                    }
                });
            }
            if chart.is_empty() {
                empty_ui(ui, chart.if_empty);
            } else {
                self.plot_ui(ui, chart);
            }
            below(ui);
        });
    }

    /// The width of the title and the legend on one line.
    fn legend_width(&self, ui: &Ui, chart: &Chart<'_>) -> f32 {
        let width = |text: String| {
            let text = WidgetText::from(weight(text, 640.0).size(14.0));
            text.into_galley(ui, None, f32::INFINITY, TextStyle::Body).size().x
        };
        let series = chart.series.iter().map(|one| {
            width(format!("{} {}", one.name, self.value(one).map_or_else(String::new, chart.format))) + 32.0
        });
        width(chart.title.to_owned()) + 48.0 + series.sum::<f32>()
    }

    /// The value under the pointer, or the newest value.
    fn value(&self, series: &Series) -> Option<f64> {
        match self.hovered.and_then(|at| self.intervals.at(at)) {
            Some(at) => series.values[at],
            None => series.values.iter().rev().find_map(|value| *value),
        }
    }

    /// The name of a series with its value under the pointer, or its newest value.
    fn legend_ui(&self, ui: &mut Ui, series: &Series, format: fn(f64) -> String, from_right: bool) {
        let t = tokens(ui);
        let value = self.value(series).map_or("–".to_owned(), format);
        let value_ui = |ui: &mut Ui| {
            ui.label(weight(&*value, 620.0).color(t.strong)).widget_info(|| {
                WidgetInfo::labeled(egui::Role::Label, true, format!("{} {value}", series.name))
            });
        };
        if from_right {
            value_ui(ui);
            ui.label(RichText::new(series.name).color(t.weak));
            widgets::dot_ui(ui, series.color);
        } else {
            widgets::dot_ui(ui, series.color);
            ui.label(RichText::new(series.name).color(t.weak));
            value_ui(ui);
        }
    }

    fn plot_ui(&mut self, ui: &mut Ui, chart: &Chart<'_>) {
        let Chart { title, series, format, top_min, .. } = *chart;
        let t = tokens(ui);
        let intervals = self.intervals;
        let start = -(intervals.span.span_ms() as f64) / 1e3;
        let top = round_top(chart.peak().max(top_min));
        let clock = self.clock;
        let end = intervals.end;
        let plot = Plot::new(title)
            .height(PLOT_HEIGHT)
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
                for one in series.iter().filter(|one| chart.has_line(one)) {
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
            })
        });
        let response = output.response.on_hover_cursor(CursorIcon::Crosshair);
        if let Some(pointer) = response.hover_pos() {
            self.now_hovered = intervals.at_x(output.transform.value_from_position(pointer).x);
        }
        self.drag_ui(ui, &response, &output.transform);
        if response.contains_pointer() || response.dragged() {
            self.tooltip_ui(ui, &response, chart);
        }
    }

    /// Follows the pointer that drags over the chart, and shades the time that it has dragged over.
    fn drag_ui(&mut self, ui: &Ui, response: &Response, transform: &PlotTransform) {
        let at = |pos: egui::Pos2| self.intervals.nearest(transform.value_from_position(pos).x);
        let pointer = response.interact_pointer_pos();
        if response.drag_started() {
            let begun = ui.input(|input| input.pointer.press_origin()).or(pointer);
            *self.brush = begun.map(|pos| Brush::new(at(pos)));
        }
        if let (Some(brush), Some(pos)) = (self.brush.as_mut().filter(|_| response.dragged()), pointer) {
            brush.to(at(pos));
        }
        if response.drag_stopped() {
            self.chosen = self.brush.take().map(|brush| brush.span(self.intervals.span.step_ms()));
        }
        let Some(brush) = &*self.brush else { return };
        let (from, to) = brush.span(self.intervals.span.step_ms());
        let x = |moment: Millis| {
            let seconds = (moment - self.intervals.end) as f64 / 1e3;
            transform.position_from_point(&PlotPoint::new(seconds, 0.0)).x
        };
        let shade = Rect::from_x_y_ranges(x(from)..=x(to), response.rect.y_range());
        let color = tokens(ui).accent.gamma_multiply(0.18);
        ui.painter().rect_filled(shade.intersect(*transform.frame()), 2.0, color);
    }

    /// The values of all lines at the pointer, or the time that is being dragged over.
    fn tooltip_ui(&self, ui: &Ui, response: &Response, chart: &Chart<'_>) {
        let t = tokens(ui);
        let step = self.intervals.span.step_ms();
        let time = |(from, to): (Millis, Millis)| {
            format!("{} – {}", self.clock.short(from), self.clock.format(to, "%H:%M:%S"))
        };
        let tip = Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), response.id, PopupAnchor::Pointer);
        let tip = tip.gap(14.0).accessible_name("Values at the pointer");
        if let Some(brush) = &*self.brush {
            tip.show(|ui| {
                ui.label(weight(time(brush.span(step)), 620.0).color(t.strong));
                ui.label(RichText::new("Release to show these events in Live").color(t.weak));
            });
            return;
        }
        let Some(at) = self.now_hovered else { return };
        let Some(index) = self.intervals.at(at) else { return };
        tip.show(|ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            ui.spacing_mut().interact_size.y = 18.0;
            ui.label(weight(time((at, (at + step).min(self.intervals.end))), 620.0).color(t.strong));
            egui::Grid::new("values").num_columns(2).spacing(vec2(14.0, 2.0)).show(ui, |ui| {
                for one in chart.series {
                    ui.horizontal(|ui| {
                        widgets::dot_ui(ui, one.color);
                        ui.label(RichText::new(one.name).color(t.text));
                    });
                    let value = one.values[index].map_or("–".to_owned(), chart.format);
                    ui.label(weight(value, 620.0).color(t.strong));
                    ui.end_row();
                }
            });
        });
    }
}

/// What stands in the place of a chart without values.
fn empty_ui(ui: &mut Ui, text: &str) {
    let size = vec2(ui.available_width(), PLOT_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::centered_and_justified(egui::Direction::TopDown), |ui| {
        ui.set_min_size(size);
        ui.label(RichText::new(text).color(tokens(ui).weak));
    });
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
