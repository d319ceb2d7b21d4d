//! The pipeline strip above the page of every place: sources → endpoint → spool → forwarder → destination. Each box has its
//! state, one figure, and the last minute as a sparkline. A box that is not well turns red or amber and opens a drawer with
//! its remedy; a click on any other box shows its events in Live. Before the first event the boxes say what to do next.
//!
//! The strip always has the same height, and the drawer lies over the page: nothing moves when something goes wrong.

mod announced;
mod box_ui;
mod drawer;
mod explanation;
mod page;
mod sparkline;
mod stage;
mod trouble;
mod view;

use eframe::egui::{
    Color32, Frame, Id, Margin, Panel, Rect, Role, Sense, Stroke, Ui, WidgetInfo, accesskit, pos2, vec2,
};

use super::{seen::Seen, theme::tokens, widgets::Tone};
use box_ui::Pressed;
use drawer::Drawer;
pub(super) use page::Page;
use trouble::Trouble;
use view::{BoxView, Strip};

/// In a window that is lower, the boxes are lower too.
const LOW: f32 = 640.0;
const HEIGHT: f32 = 56.0;
const HEIGHT_LOW: f32 = 48.0;
/// Above and below the boxes.
const MARGIN: i8 = 9;

#[derive(Default)]
pub(super) struct Pipeline {
    drawer: Drawer,
}

impl Pipeline {
    /// Draws the strip, and the drawer if it is open.
    pub(super) fn panel_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, page: Page) {
        let t = tokens(ui);
        let troubles = trouble::all(seen);
        let strip = Strip::of(seen, &troubles);
        if let Some(changes_in) = strip.changes_in {
            ui.request_repaint_after(changes_in);
        }
        let height = if ui.content_rect().height() < LOW { HEIGHT_LOW } else { HEIGHT };
        let margin = Margin { left: 24, right: 20, top: MARGIN, bottom: MARGIN };
        let panel = Panel::top("pipeline")
            .show_separator_line(false)
            .resizable(false)
            .exact_size(height + 2.0 * f32::from(MARGIN))
            .frame(Frame::new().fill(t.window).inner_margin(margin));
        let shown = panel.show(ui, |ui| {
            let boxes = places(ui.max_rect());
            self.drawer.decide(ui, seen, &troubles, (&boxes, page));
            live_region_ui(ui, &troubles);
            self.boxes_ui(ui, seen, (&strip, &troubles), &boxes);
            boxes
        });
        let edge = shown.response.rect;
        ui.painter().hline(edge.x_range(), edge.bottom() - 0.5, Stroke::new(1.0, t.line));
        self.drawer.ui(ui, seen, &troubles, &shown.inner);
    }

    fn boxes_ui(
        &mut self,
        ui: &Ui,
        seen: &mut Seen<'_>,
        (strip, troubles): (&Strip, &[Trouble]),
        boxes: &[Rect; 5],
    ) {
        for (at, view) in strip.boxes.iter().enumerate() {
            if let Some(next) = boxes.get(at + 1) {
                arrow_ui(ui, (boxes[at], *next), view, strip.boxes[at + 1].tone);
            }
            let is_open = self.drawer.open() == Some(view.stage);
            match (box_ui::box_ui(ui, boxes[at], view, is_open), &view.click) {
                (Some(Pressed::Link), _) => {
                    seen.commands.extend(view.link.as_ref().map(|link| link.command.clone()));
                }
                (Some(Pressed::Box), Some((_, command))) => seen.push(command.clone()),
                (Some(Pressed::Box), None) => {
                    self.drawer.toggle(view.stage, troubles);
                    ui.request_repaint();
                }
                (None, _) => {}
            }
        }
    }
}

/// The rectangles of the boxes.
fn places(strip: Rect) -> [Rect; 5] {
    let gap = if strip.width() < 900.0 { 16.0 } else { 22.0 };
    let width = ((strip.width() - 4.0 * gap) / 5.0).floor();
    [0.0, 1.0, 2.0, 3.0, 4.0].map(|at| {
        let min = pos2(strip.left() + at * (width + gap), strip.top());
        Rect::from_min_size(min, vec2(width, strip.height()))
    })
}

/// The arrow from a box to the next one: coloured while events move, red if the next box stops them.
fn arrow_ui(ui: &Ui, (from, to): (Rect, Rect), view: &BoxView, next: Option<Tone>) {
    let t = tokens(ui);
    let color: Color32 = match next {
        Some(Tone::Bad) => t.err,
        _ if view.flows_on => t.accent,
        _ => t.edge,
    };
    let y = from.center().y;
    let (left, right) = (from.right() + 3.0, to.left() - 3.0);
    let stroke = Stroke::new(1.5, color);
    ui.painter().hline(left..=right, y, stroke);
    let head = [pos2(right - 4.0, y - 4.0), pos2(right, y), pos2(right - 4.0, y + 4.0)];
    ui.painter().line(head.to_vec(), stroke);
}

/// Says to a screen reader what needs the user, once when it begins. It takes no room.
fn live_region_ui(ui: &Ui, troubles: &[Trouble]) {
    let id = Id::unique("pipeline news");
    let place = Rect::from_min_size(ui.max_rect().left_top(), vec2(1.0, 1.0));
    let response = ui.interact(place, id, Sense::hover());
    let news: Vec<_> =
        troubles.iter().filter(|trouble| trouble.needs_user()).map(|trouble| trouble.what.as_str()).collect();
    let news = if news.is_empty() {
        "Nothing needs you".to_owned()
    } else {
        format!("Needs you: {}", news.join(" "))
    };
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &*news));
    ui.ctx().accesskit_node_builder(id, |node| node.set_live(accesskit::Live::Assertive));
}
