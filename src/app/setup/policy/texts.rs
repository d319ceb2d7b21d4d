//! The policies as text, each with its copy button. For two accounts there are two halves, and each says which account runs it.

use eframe::egui::Ui;

use super::super::super::{
    seen::Seen,
    theme::{tokens, weight},
    widgets,
};
use crate::{
    config::Config,
    policy::{self, Format, Grants, Missing, Writer},
};

/// What the texts are made of.
pub(super) struct Texts<'a> {
    pub(super) draft: &'a Config,
    pub(super) grants: &'a Grants,
    pub(super) writer: &'a Writer,
    pub(super) format: Format,
    /// What the texts have placeholders for.
    pub(super) missing: &'a [Missing],
}

impl Texts<'_> {
    pub(super) fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let &Self { draft, grants, writer, format, .. } = self;
        let accounts = policy::accounts(draft, writer);
        if let Some(accounts) = &accounts {
            half_ui(ui, &format!("1. Run in account {} (writer)", accounts.writer));
        }
        let is_json = format == Format::Json;
        if is_json && writer.is_role() {
            title_ui(ui, "Policy of the role");
        }
        self.text_ui(ui, seen, "policy", &policy::render(draft, grants, writer, format));
        if let Some(trust) = policy::trust_policy(draft, writer).filter(|_| is_json) {
            title_ui(ui, "Trust policy of the role");
            self.text_ui(ui, seen, "trust policy", &trust);
        }
        for step in policy::role_steps(draft, writer, format) {
            title_ui(ui, step.what);
            self.text_ui(ui, seen, &format!("lines: {}", step.what), &step.text);
        }
        let (Some(accounts), Some(share)) = (accounts, policy::render_share(draft, grants, writer, format))
        else {
            return;
        };
        half_ui(ui, &format!("2. Run in account {} (stream)", accounts.stream));
        if is_json {
            title_ui(ui, "Resource policy of the stream");
        }
        self.text_ui(ui, seen, "resource policy", &share);
        if let Some(statement) = policy::key_statement(draft, grants, writer).filter(|_| is_json) {
            title_ui(ui, "Statement for the policy of the KMS key");
            self.text_ui(ui, seen, "key statement", &statement);
        }
    }

    /// A text with its copy button, with the placeholders marked.
    fn text_ui(&self, ui: &mut Ui, seen: &mut Seen<'_>, name: &str, text: &str) {
        let marks: Vec<&str> = self.missing.iter().map(|missing| missing.placeholder()).collect();
        if widgets::code_marked_ui(ui, text.trim_end(), &marks, &format!("Copy {name}")) {
            let name = widgets::capital(name);
            let has_placeholder = marks.iter().any(|mark| text.contains(mark));
            seen.copied(&if has_placeholder { format!("{name} with placeholders") } else { name });
        }
    }
}

fn title_ui(ui: &mut Ui, title: &str) {
    ui.label(weight(title, 580.0));
}

/// The title of what one account runs.
fn half_ui(ui: &mut Ui, title: &str) {
    ui.add_space(4.0);
    ui.label(weight(title, 620.0).size(15.0).color(tokens(ui).strong));
}
