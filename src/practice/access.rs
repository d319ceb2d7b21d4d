//! Who may call: only clients on this machine that hold this instance's key.
//!
//! A web page in a browser sends an `Origin`, and a page whose name was rebound to loopback sends a foreign `Host`. Both
//! are refused, so no page can read or write the stream. `Authorization` must have the form of Signature Version 4 and
//! name one of our access key ids: the one for other programs, or the one of this program's own client. The signature is
//! not verified: a program that can read the id out of a request can read its content too. The headers alone decide,
//! before any body is read. The control path (`control.rs`) takes both keys by Basic authentication.

use super::api_error::ApiError;
use crate::slots::Rank;
use axum::http::{HeaderMap, Uri, header, uri::Authority};
use base64::{Engine, engine::general_purpose::STANDARD};

/// What a request must name.
pub(super) struct Expected<'a> {
    pub(super) port: u16,
    pub(super) access_key_id: &'a str,
    /// Of this program's own client.
    pub(super) own_key_id: &'a str,
    /// Any other id is let in too.
    pub(super) any_key: bool,
}

/// Refuses requests of web pages, and those for another host.
pub(super) fn check_caller(headers: &HeaderMap, uri: &Uri, port: u16) -> Result<(), ApiError> {
    if headers.contains_key(header::ORIGIN) {
        return Err(ApiError::forbidden(
            "The practice stream takes no requests from web pages (Origin header).",
        ));
    }
    // HTTP/2 names the host in the target instead of the header, or in both.
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let authority = uri.authority().map(Authority::as_str);
    let is_ours = |host: &str| is_loopback(host, port);
    let are_ours = hosts.iter().all(|host| host.to_str().is_ok_and(is_ours)) && authority.is_none_or(is_ours);
    if !are_ours || hosts.len() > 1 || (hosts.is_empty() && authority.is_none()) {
        return Err(ApiError::forbidden(
            "The practice stream is reached by its loopback address only (Host header).",
        ));
    }
    Ok(())
}

pub(super) fn check(headers: &HeaderMap, uri: &Uri, expected: &Expected<'_>) -> Result<Rank, ApiError> {
    check_caller(headers, uri, expected.port)?;
    let Some(authorization) = headers.get(header::AUTHORIZATION) else {
        return Err(ApiError::no_credentials());
    };
    let key_id = access_key_id(authorization.to_str().unwrap_or_default())?;
    if !headers.contains_key("x-amz-date") && !headers.contains_key(header::DATE) {
        let message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.";
        return Err(ApiError::incomplete_signature(message.into()));
    }
    if key_id == expected.own_key_id {
        Ok(Rank::Own)
    } else if expected.any_key || key_id == expected.access_key_id {
        Ok(Rank::Authenticated)
    } else {
        Err(ApiError::unrecognized_client())
    }
}

/// Refuses a call of the control path whose Basic authentication has not these keys.
pub(super) fn check_control(
    headers: &HeaderMap,
    expected: &Expected<'_>,
    secret_access_key: &str,
) -> Result<(), ApiError> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|text| text.to_str().ok());
    let encoded = authorization.and_then(|text| text.strip_prefix("Basic "));
    let user = encoded.and_then(|text| STANDARD.decode(text.trim()).ok());
    let keys = format!("{}:{secret_access_key}", expected.access_key_id);
    if expected.any_key || user.is_some_and(|user| user == keys.as_bytes()) {
        return Ok(());
    }
    Err(ApiError {
        status: 401,
        code: "UnrecognizedClientException",
        message:
            "The control path takes the access key id as user and the secret access key as password of Basic \
                  authentication: curl --user ID:SECRET."
                .into(),
    })
}

fn is_loopback(host: &str, port: u16) -> bool {
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        host.strip_prefix(name).is_some_and(|rest| match rest.strip_prefix(':') {
            Some(digits) => digits.parse() == Ok(port),
            None => rest.is_empty() && port == 80,
        })
    })
}

