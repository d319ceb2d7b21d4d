//! A request's body, walked over once: where its members and a batch's items are.
//!
//! Notes only the members that normalising reads or edits; all else stays what it is, a stretch of the body. A batch
//! is split even where an item is broken, as long as its strings and brackets pair up: the broken item alone is
//! refused. Memory: at most about ten bytes beside each byte of a hostile body (`[0,0,…]`), less than one of a real one.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::normalise::{self, Request, Source};
use super::scan::{Fault, Name, Scanner, Span, What, unescape};
use super::{Arrival, Code, Event, Kind, Rejection};

/// Maximum bytes that a batch's shared `context`, `integrations` and `sentAt` may add by being copied into its items.
const MERGED_BYTES_MAX: usize = 64 << 20;

/// Maximum growth of a batch, as a multiple of its body: the spool must not hold far more than its sender sent.
const GROWTH_FACTOR_MAX: usize = 4;

/// Growth in bytes that every batch may have, however small its body. Segment's largest batches have 2,500 items and
/// 500 KB: with a shared context of 1 KiB (what a browser SDK says about page, locale and device) they add 3.6 MB.
const GROWTH_BYTES_FREE: usize = 4 << 20;

/// About how many bytes the spool needs for an item beside what was sent: `messageId`, the times and the address
/// (about 200), and its row.
const ITEM_GROWTH_BYTES: usize = 400;

/// Items that are not charged with that: four times as many as Segment's largest batches have.
const ITEMS_FREE: usize = 10_000;

/// About how many bytes of a real body lie between two members that are noted.
const BYTES_PER_MEMBER: usize = 80;

/// A member that normalising reads or edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Type,
    MessageId,
    UserId,
    AnonymousId,
    GroupId,
    PreviousId,
    Event,
    Name,
    Context,
    Integrations,
    SentAt,
    ReceivedAt,
    OriginalTimestamp,
    Timestamp,
    WriteKey,
}

impl Field {
    pub const COUNT: usize = Self::WriteKey as usize + 1;

    #[inline]
    fn of(name: &str) -> Option<Self> {
        Some(match name.as_bytes() {
            b"type" => Self::Type,
            b"messageId" => Self::MessageId,
            b"userId" => Self::UserId,
            b"anonymousId" => Self::AnonymousId,
            b"groupId" => Self::GroupId,
            b"previousId" => Self::PreviousId,
            b"event" => Self::Event,
            b"name" => Self::Name,
            b"context" => Self::Context,
            b"integrations" => Self::Integrations,
            b"sentAt" => Self::SentAt,
            b"receivedAt" => Self::ReceivedAt,
            b"originalTimestamp" => Self::OriginalTimestamp,
            b"timestamp" => Self::Timestamp,
            b"writeKey" => Self::WriteKey,
            _ => return None,
        })
    }
}

/// A documented member of an event or an envelope.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub field: Field,
    /// Its value is a string that holds escapes.
    escaped: bool,
    /// Where its name begins.
    pub at: u32,
    pub value: Span,
    /// For `context` and `integrations`: its members, in [`Body::inner`].
    pub inner: Span,
}

/// A member of a `context` or `integrations` object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner {
    pub name: Name,
    pub value: Span,
}

/// An item of a batch.
#[derive(Debug, Clone, Copy)]
struct Item {
    span: Span,
    /// Its members in `Found::members` end here, and begin where those of the item before end.
    members_end: u32,
    fault: Option<Fault>,
}

/// The top-level member `batch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Batch {
    Absent,
    NotAnArray,
    Twice,
    Array,
}

/// What the walk found.
struct Found {
    root: Vec<Member>,
    members: Vec<Member>,
    inner: Vec<Inner>,
    items: Vec<Item>,
    broken: usize,
    batch: Batch,
}

/// A request's body: JSON, with its members and items found.
pub struct Body<'a> {
    /// As it came, without a byte order mark.
    sent: &'a [u8],
    /// The same; where `sent` is not UTF-8, with `?` for each byte that is not. Offsets are equal in both.
    text: Cow<'a, str>,
    bare: Vec<u32>,
    object: Span,
    found: Found,
}

