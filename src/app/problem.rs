//! The page of a product that did not start: what, where, what is allowed. It changes nothing; the user does.

use eframe::egui::{CentralPanel, Frame, Label, Margin, RichText, ScrollArea, Stroke, Ui};
use lucide_icons::Icon;

use super::{
    Problem, mark,
    theme::{self, tokens, weight},
    widgets,
};

/// True when the user asks to try again.
pub(super) fn page_ui(ui: &mut Ui, problem: &Problem) -> bool {
    let t = tokens(ui);
    let mut again = false;
    CentralPanel::default().frame(Frame::new().fill(t.window).inner_margin(Margin::same(28))).show(
        ui,
        |ui| {
            ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
                ui.vertical_centered(|ui| {
                    ui.set_max_width(640.0);
                    ui.add_space((ui.available_height() * 0.14).min(110.0));
                    mark::mark_ui(ui, 44.0);
                    ui.add_space(10.0);
                    ui.label(weight("Tributary could not start", 680.0).size(19.0).color(t.strong));
                    ui.add_space(8.0);
                    ui.vertical(|ui| {
                        widgets::card_ui(ui, |ui| {
                            ui.horizontal_top(|ui| {
                                ui.label(theme::icon(Icon::CircleAlert).size(15.0).color(t.err));
                                ui.add(
                                    Label::new(weight(&*problem.title, 620.0).size(14.0).color(t.strong))
                                        .wrap(),
                                );
                            });
                            for line in &problem.details {
                                Frame::new()
                                    .fill(t.field)
                                    .stroke(Stroke::new(1.0, t.line))
                                    .corner_radius(7)
                                    .inner_margin(Margin::symmetric(12, 8))
                                    .show(ui, |ui| {
                                        ui.take_available_width();
                                        ui.add(
                                            Label::new(RichText::new(line).monospace().color(t.text)).wrap(),
                                        );
                                    });
                            }
                            ui.add_space(4.0);
                            ui.horizontal(|ui| {
                                again = widgets::primary_button_ui(ui, Icon::RotateCw, "Try again", true)
                                    .clicked();
                                if widgets::button_ui(ui, Icon::Copy, "Copy").clicked() {
                                    let mut text = problem.title.clone();
                                    for line in &problem.details {
                                        text.push('\n');
                                        text.push_str(line);
                                    }
                                    ui.copy_text(text);
                                }
                            });
                        });
                        ui.add_space(4.0);
                        widgets::hint_ui(
                            ui,
                            "Nothing was changed. Events that were accepted before are safe in the spool.",
                        );
                    });
                });
            });
        },
    );
    again
}
