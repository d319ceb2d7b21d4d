//! How a step of the guide is drawn: its mark, its title and a one-line result, and, while it is open, its contents.

use eframe::egui::{
    self, Align, Button, Color32, Frame, Label, Layout, Margin, RichText, Sense, Sides, Spinner, Stroke, Ui,
    vec2,
};
use lucide_icons::Icon;

use super::super::{
    theme::{self, Tokens, tokens, weight},
    widgets,
};

/// The column of the titles.
const TITLE_WIDTH: f32 = 136.0;

/// The state of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Done,
    Attention,
    Running,
    Open,
}

impl Mark {
    fn color(self, t: &Tokens) -> Color32 {
        match self {
            Self::Done => t.ok,
            Self::Attention => t.warn,
            Self::Running => t.accent,
            Self::Open => t.weak,
        }
    }

    /// The state for screen readers.
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Attention => "needs attention",
            Self::Running => "running",
            Self::Open => "not yet verified",
        }
    }
}

/// What is shown of a step whether it is open or not.
pub(super) struct Head {
    pub number: usize,
    pub title: &'static str,
    pub mark: Mark,
    /// Its result, in one line.
    pub result: String,
    /// What to do, if something is wrong.
    pub action: Option<String>,
}

/// Draws a step in one line. True when the user opens it.
pub(super) fn closed_ui(ui: &mut Ui, head: &Head) -> bool {
    let t = tokens(ui);
    let mut opened = false;
    let frame = Frame::new().fill(t.raised).stroke(Stroke::new(1.0, t.line)).corner_radius(12);
    frame.inner_margin(Margin::symmetric(18, 9)).show(ui, |ui| {
        ui.take_available_width();
        ui.spacing_mut().item_spacing.y = 4.0;
        Sides::new().shrink_left().truncate().show(
            ui,
            |ui| {
                mark_ui(ui, head.title, head.number, head.mark);
                ui.allocate_ui_with_layout(
                    vec2(TITLE_WIDTH, 20.0),
                    Layout::left_to_right(Align::Center),
                    |ui| {
                        ui.set_min_width(TITLE_WIDTH);
                        widgets::title_ui(ui, head.title);
                    },
                );
                let color = if head.mark == Mark::Attention { t.warn } else { t.text };
                ui.add(Label::new(widgets::words(ui, &head.result, 450.0, color)).truncate());
            },
            |ui| {
                let button = Button::new(weight("Edit", 550.0));
                opened = ui.add(button).accessible_name(format!("Edit {}", head.title)).clicked();
            },
        );
        if let Some(action) = &head.action {
            ui.horizontal_top(|ui| {
                ui.add_space(30.0);
                ui.vertical(|ui| {
                    ui.add(Label::new(widgets::words(ui, action, 450.0, t.weak)).wrap());
                });
            });
        }
    });
    opened
}

/// Draws an open step.
pub(super) fn open_ui<R>(ui: &mut Ui, head: &Head, contents: impl FnOnce(&mut Ui) -> R) -> R {
    let t = tokens(ui);
    widgets::card_ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 8.0;
        ui.horizontal(|ui| {
            mark_ui(ui, head.title, head.number, head.mark);
            widgets::title_ui(ui, head.title);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(format!("Step {}", head.number)).small().color(t.weak));
            });
        });
        contents(ui)
    })
}

/// Draws the foot of an open step. `busy`: what is awaited. True when the user wants the next step.
pub(super) fn next_ui(ui: &mut Ui, busy: Option<&str>, hint: &str) -> bool {
    let t = tokens(ui);
    ui.add_space(2.0);
    ui.horizontal_wrapped(|ui| {
        let next = widgets::primary_button_ui(ui, Icon::ArrowRight, "Next", busy.is_none());
        if busy.is_some() {
            ui.add(Spinner::new().size(14.0));
        }
        ui.label(RichText::new(busy.unwrap_or(hint)).color(t.weak));
        next.on_disabled_hover_text(busy.unwrap_or_default()).clicked()
    })
    .inner
}

/// Draws a mark: an icon of the state, or the number.
pub(super) fn mark_ui(ui: &mut Ui, title: &str, number: usize, mark: Mark) {
    let t = tokens(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(22.0, 22.0), Sense::hover());
    let name = format!("{title}: {}", mark.word());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &name));
    let color = mark.color(t);
    ui.painter().circle_filled(rect.center(), 11.0, color.gamma_multiply(0.16));
    let icon = |icon: Icon| (char::from(icon).to_string(), egui::FontId::new(12.0, theme::icons()));
    let (text, font) = match mark {
        Mark::Running => return Spinner::new().size(13.0).color(color).paint_at(ui, rect.shrink(4.5)),
        Mark::Done => icon(Icon::Check),
        Mark::Attention => icon(Icon::TriangleAlert),
        Mark::Open => (number.to_string(), egui::FontId::proportional(12.0)),
    };
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, text, font, color);
}

pub(super) fn name_ui(ui: &mut Ui, name: &str) {
    let t = tokens(ui);
    ui.label(weight(name, 580.0).color(t.strong));
}

pub(super) fn small_ui(ui: &mut Ui, text: &str) {
    let t = tokens(ui);
    // A column would stretch the words to its width.
    ui.vertical(|ui| ui.label(RichText::new(text).size(12.0).color(t.weak)));
}

/// Two fields beside each other, or below each other where there is no room.
pub(super) fn two_ui<T>(
    ui: &mut Ui,
    left: impl FnOnce(&mut Ui, &mut T),
    right: impl FnOnce(&mut Ui, &mut T),
    value: &mut T,
) {
    if ui.available_width() > 560.0 {
        ui.columns(2, |columns| {
            for column in columns.iter_mut() {
                column.spacing_mut().item_spacing.y = 5.0;
            }
            left(&mut columns[0], value);
            right(&mut columns[1], value);
        });
    } else {
        left(ui, value);
        right(ui, value);
    }
}
