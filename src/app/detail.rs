//! All that is known of one delivery: what happened to it, its event, its exact record. Used beside the log and under
//! the Test place. Read once when opened, and again while the delivery goes on.

mod changes;
mod timeline;
mod tree;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::{
    self, Align, Frame, Label, Layout, Margin, RichText, ScrollArea, Sense, Stroke, Ui, vec2,
};
use lucide_icons::Icon;

use super::{
    Clock, Place, Poll, Seen, Waiting, Wish, banner,
    commands::{self, Command},
    json,
    theme::{self, Tokens, tokens, weight},
    widgets::{self, Tone},
};
use crate::{
    delivery::{
        Delivery, Detail, EventId, Field, Forwarder, Receipt, ResendSelection, State, Status, query::Name,
    },
    engine::{Answer, Engine},
    event::{Aggregation, Bucket, Encoding, PartitionKey, shown},
    shell,
    snippets::edit,
};
use changes::Change;
use tree::Tree;

/// The mark of an event that its sender sent again.
pub(super) const REPEAT: &str = "Repeat";
/// What that mark means.
pub(super) const REPEAT_MEANS: &str =
    "An event with the same messageId came before: its sender sent it again.";

/// The mark of an event that the user sent again.
pub(super) const RESEND: &str = "Resend";
/// What that mark means.
pub(super) const RESEND_MEANS: &str =
    "You resent this event. The log lists the original as an earlier line, unless it was removed since.";

/// The mark of an event that came or was sent before, and what it means.
pub(super) fn again(delivery: &Delivery) -> Option<(&'static str, &'static str)> {
    if delivery.resend_of.is_some() {
        Some((RESEND, RESEND_MEANS))
    } else if delivery.repeat_of.is_some() {
        Some((REPEAT, REPEAT_MEANS))
    } else {
        None
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Tab {
    #[default]
    Event,
    Record,
    Story,
}

/// How a delivery is shown; the next one that is opened is shown in the same way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Looks {
    tab: Tab,
    form: Form,
}

/// A delivery that is being looked at.
pub(super) struct Pane {
    pub id: EventId,
    waiting: Option<Waiting<Result<Option<Detail>, String>>>,
    shown: Shown,
    /// The log's revision when it was last asked for.
    revision: u64,
    pub looks: Looks,
    /// To be done by keys, once it is loaded.
    pub asked: Option<Act>,
}

/// How the event is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    #[default]
    Text,
    Tree,
}

enum Shown {
    Loading,
    Gone,
    Failed(String),
    There(Box<Loaded>),
}

struct Loaded {
    detail: Detail,
    /// The event, indented.
    event: String,
    /// The event as a tree, where it is JSON of a bearable size.
    tree: Option<Tree>,
    /// What the endpoint set in it.
    changes: Vec<Change>,
    /// The event as it is stored.
    raw: String,
    /// The record's bytes as text.
    record: String,
}

impl Loaded {
    /// What is said to be copied.
    fn event_name(&self) -> &'static str {
        if self.detail.is_cut() { "Kept part of the event" } else { "Event" }
    }

    fn new(detail: Detail) -> Self {
        let raw = String::from_utf8_lossy(&detail.json).into_owned();
        let record = String::from_utf8_lossy(&detail.encoding.encode(&detail.json)).into_owned();
        let tree = if raw.len() <= json::SHOWN_BYTES_MAX { Tree::new(&raw) } else { None };
        let changes = match detail.delivery.state {
            State::Rejected => Vec::new(),
            _ => changes::changes(&raw),
        };
        Self { event: json::indent(&raw), tree, changes, raw, record, detail }
    }
}

impl Pane {
    pub(super) fn new(id: EventId, looks: Looks) -> Self {
        Self { id, waiting: None, shown: Shown::Loading, revision: 0, looks, asked: None }
    }

    /// All of it as last read.
    pub(super) fn detail(&self) -> Option<&Detail> {
        match &self.shown {
            Shown::There(loaded) => Some(&loaded.detail),
            Shown::Loading | Shown::Gone | Shown::Failed(_) => None,
        }
    }

