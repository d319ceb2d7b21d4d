//! The progress of long actions (a resend, an export), shown in every place with a button that stops them.

use eframe::egui::{Align, Frame, Label, Layout, Margin, Panel, ProgressBar, RichText, Ui};
use lucide_icons::Icon;

use super::{
    command::{Command, LogCommand},
    seen::Seen,
    theme::{self, tokens},
    widgets,
};

/// Draws a line above the status line for each action. `resend_of`: the number of events that was counted for the resend.
pub(super) fn panel_ui(ui: &mut Ui, seen: &mut Seen<'_>, resend_of: Option<u64>) {
    let (resending, exporting) = (seen.status.resending, seen.status.exporting);
    if resending.is_none() && exporting.is_none() {
        return;
    }
    let t = tokens(ui);
    let margin = Margin { left: 14, right: 10, top: 5, bottom: 5 };
    Panel::bottom("under way").resizable(false).frame(Frame::new().fill(t.raised).inner_margin(margin)).show(
        ui,
        |ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            if let Some(resent) = resending {
                let events = resent.events();
                let text = match resend_of {
                    Some(of) => format!(
                        "Resending: {} of {} events are queued again",
                        widgets::digits(events),
                        widgets::digits(of)
                    ),
                    None => format!("Resending: {} events are queued again", widgets::digits(events)),
                };
                let done = resend_of.map(|of| events as f32 / of.max(1) as f32);
                if line_ui(ui, Icon::RotateCw, &text, ("Resend progress", done), "Stop resending") {
                    seen.push(Command::Log(LogCommand::StopResending));
                }
            }
            if let Some(exported) = exporting {
                let text = format!(
                    "Exporting: {} events, {}",
                    widgets::digits(exported.lines),
                    widgets::bytes(exported.bytes)
                );
                let progress = ("Export progress", Some(exported.done));
                if line_ui(ui, Icon::Download, &text, progress, "Stop exporting") {
                    seen.push(Command::Log(LogCommand::StopExporting));
                }
            }
        },
    );
}

/// Draws one action. True when the user stops it.
fn line_ui(ui: &mut Ui, icon: Icon, text: &str, (name, done): (&str, Option<f32>), stop: &str) -> bool {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.label(theme::icon(icon).color(t.accent));
        if let Some(done) = done {
            let bar = ProgressBar::new(done.min(1.0)).desired_width(140.0).desired_height(6.0).fill(t.accent);
            ui.add(bar).accessible_name(name);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let stops = widgets::button_ui(ui, Icon::X, stop).clicked();
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(text).color(t.text)).truncate());
            });
            stops
        })
        .inner
    })
    .inner
}
