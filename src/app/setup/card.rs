//! The card beside the steps: the destination in force, the one that the user is setting up, what happens to queued events,
//! and the buttons that switch, save or discard.

use eframe::egui::{Align, Label, Layout, RichText, Ui};
use lucide_icons::Icon;

use super::{
    super::{
        command::Command,
        queue_move::{self, Question},
        remedy_card,
        seen::Seen,
        status_line,
        theme::{self, Tokens, tokens, weight},
        widgets::{self, Tone},
    },
    check::Finding,
    delivering,
    guide::Step,
    layout::Room,
    saved,
};
use crate::{
    config::{Config, DestinationKind, StreamArn},
    engine::WaitingEvents,
};

/// What the user decided.
pub(super) enum Choice {
    /// Puts the draft in force.
    Save(WaitingEvents),
    Discard,
    /// Goes back to the practice stream.
    Practice,
}

/// What the card shows beside the settings in force.
#[derive(Clone, Copy)]
pub(super) struct Draft<'a> {
    pub config: &'a Config,
    pub is_dirty: bool,
    /// Why it cannot be put in force.
    pub reason: Option<&'a str>,
    /// The result of its check.
    pub checked: Finding,
    /// A check of it is under way.
    pub is_checking: bool,
    /// The result of a check of the settings in force.
    pub in_force: Finding,
}

#[derive(Default)]
pub(super) struct Card {
    /// The draft that the user wants in force without a check.
    unchecked: Option<Config>,
}

impl Card {
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        seen: &mut Seen<'_>,
        draft: Draft<'_>,
        room: Room,
    ) -> Option<Choice> {
        widgets::card_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            if room == Room::Lines {
                return self.lines_ui(ui, seen, draft);
            }
            let now = if draft.is_dirty { "Now" } else { "In force" };
            delivering::title_ui(ui, seen, now, draft.in_force);
            destination_ui(ui, seen.config, status_line::destination_in_force(seen));
            if draft.is_dirty {
                ui.add_space(6.0);
                return self.change_ui(ui, seen, draft);
            }
            delivering::delivering_ui(ui, seen, draft.in_force);
            in_force_ui(ui, seen)
        })
    }

    /// Draws the draft and the buttons for it.
    fn change_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: Draft<'_>) -> Option<Choice> {
        let switches = !draft.config.destination.is_same_stream(&seen.config.destination);
        let t = tokens(ui);
        if switches {
            ui.label(theme::icon(Icon::ArrowDown).color(t.weak));
            widgets::title_ui(ui, "New");
            destination_ui(ui, draft.config, status_line::destination(draft.config));
        } else {
            widgets::title_ui(ui, "Changed");
            ui.add(Label::new(RichText::new(changes(seen.config, draft.config)).color(t.text)).wrap());
        }
        ui.add_space(4.0);
        let question = queue_move::question(seen, draft.config).filter(|_| draft.reason.is_none());
        words_ui(ui, draft, question.as_ref());
        if switches && saved::is_kept(seen.config, draft.config, seen.status) {
            let name = saved::name_for(seen.config);
            widgets::hint_ui(ui, &format!("The present settings are saved as “{name}”."));
        }
        self.buttons_ui(ui, seen, draft, (switches, question.as_ref(), Room::Column))
    }

    /// Draws the draft and the buttons for it in a few lines.
    fn lines_ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>, draft: Draft<'_>) -> Option<Choice> {
        let t = tokens(ui);
        let switches = !draft.config.destination.is_same_stream(&seen.config.destination);
        let now = status_line::destination_in_force(seen);
        let text = if switches {
            let new = match &*draft.config.destination.stream {
                "" => "a stream that is not named yet".to_owned(),
                _ => status_line::destination(draft.config),
            };
            format!("{now} → {new}")
        } else {
            format!("{now}, changed: {}", changes(seen.config, draft.config).to_lowercase())
        };
        ui.add(Label::new(weight(text, 600.0).color(t.strong)).truncate());
        let question = queue_move::question(seen, draft.config).filter(|_| draft.reason.is_none());
        words_ui(ui, draft, question.as_ref());
        self.buttons_ui(ui, seen, draft, (switches, question.as_ref(), Room::Lines))
    }

    fn buttons_ui(
        &mut self,
        ui: &mut Ui,
        seen: &Seen<'_>,
        draft: Draft<'_>,
        (switches, question, room): (bool, Option<&Question>, Room),
    ) -> Option<Choice> {
        // Other keys could stop a delivery that works.
        let signs_otherwise = seen.config.credentials != draft.config.credentials;
        let could_stop = switches || (signs_otherwise && seen.status.forwarder.fault().is_none());
        let needs_check = could_stop && draft.config.destination.kind == DestinationKind::Kinesis;
        self.unchecked.take_if(|unchecked| unchecked != draft.config);
        let is_settled = !needs_check || draft.checked == Finding::Good || self.unchecked.is_some();
        let can = match draft.reason {
            Some(reason) => Err(reason),
            None if seen.saving => Err("Saving …"),
            None if draft.is_checking && !is_settled => Err("The check is running"),
            None if draft.checked == Finding::Bad && !is_settled => Err("The check found a problem"),
            None if !is_settled => Err("Check it first: the last step"),
            None => Ok(()),
        };
        let verb = match (switches, question) {
            (true, None) => format!("Switch to {}", queue_move::short_name(draft.config)),
            (true, Some(_)) => "Switch".to_owned(),
            (false, None) => "Save changes".to_owned(),
            (false, Some(_)) => "Save".to_owned(),
        };
        if let (Err(why), None) = (can, draft.reason) {
            ui.label(RichText::new(why).size(12.0).color(tokens(ui).weak));
        }
        let mut choice = None;
        let is_open = !is_settled && draft.reason.is_none() && !seen.saving;
        let buttons_ui = |ui: &mut Ui| {
            choice = queue_move::choice_ui(ui, &verb, question, can).map(Choice::Save);
            let unchecked = if switches { "Switch without a check" } else { "Save without a check" };
            if is_open && widgets::button_ui(ui, Icon::SkipForward, unchecked).clicked() {
                self.unchecked = Some(draft.config.clone());
                if question.is_none() {
                    choice = Some(Choice::Save(WaitingEvents::GoOn));
                }
            }
            if widgets::button_ui(ui, Icon::Undo2, "Discard").clicked() {
                choice = Some(Choice::Discard);
            }
        };
        match room {
            Room::Lines => ui.horizontal_wrapped(buttons_ui).inner,
            Room::Column => ui.with_layout(Layout::top_down_justified(Align::Min), buttons_ui).inner,
        }
        choice
    }
}

