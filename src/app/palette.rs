//! The command palette: commands, settings, sources, destinations, and users and events of the log, found by what is typed.

mod item;
mod log_search;
mod matching;

use eframe::egui::{
    self, Align2, AtomExt as _, Button, Key, Modal, Modifiers, Response, RichText, ScrollArea, TextWrapMode,
    Ui, Widget as _, vec2,
};

use super::{
    command::{self, Command, WindowCommand},
    seen::Seen,
    sheet,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{delivery::LogPage, engine::Answer, event::shown};
use item::{Group, Item};
use log_search::LogSearch;

const WIDTH: f32 = 560.0;
const LIST_HEIGHT: f32 = 380.0;
/// Maximum characters of a title: what is beside it tells two long ones apart.
const TITLE_CHARS_MAX: usize = 45;
/// Maximum commands to offer first.
const RECENT_MAX: usize = 5;
/// The name under which the recent commands are kept for the next start.
pub(super) const STATE: &str = "palette";

#[derive(Default)]
pub(super) struct Palette {
    typed: String,
    chosen: usize,
    log: LogSearch,
}

impl Palette {
    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        self.log.logic(ctx, seen);
    }

    /// The answer to a search of the log.
    pub(super) fn found_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.log.coming(answer);
    }

    /// Draws the palette. True: it must be closed. `recent`: the titles of the commands that were run last, newest first.
    pub(super) fn ui(&mut self, ui: &Ui, recent: &mut Vec<String>, seen: &mut Seen<'_>) -> bool {
        let [down, up, enter] = [Key::ArrowDown, Key::ArrowUp, Key::Enter]
            .map(|key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key)));
        let closes = sheet::is_key_pressed(ui, &Command::Window(WindowCommand::Palette));
        let mut run = None;
        // The height depends on the number of matches. The field stays in the same position.
        let top = ((ui.content_rect().height() - LIST_HEIGHT) / 2.0 - 34.0).max(0.0);
        let modal = sheet::modal(ui, "palette");
        let area = modal.area.anchor(Align2::CENTER_TOP, vec2(0.0, top));
        let modal = Modal { area, ..modal }.show(ui, |ui| {
            let width = WIDTH.min(ui.content_rect().width() - 40.0);
            ui.set_width(width);
            ui.set_max_width(width);
            self.field_ui(ui);
            let mut items = item::known(self.typed.trim(), recent, seen);
            items.extend(self.log.found.iter().cloned());
            self.chosen = self.chosen.min(items.len().saturating_sub(1));
            if down && self.chosen + 1 < items.len() {
                self.chosen += 1;
            }
            if up {
                self.chosen = self.chosen.saturating_sub(1);
            }
            run = self.list_ui(ui, &items, enter, down || up);
        });
        let runs = run.is_some();
        if let Some(item) = run {
            if item.group <= Group::Commands {
                recent.retain(|title| *title != item.title);
                recent.insert(0, item.title);
                recent.truncate(RECENT_MAX);
                seen.keep(STATE, recent);
            }
            seen.push(item.command);
        }
        runs || closes || modal.should_close()
    }

    fn field_ui(&mut self, ui: &mut Ui) {
        let hint = "Find a command, setting, source, user or event";
        let icon = theme::icon(lucide_icons::Icon::Search).color(tokens(ui).weak);
        let mut field = widgets::text_edit(&mut self.typed, hint).prefix(icon).desired_width(f32::INFINITY);
        if self.log.is_under_way() {
            field = field.suffix(RichText::new("searching the log …").small().color(tokens(ui).weak));
        }
        let field = ui.add(field).accessible_name("Find a command");
        if field.changed() {
            self.chosen = 0;
            self.log.search(self.typed.trim());
        }
        field.request_focus();
    }

    /// Draws the lines. Returns the one to run.
    fn list_ui(&self, ui: &mut Ui, items: &[Item], enter: bool, is_moved: bool) -> Option<Item> {
        let mut run = None;
        ui.spacing_mut().item_spacing.y = 2.0;
        let list = ScrollArea::vertical()
            .max_height(LIST_HEIGHT)
            .min_scrolled_height(LIST_HEIGHT)
            .auto_shrink([false, true]);
        list.show(ui, |ui| {
            let mut group = None;
            for (at, item) in items.iter().enumerate() {
                if group.replace(item.group) != Some(item.group) {
                    group_ui(ui, item.group);
                }
                let is_chosen = at == self.chosen;
                let line = line_ui(ui, item, is_chosen);
                if is_moved && is_chosen {
                    line.scroll_to_me(None);
                }
                if line.clicked() || (enter && is_chosen) {
                    run = Some(item.clone());
                }
            }
            if items.is_empty() {
                let rest = if self.log.is_under_way() { " or source" } else { ", source, user or event" };
                widgets::hint_ui(ui, &format!("No matching command, setting{rest}"));
            }
        });
        run
    }
}

fn group_ui(ui: &mut Ui, group: Group) {
    ui.add_space(3.0);
    ui.label(weight(group.title(), 600.0).size(11.5).color(tokens(ui).weak));
}

fn line_ui(ui: &mut Ui, item: &Item, is_chosen: bool) -> Response {
    let t = tokens(ui);
    let keys = item.keys.map(|keys| command::keys_text(ui, keys)).unwrap_or_default();
    let title = shown::line(&item.title);
    let name = widgets::shortened_to(&title, TITLE_CHARS_MAX);
    let name = weight(name, if is_chosen { 620.0 } else { 480.0 }).color(t.strong);
    let icon = theme::icon(item.icon).color(if is_chosen { t.accent } else { t.weak });
    let detail = shown::line(&item.detail);
    let beside = RichText::new(detail.clone()).size(12.0).color(t.weak).atom_shrink(true);
    let button = Button::selectable(is_chosen, (icon, name, beside))
        .right_text(RichText::new(keys).small().color(t.weak))
        .wrap_mode(TextWrapMode::Truncate);
    let named = if detail.is_empty() { title.into_owned() } else { format!("{title}: {detail}") };
    button.min_size(vec2(ui.available_width(), 30.0)).ui(ui).accessible_name(named)
}
