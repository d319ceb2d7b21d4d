//! The saved filters: a menu of searches that the user has named.

use eframe::egui::{Button, Key, Ui, vec2};
use lucide_icons::Icon;
use serde::{Deserialize, Serialize};

use super::super::menu::menu_ui;
use crate::app::widgets;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    name: String,
    text: String,
}

#[derive(Default)]
pub(crate) struct SavedFilters {
    pub all: Vec<Saved>,
    /// The name that is being typed.
    name: String,
    /// The field for the name gets the focus when the menu opens.
    wants_name: bool,
}

impl SavedFilters {
    pub(super) fn new(all: Vec<Saved>) -> Self {
        Self { all, ..Self::default() }
    }

    /// Draws the menu; the search that was chosen. `text`: the search now.
    pub(super) fn ui(&mut self, ui: &mut Ui, text: &str) -> Option<String> {
        let text = text.trim();
        let mut chosen = None;
        let mut is_open = false;
        menu_ui(ui, Icon::Bookmark, "Saved", "Saved filters", |ui| {
            is_open = true;
            ui.set_min_width(230.0);
            chosen = self.choices_ui(ui, text);
            if self.all.is_empty() {
                widgets::hint_ui(ui, "None yet. Enter a name to save the current search.");
            }
            ui.separator();
            self.save_ui(ui, text);
        });
        if !is_open {
            self.wants_name = true;
        }
        chosen
    }

    fn choices_ui(&mut self, ui: &mut Ui, text: &str) -> Option<String> {
        let mut chosen = None;
        self.all.retain(|saved| {
            let mut stays = true;
            ui.horizontal(|ui| {
                let is_chosen = saved.text == text;
                let button = Button::new(&*saved.name).min_size(vec2(190.0, 0.0)).selected(is_chosen);
                if ui.add(button).on_hover_text(&*saved.text).clicked() {
                    chosen = Some(saved.text.clone());
                    ui.close();
                }
                let remove = format!("Remove saved filter {}", saved.name);
                stays = !widgets::icon_button_ui(ui, Icon::X, &remove).clicked();
            });
            stays
        });
        chosen
    }

    fn save_ui(&mut self, ui: &mut Ui, text: &str) {
        let label = ui.label("Name of this filter");
        let edit = widgets::text_edit(&mut self.name, &widgets::example("Failed today")).desired_width(210.0);
        let field = widgets::menu_edit_ui(ui, edit).labelled_by(label.id);
        widgets::focus_once(&field, &mut self.wants_name);
        let can_save = !self.name.trim().is_empty() && !text.is_empty();
        widgets::keep_focus(&field, !can_save);
        let button = widgets::primary_button_ui(ui, Icon::BookmarkPlus, "Save filter", can_save);
        let button = button.on_disabled_hover_text("Enter a search above and a name here");
        if button.clicked() || (can_save && widgets::is_left_with(&field, Key::Enter)) {
            let name = std::mem::take(&mut self.name).trim().to_owned();
            self.all.retain(|saved| saved.name != name);
            self.all.push(Saved { name, text: text.to_owned() });
            ui.close();
        }
    }
}
