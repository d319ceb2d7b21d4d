//! The histogram above the list: the events found over time, by state. A bar tells its numbers, and a click on it or a drag
//! over several sets the time range of the search.

use eframe::egui::{
    self, Align2, CursorIcon, EventFilter, FontId, Key, PopupAnchor, Pos2, Rect, Response, RichText, Role,
    Sense, Stroke, StrokeKind, Tooltip, Ui, WidgetInfo, pos2, vec2,
};
use lucide_icons::Icon;

use crate::{
    app::{
        clock::Clock,
        detail,
        theme::{tokens, weight},
        widgets,
    },
    delivery::{Counts, Millis, State, StateCounts, TimeFrame},
};

const BARS_HEIGHT: f32 = 58.0;
const AXIS_HEIGHT: f32 = 16.0;
/// The height of the histogram.
pub(super) const HEIGHT: f32 = BARS_HEIGHT + AXIS_HEIGHT;
/// Each state of a bar is at least this high, so that one failed event is seen among a thousand delivered ones.
const PART_HEIGHT_MIN: f32 = 2.0;
/// From the bottom to the top of a bar.
const ORDER: [State; 6] =
    [State::Delivered, State::Resent, State::Queued, State::Retrying, State::Rejected, State::Failed];

/// The histogram's choices with the keyboard and the pointer.
#[derive(Default)]
pub(super) struct Histogram {
    /// The start of the bar where a drag, or a choice with Shift, has begun. Not its index: new counts move the bars.
    anchor: Option<Millis>,
    /// The start of the bar of the keyboard.
    cursor: Option<Millis>,
}

/// What the user chose.
pub(super) enum Chosen {
    /// This time range, from and until.
    Range(Millis, Millis),
    /// No time range.
    AllTime,
}

impl Histogram {
    /// Draws the histogram. `has_range`: the search has a time range, which can be cleared.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        clock: &Clock,
        counts: &Counts,
        has_range: bool,
    ) -> Option<Chosen> {
        let frame = counts.frame;
        let size = vec2(ui.available_width(), HEIGHT);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
        let bars = Bars { rect: rect.with_max_y(rect.bottom() - AXIS_HEIGHT), frame };
        let mut chosen = self.chosen_with_keys(ui, &response, frame);
        let pointed = response.hover_pos().map(|at| bars.index_at(at));
        chosen = chosen.or(self.chosen_with_pointer(ui, &response, &bars, counts));
        let selected = self.selected(&response, frame, pointed);
        bars.paint(ui, counts, selected);
        axis_ui(ui, clock, &bars);
        if response.has_focus() {
            let stroke = Stroke::new(1.5, tokens(ui).strong);
            ui.painter().rect_stroke(bars.rect, 4.0, stroke, StrokeKind::Inside);
        }
        self.name_ui(ui, &response, clock, counts);
        if let Some((first, last)) = selected.filter(|_| response.hovered() || response.dragged()) {
            tooltip_ui(ui, &response, clock, (counts, first, last));
        }
        if has_range {
            let place = Rect::from_min_size(pos2(rect.right() - 150.0, rect.top()), vec2(150.0, 24.0));
            let layout = egui::Layout::right_to_left(egui::Align::Min);
            // A child that allocates nothing: it lies over the bars, and the list stays below them.
            let builder = egui::UiBuilder::new().id_salt("clear").max_rect(place).layout(layout);
            let mut over = ui.new_child(builder);
            over.spacing_mut().interact_size.y = 22.0;
            over.spacing_mut().button_padding = vec2(7.0, 2.0);
            if widgets::button_ui(&mut over, Icon::X, "Clear time range").clicked() {
                chosen = Some(Chosen::AllTime);
            }
        }
        chosen
    }

    fn chosen_with_pointer(
        &mut self,
        ui: &Ui,
        response: &Response,
        bars: &Bars,
        counts: &Counts,
    ) -> Option<Chosen> {
        if response.hovered() {
            ui.set_cursor_icon(CursorIcon::Crosshair);
        }
        let index = response.interact_pointer_pos().map(|at| bars.index_at(at))?;
        if response.drag_started() {
            let began = ui.input(|input| input.pointer.press_origin());
            self.anchor = Some(bars.frame.start_of(began.map_or(index, |at| bars.index_at(at))));
        }
        if response.drag_stopped() {
            let anchor = bars.frame.index_of(self.anchor.take()?);
            return Some(range(bars.frame, anchor, index));
        }
        let has_events = counts.intervals.get(index).is_some_and(|interval| interval.all() > 0);
        (response.clicked() && has_events).then(|| range(bars.frame, index, index))
    }

    fn chosen_with_keys(&mut self, ui: &Ui, response: &Response, frame: TimeFrame) -> Option<Chosen> {
        if !response.has_focus() {
            self.cursor = None;
            return None;
        }
        // Otherwise the arrow keys would move the focus to another widget.
        let keys = EventFilter { horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, keys));
        let last = frame.len.saturating_sub(1);
        let (left, right, shift, enter) = ui.input(|input| {
            let pressed = |key| input.key_pressed(key);
            (pressed(Key::ArrowLeft), pressed(Key::ArrowRight), input.modifiers.shift, pressed(Key::Enter))
        });
        if left || right {
            let before = self.cursor.map(|at| frame.index_of(at));
            let before = before.unwrap_or(if left { last + 1 } else { last });
            let now = if left { before.saturating_sub(1) } else { before + 1 };
            self.anchor = if shift { self.anchor.or(self.cursor) } else { None };
            self.cursor = Some(frame.start_of(now.min(last)));
        }
        let cursor = self.cursor.filter(|_| enter)?;
        let anchor = self.anchor.take().unwrap_or(cursor);
        Some(range(frame, frame.index_of(anchor), frame.index_of(cursor)))
    }

    /// The first and the last bar of the choice: of the drag, under the pointer, or of the keyboard.
    fn selected(
        &self,
        response: &Response,
        frame: TimeFrame,
        pointed: Option<usize>,
    ) -> Option<(usize, usize)> {
        let [anchor, cursor] = [self.anchor, self.cursor].map(|at| at.map(|at| frame.index_of(at)));
        let at = if response.dragged() { pointed.or(anchor) } else { pointed.or(cursor) }?;
        let from = anchor.filter(|_| response.dragged() || response.has_focus()).unwrap_or(at);
        Some((from.min(at), from.max(at)))
    }

    fn name_ui(&self, ui: &Ui, response: &Response, clock: &Clock, counts: &Counts) {
        let value = || match self.cursor {
            Some(cursor) => {
                let from = self.anchor.unwrap_or(cursor);
                let [first, last] = [from.min(cursor), from.max(cursor)].map(|at| counts.frame.index_of(at));
                told(clock, counts, first, last)
            }
            None => told(clock, counts, 0, counts.frame.len.saturating_sub(1)),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Slider, true, "Events over time, by state"));
        ui.ctx().accesskit_node_builder(response.id, |node| {
            node.set_value(value());
            node.set_description(
                "Left and Right choose a bar, Shift several; Enter searches in their time. A drag does the same.",
            );
        });
    }
}

