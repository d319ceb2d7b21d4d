//! One event made from one object of a body.
//!
//! The event is the object's own text with a few edits. Everything between edited members is copied unchanged, so
//! values, order, white space and repeated members survive. One function, [`Writer::write_value`], says for each field
//! what a member becomes, or that it stays. The same function decides about a missing member, which is then added at
//! the end.

use std::borrow::Cow;

use uuid::Uuid;

use super::call::{Event, Notes};
use super::code::{EndpointCode, Rejection};
use super::context;
use super::index::{begins, is_null, is_number, quote};
use super::item::{Item, Reason};
use super::scan::{SPACES, Span};
use super::time::{self, Stamp, Time};
use super::walk::{Field, Member, offset};

/// Segment guarantees nothing about a `messageId` with more characters than this.
const MESSAGE_ID_CHARS_NOTED: usize = 100;

/// Room that is reserved for a shared object where the item has one of its own.
const SHARED_ROOM_MAX: usize = 2048;

/// What may be added to an object, in the order in which it is added.
const ADDED: [(Field, &[u8]); 8] = [
    (Field::Type, b"\"type\":"),
    (Field::MessageId, b"\"messageId\":"),
    (Field::Context, b"\"context\":"),
    (Field::Integrations, b"\"integrations\":"),
    (Field::SentAt, b"\"sentAt\":"),
    (Field::ReceivedAt, b"\"receivedAt\":"),
    (Field::OriginalTimestamp, b"\"originalTimestamp\":"),
    (Field::Timestamp, b"\"timestamp\":"),
];

/// Makes one event.
pub(super) fn event(item: &Item<'_>) -> Result<Event, Rejection> {
    let given = item.message_id().map_err(|reason| item.reject(reason, None))?;
    let (kind, key) = item.check().map_err(|reason| item.reject(reason, given.as_deref()))?;
    let message_id_made = given.is_none();
    let message_id = given.map_or_else(made_message_id, Cow::into_owned);
    let changes_id = message_id_made || item.has_number(Field::MessageId);
    let times = Times::of(item);
    let json = Writer { item, message_id: changes_id.then_some(message_id.as_str()), times }.write();

    let arrival = item.request.arrival;
    let record_bytes = arrival.encoding.encoded_len(json.len()).saturating_add(key.as_str().len());
    if record_bytes > arrival.record_bytes_max {
        let message = format!(
            "the event has {} bytes of JSON; its record would have {record_bytes} with key and encoding, the limit is {}",
            json.len(),
            arrival.record_bytes_max
        );
        let senders_id = (!message_id_made).then_some(message_id.as_str());
        return Err(item.reject(Reason::new(EndpointCode::EventTooLarge, message), senders_id));
    }
    let notes = Notes {
        bad_timestamp: times.bad,
        long_message_id: message_id.len() > MESSAGE_ID_CHARS_NOTED
            && message_id.chars().count() > MESSAGE_ID_CHARS_NOTED,
        bare_numbers: u32::try_from(item.request.body.bare(item.object).len()).unwrap_or(u32::MAX),
    };
    let name = item.name(kind);
    Ok(Event { kind, message_id, message_id_made, key, name, json, notes })
}

/// The two times of an event, corrected by the skew of the sender's clock.
#[derive(Clone, Copy)]
struct Times {
    /// What `timestamp` becomes, if it changes.
    timestamp: Option<Stamp>,
    /// The value that becomes `originalTimestamp`, as received, if it changes.
    original: Option<Span>,
    /// One of the two is not a time, or cannot be written.
    bad: bool,
}

impl Times {
    /// The arms are the rows of `docs/capture.md` (Times).
    fn of(item: &Item<'_>) -> Self {
        let time = |member| item.request.body.time(member);
        let received = Some(item.request.received);
        match (item.present(Field::OriginalTimestamp), item.present(Field::Timestamp)) {
            (None, None) => Self { timestamp: received, original: None, bad: false },
            (Some(original), Some(timestamp)) => {
                let bad = time(original).is_none() || time(timestamp).is_none();
                Self { timestamp: None, original: None, bad }
            }
            (Some(only), None) | (None, Some(only)) => {
                let corrected = time(only).and_then(|time| corrected(item, time));
                let has_original = only.field == Field::OriginalTimestamp;
                Self {
                    timestamp: corrected.or(received),
                    original: (!has_original).then_some(only.value),
                    bad: corrected.is_none(),
                }
            }
        }
    }
}

/// The time by this machine's clock, if the sender said when it sent the event.
fn corrected(item: &Item<'_>, time_of_event: Time) -> Option<Stamp> {
    let request = item.request;
    let sent = match item.present(Field::SentAt) {
        Some(member) => request.body.time(member),
        None => request.sent,
    };
    let at_ms = match sent {
        Some(sent) => time_of_event.corrected_ms(sent, request.received_ms),
        None => time_of_event.ms(),
    };
    time::stamp(at_ms)
}

/// Writes the JSON of an event.
struct Writer<'i, 'b> {
    item: &'i Item<'b>,
    /// What `messageId` becomes, if it changes.
    message_id: Option<&'i str>,
    times: Times,
}