    /// The delivery as last read.
    pub(super) fn delivery(&self) -> Option<&Delivery> {
        self.detail().map(|detail| &detail.delivery)
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, engine: &Engine, status: &Status) {
        if let Some(waiting) = &mut self.waiting {
            self.shown = match waiting.poll(ctx) {
                Poll::Pending => return,
                Poll::There(Ok(Some(detail))) => self.load(detail),
                Poll::There(Ok(None)) => Shown::Gone,
                Poll::There(Err(error)) => Shown::Failed(error),
                Poll::Lost => Shown::Failed("The engine did not answer.".to_owned()),
            };
            self.waiting = None;
        }
        let ask = match &self.shown {
            Shown::Loading => true,
            Shown::There(loaded) => match loaded.detail.delivery.state {
                State::Queued | State::Retrying | State::Failed => self.revision != status.revision,
                State::Delivered | State::Resent | State::Rejected => false,
            },
            Shown::Gone | Shown::Failed(_) => false,
        };
        if ask {
            self.revision = status.revision;
            let answer: Answer<_> = engine.detail(self.id);
            self.waiting = Some(Waiting::new(answer));
        }
    }

    /// Keeps the texts where only the story went on.
    fn load(&mut self, detail: Detail) -> Shown {
        match std::mem::replace(&mut self.shown, Shown::Loading) {
            Shown::There(mut loaded)
                if loaded.detail.json == detail.json && loaded.detail.encoding == detail.encoding =>
            {
                loaded.detail = detail;
                Shown::There(loaded)
            }
            _ => Shown::There(Box::new(Loaded::new(detail))),
        }
    }

    /// False when it was closed.
    pub(super) fn ui(&mut self, ui: &mut Ui, seen: &mut Seen<'_>) -> bool {
        let mut open = true;
        match &self.shown {
            Shown::There(loaded) => {
                header_ui(ui, &loaded.detail.delivery, &mut open);
                acts_ui(ui, &[Act::Json, Act::Record, Act::Again, Act::Curl, Act::Edit], loaded, seen);
                if let Some(act) = self.asked.take() {
                    if !act.is_possible(&loaded.detail.delivery) {
                        seen.wishes.push(Wish::Refused("Not available for this delivery".to_owned()));
                    } else if let Some(why) = act.refusal(loaded) {
                        seen.wishes.push(Wish::Refused(why));
                    } else {
                        act.run(ui, loaded, seen);
                    }
                }
                let tabs = [(Tab::Event, "Event"), (Tab::Record, "Record"), (Tab::Story, "Story")];
                widgets::segments_ui(ui, &mut self.looks.tab, "What to show", &tabs);
                let salt = ("detail", self.id, self.looks.tab as u8);
                ScrollArea::vertical().id_salt(salt).auto_shrink(false).show(ui, |ui| {
                    // The scroll bar floats over what is left free here.
                    ui.set_max_width(ui.available_width() - 8.0);
                    ui.spacing_mut().item_spacing.y = 6.0;
                    match self.looks.tab {
                        Tab::Event => event_ui(ui, loaded, &mut self.looks.form, seen),
                        Tab::Record => record_ui(ui, loaded, seen),
                        Tab::Story => story_ui(ui, &loaded.detail, seen),
                    }
                    ui.add_space(12.0);
                });
            }
            Shown::Loading => {
                close_ui(ui, "Delivery", &mut open);
                widgets::hint_ui(ui, "Loading …");
            }
            Shown::Gone => {
                close_ui(ui, "Delivery", &mut open);
                widgets::message_ui(
                    ui,
                    Tone::Note,
                    "This delivery is no longer in the log: it keeps a limited number of delivered and rejected \
                     events (see Settings).",
                );
            }
            Shown::Failed(error) => {
                close_ui(ui, "Delivery", &mut open);
                widgets::message_ui(ui, Tone::Bad, error);
            }
        }
        open
    }
}

fn close_ui(ui: &mut Ui, title: &str, open: &mut bool) {
    let t = tokens(ui);
    egui::Sides::new().shrink_left().truncate().show(
        ui,
        |ui| {
            ui.add(Label::new(weight(shown::line(title), 640.0).size(15.0).color(t.strong)).truncate());
        },
        |ui| {
            if widgets::icon_button_ui(ui, Icon::X, "Close").clicked() {
                *open = false;
            }
        },
    );
}