fn range(frame: TimeFrame, one: usize, other: usize) -> Chosen {
    Chosen::Range(frame.start_of(one.min(other)), frame.start_of(one.max(other) + 1))
}

/// The counts of some bars.
fn sum(counts: &Counts, first: usize, last: usize) -> StateCounts {
    let mut sum = StateCounts::default();
    counts.intervals.iter().take(last + 1).skip(first).for_each(|interval| sum.merge(interval));
    sum
}

/// The time of some bars.
fn span(clock: &Clock, frame: TimeFrame, first: usize, last: usize) -> String {
    let (from, until) = (frame.start_of(first), frame.start_of(last + 1));
    let day = |at| clock.format(at, "%Y-%m-%d");
    let time = if frame.step < 60_000 { "%H:%M:%S" } else { "%H:%M" };
    let date_and_time = format!("%Y-%m-%d {time}");
    let end = if day(from) == day(until - 1) { time } else { &*date_and_time };
    format!("{} – {}", clock.format(from, &date_and_time), clock.format(until, end))
}

/// Some bars in words.
fn told(clock: &Clock, counts: &Counts, first: usize, last: usize) -> String {
    let sum = sum(counts, first, last);
    let states = ORDER.iter().rev().filter(|state| sum.of(**state) > 0);
    let mut parts: Vec<String> =
        states.map(|state| format!("{} {}", widgets::digits(sum.of(*state)), state.as_str())).collect();
    if parts.is_empty() {
        parts.push("no events".to_owned());
    }
    format!("{}: {}", span(clock, counts.frame, first, last), parts.join(", "))
}

fn tooltip_ui(ui: &Ui, response: &Response, clock: &Clock, (counts, first, last): (&Counts, usize, usize)) {
    let id = response.id.with("tooltip");
    let tooltip = Tooltip::always_open(ui.ctx().clone(), ui.layer_id(), id, PopupAnchor::Pointer);
    tooltip.gap(14.0).show(|ui| {
        let t = tokens(ui);
        ui.spacing_mut().item_spacing = vec2(8.0, 3.0);
        ui.label(weight(span(clock, counts.frame, first, last), 600.0).color(t.strong));
        let sum = sum(counts, first, last);
        if sum.all() == 0 {
            ui.label(RichText::new("No events").color(t.weak));
        }
        for state in ORDER.into_iter().rev().filter(|state| sum.of(*state) > 0) {
            ui.horizontal(|ui| {
                widgets::dot_ui(ui, detail::state_color(state, t));
                ui.label(weight(widgets::digits(sum.of(state)), 600.0).color(t.strong));
                ui.label(RichText::new(detail::state_word(state)).color(t.text));
            });
        }
        if counts.reached.is_some_and(|reached| counts.frame.start_of(first) < reached) {
            ui.label(RichText::new("Not all of it was counted").color(t.warn));
        }
    });
}

/// Where the bars are.
struct Bars {
    rect: Rect,
    frame: TimeFrame,
}

