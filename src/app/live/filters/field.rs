//! The search field: tokens for the conditions, and the text that is being typed. A click on a token makes text of it again;
//! Backspace or its cross removes it. Ctrl+A selects the tokens too, and copies as the text of the whole query.

use std::cell::Cell;

use eframe::egui::{
    self, Align, Align2, CompletionPopup, Event, FocusDirection, Frame, Id, Key, Label, Layout, Margin, Rect,
    RectAlign, Response, RichText, Role, Sense, Stroke, StrokeKind, Suggestion, TextEdit, TextFormat,
    TextStyle, TextWrapMode, Ui, WidgetInfo, WidgetText,
    text::{CCursor, CCursorRange, CharIndex, LayoutJob},
    text_edit::TextEditState,
    vec2,
};
use lucide_icons::Icon;

use super::{
    completion::{Completion, is_beginning},
    search_text::SearchText,
    syntax::syntax_ui,
};
use crate::{
    app::{
        clock::Clock,
        theme::{self, tokens},
        widgets,
    },
    delivery::query::{self, QueryError},
    event::shown,
};

/// The height of a token.
const TOKEN_HEIGHT: f32 = 22.0;
const TOKEN_WIDTH_MAX: f32 = 300.0;
/// The text gets a line of its own if less width is left.
const TYPED_WIDTH_MIN: f32 = 110.0;
const LABEL: &str = "Search the log";

#[derive(Default)]
pub(super) struct SearchField {
    pub search: SearchText,
    pub completion: Completion,
    pub offer: Offer,
    /// The field gets the focus in the next frame.
    pub wants_focus: bool,
    /// Ctrl+A was pressed: what is typed next replaces the tokens, too.
    are_all_selected: bool,
    /// The cursor goes to the end of the text in the next frame.
    to_end: bool,
    typing: Typing,
}

/// Whether more may be typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Typing {
    /// The field has the focus.
    GoesOn,
    /// The field was left, or Enter was pressed.
    #[default]
    Ended,
}

/// What is offered to complete the text.
#[derive(Default)]
pub(super) struct Offer {
    /// The fields are offered although nothing is typed.
    is_asked: bool,
    /// An arrow key has chosen a suggestion.
    has_chosen: bool,
    /// The word that is completed.
    word: String,
    /// A value is being typed that is the beginning of known ones.
    pub is_completing: bool,
}

/// What the user did in the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edited {
    No,
    /// Typed: more may follow.
    Typed,
    /// Added or removed a condition.
    Done,
}

/// How the field is drawn.
pub(super) struct Looks<'a> {
    pub width: f32,
    pub is_wrong: bool,
    /// Enter leaves the focus in the field: the text has a mistake, said or not.
    pub keeps_focus: bool,
    /// How many events are found, at the right end.
    pub tally: Option<&'a str>,
    /// Why the number may be smaller than expected.
    pub tally_hint: &'a str,
}

impl SearchField {
    pub(super) fn set(&mut self, text: &str) {
        self.search = SearchText::new(text);
        self.to_end = true;
    }

    /// Whether more may be typed to the value that this error is about: the value is the beginning of an allowed one.
    pub(super) fn may_become_right(&self, error: &QueryError) -> bool {
        let QueryError::Value { key, value } = error else { return false };
        self.is_typed_in()
            && query::being_typed(&self.offer.word)
                .is_some_and(|(typed, _, part)| typed == *key && part == *value && is_beginning(typed, &part))
    }

    /// Whether the user is typing in the field. Enter ends that.
    pub(super) fn is_typed_in(&self) -> bool {
        self.typing == Typing::GoesOn
    }

