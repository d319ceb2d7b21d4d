//! One event made from one object of a body (tracking API §3.5, §3.6, §4, §5).
//!
//! The event is the object's own text with a few edits: stretches between edited members are copied as they are, so
//! values, order, white space and repeated members survive. Each rule is one function that says what a member
//! becomes, or that it stays; a member that is missing is asked for in the same way and added at the end.

use std::borrow::Cow;

use uuid::Uuid;

use super::body::{Body, Field, Member};
use super::clock::{self, Stamp, Time};
use super::context::{self, SharedObject};
use super::scan::{SPACES, Span};
use super::{Arrival, Code, Event, Kind, Notes, PartitionKey, Rejection};

/// The longest `messageId` that is accepted, in bytes (§5.4, §7).
const MESSAGE_ID_BYTES_MAX: usize = 1024;
/// Above this many characters Segment guarantees nothing about a `messageId` (§5.4).
const MESSAGE_ID_CHARS_NOTED: usize = 100;
/// Room that is kept for a shared object where the item has one of its own.
const SHARED_ROOM_MAX: usize = 2048;
/// How much of a name is kept for looking at.
const NAME_CHARS_MAX: usize = 120;

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

type Reason = (Code, Cow<'static, str>);

/// What all events of one request share.
pub(super) struct Request<'b> {
    pub body: &'b Body<'b>,
    pub arrival: &'b Arrival,
    received: Stamp,
    received_ms: i64,
    /// The address for `context.ip`, quoted, unless it says nothing about a user.
    pub peer: Option<String>,
    sent_at: Option<&'b Member>,
    sent: Option<Time>,
    context: Option<&'b Member>,
    integrations: Option<&'b Member>,
}

impl<'b> Request<'b> {
    /// `envelope`: the members around a batch.
    pub fn new(body: &'b Body<'b>, envelope: &'b [Member], arrival: &'b Arrival) -> Self {
        let last = |field| envelope.iter().rev().find(|member| member.field == field);
        let object = |field| last(field).filter(|member| begins(body.raw(member.value), b'{'));
        let sent_at = last(Field::SentAt).filter(|member| !is_null(body.raw(member.value)));
        // A server whose own clock is beyond the years that can be written has no better time than 1970 to offer.
        let (received_ms, received) = match clock::stamp(arrival.received_at_ms) {
            Some(stamp) => (arrival.received_at_ms, stamp),
            None => (0, *b"\"1970-01-01T00:00:00.000Z\""),
        };
        Self {
            body,
            arrival,
            received,
            received_ms,
            peer: arrival.peer.and_then(context::public),
            sent_at,
            sent: sent_at.and_then(|member| time(body, member)),
            context: object(Field::Context),
            integrations: object(Field::Integrations),
        }
    }

    /// How many bytes each item may get from the envelope.
    pub fn shared_bytes(&self) -> usize {
        let shared = [self.context, self.integrations, self.sent_at];
        shared.into_iter().flatten().map(|member| member.value.range().len()).sum()
    }

    /// To count what each item gets of that.
    pub fn shared(&self) -> Shared<'b> {
        let object = |member: Option<&Member>| member.map(|member| SharedObject::new(self.body, member));
        Shared {
            context: object(self.context),
            integrations: object(self.integrations),
            sent_at: self.sent_at.map_or(0, |member| member.value.range().len()),
        }
    }
}

/// What the items of a batch get from its envelope where they lack it.
pub(super) struct Shared<'b> {
    context: Option<SharedObject<'b>>,
    integrations: Option<SharedObject<'b>>,
    /// Bytes.
    sent_at: usize,
}

impl Shared<'_> {
    /// How many bytes the item with this index gets, whose members these are. Takes time for its own members alone.
    pub fn lacked_by(&mut self, body: &Body<'_>, index: usize, members: &[Member]) -> usize {
        let own = |field| {
            let last = members.iter().rev().find(|member| member.field == field);
            last.filter(|member| !is_null(body.raw(member.value)))
        };
        let objects = [(&mut self.context, Field::Context), (&mut self.integrations, Field::Integrations)];
        let of_objects = objects.into_iter().filter_map(|(shared, field)| {
            shared.as_mut().map(|shared| shared.lacked_by(body, index, own(field)))
        });
        let of_objects: usize = of_objects.sum();
        of_objects + if own(Field::SentAt).is_none() { self.sent_at } else { 0 }
    }
}