impl<'a> Body<'a> {
    /// Walks over a body. Refused unless it is one JSON object; broken items of its `batch` are not its fault.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let sent = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if u32::try_from(sent.len()).is_err() {
            return Err(Rejection::new(Code::PayloadTooLarge, "a body of 4 GiB or more", &[]));
        }
        let (text, not_utf8) = readable(sent);
        let mut found = Found {
            root: Vec::with_capacity(16),
            members: Vec::with_capacity(sent.len() / BYTES_PER_MEMBER),
            inner: Vec::with_capacity(16),
            items: Vec::new(),
            broken: 0,
            batch: Batch::Absent,
        };
        let mut scan = Scanner::new(&text);
        let walked = walk(&mut scan, &mut found).and_then(|object| {
            blame(&mut found.items, &not_utf8)?;
            Ok(object)
        });
        let bare = scan.bare;
        match walked {
            Ok(object) => Ok(Self { sent, text, bare, object, found }),
            Err(fault) => Err(Rejection::new(Code::InvalidJson, explain(&text, fault), sent)),
        }
    }

    /// The `writeKey` member: the top level's, else that of the first item that has one.
    pub fn write_key(&self) -> Option<Cow<'_, str>> {
        let members = self.found.root.iter().rev().chain(&self.found.members);
        members
            .filter(|member| member.field == Field::WriteKey && self.raw(member.value).starts_with('"'))
            .map(|member| self.string(member))
            .find(|key| !key.is_empty())
    }

    /// How many items its `batch` has.
    pub fn items_len(&self) -> usize {
        self.found.items.len()
    }

    /// The refusal of all of a batch that has more than [`Rejection::ITEMS_MAX`] items to refuse.
    pub fn garbage(&self) -> Rejection {
        let message = format!("more than {} of its items cannot become events", Rejection::ITEMS_MAX);
        Rejection::new(Code::InvalidBatch, message, self.sent)
    }

    /// The body as one event, of the kind that its path names.
    pub fn single(&self, kind: Kind, arrival: &Arrival) -> Result<Event, Rejection> {
        // A member named `batch` means nothing here, but it must be JSON all the same, and its levels count.
        let fault = match self.found.items.as_slice() {
            [] => None,
            items => items.iter().find_map(|item| item.fault).or_else(|| {
                let mut scan = Scanner::new(&self.text);
                scan.at = self.object.start as usize;
                scan.value(0).err()
            }),
        };
        if let Some(fault) = fault {
            return Err(Rejection::new(Code::InvalidJson, explain(&self.text, fault), self.sent));
        }
        let source = Source { object: self.object, members: &self.found.root };
        normalise::event(&Request::new(self, &[], arrival), source, Some(kind))
    }

    /// The events of its `batch`, in order, each made when it is asked for.
    pub fn batch<'b>(&'b self, arrival: &'b Arrival) -> Result<Events<'b>, Rejection> {
        let refuse = |code, message: Cow<'static, str>| Err(Rejection::new(code, message, self.sent));
        match self.found.batch {
            Batch::Absent => return refuse(Code::InvalidBatch, "the member `batch` is missing".into()),
            Batch::NotAnArray => {
                return refuse(Code::InvalidBatch, "the member `batch` is not an array".into());
            }
            Batch::Twice => {
                return refuse(Code::InvalidBatch, "the member `batch` is there more than once".into());
            }
            Batch::Array => {}
        }
        let request = Request::new(self, &self.found.root, arrival);
        if let Some(message) = self.growth_fault(&request) {
            return refuse(Code::BatchGrowsTooLarge, message.into());
        }
        Ok(Events { request, next: 0 })
    }

    /// Why the batch would take too much room in the spool, where it would: looked at before any item is expanded.
    fn growth_fault(&self, request: &Request<'_>) -> Option<String> {
        // Items without an id are refused, and need no room.
        let can_be_event = |index: &usize| {
            let is_id = |member: &Member| matches!(member.field, Field::UserId | Field::AnonymousId);
            self.found.items[*index].fault.is_none() && self.members(*index).iter().any(is_id)
        };
        let items = (0..self.found.items.len()).filter(can_be_event).count();
        let sent = self.sent.len();
        let allowed = sent.saturating_mul(GROWTH_FACTOR_MAX).max(GROWTH_BYTES_FREE);
        let of_items = ITEM_GROWTH_BYTES.saturating_mul(items.saturating_sub(ITEMS_FREE));
        let is_fine = |merged: usize| {
            items <= 1 || (merged.saturating_add(of_items) <= allowed && merged <= MERGED_BYTES_MAX)
        };
        // No item gets more than all of it. Nearly always that settles it.
        if is_fine(request.shared_bytes().saturating_mul(items)) {
            return None;
        }
        let mut shared = request.shared();
        let indexes = (0..self.found.items.len()).filter(can_be_event);
        let merged = indexes.fold(0_usize, |merged, index| {
            merged.saturating_add(shared.lacked_by(self, index, self.members(index)))
        });
        (!is_fine(merged)).then(|| {
            let added = merged.saturating_add(of_items);
            let allowed = if added > allowed { allowed } else { MERGED_BYTES_MAX };
            format!(
                "the batch's {items} items would add {added} bytes to its {sent} ({merged} of shared context, \
                 integrations and sentAt are copied into those that lack them, and each item above {ITEMS_FREE} needs \
                 about {ITEM_GROWTH_BYTES}), but at most {allowed} may be added; put less into the shared part, or send \
                 smaller batches"
            )
        })
    }

    /// The members of an item that were noted.
    fn members(&self, index: usize) -> &[Member] {
        let from = index.checked_sub(1).map_or(0, |before| self.found.items[before].members_end);
        &self.found.members[from as usize..self.found.items[index].members_end as usize]
    }

    /// One item of the batch as an event.
    fn item(&self, request: &Request<'_>, index: usize) -> Result<Event, Rejection> {
        let item = self.found.items[index];
        let sent = &self.sent[item.span.range()];
        if let Some(fault) = item.fault {
            let at = fault.at.saturating_sub(item.span.start);
            return Err(Rejection::new(
                Code::InvalidJson,
                format!("{} at byte {at} of the item", fault.what),
                sent,
            ));
        }
        if sent.first() != Some(&b'{') {
            return Err(Rejection::new(Code::NotAnObject, "the item is not an object", sent));
        }
        normalise::event(request, Source { object: item.span, members: self.members(index) }, None)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn sent(&self, span: Span) -> &[u8] {
        &self.sent[span.range()]
    }

    #[inline]
    pub(super) fn raw(&self, span: Span) -> &str {
        &self.text[span.range()]
    }

    /// What a member's string means.
    #[inline]
    pub(super) fn string(&self, member: &Member) -> Cow<'_, str> {
        let inner = &self.text[member.value.start as usize + 1..member.value.end as usize - 1];
        if member.escaped { Cow::Owned(unescape(inner)) } else { Cow::Borrowed(inner) }
    }

    pub(super) fn inner(&self, member: &Member) -> &[Inner] {
        &self.found.inner[member.inner.range()]
    }

    /// Where the bare number tokens in `span` begin.
    #[inline]
    pub(super) fn bare(&self, span: Span) -> &[u32] {
        if self.bare.is_empty() {
            return &[];
        }
        let from = self.bare.partition_point(|&at| at < span.start);
        let to = self.bare.partition_point(|&at| at < span.end);
        &self.bare[from..to]
    }
}

