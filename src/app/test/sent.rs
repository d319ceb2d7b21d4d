//! What became of a test event, step by step: the endpoint's answer, the spool, the delivery, and the record as the
//! stream gives it back, compared byte for byte with what was sent.

use std::sync::Arc;

use eframe::egui::{self, Label, RichText, Sense, Stroke, Ui, WidgetInfo, vec2};
use lucide_icons::Icon;

use crate::{
    app::{
        command::{Command, StreamCommand},
        detail::{self, HistoryStep, Looks, Pane},
        place::Place,
        record_data,
        seen::Seen,
        theme::{tokens, weight},
        waiting::{Poll, Waiting},
        widgets::{self, Tone},
    },
    delivery::{self, AwsError, Detail, EventId, Millis, Record, State},
    engine::{Answer, TestSent},
    event::{self, Bucket, Kind, Part},
    remedy,
};

/// A test event and how far it got.
pub(super) struct Sent {
    kind: Kind,
    at: Millis,
    waiting: Option<Waiting<Result<TestSent, String>>>,
    answer: Option<Result<TestSent, String>>,
    pane: Option<Pane>,
    read: ReadBack,
}

/// The record as the stream gives it back.
enum ReadBack {
    NotYet,
    Waiting(Waiting<Result<Option<Record>, AwsError>>),
    There(Box<Read>),
    /// The stream has it no more, or not where it said.
    Gone,
    Refused(AwsError),
    Lost,
}

/// The event as a consumer finds it.
struct Read {
    /// Its partition key; of a line among others, that of the record.
    key: Arc<str>,
    /// Its bytes in the record.
    stored: Vec<u8>,
    /// Its place in the record, and how many events that has.
    place: Option<(usize, usize)>,
}

impl Read {
    /// The event at that place in the record; the whole record, where it has no such place.
    fn at(place: Option<delivery::PlaceInRecord>, record: &Record) -> Self {
        let whole =
            || Self { key: Arc::clone(&record.partition_key), stored: record.data.to_vec(), place: None };
        let Some(place) = place else { return whole() };
        let is_it = |part: &Part<'_>| part.place == Some((place.at as usize, place.of as usize));
        let part = event::parts(&record.partition_key, &record.data).into_iter().find(is_it);
        part.map_or_else(whole, |part| Self {
            key: part.key,
            stored: part.stored.to_vec(),
            place: part.place,
        })
    }

    /// Whether the key says whose event it is. A line among others has no key of its own: its record is that of its bucket.
    fn is_keyed_as(&self, key: &str) -> bool {
        *self.key == *key || self.place.is_some() && *self.key == *Bucket::of(key).partition_key()
    }
}

impl Sent {
    pub(super) fn new(kind: Kind, at: Millis, answer: Answer<Result<TestSent, String>>) -> Self {
        Self {
            kind,
            at,
            waiting: Some(Waiting::new(answer)),
            answer: None,
            pane: None,
            read: ReadBack::NotYet,
        }
    }

    /// Whether this is its event.
    pub(super) fn is_of(&self, id: EventId) -> bool {
        self.pane.as_ref().is_some_and(|pane| pane.id == id)
    }

    /// What shows the delivery, if this is its event.
    pub(super) fn pane_of(&mut self, id: EventId) -> Option<&mut Pane> {
        self.pane.as_mut().filter(|pane| pane.id == id)
    }

    pub(super) fn record_coming(&mut self, answer: Answer<Result<Option<Record>, AwsError>>) {
        self.read = ReadBack::Waiting(Waiting::new(answer));
    }

