//! The window's part of an export of the log: the sheet that asks for format and file, and the notice at the end. One export
//! at a time.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use eframe::egui::{self, Label, Ui};
use lucide_icons::Icon;

use super::{
    clock::Clock,
    command::{Command, LogCommand},
    notice::Notice,
    seen::Seen,
    sheet::modal,
    theme::tokens,
    waiting::{Poll, Waiting},
    widgets,
};
use crate::{
    delivery::{Exported, Query, Status},
    engine::{Answer, Export, lines::Format},
};

/// Maximum wait. It is long, because the log may be large and the disk slow.
const WAIT_MAX: Duration = Duration::from_hours(24);

#[derive(Default)]
pub(super) struct Exporting {
    waiting: Option<(Waiting<Result<Exported, String>>, PathBuf)>,
    sheet: Option<Sheet>,
    /// The last choice: the format, and whether each event's JSON is included.
    last: Option<(Format, bool)>,
}

/// The sheet that is shown before anything is written.
struct Sheet {
    /// The search, as the user wrote it.
    text: String,
    query: Query,
    format: Format,
    with_data: bool,
    path: String,
    /// Give the focus to the field for the file.
    wants_file: bool,
    /// The engine was asked, and has not begun to write yet.
    is_asked: bool,
    /// A path that could not be written to, and why.
    refused: Option<(String, String)>,
}

impl Sheet {
    fn mistake(&self) -> Option<&'static str> {
        let path = Path::new(self.path.trim());
        (!path.is_absolute() || path.file_name().is_none())
            .then_some("The full path of a new file, such as /home/ada/events.csv")
    }

    /// Shows why the file cannot be written, and gives the focus to the field for its path.
    fn refuse(&mut self, why: String) {
        self.refused = Some((self.path.clone(), why));
        self.wants_file = true;
    }

    /// Draws the sheet. `Some(true)`: export; `Some(false)`: the user has cancelled.
    fn ui(&mut self, ui: &Ui) -> Option<bool> {
        let mut answer = None;
        let modal = modal(ui, "export").show(ui, |ui| {
            let t = tokens(ui);
            ui.set_width(500.0);
            ui.spacing_mut().item_spacing.y = 8.0;
            widgets::title_ui(ui, "Export the log");
            let text = match self.text.trim() {
                "" => "All events in the log, oldest first.".to_owned(),
                text => format!("The events that match `{}`, oldest first.", text.replace('`', "'")),
            };
            ui.add(Label::new(widgets::words(ui, &text, 480.0, t.weak)).wrap());
            let before = self.format;
            let choices = [
                (
                    Format::JsonLines,
                    "JSON Lines",
                    "For scripts: one object per line, with every field of the log.",
                ),
                (Format::Csv, "CSV", "For a spreadsheet: a header line, then one line per event."),
            ];
            widgets::choices_ui(ui, &mut self.format, &choices);
            if let Some(stem) = self.path.strip_suffix(before.extension()) {
                self.path = format!("{stem}{}", self.format.extension());
            }
            ui.horizontal(|ui| {
                widgets::switch_ui(ui, &mut self.with_data, "With each event's JSON");
                ui.label("With each event's JSON");
            });
            let mistake = self.mistake();
            let field = widgets::field_ui(
                ui,
                "File",
                &mut self.path,
                &widgets::example("/home/ada/events.csv"),
                mistake,
            );
            widgets::focus_once(&field, &mut self.wants_file);
            widgets::hint_ui(ui, "Only you can read the file. An existing file is not overwritten.");
            if let Some((_, why)) = self.refused.as_ref().filter(|(path, _)| *path == self.path) {
                widgets::message_ui(ui, widgets::Tone::Bad, why);
            }
            widgets::answers_ui(ui, |ui| {
                let can = mistake.is_none() && !self.is_asked;
                let button = widgets::primary_button_ui(ui, Icon::Download, "Export", can);
                if button.clicked() || (can && widgets::is_answered_with_enter(ui, &[&field])) {
                    answer = Some(true);
                }
                if widgets::button_ui(ui, Icon::X, "Cancel").clicked() {
                    answer = Some(false);
                }
            });
        });
        answer.or(modal.should_close().then_some(false))
    }
}

impl Exporting {
    /// Opens the sheet for the events that this search finds. `folder`: the folder of the proposed file.
    pub(super) fn ask(&mut self, folder: &Path, clock: &Clock, text: String, query: Query) {
        let (format, with_data) = self.last.unwrap_or((Format::JsonLines, true));
        let name = format!(
            "tributary-events-{}.{}",
            clock.format(Clock::now(), "%Y-%m-%d-%H%M%S"),
            format.extension()
        );
        let path = folder.join(name).display().to_string();
        self.sheet = Some(Sheet {
            text,
            query,
            format,
            with_data,
            path,
            wants_file: true,
            is_asked: false,
            refused: None,
        });
    }

    pub(super) fn is_open(&self) -> bool {
        self.sheet.is_some()
    }

    /// Draws the sheet while it is open.
    pub(super) fn ui(&mut self, ui: &Ui, seen: &mut Seen<'_>) {
        let Some(do_it) = self.sheet.as_mut().and_then(|sheet| sheet.ui(ui)) else { return };
        let Some(sheet) = self.sheet.as_mut().filter(|_| do_it) else {
            self.sheet = None;
            return;
        };
        if self.waiting.is_some() {
            let why = "The log is already being exported. Wait for that to end, or stop it.";
            sheet.refuse(why.to_owned());
            return;
        }
        let path = PathBuf::from(sheet.path.trim());
        let Sheet { format, with_data, .. } = *sheet;
        let query = sheet.query.clone();
        let export = Export { path, format, with_data, query };
        seen.push(Command::Log(LogCommand::Export(Box::new(export))));
        self.last = Some((format, with_data));
        sheet.is_asked = true;
    }

    /// Records that the engine was asked to write this file.
    pub(super) fn started(&mut self, answer: Answer<Result<Exported, String>>, path: PathBuf) {
        self.waiting = Some((Waiting::at_most(WAIT_MAX, answer), path));
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, status: &Status) -> Option<Notice> {
        if status.exporting.is_some_and(|exported| exported.done > 0.0) {
            // The file is being written: the line above the status line shows the progress, so the sheet closes.
            self.sheet.take_if(|sheet| sheet.is_asked);
        }
        let (waiting, path) = self.waiting.as_mut()?;
        let answer = match waiting.poll(ctx) {
            Poll::Pending => return None,
            Poll::There(Ok(exported)) => Ok(notice(&exported, path)),
            Poll::There(Err(error)) => Err(format!("Not exported: {error}")),
            Poll::Lost => Err("Not exported: the engine did not answer".to_owned()),
        };
        self.waiting = None;
        match (answer, self.sheet.as_mut().filter(|sheet| sheet.is_asked)) {
            // The sheet is still open: show the error beside the field to correct.
            (Err(why), Some(sheet)) => {
                sheet.is_asked = false;
                sheet.refuse(why);
                None
            }
            (Err(why), None) => Some(Notice::error(why)),
            (Ok(notice), _) => {
                self.sheet.take_if(|sheet| sheet.is_asked);
                Some(notice)
            }
        }
    }
}

fn notice(exported: &Exported, path: &Path) -> Notice {
    if exported.done < 1.0 {
        return Notice::error("The export was stopped; no file was kept");
    }
    let events = match exported.lines {
        1 => "1 event is".to_owned(),
        events => format!("{} events are", widgets::digits(events)),
    };
    Notice::done(format!("{events} in {} ({})", path.display(), widgets::bytes(exported.bytes)))
}