/// The events of a batch, one for each item, in order.
pub struct Events<'b> {
    request: Request<'b>,
    next: usize,
}

impl Iterator for Events<'_> {
    type Item = Result<Event, Rejection>;

    fn next(&mut self) -> Option<Self::Item> {
        let index = self.next;
        if index >= self.request.body.items_len() {
            return None;
        }
        self.next += 1;
        Some(self.request.body.item(&self.request, index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.request.body.items_len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Events<'_> {}

/// The body as text, and where it is not UTF-8.
fn readable(sent: &[u8]) -> (Cow<'_, str>, Vec<u32>) {
    if let Ok(text) = simdutf8::basic::from_utf8(sent) {
        return (Cow::Borrowed(text), Vec::new());
    }
    let mut text = String::with_capacity(sent.len());
    let mut not_utf8 = Vec::new();
    for chunk in sent.utf8_chunks() {
        text.push_str(chunk.valid());
        for _ in chunk.invalid() {
            not_utf8.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
            text.push('?');
        }
    }
    (Cow::Owned(text), not_utf8)
}

/// Makes each place that is not UTF-8 the fault of the item that holds it; outside items it is the body's.
fn blame(items: &mut [Item], not_utf8: &[u32]) -> Result<(), Fault> {
    let mut item = 0;
    for &at in not_utf8 {
        while item < items.len() && items[item].span.end <= at {
            item += 1;
        }
        let fault = Fault { at, what: What::NotUtf8 };
        match items.get_mut(item) {
            Some(item) if item.span.start <= at => _ = item.fault.get_or_insert(fault),
            Some(_) | None => return Err(fault),
        }
    }
    Ok(())
}

/// Walks over the whole body: one object, and nothing after it.
fn walk(scan: &mut Scanner<'_>, found: &mut Found) -> Result<Span, Fault> {
    if scan.space() != b'{' {
        let at = scan.offset();
        scan.value(0)?;
        return Err(Fault { at, what: What::NotAnObject });
    }
    let start = scan.offset();
    scan.object(|scan, name| root_member(scan, name, found))?;
    let end = scan.offset();
    if scan.space() != 0 || !scan.ended() {
        return Err(scan.fault(What::ExpectedEnd));
    }
    Ok(Span { start, end })
}

fn root_member(scan: &mut Scanner<'_>, name: Name, found: &mut Found) -> Result<(), Fault> {
    if scan.name_text(name) != "batch" {
        return member(scan, name, &mut found.root, &mut found.inner);
    }
    let array = scan.peek() == b'[';
    found.batch = match found.batch {
        Batch::Absent if array => Batch::Array,
        Batch::Absent => Batch::NotAnArray,
        Batch::NotAnArray | Batch::Twice | Batch::Array => Batch::Twice,
    };
    if array { items(scan, found) } else { scan.value(1) }
}

/// Walks over a member's value, and keeps it where the member is documented.
#[inline]
fn member(
    scan: &mut Scanner<'_>,
    name: Name,
    members: &mut Vec<Member>,
    inner: &mut Vec<Inner>,
) -> Result<(), Fault> {
    let field = Field::of(&scan.name_text(name));
    let start = scan.offset();
    let inner_start = index(inner.len());
    let mut escaped = false;
    if scan.peek() == b'"' {
        escaped = scan.string()?;
    } else if matches!(field, Some(Field::Context | Field::Integrations)) && scan.peek() == b'{' {
        scan.object(|scan, name| {
            let start = scan.offset();
            scan.value(2)?;
            inner.push(Inner { name, value: Span { start, end: scan.offset() } });
            Ok(())
        })?;
    } else {
        scan.value(1)?;
    }
    if let Some(field) = field {
        let value = Span { start, end: scan.offset() };
        let inner = Span { start: inner_start, end: index(inner.len()) };
        members.push(Member { field, escaped, at: name.span.start, value, inner });
    }
    Ok(())
}

/// Walks over the array of a batch.
fn items(scan: &mut Scanner<'_>, found: &mut Found) -> Result<(), Fault> {
    scan.at += 1;
    if scan.space() == b']' {
        scan.at += 1;
        return Ok(());
    }
    loop {
        item(scan, found)?;
        let more = scan.peek() == b',';
        scan.at += 1;
        if !more {
            return Ok(());
        }
        scan.space();
    }
}

/// Walks over an item, up to the `,` or `]` after it. Fails only where the end of a broken item cannot be found.
fn item(scan: &mut Scanner<'_>, found: &mut Found) -> Result<(), Fault> {
    let members = found.members.len();
    let start = scan.offset();
    let walked = if scan.peek() == b'{' {
        scan.object(|scan, name| member(scan, name, &mut found.members, &mut found.inner))
    } else {
        scan.value(0)
    };
    let mut end = scan.offset();
    let walked = walked.and_then(|()| match scan.space() {
        b',' | b']' => Ok(()),
        _ => Err(scan.fault(What::ExpectedCommaOrBracket)),
    });
    let fault = walked.err();
    if let Some(fault) = fault {
        found.broken += 1;
        if found.broken > Rejection::ITEMS_MAX {
            return Err(fault);
        }
        // What was noted in it counts for nothing; only the members would be asked for.
        found.members.truncate(members);
        scan.at = start as usize;
        end = scan.skip_broken().ok_or(fault)?;
    }
    found.items.push(Item { span: Span { start, end }, members_end: index(found.members.len()), fault });
    Ok(())
}

/// An index as it is stored.
#[expect(clippy::cast_possible_truncation, reason = "there are fewer members than bytes, and those fit")]
fn index(len: usize) -> u32 {
    len as u32
}

/// A fault for people, with its line and column in the body.
fn explain(text: &str, fault: Fault) -> String {
    let before = text.get(..fault.at as usize).unwrap_or_default();
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.len() - before.rfind('\n').map_or(0, |at| at + 1);
    format!("{} at line {line} column {column}", fault.what)
}

/// The JSON text of a pixel's `data` (tracking API §9.4), the value after URL decoding: standard or URL-safe base64,
/// padding or not, a `+` that became a blank; or the JSON itself.
pub fn decode_pixel(value: &str) -> Result<Cow<'_, [u8]>, Rejection> {
    if value.trim_start().starts_with('{') {
        return Ok(Cow::Borrowed(value.as_bytes()));
    }
    let safe: Vec<u8> = value
        .trim_end_matches('=')
        .bytes()
        .map(|byte| match byte {
            b'+' | b' ' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    URL_SAFE_NO_PAD.decode(safe).map(Cow::Owned).map_err(|error| {
        Rejection::new(
            Code::BadEncoding,
            format!("the pixel's data is not base64: {error}"),
            value.as_bytes(),
        )
    })
}
