//! `context` and `integrations`: what an item gets from its batch, and the sender's address.
//!
//! One level deep and as text: members are chosen by name and copied unchanged.

use std::borrow::Cow;
use std::collections::HashSet;

use super::index::{begins, is_null, quote};
use super::item::Item;
use super::request::PathClass;
use super::scan::Span;
use super::walk::{Field, Inner, Member};

/// Above this many comparisons of names, a set of names is faster.
const COMPARISONS_MAX: usize = 4096;

/// Merges an item's own `context` or `integrations` with the envelope's and writes the result: its own members,
/// then those of the envelope that it lacks, then, into `context`, the sender's address if it belongs there.
/// `false`, with nothing written, if the item's own stays as it is.
pub(super) fn merge(item: &Item<'_>, field: Field, own: Option<&Member>, out: &mut Vec<u8>) -> bool {
    let (request, body) = (item.request, item.request.body);
    let is_context = field == Field::Context;
    let shared = if is_context { request.context } else { request.integrations };
    let own = own.filter(|member| !is_null(item.raw(member)));
    let object = own.filter(|member| begins(item.raw(member), b'{'));
    if object.is_none() && own.is_some() {
        return false;
    }
    let own_inner = object.map_or(&[][..], |member| body.inner(member));
    let shared_inner = shared.map_or(&[][..], |member| body.inner(member));
    let address = request.address.as_deref();
    let address = address.filter(|_| is_context && wants_address(item, own_inner, shared_inner));
    let lacking = lacking(item, own_inner, shared_inner);
    if lacking.is_empty() && address.is_none() && (object.is_some() || shared.is_none()) {
        return false;
    }
    let start = out.len() + 1;
    out.push(b'{');
    if let Some(object) = object {
        body.copy(body.content(object.value), out);
    }
    for inner in lacking {
        if out.len() > start {
            out.push(b',');
        }
        body.copy(Span { start: inner.name.span.start, end: inner.value.end }, out);
    }
    if let Some(address) = address {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(b"\"ip\":");
        quote(address, out);
    }
    out.push(b'}');
    true
}

/// Whether an address is added (`docs/capture.md`, "What is added"). A `context.ip` of any type, null included, is the
/// sender's choice and stays.
fn wants_address(item: &Item<'_>, own: &[Inner], shared: &[Inner]) -> bool {
    let (request, body) = (item.request, item.request.body);
    let find = |name: &str| {
        let has_name = |inner: &&Inner| inner.name.text(body.text()) == name;
        own.iter().rev().find(has_name).or_else(|| shared.iter().rev().find(has_name))
    };
    let is_direct = || find("direct").is_some_and(|inner| body.raw(inner.value) == "true");
    (request.arrival.class == PathClass::Device || is_direct()) && find("ip").is_none()
}

/// The members of `shared` whose names are not in `own`.
fn lacking<'s>(item: &Item<'_>, own: &[Inner], shared: &'s [Inner]) -> Vec<&'s Inner> {
    let text = item.request.body.text();
    if own.len().saturating_mul(shared.len()) > COMPARISONS_MAX {
        let names: HashSet<_> = own.iter().map(|inner| inner.name.text(text)).collect();
        return shared.iter().filter(|inner| !names.contains(&inner.name.text(text))).collect();
    }
    let has = |name: Cow<'_, str>| own.iter().any(|inner| inner.name.text(text) == name);
    shared.iter().filter(|inner| !has(inner.name.text(text))).collect()
}
