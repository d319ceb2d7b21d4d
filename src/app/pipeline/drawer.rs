//! The drawer below the strip: what happened, why, what to do, and one primary button. It lies over the page, so nothing moves
//! when it opens.
//!
//! It opens with a click on a box that is not well, and once by itself for a trouble that needs the user. A press in the page
//! beside it closes it. By itself it takes no focus, and it waits while it would cover the field that has the focus or what is under the moving pointer.

use std::time::Duration;

use eframe::egui::{
    Area, Frame, Id, Key, Label, LayerId, Margin, Memory, Modifiers, Order, Popup, Pos2, Rect, Role,
    ScrollArea, Shape, Sides, Stroke, Ui, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;

use super::{
    announced::Announced,
    box_ui,
    explanation::explanation_ui,
    page::Page,
    stage::Stage,
    trouble::{Kind, Trouble},
};
use crate::{
    app::{
        command::Command,
        place::{self, Place},
        seen::Seen,
        theme::{tokens, weight},
        widgets,
    },
    remedy,
};

const AREA: &str = "pipeline drawer";
const WIDTH_MAX: f32 = 620.0;
/// The height that it is expected to have before it is drawn.
const HEIGHT_EXPECTED: f32 = 260.0;
/// Free space between the page's edges and the drawer.
const MARGIN: f32 = 16.0;
/// The status line at the window's lower edge stays in sight.
const STATUS_LINE_HEIGHT: f32 = 36.0;
/// How long the pointer has to rest before the drawer may open under it.
const POINTER_RESTS: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Drawer {
    open: Option<Stage>,
    announced: Announced,
    /// Where it was drawn in the frame before, while it is open.
    drawn: Option<Rect>,
    /// The place in the frame before.
    place: Option<Place>,
}

impl Drawer {
    pub(super) fn open(&self) -> Option<Stage> {
        self.open
    }

    /// Opens the drawer of a stage, or closes it.
    pub(super) fn toggle(&mut self, stage: Stage, troubles: &[Trouble]) {
        if self.open.take() != Some(stage) {
            self.open = Some(stage);
            self.announced.opened(stage, troubles);
        }
        self.drawn = None;
    }

    fn close(&mut self, ui: &Ui) {
        self.open = None;
        self.drawn = None;
        ui.request_repaint();
    }

    /// Decides whether the drawer is open in this frame. `boxes`: the boxes of the strip.
    pub(super) fn decide(
        &mut self,
        ui: &Ui,
        seen: &Seen<'_>,
        troubles: &[Trouble],
        (boxes, page): (&[Rect; 5], Page),
    ) {
        self.announced.forget_ended(troubles, &seen.status.forwarder);
        if let Some(stage) = self.open {
            let is_over = !troubles.iter().any(|trouble| trouble.stage == stage);
            let is_elsewhere = self.place.is_some_and(|place| place != seen.place);
            let is_left = || self.is_left(ui) || self.is_pressed_beside(ui, boxes);
            if is_over || is_elsewhere || (!page.is_covered && is_left()) {
                self.close(ui);
            }
        }
        self.place = Some(seen.place);
        if self.open.is_none()
            && !page.is_covered
            && let Some(stage) = self.announced.next(troubles)
        {
            if troubles.iter().any(|trouble| {
                trouble.stage == stage && page.sets_up_in_force && is_said_in_set_up(seen, trouble)
            }) {
                self.announced.opened(stage, troubles);
            } else if may_cover(ui, expected(ui, boxes, stage)) {
                self.toggle(stage, troubles);
                ui.request_discard("the drawer opened");
            }
        }
    }

    /// Whether the user has closed it with Escape, or gone on to a widget that it covers.
    fn is_left(&self, ui: &Ui) -> bool {
        let is_free = !ui.text_edit_focused() && !Popup::is_any_open(ui);
        if is_free && ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Escape)) {
            if let Some(stage) = self.open {
                ui.memory_mut(|memory| memory.request_focus(box_ui::id(stage)));
            }
            return true;
        }
        let focused = ui.memory(Memory::focused).and_then(|id| ui.read_response(id));
        let is_covered = |rect: Rect| self.drawn.is_some_and(|drawn| drawn.intersects(rect));
        focused.is_some_and(|focused| {
            focused.gained_focus() && focused.layer_id != layer() && is_covered(focused.rect)
        })
    }

    /// Whether the user has just pressed something in the page beside it.
    fn is_pressed_beside(&self, ui: &Ui, boxes: &[Rect; 5]) -> bool {
        let Some(drawn) = self.drawn else { return false };
        let pressed =
            ui.input(|input| if input.pointer.any_pressed() { input.pointer.interact_pos() } else { None });
        let is_own = |at: Pos2| drawn.contains(at) || boxes.iter().any(|part| part.contains(at));
        pressed.is_some_and(|at| !is_own(at)) && !Popup::is_any_open(ui)
    }

    /// Draws the open drawer over the page.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>, troubles: &[Trouble], boxes: &[Rect; 5]) {
        let Some(stage) = self.open else { return };
        let t = tokens(ui);
        let place = expected(ui, boxes, stage);
        let bottom = ui.content_rect().bottom() - 2.0 * MARGIN - STATUS_LINE_HEIGHT;
        let height_max = (bottom - place.top()).min(ui.content_rect().height() * 0.6).max(120.0);
        let commands = seen.commands.len();
        let mut closes = false;
        let area = Area::new(Id::unique(AREA))
            .order(Order::Middle)
            .fixed_pos(place.min)
            .default_width(place.width())
            .constrain(false);
        let drawn = area.show(ui, |ui| {
            let frame = Frame::popup(ui.style()).fill(t.raised).stroke(Stroke::new(1.0, t.edge));
            frame.corner_radius(10).inner_margin(Margin { left: 16, right: 8, top: 8, bottom: 12 }).show(
                ui,
                |ui| {
                    ui.set_width(place.width() - 24.0);
                    closes = head_ui(ui, title(stage, troubles));
                    // As high as its content: it does not stay at the height of what was in it before.
                    let height = height_max - 44.0;
                    let scrolled = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
                    scrolled.show(ui, |ui| {
                        ui.set_width(place.width() - 36.0);
                        let of_stage = troubles.iter().filter(|trouble| trouble.stage == stage);
                        for (at, trouble) in of_stage.enumerate() {
                            explanation_ui(ui, seen, trouble, at == 0);
                        }
                    });
                },
            );
        });
        let name = format!("{}: what to do", stage.title());
        drawn.response.widget_info(|| WidgetInfo::labeled(Role::Dialog, true, &*name));
        self.drawn = Some(drawn.response.rect);
        pointer_ui(ui, boxes, stage, drawn.response.rect);
        // A button that leads elsewhere was followed: what it shows must not be covered.
        let leads_away = seen.commands[commands..].iter().any(leads_away);
        if closes || leads_away {
            self.close(ui);
        }
    }
}

