//! The switcher on top of Set up: the practice stream, the saved destinations and the one that is being set up. A click puts
//! it into the draft. The draft can be saved under a name.

use eframe::egui::{Button, Key, Ui, vec2};
use lucide_icons::Icon;

use super::super::{
    seen::Seen,
    status_line,
    theme::{self, tokens, weight},
    widgets,
};
use crate::{
    config::{self, Config, DestinationKind, SavedDestination},
    delivery::Status,
};

#[derive(Default)]
pub(super) struct SavedDestinations {
    /// The typed name under which to save the draft, while the user is asked for one.
    name: Option<String>,
    /// Give the focus to the field for the name.
    focus: bool,
}

/// Whether the stream in force is saved when these settings replace it: it works, and no saved destination has its settings.
pub(super) fn is_kept(in_force: &Config, new: &Config, status: &Status) -> bool {
    let [is_kinesis, stays] =
        [in_force, new].map(|config| config.destination.kind == DestinationKind::Kinesis);
    is_kinesis
        && stays
        && status.takes_records
        && !in_force.destination.is_same_stream(&new.destination)
        && !in_force.destinations.iter().any(|saved| in_force.uses(saved))
}

/// A name for the stream in force that no saved destination has.
pub(super) fn name_for(in_force: &Config) -> String {
    const CHARS_MAX: usize = 90;
    let name: String = status_line::destination(in_force).chars().take(CHARS_MAX).collect();
    let is_free = |name: &String| !in_force.destinations.iter().any(|saved| saved.name == *name);
    let numbered = (2..).map(|number| format!("{name} ({number})"));
    std::iter::once(name.clone()).chain(numbered).find(is_free).unwrap_or(name)
}

/// The settings to save for these new ones: with the stream in force as a saved destination, if it would be lost.
pub(super) fn keeping(in_force: &Config, mut new: Config, status: &Status) -> Config {
    if is_kept(in_force, &new, status) {
        new.destinations.push(in_force.saved_as(&name_for(in_force)));
    }
    new
}

/// What the user chose.
pub(super) enum Choice {
    Practice,
    Saved(Box<SavedDestination>),
    /// The settings in force.
    InForce,
    /// An empty draft.
    New,
}

impl SavedDestinations {
    /// Asks for the name under which to save the draft.
    pub(super) fn ask_name(&mut self) {
        self.name = Some(String::new());
        self.focus = true;
    }