fn header_ui(ui: &mut Ui, delivery: &Delivery, open: &mut bool) {
    let t = tokens(ui);
    let kind = delivery.kind.map_or("event", crate::event::Kind::as_str);
    close_ui(ui, delivery.name.as_deref().unwrap_or(kind), open);
    ui.horizontal(|ui| {
        widgets::pill_ui(ui, state_color(delivery.state, t), state_word(delivery.state));
        if let Some((mark, means)) = again(delivery) {
            widgets::pill_ui(ui, t.warn, mark).on_hover_text(means);
        }
        let latency = delivery.latency_ms().map(|ms| format!(" · delivered in {}", widgets::duration(ms)));
        let size = size(delivery).map(|size| format!(" · {size}"));
        let text = format!("{kind}{}{}", size.unwrap_or_default(), latency.unwrap_or_default());
        ui.add(Label::new(RichText::new(text).color(t.weak)).truncate());
    });
}

/// How large the event is; `None` where a request was rejected before its body had been read.
pub(super) fn size(delivery: &Delivery) -> Option<String> {
    let is_known = delivery.state != State::Rejected || delivery.bytes > 0;
    is_known.then(|| widgets::bytes(u64::from(delivery.bytes)))
}

/// `4.0 KiB`: how much of a rejected event is kept, where that is not all of it.
fn kept(detail: &Detail) -> Option<String> {
    detail.is_cut().then(|| widgets::bytes(detail.json.len() as u64))
}

fn event_ui(ui: &mut Ui, loaded: &Loaded, form: &mut Form, seen: &mut Seen<'_>) {
    let delivery = &loaded.detail.delivery;
    fault_ui(ui, delivery, seen, Place::Live);
    if let Some(first) = delivery.resend_of {
        widgets::message_ui(ui, Tone::Note, RESEND_MEANS);
        if widgets::button_ui(ui, Icon::CornerUpLeft, "Show the original").clicked() {
            seen.wishes.push(Wish::Show(first));
        }
    }
    if let Some(first) = delivery.repeat_of {
        widgets::message_ui(ui, Tone::Note, REPEAT_MEANS);
        if widgets::button_ui(ui, Icon::CornerUpLeft, "Show the first one").clicked() {
            seen.wishes.push(Wish::Show(first));
        }
    }
    facts_ui(ui, delivery, seen);
    acts_ui(ui, &[Act::User, Act::Event, Act::Source], loaded, seen);
    ui.add_space(2.0);
    let title = if delivery.state == State::Rejected { "What was sent" } else { "Event" };
    egui::Sides::new().height(38.0).show(
        ui,
        |ui| {
            widgets::title_ui(ui, title);
            ui.add_space(6.0);
        },
        |ui| {
            if loaded.tree.is_some() {
                ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                    let forms = [(Form::Text, "Text"), (Form::Tree, "Tree")];
                    widgets::segments_ui(ui, form, "Form of the event", &forms);
                });
            }
        },
    );
    if let Some(kept) = kept(&loaded.detail) {
        let all = size(delivery).unwrap_or_default();
        widgets::hint_ui(ui, &format!("Only the first {kept} of {all} were kept."));
    }
    match (&loaded.tree, *form) {
        (Some(tree), Form::Tree) => {
            let frame = Frame::new().fill(tokens(ui).field).stroke(Stroke::new(1.0, tokens(ui).line));
            frame.corner_radius(9).inner_margin(Margin::same(10)).show(ui, |ui| {
                ui.take_available_width();
                tree.ui(ui);
            });
        }
        (None, _) | (_, Form::Text) => {
            if widgets::code_ui(ui, &loaded.event, "Copy event JSON") {
                seen.copied(loaded.event_name());
            }
        }
    }
    changes_ui(ui, &loaded.changes);
}

