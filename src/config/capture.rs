//! `[capture]`: where the endpoint listens, which senders it accepts, its limits, and the proxies in front of it.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::error::{RuleError, quoted};
use super::public_url::PublicUrl;
use super::setting::{Contradiction, Setting, Value};
use super::source::Source;
use crate::files::mode_if_read_by_all;

/// Maximum entries of `capture.trusted_proxies`: content delivery networks publish some hundreds of networks.
const TRUSTED_PROXIES_MAX: usize = 1000;

/// `[capture]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// Where the endpoint listens.
    pub listen: SocketAddr,
    /// Refuse requests without a known write key.
    pub require_write_key: bool,
    /// A PEM file with the certificate chain of an https endpoint; empty: http.
    pub tls_cert: String,
    /// A PEM file with its private key.
    pub tls_key: String,
    /// Do not forward an event whose `messageId` was accepted before.
    pub drop_repeats: bool,
    /// Where a page finds its copy of analytics.js: a URL or a path of the page's own site. Empty: nowhere.
    pub analytics_js: String,
    /// Maximum bytes of one request, inflated.
    pub max_body_bytes: usize,
    /// The address that senders see if a reverse proxy stands in front.
    pub public_url: Option<PublicUrl>,
    /// The proxies whose forwarded headers count; none are trusted by default.
    pub trusted_proxies: Vec<IpNet>,
    /// Maximum connections per peer address; 0: no limit of its own.
    pub max_connections_per_peer: usize,
    /// Who may send.
    pub sources: Vec<Source>,
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8485)),
            require_write_key: true,
            tls_cert: String::new(),
            tls_key: String::new(),
            drop_repeats: false,
            analytics_js: String::new(),
            max_body_bytes: 16 * 1024 * 1024,
            public_url: None,
            trusted_proxies: Vec::new(),
            max_connections_per_peer: 1024,
            sources: Vec::new(),
        }
    }
}

impl Capture {
    /// All settings of the section except the sources, each with its rule, in the order of the file.
    pub(super) fn settings(&mut self) -> Vec<Setting<'_>> {
        let Self {
            listen,
            require_write_key,
            tls_cert,
            tls_key,
            drop_repeats,
            analytics_js,
            max_body_bytes,
            public_url,
            trusted_proxies,
            max_connections_per_peer,
            sources: _,
        } = self;
        let any = |_: &str| Ok(());
        let public_url_now = Value::text(public_url.as_ref().map(ToString::to_string).unwrap_or_default());
        let proxies_now = Value::List(trusted_proxies.iter().map(trusted_proxy_text).collect());
        vec![
            Setting::new("capture.listen", Value::text(listen.to_string()), listen, read_listen),
            Setting::switch("capture.require_write_key", require_write_key),
            Setting::text("capture.tls_cert", tls_cert, any),
            Setting::text("capture.tls_key", tls_key, any),
            Setting::switch("capture.drop_repeats", drop_repeats),
            Setting::text("capture.analytics_js", analytics_js, check_analytics_js),
            Setting::number("capture.max_body_bytes", max_body_bytes, 1024..=256 * 1024 * 1024),
            Setting::new("capture.public_url", public_url_now, public_url, PublicUrl::read),
            Setting::new("capture.trusted_proxies", proxies_now, trusted_proxies, read_trusted_proxies),
            Setting::number("capture.max_connections_per_peer", max_connections_per_peer, 0..=65_536),
        ]
    }

    pub(super) fn contradictions(&self) -> Vec<Contradiction> {
        let both = "give both for https, or none";
        let half = |given, missing| {
            let text = format!("{missing} is missing, and {given} needs it: {both}");
            vec![Contradiction::new(given, text)]
        };
        match (self.tls_cert.is_empty(), self.tls_key.is_empty()) {
            (false, true) => half("capture.tls_cert", "capture.tls_key"),
            (true, false) => half("capture.tls_key", "capture.tls_cert"),
            (true, true) | (false, false) => Vec::new(),
        }
    }

    /// Whether other machines can reach the endpoint. The user asked for that, so it is allowed, but faces warn about
    /// it.
    pub fn exposed(&self) -> bool {
        !self.listen.ip().to_canonical().is_loopback()
    }

    /// The sources that have another name now: the old one and the new one. A source is recognized by its write key.
    pub fn renamed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let has = |sources: &[Source], name: &str| sources.iter().any(|source| source.name == name);
        self.sources.iter().filter_map(move |now| {
            let was = before.sources.iter().find(|was| was.write_key == now.write_key)?;
            let is_renamed = !has(&before.sources, &now.name) && !has(&self.sources, &was.name);
            is_renamed.then_some((&*was.name, &*now.name))
        })
    }

    /// A warning if every user of this machine can read the write keys in the settings file.
    pub fn exposed_settings(&self, file: &Path) -> Option<String> {
        if self.sources.is_empty() {
            return None;
        }
        let mode = mode_if_read_by_all(file)?;
        let file = file.display();
        Some(format!(
            "Every user of this machine can read the settings file {file} (mode {mode:03o}), and the write keys in it. Give it, \
             or its mount, mode 600"
        ))
    }

    /// A warning if every user of this machine can read the private key of the endpoint's certificate: with it, anyone can
    /// pass for the endpoint.
    pub fn exposed_tls_key(&self) -> Option<String> {
        let path = Some(&self.tls_key).filter(|path| !path.is_empty())?;
        let mode = mode_if_read_by_all(Path::new(path))?;
        Some(format!(
            "Every user of this machine can read the private key {path} (capture.tls_key, mode {mode:03o}), and so pass for this \
             endpoint. Give it, or its mount, mode 600"
        ))
    }
}