/// The access key id of `AWS4-HMAC-SHA256 Credential=ID/date/region/service/aws4_request, SignedHeaders=…, Signature=…`.
fn access_key_id(authorization: &str) -> Result<&str, ApiError> {
    let Some(parameters) = authorization.strip_prefix("AWS4-HMAC-SHA256 ") else {
        return Err(ApiError::incomplete_signature(
            "Unsupported Authorization: not AWS4-HMAC-SHA256.".into(),
        ));
    };
    let find = |name: &str| {
        let mut pairs = parameters.split(',').filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value)
    };
    let missing: Vec<_> = ["Credential", "Signature", "SignedHeaders"]
        .iter()
        .filter(|name| find(name).is_none())
        .map(|name| format!("Authorization header requires '{name}' parameter."))
        .collect();
    if !missing.is_empty() {
        return Err(ApiError::incomplete_signature(missing.join(" ")));
    }
    let scope: Vec<_> = find("Credential").unwrap_or_default().split('/').collect();
    match scope[..] {
        [id, _, _, _, "aws4_request"] => Ok(id),
        _ => Err(ApiError::incomplete_signature(
            "Credential must have the form id/date/region/service/aws4_request.".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIAOURS/20261122/eu-west-1/kinesis/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=00ff";

    fn code(headers: &[(&'static str, &str)], uri: &str) -> (u16, &'static str) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let expected =
            Expected { port: 4000, access_key_id: "AKIAOURS", own_key_id: "AKIAOWN", any_key: false };
        check(&map, &uri.parse().unwrap(), &expected)
            .map_or_else(|error| (error.status, error.code), |_rank| (200, ""))
    }

    fn host(host: &str) -> (u16, &'static str) {
        code(&[("host", host), ("authorization", SIGNED), ("x-amz-date", "20261122T000000Z")], "/")
    }

    #[test]
    fn only_our_loopback_names_with_our_port_are_hosts() {
        for good in ["127.0.0.1:4000", "localhost:4000", "[::1]:4000"] {
            assert_eq!(host(good), (200, ""), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1",
            "127.0.0.1:4001",
            "localhost",
            "localhost:4000.evil.example",
            "localhost.evil.example:4000",
            "evil.example:4000",
            "127.0.0.1:4000:4000",
            "127.0.0.2:4000",
            "0.0.0.0:4000",
            "::1:4000",
        ] {
            assert_eq!(host(bad), (403, "AccessDeniedException"), "{bad}");
        }
    }

    #[test]
    fn a_request_without_a_host_or_with_two_or_for_a_foreign_target_is_refused() {
        let (auth, date) = (("authorization", SIGNED), ("x-amz-date", "x"));
        assert_eq!(code(&[auth, date], "/").0, 403);
        assert_eq!(code(&[auth, date, ("host", "localhost:4000"), ("host", "evil.example")], "/").0, 403);
        assert_eq!(code(&[auth, date, ("host", "localhost:4000")], "http://evil.example/").0, 403);
        assert_eq!(code(&[auth, date, ("host", "localhost:4000")], "http://localhost:4000/").0, 200);
        assert_eq!(code(&[auth, date], "http://localhost:4000/").0, 200, "HTTP/2");
        assert_eq!(code(&[auth, date], "http://localhost:4001/").0, 403);
        assert_eq!(code(&[auth, date, ("host", "evil.example")], "http://localhost:4000/").0, 403);
    }

    #[test]
    fn a_request_of_a_web_page_is_refused_even_with_our_key() {
        let page =
            [("host", "localhost:4000"), ("authorization", SIGNED), ("x-amz-date", "x"), ("origin", "null")];
        assert_eq!(code(&page, "/"), (403, "AccessDeniedException"));
    }

    #[test]
    fn only_our_key_in_a_signature_of_the_right_shape_is_let_in() {
        let with = |text: &str| {
            code(&[("host", "localhost:4000"), ("x-amz-date", "x"), ("authorization", text)], "/").1
        };
        assert_eq!(with(SIGNED), "");
        assert_eq!(with(&SIGNED.replace("AKIAOURS", "AKIAOWN")), "");
        assert_eq!(with(&SIGNED.replace("AKIAOURS", "AKIAOTHER")), "UnrecognizedClientException");
        for bad in [
            "",
            "Basic abc",
            "Bearer AKIAOURS",
            "AWS4-HMAC-SHA256 ",
            "AWS4-HMAC-SHA256 Credential=AKIAOURS",
            &SIGNED.replace("Signature=00ff", "Signature="),
            &SIGNED.replace("/kinesis", ""),
        ] {
            assert_eq!(with(bad), "IncompleteSignatureException", "{bad}");
        }
        assert_eq!(code(&[("host", "localhost:4000")], "/").1, "MissingAuthenticationTokenException");
        assert_eq!(
            code(&[("host", "localhost:4000"), ("authorization", SIGNED)], "/").1,
            "IncompleteSignatureException"
        );
    }
}