/// The object that an event is made from.
#[derive(Clone, Copy)]
pub(super) struct Source<'b> {
    pub object: Span,
    pub members: &'b [Member],
}

/// Makes one event. `path_kind`: the kind that a single call's path names.
pub(super) fn event(
    request: &Request<'_>,
    source: Source<'_>,
    path_kind: Option<Kind>,
) -> Result<Event, Rejection> {
    let mut last = [None; Field::COUNT];
    for member in source.members {
        last[member.field as usize] = Some(member);
    }
    let body = request.body;
    let mut draft = Draft {
        request,
        source,
        last,
        path_kind,
        message_id: None,
        times: Times { timestamp: None, original: None, bad: false },
    };
    let given = draft.given_message_id().map_err(|reason| draft.refusal(reason, None))?;
    let (kind, key) = draft.check().map_err(|reason| draft.refusal(reason, given.as_deref()))?;
    let message_id_made = given.is_none();
    let message_id = given.map_or_else(made_message_id, Cow::into_owned);
    if message_id_made || draft.is_number(Field::MessageId) {
        draft.message_id = Some(message_id.as_str());
    }
    draft.times = draft.times();
    let json = draft.write();

    let arrival = request.arrival;
    let record_bytes = arrival.encoding.encoded_len(json.len()).saturating_add(key.as_str().len());
    if record_bytes > arrival.record_bytes_max {
        let message = format!(
            "the event has {} bytes of JSON; its record would have {record_bytes} with key and encoding, the limit is {}",
            json.len(),
            arrival.record_bytes_max
        );
        let known = (!message_id_made).then_some(message_id.as_str());
        return Err(draft.refusal((Code::EventTooLarge, message.into()), known));
    }
    let notes = Notes {
        bad_timestamp: draft.times.bad,
        long_message_id: message_id.len() > MESSAGE_ID_CHARS_NOTED
            && message_id.chars().count() > MESSAGE_ID_CHARS_NOTED,
        bare_numbers: u32::try_from(body.bare(source.object).len()).unwrap_or(u32::MAX),
    };
    let name = draft.name(kind);
    Ok(Event { kind, message_id, message_id_made, key, name, json, notes })
}