/// An address and a port in numbers; port 0 lets the system choose.
pub fn check_listen(listen: &str) -> Result<SocketAddr, RuleError> {
    let hint = || match listen.strip_prefix("localhost:") {
        Some(port) => format!("write localhost as 127.0.0.1:{port}").into(),
        None => "write an IP address and a port, such as 127.0.0.1:8485 or [::1]:8485".into(),
    };
    listen.parse().ok().ok_or_else(hint)
}

fn read_listen(value: &Value) -> Result<SocketAddr, RuleError> {
    let text = value.as_text()?;
    check_listen(text).map_err(|why| why.showing(&quoted(text)))
}

/// Where a page finds a script: a URL, or a path of its own site.
fn check_analytics_js(url: &str) -> Result<(), RuleError> {
    const SHAPE: &str =
        "such as https://cdn.example.com/analytics-next-1.84.3/standalone.js or /js/standalone.js";
    if !["https://", "http://", "/"].iter().any(|start| url.starts_with(start)) {
        let wrong = format!("it must be a URL or a path that begins with /, {SHAPE}");
        return Err(RuleError::new(wrong, "or leave it empty"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains(['"', '<', '>', '\\']) {
        return Err(format!("it has a character that a URL must not have, {SHAPE}").into());
    }
    Ok(())
}

fn read_trusted_proxies(value: &Value) -> Result<Vec<IpNet>, RuleError> {
    let Value::List(texts) = value else {
        let allowed = "it must be a list of texts: [\"127.0.0.1\", \"10.0.0.0/8\"]";
        return Err(RuleError::new(format!("is {}", value.shown()), allowed));
    };
    if texts.len() > TRUSTED_PROXIES_MAX {
        let allowed = format!("allowed: at most {TRUSTED_PROXIES_MAX}");
        return Err(RuleError::new(format!("has {} entries", texts.len()), allowed));
    }
    let mut networks = Vec::with_capacity(texts.len());
    for text in texts {
        let network = check_trusted_proxy(text)
            .map_err(|why| RuleError::new(format!("has the entry {}", quoted(text)), why.to_string()))?;
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    Ok(networks)
}

/// An address, or a network such as `10.0.0.0/8`. IPv4 in the form of IPv6 becomes IPv4, as do the addresses that are
/// compared with it.
pub fn check_trusted_proxy(text: &str) -> Result<IpNet, RuleError> {
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
        return Err(RuleError::new(
            "a network of all addresses would let every sender claim any address",
            "name the proxies",
        ));
    }
    if network.trunc() != network {
        let network = format!("the network is {}", network.trunc());
        return Err(RuleError::new("it has bits set after its prefix length", network));
    }
    Ok(network)
}

/// A trusted proxy as it is written: a single address has no length.
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
    fn the_endpoint_listens_at_an_address_in_numbers() {
        for good in ["127.0.0.1:0", "[::]:8485"] {
            assert!(check_listen(good).is_ok(), "{good}");
        }
        let why = check_listen(":8485").unwrap_err().to_string();
        assert!(why.contains("such as 127.0.0.1:8485"), "{why}");
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
            let why = check_trusted_proxy(text).unwrap_err().to_string();
            assert!(why.contains(part), "{text}: {why}");
        }
    }
}
