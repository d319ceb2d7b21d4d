//! The bar under the form: which changes are not applied yet, why they cannot be, and the buttons to apply or revert them.

use eframe::egui::{Frame, Label, Margin, RichText, Sides, Stroke, Ui};
use lucide_icons::Icon;

use super::super::{
    queue_move,
    seen::Seen,
    theme::{self, tokens},
    widgets,
};
use crate::{config::Config, engine::WaitingEvents};

pub(super) enum Choice {
    Apply(WaitingEvents),
    Revert,
}

/// Draws the bar. `reason`: why the draft cannot be applied.
pub(super) fn bar_ui(
    ui: &mut Ui,
    seen: &mut Seen<'_>,
    draft: &Config,
    reason: Option<&str>,
) -> Option<Choice> {
    let t = tokens(ui);
    let question = queue_move::question(seen, draft).filter(|_| reason.is_none());
    let calm = "Changes take effect when you apply them. Accepted events are kept.";
    let text = reason.or(question.as_ref().map(|question| &*question.text)).unwrap_or(calm);
    let can = match reason {
        Some(reason) => Err(reason),
        None if seen.saving => Err("Saving …"),
        None => Ok(()),
    };
    let mut choice = None;
    let (icon, color) = if reason.is_some() { (Icon::CircleAlert, t.warn) } else { (Icon::Pencil, t.weak) };
    let words_ui = |ui: &mut Ui| {
        ui.label(theme::icon(icon).color(color));
        ui.add(Label::new(RichText::new(text).color(t.text)).wrap()).on_hover_text(text);
    };
    // The buttons are laid out from right to left.
    let buttons_ui = |ui: &mut Ui| {
        choice = queue_move::choice_ui(ui, "Apply", question.as_ref(), can).map(Choice::Apply);
        if widgets::button_ui(ui, Icon::Undo2, "Revert").clicked() {
            choice = Some(Choice::Revert);
        }
    };
    let shadow = ui.visuals().popup_shadow;
    let frame = Frame::new().fill(t.raised).stroke(Stroke::new(1.0, t.edge)).corner_radius(12).shadow(shadow);
    frame.inner_margin(Margin::symmetric(16, 10)).show(ui, |ui| {
        if question.is_some() {
            // A question is shown in full, above its buttons.
            ui.horizontal_top(words_ui);
            Sides::new().show(ui, |_| {}, buttons_ui);
        } else {
            // The text takes the width that the buttons leave.
            Sides::new().shrink_left().wrap().show(ui, words_ui, buttons_ui);
        }
    });
    choice
}
