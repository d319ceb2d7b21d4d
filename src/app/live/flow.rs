//! The chart above the list: events in and out over the last two minutes.

use std::time::Duration;

use eframe::egui::{self, Frame, Margin, RichText, Stroke, Ui};
use egui_plot::{Line, Plot, PlotPoints};

use super::charts;
use crate::{
    app::{
        status_line,
        theme::{tokens, weight},
        widgets,
    },
    delivery::Status,
};

pub(super) fn chart_ui(ui: &mut Ui, status: &Status) {
    let t = tokens(ui);
    if status.accepted_per_sec.iter().chain(&status.delivered_per_sec).any(|count| *count > 0.0) {
        // The chart moves every second, and the engine requests no frames for that.
        ui.request_repaint_after(Duration::from_secs(1));
    }
    let frame = Frame::new().fill(t.raised).stroke(Stroke::new(1.0, t.line)).corner_radius(10);
    frame.inner_margin(Margin { left: 14, right: 10, top: 8, bottom: 6 }).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.vertical(|ui| {
                ui.set_width(128.0);
                ui.spacing_mut().item_spacing.y = 2.0;
                for (color, name, series) in
                    [(t.accent, "In", &status.accepted_per_sec), (t.ok, "Out", &status.delivered_per_sec)]
                {
                    ui.horizontal(|ui| {
                        widgets::dot_ui(ui, color);
                        ui.label(RichText::new(name).color(t.weak));
                        let peak = series.iter().copied().fold(0.0, f32::max);
                        let now = status_line::latest(series);
                        ui.label(weight(format!("{}/s", widgets::rate(now)), 620.0).color(t.strong))
                            .on_hover_text(format!("Peak of the last 2 minutes: {}/s", widgets::rate(peak)));
                    });
                }
            });
            let points = |series: &[f32]| -> PlotPoints<'static> {
                let len = series.len() as f64;
                series.iter().enumerate().map(|(i, v)| [(i + 1) as f64 - len, f64::from(*v)]).collect()
            };
            let peak: f32 =
                status.accepted_per_sec.iter().chain(&status.delivered_per_sec).copied().fold(4.0, f32::max);
            let top = charts::round_top(f64::from(peak));
            let plot = Plot::new("flow")
                .height(64.0)
                .allow_scroll(false)
                .allow_drag(false)
                .allow_zoom(false)
                .allow_boxed_zoom(false)
                .show_axes([false, true])
                .show_grid([false, true])
                .grid_color(t.line)
                .show_background(false)
                .include_x(-120.0)
                .include_x(0.0)
                .include_y(0.0)
                .include_y(top * 1.1)
                .set_margin_fraction(egui::Vec2::ZERO)
                .y_grid_spacer(move |_| {
                    let mark = |value: f64, step_size: f64| egui_plot::GridMark { value, step_size };
                    vec![mark(0.0, top), mark(top, top)]
                })
                .y_axis_formatter(|mark, _| format!("{:.0}", mark.value))
                .label_formatter(|_| None);
            let full = |series| points(status_line::full_seconds(series));
            let (accepted, delivered) = (full(&status.accepted_per_sec), full(&status.delivered_per_sec));
            let shown = plot.show(ui, |plot| {
                plot.line(Line::new("In", accepted).color(t.accent).width(1.8).fill(0.0).fill_alpha(0.14));
                plot.line(Line::new("Out", delivered).color(t.ok).width(1.8));
            });
            let name = || {
                egui::WidgetInfo::labeled(egui::Role::Image, true, "Events in and out, the last two minutes")
            };
            shown.response.widget_info(name);
        });
    });
}
