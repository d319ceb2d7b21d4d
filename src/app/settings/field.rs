//! One setting as it is typed: its text, whether it is allowed, and whether it differs from the one in force.

use eframe::egui::{Response, Ui, vec2};

use super::rows::{Control, Row};
use crate::{
    app::{number::Number, widgets},
    config::{self, Config},
};

/// Width of a field for a number, in points.
const NUMBER_WIDTH: f32 = 150.0;

pub(super) struct Field {
    pub row: &'static Row,
    typed: Typed,
    /// What `state` is about: the text of this setting, and of the one that it is saved with.
    checked: Option<(String, String)>,
    state: State,
    /// A text that could not be saved. It is not tried again until it is changed.
    refused: Option<String>,
}

enum Typed {
    /// The text, and the one to show in its place while it is empty.
    Text(String, &'static str),
    Switch(bool),
    Number(Number),
}

impl Typed {
    fn new(control: Control, text: &str) -> Self {
        let number = || text.parse().unwrap_or_default();
        match control {
            Control::Text(example) => Self::Text(text.to_owned(), example),
            Control::Switch => Self::Switch(text == "true"),
            Control::Bytes(min, max, step) => Self::Number(Number::bytes(number(), min..=max, step)),
            Control::Count(min, max, step) => Self::Number(Number::count(number(), min..=max, step)),
        }
    }
}

/// What the typed value is, compared with the settings in force.
enum State {
    Unchanged,
    /// Why it is not allowed.
    Wrong(String),
    /// The settings with it.
    Changed(Box<Config>),
}

impl Field {
    pub(super) fn new(row: &'static Row, config: &Config) -> Self {
        let typed = Typed::new(row.control, &config::value_text(config, row.key));
        Self { row, typed, checked: None, state: State::Unchanged, refused: None }
    }

    /// The typed value as text, or why it is none.
    pub(super) fn text(&self) -> Result<String, String> {
        match &self.typed {
            Typed::Text(text, _) => Ok(text.trim().to_owned()),
            Typed::Switch(on) => Ok(on.to_string()),
            Typed::Number(number) => number.value().map(|value| value.to_string()),
        }
    }

    pub(super) fn is_switch(&self) -> bool {
        matches!(self.typed, Typed::Switch(_))
    }

    /// Replaces what was typed by the value in these settings.
    pub(super) fn fill_in(&mut self, config: &Config) {
        *self = Self::new(self.row, config);
    }

    /// Takes over a setting that was changed elsewhere, unless the user has typed another one.
    pub(super) fn adopt(&mut self, before: &Config, now: &Config) {
        let is_same = |config: &Config| {
            self.text().is_ok_and(|text| {
                config::with_values(config, &[(self.row.key, &text)]).is_ok_and(|with| with == *config)
            })
        };
        if is_same(before) || is_same(now) {
            self.fill_in(now);
        }
        self.checked = None;
    }

    /// Checks the typed value, if it has changed. `with`: the text of the setting that it is saved with.
    pub(super) fn check(&mut self, config: &Config, with: String) {
        let text = self.text();
        let about = (text.clone().unwrap_or_else(|why| why), with);
        if self.checked.as_ref() == Some(&about) {
            return;
        }
        self.state = match &text {
            Err(why) => State::Wrong(why.clone()),
            Ok(text) => {
                let mut values = vec![(self.row.key, &**text)];
                values.extend(self.row.pair.map(|key| (key, &*about.1)));
                match config::with_values(config, &values) {
                    Err(why) => State::Wrong(why),
                    Ok(new) if new == *config => State::Unchanged,
                    Ok(new) => State::Changed(Box::new(new)),
                }
            }
        };
        if self.refused.is_some() && self.refused != text.ok() {
            self.refused = None;
        }
        self.checked = Some(about);
    }

    /// The settings to save, unless they could not be saved before.
    pub(super) fn to_save(&self) -> Option<&Config> {
        match &self.state {
            State::Changed(config) if self.refused.is_none() => Some(config),
            State::Changed(_) | State::Unchanged | State::Wrong(_) => None,
        }
    }

    /// Records that the typed value could not be saved.
    pub(super) fn refuse(&mut self) {
        self.refused = self.text().ok();
    }

    /// What is wrong with the typed value.
    pub(super) fn fault(&self) -> Option<&str> {
        match &self.state {
            State::Wrong(why) => Some(why),
            State::Changed(_) if self.refused.is_some() => Some("not saved: see the message"),
            State::Changed(_) | State::Unchanged => None,
        }
    }

    /// Draws the control. `width`: the width of a field for text.
    pub(super) fn ui(&mut self, ui: &mut Ui, width: f32) -> Response {
        let is_wrong = self.fault().is_some();
        let name = self.row.name;
        match &mut self.typed {
            Typed::Switch(on) => widgets::switch_ui(ui, on, name),
            Typed::Number(number) => number.ui(ui, vec2(NUMBER_WIDTH, 30.0), name),
            Typed::Text(text, example) => {
                let edit = widgets::text_edit(text, &widgets::example(example)).desired_width(width);
                let field = ui
                    .scope(|ui| {
                        widgets::edge_ui(ui, is_wrong);
                        ui.add(edit).accessible_name(name)
                    })
                    .inner;
                widgets::keep_focus(&field, is_wrong);
                field
            }
        }
    }
}
