//! Buttons and links.

use eframe::egui::{
    Align, AtomExt as _, Button, Layout, Response, RichText, Stroke, TextWrapMode, Ui, Vec2, Widget as _,
};
use lucide_icons::Icon;

use super::figure_text::FigureText;
use crate::app::theme::{self, tokens, weight};

/// A button that is only an icon; its name is its tooltip too.
pub(crate) fn icon_button_ui(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = Vec2::splat(4.0);
        let color = tokens(ui).weak;
        Button::new(theme::icon(icon).size(13.5).color(color))
            .frame_when_inactive(false)
            .min_size(Vec2::splat(26.0))
            .ui(ui)
            .accessible_name(name)
            .on_hover_text(name)
    })
    .inner
}

/// The button of the most likely next action.
pub(crate) fn primary_button_ui(ui: &mut Ui, icon: Icon, label: &str, enabled: bool) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        let is_enabled = enabled && ui.is_enabled();
        let v = ui.visuals_mut();
        let w = &mut v.widgets;
        if is_enabled {
            w.inactive.weak_bg_fill = t.accent;
            w.inactive.bg_stroke = Stroke::new(1.0, t.accent);
            w.hovered.weak_bg_fill = t.accent_hover;
            w.hovered.bg_stroke = Stroke::new(1.0, t.accent_hover);
            w.active.weak_bg_fill = t.accent_hover;
            w.active.bg_stroke = Stroke::new(2.0, t.strong);
        } else {
            // A button that cannot be pressed yet is grey: faded colours would be too weak to read.
            v.disabled_alpha = 1.0;
            w.inactive.weak_bg_fill = t.hover;
        }
        let color = if is_enabled { t.on_accent } else { t.weak };
        let button =
            labelled(ui, theme::icon(icon).color(color), label, |part| weight(part, 620.0).color(color));
        ui.add_enabled(enabled, button).accessible_name(label)
    })
    .inner
}

/// A button of any other action.
pub(crate) fn button_ui(ui: &mut Ui, icon: Icon, label: &str) -> Response {
    let t = tokens(ui);
    labelled(ui, theme::icon(icon).color(t.weak), label, |part| weight(part, 550.0))
        .ui(ui)
        .accessible_name(label)
}

/// A button in a column that it fills takes several lines for a long label. Beside others it never does.
fn labelled(ui: &Ui, icon: RichText, label: &str, format: impl Fn(&str) -> RichText) -> Button<'static> {
    if ui.layout().is_vertical() && ui.layout().horizontal_justify() {
        // Otherwise the first text would be the one that takes several lines: the icon.
        Button::new((icon, format(label).atom_shrink(true))).wrap_mode(TextWrapMode::Wrap)
    } else {
        Button::new((icon, FigureText::new(ui, label, format).atom())).wrap_mode(TextWrapMode::Extend)
    }
}

/// A button of an action that cannot be undone.
pub(crate) fn danger_button_ui(ui: &mut Ui, icon: Icon, label: &str) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        let w = &mut ui.visuals_mut().widgets;
        w.inactive.bg_stroke.color = t.err;
        w.hovered.bg_stroke.color = t.err;
        labelled(ui, theme::icon(icon).color(t.err), label, |part| weight(part, 600.0).color(t.err))
            .ui(ui)
            .accessible_name(label)
    })
    .inner
}

/// The answers at the foot of a sheet, from the right. Their row has its own height: a layout from the right alone would take
/// all that the sheet had in the frame before, and so keep it from becoming lower.
pub(crate) fn answers_ui(ui: &mut Ui, answers: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| ui.with_layout(Layout::right_to_left(Align::Center), answers));
}

/// A link to a page on the web.
pub(crate) fn link_ui(ui: &mut Ui, label: &str, url: &str) -> Response {
    let t = tokens(ui);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let response = ui.hyperlink_to(RichText::new(label).color(t.accent), url);
        response.on_hover_text(url)
    })
    .inner
}
