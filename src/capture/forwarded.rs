//! The forwarded headers of trusted reverse proxies: the client's address, and the scheme, host and path prefix that
//! the client used (`X-Forwarded-For/-Proto/-Host/-Prefix`, RFC 7239 `Forwarded`). Pure.
//!
//! The headers count only if the TCP peer is in `capture.trusted_proxies`. If any of the four `X-Forwarded-…` headers
//! is present, `Forwarded` is ignored, because common proxies write the first and pass on the second as the client sent
//! it. Lists are read from the right, where each proxy appends, so entries that a client made up are further left and
//! do not count. A malformed entry ends the walk. Nothing here decides who may send: `host` reads the `Host` header
//! alone.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::FORWARDED};
use ipnet::IpNet;

use crate::config::{is_authority, path_prefix};

/// Maximum proxies between the client and the endpoint. Entries further left do not count.
const HOPS_MAX: usize = 32;

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The headers that are read here.
pub(super) const ALL: [HeaderName; 5] = [FOR, PROTO, HOST, PREFIX, FORWARDED];

/// What the forwarded headers of a request say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// The right-most address that is not a trusted proxy's. Without trusted proxies, the TCP peer.
    pub(super) client: IpAddr,
    /// Whether the TCP peer is a trusted proxy.
    pub(super) trusted: bool,
    /// Whether the client used https. `None` if no header says so.
    pub(super) https: Option<bool>,
    /// The host and port in the client's URL.
    pub(super) host: Option<String>,
    /// The path prefix that a proxy removed. Empty if none.
    pub(super) prefix: String,
}

impl Forwarded {
    /// Whether a trusted proxy names the client.
    pub(super) fn names_client(&self, peer: IpAddr) -> bool {
        self.trusted && self.client != peer.to_canonical()
    }

    /// Reads the headers of a request that came from `peer`.
    pub(super) fn read(headers: &HeaderMap, peer: IpAddr, trusted: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
        let nothing = Self { client: peer, trusted: false, https: None, host: None, prefix: String::new() };
        if !is_trusted(peer) {
            return nothing;
        }
        let nothing = Self { trusted: true, ..nothing };
        if [FOR, PROTO, HOST, PREFIX].iter().any(|name| headers.contains_key(name)) {
            let (client, hop) = walk(entries(headers, &FOR).map(address_of), peer, is_trusted);
            let said = |name| at_hop(entries(headers, &name), hop);
            Self {
                client,
                https: said(PROTO).and_then(https_of),
                host: said(HOST).filter(|host| is_authority(host)).map(str::to_owned),
                prefix: said(PREFIX).and_then(path_prefix).unwrap_or_default().to_owned(),
                ..nothing
            }
        } else {
            let elements: Vec<Option<Element>> = elements(headers).take(HOPS_MAX).collect();
            let nodes = elements.iter().map(|element| address_of(element.as_ref()?.node.as_deref()?));
            let (client, hop) = walk(nodes, peer, is_trusted);
            let Some(Some(element)) = elements.get(hop) else { return Self { client, ..nothing } };
            Self {
                client,
                https: element.proto.as_deref().and_then(https_of),
                host: element.host.clone().filter(|host| is_authority(host)),
                ..nothing
            }
        }
    }
}

/// Follows the addresses from the nearest to the furthest. Returns the client's, and the index of the entry that the
/// last trusted proxy wrote.
fn walk(
    nodes: impl Iterator<Item = Option<IpAddr>>,
    peer: IpAddr,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> (IpAddr, usize) {
    let (mut client, mut hop) = (peer, 0);
    for (at, node) in nodes.take(HOPS_MAX).enumerate() {
        hop = at;
        let Some(address) = node else { break };
        client = address;
        if !is_trusted(address) {
            break;
        }
    }
    (client, hop)
}

/// The entries of a list header, right-most first, without empty ones (RFC 9110, 5.6.1).
fn entries<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).iter().rev();
    lines.flat_map(|line| text_of(line).rsplit(',')).map(str::trim).filter(|entry| !entry.is_empty())
}

/// The text of a header. One that is not visible ASCII becomes a malformed entry.
fn text_of(line: &HeaderValue) -> &str {
    line.to_str().unwrap_or("?")
}

