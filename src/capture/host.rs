//! Who may send without a key. A web page can make its visitor's browser send requests to this machine. Such requests
//! are recognised by `Host`, `Origin`, `Sec-Fetch-Site` and `Referer`, which a page cannot forge. Pure.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Uri, header, uri::Authority};
use url::Url;

use super::error_response::ErrorResponse;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The host names that requests may use for the endpoint, besides those of this machine. Forwarded hosts are not among
/// them: a page in a browser on the proxy's machine connects from a trusted address too, and can set such headers.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// Any name, because the endpoint is meant for other machines.
    pub(super) any: bool,
    /// The host of the public address in the settings.
    pub(super) public: Option<&'a str>,
}

/// Refuses a request that a web page of another site caused, or whose host name another name server gave to this
/// machine (DNS rebinding).
pub(super) fn check(headers: &HeaderMap, uri: &Uri, names: Names<'_>) -> Result<(), ErrorResponse> {
    check_host(headers, uri, names)?;
    if let Some(origin) = text(headers, header::ORIGIN)
        && !is_own_page(origin, text(headers, header::HOST))
    {
        return Err(ErrorResponse::foreign("a web page of another site sent this without a known write key"));
    }
    match text(headers, SEC_FETCH_SITE) {
        Some("cross-site") => {
            Err(ErrorResponse::foreign("a web page of another site caused this without a known write key"))
        }
        Some(_) => Ok(()),
        None => check_referer(headers, names),
    }
}

/// Browsers send no `Origin` with an image. Older ones send no `Sec-Fetch-Site`, and others send it only to https and
/// loopback. Then `Referer` names the page.
fn check_referer(headers: &HeaderMap, names: Names<'_>) -> Result<(), ErrorResponse> {
    let Some(page) = text(headers, header::REFERER).filter(|page| !page.is_empty()) else { return Ok(()) };
    let is_public = || {
        let host = host_of_page(page);
        names.public.zip(host).is_some_and(|(public, host)| name_of(public).eq_ignore_ascii_case(&host))
    };
    if headers.contains_key(header::ORIGIN) || is_own_page(page, text(headers, header::HOST)) || is_public() {
        return Ok(());
    }
    Err(ErrorResponse::foreign(
        "a web page of another site (its address is in the header Referer) caused this without a known write key",
    ))
}

/// Checks the host name alone. This also guards paths that need no key, such as `/metrics`.
pub(super) fn check_host(headers: &HeaderMap, uri: &Uri, names: Names<'_>) -> Result<(), ErrorResponse> {
    let Some(host) = text(headers, header::HOST).or_else(|| uri.authority().map(Authority::as_str)) else {
        return Ok(());
    };
    let name = name_of(host);
    let is_public = names.public.is_some_and(|public| name_of(public).eq_ignore_ascii_case(name));
    if names.any || is_public || is_local(name) {
        return Ok(());
    }
    Err(ErrorResponse::foreign(
        "the endpoint listens for this machine alone and does not go by that host name",
    ))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Whether this machine serves a page, such as `http://localhost:3000`. The origin `null` can belong to anybody. An
/// address can too, so it must be loopback, or the one in the request's `Host`.
fn is_own_page(page: &str, host: Option<&str>) -> bool {
    let Some(name) = host_of_page(page) else { return false };
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || host.is_some_and(|host| name_of(host) == name),
        Err(_) => is_local(&name),
    }
}

/// The host of an origin or of a page's URL; an IPv6 address without brackets. Browsers send it in the form of a parsed
/// URL. Any other form of a host, such as `0x7f.1` or `%6cocalhost`, belongs to no page, and counts as none.
fn host_of_page(page: &str) -> Option<String> {
    let url = Url::parse(page).ok()?;
    let host = url.host_str()?;
    let (start, rest) = page.split_at_checked(url.scheme().len() + "://".len() + host.len())?;
    let is_as_sent = start.eq_ignore_ascii_case(&format!("{}://{host}", url.scheme()));
    let is_whole = rest.is_empty() || rest.starts_with([':', '/', '?', '#', '\\']);
    (is_as_sent && is_whole).then(|| name_of(host).to_owned())
}

/// The host of a `Host` header, without its port; an IPv6 address without brackets.
fn name_of(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    host.split(':').next().unwrap_or(host)
}

/// Names that no name server resolves: localhost, and addresses.
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
            // The URL parser takes each of these for this machine.
            (&[("host", "localhost:8485"), ("origin", "http://0x7f.1:3000")], false),
            (&[("host", "localhost:8485"), ("origin", "http://2130706433")], false),
            (&[("host", "localhost:8485"), ("origin", "http://%6cocalhost")], false),
            (&[("host", "localhost:8485"), ("origin", "http:localhost")], false),
            (&[("host", "localhost:8485"), ("origin", "http:\\\\localhost")], false),
            (&[("host", "localhost:8485"), ("origin", " http://localhost")], false),
            (&[("host", "localhost:8485"), ("origin", "http:///localhost")], false),
            (&[("host", "localhost:8485"), ("referer", "http://127.1/")], false),
            (&[("host", "localhost:8485"), ("referer", "http://LOCALHOST:3000/")], true),
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
