//! A horizontal bar with a name and figures. A click on it leads to the events that it counts.

use eframe::egui::{self, Align, Color32, Label, Layout, RichText, Sense, Ui, WidgetInfo, vec2};

use crate::app::{theme::tokens, widgets};

pub(super) struct Bar<'a> {
    pub name: &'a str,
    pub text: &'a str,
    /// The bar's length, from 0 to 1.
    pub share: f64,
    pub color: Color32,
}

impl Bar<'_> {
    pub(super) fn ui(&self, ui: &mut Ui) -> egui::Response {
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