/// The entry that the proxy at that hop wrote. If a proxy has overwritten the list, it has fewer entries: then the
/// left-most.
fn at_hop<'h>(entries: impl Iterator<Item = &'h str>, hop: usize) -> Option<&'h str> {
    entries.take(hop + 1).last()
}

/// Whether the scheme is https. `None` if it is neither https nor http.
fn https_of(scheme: &str) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Some(true),
        "http" => Some(false),
        _ => None,
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`.
fn address_of(node: &str) -> Option<IpAddr> {
    let bare = node.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => match node.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => node.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(address.to_canonical())
}

/// One element of `Forwarded`, which one proxy wrote, without parameters such as `by`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Element {
    node: Option<String>,
    host: Option<String>,
    proto: Option<String>,
}

/// The elements, right-most first; `None` for a malformed one.
fn elements(headers: &HeaderMap) -> impl Iterator<Item = Option<Element>> {
    let lines = headers.get_all(FORWARDED).iter().rev();
    lines.flat_map(|line| split(text_of(line), ',').into_iter().rev()).map(str::trim).filter_map(|element| {
        match element {
            "" => None,
            element => Some(element_of(element)),
        }
    })
}

fn element_of(text: &str) -> Option<Element> {
    let mut element = Element::default();
    for pair in split(text, ';').into_iter().map(str::trim).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = unquoted(value)?;
        let parameter = match name.to_ascii_lowercase().as_str() {
            "for" => &mut element.node,
            "host" => &mut element.host,
            "proto" => &mut element.proto,
            name if name.is_empty() || name.contains(char::is_whitespace) => return None,
            _ => continue,
        };
        // Each parameter occurs once (RFC 7239, 4).
        if parameter.replace(value).is_some() {
            return None;
        }
    }
    Some(element)
}

/// Splits at each `separator` outside quoted strings. A string whose quote is never closed extends to the end.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start) = (Vec::new(), 0);
    let (mut in_quotes, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_quotes => escaped = true,
            '"' => in_quotes = !in_quotes,
            c if c == separator && !in_quotes => {
                parts.push(&text[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The value of a token or a quoted string. `None` if it is neither.
fn unquoted(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else {
        let is_token = !value.is_empty() && !value.contains(['"', '\\', ' ', '\t']);
        return is_token.then(|| value.to_owned());
    };
    let mut out = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(out),
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
}

/// The part of a path below a prefix. `None` if the path is not below it, or the prefix is empty.
pub(super) fn below<'p>(path: &'p str, prefix: &str) -> Option<&'p str> {
    if prefix.is_empty() {
        return None;
    }
    path.strip_prefix(prefix).filter(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PEER: &str = "10.0.0.9";

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header");
            (HeaderName::from_bytes(name.as_bytes()).expect("a name"), value)
        });
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name, value);
        }
        map
    }

    fn networks() -> Vec<IpNet> {
        ["10.0.0.0/8", "fd00::/8"].iter().map(|text| text.parse().expect("a network")).collect()
    }

    fn read(pairs: &[(&str, &str)], peer: &str) -> Forwarded {
        Forwarded::read(&headers(pairs), peer.parse().expect("an address"), &networks())
    }

    fn client(pairs: &[(&str, &str)]) -> String {
        read(pairs, PEER).client.to_string()
    }

    #[test]
    fn the_client_is_the_right_most_address_that_is_no_trusted_proxy() {
        for (list, found) in [
            ("203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7, 10.1.1.1", "203.0.113.7"),
            ("203.0.113.7,10.1.1.1 ,\t10.2.2.2", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711, [fd00::1]:80", "2001:db8::7"),
            ("::ffff:203.0.113.7, ::ffff:10.1.1.1", "203.0.113.7"),
            ("203.0.113.7, , 10.1.1.1,", "203.0.113.7"),
            ("10.3.3.3, 10.1.1.1", "10.3.3.3"),
            // Malformed: the last address before it.
            ("203.0.113.7, nonsense, 10.1.1.1", "10.1.1.1"),
            ("203.0.113.7, 1.2.3.4.5", PEER),
            ("203.0.113.7, 203.0.113.999", PEER),
            ("203.0.113.7, unknown", PEER),
            ("203.0.113.7:99999", PEER),
            ("[2001:db8::7", PEER),
            ("203.0.113.7, é", PEER),
            ("", PEER),
            (",,,", PEER),
        ] {
            assert_eq!(client(&[("x-forwarded-for", list)]), found, "{list}");
        }
        let two_lines = [("x-forwarded-for", "198.51.100.1, 203.0.113.7"), ("X-Forwarded-For", "10.1.1.1")];
        assert_eq!(client(&two_lines), "203.0.113.7");
    }

    #[test]
    fn a_peer_that_is_not_trusted_is_not_believed() {
        let all = [
            ("x-forwarded-for", "203.0.113.7"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-prefix", "/evil"),
            ("forwarded", "for=203.0.113.7;proto=https;host=evil.example"),
        ];
        for peer in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1"] {
            let read = read(&all, peer);
            let nothing = Forwarded {
                client: peer.parse::<IpAddr>().expect("an address").to_canonical(),
                trusted: false,
                https: None,
                host: None,
                prefix: String::new(),
            };
            assert_eq!(read, nothing);
        }
        assert!(read(&all, "::ffff:10.0.0.1").trusted, "IPv4 in the form of IPv6 is the same address");
    }

    #[test]
    fn forwarded_counts_only_where_no_x_forwarded_header_is_there() {
        let own = ("forwarded", "for=198.51.100.1;proto=https;host=evil.example");
        assert_eq!(client(&[own]), "198.51.100.1");
        assert_eq!(client(&[own, ("x-forwarded-for", "203.0.113.7")]), "203.0.113.7");
        let read = read(&[own, ("x-forwarded-proto", "http")], PEER);
        assert_eq!((read.client.to_string().as_str(), read.https, read.host), (PEER, Some(false), None));
    }

    #[test]
    fn every_form_of_rfc_7239_is_read() {
        for (value, found, https, host) in [
            ("for=192.0.2.43", "192.0.2.43", None, None),
            ("For=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17", None, None),
            ("for=192.0.2.60;proto=https;by=203.0.113.43", "192.0.2.60", Some(true), None),
            (
                "for=192.0.2.60; proto=HTTPS ;host=\"a.example:8443\"",
                "192.0.2.60",
                Some(true),
                Some("a.example:8443"),
            ),
            ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17", None, None),
            ("for=192.0.2.43;proto=https, for=10.1.1.1;proto=http", "192.0.2.43", Some(true), None),
            ("for=198.51.100.1;x=\"a,b;c\\\"d\", for=\"10.1.1.1:80\"", "198.51.100.1", None, None),
            ("for=203.0.113.7;, ,for=10.1.1.1", "203.0.113.7", None, None),
            // No address is told: the proxy that told none is what is known.
            ("for=192.0.2.43, for=unknown;proto=https", PEER, Some(true), None),
            ("for=192.0.2.43, for=_hidden", PEER, None, None),
            ("for=192.0.2.43, proto=https", PEER, Some(true), None),
            // Malformed.
            ("for=192.0.2.43, for", PEER, None, None),
            ("for=192.0.2.43, for=\"192.0.2.44", PEER, None, None),
            ("for=192.0.2.43;for=192.0.2.44", PEER, None, None),
            ("for=192.0.2.43 proto=https", PEER, None, None),
            ("for=192.0.2.43;proto=https, f or=10.1.1.1", PEER, None, None),
            ("for=\"a, for=192.0.2.43", PEER, None, None),
            ("", PEER, None, None),
        ] {
            let read = read(&[("forwarded", value)], PEER);
            assert_eq!(read.client.to_string(), found, "{value}");
            assert_eq!((read.https, read.host.as_deref()), (https, host), "{value}");
        }
    }

    #[test]
    fn scheme_host_and_prefix_are_those_that_the_furthest_trusted_proxy_saw() {
        let read = |pairs: &[(&str, &str)]| {
            let read = read(pairs, PEER);
            (read.https, read.host, read.prefix)
        };
        let some = |https, host: &str, prefix: &str| (Some(https), Some(host.to_owned()), prefix.to_owned());
        let chain = ("x-forwarded-for", "198.51.100.1, 203.0.113.7, 10.1.1.1");
        let overwritten = [
            chain,
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "a.example"),
            ("x-forwarded-prefix", "/t/"),
        ];
        assert_eq!(read(&overwritten), some(true, "a.example", "/t"));
        let appended = [
            chain,
            ("x-forwarded-proto", "http, https, http"),
            ("x-forwarded-host", "evil.example, a.example:8443, inside"),
            ("x-forwarded-prefix", "/evil, /t, /u"),
        ];
        assert_eq!(read(&appended), some(true, "a.example:8443", "/t"));
        let alone = [("x-forwarded-proto", "http, https"), ("x-forwarded-host", "evil.example, a.example")];
        assert_eq!(read(&alone), some(true, "a.example", ""), "the peer's own word");
        for (name, value) in [
            ("x-forwarded-proto", "wss"),
            ("x-forwarded-host", "a b"),
            ("x-forwarded-host", "ada@a.example"),
            ("x-forwarded-host", "a.example/path"),
            ("x-forwarded-host", "a.example:0"),
            ("x-forwarded-prefix", "t"),
            ("x-forwarded-prefix", "//evil.example"),
            ("x-forwarded-prefix", "/a/../b"),
            ("x-forwarded-prefix", "/a\"b"),
        ] {
            assert_eq!(read(&[(name, value)]), (None, None, String::new()), "{name}: {value}");
        }
    }

    #[test]
    fn a_path_is_below_a_prefix_by_whole_segments() {
        assert_eq!(below("/t/v1/track", "/t"), Some("/v1/track"));
        assert_eq!(below("/t/v1/track", "/t/v1"), Some("/track"));
        for (path, prefix) in [("/tt/v1/track", "/t"), ("/t", "/t"), ("/v1/track", "/t"), ("/v1/track", "")] {
            assert_eq!(below(path, prefix), None, "{path} {prefix}");
        }
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            "[ -~]{0,12}",
            Just("for=".to_owned()),
            Just("\"".to_owned()),
            Just("\\".to_owned()),
            Just(", ".to_owned()),
            Just(";".to_owned()),
            Just("10.1.1.1".to_owned()),
            Just("203.0.113.7".to_owned()),
            Just("[fd00::1]:80".to_owned()),
        ]
    }

    proptest! {
        #[test]
        fn what_a_client_wrote_to_the_left_never_changes_what_counts(left in prop::collection::vec(piece(), 0..12)) {
            let left = left.concat();
            let list = format!("{left}, 203.0.113.7, 10.1.1.1");
            prop_assert_eq!(client(&[("x-forwarded-for", &list)]), "203.0.113.7");
            let lines = [("forwarded", left.as_str()), ("forwarded", "for=203.0.113.7;proto=https, for=10.1.1.1")];
            let read = read(&lines, PEER);
            prop_assert_eq!((read.client.to_string(), read.https), ("203.0.113.7".to_owned(), Some(true)));
            // In one line an open quote can hide the rest. Then the address is the proxy's, never one that the client
            // made up.
            let line = format!("{left}, for=203.0.113.7, for=10.1.1.1");
            let found = client(&[("forwarded", &line)]);
            prop_assert!(["203.0.113.7", "10.1.1.1", PEER].contains(&found.as_str()), "{} {}", line, found);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(
            names in prop::collection::vec(0_usize..5, 0..6),
            values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 6),
        ) {
            let mut map = HeaderMap::new();
            for (name, value) in names.iter().zip(values) {
                if let Ok(value) = HeaderValue::from_bytes(&value) {
                    map.append(ALL[*name].clone(), value);
                }
            }
            Forwarded::read(&map, PEER.parse().expect("an address"), &networks());
        }

        #[test]
        fn a_quoted_string_is_read_back_whatever_is_in_it(text in "[ -~]{0,20}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(unquoted(&quoted), Some(text));
            let line = format!("a={quoted},b={quoted}");
            prop_assert_eq!(split(&line, ',').len(), 2);
        }
    }

    #[test]
    fn a_long_chain_ends_somewhere() {
        let list = vec!["10.1.1.1"; HOPS_MAX].join(", ");
        assert_eq!(client(&[("x-forwarded-for", &format!("203.0.113.7, {list}"))]), "10.1.1.1");
    }
}
