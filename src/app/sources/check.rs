//! "Check this source": waits for the source's next event and shows it, or what to try when none comes. It looks at the
//! status and reads one page of the log; it sends nothing.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eframe::egui::{self, Frame, Label, Margin, RichText, Ui};
use lucide_icons::Icon;

use super::unknown_senders::{key_words, requests};
use crate::{
    app::{
        command::{Command, LogCommand},
        place::Place,
        seen::Seen,
        theme::{self, tokens, weight},
        waiting::{Waiting, arrived},
        widgets::{self, Tone},
    },
    delivery::{Delivery, Detail, EventId, Field, LogPage, Pattern, Query, State, Status, UnknownSender},
    engine::Answer,
    event::{Kind, library_of},
};

/// The wait before advice is given: SDKs buffer events for ten seconds at most.
const PATIENCE: Duration = Duration::from_secs(15);
/// Maximum lines to read until one of this source is found.
const LOOK_AT: usize = 50;

/// The check of one source.
pub(super) struct Check {
    pub(super) source: String,
    began: Instant,
    /// The log's newest line when the check began.
    after: EventId,
    /// The number of events that the source had sent when the check began.
    before: u64,
    /// The keys of the unknown senders when the check began, and the number of their requests.
    unknown: Vec<(Arc<str>, u64)>,
    waiting: Option<Waiting<Result<LogPage, String>>>,
    /// The detail of the event that came, while it is being read.
    reading: Option<Waiting<Result<Option<Detail>, String>>>,
    /// The log's revision at the last read.
    revision: u64,
    found: Option<Result<Came, String>>,
}

/// The event that came.
struct Came {
    delivery: Box<Delivery>,
    /// The library that the event names in its context.
    library: Option<String>,
}

impl Check {
    pub(super) fn new(source: &str, status: &Status) -> Self {
        Self {
            source: source.to_owned(),
            began: Instant::now(),
            after: status.newest,
            before: sent(source, status),
            unknown: status.unknown_senders.iter().map(|one| (Arc::clone(&one.key), one.requests)).collect(),
            waiting: None,
            reading: None,
            revision: 0,
            found: None,
        }
    }

    pub(super) fn page_coming(&mut self, answer: Answer<Result<LogPage, String>>) {
        self.waiting = Some(Waiting::new(answer));
    }

    pub(super) fn detail_coming(&mut self, answer: Answer<Result<Option<Detail>, String>>) {
        self.reading = Some(Waiting::new(answer));
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        let status = seen.status;
        match arrived(&mut self.waiting, ctx) {
            Some(Ok(page)) => {
                if let Some(row) = page.rows.iter().find(|row| *row.source == *self.source) {
                    return seen.push(Command::Log(LogCommand::ReadDetail(row.id, Place::Sources)));
                }
            }
            Some(Err(error)) => self.found = Some(Err(error)),
            None => {}
        }
        self.found = match arrived(&mut self.reading, ctx) {
            Some(Ok(Some(detail))) => {
                let library = library_of(&detail.json);
                Some(Ok(Came { delivery: Box::new(detail.delivery), library }))
            }
            Some(Ok(None)) => Some(Err("The event is no longer in the log.".to_owned())),
            Some(Err(error)) => Some(Err(error)),
            None => self.found.take(),
        };
        let is_open = self.found.is_none() && self.waiting.is_none() && self.reading.is_none();
        if is_open && sent(&self.source, status) > self.before && self.revision != status.revision {
            self.revision = status.revision;
            let after = Some(self.after);
            let fields = vec![(Field::Source, Pattern::exactly(&*self.source))];
            let query = Query { fields, after, limit: LOOK_AT, ..Query::default() };
            seen.push(Command::Log(LogCommand::ReadPage(Box::new(query), Place::Sources)));
        }
    }

    /// False when it was closed.
    pub(super) fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let t = tokens(ui);
        let tone = match &self.found {
            None => Tone::Note,
            Some(Ok(came)) if came.delivery.state != State::Rejected => Tone::Good,
            Some(Ok(_) | Err(_)) => Tone::Bad,
        };
        let mut open = true;
        let frame = Frame::new().fill(tone.color(t).gamma_multiply(0.10)).corner_radius(8);
        frame.inner_margin(Margin { left: 12, right: 8, top: 8, bottom: 10 }).show(ui, |ui| {
            ui.take_available_width();
            let title = match &self.found {
                None => "Waiting for its next event …",
                Some(Ok(came)) if came.delivery.state == State::Rejected => "An event came and was rejected",
                Some(Ok(_)) => "An event arrived",
                Some(Err(_)) => "The log could not be read",
            };
            egui::Sides::new().shrink_left().show(
                ui,
                |ui| {
                    let icon = if self.found.is_none() { Icon::Hourglass } else { tone.icon() };
                    ui.label(theme::icon(icon).color(tone.color(t)));
                    ui.add(Label::new(weight(title, 600.0).color(t.strong)).truncate());
                },
                |ui| {
                    let name = if self.found.is_none() { "Cancel" } else { "Close" };
                    open = !widgets::button_ui(ui, Icon::X, name).clicked();
                },
            );
            match &self.found {
                None => self.advice_ui(ui, seen.status),
                Some(Ok(came)) => came.ui(ui, seen),
                Some(Err(error)) => widgets::hint_ui(ui, error),
            }
        });
        open
    }

    fn advice_ui(&self, ui: &mut Ui, status: &Status) {
        let t = tokens(ui);
        let waited = self.began.elapsed();
        if let Some(left) = PATIENCE.checked_sub(waited) {
            ui.request_repaint_after(left);
            let text = "Make the sender send an event now: load the page, start the app or run the snippet.";
            widgets::hint_ui(ui, text);
        }
        for text in advice(waited, &turned_away_since(&self.unknown, &status.unknown_senders)) {
            ui.horizontal_top(|ui| {
                ui.label(theme::icon(Icon::ChevronRight).color(t.weak));
                ui.add(Label::new(RichText::new(text).color(t.text)).wrap());
            });
        }
    }
}

