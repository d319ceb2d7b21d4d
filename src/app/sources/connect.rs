//! From nothing to the first event: the code for an SDK with the source's key, and whether its events arrive. And what comes
//! after it: the code that reads the stream.

use eframe::egui::{Label, Response, RichText, Ui};
use lucide_icons::Icon;

use super::read::Read;
use crate::{
    app::{
        command::Command,
        seen::Seen,
        theme::{self, tokens, weight},
        widgets::{self, Tone},
    },
    config::Source,
    delivery::{
        Field,
        query::{self, QueryKey},
    },
    snippets::{self, Sdk},
};

/// The maximum width of a list of sources.
const LIST_WIDTH_MAX: f32 = 260.0;
/// The SDKs with a tab of their own. The list has all of them.
const TABS: [(Sdk, &str); 4] =
    [(Sdk::Curl, "curl"), (Sdk::Node, "Node.js"), (Sdk::BrowserNpm, "Browser"), (Sdk::Python, "Python")];

/// Whose code is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Side {
    #[default]
    Senders,
    Consumers,
}

pub(super) struct Connect {
    side: Side,
    read: Read,
    sdk: Sdk,
    /// The name of the snippet's source. If there is no source of that name (yet), the first one is used.
    pub source: String,
}

impl Default for Connect {
    fn default() -> Self {
        Self { side: Side::default(), read: Read::default(), sdk: Sdk::Curl, source: String::new() }
    }
}

impl Connect {
    /// Shows the code that reads the stream.
    pub(super) fn show_consumers(&mut self) {
        self.side = Side::Consumers;
    }

    /// Hides the secret key of the practice stream again.
    pub(super) fn hide_secret(&mut self) {
        self.read.hide_secret();
    }

    /// `revealed`: the sources whose keys are shown.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, revealed: &[String]) {
        if self.side == Side::Senders && seen.config.capture.sources.is_empty() {
            return;
        }
        widgets::card_ui(ui, |ui| {
            widgets::title_ui(ui, "Connect");
            let sides = [(Side::Senders, "Send events"), (Side::Consumers, "Read the stream")];
            widgets::segments_ui(ui, &mut self.side, "What the code does", &sides);
            match self.side {
                Side::Senders => {
                    self.hide_secret();
                    self.senders_ui(ui, seen, revealed);
                }
                Side::Consumers => self.read.ui(ui, seen),
            }
        });
    }

    fn senders_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, revealed: &[String]) {
        let sources = &seen.config.capture.sources;
        let chosen = sources.iter().find(|source| source.name == self.source);
        let Some(source) = chosen.or(sources.first()) else { return };
        ui.horizontal_wrapped(|ui| {
            widgets::segments_ui(ui, &mut self.sdk, "Common SDKs", &TABS);
            // The tab names the chosen one already.
            let has_tab = TABS.iter().any(|(sdk, _)| *sdk == self.sdk);
            let shown = if has_tab { "All SDKs" } else { self.sdk.title() };
            let list = widgets::List { name: "SDK", shown, width: 150.0, if_empty: "" };
            let (button, chosen) = list.ui(ui, &Sdk::ALL.map(|sdk| (sdk.title(), sdk == self.sdk)));
            if let Some(sdk) = chosen.and_then(|at| Sdk::ALL.get(at)) {
                self.sdk = *sdk;
            }
            // Screen readers get the choice from the list too.
            ui.ctx().accesskit_node_builder(button.id, |node| node.set_value(self.sdk.title()));
            if sources.len() > 1 {
                choose_ui(ui, ("Source of the snippet", 150.0), sources, source, &mut self.source);
            }
        });
        self.snippet_ui(ui, seen, source, revealed.contains(&source.name));
        arrival_ui(ui, seen, &source.name);
    }

    fn snippet_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, source: &Source, is_revealed: bool) {
        let endpoint = seen.public_endpoint();
        let key = if is_revealed { source.write_key.clone() } else { source.masked_key() };
        let shown = snippets::snippet(self.sdk, &endpoint, &key);
        let mut copies = widgets::code_copy_ui(ui, shown.trim_end(), "Copy snippet");
        if let Some(note) = self.sdk.note() {
            widgets::message_ui(ui, Tone::Note, note);
        }
        ui.horizontal_wrapped(|ui| {
            copies |= widgets::primary_button_ui(ui, Icon::Copy, "Copy with the write key", true).clicked();
            let then = match self.sdk {
                Sdk::Curl => "Then run it in a terminal.",
                Sdk::BrowserScript | Sdk::Pixel => "Then open the page with it.",
                _ => "Then start the program with it.",
            };
            ui.label(RichText::new(then).color(tokens(ui).weak));
        });
        if copies {
            ui.copy_text(snippets::snippet(self.sdk, &endpoint, &source.write_key));
            seen.copied("Snippet with the write key");
        }
    }
}

/// Whether events of this source arrive.
fn arrival_ui(ui: &mut Ui, seen: &mut Seen<'_>, source: &str) {
    let t = tokens(ui);
    let visits = seen.status.sources.iter().find(|visits| &*visits.name == source);
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        let (icon, color, text) = match visits {
            Some(visits) => {
                let ago = widgets::ago_ui(ui, visits.last_seen, seen.now);
                (Icon::CircleCheck, t.ok, format!("Arrived {ago}"))
            }
            None => (Icon::Hourglass, t.accent, "Waiting for the first event …".to_owned()),
        };
        ui.label(theme::icon(icon).color(color));
        ui.label(weight(text, 580.0).color(t.strong));
        let name = format!("Show {source} in Live");
        let show = |ui: &mut Ui| widgets::button_ui(ui, Icon::Activity, "Show in Live").accessible_name(name);
        if visits.is_some() && show(ui).clicked() {
            seen.push(Command::Search(query::with("", QueryKey::Field(Field::Source), &[source])));
        }
        if visits.is_none() && !seen.status.unknown_senders.is_empty() {
            let text = "A request was turned away meanwhile: see Turned away.";
            ui.add(Label::new(RichText::new(text).color(t.warn)).truncate());
        }
    });
}

/// A list to choose a source from. The choice is stored by name. `shown`: the present choice.
pub(crate) fn choose_ui(
    ui: &mut Ui,
    (name, width): (&str, f32),
    sources: &[Source],
    shown: &Source,
    chosen: &mut String,
) -> Response {
    let list = widgets::List { name, shown: &shown.name, width, if_empty: "" };
    let choices: Vec<_> = sources.iter().map(|source| (&*source.name, source.name == shown.name)).collect();
    ui.scope(|ui| {
        // A longer name is cut: without a limit it would take the whole line.
        ui.set_max_width(ui.available_width().min(LIST_WIDTH_MAX));
        let (response, at) = list.ui(ui, &choices);
        if let Some(source) = at.and_then(|at| sources.get(at)) {
            chosen.clone_from(&source.name);
        }
        response
    })
    .inner
}
