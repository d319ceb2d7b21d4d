//! The `data` parameter of a pixel.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::code::EndpointCode;
use super::rejection::Rejection;

/// The JSON text in a pixel's `data`, given after URL decoding: standard or URL-safe base64, with or without padding,
/// also with blanks that were `+`; or the JSON itself.
pub fn decode_pixel(value: &str) -> Result<Cow<'_, [u8]>, Rejection> {
    if value.trim_start().starts_with('{') {
        return Ok(Cow::Borrowed(value.as_bytes()));
    }
    let url_safe: Vec<u8> = value
        .trim_end_matches('=')
        .bytes()
        .map(|byte| match byte {
            b'+' | b' ' => b'-',
            b'/' => b'_',
            other => other,
        })
        .collect();
    URL_SAFE_NO_PAD.decode(url_safe).map(Cow::Owned).map_err(|error| {
        let message = format!("the pixel's data is not base64: {error}");
        Rejection::new(EndpointCode::BadEncoding, message, value.as_bytes())
    })
}