    pub(super) fn logic(&mut self, ctx: &egui::Context, seen: &mut Seen<'_>) {
        if let Some(waiting) = &mut self.waiting {
            self.answer = match waiting.poll(ctx) {
                Poll::Pending => return,
                Poll::There(answer) => Some(answer),
                Poll::Lost => Some(Err("The engine did not answer.".to_owned())),
            };
            self.waiting = None;
            if let Some(Ok(TestSent { id: Some(id), .. })) = &self.answer {
                self.pane = Some(Pane::new(*id, Looks::default()));
            }
        }
        let Some(pane) = &mut self.pane else { return };
        pane.logic(ctx, seen, Place::Test);
        match &mut self.read {
            ReadBack::NotYet => {
                if let Some(receipt) = pane.delivery().and_then(|delivery| delivery.receipt.clone()) {
                    seen.push(Command::Stream(StreamCommand::ReadBack(pane.id, receipt)));
                    ctx.request_repaint();
                }
            }
            ReadBack::Waiting(waiting) => {
                self.read = match waiting.poll(ctx) {
                    Poll::Pending => return,
                    Poll::There(Ok(Some(record))) => {
                        let receipt = pane.delivery().and_then(|delivery| delivery.receipt.as_ref());
                        let place = receipt.and_then(|receipt| receipt.place);
                        ReadBack::There(Box::new(Read::at(place, &record)))
                    }
                    Poll::There(Ok(None)) => ReadBack::Gone,
                    Poll::There(Err(fault)) => ReadBack::Refused(fault),
                    Poll::Lost => ReadBack::Lost,
                }
            }
            ReadBack::There(_) | ReadBack::Gone | ReadBack::Refused(_) | ReadBack::Lost => {}
        }
    }

    /// How many steps of the story are known.
    pub(super) fn steps_len(&self) -> usize {
        let state = self.pane.as_ref().and_then(Pane::delivery).map(|delivery| delivery.state);
        1 + usize::from(self.answer.is_some())
            + usize::from(state.is_some())
            + usize::from(state.is_some_and(|state| state != State::Queued))
            + usize::from(!matches!(self.read, ReadBack::NotYet | ReadBack::Waiting(_)))
    }

    /// Where the event is now.
    fn state(&self) -> (Option<Tone>, &'static str) {
        match (&self.answer, self.pane.as_ref().and_then(Pane::delivery)) {
            (_, Some(delivery)) => {
                let tone = match delivery.state {
                    State::Delivered => Some(Tone::Good),
                    State::Failed | State::Rejected => Some(Tone::Bad),
                    State::Retrying | State::Resent => Some(Tone::Attention),
                    State::Queued => None,
                };
                (tone, detail::state_word(delivery.state))
            }
            (None, None) => (None, "Sending"),
            (Some(Ok(answer)), None) if answer.status == 200 => (None, "Accepted"),
            (Some(_), None) => (Some(Tone::Bad), "Rejected"),
        }
    }

    /// The first steps: what was sent, and what was answered.
    fn sending(&self, seen: &Seen<'_>) -> [HistoryStep; 2] {
        let step = |tone, title: String, text: String, at: String| HistoryStep { tone, title, text, at };
        let to = format!("POST {}/v1/{}", seen.endpoint(), self.kind.as_str());
        let sent = step(Some(Tone::Note), "Sent to the endpoint".into(), to, seen.clock.time(self.at));
        let (tone, title, text) = match &self.answer {
            None => (None, "Waiting for the answer".into(), String::new()),
            Some(Err(error)) => (Some(Tone::Bad), "No answer from the endpoint".into(), error.clone()),
            Some(Ok(answer)) => {
                let tone = if answer.status == 200 { Tone::Good } else { Tone::Bad };
                (Some(tone), format!("Answered {}", answer.status), answer.body.trim().to_owned())
            }
        };
        [sent, step(tone, title, text, String::new())]
    }

    /// The last step, once the record is delivered.
    fn reading(&self, delivered: &Detail, seen: &Seen<'_>) -> Option<HistoryStep> {
        let (tone, title, text) = match &self.read {
            ReadBack::NotYet => return None,
            ReadBack::Waiting(_) => (None, "Reading it back", String::new()),
            ReadBack::There(read) => compared(delivered, read),
            ReadBack::Gone => {
                let text = "The stream no longer has this record. It was there: the stream had confirmed it.";
                (Some(Tone::Note), "No longer there to read back", text.to_owned())
            }
            ReadBack::Refused(fault) => {
                let remedy = remedy::remedy(fault, seen.config);
                let text = format!("{} This does not affect the delivery.", remedy.what);
                (Some(Tone::Note), "Not read back", text)
            }
            ReadBack::Lost => {
                (Some(Tone::Note), "Not read back", "The stream did not answer in time.".to_owned())
            }
        };
        Some(HistoryStep { tone, title: title.to_owned(), text, at: String::new() })
    }