impl Bars {
    fn width(&self) -> f32 {
        self.rect.width() / self.frame.len.max(1) as f32
    }

    fn x(&self, index: usize) -> f32 {
        self.rect.left() + index as f32 * self.width()
    }

    fn index_at(&self, at: Pos2) -> usize {
        let share = ((at.x - self.rect.left()) / self.rect.width()).clamp(0.0, 1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a small number"
        )]
        let index = (share * self.frame.len as f32) as usize;
        index.min(self.frame.len.saturating_sub(1))
    }

    fn paint(&self, ui: &Ui, counts: &Counts, selected: Option<(usize, usize)>) {
        let t = tokens(ui);
        let painter = ui.painter();
        if let Some(reached) = counts.reached {
            // Older bars are not counted, or not all of them.
            let until = self.x(self.frame.index_of(reached));
            painter.rect_filled(self.rect.with_max_x(until), 0.0, t.hover.gamma_multiply(0.5));
        }
        if let Some((first, last)) = selected {
            let rect = Rect::from_x_y_ranges(self.x(first)..=self.x(last + 1), self.rect.y_range());
            painter.rect_filled(rect, 2.0, t.hover);
        }
        let top = counts.intervals.iter().map(StateCounts::all).max().unwrap_or(0).max(1);
        let gap = if self.width() > 4.0 { 1.0 } else { 0.0 };
        for (index, interval) in
            counts.intervals.iter().enumerate().filter(|(_, interval)| interval.all() > 0)
        {
            let mut bottom = self.rect.bottom();
            for state in ORDER.into_iter().filter(|state| interval.of(*state) > 0) {
                let share = interval.of(state) as f32 / top as f32;
                let height = (share * (BARS_HEIGHT - 6.0)).max(PART_HEIGHT_MIN);
                let x = self.x(index) + gap..=(self.x(index + 1) - gap).max(self.x(index) + gap + 1.0);
                let rect = Rect::from_x_y_ranges(x, bottom - height..=bottom);
                painter.rect_filled(rect, 1.0, detail::state_color(state, t));
                bottom -= height;
            }
        }
        painter.hline(self.rect.x_range(), self.rect.bottom(), Stroke::new(1.0, t.line));
    }
}

/// The times below the bars: as many as there is room for.
fn axis_ui(ui: &Ui, clock: &Clock, bars: &Bars) {
    const LABEL_WIDTH: f32 = 120.0;
    let t = tokens(ui);
    let frame = bars.frame;
    let format = match frame.step {
        ..60_000 => "%H:%M:%S",
        60_000..21_600_000 if frame.end() - frame.start < 86_400_000 => "%H:%M",
        60_000..21_600_000 => "%m-%d %H:%M",
        _ => "%Y-%m-%d",
    };
    let every = (1..=frame.len).find(|every| *every as f32 * bars.width() >= LABEL_WIDTH).unwrap_or(1);
    for index in (0..frame.len).step_by(every) {
        let x = bars.x(index);
        if x + LABEL_WIDTH * 0.6 > bars.rect.right() {
            break;
        }
        let text = clock.format(frame.start_of(index), format);
        let at = pos2(x, bars.rect.bottom() + 3.0);
        ui.painter().vline(x, bars.rect.bottom()..=at.y, Stroke::new(1.0, t.edge));
        ui.painter().text(at + vec2(0.0, 1.0), Align2::LEFT_TOP, text, FontId::proportional(10.5), t.weak);
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Event, Modifiers, PointerButton, RawInput};

    use super::*;

    /// Draws the histogram with these intervals in a frame with this input.
    fn draw(
        ctx: &egui::Context,
        histogram: &mut Histogram,
        start: Millis,
        events: Vec<Event>,
    ) -> Option<Chosen> {
        let counts = Counts::empty(TimeFrame { start, step: 1000, len: 10 }, 0);
        let screen_rect = Some(Rect::from_min_size(Pos2::ZERO, vec2(1000.0, 100.0)));
        let mut chosen = None;
        let input = RawInput { screen_rect, events, ..RawInput::default() };
        let mut output = ctx.run_ui(input, |ui| {
            chosen = histogram.ui(ui, &Clock::utc(), &counts, false);
        });
        // Nothing is painted.
        output.textures_delta.clear();
        chosen
    }

    #[test]
    fn a_drag_keeps_the_time_where_it_began_while_new_counts_move_the_bars() {
        let (ctx, mut histogram) = (egui::Context::default(), Histogram::default());
        let button = |x, pressed| Event::PointerButton {
            pos: pos2(x, 30.0),
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let moved = |x| Event::PointerMoved(pos2(x, 30.0));
        for events in
            [vec![], vec![moved(250.0), button(250.0, true)], vec![moved(450.0)], vec![moved(550.0)]]
        {
            assert!(draw(&ctx, &mut histogram, 0, events).is_none());
        }
        let chosen = draw(&ctx, &mut histogram, 2000, vec![button(550.0, false)]);
        let Some(Chosen::Range(from, until)) = chosen else { panic!("a range") };
        assert_eq!((from / 1000, until / 1000), (2, 8));
    }
}
