//! The list of the account's streams, to pick one from: all of them, or those whose name has the typed text.

use std::time::Duration;

use eframe::egui::{self, Align, AtomExt as _, Button, Frame, Layout, RichText, ScrollArea, Stroke, Ui};
use lucide_icons::Icon;

use super::super::{
    super::{
        remedy_card,
        seen::Seen,
        theme::{self, tokens, weight},
        widgets::{self, Tone},
    },
    asked::Asked,
    identity,
};
use crate::{
    config::Config,
    delivery::{AwsError, ListedStream, StreamList},
    engine::Answer,
    event::shown,
    remedy::Location,
};

/// Maximum wait for the list: thousands of streams take many pages.
const PATIENCE: Duration = Duration::from_mins(2);
/// From this number of streams on, there is a field to find one.
const MANY: usize = 8;
const ROW_HEIGHT: f32 = 26.0;
const HEIGHT_MAX: f32 = 208.0;

#[derive(Default)]
pub(super) struct List {
    asked: Asked<StreamList>,
    /// Only streams whose name has this text are shown.
    filter: String,
}

impl List {
    pub(super) fn coming(&mut self, answer: Answer<Result<StreamList, AwsError>>, config: Config) {
        self.asked.begin(PATIENCE, answer, config);
        self.filter.clear();
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.asked.is_waiting()
    }

    /// True when the list has just arrived.
    pub(super) fn logic(&mut self, ctx: &egui::Context) -> bool {
        self.asked.receive(ctx)
    }

    pub(super) fn forget(&mut self) {
        self.asked.forget_answer();
    }

    /// Draws the list. Returns the name that was picked.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: &Config) -> Option<String> {
        let list = match self.asked.answer()? {
            (_, config) if !identity::is_same_but_for_stream(config, draft) => return None,
            (Ok(list), _) => list,
            (Err(fault), config) => {
                remedy_card::remedy_for_ui(ui, seen, fault, config, Some(Location::SetUpStream));
                widgets::hint_ui(
                    ui,
                    "Delivery does not need the list: the stream's name can be typed above.",
                );
                return None;
            }
        };
        if list.streams.is_empty() {
            let text = format!("No stream in {} yet.", draft.destination.region);
            widgets::message_ui(ui, Tone::Note, &text);
            return None;
        }
        let all = list.streams.len();
        if all >= MANY {
            let label = format!("Find in {} streams", widgets::digits(all as u64));
            widgets::field_ui(ui, &label, &mut self.filter, "Part of the name", None);
        }
        let filter = self.filter.trim();
        let found: Vec<&ListedStream> =
            list.streams.iter().filter(|stream| has(&stream.name, filter)).collect();
        count_ui(ui, (found.len(), all), list.has_more, filter);
        if found.is_empty() { None } else { rows_ui(ui, seen, &found, &draft.destination.stream) }
    }
}

/// Stream names are ASCII, and nobody remembers their case. It allocates nothing: every frame asks for thousands of streams.
fn has(name: &str, text: &str) -> bool {
    text.is_empty()
        || name.as_bytes().windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()))
}

fn count_ui(ui: &mut Ui, (found, all): (usize, usize), has_more: bool, filter: &str) {
    let digits = |count: usize| widgets::digits(count as u64);
    if found == 0 {
        widgets::hint_ui(ui, &format!("No stream's name has “{filter}”."));
    } else if !filter.is_empty() {
        widgets::hint_ui(ui, &format!("{} of {} streams", digits(found), digits(all)));
    }
    if has_more {
        let text = format!("The account has more than these {}: type the name of another one.", digits(all));
        widgets::hint_ui(ui, &text);
    }
}

fn rows_ui(ui: &mut Ui, seen: &Seen<'_>, streams: &[&ListedStream], selected: &str) -> Option<String> {
    let t = tokens(ui);
    let mut picked = None;
    let frame = Frame::new().stroke(Stroke::new(1.0, t.line)).corner_radius(9).inner_margin(4);
    frame.show(ui, |ui| {
        let area = ScrollArea::vertical().id_salt("streams").max_height(HEIGHT_MAX);
        area.show_rows(ui, ROW_HEIGHT, streams.len(), |ui, rows| {
            ui.take_available_width();
            ui.spacing_mut().item_spacing.y = 0.0;
            for stream in &streams[rows] {
                if row_ui(ui, seen, stream, *stream.name == *selected) {
                    picked = Some(stream.name.to_string());
                }
            }
        });
    });
    picked
}

fn row_ui(ui: &mut Ui, seen: &Seen<'_>, stream: &ListedStream, selected: bool) -> bool {
    let t = tokens(ui);
    let name =
        (theme::icon(Icon::Waves).color(t.weak), weight(shown::line(&stream.name), 520.0).atom_shrink(true));
    let about = RichText::new(about(stream, seen)).size(12.0).color(t.weak);
    ui.with_layout(Layout::top_down_justified(Align::Min), |ui| {
        let button = Button::selectable(selected, name).right_text(about).truncate();
        let button = button.min_size(egui::vec2(0.0, ROW_HEIGHT));
        let mut row = ui.add(button).accessible_name(format!("Use stream {}", stream.name));
        let is_cut = row.intrinsic_size().is_some_and(|whole| whole.x > row.rect.width());
        if is_cut && row.contains_pointer() {
            row = row.on_hover_text(shown::line(&stream.name));
        }
        row.clicked()
    })
    .inner
}

/// What the list says about a stream: its mode, its age, and its status if it is not ACTIVE.
fn about(stream: &ListedStream, seen: &Seen<'_>) -> String {
    let mode = if stream.on_demand { "on-demand" } else { "provisioned" };
    let mut about = match &*stream.status {
        "" => return String::new(),
        "ACTIVE" => mode.to_owned(),
        status => format!("{mode}, {status}"),
    };
    if let Some(created) = stream.created_at {
        about = format!("{about}, since {}", seen.clock.format(created, "%Y-%m-%d"));
    }
    about
}