/// What was done to it between its sender and the spool.
fn changes_ui(ui: &mut Ui, changes: &[Change]) {
    if changes.is_empty() {
        return;
    }
    let t = tokens(ui);
    ui.add_space(2.0);
    widgets::title_ui(ui, "Set by the endpoint");
    widgets::hint_ui(
        ui,
        "Only the stored event is kept, so a change that it does not prove is marked “Possible”. In addition, a numeric \
         id becomes text, values of the whole batch fill in what an event lacks, and a write key in the body is removed. \
         Everything else is as it was sent, byte for byte.",
    );
    for change in changes {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            ui.label(RichText::new(change.member).monospace().color(t.code_key));
            if !change.certain {
                widgets::pill_ui(ui, t.warn, "Possible");
            }
            ui.label(RichText::new(&change.what).color(t.text)).on_hover_text(shown::line(&change.value));
        });
    }
}

/// What can be done with an open delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Its event's JSON, copied as it is stored.
    Json,
    /// What `PutRecord` is given, copied.
    Record,
    /// A command that sends it again, copied.
    Curl,
    /// Its messageId, copied.
    Id,
    /// Queued again, or put once more.
    Again,
    /// Opened in the Test place.
    Edit,
    /// The events of its user, in Live.
    User,
    /// Those of its name.
    Event,
    /// Those of its source.
    Source,
}

impl Act {
    /// Whether it means something for this delivery.
    fn is_possible(self, delivery: &Delivery) -> bool {
        match self {
            Self::Json => true,
            Self::Record => delivery.state != State::Rejected,
            Self::Again => matches!(delivery.state, State::Failed | State::Delivered),
            Self::Curl | Self::Edit => delivery.kind.is_some(),
            Self::Id => !delivery.message_id.is_empty(),
            Self::User => !delivery.partition_key.is_empty(),
            Self::Event => delivery.name.is_some(),
            Self::Source => !delivery.source.is_empty(),
        }
    }

    /// Why it cannot be done with this delivery, where it means something for it.
    fn refusal(self, loaded: &Loaded) -> Option<String> {
        match self {
            // A part of an event is no event.
            Self::Curl | Self::Edit => kept(&loaded.detail)
                .map(|kept| format!("Not available: only the first {kept} were kept of this event")),
            Self::Json | Self::Record | Self::Id | Self::Again | Self::User | Self::Event | Self::Source => {
                None
            }
        }
    }

    fn button_ui(self, ui: &mut Ui, delivery: &Delivery) -> egui::Response {
        let (icon, label, hint) = match (self, delivery.state) {
            (Self::Json, _) => (Icon::Copy, "JSON", "Copies the event as it is stored"),
            (Self::Record, _) if delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some()) => {
                let hint =
                    "Copies what PutRecord would be given for this event alone: its record holds others, too";
                (Icon::Copy, "Record JSON", hint)
            }
            (Self::Record, _) => (Icon::Copy, "Record JSON", "Copies what PutRecord is given"),
            (Self::Curl, _) => (Icon::Terminal, "curl", "Copies a command that sends it as a new event"),
            (Self::Id, _) => (Icon::Copy, "messageId", "Copies the messageId"),
            (Self::Again, State::Failed) => {
                (Icon::RotateCw, "Resend", "Queues this event again, behind waiting events")
            }
            (Self::Again, _) => {
                (Icon::RotateCw, "Replay", "Delivers this event once more, with the same messageId")
            }
            (Self::Edit, _) => {
                let hint = "Opens the Test place with this event, to be sent as a new one";
                (Icon::FlaskConical, "Edit as test", hint)
            }
            (Self::User, _) => (Icon::ListFilter, "This user", "Shows only the events of this user"),
            (Self::Event, _) => (Icon::ListFilter, "This event", "Shows only the events with this name"),
            (Self::Source, _) => (Icon::ListFilter, "This source", "Shows only the events of this source"),
        };
        let keys = Command::Open(self).entry().keys;
        let keys = keys.map(|keys| format!(" ({})", commands::text_of(ui, keys))).unwrap_or_default();
        widgets::button_ui(ui, icon, label).on_hover_text(format!("{hint}{keys}"))
    }

    fn run(self, ui: &Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
        let delivery = &loaded.detail.delivery;
        let mut copy = |text: String, what: &str| {
            ui.copy_text(text);
            seen.copied(what);
        };
        match self {
            Self::Json => copy(loaded.raw.clone(), loaded.event_name()),
            Self::Record => copy(record_json(loaded), "Record"),
            Self::Id => copy(delivery.message_id.to_string(), "messageId"),
            Self::Curl => {
                let Some(kind) = delivery.kind else { return };
                let url = format!("{}/v1/{}", seen.endpoint(), kind.as_str());
                let event = edit::as_new(&loaded.raw);
                ui.copy_text(curl(&url, event.as_ref().unwrap_or(&loaded.raw)));
                seen.copied("curl command");
            }
            Self::Again => seen.wishes.push(Wish::Resend(ResendSelection::Lines(vec![delivery.id]))),
            Self::Edit => {
                let Some(kind) = delivery.kind else { return };
                let event = edit::as_new(&loaded.event).map(|event| json::indent(&event));
                seen.wishes.push(Wish::Compose(kind, event.unwrap_or_else(|| loaded.event.clone())));
            }
            Self::User => same(seen, Field::User, &delivery.partition_key),
            Self::Event => same(seen, Field::Event, delivery.name.as_deref().unwrap_or_default()),
            Self::Source => same(seen, Field::Source, &delivery.source),
        }
    }
}