impl Came {
    fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let delivery = &self.delivery;
        let library = self.library.as_deref().unwrap_or("not named");
        let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            widgets::fact_ui(ui, "Type", delivery.kind.map_or("–", Kind::as_str), false);
            widgets::fact_ui(ui, "Event", &or_none(delivery.name.as_deref().unwrap_or_default()), false);
            widgets::fact_ui(ui, "User", &or_none(&delivery.partition_key), false);
            widgets::fact_ui(ui, "SDK", library, false);
        });
        if let Some(fault) = delivery.fault.as_ref().filter(|_| delivery.state == State::Rejected) {
            widgets::message_ui(ui, Tone::Bad, &fault.to_string());
        }
        if widgets::button_ui(ui, Icon::Activity, "Show in Live").clicked() {
            seen.push(Command::ShowDelivery(delivery.id));
        }
    }
}

/// Accepted and rejected events of a source since the start.
fn sent(source: &str, status: &Status) -> u64 {
    let visits = status.sources.iter().find(|visits| &*visits.name == source);
    visits.map_or(0, |visits| visits.accepted + visits.rejected)
}

/// The unknown senders that were refused since the check began, with the number of their requests since then.
fn turned_away_since(before: &[(Arc<str>, u64)], now: &[UnknownSender]) -> Vec<UnknownSender> {
    let count = |sender: &UnknownSender| {
        let known = before.iter().find(|(key, _)| *key == sender.key);
        sender.requests - known.map_or(0, |(_, requests)| *requests).min(sender.requests)
    };
    let meanwhile = now.iter().map(|one| UnknownSender { requests: count(one), ..one.clone() });
    meanwhile.filter(|sender| sender.requests > 0).collect()
}

/// What to try. An unknown sender is named at once, the other advice follows after [`PATIENCE`].
fn advice(waited: Duration, senders: &[UnknownSender]) -> Vec<String> {
    let mut advice: Vec<String> = senders
        .iter()
        .take(3)
        .map(|one| {
            let agent = match &*one.user_agent {
                "" => String::new(),
                agent => format!(" ({agent})"),
            };
            let (key, requests) = (key_words(&one.key), requests(one.requests));
            format!("{key}: {requests}{agent} turned away meanwhile. If that is this sender, copy the key above into it.")
        })
        .collect();
    if waited >= PATIENCE {
        advice.extend(
            [
                "Nothing came yet. Copy the curl snippet under Connect and run it: that shows whether the endpoint is reached.",
                "Compare the sender's endpoint URL with the one under Capture endpoint. A phone or another computer \
                 cannot reach a 127.0.0.1 address.",
                "Compare the sender's write key with the one above.",
            ]
            .map(str::to_owned),
        );
    }
    advice
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(key: &str, requests: u64) -> UnknownSender {
        UnknownSender { key: key.into(), requests, last_seen: 0, user_agent: "shop/7".into() }
    }

    #[test]
    fn only_unknown_senders_of_that_time_are_named_and_at_once() {
        let before = [("…1234".into(), 4), ("no key".into(), 2)];
        let now = [sender("…1234", 5), sender("no key", 2), sender("…9999", 1)];
        let meanwhile = turned_away_since(&before, &now);
        assert_eq!(meanwhile, [sender("…1234", 1), sender("…9999", 1)]);
        let said = advice(Duration::ZERO, &meanwhile);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("Key …1234: 1 request (shop/7) turned away"), "{said:?}");
    }

    #[test]
    fn after_a_while_it_says_what_to_try() {
        assert!(advice(PATIENCE.saturating_sub(Duration::from_millis(1)), &[]).is_empty());
        let said = advice(PATIENCE, &[]);
        assert!(said.len() == 3 && said[0].contains("snippet") && said[2].contains("write key"), "{said:?}");
    }
}
