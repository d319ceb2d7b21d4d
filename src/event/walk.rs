//! The walk over a body: notes where its members are, and the items of its batch.
//!
//! Only members that normalising reads or edits are noted; all others are copied with the text around them. A batch is split
//! even if an item is broken, as long as the item's strings and brackets pair up: then only that item is rejected.
//! Memory: at most about ten bytes for each byte of a hostile body (`[0,0,…]`), less than one for each byte of a real
//! one.

use super::code::Rejection;
use super::scan::{Name, ScanError, ScanErrorKind, Scanner, Span};

/// About how many bytes of a real body lie between two members of the index.
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
    /// The value is a string with escapes.
    pub escaped: bool,
    /// Where the name begins.
    pub at: u32,
    pub value: Span,
    /// For `context` and `integrations`: the range of its members in [`Positions::inner`].
    pub inner: Span,
}

/// A member of a `context` or `integrations` object.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inner {
    pub name: Name,
    pub value: Span,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct BatchItem {
    pub span: Span,
    pub error: Option<ScanError>,
    /// Its members end here in [`Positions::members`], and begin where those of the previous item end.
    members_end: u32,
}

/// The top-level member `batch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchMember {
    Absent,
    NotAnArray,
    Twice,
    Array,
}

/// What the walk noted.
pub(super) struct Positions {
    /// The body's object.
    pub object: Span,
    /// The members of that object.
    pub root: Vec<Member>,
    /// The members of all items.
    pub members: Vec<Member>,
    /// The members of all `context` and `integrations` objects.
    pub inner: Vec<Inner>,
    pub items: Vec<BatchItem>,
    pub batch: BatchMember,
    broken_items: usize,
}

impl Positions {
    /// Walks over a body. `not_utf8`: the offsets of bytes that are not UTF-8, ascending.
    pub fn of(scan: &mut Scanner<'_>, not_utf8: &[u32], bytes: usize) -> Result<Self, ScanError> {
        let mut positions = Self {
            object: Span { start: 0, end: 0 },
            root: Vec::with_capacity(16),
            members: Vec::with_capacity(bytes / BYTES_PER_MEMBER),
            inner: Vec::with_capacity(16),
            items: Vec::new(),
            batch: BatchMember::Absent,
            broken_items: 0,
        };
        positions.object = walk(scan, &mut positions)?;
        assign_errors(&mut positions.items, not_utf8)?;
        Ok(positions)
    }

    pub fn members_of(&self, index: usize) -> &[Member] {
        let from = index.checked_sub(1).map_or(0, |previous| self.items[previous].members_end);
        &self.members[from as usize..self.items[index].members_end as usize]
    }
}

/// Makes each byte that is not UTF-8 the error of the item that holds it. Outside items it is an error of the body.
fn assign_errors(items: &mut [BatchItem], not_utf8: &[u32]) -> Result<(), ScanError> {
    let mut item = 0;
    for &at in not_utf8 {
        while item < items.len() && items[item].span.end <= at {
            item += 1;
        }
        let error = ScanError { at, kind: ScanErrorKind::NotUtf8 };
        match items.get_mut(item) {
            Some(item) if item.span.start <= at => _ = item.error.get_or_insert(error),
            Some(_) | None => return Err(error),
        }
    }
    Ok(())
}

/// Walks over the whole body: one object, and nothing after it.
fn walk(scan: &mut Scanner<'_>, positions: &mut Positions) -> Result<Span, ScanError> {
    if scan.space() != b'{' {
        let at = scan.offset();
        scan.value(0)?;
        return Err(ScanError { at, kind: ScanErrorKind::NotAnObject });
    }
    let start = scan.offset();
    scan.object(|scan, name| root_member(scan, name, positions))?;
    let end = scan.offset();
    if scan.space() != 0 || !scan.ended() {
        return Err(scan.error(ScanErrorKind::ExpectedEnd));
    }
    Ok(Span { start, end })
}

fn root_member(scan: &mut Scanner<'_>, name: Name, positions: &mut Positions) -> Result<(), ScanError> {
    if scan.name_text(name) != "batch" {
        return member(scan, name, &mut positions.root, &mut positions.inner);
    }
    let array = scan.peek() == b'[';
    positions.batch = match positions.batch {
        BatchMember::Absent if array => BatchMember::Array,
        BatchMember::Absent => BatchMember::NotAnArray,
        BatchMember::NotAnArray | BatchMember::Twice | BatchMember::Array => BatchMember::Twice,
    };
    if array { items(scan, positions) } else { scan.value(1) }
}

/// Walks over a member's value, and notes it if the member is documented.
#[inline]
fn member(
    scan: &mut Scanner<'_>,
    name: Name,
    members: &mut Vec<Member>,
    inner: &mut Vec<Inner>,
) -> Result<(), ScanError> {
    let field = Field::of(&scan.name_text(name));
    let start = scan.offset();
    let inner_start = offset(inner.len());
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
        let inner = Span { start: inner_start, end: offset(inner.len()) };
        members.push(Member { field, escaped, at: name.span.start, value, inner });
    }
    Ok(())
}

fn items(scan: &mut Scanner<'_>, positions: &mut Positions) -> Result<(), ScanError> {
    scan.at += 1;
    if scan.space() == b']' {
        scan.at += 1;
        return Ok(());
    }
    loop {
        item(scan, positions)?;
        let more = scan.peek() == b',';
        scan.at += 1;
        if !more {
            return Ok(());
        }
        scan.space();
    }
}

/// Walks over an item, up to the `,` or `]` after it. Fails only where the end of a broken item cannot be found, or
/// where too many items are broken.
fn item(scan: &mut Scanner<'_>, positions: &mut Positions) -> Result<(), ScanError> {
    let members = positions.members.len();
    let start = scan.offset();
    let walked = if scan.peek() == b'{' {
        scan.object(|scan, name| member(scan, name, &mut positions.members, &mut positions.inner))
    } else {
        scan.value(0)
    };
    let mut end = scan.offset();
    let walked = walked.and_then(|()| match scan.space() {
        b',' | b']' => Ok(()),
        _ => Err(scan.error(ScanErrorKind::ExpectedCommaOrBracket)),
    });
    let error = walked.err();
    if let Some(error) = error {
        positions.broken_items += 1;
        if positions.broken_items > Rejection::ITEMS_MAX {
            return Err(error);
        }
        // Forgets the members of the broken item. Its inner members may stay: nothing refers to them.
        positions.members.truncate(members);
        scan.at = start as usize;
        end = scan.skip_broken().ok_or(error)?;
    }
    let members_end = offset(positions.members.len());
    positions.items.push(BatchItem { span: Span { start, end }, error, members_end });
    Ok(())
}

/// An offset or a length as it is stored.
#[expect(
    clippy::cast_possible_truncation,
    reason = "no body has 4 GiB, and there are fewer members than bytes"
)]
pub(super) fn offset(at: usize) -> u32 {
    at as u32
}