/// The way to all events that have something in common with this one.
fn same(seen: &mut Seen<'_>, field: Field, value: &str) {
    seen.wishes.push(Wish::Filter(Name::Field(field), value.to_owned()));
}

/// Buttons for these, where they mean something.
fn acts_ui(ui: &mut Ui, acts: &[Act], loaded: &Loaded, seen: &mut Seen<'_>) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
        ui.spacing_mut().button_padding = vec2(9.0, 4.0);
        for act in acts.iter().filter(|act| act.is_possible(&loaded.detail.delivery)) {
            let why = act.refusal(loaded);
            let button =
                ui.add_enabled_ui(why.is_none(), |ui| act.button_ui(ui, &loaded.detail.delivery)).inner;
            if button.on_disabled_hover_text(why.unwrap_or_default()).clicked() {
                act.run(ui, loaded, seen);
            }
        }
    });
}

/// What `PutRecord` is given: `Data` in base64, as AWS's API and command line take it.
fn record_json(loaded: &Loaded) -> String {
    let data = loaded.detail.encoding.encode(&loaded.detail.json);
    let record = serde_json::json!({
        "PartitionKey": &*loaded.detail.delivery.partition_key,
        "Data": STANDARD.encode(data),
    });
    serde_json::to_string_pretty(&record).unwrap_or_default()
}

/// A command that sends the same event again; the user fills in a write key.
fn curl(url: &str, json: &str) -> String {
    let (url, json) = (shell::word(url), shown::lines(json));
    let body = shell::word(&json);
    format!("curl {url} -u YOUR_WRITE_KEY: -H 'Content-Type: application/json' -d {body}")
}

fn facts_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        // Its sender sent the original only.
        let name = if delivery.resend_of.is_some() { "Queued again" } else { "Received" };
        widgets::fact_ui(ui, name, &seen.clock.full(delivery.received_at), false);
        if !delivery.source.is_empty() {
            widgets::fact_ui(ui, "Source", &delivery.source, false);
        }
        if !delivery.message_id.is_empty() && widgets::fact_ui(ui, "messageId", &delivery.message_id, true) {
            seen.copied("messageId");
        }
        // A rejected event has no record, and so no partition key.
        let key = if delivery.state == State::Rejected { "User" } else { "Partition key" };
        if !delivery.partition_key.is_empty() && widgets::fact_ui(ui, key, &delivery.partition_key, true) {
            seen.copied(key);
        }
        if let Some(receipt) = &delivery.receipt {
            widgets::fact_ui(ui, "Shard", &receipt.shard_id, false);
            if widgets::fact_ui(ui, "Sequence number", &receipt.sequence_number, true) {
                seen.copied("Sequence number");
            }
            if let Some(place) = receipt.place {
                widgets::fact_ui(ui, "Place in record", &format!("{} of {}", place.at, place.of), false);
            }
        }
    });
}

