//! What a batch may grow to: its items get copies of the envelope's `context`, `integrations` and `sentAt`, and room in
//! the spool.
//!
//! Checked before any item is expanded. Without a limit, a body of some hundred bytes of gzip could become gigabytes.

use std::borrow::Cow;
use std::collections::HashMap;

use super::code::{EndpointCode, Rejection};
use super::index::{BodyIndex, begins, is_null};
use super::request::Request;
use super::walk::{Field, Member};

/// Maximum bytes that may be copied from the envelope of a batch into its items.
const COPIED_BYTES_MAX: usize = 64 << 20;

/// Maximum growth of a batch, as a multiple of its body: the spool must not hold far more than the sender sent.
const GROWTH_FACTOR_MAX: usize = 4;

/// Growth in bytes that every batch may have, however small its body. Segment's largest batches have 2,500 items and
/// 500 KB: with a shared context of 1 KiB (what a browser SDK says about page, locale and device) they grow by 3.6 MB.
const GROWTH_BYTES_FREE: usize = 4 << 20;

/// About how many bytes the spool needs for an item besides what was sent: `messageId`, times and address (about 200),
/// and its row.
const ITEM_GROWTH_BYTES: usize = 400;

/// Items whose growth is not counted: four times as many as Segment's largest batches have.
const ITEMS_FREE: usize = 10_000;

/// Maximum names of a shared object that are compared. A context has some dozens.
const NAMES_MAX: usize = 4096;

/// Rejects a batch that would grow too much.
pub(super) fn check(request: &Request<'_>) -> Result<(), Rejection> {
    let body = request.body;
    // Items without an id are rejected, and need no room.
    let can_be_event = |index: &usize| {
        let is_id = |member: &Member| matches!(member.field, Field::UserId | Field::AnonymousId);
        body.positions.items[*index].error.is_none() && body.positions.members_of(*index).iter().any(is_id)
    };
    let items = (0..body.positions.items.len()).filter(can_be_event).count();
    let sent = body.sent.len();
    let growth_max = sent.saturating_mul(GROWTH_FACTOR_MAX).max(GROWTH_BYTES_FREE);
    let for_items = ITEM_GROWTH_BYTES.saturating_mul(items.saturating_sub(ITEMS_FREE));
    let is_allowed = |copied: usize| {
        items <= 1 || (copied.saturating_add(for_items) <= growth_max && copied <= COPIED_BYTES_MAX)
    };
    // No item gets more than all shared bytes: nearly every batch is allowed by this bound.
    if is_allowed(shared_bytes(request).saturating_mul(items)) {
        return Ok(());
    }
    let mut shared = Shared::new(request);
    let indexes = (0..body.positions.items.len()).filter(can_be_event);
    let copied = indexes.fold(0_usize, |copied, index| copied.saturating_add(shared.lacked_by(index)));
    if is_allowed(copied) {
        return Ok(());
    }
    let growth = copied.saturating_add(for_items);
    let limit = if growth > growth_max { growth_max } else { COPIED_BYTES_MAX };
    let message = format!(
        "the batch's {items} items would add {growth} bytes to its {sent} ({copied} of shared context, integrations and \
             sentAt are copied into those that lack them, and each item above {ITEMS_FREE} needs about {ITEM_GROWTH_BYTES}), \
             but at most {limit} may be added; put less into the shared part, or send smaller batches"
    );
    Err(body.reject(EndpointCode::BatchGrowsTooLarge, message))
}

/// Maximum bytes that an item may get from the envelope.
fn shared_bytes(request: &Request<'_>) -> usize {
    let shared = [request.context, request.integrations, request.sent_at];
    shared.into_iter().flatten().map(|member| member.value.range().len()).sum()
}

/// What the items of a batch get from its envelope where they lack it.
struct Shared<'b> {
    body: &'b BodyIndex<'b>,
    context: Option<SharedObject<'b>>,
    integrations: Option<SharedObject<'b>>,
    sent_at_bytes: usize,
}

impl<'b> Shared<'b> {
    fn new(request: &Request<'b>) -> Self {
        let body = request.body;
        let object = |member: Option<&Member>| member.map(|member| SharedObject::new(body, member));
        Self {
            body,
            context: object(request.context),
            integrations: object(request.integrations),
            sent_at_bytes: request.sent_at.map_or(0, |member| member.value.range().len()),
        }
    }

    /// How many bytes the item with this index gets. Takes time in proportion to the item's own members alone.
    fn lacked_by(&mut self, index: usize) -> usize {
        let body = self.body;
        let own = |field| {
            let last = body.positions.members_of(index).iter().rev().find(|member| member.field == field);
            last.filter(|member| !is_null(body.raw(member.value)))
        };
        let mut lacked = if own(Field::SentAt).is_none() { self.sent_at_bytes } else { 0 };
        let objects = [(&mut self.context, Field::Context), (&mut self.integrations, Field::Integrations)];
        for (shared, field) in objects {
            lacked += shared.as_mut().map_or(0, |shared| shared.lacked_by(body, index, own(field)));
        }
        lacked
    }
}

/// An object that the items of a batch share.
struct SharedObject<'b> {
    /// Bytes of the object: what an item without one gets.
    whole: usize,
    /// Bytes of its members: what an item gets whose own have other names.
    members: usize,
    /// By name: the bytes of the first member with that name, and the last item that had a member with that name. Further
    /// members with the same name count as lacking in every item, because each must be compared. So do members beyond
    /// [`NAMES_MAX`].
    names: HashMap<Cow<'b, str>, (usize, Option<usize>)>,
}

impl<'b> SharedObject<'b> {
    fn new(body: &'b BodyIndex<'b>, object: &Member) -> Self {
        let mut shared = Self { whole: object.value.range().len(), members: 0, names: HashMap::default() };
        for inner in body.inner(object) {
            let bytes = (inner.value.end - inner.name.span.start) as usize + ",".len();
            shared.members += bytes;
            if shared.names.len() < NAMES_MAX {
                shared.names.entry(inner.name.text(body.text())).or_insert((bytes, None));
            }
        }
        shared
    }

    /// How many bytes of this object the item with this index gets. `own`: its own value, unless that is null.
    fn lacked_by(&mut self, body: &BodyIndex<'_>, index: usize, own: Option<&Member>) -> usize {
        let Some(own) = own else { return self.whole };
        if !begins(body.raw(own.value), b'{') {
            return 0;
        }
        let mut lacked = self.members;
        for inner in body.inner(own) {
            if let Some((bytes, last_item)) = self.names.get_mut(&*inner.name.text(body.text()))
                && *last_item != Some(index)
            {
                *last_item = Some(index);
                lacked -= *bytes;
            }
        }
        lacked
    }
}
