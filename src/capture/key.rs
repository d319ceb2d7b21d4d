//! Where a write key may be (tracking API §3.1), outside the body. Pure.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// SDKs leave the padding out or put it in.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The key in the `Authorization` header (Basic), the query or `X-Write-Key`: the first that is not empty.
pub(super) fn outside_body(headers: &HeaderMap, query: Option<&str>) -> Option<String> {
    basic(headers)
        .or_else(|| query.and_then(|query| parameter(query, "writeKey")))
        .or_else(|| Some(headers.get("x-write-key")?.to_str().ok()?.to_owned()))
        .filter(|key| !key.is_empty())
}

/// The token of `Authorization: Bearer`. Some SDKs send the write key there, others a token of their own beside a key in
/// the body: only the settings tell which.
pub(super) fn bearer(headers: &HeaderMap) -> Option<String> {
    authorization(headers, "bearer").map(str::to_owned)
}

/// What follows the scheme in the `Authorization` header; `None` for another scheme, or for nothing.
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
    let named =
        |pair: &'_ str| pair.split_once('=').is_some_and(|(key, value)| key == name && !value.is_empty());
    let pair = query.split('&').find(|pair| named(pair))?;
    Some(percent_decoded(&pair[name.len() + 1..]))
}

/// `%41` is `A` and `+` a blank; what is no escape stays.
fn percent_decoded(raw: &str) -> String {
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        match (bytes[at], escape.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
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
        assert_eq!(percent_decoded("100%&%4"), "100%&%4");
        assert_eq!(percent_decoded("%zz%41"), "%zzA");
    }
}
