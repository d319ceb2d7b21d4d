//! The help sheet: for each place what it is for and its keys, the open place first; the syntax of the search; and where to
//! look further. What is typed filters all of it.

use eframe::egui::{
    Align, Frame, Key, Label, Layout, Margin, RichText, Role, ScrollArea, Stroke, Ui, WidgetInfo, vec2,
};
use lucide_icons::Icon;

use super::{
    command::{self, ALL, Command, KEYS_OF_PLACES, WindowCommand},
    place::Place,
    seen::Seen,
    sheet,
    theme::{self, tokens, weight},
    widgets::{self, contains_words},
};

/// Width of the column of keys, in points.
const KEYS_WIDTH: f32 = 190.0;

pub(super) struct Help {
    typed: String,
    /// The search field has not had the focus yet.
    wants_focus: bool,
}

/// A part of the help.
struct Section {
    /// `None`: what holds in every place.
    place: Option<Place>,
    title: &'static str,
    icon: Icon,
    text: &'static str,
}

const SECTIONS: [Section; 7] = [
    Section {
        place: None,
        title: "Everywhere",
        icon: Icon::Keyboard,
        text: "Every command is in the palette by its name, also those that have no keys.",
    },
    section(
        Place::SetUp,
        "Choose the stream that events go to, and give Tributary the keys and the permission for it.",
    ),
    section(
        Place::Sources,
        "Who may send: each source has its own write key. Copy the code for your SDK, and see who was turned away and why.",
    ),
    section(
        Place::Test,
        "Send an event through the real endpoint, once or many times, and follow it to its record in the stream.",
    ),
    section(
        Place::Live,
        "Every event and what became of it. Search it, open a row for its payload and its attempts, resend what failed.",
    ),
    section(
        Place::Stream,
        "What a consumer reads back from the stream: records, decoded, with their shard and key.",
    ),
    section(
        Place::Settings,
        "The endpoint, the disk, the log and the files. A change is saved when its field is left; Undo takes it back.",
    ),
];

const fn section(place: Place, text: &'static str) -> Section {
    Section { place: Some(place), title: place.title(), icon: place.icon(), text }
}

/// What the search of Live understands: an example, and what it finds.
const SEARCH: [(&str, &str); 8] = [
    ("refund", "The word in ids, names, sources, errors or payloads"),
    ("state:failed,retrying", "One of these states; type: works alike"),
    ("userId:ada", "One user, exactly"),
    ("event:\"Order Completed\"", "A name; quotes keep words together"),
    ("event:Order*", "Names that begin so"),
    ("source:Website", "One source; also shard: and messageId:"),
    ("error:AccessDenied", "A part of the error"),
    ("since:2h", "An age (15m, 2h, 1d) or a time; also until:"),
];

/// One line of a section: the keys, and what they do.
type Line = (String, String);

impl Help {
    pub(super) fn new() -> Self {
        Self { typed: String::new(), wants_focus: true }
    }

    /// Draws the sheet. True: it must be closed.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) -> bool {
        let mut closes = sheet::is_key_pressed(ui, &Command::Window(WindowCommand::Help));
        let modal = sheet::modal(ui, "help").show(ui, |ui| {
            let window = ui.content_rect();
            ui.set_width((window.width() - 80.0).min(620.0));
            ui.spacing_mut().interact_size.y = 20.0;
            closes |= sheet::title_ui(ui, "Help", "Close the help sheet");
            let field = widgets::text_edit(&mut self.typed, "Search the help").desired_width(f32::INFINITY);
            let field = ui.add(field).accessible_name("Search the help");
            widgets::focus_once(&field, &mut self.wants_focus);
            let height = (window.height() - 190.0).clamp(160.0, 600.0);
            let area = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
            area.auto_shrink(false).show(ui, |ui| {
                ui.set_max_width(ui.available_width() - 8.0);
                closes |= self.sections_ui(ui, seen);
                widgets::follow_focus(ui);
            });
        });
        closes || modal.should_close()
    }

    /// True: the sheet must be closed.
    fn sections_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let words = self.typed.to_lowercase();
        let mut is_empty = true;
        // The open place comes first.
        let (here, others): (Vec<_>, Vec<_>) =
            SECTIONS.iter().partition(|section| section.place == Some(seen.place));
        for section in here.into_iter().chain(others) {
            let is_found = contains_words(&[section.title, section.text], &words);
            let lines = keys_of(ui, section.place);
            let lines: Vec<_> = lines
                .into_iter()
                .filter(|(keys, what)| is_found || contains_words(&[keys, what], &words))
                .collect();
            let search: &[_] = if section.place == Some(Place::Live) { &SEARCH } else { &[] };
            let is_search_found = is_found || contains_words(&["Search syntax of Live"], &words);
            let search: Vec<_> = search
                .iter()
                .filter(|(example, what)| is_search_found || contains_words(&[example, what], &words))
                .collect();
            if !is_found && lines.is_empty() && search.is_empty() {
                continue;
            }
            is_empty = false;
            section_ui(ui, section, section.place == Some(seen.place));
            for (keys, what) in &lines {
                line_ui(ui, what, |ui| caps_ui(ui, keys));
            }
            if !search.is_empty() {
                ui.add_space(6.0);
                ui.label(weight("Search syntax", 600.0));
            }
            for (example, what) in search {
                line_ui(ui, what, |ui| {
                    let color = tokens(ui).strong;
                    ui.add(
                        Label::new(RichText::new(*example).monospace().size(12.0).color(color)).truncate(),
                    );
                });
            }
            ui.add_space(14.0);
        }
        if is_empty {
            widgets::hint_ui(ui, "Nothing in the help has these words. The palette has every command.");
            ui.add_space(8.0);
        }
        more_ui(ui, seen)
    }
}

