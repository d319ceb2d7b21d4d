//! `context`, `integrations` and the sender's address.

use super::*;

#[test]
fn envelope_members_fill_what_the_item_lacks_one_level_deep() {
    for (shared, own, wanted) in [
        (r#"{"a":{"x":1}}"#, r#"{"a":{"y":2}}"#, Some(r#"{"a":{"y":2}}"#)),
        (r#"{"a":1,"b":2}"#, r#"{"b":null}"#, Some(r#"{"b":null,"a":1}"#)),
        (r#"{"a":1 , "b" : 2.0}"#, r#"{ "c":3 }"#, Some(r#"{"c":3,"a":1,"b" : 2.0}"#)),
        (r#"{"a":1,"b":[NaN]}"#, "null", Some(r#"{"a":1,"b":[null]}"#)),
        (r#"{"\u0061":1}"#, r#"{"a":2}"#, Some(r#"{"a":2}"#)),
        (r#"{"a":1}"#, r#"{"\u0061":2}"#, Some(r#"{"\u0061":2}"#)),
        (r#"{"a":1}"#, "{}", Some(r#"{"a":1}"#)),
        (r#"{"a":1}"#, "", Some(r#"{"a":1}"#)),
        (r#"{"a":1}"#, "[1]", Some("[1]")),
        (r#"{"a":1}"#, r#""text""#, Some(r#""text""#)),
        (r#"{"a":1}"#, "7", Some("7")),
        ("null", "", None),
        ("null", "null", Some("null")),
        ("[1]", r#"{"c": 3}"#, Some(r#"{"c": 3}"#)),
        ("{}", "", Some("{}")),
    ] {
        for name in ["context", "integrations"] {
            let own = if own.is_empty() { String::new() } else { format!(r#","{name}":{own}"#) };
            let item = format!(r#"{{"type":"identify","userId":"u"{own}}}"#);
            // Before and after the batch, since SDKs do both.
            for body in [
                format!(r#"{{"{name}":{shared},"batch":[{item}]}}"#),
                format!(r#"{{"batch":[{item}],"{name}":{shared}}}"#),
            ] {
                assert_eq!(member(&json(only(&body)), name).as_deref(), wanted, "{body}");
            }
        }
    }
}

#[test]
fn many_context_members_are_merged_like_few() {
    let object = |from: usize| {
        let members: Vec<_> = (from..from + 200).map(|n| format!(r#""k{n}":{from}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    let body = format!(
        r#"{{"context":{},"batch":[{{"type":"identify","userId":"u","context":{}}}]}}"#,
        object(0),
        object(100)
    );
    let merged = members(&member(&json(only(&body)), "context").unwrap());
    assert_eq!(merged.len(), 300);
    assert_eq!(merged[0], ("k100".to_owned(), "100".to_owned()));
    assert_eq!(merged[299], ("k99".to_owned(), "0".to_owned()));
}

#[test]
fn the_address_is_filled_in_for_devices_that_gave_none() {
    use PathClass::{Device, Server};
    let public = "203.0.113.9";
    for (class, peer, context, wanted) in [
        (Device, public, "", Some(r#"{"ip":"203.0.113.9"}"#)),
        (Device, public, "null", Some(r#"{"ip":"203.0.113.9"}"#)),
        (Device, public, "{}", Some(r#"{"ip":"203.0.113.9"}"#)),
        (Device, public, r#"{"a": 1}"#, Some(r#"{"a": 1,"ip":"203.0.113.9"}"#)),
        (Device, public, r#"{"page":{"ip":"x"}}"#, Some(r#"{"page":{"ip":"x"},"ip":"203.0.113.9"}"#)),
        (Device, public, r#"{"ip":"9.9.9.9"}"#, Some(r#"{"ip":"9.9.9.9"}"#)),
        (Device, public, r#"{"ip":null}"#, Some(r#"{"ip":null}"#)),
        (Device, public, r#"{"\u0069p":""}"#, Some(r#"{"\u0069p":""}"#)),
        (Device, public, r#""odd""#, Some(r#""odd""#)),
        (Server, public, "", None),
        (Server, public, r#"{"direct":true}"#, Some(r#"{"direct":true,"ip":"203.0.113.9"}"#)),
        (Server, public, r#"{"direct":"true"}"#, Some(r#"{"direct":"true"}"#)),
        (Server, public, r#"{"direct":true,"ip":"1.1.1.1"}"#, Some(r#"{"direct":true,"ip":"1.1.1.1"}"#)),
        (Device, "2001:db8::1", "", Some(r#"{"ip":"2001:db8::1"}"#)),
        (Device, "::ffff:203.0.113.9", "", Some(r#"{"ip":"203.0.113.9"}"#)),
        (Device, "10.0.0.7", "", Some(r#"{"ip":"10.0.0.7"}"#)),
        (Device, "127.0.0.1", "", None),
        (Device, "::1", "", None),
        (Device, "::ffff:127.0.0.1", "", None),
        (Device, "0.0.0.0", "", None),
        (Device, "::", "", None),
        (Device, "169.254.1.1", "", None),
        (Device, "fe80::1", "", None),
    ] {
        let mut arrival = arrival(class);
        arrival.peer = Some(peer.parse().unwrap());
        let own = if context.is_empty() { String::new() } else { format!(r#","context":{context}"#) };
        let body = format!(r#"{{"userId":"u"{own}}}"#);
        let event = Body::parse(body.as_bytes()).unwrap().single(Kind::Identify, &arrival);
        assert_eq!(member(&json(event), "context").as_deref(), wanted, "{peer} {context}");
    }
    let mut unknown = arrival(Device);
    unknown.peer = None;
    let event = Body::parse(br#"{"userId":"u"}"#).unwrap().single(Kind::Identify, &unknown);
    assert_eq!(member(&json(event), "context"), None);
}

#[test]
fn a_batchs_direct_context_counts_for_its_items() {
    let with = |own: &str| {
        let body = format!(
            r#"{{"context":{{"direct":true}},"batch":[{{"type":"identify","userId":"u","context":{own}}}]}}"#
        );
        member(&json(only(&body)), "context").unwrap()
    };
    assert_eq!(with("{}"), r#"{"direct":true,"ip":"203.0.113.9"}"#);
    assert_eq!(with(r#"{"direct":false}"#), r#"{"direct":false}"#);
}