    /// Draws the field. Returns its rectangle and what the user did.
    pub(super) fn ui(&mut self, ui: &mut Ui, clock: &Clock, looks: &Looks<'_>) -> (Rect, Edited) {
        let t = tokens(ui);
        let id = Id::unique("the search of the log");
        let before = (self.search.tokens.clone(), self.search.typed.clone());
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        self.keys(ui, id, has_focus);
        let edge = match (looks.is_wrong, has_focus) {
            (true, _) => t.err,
            (false, true) => t.accent,
            (false, false) => t.edge,
        };
        let mut is_left = false;
        let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, edge)).corner_radius(7);
        let shown = frame.inner_margin(Margin::symmetric(8, 3)).show(ui, |ui| {
            let width = looks.width - 18.0;
            ui.set_width(width);
            ui.spacing_mut().item_spacing = vec2(5.0, 4.0);
            ui.spacing_mut().interact_size.y = TOKEN_HEIGHT;
            let tally = looks.tally.map(|text| RichText::new(text).size(12.0).color(t.weak));
            let galley = tally.clone().map(|text| {
                WidgetText::from(text).into_galley(
                    ui,
                    Some(TextWrapMode::Extend),
                    f32::INFINITY,
                    TextStyle::Body,
                )
            });
            let right = galley.map_or(0.0, |galley| galley.size().x + 8.0).min(width / 2.0);
            ui.horizontal_top(|ui| {
                let layout = Layout::left_to_right(Align::Center).with_main_wrap(true);
                ui.allocate_ui_with_layout(vec2(width - right - 5.0, TOKEN_HEIGHT), layout, |ui| {
                    ui.set_width(width - right - 5.0);
                    is_left = self.parts_ui(ui, (id, looks.keeps_focus), clock);
                });
                let layout = Layout::right_to_left(Align::Center);
                if let Some(tally) = tally {
                    ui.allocate_ui_with_layout(vec2(right, TOKEN_HEIGHT), layout, |ui| {
                        let label = ui.add(Label::new(tally).selectable(false).truncate());
                        if !looks.tally_hint.is_empty() {
                            label.on_hover_text(looks.tally_hint);
                        }
                    });
                }
            });
        });
        let rect = shown.response.rect;
        let whole = ui.interact(rect, id.with("whole"), Sense::hover());
        whole.widget_info(|| WidgetInfo::labeled(Role::Search, true, "Search"));
        let text = self.search.text();
        ui.ctx().accesskit_node_builder(whole.id, |node| node.set_value(text));
        let edited = match (before.0 == self.search.tokens, before.1 == self.search.typed) {
            _ if is_left => Edited::No,
            (true, true) => Edited::No,
            (true, false) => Edited::Typed,
            (false, _) => Edited::Done,
        };
        (rect, edited)
    }

    /// Draws icon, tokens and text. True if the user left the field, which makes tokens of what was typed: not an edit.
    fn parts_ui(&mut self, ui: &mut Ui, (id, keeps_focus): (Id, bool), clock: &Clock) -> bool {
        let t = tokens(ui);
        ui.add(Label::new(theme::icon(Icon::Search).color(t.weak)).selectable(false));
        let mut acted = None;
        for (index, token) in self.search.tokens.iter().enumerate() {
            let looks = (id.with(("token", index)), self.are_all_selected);
            acted = acted.or(token_ui(ui, token, clock, looks).map(|action| (index, action)));
        }
        match acted {
            Some((index, TokenAction::Remove)) => {
                self.search.tokens.remove(index);
                self.wants_focus = true;
            }
            Some((index, TokenAction::Edit)) => {
                self.search.edit(index);
                (self.wants_focus, self.to_end) = (true, true);
            }
            None => {}
        }
        if ui.available_size_before_wrap().x < TYPED_WIDTH_MIN {
            ui.end_row();
        }
        if std::mem::take(&mut self.to_end) {
            put_cursor(ui, id, self.search.typed.chars().count());
        }
        let edit = self.typed_ui(ui, id);
        self.typing = if edit.has_focus() { Typing::GoesOn } else { Typing::Ended };
        widgets::keep_focus(&edit, keeps_focus);
        // A click on a token to edit it takes the focus away for a moment.
        let is_left = edit.lost_focus() && !edit.has_focus() && !self.wants_focus;
        if is_left {
            self.search.take_conditions(false);
        }
        widgets::focus_once(&edit, &mut self.wants_focus);
        if !edit.has_focus() {
            self.offer.is_asked = false;
            edit.on_hover_ui(syntax_ui);
        }
        is_left
    }

    /// Draws the text and its completion.
    fn typed_ui(&mut self, ui: &mut Ui, id: Id) -> Response {
        let (down, up, tab) = ui.input(|input| {
            let is_pressed = |key| input.modifiers.is_none() && input.key_pressed(key);
            (is_pressed(Key::ArrowDown), is_pressed(Key::ArrowUp), is_pressed(Key::Tab))
        });
        let has_focus = ui.memory(|memory| memory.has_focus(id));
        let is_unasked = self.offer.word.is_empty() && !self.offer.has_chosen;
        if has_focus && self.offer.is_asked && is_unasked && tab {
            // Nothing was typed and nothing chosen: Tab goes on to the next control.
            self.offer.is_asked = false;
            ui.memory_mut(|memory| memory.move_focus(FocusDirection::Next));
        }
        self.offer.has_chosen = (self.offer.has_chosen && has_focus) || (self.offer.is_asked && (down || up));
        self.offer.is_asked |= has_focus && down;
        let hint = if self.search.tokens.is_empty() { LABEL } else { "" };
        let edit = TextEdit::singleline(&mut self.search.typed)
            .hint_text(hint)
            .frame(Frame::NONE)
            .margin(Margin::symmetric(2, 2))
            .align(Align2::LEFT_CENTER)
            .desired_width(ui.available_size_before_wrap().x - 6.0);
        // A space in quotes belongs to the word.
        let in_quotes = Cell::new(false);
        let ends_word = |c: char| {
            in_quotes.set(in_quotes.get() != (c == '"'));
            c.is_whitespace() && !in_quotes.get()
        };
        let keys = if is_unasked { vec![] } else { vec![Key::Enter, Key::Tab] };
        let (completion, word, is_asked) = (&mut self.completion, &mut self.offer.word, self.offer.is_asked);
        let mut is_partial = false;
        let output = CompletionPopup::new(id)
            .word_boundary(ends_word)
            .align(RectAlign::BOTTOM_START)
            .max_height(300.0)
            .accept_keys(keys)
            .show(ui, edit, |typed| {
                typed.word.clone_into(word);
                let suggestions = completion.suggest(typed.word, is_asked);
                let is_whole = |suggestion: &Suggestion| suggestion.insert.trim_end() == typed.word;
                is_partial = typed.word.contains(':') && !suggestions.iter().any(is_whole);
                suggestions
            });
        let edit = output.text_edit.response.response.accessible_name(LABEL);
        self.offer.is_completing = output.is_open && is_partial;
        if edit.clicked() && self.search.typed.is_empty() {
            self.offer.is_asked = true;
        }
        if !self.offer.word.is_empty() || !edit.has_focus() {
            self.offer.is_asked = false;
        }
        if output.accepted.is_some() || edit.changed() {
            self.offer.has_chosen = false;
            if self.search.take_conditions(true) {
                self.to_end = true;
            }
        }
        edit
    }

    /// Takes the keys for the tokens, before the text sees them.
    fn keys(&mut self, ui: &Ui, id: Id, has_focus: bool) {
        if !has_focus || self.search.tokens.is_empty() {
            self.are_all_selected = false;
            return;
        }
        let range = TextEditState::load(ui, id).and_then(|state| state.cursor.char_range());
        let is_at_start = range.is_none_or(|range| range.is_empty() && range.primary.index == CharIndex(0));
        let whole = self.search.text();
        let copies = ui.input_mut(|input| {
            let is_pressed = |wanted: Key| input.key_pressed(wanted);
            let deletes = is_pressed(Key::Backspace) || is_pressed(Key::Delete);
            let moves = [Key::ArrowLeft, Key::ArrowRight, Key::Home, Key::End, Key::Escape].map(is_pressed);
            let selects_all = input.modifiers.command && is_pressed(Key::A);
            if !self.are_all_selected {
                if is_pressed(Key::Backspace) && is_at_start {
                    self.search.tokens.pop();
                }
                self.are_all_selected = selects_all;
                return false;
            }
            let is = |wanted: fn(&Event) -> bool| input.events.iter().any(wanted);
            let copies = is(|event| matches!(event, Event::Copy | Event::Cut));
            let replaces = is(|event| matches!(event, Event::Text(_) | Event::Paste(_) | Event::Cut));
            if replaces || deletes {
                self.search.tokens.clear();
                if is(|event| matches!(event, Event::Cut)) {
                    self.search.typed.clear();
                }
            }
            if replaces || deletes || moves.contains(&true) || input.pointer.any_pressed() {
                self.are_all_selected = false;
            }
            if copies {
                input.events.retain(|event| !matches!(event, Event::Copy | Event::Cut));
            }
            copies
        });
        if copies {
            ui.copy_text(whole);
        }
    }
}