/// An event in the making.
pub(super) struct Draft<'b, 'm> {
    pub request: &'b Request<'b>,
    source: Source<'b>,
    /// The member of each field that counts.
    last: [Option<&'b Member>; Field::COUNT],
    path_kind: Option<Kind>,
    /// What `messageId` is to become, where it changes.
    message_id: Option<&'m str>,
    times: Times,
}

/// What the two times of an event become, where they change (§5.5).
#[derive(Clone, Copy)]
struct Times {
    timestamp: Option<Stamp>,
    /// The value that becomes `originalTimestamp`, as received.
    original: Option<Span>,
    bad: bool,
}

impl<'b> Draft<'b, '_> {
    fn get(&self, field: Field) -> Option<&'b Member> {
        self.last[field as usize]
    }

    pub fn raw(&self, member: &Member) -> &'b str {
        self.request.body.raw(member.value)
    }

    /// The member that counts, where it is there and not null.
    fn present(&self, field: Field) -> Option<&'b Member> {
        self.get(field).filter(|member| !is_null(self.raw(member)))
    }

    fn is_number(&self, field: Field) -> bool {
        self.present(field).is_some_and(|member| is_number(self.raw(member)))
    }

    /// The sender's `messageId`: `None` where one must be made (§5.4).
    fn given_message_id(&self) -> Result<Option<Cow<'b, str>>, Reason> {
        let text = match self.present(Field::MessageId) {
            Some(member) if begins(self.raw(member), b'"') => self.request.body.string(member),
            Some(member) if is_number(self.raw(member)) => Cow::Borrowed(self.raw(member)),
            Some(_) | None => return Ok(None),
        };
        if text.len() > MESSAGE_ID_BYTES_MAX {
            let message = format!("messageId has {} bytes, the limit is {MESSAGE_ID_BYTES_MAX}", text.len());
            return Err((Code::InvalidId, message.into()));
        }
        Ok((!text.is_empty()).then_some(text))
    }

    /// What an event must have (§3.6, §5.2, §5.3), and the key that follows from its ids (§5.9).
    fn check(&self) -> Result<(Kind, PartitionKey), Reason> {
        let kind = self.kind()?;
        let user = self.id(Field::UserId, "userId")?;
        let anonymous = self.id(Field::AnonymousId, "anonymousId")?;
        let group = self.id(Field::GroupId, "groupId")?;
        let previous = self.id(Field::PreviousId, "previousId")?;
        let missing = |code, message: &'static str| Err((code, Cow::Borrowed(message)));
        match kind {
            Kind::Track if !self.has_event() => {
                return missing(Code::MissingEvent, "track needs `event`, a non-empty string");
            }
            Kind::Group if group.is_none() => return missing(Code::MissingGroupId, "group needs a groupId"),
            Kind::Alias if previous.is_none() => {
                return missing(Code::MissingPreviousId, "alias needs a previousId");
            }
            Kind::Alias if user.is_none() => return missing(Code::NoUserAnonId, "alias needs a userId"),
            Kind::Identify | Kind::Track | Kind::Page | Kind::Screen | Kind::Group | Kind::Alias => {}
        }
        match user.or(anonymous).and_then(|id| PartitionKey::new(&id)) {
            Some(key) => Ok((kind, key)),
            None => missing(Code::NoUserAnonId, "the event has neither userId nor anonymousId"),
        }
    }

    /// With all that could be read of it.
    fn refusal(&self, (code, message): Reason, message_id: Option<&str>) -> Rejection {
        let kind = self.kind().ok();
        Rejection {
            message_id: message_id.map(str::to_owned),
            user: self.user(),
            kind,
            name: kind.and_then(|kind| self.name(kind)).map(String::into_boxed_str),
            ..Rejection::new(code, message, self.request.body.sent(self.source.object))
        }
    }

    /// Whose event it is, also of one that cannot become an event.
    fn user(&self) -> Option<PartitionKey> {
        let id = |field, name| self.id(field, name).ok().flatten();
        let id = id(Field::UserId, "userId").or_else(|| id(Field::AnonymousId, "anonymousId"))?;
        PartitionKey::new(&id)
    }

    fn kind(&self) -> Result<Kind, Reason> {
        self.path_kind.map_or_else(|| self.item_kind(), Ok)
    }

    fn item_kind(&self) -> Result<Kind, Reason> {
        let Some(member) = self.present(Field::Type) else {
            return Err((Code::MissingType, "the item has no type".into()));
        };
        let raw = self.raw(member);
        let known = begins(raw, b'"').then(|| self.request.body.string(member));
        known.and_then(|word| Kind::parse(&word)).ok_or_else(|| {
            let shown: String = raw.chars().take(40).collect();
            (Code::UnknownType, format!("type is {shown}").into())
        })
    }

    /// An id as text, `None` where it counts as absent (§5.3).
    fn id(&self, field: Field, name: &str) -> Result<Option<Cow<'b, str>>, Reason> {
        let Some(member) = self.present(field) else { return Ok(None) };
        let raw = self.raw(member);
        let is = match raw.as_bytes()[0] {
            b'"' => {
                let text = self.request.body.string(member);
                return Ok((!text.is_empty()).then_some(text));
            }
            b'{' => "an object",
            b'[' => "an array",
            b't' | b'f' => "a boolean",
            _ => return Ok(Some(Cow::Borrowed(raw))),
        };
        Err((Code::InvalidId, format!("{name} is {is}, not a string or a number").into()))
    }

    fn has_event(&self) -> bool {
        self.get(Field::Event).is_some_and(|member| {
            let raw = self.raw(member);
            begins(raw, b'"') && raw != "\"\""
        })
    }

    /// The name to show (see [`Event::name`]).
    fn name(&self, kind: Kind) -> Option<String> {
        let field = match kind {
            Kind::Track => Field::Event,
            Kind::Page | Kind::Screen => Field::Name,
            Kind::Identify | Kind::Group | Kind::Alias => return None,
        };
        let member = self.get(field).filter(|member| begins(self.raw(member), b'"'))?;
        let text = self.request.body.string(member);
        if text.len() <= NAME_CHARS_MAX {
            return Some(text.into_owned());
        }
        let end = text.char_indices().nth(NAME_CHARS_MAX).map_or(text.len(), |(at, _)| at);
        Some(text[..end].to_owned())
    }

    /// The table of §5.5.
    fn times(&self) -> Times {
        let (original, timestamp) = (self.present(Field::OriginalTimestamp), self.present(Field::Timestamp));
        let received = Some(self.request.received);
        match (original, timestamp) {
            (None, None) => Times { timestamp: received, original: None, bad: false },
            (Some(original), Some(timestamp)) => {
                let bad = self.time(original).is_none() || self.time(timestamp).is_none();
                Times { timestamp: None, original: None, bad }
            }
            (Some(only), None) | (None, Some(only)) => {
                let corrected = self.time(only).and_then(|time| self.corrected(time));
                Times {
                    timestamp: corrected.or(received),
                    original: original.is_none().then_some(only.value),
                    bad: corrected.is_none(),
                }
            }
        }
    }

    fn time(&self, member: &Member) -> Option<Time> {
        time(self.request.body, member)
    }

    fn corrected(&self, time: Time) -> Option<Stamp> {
        let sent = match self.present(Field::SentAt) {
            Some(member) => self.time(member),
            None => self.request.sent,
        };
        clock::stamp(sent.map_or(time.ms(), |sent| time.corrected_ms(sent, self.request.received_ms)))
    }

    /// About how many bytes come from the envelope. Of an object that the item has too, often none do: it grows where they
    /// do.
    fn shared_room(&self) -> usize {
        let Request { context, integrations, sent_at, .. } = *self.request;
        let shared =
            [(context, Field::Context), (integrations, Field::Integrations), (sent_at, Field::SentAt)];
        let room = shared.into_iter().filter_map(|(shared, field)| {
            let bytes = shared?.value.range().len();
            Some(if self.get(field).is_some() { bytes.min(SHARED_ROOM_MAX) } else { bytes })
        });
        room.sum()
    }

    /// The event's JSON: the object's text with its edits, then what is added.
    fn write(&self) -> Vec<u8> {
        let object = self.source.object;
        let mut out = Vec::with_capacity(object.range().len() + self.shared_room() + 320);
        let content = self.content(object);
        let mut from = content.start;
        out.push(b'{');
        for member in self.source.members {
            let counts = self.get(member.field).is_some_and(|last| std::ptr::eq(last, member));
            match member.field {
                Field::WriteKey => {
                    let rest = Span { start: from, end: content.end };
                    from = self.remove(member, rest, &mut out);
                }
                // The endpoint's own word, wherever it is spoken.
                Field::ReceivedAt | Field::Type => {
                    from = self.rewrite(member, from, &mut out);
                }
                _ if counts => from = self.rewrite(member, from, &mut out),
                _ => {}
            }
        }
        self.copy(Span { start: from, end: content.end }, &mut out);
        for (field, name) in ADDED {
            if self.get(field).is_some() {
                continue;
            }
            let before = out.len();
            if before > 1 {
                out.push(b',');
            }
            out.extend_from_slice(name);
            if !self.becomes(field, None, &mut out) {
                out.truncate(before);
            }
        }
        out.push(b'}');
        // It may wait in memory for long: room for a shared `context` that this item had itself goes back.
        if out.capacity() > out.len() + out.len() / 4 + 512 {
            out.shrink_to_fit();
        }
        out
    }

    /// Whether a member stays as it is: what can be said of most without trying.
    fn stays(&self, member: &Member) -> bool {
        match member.field {
            Field::Event | Field::Name => true,
            Field::Type => self.path_kind.is_none(),
            Field::MessageId => self.message_id.is_none(),
            Field::UserId | Field::AnonymousId | Field::GroupId | Field::PreviousId => {
                begins(self.raw(member), b'"')
            }
            Field::OriginalTimestamp => self.times.original.is_none(),
            Field::Timestamp => self.times.timestamp.is_none(),
            Field::Context | Field::Integrations | Field::SentAt | Field::ReceivedAt | Field::WriteKey => {
                false
            }
        }
    }

    /// Writes all up to a member's value, and what that becomes; gives where to go on.
    fn rewrite(&self, member: &Member, from: u32, out: &mut Vec<u8>) -> u32 {
        if self.stays(member) {
            return from;
        }
        self.copy(Span { start: from, end: member.value.start }, out);
        if self.becomes(member.field, Some(member), out) { member.value.end } else { member.value.start }
    }

    /// Writes what lies before `member`, leaves it out with one comma, and gives where to go on.
    fn remove(&self, member: &Member, rest: Span, out: &mut Vec<u8>) -> u32 {
        let text = self.request.body.text();
        let before = text[..member.at as usize].trim_end_matches(SPACES);
        let kept =
            before.strip_suffix(',').map_or(rest.start as usize, |kept| kept.trim_end_matches(SPACES).len());
        self.copy(Span { start: rest.start, end: offset(kept) }, out);
        if out.len() > 1 {
            return member.value.end;
        }
        // Nothing is before it: the comma to leave out is the one behind.
        let behind = text[member.value.end as usize..rest.end as usize].trim_start_matches(SPACES);
        let next = behind.strip_prefix(',').map_or(behind, |next| next.trim_start_matches(SPACES));
        rest.end - offset(next.len())
    }

    /// Writes what a member becomes. `false`, and nothing written, where it stays as it is (or away).
    fn becomes(&self, field: Field, member: Option<&Member>, out: &mut Vec<u8>) -> bool {
        match field {
            Field::Type => self.path_kind.is_some_and(|kind| quote(kind.as_str(), out)),
            Field::MessageId => self.message_id.is_some_and(|id| quote(id, out)),
            Field::UserId | Field::AnonymousId | Field::GroupId | Field::PreviousId => member
                .map(|member| self.raw(member))
                .is_some_and(|raw| !is_null(raw) && is_number(raw) && quote(raw, out)),
            Field::Context => self.merged(member, self.request.context, true, out),
            Field::Integrations => self.merged(member, self.request.integrations, false, out),
            Field::SentAt => match self.request.sent_at {
                Some(shared) if self.present(Field::SentAt).is_none() => {
                    self.copy(shared.value, out);
                    true
                }
                Some(_) | None => false,
            },
            Field::ReceivedAt => {
                out.extend_from_slice(&self.request.received);
                true
            }
            Field::OriginalTimestamp => self.times.original.is_some_and(|value| {
                self.copy(value, out);
                true
            }),
            Field::Timestamp => self.times.timestamp.is_some_and(|stamp| {
                out.extend_from_slice(&stamp);
                true
            }),
            Field::Event | Field::Name | Field::WriteKey => false,
        }
    }

    /// What lies between an object's braces, without white space around it.
    pub fn content(&self, object: Span) -> Span {
        let inner = &self.request.body.raw(object)[1..];
        let inner = &inner[..inner.len() - 1];
        let behind = inner.trim_start_matches(SPACES);
        let content = behind.trim_end_matches(SPACES);
        let start = object.end - 1 - offset(behind.len());
        Span { start, end: start + offset(content.len()) }
    }

    /// Copies a stretch of the body, with `null` for bare number tokens. Nothing for an empty or reversed one.
    pub fn copy(&self, span: Span, out: &mut Vec<u8>) {
        if span.start >= span.end {
            return;
        }
        let bytes = self.request.body.text().as_bytes();
        let mut from = span.start as usize;
        for &token in self.request.body.bare(span) {
            let token = token as usize;
            out.extend_from_slice(&bytes[from..token]);
            out.extend_from_slice(b"null");
            let name_len = match bytes[token] {
                b'N' => "NaN".len(),
                b'I' => "Infinity".len(),
                _ => "-Infinity".len(),
            };
            from = token + name_len;
        }
        out.extend_from_slice(&bytes[from..span.end as usize]);
    }
}