impl Writer<'_, '_> {
    /// The object's text with its edits, then what is added.
    fn write(&self) -> Vec<u8> {
        let Item { request, object, .. } = *self.item;
        let mut out = Vec::with_capacity(object.range().len() + self.shared_room() + 320);
        let content = request.body.content(object);
        let mut from = content.start;
        out.push(b'{');
        for member in self.item.members {
            let counts = self.item.get(member.field).is_some_and(|last| std::ptr::eq(last, member));
            match member.field {
                Field::WriteKey => {
                    let rest = Span { start: from, end: content.end };
                    from = self.remove(member, rest, &mut out);
                }
                // The endpoint decides these wherever they occur.
                Field::ReceivedAt | Field::Type => {
                    from = self.rewrite(member, from, &mut out);
                }
                _ if counts => from = self.rewrite(member, from, &mut out),
                _ => {}
            }
        }
        request.body.copy(Span { start: from, end: content.end }, &mut out);
        for (field, name) in ADDED {
            if self.item.get(field).is_some() {
                continue;
            }
            let before = out.len();
            if before > 1 {
                out.push(b',');
            }
            out.extend_from_slice(name);
            if !self.write_value(field, None, &mut out) {
                out.truncate(before);
            }
        }
        out.push(b'}');
        // The event may wait in memory for long. Returns the room for a shared `context` that this item turned out to
        // have itself.
        if out.capacity() > out.len() + out.len() / 4 + 512 {
            out.shrink_to_fit();
        }
        out
    }

    /// About how many bytes come from the envelope. An item with an object of its own often gets nothing of the shared one;
    /// if it does, the buffer grows.
    fn shared_room(&self) -> usize {
        let request = self.item.request;
        let shared = [
            (request.context, Field::Context),
            (request.integrations, Field::Integrations),
            (request.sent_at, Field::SentAt),
        ];
        let room = shared.into_iter().filter_map(|(shared, field)| {
            let bytes = shared?.value.range().len();
            Some(if self.item.get(field).is_some() { bytes.min(SHARED_ROOM_MAX) } else { bytes })
        });
        room.sum()
    }

    /// Whether a member certainly stays as it is: a quick check that decides for most members.
    fn stays(&self, member: &Member) -> bool {
        match member.field {
            Field::Event | Field::Name => true,
            Field::Type => self.item.path_kind.is_none(),
            Field::MessageId => self.message_id.is_none(),
            Field::UserId | Field::AnonymousId | Field::GroupId | Field::PreviousId => {
                begins(self.item.raw(member), b'"')
            }
            Field::OriginalTimestamp => self.times.original.is_none(),
            Field::Timestamp => self.times.timestamp.is_none(),
            Field::Context | Field::Integrations | Field::SentAt | Field::ReceivedAt | Field::WriteKey => {
                false
            }
        }
    }

    /// Writes everything from `from` up to a member's value, and what the value becomes. Returns where to go on.
    fn rewrite(&self, member: &Member, from: u32, out: &mut Vec<u8>) -> u32 {
        if self.stays(member) {
            return from;
        }
        self.item.request.body.copy(Span { start: from, end: member.value.start }, out);
        if self.write_value(member.field, Some(member), out) { member.value.end } else { member.value.start }
    }

    /// Writes what `rest` has before `member`, and leaves the member out together with one comma. Returns where to go
    /// on.
    fn remove(&self, member: &Member, rest: Span, out: &mut Vec<u8>) -> u32 {
        let body = self.item.request.body;
        let text = body.text();
        let before = text[..member.at as usize].trim_end_matches(SPACES);
        let kept =
            before.strip_suffix(',').map_or(rest.start as usize, |kept| kept.trim_end_matches(SPACES).len());
        body.copy(Span { start: rest.start, end: offset(kept) }, out);
        if out.len() > 1 {
            return member.value.end;
        }
        // Nothing was written before the member: leaves out the comma after it.
        let after = text[member.value.end as usize..rest.end as usize].trim_start_matches(SPACES);
        let next = after.strip_prefix(',').map_or(after, |next| next.trim_start_matches(SPACES));
        rest.end - offset(next.len())
    }

    /// Writes what a member becomes. `false`, with nothing written, if it stays as it is (or is not added).
    fn write_value(&self, field: Field, member: Option<&Member>, out: &mut Vec<u8>) -> bool {
        let request = self.item.request;
        match field {
            Field::Type => self.item.path_kind.map(|kind| quote(kind.as_str(), out)).is_some(),
            Field::MessageId => self.message_id.map(|id| quote(id, out)).is_some(),
            Field::UserId | Field::AnonymousId | Field::GroupId | Field::PreviousId => {
                let number =
                    member.map(|member| self.item.raw(member)).filter(|raw| !is_null(raw) && is_number(raw));
                number.map(|number| quote(number, out)).is_some()
            }
            Field::Context | Field::Integrations => context::merge(self.item, field, member, out),
            Field::SentAt => {
                let shared = request.sent_at.filter(|_| self.item.present(Field::SentAt).is_none());
                shared.map(|shared| request.body.copy(shared.value, out)).is_some()
            }
            Field::ReceivedAt => {
                out.extend_from_slice(&request.received);
                true
            }
            Field::OriginalTimestamp => {
                self.times.original.map(|value| request.body.copy(value, out)).is_some()
            }
            Field::Timestamp => self.times.timestamp.map(|stamp| out.extend_from_slice(&stamp)).is_some(),
            Field::Event | Field::Name | Field::WriteKey => false,
        }
    }
}

fn made_message_id() -> String {
    let mut buffer = Uuid::encode_buffer();
    Uuid::new_v4().hyphenated().encode_lower(&mut buffer).to_owned()
}