/// Why it is not delivered, and what to do. `here`: the place where this is said.
pub(super) fn fault_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>, here: Place) {
    let Some(fault) = delivery.fault.as_ref() else { return };
    match delivery.state {
        State::Delivered => {}
        State::Resent => banner::resent_ui(ui, seen, fault, delivery.resent_as),
        State::Rejected | State::Failed | State::Queued | State::Retrying => {
            let event =
                banner::Event { here, failed: (delivery.state == State::Failed).then_some(delivery.id) };
            banner::remedy_ui(ui, seen, fault, Some(event));
        }
    }
}

fn record_ui(ui: &mut Ui, loaded: &Loaded, seen: &mut Seen<'_>) {
    let detail = &loaded.detail;
    if detail.delivery.state == State::Rejected {
        widgets::message_ui(ui, Tone::Note, "It was refused at the endpoint, so there is no record.");
        return;
    }
    let consequence = match detail.encoding {
        Encoding::Base64 => "base64: base64 of the event's JSON",
        Encoding::Json => "json: the event's JSON text",
        Encoding::JsonLines => "json-lines: the event's JSON text and a newline",
    };
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        if widgets::fact_ui(ui, "Partition key", &detail.delivery.partition_key, true) {
            seen.copied("Partition key");
        }
        widgets::fact_ui(ui, "Encoding", consequence, false);
        let (data, key) = (loaded.record.len(), detail.delivery.partition_key.len());
        let size = format!("{} data + {} key", widgets::bytes(data as u64), widgets::bytes(key as u64));
        widgets::fact_ui(ui, "Size", &size, false);
        shard_ui(ui, &detail.delivery, seen);
    });
    if detail.delivery.key_shortened {
        widgets::message_ui(
            ui,
            Tone::Note,
            "The user's id is longer than the 256 characters that Kinesis takes: the partition key is its SHA-256.",
        );
    }
    let shares = detail.delivery.receipt.as_ref().is_some_and(|receipt| receipt.place.is_some());
    widgets::title_ui(ui, if shares { "Its data in the record" } else { "Data" });
    if wrapped_code_ui(ui, &loaded.record) {
        ui.copy_text(loaded.record.clone());
        seen.copied("Record data");
    }
    ui.horizontal(|ui| {
        if widgets::button_ui(ui, Icon::Braces, "Copy event as stored").clicked() {
            ui.copy_text(loaded.raw.clone());
            seen.copied("Event");
        }
    });
}

/// Why the record is in its shard, and which other events it holds.
fn shard_ui(ui: &mut Ui, delivery: &Delivery, seen: &mut Seen<'_>) {
    let receipt = delivery.receipt.as_ref();
    let place = receipt.and_then(|receipt| receipt.place);
    let bucket = Bucket::of(&delivery.partition_key);
    if let Some(place) = place {
        let text = format!("{} of {}, under the key {}", place.at, place.of, bucket.partition_key());
        widgets::fact_ui(ui, "In an aggregate", &text, false);
    }
    // With aggregation every record has an explicit hash key; of one that was delivered alone it is not known.
    let aggregates = seen.config.destination.aggregation != Aggregation::None;
    let (hash, what) = if place.is_some() || receipt.is_none() && aggregates {
        (bucket.hash_key(), format!("the explicit hash key of {}", bucket.partition_key()))
    } else {
        (PartitionKey::hash_of(&delivery.partition_key), "MD5 of the key".to_owned())
    };
    if widgets::fact_ui(ui, "Hash key", &hash.to_string(), true) {
        seen.copied("Hash key");
    }
    let shard = match receipt {
        Some(receipt) => receipt.shard_id.to_string(),
        None => match seen.engine.shard_by_hash(hash) {
            Some(shard) => format!("{shard}, as the shards are now"),
            None => "not known until the Stream place is opened".to_owned(),
        },
    };
    let at = hash as f64 / u128::MAX as f64 * 100.0;
    let text = format!("{shard}: {what} is at {at:.1} % of the hash range");
    widgets::fact_ui(ui, "Shard by hash", &text, false);
}

