//! Draws a box of the strip. Everything is painted into a rectangle of fixed size, so that no text moves another box. What
//! does not fit is shortened; the tooltip and the name for screen readers have the whole text.

use eframe::egui::{
    Color32, Id, Rect, Role, Sense, Stroke, StrokeKind, TextStyle, TextWrapMode, Ui, WidgetInfo, WidgetText,
    pos2, vec2,
};
use lucide_icons::Icon;

use super::{
    sparkline,
    stage::Stage,
    view::{BoxLink, BoxView, Dot},
};
use crate::app::{
    theme::{self, Tokens, tokens, weight},
    widgets::{self, FigureText, Tone},
};

const PADDING: f32 = 10.0;
const RADIUS: f32 = 9.0;
/// Between the parts of a line.
const GAP: f32 = 6.0;
const SPARKLINE_HEIGHT: f32 = 15.0;
const SPARKLINE_WIDTH_MIN: f32 = 30.0;
const SPARKLINE_WIDTH_MAX: f32 = 110.0;

/// The colours of a box.
struct Inks {
    fill: Color32,
    stroke: Stroke,
    mark: Color32,
    title: Color32,
    value: Color32,
    more: Color32,
}

impl Inks {
    fn of(view: &BoxView, t: &Tokens, (is_hovered, is_open): (bool, bool)) -> Self {
        let mark = match view.dot {
            Dot::Idle => t.weak,
            Dot::Good => t.ok,
            Dot::Attention => t.warn,
        };
        let edge = if is_hovered { t.edge } else { t.line };
        let calm = Self {
            fill: if is_hovered { t.hover } else { t.raised },
            stroke: Stroke::new(1.0, edge),
            mark,
            title: t.weak,
            value: if view.is_next_step { t.accent } else { t.strong },
            more: if view.dot == Dot::Attention { t.warn } else { t.weak },
        };
        let mut inks = match view.tone {
            None | Some(Tone::Good) => calm,
            // The whole box is red: it must not be overlooked.
            Some(Tone::Bad) => Self {
                fill: if is_hovered { t.err.lerp_to_gamma(t.strong, 0.12) } else { t.err },
                stroke: Stroke::new(1.0, t.err),
                mark: t.on_accent,
                title: t.on_accent,
                value: t.on_accent,
                more: t.on_accent,
            },
            Some(tone @ (Tone::Attention | Tone::Note)) => {
                let color = tone.color(t);
                Self {
                    fill: t.raised.lerp_to_gamma(color, if is_hovered { 0.24 } else { 0.16 }),
                    stroke: Stroke::new(1.2, color),
                    mark: color,
                    title: t.text,
                    more: t.text,
                    ..calm
                }
            }
        };
        if is_open {
            inks.stroke = Stroke::new(2.0, t.strong);
        }
        inks
    }
}

/// What the user pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pressed {
    Box,
    Link,
}

/// The id of a stage's box.
pub(super) fn id(stage: Stage) -> Id {
    Id::unique(("pipeline", stage.title()))
}

/// Draws the box. `is_open`: its drawer is open.
pub(super) fn box_ui(ui: &Ui, rect: Rect, view: &BoxView, is_open: bool) -> Option<Pressed> {
    let t = tokens(ui);
    let response = ui.interact(rect, id(view.stage), Sense::click());
    let name = name(view);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &*name));
    let inks = Inks::of(view, t, (response.hovered(), is_open));
    ui.painter().rect(rect, RADIUS, inks.fill, inks.stroke, StrokeKind::Inside);
    widgets::ring_ui(ui, &response, RADIUS);
    let inner = rect.shrink2(vec2(PADDING, 0.0));
    let lines = [0.32, 0.70].map(|share| rect.top() + rect.height() * share);
    let link = head_ui(ui, inner.with_y(lines[0]), view, &inks);
    words_ui(ui, inner.with_y(lines[1]), view, &inks);
    let pressed = response.clicked().then_some(Pressed::Box);
    let does = match view.click {
        Some((does, _)) => does,
        None if is_open => "Closes the explanation",
        None => "Shows what happened and what to do",
    };
    response.on_hover_ui(|ui| {
        ui.label(format!("{name}\n{}\n{does}", view.about));
    });
    link.or(pressed)
}

/// The name for screen readers.
fn name(view: &BoxView) -> String {
    match view.tone {
        Some(_) => format!("{}. {}", view.name(), view.about.replace('\n', ". ")),
        None => view.name(),
    }
}

/// A line of a box: its height does not count.
trait Line {
    fn with_y(self, y: f32) -> Self;
}

impl Line for Rect {
    fn with_y(self, y: f32) -> Self {
        self.with_min_y(y).with_max_y(y)
    }
}

fn laid_out(ui: &Ui, text: &str, (wght, size): (f32, f32), color: Color32) -> FigureText {
    FigureText::new(ui, text, |part| weight(part, wght).size(size).color(color))
}

fn truncated(ui: &Ui, text: &str, (wght, size): (f32, f32), color: Color32, width: f32) -> FigureText {
    let text = WidgetText::from(weight(text, wght).size(size).color(color));
    FigureText::of(text.into_galley(ui, Some(TextWrapMode::Truncate), width, TextStyle::Body))
}

/// Paints text from `left` on, centred on the line; returns its right edge.
fn text_ui(ui: &Ui, left: f32, y: f32, text: &FigureText) -> f32 {
    text.paint(ui, pos2(left, y - text.size().y / 2.0), tokens(ui).text);
    left + text.size().x
}

