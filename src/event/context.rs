//! `context` and `integrations`: what an item shares with its batch, and the sender's address (tracking API §5.6, §5.7).
//!
//! One level deep, as text: members are chosen by name and copied as they are.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use super::PathClass;
use super::body::{Body, Inner, Member};
use super::normalise::{Draft, begins, is_null, quote};
use super::scan::Span;

impl Draft<'_, '_> {
    /// An object merged with the envelope's (§5.7): its own members, then those of the envelope that it lacks, then
    /// the sender's address where that belongs (§5.6).
    pub fn merged(&self, own: Option<&Member>, shared: Option<&Member>, ip: bool, out: &mut Vec<u8>) -> bool {
        let body = self.request.body;
        let own = own.filter(|member| !is_null(self.raw(member)));
        let object = own.filter(|member| begins(self.raw(member), b'{'));
        if object.is_none() && own.is_some() {
            return false;
        }
        let own_inner = object.map_or(&[][..], |member| body.inner(member));
        let shared_inner = shared.map_or(&[][..], |member| body.inner(member));
        let ip = self.request.peer.as_deref().filter(|_| ip && self.wants_ip(own_inner, shared_inner));
        let lacking = self.lacking(own_inner, shared_inner);
        if lacking.is_empty() && ip.is_none() && (object.is_some() || shared.is_none()) {
            return false;
        }
        let start = out.len() + 1;
        out.push(b'{');
        if let Some(object) = object {
            self.copy(self.content(object.value), out);
        }
        for inner in lacking {
            if out.len() > start {
                out.push(b',');
            }
            self.copy(Span { start: inner.name.span.start, end: inner.value.end }, out);
        }
        if let Some(ip) = ip {
            if out.len() > start {
                out.push(b',');
            }
            out.extend_from_slice(b"\"ip\":");
            quote(ip, out);
        }
        out.push(b'}');
        true
    }

    /// The rule of §5.6, but for the address itself. A `context.ip` in any form, null too, is the sender's word.
    fn wants_ip(&self, own: &[Inner], shared: &[Inner]) -> bool {
        let text = self.request.body.text();
        let find = |name: &str| {
            let named = |inner: &&Inner| inner.name.text(text) == name;
            own.iter().rev().find(named).or_else(|| shared.iter().rev().find(named))
        };
        let direct = || find("direct").is_some_and(|inner| self.request.body.raw(inner.value) == "true");
        (self.request.arrival.class == PathClass::Device || direct()) && find("ip").is_none()
    }

    /// The members of `shared` whose names are not in `own`.
    fn lacking<'s>(&self, own: &[Inner], shared: &'s [Inner]) -> Vec<&'s Inner> {
        let text = self.request.body.text();
        if own.len().saturating_mul(shared.len()) > 4096 {
            let names: HashSet<_> = own.iter().map(|inner| inner.name.text(text)).collect();
            return shared.iter().filter(|inner| !names.contains(&inner.name.text(text))).collect();
        }
        let has = |name: Cow<'_, str>| own.iter().any(|inner| inner.name.text(text) == name);
        shared.iter().filter(|inner| !has(inner.name.text(text))).collect()
    }
}

/// Names of a shared object that are remembered. A context has some dozens.
const NAMES_MAX: usize = 4096;

/// An object that the items of a batch share, for counting how much of it an item lacks.
pub(super) struct SharedObject<'b> {
    /// Bytes of the object: what an item without one gets.
    whole: usize,
    /// Bytes of its members: what an item gets whose own have other names.
    members: usize,
    /// By name, the bytes of its first member of that name, and the item that was last seen with a member of that name.
    /// Further members of a name count as lacking in each item: they must be looked at even where none is copied. So do those
    /// beyond [`NAMES_MAX`].
    names: HashMap<Cow<'b, str>, (usize, Option<usize>)>,
}

impl<'b> SharedObject<'b> {
    pub fn new(body: &'b Body<'b>, object: &Member) -> Self {
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

    /// How many bytes the item with this index lacks, whose own value is this (not null).
    pub fn lacked_by(&mut self, body: &Body<'_>, index: usize, own: Option<&Member>) -> usize {
        let Some(own) = own else { return self.whole };
        if !begins(body.raw(own.value), b'{') {
            return 0;
        }
        let mut lacked = self.members;
        for inner in body.inner(own) {
            if let Some((bytes, seen)) = self.names.get_mut(&*inner.name.text(body.text()))
                && *seen != Some(index)
            {
                *seen = Some(index);
                lacked -= *bytes;
            }
        }
        lacked
    }
}

/// An address that can say something about a user: not loopback, unspecified or link-local (§5.6).
pub(super) fn public(peer: IpAddr) -> Option<String> {
    let peer = peer.to_canonical();
    let local = match peer {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    };
    let useless = local || peer.is_loopback() || peer.is_unspecified();
    (!useless).then(|| peer.to_string())
}