/// Text without structure, broken anywhere. True when its copy button was pressed.
pub(super) fn wrapped_code_ui(ui: &mut Ui, text: &str) -> bool {
    let t = tokens(ui);
    let (shown, was_cut) = json::cut(text, 8 * 1024);
    let mut copy = false;
    Frame::new()
        .fill(t.field)
        .stroke(Stroke::new(1.0, t.line))
        .corner_radius(9)
        .inner_margin(Margin::same(12))
        .show(ui, |ui| {
            ui.take_available_width();
            let mut job = egui::text::LayoutJob::simple(
                shown::lines(shown).into_owned(),
                egui::TextStyle::Monospace.resolve(ui.style()),
                t.text,
                ui.available_width(),
            );
            job.wrap.break_anywhere = true;
            ui.add(Label::new(job).selectable(true));
            ui.horizontal(|ui| {
                copy = widgets::button_ui(ui, Icon::Copy, "Copy record data").clicked();
                if was_cut {
                    ui.label(RichText::new("Shortened here. Copy gives all of it.").small().color(t.weak));
                }
            });
        });
    copy
}

/// One step of a story: when, what, and how it went.
pub(super) struct Step {
    pub tone: Option<Tone>,
    pub title: String,
    pub text: String,
    pub at: String,
}

/// Why an event that waits is not delivered now.
fn waits_for(forwarder: &Forwarder) -> &'static str {
    match forwarder {
        Forwarder::Disabled => "Delivery is disabled: it waits until you enable delivery under Set up",
        Forwarder::Running => "Waiting for its turn",
        Forwarder::Throttled(_) => "Waiting for its turn: the stream throttles",
        Forwarder::Blocked { .. } => "Waiting: delivery is blocked",
        Forwarder::Offline { .. } => "Waiting: the destination cannot be reached",
        Forwarder::Draining => "Tributary is shutting down: it waits until the next start",
    }
}

/// From the endpoint to the stream, as far as it got.
pub(super) fn steps(detail: &Detail, clock: &Clock, forwarder: &Forwarder) -> Vec<Step> {
    let delivery = &detail.delivery;
    let good = |title: &str, text: String, at: String| Step {
        tone: Some(Tone::Good),
        title: title.into(),
        text,
        at,
    };
    if delivery.state == State::Rejected {
        let text = delivery.fault.as_ref().map(ToString::to_string).unwrap_or_default();
        let at = clock.time(delivery.received_at);
        return vec![Step { tone: Some(Tone::Bad), title: "Rejected".into(), text, at }];
    }
    let text = if delivery.resend_of.is_some() {
        "Committed to disk once more, because you resent it"
    } else {
        "Committed to disk before its sender got 200"
    };
    let mut steps = vec![good("Safe in the spool", text.into(), clock.time(delivery.received_at))];
    for attempt in &detail.attempts {
        steps.push(Step {
            tone: Some(Tone::Attention),
            title: format!("Attempt {} failed", attempt.number),
            text: format!("{} (after {})", attempt.fault, widgets::duration(i64::from(attempt.took_ms))),
            at: clock.time(attempt.at),
        });
    }
    let settled = delivery.settled_at.map(|at| clock.time(at)).unwrap_or_default();
    match delivery.state {
        State::Delivered => {
            let text = delivery.receipt.as_ref().map(|receipt| {
                let place = receipt.place.map(|place| format!(" · event {} of {}", place.at, place.of));
                let Receipt { shard_id, sequence_number, .. } = receipt;
                format!("{shard_id} · sequence number {sequence_number}{}", place.unwrap_or_default())
            });
            steps.push(good("Delivered", text.unwrap_or_default(), settled));
        }
        State::Failed | State::Resent => {
            let text = delivery.fault.as_ref().map(ToString::to_string).unwrap_or_default();
            steps.push(Step { tone: Some(Tone::Bad), title: "Failed".into(), text, at: settled });
            if delivery.state == State::Resent {
                steps.push(good("Resent", "Continues as a new event in the log".into(), String::new()));
            }
        }
        State::Queued | State::Retrying | State::Rejected => {
            let text = match &delivery.fault {
                Some(fault) if matches!(forwarder, Forwarder::Disabled) => {
                    format!(
                        "Last answer: {}. {}",
                        fault.to_string().trim_end_matches('.'),
                        waits_for(forwarder)
                    )
                }
                Some(fault) => format!("Last answer: {fault}"),
                None => waits_for(forwarder).to_owned(),
            };
            steps.push(Step {
                tone: None,
                title: state_word(delivery.state).into(),
                text,
                at: String::new(),
            });
        }
    }
    steps
}

