//! `capture.public_url`: the address that senders see if a reverse proxy stands in front of the endpoint; and the rules for
//! hosts and path prefixes, which forwarded headers obey too. No name is looked up.

use std::{fmt, net::Ipv6Addr};

use serde::{Deserialize, Serialize};
use url::Url;

use super::error::{RuleError, quoted};
use super::setting::Value;

/// Maximum characters of a path prefix.
const PREFIX_CHARS_MAX: usize = 200;

const SHAPE: &str =
    "a public address looks like https://events.example.com or https://example.com:8443/events";

/// The address that senders use: `https://example.com:8443/events`, never with a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct PublicUrl {
    is_https: bool,
    /// Host and port, as a `Host` header has them: no port where it is the scheme's own.
    authority: String,
    host: String,
    port: u16,
    prefix: String,
}

impl PublicUrl {
    /// Reads `http(s)://host[:port][/prefix]`; international host names are stored in their ASCII form.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let wrong = |what: &'static str| Err(RuleError::new(what, SHAPE));
        let is_https = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => true,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => false,
            _ => return wrong("it must begin with https:// or http://"),
        };
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return wrong("it has a space or a control character in it");
        }
        let url = Url::parse(text).map_err(|error| RuleError::new(error.to_string(), SHAPE))?;
        if text.contains(['?', '#', '@']) {
            return wrong("it must have no user name, no ? and no #");
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return wrong("it has no host");
        };
        if port == 0 {
            return wrong("its port must be a number from 1 to 65535");
        }
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let prefix = path_prefix(url.path()).ok_or_else(|| {
            let wrong = format!(
                "its path may have letters, digits and - . _ ~ between single slashes, and at most \
                 {PREFIX_CHARS_MAX} characters"
            );
            RuleError::new(wrong, SHAPE)
        })?;
        if prefix.rsplit('/').next() == Some("v1") {
            return Err("leave out /v1 at the end: SDKs add it themselves".into());
        }
        Ok(Self { is_https, authority, host: host.to_owned(), port, prefix: prefix.to_owned() })
    }

    /// The setting's value, empty for none. A password in it is not shown.
    pub(super) fn read(value: &Value) -> Result<Option<Self>, RuleError> {
        let text = value.as_text()?;
        if text.is_empty() {
            return Ok(None);
        }
        Self::parse(text).map(Some).map_err(|why| {
            let has_secret = text.contains(['@', '?']);
            why.showing(&if has_secret { "not a public address".to_owned() } else { quoted(text) })
        })
    }

    /// `https` or `http`.
    pub fn scheme(&self) -> &'static str {
        if self.is_https { "https" } else { "http" }
    }

    /// Whether senders speak TLS with it.
    pub fn is_https(&self) -> bool {
        self.is_https
    }

    /// `example.com:8443`
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// `example.com`; an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, also where the address does not name it.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `/events`, or nothing.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

impl From<PublicUrl> for String {
    fn from(url: PublicUrl) -> Self {
        url.to_string()
    }
}

impl TryFrom<String> for PublicUrl {
    type Error = RuleError;

    fn try_from(text: String) -> Result<Self, RuleError> {
        Self::parse(&text)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.prefix)
    }
}

/// A path without slashes at its end; `None` if it cannot be a prefix: proxies pass on escapes and empty segments in
/// different ways, so only plain characters are allowed.
pub fn path_prefix(path: &str) -> Option<&str> {
    let path = path.trim_end_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~');
    let is_segment = |part: &str| !part.is_empty() && part.chars().all(plain) && part != "." && part != "..";
    let fits = path.len() <= PREFIX_CHARS_MAX;
    match path.strip_prefix('/') {
        None => path.is_empty().then_some(path),
        Some(rest) => (fits && rest.split('/').all(is_segment)).then_some(path),
    }
}

/// Whether a text is `host` or `host:port`, with nothing else in it.
pub fn is_authority(text: &str) -> bool {
    let (host, port) = host_and_port(text);
    text.len() <= 255
        && is_host(host)
        && port.is_none_or(|port| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

/// `host` or `host:port`, in parts.
pub(super) fn host_and_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Whether this is a host name or an IP address; IPv6 in brackets.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(v6) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return v6.parse::<Ipv6Addr>().is_ok();
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    };
    host.strip_suffix('.').unwrap_or(host).split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_comes_apart_in_one_form() {
        for (text, whole, authority, port, prefix) in [
            ("https://events.example.com", "https://events.example.com", "events.example.com", 443, ""),
            ("HTTPS://Events.Example.com:443/", "https://events.example.com", "events.example.com", 443, ""),
            ("https://example.com:8443/t/", "https://example.com:8443/t", "example.com:8443", 8443, "/t"),
            ("http://[2001:db8::1]:80/a/b", "http://[2001:db8::1]/a/b", "[2001:db8::1]", 80, "/a/b"),
            ("https://bücher.example", "https://xn--bcher-kva.example", "xn--bcher-kva.example", 443, ""),
        ] {
            let url = PublicUrl::parse(text).expect(text);
            assert_eq!((url.to_string().as_str(), url.authority(), url.port()), (whole, authority, port));
            assert_eq!(url.prefix(), prefix);
            assert_eq!(PublicUrl::parse(&url.to_string()), Ok(url), "its own text means the same");
        }
    }

    #[test]
    fn what_is_no_public_address_is_refused_with_a_reason() {
        let long = format!("https://a.example/{}", "x".repeat(PREFIX_CHARS_MAX));
        for (text, part) in [
            ("events.example.com", "begin with https://"),
            ("ftp://a.example", "begin with https://"),
            ("https://", "looks like"),
            ("https://a.example:0", "1 to 65535"),
            ("https://a.example:99999", "port"),
            ("https://ada:secret@a.example", "no user name"),
            ("https://a.example/?x=1", "no ?"),
            ("https://a.example/#x", "no #"),
            ("https://a.example/a b", "space"),
            ("https://a.example/a%20b", "letters, digits"),
            ("https://a.example//t", "single slashes"),
            ("https://a.example/t/v1", "leave out /v1"),
            (&*long, "at most 200"),
        ] {
            let why = PublicUrl::parse(text).unwrap_err().to_string();
            assert!(why.contains(part) && !why.contains("secret"), "{text}: {why}");
        }
    }

    #[test]
    fn a_prefix_and_a_host_have_plain_characters_only() {
        for (path, prefix) in
            [("", Some("")), ("/", Some("")), ("/t/", Some("/t")), ("/a-b/c.d_~", Some("/a-b/c.d_~"))]
        {
            assert_eq!(path_prefix(path), prefix, "{path}");
        }
        for path in ["t", "//t", "/a//b", "/a/../b", "/a%2fb", "/a?b", "/é", "/a\"b"] {
            assert_eq!(path_prefix(path), None, "{path}");
        }
        for host in ["a.example", "a.example:8443", "127.0.0.1", "[::1]:80", "localhost"] {
            assert!(is_authority(host), "{host}");
        }
        for text in
            ["", ":80", "a.example:", "a.example:0", "a.example:+1", "a@b", "a/b", "a b", "[::1", "a\"b"]
        {
            assert!(!is_authority(text), "{text}");
        }
    }
}
