//! Who may come without a key. A web page can make its visitor's browser send requests to this machine; whoever sends
//! on purpose can be told apart by `Host`, `Origin` and `Sec-Fetch-Site`, which pages cannot forge. Pure.

use std::net::IpAddr;

use axum::http::{HeaderMap, Uri, header};

use super::answer::Refused;

/// The names by which the endpoint may be called, besides those of this machine. What proxies forward is not among them:
/// a page in a browser on the proxy's machine connects from a trusted address too, and can set such headers.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// Any: the endpoint is meant for other machines.
    pub(super) any: bool,
    /// The host of the public address, which the user named.
    pub(super) public: Option<&'a str>,
}

/// Refuses a request that a web page of elsewhere caused, or that came by a name that somebody else's name server
/// gave for this machine (DNS rebinding).
pub(super) fn check(headers: &HeaderMap, uri: &Uri, names: Names<'_>) -> Result<(), Refused> {
    check_host(headers, uri, names)?;
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(origin) = text(header::ORIGIN)
        && !is_of_here(origin, text(header::HOST))
    {
        return Err(Refused::foreign("a web page of another site sent this without a known write key"));
    }
    match text(header::HeaderName::from_static("sec-fetch-site")) {
        Some("cross-site") => {
            Err(Refused::foreign("a web page of another site caused this without a known write key"))
        }
        _ => Ok(()),
    }
}

/// The part of it that also guards what needs no key at all (`/metrics`, say).
pub(super) fn check_host(headers: &HeaderMap, uri: &Uri, names: Names<'_>) -> Result<(), Refused> {
    let header = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let Some(host) = header.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str)) else {
        return Ok(());
    };
    let is_public = names.public.is_some_and(|public| name_of(public).eq_ignore_ascii_case(name_of(host)));
    if names.any || is_public || is_local(name_of(host)) {
        return Ok(());
    }
    Err(Refused::foreign("the endpoint listens for this machine alone and does not go by that host name"))
}

/// `http://localhost:3000`: a page that this machine serves. `null` can be anybody's, and so can an address: that must
/// be the one by which the endpoint was called.
fn is_of_here(origin: &str, host: Option<&str>) -> bool {
    let Some((_, page)) = origin.split_once("://") else { return false };
    let name = name_of(page);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || host.is_some_and(|host| name_of(host) == name),
        Err(_) => is_local(name),
    }
}

/// The host without its port; an IPv6 address without its brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

/// Names that no name server is asked for: localhost, and addresses.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn checked(pairs: &[(&'static str, &str)], exposed: bool) -> bool {
        let headers = pairs.iter().map(|(name, value)| {
            (header::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header"))
        });
        let names = Names { any: exposed, public: Some("events.example.org") };
        check(&headers.collect(), &Uri::from_static("/v1/track"), names).is_ok()
    }

    #[test]
    fn senders_of_this_machine_pass_and_pages_of_elsewhere_do_not() {
        for (headers, passes) in [
            (&[("host", "127.0.0.1:8485")][..], true),
            (&[("host", "localhost:8485")], true),
            (&[("host", "[::1]:8485")], true),
            (&[("host", "app.localhost")], true),
            (&[("host", "192.168.1.7:8485")], true),
            (&[], true),
            (&[("host", "evil.example")], false),
            (&[("host", "127.0.0.1.evil.example:8485")], false),
            (&[("host", "localhost:8485"), ("origin", "http://localhost:3000")], true),
            (&[("host", "localhost:8485"), ("origin", "https://evil.example")], false),
            (&[("host", "localhost:8485"), ("origin", "https://localhost.evil.example")], false),
            (&[("host", "localhost:8485"), ("origin", "null")], false),
            (&[("host", "localhost:8485"), ("origin", "http://127.0.0.1:3000")], true),
            (&[("host", "localhost:8485"), ("origin", "http://[::1]:3000")], true),
            (&[("host", "192.168.1.7:8485"), ("origin", "http://192.168.1.7")], true),
            (&[("host", "192.168.1.7:8485"), ("origin", "http://203.0.113.5")], false),
            (&[("host", "localhost:8485"), ("origin", "http://203.0.113.5")], false),
            (&[("host", "localhost:8485"), ("origin", "chrome-extension://abc")], false),
            (&[("host", "localhost:8485"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "localhost:8485"), ("sec-fetch-site", "same-site")], true),
        ] {
            assert_eq!(checked(headers, false), passes, "{headers:?}");
        }
    }

    #[test]
    fn the_public_address_is_a_name_of_the_endpoint_and_a_forwarded_host_is_none() {
        for (headers, passes) in [
            (&[("host", "events.example.org")][..], true),
            (&[("host", "Events.Example.org:443")], true),
            (&[("host", "events.example.org.evil.example")], false),
            (&[("host", "evil.example"), ("x-forwarded-host", "localhost")], false),
            (&[("host", "evil.example"), ("x-forwarded-host", "events.example.org")], false),
            (&[("host", "evil.example"), ("forwarded", "host=localhost")], false),
            (&[("host", "events.example.org"), ("origin", "https://evil.example")], false),
            (&[("host", "events.example.org"), ("sec-fetch-site", "cross-site")], false),
        ] {
            assert_eq!(checked(headers, false), passes, "{headers:?}");
        }
    }

    #[test]
    fn an_endpoint_for_other_machines_goes_by_any_name_but_still_refuses_foreign_pages() {
        assert!(checked(&[("host", "events.example.com")], true));
        assert!(!checked(&[("host", "events.example.com"), ("origin", "https://evil.example")], true));
    }
}