/// The upper line: the dot, the title, and at the right the link and the sparkline.
fn head_ui(ui: &Ui, line: Rect, view: &BoxView, inks: &Inks) -> Option<Pressed> {
    const TITLE: (f32, f32) = (560.0, 12.0);
    let (mut left, mut right, y) = (line.left(), line.right(), line.top());
    match view.tone {
        None => {
            ui.painter().circle_filled(pos2(left + 3.5, y), 3.5, inks.mark);
            left += 7.0 + GAP;
        }
        Some(tone) => {
            left = icon_ui(ui, left, y, tone.icon(), inks.mark) + GAP - 1.0;
            right = icon_left_of_ui(ui, right, y, Icon::ChevronDown, inks.title) - GAP;
        }
    }
    let mut pressed = None;
    if let Some(link) = &view.link {
        let color = if view.tone == Some(Tone::Bad) { inks.title } else { link.tone.color(tokens(ui)) };
        let (place, is_pressed) = link_ui(ui, (right, y), (link, view.stage), color);
        right = place.left() - GAP;
        pressed = is_pressed.then_some(Pressed::Link);
    }
    let room = (right - left).max(0.0);
    let titles = view.titles.iter().map(|title| laid_out(ui, title, TITLE, inks.title));
    let fitting = titles.into_iter().find(|title| title.size().x <= room);
    let title = fitting.unwrap_or_else(|| {
        let shortest = view.titles.last().map_or("", String::as_str);
        truncated(ui, shortest, TITLE, inks.title, room)
    });
    left = text_ui(ui, left, y, &title) + 2.0 * GAP;
    let width = (right - left).min(SPARKLINE_WIDTH_MAX);
    if width >= SPARKLINE_WIDTH_MIN && view.series.len() > 1 && view.tone != Some(Tone::Bad) {
        let rect = Rect::from_min_max(
            pos2(right - width, y - SPARKLINE_HEIGHT / 2.0),
            pos2(right, y + SPARKLINE_HEIGHT / 2.0),
        );
        sparkline::paint(ui.painter(), rect, &view.series, color_of(view.stage, tokens(ui)));
    }
    pressed
}

fn color_of(stage: Stage, t: &Tokens) -> Color32 {
    match stage {
        Stage::Sources => t.accent,
        Stage::Endpoint => t.err,
        Stage::Spool => t.warn,
        Stage::Forwarder | Stage::Destination => t.ok,
    }
}

fn icon_ui(ui: &Ui, left: f32, y: f32, icon: Icon, color: Color32) -> f32 {
    let text = WidgetText::from(theme::icon(icon).size(13.0).color(color));
    let galley = text.into_galley(ui, Some(TextWrapMode::Extend), f32::INFINITY, TextStyle::Body);
    text_ui(ui, left, y, &FigureText::of(galley))
}

/// Paints an icon that ends at `right`; returns its left edge.
fn icon_left_of_ui(ui: &Ui, right: f32, y: f32, icon: Icon, color: Color32) -> f32 {
    const WIDTH: f32 = 14.0;
    icon_ui(ui, right - WIDTH, y, icon, color);
    right - WIDTH
}

/// The link, ending at `right`.
fn link_ui(
    ui: &Ui,
    (right, y): (f32, f32),
    (link, stage): (&BoxLink, Stage),
    color: Color32,
) -> (Rect, bool) {
    const ICON: f32 = 17.0;
    let text = laid_out(ui, &link.text, (620.0, 12.0), color);
    let width = text.size().x + link.icon.map_or(0.0, |_| ICON);
    let rect = Rect::from_min_max(pos2(right - width, y - 9.0), pos2(right, y + 9.0));
    let response = ui.interact(rect.expand2(vec2(3.0, 1.0)), id(stage).with("link"), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Link, true, &*link.name));
    if let Some(icon) = link.icon {
        icon_ui(ui, rect.left(), y, icon, color);
    }
    text_ui(ui, right - text.size().x, y, &text);
    if response.hovered() || response.has_focus() {
        ui.painter().hline(rect.x_range(), rect.bottom() - 1.0, Stroke::new(1.0, color));
    }
    let is_clicked = response.clicked();
    response.on_hover_text(link.about);
    (rect, is_clicked)
}

/// The lower line: the value and its addition, in the longest form that fits.
fn words_ui(ui: &Ui, line: Rect, view: &BoxView, inks: &Inks) {
    const MORE: (f32, f32) = (480.0, 12.0);
    let value_font = if view.is_next_step { (600.0, 13.0) } else { (640.0, 14.0) };
    let (left, y) = (line.left(), line.top());
    let arrow = if view.is_next_step { 14.0 + GAP } else { 0.0 };
    let laid_out = |(value, more): &(String, String)| {
        let value = laid_out(ui, value, value_font, inks.value);
        let more = (!more.is_empty()).then(|| laid_out(ui, more, MORE, inks.more));
        let width = value.size().x + arrow + more.as_ref().map_or(0.0, |more| GAP + more.size().x);
        (width, value, more)
    };
    let fitting = view.words.iter().map(laid_out).find(|(width, ..)| *width <= line.width());
    let Some((_, value, more)) = fitting else {
        let shortest = view.words.last().map_or("", |(value, _)| value);
        text_ui(ui, left, y, &truncated(ui, shortest, value_font, inks.value, line.width()));
        return;
    };
    let right = text_ui(ui, left, y, &value);
    if view.is_next_step {
        icon_ui(ui, right + GAP - 2.0, y, Icon::ArrowRight, inks.value);
    }
    if let Some(more) = more {
        text_ui(ui, right + GAP, y + 0.5, &more);
    }
}