fn layer() -> LayerId {
    LayerId::new(Order::Middle, Id::unique(AREA))
}

/// Where the drawer of a stage is: below its box, within the page.
fn expected(ui: &Ui, boxes: &[Rect; 5], stage: Stage) -> Rect {
    let (first, last) = (boxes[0], boxes[4]);
    let width = (last.right() - first.left()).min(WIDTH_MAX);
    let at = Stage::ALL.iter().position(|one| *one == stage).unwrap_or(0);
    let left = boxes[at].left().min(last.right() - width).max(first.left());
    let top = boxes[at].bottom() + 10.0;
    let height = HEIGHT_EXPECTED.min(ui.content_rect().height() * 0.5);
    Rect::from_min_size(pos2(left, top), vec2(width, height))
}

/// Whether a step of Set up shows this fault and what to do.
fn is_said_in_set_up(seen: &Seen<'_>, trouble: &Trouble) -> bool {
    let Kind::Fault { fault, .. } = &trouble.kind else { return false };
    let location = remedy::remedy(fault, seen.config).location;
    location.is_some_and(|location| place::of_remedy(location).0 == Place::SetUp)
}

/// Whether the drawer may open here by itself: it would cover neither what has the focus nor what the pointer is moving over.
fn may_cover(ui: &Ui, place: Rect) -> bool {
    let focused = ui.memory(Memory::focused).and_then(|id| ui.read_response(id));
    if focused.is_some_and(|focused| focused.rect.intersects(place)) || Popup::is_any_open(ui) {
        return false;
    }
    let (pointer, rests) =
        ui.input(|input| (input.pointer.latest_pos(), input.pointer.time_since_last_movement()));
    if pointer.is_none_or(|pointer| !place.contains(pointer)) {
        return true;
    }
    let left = POINTER_RESTS.saturating_sub(Duration::from_secs_f32(rests.clamp(0.0, 60.0)));
    if !left.is_zero() {
        ui.request_repaint_after(left);
    }
    left.is_zero()
}

fn title(stage: Stage, troubles: &[Trouble]) -> &'static str {
    let is_blocked = |trouble: &Trouble| trouble.needs_user() && matches!(trouble.kind, Kind::Fault { .. });
    if stage == Stage::Forwarder && troubles.iter().any(is_blocked) {
        "Delivery needs you"
    } else {
        stage.title()
    }
}

/// The head of the drawer. True when it is closed.
fn head_ui(ui: &mut Ui, title: &str) -> bool {
    let t = tokens(ui);
    let (_, closes) = Sides::new().show(
        ui,
        |ui| ui.add(Label::new(weight(title, 560.0).size(12.0).color(t.weak)).selectable(false)),
        |ui| widgets::icon_button_ui(ui, Icon::X, "Close the explanation").clicked(),
    );
    closes
}

/// A small tip that points from the drawer to its box.
fn pointer_ui(ui: &Ui, boxes: &[Rect; 5], stage: Stage, drawer: Rect) {
    let t = tokens(ui);
    let at = Stage::ALL.iter().position(|one| *one == stage).unwrap_or(0);
    let x = boxes[at].center().x.clamp(drawer.left() + 16.0, drawer.right() - 16.0);
    let tip =
        [pos2(x - 7.0, drawer.top() + 1.0), pos2(x, drawer.top() - 6.0), pos2(x + 7.0, drawer.top() + 1.0)];
    let painter = ui.ctx().layer_painter(layer());
    painter.add(Shape::convex_polygon(tip.to_vec(), t.raised, Stroke::NONE));
    painter.line(tip.to_vec(), Stroke::new(1.0, t.edge));
}

/// Whether a command shows something in the page, which the drawer must not cover then.
fn leads_away(command: &Command) -> bool {
    matches!(
        command,
        Command::Go(_)
            | Command::GoToRemedy(_)
            | Command::ShowDelivery(_)
            | Command::Search(_)
            | Command::ShowSetting(_)
    )
}
