//! Fields to type in, and switches.

use eframe::egui::{
    Align2, Label, Margin, Response, RichText, Role, Sense, Stroke, StrokeKind, TextEdit, Ui, WidgetInfo,
    lerp, pos2, vec2,
};
use lucide_icons::Icon;

use super::{keyboard::keep_focus, text::capital};
use crate::{
    app::theme::{self, tokens, weight},
    event::shown,
};

/// Maximum width of a field: a wider one would suggest that more text is expected.
pub(crate) const FIELD_WIDTH_MAX: f32 = 500.0;

/// The hint of an empty field that shows what may be written there, so that nobody takes it for what is written there.
pub(crate) fn example(value: &str) -> String {
    format!("e.g. {value}")
}

/// A text field in the style of all forms.
pub(crate) fn text_edit<'t>(value: &'t mut String, hint: &str) -> TextEdit<'t> {
    TextEdit::singleline(value)
        .hint_text(hint.to_owned())
        .margin(Margin::symmetric(10, 7))
        .align(Align2::LEFT_CENTER)
}

/// A text field in a menu. The style of menus has no outlines, so the field would look like text.
pub(crate) fn menu_edit_ui(ui: &mut Ui, edit: TextEdit<'_>) -> Response {
    ui.scope(|ui| {
        ui.visuals_mut().widgets = ui.ctx().global_style().visuals.widgets.clone();
        ui.add(edit)
    })
    .inner
}

/// A named text field, with its error below it.
pub(crate) fn field_ui(
    ui: &mut Ui,
    label: &str,
    value: &mut String,
    hint: &str,
    error: Option<&str>,
) -> Response {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 5.0;
        let name = ui.label(weight(label, 560.0));
        let response = ui
            .scope(|ui| {
                edge_ui(ui, error.is_some());
                ui.add(text_edit(value, hint).desired_width(ui.available_width().min(FIELD_WIDTH_MAX)))
                    .labelled_by(name.id)
            })
            .inner;
        error_ui(ui, error);
        keep_focus(&response, error.is_some());
        response
    })
    .inner
}

/// Sets the outline of the next fields: red if `wrong`.
pub(crate) fn edge_ui(ui: &mut Ui, wrong: bool) {
    if wrong {
        let color = tokens(ui).err;
        let w = &mut ui.visuals_mut().widgets;
        w.inactive.bg_stroke.color = color;
        w.hovered.bg_stroke.color = color;
        // The outline while a field has the keyboard's focus.
        ui.visuals_mut().selection.stroke.color = color;
    }
}

/// The error of the field above.
pub(crate) fn error_ui(ui: &mut Ui, error: Option<&str>) {
    let t = tokens(ui);
    if let Some(error) = error {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.label(theme::icon(Icon::CircleAlert).size(12.0).color(t.err));
            ui.vertical(|ui| {
                ui.add(
                    Label::new(RichText::new(shown::lines(&capital(error))).size(12.0).color(t.err)).wrap(),
                )
            });
        });
    }
}

/// A checkbox with its name beside it. Its outline is visible without a tick too.
pub(crate) fn checkbox_ui(ui: &mut Ui, ticked: &mut bool, name: &str) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        let w = &mut ui.visuals_mut().widgets;
        for visuals in [&mut w.inactive, &mut w.hovered] {
            visuals.bg_fill = t.field;
            visuals.bg_stroke = Stroke::new(1.0, t.weak);
        }
        ui.checkbox(ticked, name)
    })
    .inner
}

/// A switch with its name; what it does stands beside it.
pub(crate) fn switch_ui(ui: &mut Ui, on: &mut bool, name: &str) -> Response {
    let t = tokens(ui);
    let size = vec2(36.0, 20.0);
    let (rect, mut response) = ui.allocate_exact_size(size, Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    let value = *on;
    response.widget_info(|| WidgetInfo::selected(Role::Switch, ui.is_enabled(), value, name));
    let how_on = ui.animate_bool_responsive(response.id, *on);
    let radius = rect.height() / 2.0;
    let (track, knob) = if *on { (t.accent, t.on_accent) } else { (t.press, t.weak) };
    ui.painter().rect_filled(rect, radius, track);
    if response.has_focus() || response.hovered() {
        let color = if response.has_focus() { t.strong } else { t.edge };
        ui.painter().rect_stroke(
            rect.expand(2.0),
            radius + 2.0,
            Stroke::new(1.0, color),
            StrokeKind::Outside,
        );
    }
    let x = lerp((rect.left() + radius)..=(rect.right() - radius), how_on);
    ui.painter().circle_filled(pos2(x, rect.center().y), radius - 4.0, knob);
    response
}