    /// Draws the switcher. `reason`: why the draft cannot be saved.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        draft: &Config,
        reason: Option<&str>,
    ) -> Option<Choice> {
        let is_practice = |config: &Config| config.destination.kind == DestinationKind::Practice;
        if is_practice(seen.config) && is_practice(draft) && seen.config.destinations.is_empty() {
            self.name = None;
            return None;
        }
        let choice = ui.horizontal_wrapped(|ui| self.row_ui(ui, seen, draft, reason)).inner;
        self.name_ui(ui, seen, draft, reason);
        choice
    }

    fn row_ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        draft: &Config,
        reason: Option<&str>,
    ) -> Option<Choice> {
        let is_practice = |config: &Config| config.destination.kind == DestinationKind::Practice;
        let saved_by = |config: &Config| seen.config.destinations.iter().find(|saved| config.uses(saved));
        let mut choice = None;
        let practice = Chip { name: "Practice stream", icon: Icon::GraduationCap, is_new: false };
        if practice.ui(ui, is_practice(draft), is_practice(seen.config)) {
            choice = Some(Choice::Practice);
        }
        let mut removed = None;
        for saved in &seen.config.destinations {
            let is_shown = !is_practice(draft) && draft.uses(saved);
            let is_in_force = !is_practice(seen.config) && seen.config.uses(saved);
            let chip = Chip { name: &saved.name, icon: Icon::Bookmark, is_new: false };
            if chip.ui(ui, is_shown, is_in_force) {
                choice = Some(Choice::Saved(Box::new(saved.clone())));
            }
            let name = format!("Remove {}", saved.name);
            if is_shown && widgets::icon_button_ui(ui, Icon::X, &name).clicked() {
                removed = Some(saved.name.clone());
            }
        }
        let is_dirty =
            draft.destination != seen.config.destination || draft.credentials != seen.config.credentials;
        if !is_practice(seen.config) && saved_by(seen.config).is_none() {
            let name = status_line::destination(seen.config);
            let chip = Chip { name: &name, icon: Icon::Waves, is_new: false };
            if chip.ui(ui, !is_dirty, true) {
                choice = Some(Choice::InForce);
            }
        }
        if is_dirty && !is_practice(draft) && saved_by(draft).is_none() {
            let name = match &*draft.destination.stream {
                "" => "New destination".to_owned(),
                _ => status_line::destination(draft),
            };
            Chip { name: &name, icon: Icon::Pencil, is_new: true }.ui(ui, true, false);
        }
        let can_save = reason.is_none() && !is_practice(draft) && saved_by(draft).is_none();
        if self.name.is_none()
            && can_save
            && widgets::button_ui(ui, Icon::BookmarkPlus, "Save as …").clicked()
        {
            self.ask_name();
        }
        let is_another = !is_practice(seen.config) || !seen.config.destinations.is_empty();
        if is_another && widgets::button_ui(ui, Icon::Plus, "Set up another …").clicked() {
            choice = Some(Choice::New);
        }
        if let Some(name) = removed.filter(|_| !seen.saving) {
            let mut config = seen.config.clone();
            config.destinations.retain(|other| *other.name != *name);
            seen.save(config, "Destination removed");
        }
        choice
    }

    /// Draws the field for the name, while the user is asked for one.
    fn name_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config, reason: Option<&str>) {
        let Some(name) = &mut self.name else { return };
        let mut done = false;
        let mut changed = None;
        let fault = config::check_source_name(name).err().filter(|_| !name.is_empty());
        let fault = fault.map(|_| "One line of at most 100 characters, without a space at its ends");
        let label = ui.label(weight("Name of this destination", 560.0));
        ui.horizontal(|ui| {
            let edit = widgets::text_edit(name, &widgets::example("Production")).desired_width(220.0);
            let field = ui.add(edit).labelled_by(label.id);
            widgets::focus_once(&field, &mut self.focus);
            widgets::keep_focus(&field, fault.is_some());
            let can = !name.is_empty() && fault.is_none() && reason.is_none() && !seen.saving;
            let is_taken = seen.config.destinations.iter().any(|other| other.name == *name);
            let label = if is_taken { "Replace the saved one" } else { "Save" };
            // Enter saves under a new name only. Replacing a saved destination takes a click on the button.
            let enter = widgets::is_left_with(&field, Key::Enter) && can && !is_taken;
            if widgets::primary_button_ui(ui, Icon::Check, label, can).clicked() || enter {
                let mut config = seen.config.clone();
                let saved = draft.saved_as(name);
                match config.destinations.iter_mut().find(|other| other.name == *name) {
                    Some(other) => *other = saved,
                    None => config.destinations.push(saved),
                }
                changed = Some(config);
                done = true;
            }
            let escape = widgets::is_left_with(&field, Key::Escape);
            done |= widgets::button_ui(ui, Icon::X, "Cancel").clicked() || escape;
        });
        widgets::error_ui(ui, fault);
        if done {
            self.name = None;
        }
        if let Some(config) = changed.filter(|_| !seen.saving) {
            seen.save(config, "Destination saved");
        }
    }
}

/// One destination of the switcher.
struct Chip<'a> {
    name: &'a str,
    icon: Icon,
    /// It is the draft that is being set up.
    is_new: bool,
}

impl Chip<'_> {
    /// Draws it. True when it was chosen.
    fn ui(&self, ui: &mut Ui, selected: bool, in_force: bool) -> bool {
        let t = tokens(ui);
        let icon = theme::icon(self.icon).color(if selected { t.accent } else { t.weak });
        let name = weight(widgets::shortened(self.name), 560.0);
        let button =
            Button::selectable(selected, (icon, name)).frame_when_inactive(true).min_size(vec2(0.0, 28.0));
        let button = if in_force {
            button.right_text(weight("in force", 520.0).size(11.5).color(t.ok))
        } else {
            button
        };
        let hint = match (in_force, self.is_new) {
            (true, _) => "events go there now",
            (false, true) => "what you are setting up",
            (false, false) => "fill the steps with these settings",
        };
        let name = format!("Destination {}{}", self.name, if in_force { ", in force" } else { "" });
        let hint = format!("{}: {hint}", self.name);
        ui.add(button).accessible_name(name).on_hover_text(hint).clicked()
    }
}
