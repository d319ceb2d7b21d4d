//! Code in a box, with a button that copies it.

use eframe::egui::{
    Align, Frame, Label, Layout, Margin, Rect, RichText, ScrollArea, Stroke, TextStyle, TextWrapMode, Ui,
    UiBuilder, Vec2, vec2,
};
use lucide_icons::Icon;

use super::button::icon_button_ui;
use crate::{
    app::{json, theme::tokens},
    event::shown,
};

/// Code in a box, coloured, with a button that copies it.
pub(crate) fn code_ui(ui: &mut Ui, code: &str, copy_name: &str) -> bool {
    code_marked_ui(ui, code, &[], copy_name)
}

/// Like [`code_ui`], with every occurrence of `marks` highlighted.
pub(crate) fn code_marked_ui(ui: &mut Ui, code: &str, marks: &[&str], copy_name: &str) -> bool {
    let copy = code_box_ui(ui, code, marks, copy_name);
    if copy {
        ui.copy_text(code.to_owned());
    }
    copy
}

/// Like [`code_ui`], but the caller does the copying. True when the button was pressed.
pub(crate) fn code_copy_ui(ui: &mut Ui, code: &str, copy_name: &str) -> bool {
    code_box_ui(ui, code, &[], copy_name)
}

fn code_box_ui(ui: &mut Ui, code: &str, marks: &[&str], copy_name: &str) -> bool {
    let t = tokens(ui);
    let (shown, was_cut) = json::cut(code, json::SHOWN_BYTES_MAX);
    let shown = shown::lines(shown);
    let frame = Frame::new()
        .fill(t.field)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(9)
        // The margin keeps the code away from the button in the corner.
        .inner_margin(Margin { left: 12, right: 40, top: 12, bottom: 12 });
    let inner = frame.show(ui, |ui| {
        ui.take_available_width();
        ScrollArea::horizontal().id_salt(("code", copy_name)).auto_shrink([false, true]).show(ui, |ui| {
            let mut job =
                json::highlight_marking(&shown, marks, t, &TextStyle::Monospace.resolve(ui.style()));
            job.wrap.max_width = f32::INFINITY;
            let width = ui.available_width();
            let text = ui.add(Label::new(job).wrap_mode(TextWrapMode::Extend).selectable(true));
            if text.rect.width() > width {
                // Leave room for the scroll bar, which floats.
                ui.add_space(10.0);
            }
        });
        if was_cut {
            ui.label(RichText::new("Shortened here. Copy gives all of it.").small().color(t.weak));
        }
    });
    let corner = inner.response.rect.right_top() + vec2(-34.0, 6.0);
    let mut over = ui.new_child(
        UiBuilder::new()
            .id_salt(("copy code", copy_name))
            .max_rect(Rect::from_min_size(corner, Vec2::splat(28.0)))
            .layout(Layout::top_down(Align::Max)),
    );
    let button = Frame::new().fill(t.field).corner_radius(6);
    button.show(&mut over, |ui| icon_button_ui(ui, Icon::Copy, copy_name).clicked()).inner
}