fn story_ui(ui: &mut Ui, detail: &Detail, seen: &Seen<'_>) {
    ui.add_space(4.0);
    if detail.delivery.state != State::Rejected {
        timeline::timeline_ui(ui, detail, seen.clock);
        ui.add_space(6.0);
    }
    steps_ui(ui, &steps(detail, seen.clock, &seen.status.forwarder));
    if let Some(ms) = detail.delivery.latency_ms() {
        let puts = detail.delivery.attempts.max(1);
        let took = widgets::duration(i64::from(detail.delivery.took_ms));
        let from = if detail.delivery.resend_of.is_some() { "queue" } else { "endpoint" };
        let text = format!(
            "{} from the {from} to the stream, {puts} put{}; the last one took {took}.",
            widgets::duration(ms),
            if puts == 1 { "" } else { "s" }
        );
        widgets::hint_ui(ui, &text);
    }
}

/// A story from top to bottom, with a line between its steps.
pub(super) fn steps_ui(ui: &mut Ui, steps: &[Step]) {
    let t = tokens(ui);
    for (i, step) in steps.iter().enumerate() {
        let row = ui
            .horizontal_top(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(20.0, 20.0), Sense::hover());
                mark_ui(ui, rect.center(), step.tone, t);
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.spacing_mut().interact_size.y = 20.0;
                    ui.horizontal(|ui| {
                        ui.label(weight(&*step.title, 600.0).color(t.strong));
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            if !step.at.is_empty() {
                                ui.label(RichText::new(&step.at).monospace().size(11.5).color(t.weak));
                            }
                        });
                    });
                    if !step.text.is_empty() {
                        ui.add(
                            Label::new(RichText::new(shown::lines(&step.text)).size(12.0).color(t.text))
                                .wrap(),
                        );
                    }
                    ui.add_space(8.0);
                });
                rect
            })
            .inner;
        if i + 1 < steps.len() {
            let x = row.center().x;
            ui.painter().vline(
                x,
                (row.bottom() + 1.0)..=(ui.min_rect().bottom() + 1.0),
                Stroke::new(1.0, t.edge),
            );
        }
    }
}

fn mark_ui(ui: &Ui, center: egui::Pos2, tone: Option<Tone>, t: &Tokens) {
    let color = tone.map_or(t.weak, |tone| tone.color(t));
    ui.painter().circle_filled(center, 9.0, color.gamma_multiply(0.16));
    let glyph = match tone {
        None => Icon::Hourglass,
        Some(Tone::Good) => Icon::Check,
        Some(Tone::Note) => Icon::Send,
        Some(Tone::Attention) => Icon::RotateCw,
        Some(Tone::Bad) => Icon::X,
    };
    ui.painter().text(
        center,
        egui::Align2::CENTER_CENTER,
        char::from(glyph),
        egui::FontId::new(10.5, theme::icons()),
        color,
    );
}

/// The state as the user reads it.
pub(super) fn state_word(state: State) -> &'static str {
    match state {
        State::Queued => "Queued",
        State::Retrying => "Retrying",
        State::Delivered => "Delivered",
        State::Failed => "Failed",
        State::Resent => "Resent",
        State::Rejected => "Rejected",
    }
}

/// The state's colour.
pub(super) fn state_color(state: State, t: &Tokens) -> egui::Color32 {
    match state {
        State::Queued => t.accent,
        State::Retrying => t.warn,
        State::Delivered => t.ok,
        State::Failed | State::Rejected => t.err,
        State::Resent => t.weak,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curl_command_survives_a_quote_in_the_event() {
        let text = curl("http://h/v1/track", r#"{"event":"it's"}"#);
        assert!(text.ends_with(r#"-d "{\"event\":\"it's\"}""#), "{text}");
    }

    #[test]
    fn a_curl_command_holds_no_control_character_that_a_terminal_would_obey() {
        let text = curl("http://h/v1/track", "{\"event\":\"a\u{9b}b\u{202e}\"}");
        assert!(text.ends_with(r#"-d "{\"event\":\"a\\u009bb\\u202e\"}""#), "{text}");
    }
}