/// Draws why the draft cannot be put in force, or what happens to queued events.
fn words_ui(ui: &mut Ui, draft: Draft<'_>, question: Option<&Question>) {
    let t = tokens(ui);
    let calm = "Changes take effect when you press the button. Accepted events are kept.";
    match (draft.reason, question) {
        (Some(reason), _) => {
            ui.horizontal_top(|ui| {
                ui.label(theme::icon(Icon::CircleAlert).color(t.warn));
                ui.add(Label::new(RichText::new(reason).color(t.text)).wrap());
            });
        }
        (None, Some(question)) => widgets::message_ui(ui, Tone::Note, &question.text),
        (None, None) => {
            ui.add(Label::new(RichText::new(calm).color(t.weak)).wrap());
        }
    }
}

/// Draws the buttons of a stream that is in force.
fn in_force_ui(ui: &mut Ui, seen: &mut Seen<'_>) -> Option<Choice> {
    if seen.config.destination.kind == DestinationKind::Practice {
        return None;
    }
    let mut choice = None;
    ui.with_layout(Layout::top_down_justified(Align::Min), |ui| {
        let fault = seen.status.forwarder.fault();
        let step = fault.and_then(|fault| Step::of_fault(fault, seen.config));
        if let Some(step) = step {
            // Not "Stream" alone, which is a place too.
            let label = format!("Go to the step {}", step.title(DestinationKind::Kinesis));
            if widgets::primary_button_ui(ui, Icon::ArrowRight, &label, true).clicked() {
                seen.commands.extend(step.location().map(Command::GoToRemedy));
            }
        }
        if remedy_card::way_ui(ui, step.is_none(), Icon::FlaskConical, "Send a test event").clicked() {
            seen.push(Command::SendDraft);
        }
        if widgets::button_ui(ui, Icon::GraduationCap, "Switch to the practice stream").clicked() {
            choice = Some(Choice::Practice);
        }
    });
    choice
}

/// Draws where events go: the stream's name, then region, account and server.
fn destination_ui(ui: &mut Ui, config: &Config, name: String) {
    let t = tokens(ui);
    let destination = &config.destination;
    if destination.kind == DestinationKind::Practice {
        ui.label(weight("Practice stream", 600.0).color(t.strong));
        return small(ui, t, "Inside this app");
    }
    let name = if destination.stream.is_empty() { "Not named yet".to_owned() } else { name };
    ui.add(Label::new(weight(name, 600.0).color(t.strong)).truncate());
    let account = match StreamArn::parse(&destination.stream) {
        Ok(arn) => arn.account_id,
        Err(_) => destination.account_id.as_str(),
    };
    let mut about = vec![destination.region.as_str()];
    let account = format!("account {account}");
    about.extend((account.len() > "account ".len()).then_some(account.as_str()));
    about.extend(Some(destination.endpoint_url.as_str()));
    about.retain(|part| !part.is_empty());
    if !about.is_empty() {
        small(ui, t, &about.join(", "));
    }
}

fn small(ui: &mut Ui, t: &Tokens, text: &str) {
    ui.add(Label::new(RichText::new(text).color(t.weak)).wrap());
}

/// Which parts of the settings differ.
fn changes(now: &Config, new: &Config) -> String {
    let format = |config: &Config| {
        let all = &config.destination;
        (all.operation, all.encoding, all.aggregation, all.aggregation_max_bytes, all.ordered)
    };
    let mut parts = Vec::new();
    if now.credentials != new.credentials {
        parts.push("keys");
    }
    if now.destination.account_id != new.destination.account_id {
        parts.push("account id");
    }
    if format(now) != format(new) {
        parts.push("format");
    }
    if now.destination.reader != new.destination.reader {
        parts.push("reader");
    }
    widgets::capital(&parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::Reader;

    #[test]
    fn a_changed_reader_is_named_also_if_the_format_stays() {
        let now = Config::default();
        let mut new = now.clone();
        new.destination.reader = Some(Reader::Legacy);
        assert_eq!(changes(&now, &new), "Reader");
    }
}