fn put_cursor(ui: &Ui, id: Id, at: usize) {
    let mut state = TextEditState::load(ui, id).unwrap_or_default();
    state.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(CharIndex(at)))));
    state.store(ui, id);
}

enum TokenAction {
    Edit,
    Remove,
}

/// Draws a token: its condition, and a cross. `(id, is_selected)`.
fn token_ui(ui: &mut Ui, token: &str, clock: &Clock, (id, is_selected): (Id, bool)) -> Option<TokenAction> {
    const CROSS_WIDTH: f32 = 20.0;
    let t = tokens(ui);
    let text = WidgetText::from(token_text(ui, token, clock));
    let galley = text.into_galley(ui, Some(TextWrapMode::Truncate), TOKEN_WIDTH_MAX, TextStyle::Body);
    let size = vec2(galley.size().x + 8.0 + CROSS_WIDTH, TOKEN_HEIGHT);
    if ui.available_size_before_wrap().x < size.x {
        ui.end_row();
    }
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let cross = rect.with_min_x(rect.right() - CROSS_WIDTH);
    let edit = ui.interact(rect.with_max_x(cross.left()), id.with("edit"), Sense::click());
    let remove = ui.interact(cross, id.with("remove"), Sense::click());
    let (edit_name, remove_name) = (format!("Edit {token}"), format!("Remove {token}"));
    edit.widget_info(|| WidgetInfo::labeled(Role::Button, true, &*edit_name));
    remove.widget_info(|| WidgetInfo::labeled(Role::Button, true, &*remove_name));
    let edge = if is_selected { t.strong } else { t.accent };
    ui.painter().rect(
        rect,
        6.0,
        t.accent_soft,
        Stroke::new(1.0, edge.gamma_multiply(0.7)),
        StrokeKind::Inside,
    );
    ui.painter().galley(rect.left_center() + vec2(7.0, -galley.size().y / 2.0), galley, t.strong);
    let color = if remove.hovered() { t.strong } else { t.weak };
    ui.painter().text(
        cross.center(),
        Align2::CENTER_CENTER,
        char::from(Icon::X),
        egui::FontId::new(12.0, theme::icons()),
        color,
    );
    for response in [&edit, &remove] {
        widgets::ring_ui(ui, response, 6.0);
    }
    let is_deleted = (edit.has_focus() || remove.has_focus())
        && ui.input(|input| input.key_pressed(Key::Delete) || input.key_pressed(Key::Backspace));
    let (is_edited, is_removed) = (edit.clicked(), remove.clicked() || is_deleted);
    edit.on_hover_text(shown::line(token));
    remove.on_hover_text(remove_name);
    if is_removed {
        return Some(TokenAction::Remove);
    }
    is_edited.then_some(TokenAction::Edit)
}

/// The field's name weaker than its value. Exact times are shown as local time.
fn token_text(ui: &Ui, token: &str, clock: &Clock) -> LayoutJob {
    let t = tokens(ui);
    let (key, value) = token.split_once(':').unwrap_or(("", token));
    let exact = value.ends_with('Z').then(|| query::moment(value, 0)).flatten();
    let value = exact.map_or_else(|| value.to_owned(), |at| clock.short(at));
    let mut font = TextStyle::Body.resolve(ui.style());
    font.size = 12.5;
    let format = |color| TextFormat::simple(font.clone(), color);
    let mut job = LayoutJob::default();
    job.append(&format!("{key}: "), 0.0, format(t.weak));
    job.append(&shown::line(&value), 0.0, format(t.strong));
    job
}