    pub(super) fn ui(&self, ui: &mut Ui, seen: &mut Seen<'_>) {
        let t = tokens(ui);
        egui::Sides::new().show(
            ui,
            |ui| widgets::title_ui(ui, &format!("Story of this {}", self.kind.as_str())),
            |ui| {
                let (tone, word) = self.state();
                widgets::pill_ui(ui, tone.map_or(t.accent, |tone| tone.color(t)), word);
            },
        );
        ui.add_space(2.0);
        let mut steps = Vec::from(self.sending(seen));
        let loaded = self.pane.as_ref().and_then(Pane::detail);
        if let Some(loaded) = loaded {
            steps.extend(detail::history(loaded, seen.clock, &seen.status.forwarder));
            steps.extend(self.reading(loaded, seen));
        }
        detail::history_ui(ui, &steps);
        let Some(delivery) = loaded.map(|loaded| &loaded.delivery) else { return };
        detail::error_ui(ui, delivery, seen, Place::Test);
        ui.horizontal_wrapped(|ui| {
            if let ReadBack::Refused(fault) = &self.read
                && remedy::remedy(fault, seen.config).place == Some(remedy::Location::SetUpPolicy)
                && widgets::button_ui(ui, Icon::ArrowRight, "Allow reading in Set up").clicked()
            {
                seen.push(Command::AllowReading);
            }
            if widgets::button_ui(ui, Icon::Activity, "Show in Live").clicked() {
                seen.push(Command::ShowDelivery(delivery.id));
            }
            if let Some(receipt) = &delivery.receipt
                && widgets::button_ui(ui, Icon::Waves, "Show in Stream").clicked()
            {
                seen.push(Command::ShowRecord(receipt.clone()));
            }
            if let Some(receipt) = &delivery.receipt
                && widgets::button_ui(ui, Icon::Copy, "Copy sequence number").clicked()
            {
                ui.copy_text(receipt.sequence_number.to_string());
                seen.copied("Sequence number");
            }
        });
        if let ReadBack::There(read) = &self.read {
            ui.add_space(4.0);
            let title = match read.place {
                Some((at, of)) => format!("Event {at} of {of} in the record, as it was read back"),
                None => "The record as it was read back".to_owned(),
            };
            widgets::title_ui(ui, &title);
            let text = String::from_utf8_lossy(&read.stored);
            if record_data::data_ui(ui, &text) {
                ui.copy_text(text.into_owned());
                seen.copied("Record data");
            }
        }
    }

    /// A line of those that were sent before; true when it was clicked.
    pub(super) fn line_ui(&self, ui: &mut Ui, selected: bool, seen: &Seen<'_>) -> bool {
        let t = tokens(ui);
        let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 28.0), Sense::click());
        let (tone, word) = self.state();
        let name = format!("{} {word} {}", self.kind.as_str(), seen.clock.time(self.at));
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected, &name));
        let fill = if selected {
            t.accent_soft
        } else if response.hovered() || response.has_focus() {
            t.hover
        } else {
            egui::Color32::TRANSPARENT
        };
        let edge = if response.has_focus() { Stroke::new(1.0, t.accent) } else { Stroke::NONE };
        ui.painter().rect(rect, 7.0, fill, edge, egui::StrokeKind::Inside);
        let inside = egui::UiBuilder::new()
            .max_rect(rect.shrink2(vec2(8.0, 0.0)))
            .layout(egui::Layout::left_to_right(egui::Align::Center));
        let mut row = ui.new_child(inside);
        widgets::dot_ui(&mut row, tone.map_or(t.accent, |tone| tone.color(t)));
        row.add(Label::new(weight(self.kind.as_str(), 560.0).color(t.strong)).selectable(false));
        row.add(Label::new(RichText::new(word).color(t.weak)).selectable(false));
        row.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let time = RichText::new(seen.clock.time(self.at)).monospace().color(t.weak);
            ui.add(Label::new(time).selectable(false));
        });
        response.clicked()
    }
}

