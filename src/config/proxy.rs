//! What a reverse proxy in front of the endpoint changes: the public address that senders see, and the proxies whose
//! forwarded headers count. Pure: no name is looked up. Each `Err` is a clause that can stand below a field.

use std::{fmt, net::IpAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

/// Maximum characters of a path prefix.
const PREFIX_CHARS_MAX: usize = 200;

/// Maximum entries of `capture.trusted_proxies`: content delivery networks publish some hundreds of networks.
pub(super) const TRUSTED_PROXIES_MAX: usize = 1000;

const SHAPE: &str =
    "a public address looks like https://events.example.com or https://example.com:8443/events";

/// The address under which senders reach the endpoint: `https://example.com:8443/events`, never with a slash at the end.
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
    pub fn parse(text: &str) -> Result<Self, String> {
        let is_https = match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => true,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => false,
            _ => return Err(format!("it must begin with https:// or http://; {SHAPE}")),
        };
        if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("it has a space or a control character in it; {SHAPE}"));
        }
        let url = Url::parse(text).map_err(|error| format!("{error}; {SHAPE}"))?;
        if text.contains(['?', '#', '@']) {
            return Err(format!("it must have no user name, no ? and no #; {SHAPE}"));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(format!("it has no host; {SHAPE}"));
        };
        if port == 0 {
            return Err(format!("its port must be a number from 1 to 65535; {SHAPE}"));
        }
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let prefix = path_prefix(url.path()).ok_or_else(|| {
            format!(
                "its path may have letters, digits and - . _ ~ between single slashes, and at most \
                 {PREFIX_CHARS_MAX} characters; {SHAPE}"
            )
        })?;
        if prefix.rsplit('/').next() == Some("v1") {
            return Err("leave out /v1 at the end: SDKs add it themselves".to_owned());
        }
        Ok(Self { is_https, authority, host: host.to_owned(), port, prefix: prefix.to_owned() })
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
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.prefix)
    }
}

/// A path without slashes at its end, if it can be a prefix: plain characters only, since proxies disagree about how
/// escapes and empty segments are passed on.
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
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    text.len() <= 255
        && super::rules::is_host(host)
        && port.is_none_or(|port| {
            port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
        })
}

/// An address, or a network such as `10.0.0.0/8`. IPv4 in the form of IPv6 becomes IPv4, as the addresses that are
/// compared with it.
pub fn check_trusted_proxy(text: &str) -> Result<IpNet, String> {
    const SHAPE: &str = "write an IP address or a network, such as 127.0.0.1, 10.0.0.0/8 or fd00::/8";
    let Some((address, length)) = text.split_once('/') else {
        let address: IpAddr = text.parse().ok().ok_or(SHAPE)?;
        return Ok(address.to_canonical().into());
    };
    let address: IpAddr = address.parse().ok().ok_or(SHAPE)?;
    let is_number = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let length: u8 = length.parse().ok().filter(|_| is_number).ok_or(SHAPE)?;
    let mapped = address.to_canonical();
    let length = match (address, mapped) {
        (IpAddr::V6(_), IpAddr::V4(_)) => length.checked_sub(96).ok_or(SHAPE)?,
        _ => length,
    };
    let network = IpNet::new(mapped, length).ok().ok_or(SHAPE)?;
    if length == 0 {
        return Err(
            "a network of all addresses would let every sender say who it is; name the proxies".to_owned()
        );
    }
    if network.trunc() != network {
        return Err(format!("it has bits set behind its length; the network is {}", network.trunc()));
    }
    Ok(network)
}

/// A trusted proxy as it is written: a single address without a length.
pub fn trusted_proxy_text(network: &IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
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
            let why = PublicUrl::parse(text).unwrap_err();
            assert!(why.contains(part) && !why.contains("secret"), "{text}: {why}");
        }
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        for (text, shown) in [
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("fd00::/8", "fd00::/8"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ] {
            let network = check_trusted_proxy(text).expect(text);
            assert_eq!(trusted_proxy_text(&network), shown);
            assert_eq!(check_trusted_proxy(shown), Ok(network));
        }
        for (text, part) in [
            ("", "such as 127.0.0.1"),
            ("localhost", "such as 127.0.0.1"),
            ("10.0.0.0/33", "such as 127.0.0.1"),
            ("10.0.0.0/+8", "such as 127.0.0.1"),
            ("10.0.0.0/", "such as 127.0.0.1"),
            ("127.0.0.1:80", "such as 127.0.0.1"),
            ("::ffff:10.0.0.0/8", "such as 127.0.0.1"),
            ("10.0.0.1/8", "the network is 10.0.0.0/8"),
            ("0.0.0.0/0", "every sender"),
            ("::/0", "every sender"),
        ] {
            let why = check_trusted_proxy(text).unwrap_err();
            assert!(why.contains(part), "{text}: {why}");
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
