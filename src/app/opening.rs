//! A file or a web page that another program is opening, and the notice if no program does.

use eframe::egui;

use super::{
    notice::Notice,
    waiting::{Waiting, arrived},
};
use crate::engine::Answer;

pub(super) struct Opening {
    answer: Option<Waiting<Result<(), String>>>,
    what: &'static str,
    /// What the user can do if no program opens it.
    then: String,
}

impl Opening {
    pub(super) fn settings_file(answer: Answer<Result<(), String>>, path: &str) -> Self {
        let then = format!("Open {path} in a text editor yourself.");
        Self { answer: Some(Waiting::new(answer)), what: "the settings file", then }
    }

    pub(super) fn web_page(answer: Answer<Result<(), String>>, url: &str) -> Self {
        let then = format!("Its address is {url}");
        Self { answer: Some(Waiting::new(answer)), what: "the web page", then }
    }

    /// Returns a notice if no program has opened it.
    pub(super) fn logic(&mut self, ctx: &egui::Context) -> Option<Notice> {
        let error = arrived(&mut self.answer, ctx)?.err()?;
        let Self { what, then, .. } = self;
        Some(Notice::error(format!("No program opened {what}: {}. {then}", error.trim_end_matches('.'))))
    }
}

/// The web pages whose links were clicked in this frame. They are taken from egui, which would open them without reporting a
/// failure.
pub(super) fn clicked_links(ctx: &egui::Context) -> Vec<String> {
    ctx.output_mut(|output| {
        let is_link = |command: &mut egui::OutputCommand| matches!(command, egui::OutputCommand::OpenUrl(_));
        let links = output.commands.extract_if(.., is_link);
        links
            .filter_map(|command| match command {
                egui::OutputCommand::OpenUrl(page) => Some(page.url),
                _ => None,
            })
            .collect()
    })
}
