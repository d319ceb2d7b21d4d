//! The help for the syntax of the search field.

use eframe::egui::{self, RichText, Ui, vec2};

use crate::{app::theme::tokens, delivery::query::QueryKey};

pub(super) fn syntax_ui(ui: &mut Ui) {
    let t = tokens(ui);
    ui.set_max_width(430.0);
    ui.label(
        "Words are searched for in ids, names, sources, shards, errors and payloads. To search in one field, write its \
         name first:",
    );
    egui::Grid::new("fields").num_columns(2).spacing(vec2(12.0, 3.0)).show(ui, |ui| {
        for (_, name, means) in QueryKey::ALL {
            ui.label(RichText::new(format!("{name}:")).monospace().color(t.strong));
            ui.label(RichText::new(means).color(t.weak));
            ui.end_row();
        }
    });
    ui.label("Quotes keep words together, commas mean “any of these”, and * matches anything.");
}
