//! Who may come without a key. A web page can make its visitor's browser send requests to this machine; whoever sends
//! on purpose can be told apart by `Host`, `Origin`, `Sec-Fetch-Site` and `Referer`, which pages cannot forge. Pure.

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
        Some(_) => Ok(()),
        None => check_referer(headers, names),
    }
}

/// Browsers send no `Origin` with an image, and none but newer ones say `Sec-Fetch-Site`, and only to https and loopback:
/// then `Referer` names the page.
fn check_referer(headers: &HeaderMap, names: Names<'_>) -> Result<(), Refused> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let Some(page) = text(header::REFERER).filter(|page| !page.is_empty()) else { return Ok(()) };
    let is_public = || {
        let of_page = authority_of(page).map(name_of);
        names.public.zip(of_page).is_some_and(|(public, page)| name_of(public).eq_ignore_ascii_case(page))
    };
    if text(header::ORIGIN).is_some() || is_of_here(page, text(header::HOST)) || is_public() {
        return Ok(());
    }
    Err(Refused::foreign(
        "a web page of another site (its address is in the header Referer) caused this without a known write key",
    ))
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
    let Some(authority) = authority_of(origin) else { return false };
    let name = name_of(authority);
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || host.is_some_and(|host| name_of(host) == name),
        Err(_) => is_local(name),
    }
}

/// The host and port of an origin or of a page's address: without path, and without a user's name.
fn authority_of(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or(rest);
    Some(authority.rsplit('@').next().unwrap_or(authority))
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
            (&[("host", "localhost:8485"), ("referer", "")], true),
            (&[("host", "localhost:8485"), ("referer", "http://localhost:3000/shop?x=1#y")], true),
            (&[("host", "localhost:8485"), ("referer", "http://[::1]/")], true),
            (&[("host", "192.168.1.7:8485"), ("referer", "http://192.168.1.7:3000/shop")], true),
            (&[("host", "192.168.1.7:8485"), ("referer", "http://203.0.113.5/shop")], false),
            (&[("host", "localhost:8485"), ("referer", "https://evil.example/")], false),
            (&[("host", "localhost:8485"), ("referer", "https://localhost@evil.example/")], false),
            (&[("host", "localhost:8485"), ("referer", "https://evil.example/?http://localhost/")], false),
            (&[("host", "localhost:8485"), ("referer", "about:blank")], false),
            (
                &[
                    ("host", "localhost:8485"),
                    ("referer", "https://evil.example/"),
                    ("sec-fetch-site", "same-origin"),
                ],
                true,
            ),
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
            (&[("host", "events.example.org"), ("referer", "https://Events.example.org:443/page")], true),
            (
                &[("host", "events.example.org"), ("referer", "https://evil.example/events.example.org")],
                false,
            ),
        ] {
            assert_eq!(checked(headers, false), passes, "{headers:?}");
        }
    }

    #[test]
    fn an_endpoint_for_other_machines_goes_by_any_name_but_still_refuses_foreign_pages() {
        assert!(checked(&[("host", "events.example.com")], true));
        assert!(!checked(&[("host", "events.example.com"), ("origin", "https://evil.example")], true));
        assert!(!checked(&[("host", "events.example.com"), ("referer", "https://evil.example/")], true));
    }
}