/// What was read against what was put.
fn compared(delivered: &Detail, read: &Read) -> (Option<Tone>, &'static str, String) {
    let put = delivered.encoding.encode(&delivered.json);
    let key = &delivered.delivery.partition_key;
    let place = delivered.delivery.receipt.as_ref().and_then(|receipt| receipt.place);
    if put == read.stored && read.is_keyed_as(key) && place.is_some() == read.place.is_some() {
        let what = if read.key == *key { "bytes and the partition key" } else { "bytes" };
        let among = read.place.map(|(at, of)| format!(" as event {at} of {of} in its record"));
        let bytes = widgets::digits(put.len() as u64);
        let text = format!("{bytes} {what}, byte for byte what was put{}", among.unwrap_or_default());
        return (Some(Tone::Good), "Read back from the stream", text);
    }
    let differs = if let (Some(place), None) = (place, read.place) {
        format!("It does not hold {} events, of which this is number {}", place.of, place.at)
    } else if read.is_keyed_as(key) {
        let at = put.iter().zip(&read.stored).take_while(|(a, b)| a == b).count();
        let [put, read, at] = [put.len(), read.stored.len(), at].map(|n| widgets::digits(n as u64));
        format!("{put} bytes were put and {read} read; they differ from byte {at} on")
    } else {
        format!("The partition key is {}, not {key}", read.key)
    };
    (Some(Tone::Bad), "The record in the stream is different", differs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        delivery::{Delivery, Receipt},
        event::{Encoding, RecordData, UserRecord},
    };

    fn record(key: &str, data: Vec<u8>) -> Record {
        Record {
            shard_id: "shardId-0".into(),
            sequence_number: "49".into(),
            arrived_at: None,
            partition_key: key.into(),
            data: data.into(),
        }
    }

    fn delivered(key: &str, json: &'static str, encoding: Encoding, at: u32) -> Detail {
        let place = Some(delivery::PlaceInRecord { at, of: 2 });
        let receipt = Receipt { shard_id: "shardId-0".into(), sequence_number: "49".into(), place };
        let delivery = Delivery {
            id: 1,
            state: State::Delivered,
            kind: Some(Kind::Track),
            name: None,
            message_id: "m".into(),
            source: "s".into(),
            partition_key: key.into(),
            key_shortened: false,
            received_at: 0,
            settled_at: Some(1),
            attempts: 1,
            took_ms: 1,
            receipt: Some(receipt),
            fault: None,
            bytes: 0,
            repeat_of: None,
            resend_of: None,
            resent_as: None,
        };
        Detail { delivery, json: json.into(), encoding, attempts: Vec::new() }
    }

    #[test]
    fn an_event_is_compared_with_its_own_part_of_an_aggregated_record() {
        let bucket = Bucket::of("ada");
        let two =
            [UserRecord { key: "ada", json: b"{\"n\":1}" }, UserRecord { key: "ada", json: b"{\"n\":2}" }];
        for (encoding, data) in [
            (Encoding::Base64, RecordData::Kpl(bucket, &two)),
            (Encoding::JsonLines, RecordData::Lines(&two)),
        ] {
            let mut bytes = Vec::new();
            data.encode_into(encoding, &mut bytes);
            let record = record(&bucket.partition_key(), bytes);
            for (at, json) in [(1, "{\"n\":1}"), (2, "{\"n\":2}")] {
                let detail = delivered("ada", json, encoding, at);
                let read = Read::at(detail.delivery.receipt.as_ref().and_then(|r| r.place), &record);
                let (tone, _, text) = compared(&detail, &read);
                assert_eq!(tone, Some(Tone::Good), "{text}");
                assert!(text.ends_with(&format!("event {at} of 2 in its record")), "{text}");
                let other = delivered("ada", "{\"n\":3}", encoding, at);
                assert_eq!(compared(&other, &read).0, Some(Tone::Bad));
            }
            // Somebody else's record has its sequence number.
            let read =
                Read::at(Some(delivery::PlaceInRecord { at: 1, of: 2 }), &self::record("ada", b"x".to_vec()));
            let (tone, _, text) = compared(&delivered("ada", "{}", encoding, 1), &read);
            assert_eq!(tone, Some(Tone::Bad));
            assert!(text.contains("does not hold 2 events"), "{text}");
        }
    }
}