/// The keys that belong to this place.
fn keys_of(ui: &Ui, place: Option<Place>) -> Vec<Line> {
    let commands = ALL.iter().filter(|entry| entry.command.place() == place).filter_map(|entry| {
        let keys = entry.keys?;
        let text = command::keys_text(ui, keys);
        let text = if keys.logical_key == Key::F1 { format!("{text} or ?") } else { text };
        Some((text, entry.title.to_owned()))
    });
    let of_place = KEYS_OF_PLACES.iter().filter(|(of, ..)| *of == place).map(|(_, keys, what)| {
        let is_mac = cfg!(target_os = "macos");
        (if is_mac { keys.replace("Ctrl+", "⌘") } else { (*keys).to_owned() }, (*what).to_owned())
    });
    // What works in this place only is what its user looks for.
    if place.is_some() { of_place.chain(commands).collect() } else { commands.chain(of_place).collect() }
}

fn section_ui(ui: &mut Ui, section: &Section, is_here: bool) {
    let t = tokens(ui);
    ui.horizontal(|ui| {
        ui.label(theme::icon(section.icon).color(if is_here { t.accent } else { t.weak }));
        ui.label(weight(section.title, 650.0).size(14.5).color(t.strong));
        if is_here {
            widgets::pill_ui(ui, t.accent, "You are here");
        }
    });
    widgets::hint_ui(ui, section.text);
    ui.add_space(4.0);
}

/// One line: the keys or an example, and what it does.
fn line_ui(ui: &mut Ui, what: &str, first: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.set_min_height(24.0);
        ui.allocate_ui_with_layout(vec2(KEYS_WIDTH, 22.0), Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_width(KEYS_WIDTH);
            ui.spacing_mut().item_spacing.x = 3.0;
            first(ui);
        });
        let color = tokens(ui).text;
        ui.add(Label::new(RichText::new(what).color(color)).wrap());
    });
}

/// Keys as keycaps; "or" between them is plain text. Screen readers get the whole text.
fn caps_ui(ui: &mut Ui, keys: &str) {
    let t = tokens(ui);
    let caps = ui.horizontal(|ui| {
        for word in keys.split(' ') {
            // Keys have capitals; what is between them is text.
            if word.starts_with(|first: char| first.is_lowercase()) {
                ui.label(RichText::new(word).size(12.0).color(t.weak));
                continue;
            }
            // A comma separates, unless it is the key itself.
            let shortcut = if word.ends_with("+,") { word } else { word.trim_end_matches(',') };
            for (nth, key) in shortcut.split('+').enumerate() {
                if nth > 0 {
                    ui.label(RichText::new("+").size(11.0).color(t.weak));
                }
                cap_ui(ui, key);
            }
            if shortcut != word {
                ui.add_space(4.0);
            }
        }
    });
    caps.response.widget_info(|| WidgetInfo::labeled(Role::Label, true, keys));
}

fn cap_ui(ui: &mut Ui, key: &str) {
    let t = tokens(ui);
    let frame = Frame::new().fill(t.field).stroke(Stroke::new(1.0, t.edge)).corner_radius(5);
    frame.inner_margin(Margin::symmetric(6, 1)).show(ui, |ui| {
        let text = RichText::new(key).monospace().size(11.5).color(t.strong);
        ui.add(Label::new(text).selectable(false));
    });
}

/// What the help cannot say itself. True: the sheet must be closed.
fn more_ui(ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
    let mut closes = false;
    ui.label(weight("More", 650.0).size(14.5).color(tokens(ui).strong));
    ui.spacing_mut().item_spacing.y = 6.0;
    for (name, path) in
        [("Settings file", &seen.snapshot.fixed.config_path), ("Data folder", &seen.snapshot.fixed.data_dir)]
    {
        if widgets::fact_ui(ui, name, path, true) {
            seen.copied("Path");
        }
    }
    ui.horizontal_wrapped(|ui| {
        for (icon, label, command) in [
            (Icon::Search, "All commands", WindowCommand::Palette),
            (Icon::SquarePen, "Open settings file", WindowCommand::OpenSettingsFile),
            (Icon::ClipboardList, "Copy diagnostics", WindowCommand::CopyDiagnostics),
            (Icon::Scale, "Third-party licences", WindowCommand::Licences),
        ] {
            if widgets::button_ui(ui, icon, label).clicked() {
                seen.push(Command::Window(command));
                closes = true;
            }
        }
    });
    widgets::hint_ui(ui, "Diagnostics: version, paths, state and settings, without sources and secrets.");
    closes
}
