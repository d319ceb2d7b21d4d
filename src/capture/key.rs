//! Where a request has its write key outside the body, and how keys are displayed. Pure.

use std::borrow::Cow;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use url::form_urlencoded;

use crate::config::Source;

/// Base64 with or without padding: SDKs differ.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key in the header `Authorization` (Basic), in the query or in the header `X-Write-Key`: the first that is not
/// empty.
pub(super) fn outside_body(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    basic(headers)
        .or_else(|| query.and_then(|query| parameter(query, "writeKey")))
        .or_else(|| Some(headers.get("x-write-key")?.to_str().ok()?.to_owned()))
        .filter(|key| !key.is_empty())
}

/// The token of `Authorization: Bearer`. Some SDKs send the write key there; others send a token of their own, and the
/// key in the body. Only the settings tell which it is.
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    authorization(headers, "bearer").map(str::to_owned)
}

/// The credentials in the header `Authorization`. `None` if there are none, or the scheme is another one.
fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (named, credentials) = value.trim().split_once(' ')?;
    named
        .eq_ignore_ascii_case(scheme)
        .then(|| credentials.trim())
        .filter(|credentials| !credentials.is_empty())
}

fn basic(headers: &HeaderMap) -> Option<String> {
    let text = String::from_utf8(BASE64.decode(authorization(headers, "basic")?).ok()?).ok()?;
    let key = text.split_once(':').map_or(text.as_str(), |(key, _password)| key);
    (!key.is_empty()).then(|| key.to_owned())
}

/// A parameter of a query string, decoded: the first that is not empty.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.into_owned())
}

/// A key as it is displayed: its last four characters if it is long. A key that is unknown here may be a mistyped real
/// one, or another secret.
pub(super) fn masked(key: &str) -> String {
    Source::new("", key).masked_key()
}

/// A path as it is displayed: without segments that are a key, or could be one.
pub(super) fn shown_path(path: &str, is_key: impl Fn(&str) -> bool) -> String {
    let segments = path.split('/').map(|segment| {
        let could_be_key =
            segment.len() >= 20 || segment.len() >= 12 && segment.bytes().any(|byte| byte.is_ascii_digit());
        if could_be_key || is_key(segment) { Cow::Owned(masked(segment)) } else { Cow::Borrowed(segment) }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const X_WRITE_KEY: HeaderName = HeaderName::from_static("x-write-key");

    fn with(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(authorization).expect("a header"))])
    }

    #[test]
    fn the_key_is_found_in_every_form_of_basic_auth() {
        // "wk:", without padding, with a password, without a colon, and a key that begins with letters of "Basic".
        for (header, key) in [
            ("Basic d2s6", "wk"),
            ("basic d2s6", "wk"),
            ("BASIC  d2s6", "wk"),
            ("Basic d2s", "wk"),
            ("Basic d2s6cHc=", "wk"),
            ("Basic d2s6cHc", "wk"),
            ("Basic QmFzaWNLZXk6", "BasicKey"),
        ] {
            assert_eq!(outside_body(&with(header), None).as_deref(), Some(key), "{header}");
        }
        for header in ["Basic", "Basic Og==", "Bearer d2s6", "Basic %%%"] {
            assert_eq!(outside_body(&with(header), None), None, "{header}");
        }
    }

    #[test]
    fn a_bearer_token_is_read_whole_and_in_any_case_of_its_scheme() {
        for (header, token) in [
            ("Bearer pk_us_1", Some("pk_us_1")),
            ("bearer  pk_us_1 ", Some("pk_us_1")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Basic d2s6", None),
        ] {
            assert_eq!(bearer(&with(header)).as_deref(), token, "{header}");
        }
    }

    #[test]
    fn the_header_comes_before_the_query() {
        assert_eq!(outside_body(&with("Basic d2s6"), Some("writeKey=other")).as_deref(), Some("wk"));
        assert_eq!(outside_body(&HeaderMap::new(), Some("a=1&writeKey=a%2Bb+c")).as_deref(), Some("a+b c"));
        assert_eq!(outside_body(&HeaderMap::new(), Some("writeKey=")), None);
        let jitsu = HeaderMap::from_iter([(X_WRITE_KEY, HeaderValue::from_static("wk"))]);
        assert_eq!(outside_body(&jitsu, Some("writeKey=")).as_deref(), Some("wk"), "an empty one hides none");
    }

    #[test]
    fn a_broken_escape_stays_as_it_is() {
        assert_eq!(parameter("a=100%&b=%4", "a").as_deref(), Some("100%"));
        assert_eq!(parameter("a=100%&b=%4", "b").as_deref(), Some("%4"));
        assert_eq!(parameter("a=%zz%41", "a").as_deref(), Some("%zzA"));
    }

    #[test]
    fn a_path_is_shown_without_its_key() {
        let shown = |path| shown_path(path, |segment| segment == "known");
        assert_eq!(shown("/v2/projects/known/settings"), "/v2/projects/…/settings");
        assert_eq!(shown("/x/abcdefgh-ijkl-1234/settings"), "/x/…1234/settings");
        assert_eq!(shown("/x/a-key-of-letters-alone/y"), "/x/…lone/y");
        assert_eq!(shown("/analytics.js/v1/identify"), "/analytics.js/v1/identify");
        assert_eq!(shown("/"), "/");
    }
}