/// Null, or a bare token that is written as null.
pub(super) fn is_null(raw: &str) -> bool {
    matches!(raw.as_bytes(), [b'n' | b'N' | b'I', ..] | [b'-', b'I', ..])
}

/// A value's text tells its kind by its first byte.
pub(super) fn begins(raw: &str, first: u8) -> bool {
    raw.as_bytes().first() == Some(&first)
}

fn is_number(raw: &str) -> bool {
    matches!(raw.as_bytes().first(), Some(b'-' | b'0'..=b'9'))
}

/// The time that a value says, if it is one.
fn time(body: &Body<'_>, member: &Member) -> Option<Time> {
    let raw = body.raw(member.value);
    if begins(raw, b'"') {
        return Time::from_text(&body.string(member));
    }
    if is_number(raw) { Time::from_number(raw) } else { None }
}

/// Writes text that needs no escapes: numbers, addresses, our own words.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) -> bool {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
    true
}

fn made_message_id() -> String {
    let mut buffer = Uuid::encode_buffer();
    Uuid::new_v4().hyphenated().encode_lower(&mut buffer).to_owned()
}

/// An offset as it is stored.
#[expect(clippy::cast_possible_truncation, reason = "a part of a body, and those fit")]
fn offset(at: usize) -> u32 {
    at as u32
}
