//! What the check of the public address can find, and what to do about each.

use super::text::{Location, Remedy};
use crate::config::Config;

/// What is wrong between the internet and the endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Public {
    Missing,
    NoSource,
    Name,
    NotReached,
    Certificate,
    Handshake,
    NoAnswer,
    Redirected,
    Elsewhere,
    WrongPath,
    Refused,
    SettingsDiffer,
    Preflight,
    ProxyNotTrusted,
    ClientNotNamed,
}

impl Public {
    pub(super) fn of(code: &str) -> Option<Self> {
        CODES.iter().find(|(known, _)| *known == code).map(|(_, found)| *found)
    }
}

pub(super) const CODES: &[(&str, Public)] = &[
    ("PublicAddressMissing", Public::Missing),
    ("PublicNoSource", Public::NoSource),
    ("PublicNameNotFound", Public::Name),
    ("PublicNotReached", Public::NotReached),
    ("PublicCertificateInvalid", Public::Certificate),
    ("PublicHandshakeFailed", Public::Handshake),
    ("PublicNoAnswer", Public::NoAnswer),
    ("PublicRedirected", Public::Redirected),
    ("PublicElsewhere", Public::Elsewhere),
    ("PublicWrongPath", Public::WrongPath),
    ("PublicRefused", Public::Refused),
    ("PublicSettingsDiffer", Public::SettingsDiffer),
    ("PublicPreflightRefused", Public::Preflight),
    ("PublicProxyNotTrusted", Public::ProxyNotTrusted),
    ("PublicClientNotNamed", Public::ClientNotNamed),
];

pub(super) fn remedy(what: Public, config: &Config) -> Remedy {
    let public = config.capture.public_url.as_ref();
    let url = public.map_or_else(|| "the public address".to_owned(), ToString::to_string);
    let host = public.map_or_else(|| "its host".to_owned(), |public| public.host().to_owned());
    let prefix = public.map_or("", |public| public.prefix());
    match what {
        Public::Missing => Remedy::new(
            "There is no public address to check.",
            "Where a reverse proxy stands in front of the endpoint, senders use the proxy's address.",
            "Set the public address (capture.public_url), such as https://events.example.com.",
        )
        .at(Location::Settings),
        Public::NoSource => Remedy::new(
            "There is no source whose write key could be used.",
            "The check sends a test event as a sender does, and senders need a write key.",
            "Add a source, then check again.",
        )
        .at(Location::Sources),
        Public::Name | Public::NotReached | Public::Certificate | Public::Handshake | Public::NoAnswer => {
            connection(what, &url, &host)
        }
        Public::Redirected => Remedy::new(
            format!("{url} answers with a redirect."),
            "Many SDKs repeat a redirected request without its body, or not at all, so events would be lost.",
            "Set the redirect's target as the public address, or have the proxy pass requests on without a redirect.",
        )
        .at(Location::Settings),
        Public::Elsewhere => Remedy::new(
            format!("What answers at {url} is not this endpoint."),
            "The request did not arrive here: another server, a page of the proxy's own, a cache, or a proxy that cannot \
             reach the endpoint (502, 504) answered.",
            "Compare the proxy's configuration with the one that Tributary shows for it: host, path, and the address \
             to which it passes requests on.",
        )
        .at(Location::Settings),
        Public::WrongPath => Remedy::new(
            "The request arrived under a path that the endpoint does not serve.",
            format!(
                "The proxy passes on another path than senders use. The endpoint serves its paths as they are{}.",
                if prefix.is_empty() { String::new() } else { format!(", and below {prefix}") }
            ),
            "Have the proxy pass the path on unchanged, or remove exactly the prefix of the public address; or \
             correct the public address (capture.public_url).",
        )
        .at(Location::Settings),
        Public::Refused => Remedy::new(
            "The request arrived and was refused.",
            "Something on the way changed it (a missing Authorization header, say), or the endpoint cannot take events now.",
            "Read the answer in the error message, and compare the proxy's configuration with the one that Tributary \
             shows for it.",
        ),
        Public::SettingsDiffer => Remedy::new(
            "The settings document that came back names another address.",
            "SDKs send to the address in that document. A cache may hold an old one, or the proxy rewrites it.",
            "Have the proxy neither cache nor rewrite the endpoint's answers.",
        )
        .at(Location::Settings),
        Public::Preflight => Remedy::new(
            "Browsers would not be allowed to send.",
            "Before a page of another site sends, the browser asks with OPTIONS. Exactly one \
             Access-Control-Allow-Origin must come back; the endpoint sends it.",
            "Have the proxy pass OPTIONS on, and remove what it adds itself (add_header Access-Control-… in nginx).",
        ),
        Public::ProxyNotTrusted | Public::ClientNotNamed => client(what),
    }
}

fn connection(what: Public, url: &str, host: &str) -> Remedy {
    let remedy = match what {
        Public::Name => Remedy::new(
            format!("The name {host} cannot be found."),
            "This machine's name server does not know it. It may be new, or mistyped.",
            "Correct the public address (capture.public_url), or create the DNS record and wait until it is known.",
        ),
        Public::NotReached => Remedy::new(
            format!("{url} cannot be reached from this machine."),
            "Nothing listens there, or a firewall is in the way. Some networks do not let a machine reach its own public \
             address.",
            "Start the proxy and open its port. If senders elsewhere get through, check from another network.",
        ),
        Public::Certificate => Remedy::new(
            format!("The certificate of {host} is not valid for senders."),
            "It has expired, is for another name, or is not signed by an authority that machines trust. Senders refuse it \
             too.",
            "Renew the proxy's certificate, for this name and with the whole chain (fullchain.pem, not cert.pem). This \
             machine's clock must be right.",
        ),
        Public::Handshake => Remedy::new(
            format!("{url} does not offer TLS that senders can use."),
            "What listens there speaks plain http, another protocol, or only outdated versions of TLS.",
            "Give the proxy a certificate on this port, or set a public address that begins with http://.",
        ),
        _ => Remedy::new(
            format!("{url} accepts the connection but gives no usable answer."),
            "The proxy may wait for an endpoint that it cannot reach, or something else listens there.",
            "Check the proxy's error log, and compare its configuration with the one that Tributary shows for it.",
        ),
    };
    remedy.at(Location::Settings)
}

fn client(what: Public) -> Remedy {
    let remedy = if what == Public::ProxyNotTrusted {
        Remedy::new(
            "A proxy that is not trusted forwards the requests.",
            "What it says about the client does not count, so context.ip would be the proxy's address.",
            "Add the proxy's address to the trusted proxies (capture.trusted_proxies), if senders cannot connect from it.",
        )
    } else {
        Remedy::new(
            "The trusted proxy does not say who the client is.",
            "Neither X-Forwarded-For nor Forwarded came, so context.ip would be the proxy's address.",
            "Have the proxy send X-Forwarded-For, as in the configuration that Tributary shows for it.",
        )
    };
    remedy.at(Location::Settings)
}
