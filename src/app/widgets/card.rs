//! The parts of a page: heading, cards, facts, messages, and the placeholder of an empty page.

use eframe::egui::{
    Align, Align2, Color32, CornerRadius, FontId, Frame, Label, Layout, Margin, Response, RichText, Role,
    Sense, Sides, Stroke, TextStyle, TextWrapMode, Ui, Vec2, WidgetInfo, WidgetText, vec2,
};
use lucide_icons::Icon;

use super::button::{icon_button_ui, primary_button_ui};
use crate::{
    app::theme::{self, Tokens, tokens, weight},
    event::shown,
};

/// The heading of a place: its title, its purpose, and its actions.
pub(crate) fn heading_ui(ui: &mut Ui, title: &str, subtitle: &str, actions: impl FnOnce(&mut Ui)) {
    let t = tokens(ui);
    // As high as title and subtitle together, so that the actions on the right are centred beside them.
    Sides::new().height(40.0).shrink_left().show(
        ui,
        |ui| {
            ui.vertical(|ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                ui.label(weight(title, 680.0).size(19.0).color(t.strong));
                ui.add(Label::new(RichText::new(subtitle).color(t.weak)).truncate());
            });
        },
        actions,
    );
    ui.add_space(6.0);
}

/// A card: a box around its contents.
pub(crate) fn card_ui<R>(ui: &mut Ui, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let t = tokens(ui);
    Frame::new()
        .fill(t.raised)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(12)
        .inner_margin(Margin::symmetric(18, 16))
        .show(ui, |ui| {
            ui.take_available_width();
            contents(ui)
        })
        .inner
}

/// The title of a card.
pub(crate) fn title_ui(ui: &mut Ui, title: &str) {
    let t = tokens(ui);
    ui.label(weight(title, 640.0).size(14.0).color(t.strong));
}

/// A thin line between two rows of a card.
pub(crate) fn divider_ui(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    ui.painter().hline(rect.x_range(), rect.center().y, Stroke::new(1.0, tokens(ui).line));
}

/// A name and its value on one line, with a copy button. True when copied.
pub(crate) fn fact_ui(ui: &mut Ui, name: &str, value: &str, copy: bool) -> bool {
    let t = tokens(ui);
    let mut copied = false;
    ui.horizontal(|ui| {
        // As high with a button as without one.
        ui.set_min_height(28.0);
        ui.allocate_ui_with_layout(vec2(118.0, 20.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(118.0);
            ui.add(Label::new(RichText::new(name).color(t.weak)).selectable(false).truncate());
        });
        let room = ui.available_width() - if copy { 34.0 } else { 0.0 };
        ui.allocate_ui_with_layout(vec2(room, 20.0), Layout::left_to_right(Align::Center), |ui| {
            // If the value is cut, its tooltip shows all of it.
            ui.add(Label::new(RichText::new(shown::line(value)).monospace().color(t.strong)).truncate());
        });
        if copy && icon_button_ui(ui, Icon::Copy, &format!("Copy {}", name.to_lowercase())).clicked() {
            ui.copy_text(value.to_owned());
            copied = true;
        }
    });
    copied
}

/// The placeholder of an empty page: why it is empty, and what to do. True when the action was chosen.
pub(crate) fn empty_ui(
    ui: &mut Ui,
    icon: Icon,
    title: &str,
    text: &str,
    action: Option<(Icon, &str)>,
) -> bool {
    let t = tokens(ui);
    let mut chosen = false;
    let height = 150.0;
    ui.vertical_centered(|ui| {
        ui.add_space(((ui.available_height() - height) / 2.4).clamp(16.0, 170.0));
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(48.0), Sense::hover());
        ui.painter().circle_filled(rect.center(), 24.0, t.hover);
        ui.painter().text(
            rect.center(),
            Align2::CENTER_CENTER,
            char::from(icon),
            FontId::new(21.0, theme::icons()),
            t.weak,
        );
        ui.add_space(4.0);
        ui.label(weight(title, 640.0).size(14.5).color(t.strong));
        ui.scope(|ui| {
            ui.set_max_width(420.0);
            ui.label(RichText::new(text).color(t.weak));
        });
        if let Some((icon, label)) = action {
            ui.add_space(6.0);
            chosen = primary_button_ui(ui, icon, label, true).clicked();
        }
    });
    chosen
}

/// The severity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Information.
    Note,
    /// Success.
    Good,
    /// Warning.
    Attention,
    /// Error.
    Bad,
}

impl Tone {
    pub(crate) fn color(self, t: &Tokens) -> Color32 {
        match self {
            Self::Note => t.accent,
            Self::Good => t.ok,
            Self::Attention => t.warn,
            Self::Bad => t.err,
        }
    }

    pub(crate) fn icon(self) -> Icon {
        match self {
            Self::Note => Icon::Info,
            Self::Good => Icon::CircleCheck,
            Self::Attention => Icon::TriangleAlert,
            Self::Bad => Icon::CircleAlert,
        }
    }
}

/// A message in a frame of its own.
pub(crate) fn message_ui(ui: &mut Ui, tone: Tone, text: &str) {
    let t = tokens(ui);
    let color = tone.color(t);
    Frame::new()
        .fill(color.gamma_multiply(0.10))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 9))
        .show(ui, |ui| {
            ui.take_available_width();
            ui.horizontal_top(|ui| {
                ui.label(theme::icon(tone.icon()).color(color));
                ui.vertical(|ui| {
                    ui.add(Label::new(RichText::new(shown::lines(text)).color(t.text)).wrap());
                });
            });
        });
}

/// A word in a rounded box. Painted by hand: in a centred row a `Frame` stretches to the row's height.
pub(crate) fn pill_ui(ui: &mut Ui, color: Color32, text: &str) -> Response {
    // On its own tint, in a selected row too, the plain colour would be too weak to read (WCAG AA).
    let ink = color.lerp_to_gamma(tokens(ui).strong, 0.3);
    let galley = WidgetText::from(weight(text, 580.0).size(11.5).color(ink)).into_galley(
        ui,
        Some(TextWrapMode::Extend),
        f32::INFINITY,
        TextStyle::Small,
    );
    let padding = vec2(8.0, 2.0);
    let (rect, response) = ui.allocate_exact_size(galley.size() + 2.0 * padding, Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text));
    ui.painter().rect_filled(rect, CornerRadius::same(9), color.gamma_multiply(0.15));
    ui.painter().galley(rect.min + padding, galley, ink);
    response
}

/// A dot of that colour, as high as a line of text.
pub(crate) fn dot_ui(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(8.0, ui.text_style_height(&TextStyle::Body)), Sense::hover());
    ui.painter().circle_filled(rect.center(), 3.5, color);
}
