//! The tracking API's rules, told through the module's front: golden events, tables, and properties.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

const RECEIVED: &str = "2026-03-02T10:00:05.250Z";

fn arrival(class: PathClass) -> Arrival {
    Arrival {
        received_at_ms: 1_772_445_605_250,
        class,
        peer: Some(IpAddr::from([203, 0, 113, 9])),
        encoding: Encoding::Json,
        record_bytes_max: 1 << 20,
    }
}

fn single(kind: Kind, body: &str) -> Result<Event, Rejection> {
    Body::parse(body.as_bytes())?.single(kind, &arrival(PathClass::Server))
}

fn batch(body: &[u8]) -> Result<Vec<Result<Event, Rejection>>, Rejection> {
    Ok(Body::parse(body)?.batch(&arrival(PathClass::Server))?.collect())
}

/// The text of an accepted event.
fn json(event: Result<Event, Rejection>) -> String {
    String::from_utf8(event.unwrap().json).unwrap()
}

/// The only event of a batch body.
fn only(body: &str) -> Result<Event, Rejection> {
    let mut events = batch(body.as_bytes()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The text of a member, as it is written. The last one where it is repeated.
fn member(json: &str, name: &str) -> Option<String> {
    members(json).into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Every member of an object with the text of its value, repeated ones too, read by `serde_json`.
fn members(json: &str) -> Vec<(String, String)> {
    struct All(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for All {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = All;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<All, A::Error> {
                    let mut all = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                        all.push((name, value.get().to_owned()));
                    }
                    Ok(All(all))
                }
            }
            from.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<All>(json).unwrap().0
}

// The worked examples of tracking API §5.10, byte for byte.

#[test]
fn example_a_a_single_track_on_a_device_path() {
    let body = r#"{"userId":"u-1","event":"Signed Up","properties":{"plan":"pro"},"messageId":"m-1","writeKey":"wk"}"#;
    let body = Body::parse(body.as_bytes()).unwrap();
    assert_eq!(body.write_key().unwrap(), "wk");
    let event = body.single(Kind::Track, &arrival(PathClass::Device)).unwrap();
    assert_eq!(event.key.as_str(), "u-1");
    assert_eq!((event.message_id.as_str(), event.message_id_made), ("m-1", false));
    assert_eq!(event.name.as_deref(), Some("Signed Up"));
    assert_eq!(
        String::from_utf8(event.json).unwrap(),
        r#"{"userId":"u-1","event":"Signed Up","properties":{"plan":"pro"},"messageId":"m-1","type":"track","context":{"ip":"203.0.113.9"},"receivedAt":"2026-03-02T10:00:05.250Z","timestamp":"2026-03-02T10:00:05.250Z"}"#
    );
}

#[test]
fn example_b_a_batch_from_a_device_whose_clock_is_three_hours_slow() {
    let event = only(concat!(
        r#"{"sentAt":"2026-03-02T07:00:00.000Z","context":{"library":{"name":"analytics-go","version":"3.0.0"},"timezone":"Europe/Berlin"},"#,
        r#""batch":[{"type":"track","messageId":"m-2","userId":"u-1","event":"Played","#,
        r#""timestamp":"2026-03-02T06:59:30.000Z","context":{"library":{"name":"mine","version":"9"}}}]}"#
    ));
    assert_eq!(
        json(event),
        concat!(
            r#"{"type":"track","messageId":"m-2","userId":"u-1","event":"Played","timestamp":"2026-03-02T09:59:35.250Z","#,
            r#""context":{"library":{"name":"mine","version":"9"},"timezone":"Europe/Berlin"},"#,
            r#""sentAt":"2026-03-02T07:00:00.000Z","receivedAt":"2026-03-02T10:00:05.250Z","#,
            r#""originalTimestamp":"2026-03-02T06:59:30.000Z"}"#
        )
    );
}

#[test]
fn example_c_numeric_and_null_ids_big_numbers_and_offset_times() {
    let event = only(concat!(
        r#"{"sentAt":"2026-03-02T12:00:05.100+02:00","batch":[{"type":"page","messageId":"m-3","userId":42,"anonymousId":null,"#,
        r#""name":"Home","properties":{"n":12345678901234567890123,"f":1.10,"z":null},"timestamp":"2026-03-02T12:00:05.000+02:00"}]}"#
    ))
    .unwrap();
    assert_eq!(event.key.as_str(), "42");
    assert_eq!(
        String::from_utf8(event.json).unwrap(),
        concat!(
            r#"{"type":"page","messageId":"m-3","userId":"42","anonymousId":null,"name":"Home","#,
            r#""properties":{"n":12345678901234567890123,"f":1.10,"z":null},"timestamp":"2026-03-02T10:00:05.150Z","#,
            r#""sentAt":"2026-03-02T12:00:05.100+02:00","receivedAt":"2026-03-02T10:00:05.250Z","#,
            r#""originalTimestamp":"2026-03-02T12:00:05.000+02:00"}"#
        )
    );
}

#[test]
fn example_d_a_rudderstack_item() {
    let item = r#"{"type":"track","messageId":"m-4","userId":"u-1","event":"E","originalTimestamp":"2026-03-02T10:00:04.900Z","sentAt":"2026-03-02T10:00:05.000Z","channel":"server""#;
    let wanted =
        format!(r#"{item},"receivedAt":"2026-03-02T10:00:05.250Z","timestamp":"2026-03-02T10:00:05.150Z"}}"#);
    assert_eq!(json(only(&format!(r#"{{"batch":[{item}}}]}}"#))), wanted);

    let own = r#","timestamp":"2012-12-02T00:30:12.984Z""#;
    let wanted = format!(r#"{item}{own},"receivedAt":"2026-03-02T10:00:05.250Z"}}"#);
    assert_eq!(json(only(&format!(r#"{{"batch":[{item}{own}}}]}}"#))), wanted);
}

#[test]
fn example_e_an_item_without_message_id_gains_a_uuid() {
    let event = only(r#"{"batch":[{"type":"identify","userId":"u"}]}"#).unwrap();
    assert!(event.message_id_made);
    assert_eq!(uuid::Uuid::parse_str(&event.message_id).unwrap().get_version_num(), 4);
    let wanted = format!(
        r#"{{"type":"identify","userId":"u","messageId":"{}","receivedAt":"{RECEIVED}","timestamp":"{RECEIVED}"}}"#,
        event.message_id
    );
    assert_eq!(String::from_utf8(event.json).unwrap(), wanted);
}

// Members, one rule a table.

#[test]
fn message_ids_are_kept_turned_into_text_or_made() {
    for (given, wanted) in [
        (r#""m-1""#, Some(r#""m-1""#)),
        (r#""a\"b\ud83d""#, Some(r#""a\"b\ud83d""#)),
        ("17", Some(r#""17""#)),
        ("1.50e3", Some(r#""1.50e3""#)),
        ("null", None),
        (r#""""#, None),
        ("true", None),
        ("[1]", None),
        ("{}", None),
        ("NaN", None),
        ("-Infinity", None),
    ] {
        let event = single(Kind::Identify, &format!(r#"{{"messageId":{given},"userId":"u"}}"#)).unwrap();
        let text = String::from_utf8(event.json).unwrap();
        let written = member(&text, "messageId").unwrap();
        assert_eq!(event.message_id_made, wanted.is_none(), "{given}");
        assert_eq!(written, wanted.map_or(format!("\"{}\"", event.message_id), str::to_owned), "{given}");
        assert!(text.starts_with(r#"{"messageId":"#), "in its place: {text}");
    }
    let event = single(Kind::Identify, r#"{"messageId":"a\"b\ud83d","userId":"u"}"#).unwrap();
    assert_eq!(event.message_id, "a\"b\u{FFFD}");
}

#[test]
fn a_message_id_is_noted_above_100_characters_and_refused_above_1_kib() {
    let with = |id: &str| single(Kind::Identify, &format!(r#"{{"messageId":"{id}","userId":"u"}}"#));
    assert!(!with(&"é".repeat(100)).unwrap().notes.long_message_id);
    assert!(with(&"é".repeat(101)).unwrap().notes.long_message_id);
    assert_eq!(with(&"m".repeat(1024)).unwrap().message_id.len(), 1024);
    assert_eq!(with(&"m".repeat(1025)).unwrap_err().code, Code::InvalidId);
}

#[test]
fn ids_stay_as_sent_but_numbers_become_their_text() {
    for (given, written, key) in [
        (r#"" U1 ""#, r#"" U1 ""#, " U1 "),
        (r#""\u0041\n""#, r#""\u0041\n""#, "A\n"),
        (r#""x\ud83dy""#, r#""x\ud83dy""#, "x\u{FFFD}y"),
        (r#""\uD83D\uDE00""#, r#""\uD83D\uDE00""#, "😀"),
        ("42", r#""42""#, "42"),
        ("4.50", r#""4.50""#, "4.50"),
        ("-1E5", r#""-1E5""#, "-1E5"),
        ("12345678901234567890123", r#""12345678901234567890123""#, "12345678901234567890123"),
        ("null", "null", "a"),
        (r#""""#, r#""""#, "a"),
        ("NaN", "null", "a"),
    ] {
        let body = format!(r#"{{"messageId":"m","userId":{given},"anonymousId":"a"}}"#);
        let event = single(Kind::Page, &body).unwrap();
        assert_eq!(event.key.as_str(), key, "{given}");
        let text = String::from_utf8(event.json).unwrap();
        assert!(
            text.starts_with(&format!(r#"{{"messageId":"m","userId":{written},"anonymousId":"a","#)),
            "{text}"
        );
    }
    let text = json(single(Kind::Group, r#"{"anonymousId":7,"groupId":0.0}"#));
    assert!(text.starts_with(r#"{"anonymousId":"7","groupId":"0.0","#), "{text}");
    let text = json(single(Kind::Alias, r#"{"userId":"b","previousId":-3}"#));
    assert!(text.starts_with(r#"{"userId":"b","previousId":"-3","#), "{text}");
}

#[test]
fn a_key_is_hashed_only_where_it_is_longer_than_kinesis_takes() {
    for (id, shortened) in [
        ("k".repeat(256), false),
        ("é".repeat(256), false),
        ("k".repeat(257), true),
        ("é".repeat(257), true),
        // 129 code points, but 258 UTF-16 units.
        ("😀".repeat(129), true),
        ("😀".repeat(128), false),
    ] {
        let key = PartitionKey::new(&id).unwrap();
        assert_eq!(key.shortened(), shortened, "{id}");
        assert!(shortened || key.as_str() == id);
    }
    let key = PartitionKey::new(&"a".repeat(300)).unwrap();
    // sha256sum of 300 times `a`.
    assert_eq!(key.as_str(), "9835fa6bf4e20a9b9ea812506302e98982721a6cf8d2cae67af57129bf21ae90");
    assert_eq!(PartitionKey::new(""), None);
}

#[test]
fn the_path_names_the_type_of_a_single_call() {
    for body in [
        r#"{"userId":"u","type":"page"}"#,
        r#"{"type":7,"userId":"u","type":"page"}"#,
        r#"{"userId":"u","\u0074ype":{}}"#,
        r#"{"userId":"u"}"#,
    ] {
        let event = single(Kind::Identify, body).unwrap();
        assert_eq!(event.kind, Kind::Identify);
        for (name, value) in members(std::str::from_utf8(&event.json).unwrap()) {
            assert!(name != "type" || value == r#""identify""#, "{body} {value}");
        }
        assert_eq!(member(std::str::from_utf8(&event.json).unwrap(), "type").unwrap(), r#""identify""#);
    }
    for (segment, kind) in [
        ("track", Some(Kind::Track)),
        ("t", Some(Kind::Track)),
        ("s", Some(Kind::Screen)),
        ("a", Some(Kind::Alias)),
        ("", None),
        ("tr", None),
        ("T", None),
        ("batch", None),
    ] {
        assert_eq!(Kind::from_path(segment), kind, "{segment}");
    }
}

#[test]
fn received_at_is_the_endpoints_word_wherever_it_is_spoken() {
    let text = json(single(Kind::Identify, r#"{"receivedAt":1,"userId":"u","receivedAt":"x"}"#));
    let values: Vec<_> = members(&text).into_iter().filter(|(name, _)| name == "receivedAt").collect();
    assert_eq!(values.len(), 2);
    assert!(values.iter().all(|(_, value)| *value == format!("\"{RECEIVED}\"")), "{text}");
}

#[test]
fn the_write_key_is_removed_wherever_it_stands() {
    let tail = format!(r#","type":"identify","receivedAt":"{RECEIVED}","timestamp":"{RECEIVED}"}}"#);
    for (body, kept) in [
        (r#"{"writeKey":"k","userId":"u","messageId":"m"}"#, r#"{"userId":"u","messageId":"m""#),
        (r#"{"userId":"u","writeKey":"k","messageId":"m"}"#, r#"{"userId":"u","messageId":"m""#),
        (r#"{"userId":"u","messageId":"m","writeKey":"k"}"#, r#"{"userId":"u","messageId":"m""#),
        (
            r#"{ "writeKey" : [",}"] , "writeKey" : 1 , "userId":"u","messageId":"m" }"#,
            r#"{"userId":"u","messageId":"m""#,
        ),
        (
            r#"{"writeKey":1,"userId":"u","writeKey":"k","messageId":"m","writeKey":NaN}"#,
            r#"{"userId":"u","messageId":"m""#,
        ),
        (
            r#"{"userId" : "u" , "writeKey":"k" , "write\u004bey":"k" ,"messageId":"m"}"#,
            r#"{"userId" : "u" ,"messageId":"m""#,
        ),
        (
            r#"{"userId":"u","x":{"writeKey":"mine"},"messageId":"m"}"#,
            r#"{"userId":"u","x":{"writeKey":"mine"},"messageId":"m""#,
        ),
    ] {
        assert_eq!(json(single(Kind::Identify, body)), format!("{kept}{tail}"), "{body}");
    }
}

#[test]
fn the_write_key_is_read_from_the_top_level_then_from_the_items() {
    for (body, key) in [
        (r#"{"writeKey":"a","batch":[{"writeKey":"b"}]}"#, Some("a")),
        (r#"{"batch":[{"writeKey":"b"}],"writeKey":"\u0061"}"#, Some("a")),
        (r#"{"writeKey":"","batch":[{},{"writeKey":"b"}]}"#, Some("b")),
        (r#"{"writeKey":5,"batch":[1]}"#, None),
        (r#"{"properties":{"writeKey":"x"}}"#, None),
        (r#"{"batch":[{"writeKey":"broken",},{"writeKey":"b"}]}"#, Some("b")),
    ] {
        assert_eq!(Body::parse(body.as_bytes()).unwrap().write_key().as_deref(), key, "{body}");
    }
}

// Context, integrations, the sender's address.

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

// Times.

#[test]
fn times_follow_the_table() {
    let t = r#""2026-03-02T06:59:30.000Z""#;
    let late = r#""2026-03-02T09:59:35.250Z""#; // corrected by the envelope's 07:00:00
    let received = &format!("\"{RECEIVED}\"");
    let envelope = r#""2026-03-02T07:00:00.000Z""#;
    // timestamp, originalTimestamp, the item's sentAt, the envelope's sentAt; timestamp and originalTimestamp out, bad
    for (timestamp, original, own, shared, wanted, wanted_original, bad) in [
        (t, "", "", envelope, late, t, false),
        (t, "", r#""2026-03-02T06:59:31.000Z""#, envelope, r#""2026-03-02T10:00:04.250Z""#, t, false),
        (t, "", "", "", t, t, false),
        (r#""2026-03-02T08:59:30+02:00""#, "", "", "", t, r#""2026-03-02T08:59:30+02:00""#, false),
        ("", t, "", envelope, late, t, false),
        ("", t, "", "", t, t, false),
        ("null", t, "", envelope, late, t, false),
        (t, "null", "", envelope, late, t, false),
        (t, "NaN", "null", envelope, late, t, false),
        (r#""2012-12-02T00:30:12.984Z""#, t, "", envelope, r#""2012-12-02T00:30:12.984Z""#, t, false),
        ("5", t, "", envelope, "5", t, false),
        (t, r#""soon""#, "", envelope, t, r#""soon""#, true),
        ("", "", "", envelope, received, "", false),
        ("null", "", "", envelope, received, "", false),
        ("NaN", "", "", envelope, received, "", false),
        (r#""soon""#, "", "", envelope, received, r#""soon""#, true),
        ("", r#""soon""#, "", envelope, received, r#""soon""#, true),
        (r#"{"a":NaN}"#, "", "", envelope, received, r#"{"a":null}"#, true),
        ("true", "", "", envelope, received, "true", true),
        (r#""""#, "", "", envelope, received, r#""""#, true),
        (t, "", "", r#""soon""#, t, t, false),
        (t, "", r#""soon""#, envelope, t, t, false),
        (t, "", "null", "null", t, t, false),
    ] {
        let part = |name: &str, value: &str| {
            if value.is_empty() { String::new() } else { format!(r#","{name}":{value}"#) }
        };
        let body = format!(
            r#"{{"batch":[{{"type":"identify","userId":"u"{}{}{}}}]{}}}"#,
            part("timestamp", timestamp),
            part("originalTimestamp", original),
            part("sentAt", own),
            part("sentAt", shared)
        );
        let event = only(&body).unwrap();
        let text = String::from_utf8(event.json).unwrap();
        assert_eq!(member(&text, "timestamp").as_deref(), Some(wanted), "{body}");
        assert_eq!(member(&text, "originalTimestamp").unwrap_or_default(), wanted_original, "{body}");
        assert_eq!(event.notes.bad_timestamp, bad, "{body}");
        let sent = match (own, shared) {
            ("" | "null", "" | "null") => Some(own).filter(|own| !own.is_empty()),
            ("" | "null", shared) => Some(shared),
            (own, _) => Some(own),
        };
        assert_eq!(member(&text, "sentAt").as_deref(), sent, "{body}");
    }
}

/// The `timestamp` of an event that was sent with this one and no `sentAt`; `None` where it is no time.
fn normal_time(given: &str) -> Option<String> {
    let event = single(Kind::Identify, &format!(r#"{{"userId":"u","timestamp":{given}}}"#)).unwrap();
    let text = String::from_utf8(event.json).unwrap();
    let written = member(&text, "timestamp").unwrap();
    if event.notes.bad_timestamp {
        assert_eq!(written, format!("\"{RECEIVED}\""));
        return None;
    }
    Some(written.trim_matches('"').to_owned())
}

#[test]
fn times_are_read_in_every_form_that_senders_use() {
    for (given, wanted) in [
        (r#""2026-03-02T10:00:05.250Z""#, "2026-03-02T10:00:05.250Z"),
        (r#""2026-03-02T10:00:05Z""#, "2026-03-02T10:00:05.000Z"),
        (r#""2026-03-02t10:00:05z""#, "2026-03-02T10:00:05.000Z"),
        (r#""2026-03-02T10:00:05.951925+00:00""#, "2026-03-02T10:00:05.951Z"),
        (r#""2026-03-02T10:00:05.999999999Z""#, "2026-03-02T10:00:05.999Z"),
        (r#""2026-03-02T10:00:05.1Z""#, "2026-03-02T10:00:05.100Z"),
        (r#""2026-03-02T12:00:05+02:00""#, "2026-03-02T10:00:05.000Z"),
        (r#""2026-03-02T04:30:05-0530""#, "2026-03-02T10:00:05.000Z"),
        (r#""2026-03-02T12:00:05+02""#, "2026-03-02T10:00:05.000Z"),
        (r#""2026-03-02T10:00:05.25""#, "2026-03-02T10:00:05.250Z"),
        (r#""2026-03-02 10:00:05""#, "2026-03-02T10:00:05.000Z"),
        (r#""2026-03-02 12:00:05.5+02:00""#, "2026-03-02T10:00:05.500Z"),
        (r#""2026-03-02T10:00""#, "2026-03-02T10:00:00.000Z"),
        (r#""2026-03-02""#, "2026-03-02T00:00:00.000Z"),
        (r#""2026\u002d03-02""#, "2026-03-02T00:00:00.000Z"),
        (r#""2024-02-29T00:00:00Z""#, "2024-02-29T00:00:00.000Z"),
        (r#""1969-12-31T23:59:59.999999Z""#, "1969-12-31T23:59:59.999Z"),
        (r#""0001-01-01T00:00:00Z""#, "0001-01-01T00:00:00.000Z"),
        ("1772445605250", "2026-03-02T10:00:05.250Z"),
        ("1772445605", "2026-03-02T10:00:05.000Z"),
        ("1772445605.251", "2026-03-02T10:00:05.251Z"),
        ("1.772445605e9", "2026-03-02T10:00:05.000Z"),
        ("100000000000", "5138-11-16T09:46:40.000Z"),
        ("100000000001", "1973-03-03T09:46:40.001Z"),
        ("0", "1970-01-01T00:00:00.000Z"),
        ("-1", "1969-12-31T23:59:59.000Z"),
        ("-1772445605250", "1913-11-01T13:59:54.750Z"),
    ] {
        assert_eq!(normal_time(given).as_deref(), Some(wanted), "{given}");
    }
    for given in [
        r#""""#,
        r#""soon""#,
        r#""2026-02-30T00:00:00Z""#,
        r#""2026-13-01""#,
        r#""2023-02-29""#,
        r#""10:00:05""#,
        r#""2026-03-02T25:00:00Z""#,
        r#""2026-03-02T10:00:05.250Z trailing""#,
        r#""-0001-01-01T00:00:00Z""#,
        r#""99999-01-01T00:00:00Z""#,
        "true",
        "{}",
        "[]",
        "1e300",
        "-1e300",
        "1e400",
        "99999999999999999999",
        "253402400000000",
    ] {
        assert_eq!(normal_time(given), None, "{given}");
    }
}

#[test]
fn absurd_clocks_give_the_received_time_and_never_a_panic() {
    for (timestamp, sent) in [
        (r#""9999-12-30T00:00:00Z""#, r#""0001-01-01T00:00:00Z""#),
        (r#""0001-01-01T00:00:00Z""#, r#""9999-12-30T00:00:00Z""#),
        ("-62135596800000", "253402200000000"),
    ] {
        let body = format!(r#"{{"userId":"u","timestamp":{timestamp},"sentAt":{sent}}}"#);
        let event = single(Kind::Identify, &body).unwrap();
        assert!(event.notes.bad_timestamp, "{body}");
        let text = String::from_utf8(event.json).unwrap();
        assert_eq!(member(&text, "timestamp").unwrap(), format!("\"{RECEIVED}\""));
        assert_eq!(member(&text, "originalTimestamp").unwrap(), timestamp);
    }
    for received_at_ms in [i64::MIN, i64::MAX, -1, 0] {
        let arrival = Arrival { received_at_ms, ..arrival(PathClass::Server) };
        let body = br#"{"userId":"u","timestamp":1,"sentAt":2}"#;
        let event = Body::parse(body).unwrap().single(Kind::Identify, &arrival);
        let json = json(event);
        assert!(member(&json, "receivedAt").unwrap().ends_with("Z\""), "{json}");
    }
}

#[test]
fn a_skew_is_exact_below_the_millisecond() {
    let time = |timestamp: &str, sent: &str| {
        let body = format!(r#"{{"userId":"u","timestamp":"{timestamp}","sentAt":"{sent}"}}"#);
        member(&json(single(Kind::Identify, &body)), "timestamp").unwrap()
    };
    assert_eq!(
        time("2026-03-02T10:00:00.000000001Z", "2026-03-02T10:00:00.000000002Z"),
        r#""2026-03-02T10:00:05.249Z""#
    );
    assert_eq!(time("2026-03-02T10:00:00.0009Z", "2026-03-02T10:00:00.0009Z"), format!("\"{RECEIVED}\""));
    assert_eq!(time("2026-03-02T10:00:00.0009Z", "2026-03-02T10:00:00.0001Z"), format!("\"{RECEIVED}\""));
}

// Refusals.

#[test]
fn every_refusal_of_an_event_has_its_code() {
    use Kind::{Alias, Group, Identify, Page, Screen, Track};
    for (kind, body, code) in [
        (Identify, "{}", Code::NoUserAnonId),
        (Page, r#"{"userId":"","anonymousId":null}"#, Code::NoUserAnonId),
        (Screen, r#"{"properties":{"userId":"u"}}"#, Code::NoUserAnonId),
        (Identify, r#"{"userId":true}"#, Code::InvalidId),
        (Identify, r#"{"userId":"u","anonymousId":[]}"#, Code::InvalidId),
        (Group, r#"{"userId":"u","groupId":{}}"#, Code::InvalidId),
        (Alias, r#"{"userId":"u","previousId":false}"#, Code::InvalidId),
        (Track, r#"{"userId":"u"}"#, Code::MissingEvent),
        (Track, r#"{"userId":"u","event":""}"#, Code::MissingEvent),
        (Track, r#"{"userId":"u","event":null}"#, Code::MissingEvent),
        (Track, r#"{"userId":"u","event":7}"#, Code::MissingEvent),
        (Track, r#"{"userId":"u","event":"a","event":{}}"#, Code::MissingEvent),
        (Group, r#"{"userId":"u"}"#, Code::MissingGroupId),
        (Group, r#"{"userId":"u","groupId":""}"#, Code::MissingGroupId),
        (Alias, r#"{"userId":"u"}"#, Code::MissingPreviousId),
        (Alias, r#"{"userId":"u","previousId":null}"#, Code::MissingPreviousId),
        (Alias, r#"{"anonymousId":"a","previousId":"p"}"#, Code::NoUserAnonId),
    ] {
        let refusal = single(kind, body).unwrap_err();
        assert_eq!(refusal.code, code, "{body}");
        assert!(!refusal.message.is_empty());
        assert_eq!(refusal.excerpt, body.as_bytes());
    }
}

#[test]
fn every_refusal_of_an_item_has_its_code_and_spares_its_neighbours() {
    let good = r#"{"type":"identify","userId":"u","messageId":"good"}"#;
    for (item, code) in [
        (r#"{"userId":"u"}"#, Code::MissingType),
        (r#"{"userId":"u","type":null}"#, Code::MissingType),
        (r#"{"userId":"u","type":"nonsense"}"#, Code::UnknownType),
        (r#"{"userId":"u","type":"Track"}"#, Code::UnknownType),
        (r#"{"userId":"u","type":["track"]}"#, Code::UnknownType),
        (r#"{"type":"page"}"#, Code::NoUserAnonId),
        ("7", Code::NotAnObject),
        ("null", Code::NotAnObject),
        (r#""{}""#, Code::NotAnObject),
        ("[{}]", Code::NotAnObject),
        ("NaN", Code::NotAnObject),
        ("", Code::InvalidJson),
        ("{'a':1}", Code::InvalidJson),
        (r#"{"a":tru,"b":[1,2]}"#, Code::InvalidJson),
        (r#"{"a":1,}"#, Code::InvalidJson),
        (r#"{"a" 1}"#, Code::InvalidJson),
        (r#"{"a":01}"#, Code::InvalidJson),
        (r#"{"a":"\x"}"#, Code::InvalidJson),
        (r#"{"a":"\"],[\\","b":+1}"#, Code::InvalidJson),
        (r#"{"a":1} {"b":2}"#, Code::InvalidJson),
        ("{\"a\":\"\n\"}", Code::InvalidJson),
        ("nan", Code::InvalidJson),
    ] {
        for body in [
            format!(r#"{{"batch":[{good},{item},{good}],"sentAt":1}}"#),
            format!("{{\"batch\" : [ {good} ,\n{item} \t, {good} ] }}"),
        ] {
            let events = batch(body.as_bytes()).unwrap();
            assert_eq!(events.len(), 3, "{body}");
            assert_eq!(events[0].as_ref().unwrap().message_id, "good");
            assert_eq!(events[2].as_ref().unwrap().message_id, "good");
            let refusal = events[1].as_ref().unwrap_err();
            assert_eq!(refusal.code, code, "{body}");
            assert_eq!(refusal.excerpt, item.as_bytes(), "{body}");
        }
    }
}

#[test]
fn a_refusal_names_the_senders_message_id() {
    let refusal = only(r#"{"batch":[{"messageId":9,"type":"nonsense","userId":"u"}]}"#).unwrap_err();
    assert_eq!(refusal.message_id.as_deref(), Some("9"));
    assert_eq!(refusal.message, "type is \"nonsense\"");
    assert_eq!(only(r#"{"batch":[{"type":"track","userId":"u"}]}"#).unwrap_err().message_id, None);
}

#[test]
fn a_refusal_keeps_what_could_be_read_of_its_event() {
    let of = |item: &str| only(&format!(r#"{{"batch":[{item}]}}"#)).unwrap_err();
    for (item, kind, name) in [
        (r#"{"type":"track","event":"Seen"}"#, Some(Kind::Track), Some("Seen")),
        (r#"{"type":"page","name":"Home"}"#, Some(Kind::Page), Some("Home")),
        (r#"{"type":"track","userId":"u"}"#, Some(Kind::Track), None),
        (r#"{"type":"track","event":"Seen","userId":{}}"#, Some(Kind::Track), Some("Seen")),
        (r#"{"type":"zzz","userId":"u","event":"Seen"}"#, None, None),
        ("7", None, None),
    ] {
        let refusal = of(item);
        assert_eq!((refusal.kind, refusal.name.as_deref()), (kind, name), "{item}");
        assert_eq!(refusal.bytes as usize, item.len(), "{item}");
    }
    let large = format!(r#"{{"event":"Large","userId":"u","text":"{}"}}"#, "x".repeat(2 << 20));
    let refusal = single(Kind::Track, &large).unwrap_err();
    assert_eq!((refusal.code, refusal.kind), (Code::EventTooLarge, Some(Kind::Track)));
    assert_eq!((refusal.name.as_deref(), refusal.bytes as usize), (Some("Large"), large.len()));
}

#[test]
fn an_excerpt_is_bounded_and_ends_with_a_whole_character() {
    let body = format!(r#"{{"x":"a{}"}}"#, "é".repeat(5000));
    let excerpt = single(Kind::Page, &body).unwrap_err().excerpt;
    assert!(
        excerpt.len() <= Rejection::EXCERPT_BYTES_MAX && excerpt.len() > Rejection::EXCERPT_BYTES_MAX - 4
    );
    assert!(body.starts_with(std::str::from_utf8(&excerpt).unwrap()));
}

#[test]
fn a_body_that_is_no_json_object_is_refused_with_the_place() {
    for (body, message) in [
        ("", "the text ends too early at line 1 column 1"),
        (" \n ", "the text ends too early at line 2 column 2"),
        ("[]", "the body is not an object at line 1 column 1"),
        ("7", "the body is not an object at line 1 column 1"),
        ("{\"a\":1\n \"b\":2}", "expected `,` or `}` at line 2 column 2"),
        (r#"{"a":1}x"#, "expected nothing more at line 1 column 8"),
        ("{\"a\":1}\u{0}", "expected nothing more at line 1 column 8"),
        (r#"{"a":1}{}"#, "expected nothing more at line 1 column 8"),
        (r#"{"a":"#, "the text ends too early at line 1 column 6"),
        (r#"{"a":"x"#, "the text ends too early at line 1 column 8"),
        (r#"{"a":"x\"#, "the text ends too early at line 1 column 8"),
        (r#"{"a":-}"#, "this is not a JSON number at line 1 column 7"),
        (r#"{"a":1.}"#, "this is not a JSON number at line 1 column 8"),
        (r#"{"a":1e+}"#, "this is not a JSON number at line 1 column 9"),
        (r#"{"a":"\u12G4"}"#, "this escape is unknown in JSON at line 1 column 7"),
        (r#"{"a":}"#, "expected a value at line 1 column 6"),
        (r"{a:1}", "expected a member name in double quotes at line 1 column 2"),
        (r#"{"a"=1}"#, "expected `:` at line 1 column 5"),
        (r#"{"a":[1;2]}"#, "expected `,` or `]` at line 1 column 8"),
        (r#"{"a":[1}}"#, "expected `,` or `]` at line 1 column 8"),
        (r#"{"a":-Inf}"#, "this is not a JSON number at line 1 column 7"),
        ("{\"a\":\"\t\"}", "a control character in a string must be escaped at line 1 column 7"),
        (r#"{"batch":[{"a":1},{"b":"#, "the text ends too early at line 1 column 24"),
        (r#"{"batch":[{"a":1]}"#, "expected `,` or `}` at line 1 column 17"),
    ] {
        let refusal = single(Kind::Identify, body).unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_ref()), (Code::InvalidJson, message), "{body}");
    }
}

#[test]
fn only_control_characters_are_refused_in_strings_wherever_they_stand() {
    for byte in 0..=0x7F_u8 {
        for before in 0..20 {
            let text = "x".repeat(before) + char::from(byte).to_string().as_str() + "xxxxxxxxx";
            let refused = single(Kind::Page, &format!("{{\"userId\":\"u\",\"x\":\"{text}\"}}")).is_err();
            assert_eq!(refused, byte < b' ' || byte == b'"' || byte == b'\\', "{byte} after {before}");
        }
    }
}

#[test]
fn endless_broken_items_are_no_batch() {
    let body = |items: usize| format!(r#"{{"batch":[{}]}}"#, ",".repeat(items));
    assert_eq!(batch(body(9_000).as_bytes()).unwrap().len(), 9_001);
    assert_eq!(batch(body(11_000).as_bytes()).unwrap_err().code, Code::InvalidJson);
}

#[test]
fn a_single_events_own_batch_member_is_carried_but_must_be_json() {
    let kept = r#"{"userId":"u","messageId":"m","batch":[{"writeKey":"x","type":"?"}, 7 ,NaN],"batch":8"#;
    let text = json(single(Kind::Identify, &format!("{kept}}}")));
    assert!(text.starts_with(&kept.replace("NaN", "null")), "{text}");
    let refusal = single(Kind::Identify, r#"{"userId":"u","batch":[1,,2]}"#).unwrap_err();
    assert_eq!(refusal.code, Code::InvalidJson);
}

#[test]
fn a_batch_body_needs_one_array_named_batch() {
    for body in
        ["{}", r#"{"batch":null}"#, r#"{"batch":{}}"#, r#"{"batch":[],"batch":[]}"#, r#"{"x":{"batch":[]}}"#]
    {
        assert_eq!(batch(body.as_bytes()).unwrap_err().code, Code::InvalidBatch, "{body}");
    }
    for (items, count) in [("", 0), (" ", 0), ("1", 1), ("1,", 2), (",", 2), ("1,,1", 3), ("{} , ", 2)] {
        assert_eq!(batch(format!("{{\"batch\":[{items}]}}").as_bytes()).unwrap().len(), count, "{items}");
    }
    assert_eq!(batch(br#"{"b\u0061tch":[],"sequence":1,"messageId":{},"timestamp":[]}"#).unwrap().len(), 0);
}

#[test]
fn a_byte_order_mark_is_tolerated_and_bytes_that_are_not_utf8_blame_their_item() {
    assert!(single(Kind::Identify, "\u{FEFF}{\"userId\":\"u\"}").is_ok());
    let body = b"{\"userId\":\"\xFF\"}";
    assert_eq!(Body::parse(body).err().unwrap().code, Code::InvalidJson);
    let good = r#"{"type":"identify","userId":"é"}"#.as_bytes();
    let bad = b"{\"type\":\"identify\",\"userId\":\"\xC3\"}";
    let body = [b"{\"batch\":[", good, b",", bad, b",", good, b"]}"].concat();
    let events = batch(&body).unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0].as_ref().unwrap().key.as_str(), "é");
    assert_eq!(events[2].as_ref().unwrap().key.as_str(), "é");
    let refusal = events[1].as_ref().unwrap_err();
    assert_eq!((refusal.code, refusal.excerpt.as_slice()), (Code::InvalidJson, bad.as_slice()));
    assert!(Body::parse(&body).unwrap().single(Kind::Identify, &arrival(PathClass::Server)).is_err());
    for body in [&b"{\"batch\":[1],\"x\":\"\xE2\x82\"}"[..], b"{\"x\":\"\xFF\",\"batch\":[1]}"] {
        assert_eq!(Body::parse(body).err().unwrap().code, Code::InvalidJson);
    }
}

#[test]
fn an_event_may_be_as_large_as_the_stream_takes_and_no_larger() {
    for encoding in Encoding::ALL {
        let body = br#"{"userId":"user","messageId":"m","timestamp":null}"#;
        let body = Body::parse(body).unwrap();
        let mut arrival = Arrival { encoding, ..arrival(PathClass::Server) };
        let event = body.single(Kind::Identify, &arrival).unwrap();
        let record = encoding.encode(&event.json);
        arrival.record_bytes_max = record.len() + "user".len();
        assert!(body.single(Kind::Identify, &arrival).is_ok(), "{encoding:?}");
        arrival.record_bytes_max -= 1;
        let refusal = body.single(Kind::Identify, &arrival).unwrap_err();
        assert_eq!(refusal.code, Code::EventTooLarge);
        assert_eq!(refusal.message_id.as_deref(), Some("m"));
        assert!(refusal.message.contains(&arrival.record_bytes_max.to_string()), "{}", refusal.message);
    }
}

#[test]
fn a_shared_context_is_not_copied_beyond_measure() {
    let body = |context: usize, items: usize| {
        let item = r#"{"type":"identify","userId":"u"}"#;
        let items = vec![item; items].join(",");
        format!(r#"{{"context":{{"x":"{}"}},"batch":[{items}]}}"#, "c".repeat(context))
    };
    // As much as Segment's largest batches may bring, and a thousand items with 1 KiB and more.
    for (context, items) in [(1024, 2500), (3500, 1000), (500_000, 1)] {
        assert!(batch(body(context, items).as_bytes()).is_ok(), "{items} items with {context} bytes");
    }
    // More than 4 MiB is added, and more than four times the body.
    for (context, items) in [(250_000, 240), (3000, 2500), (500_000, 1000)] {
        let refusal = batch(body(context, items).as_bytes()).unwrap_err();
        assert_eq!(refusal.code, Code::BatchGrowsTooLarge, "{items} items with {context} bytes");
        let added = items * (context + 8);
        assert!(
            refusal.message.contains(&format!("{items} items would add {added} bytes")),
            "{}",
            refusal.message
        );
        assert!(refusal.message.contains("send smaller batches"), "{}", refusal.message);
    }
}

#[test]
fn what_a_batch_adds_is_at_most_four_times_its_body_whatever_adds_it() {
    // A shared `sentAt` is copied too, and tiny items get a messageId, times and a row each.
    let shared_time = |items: usize| {
        let items = vec![r#"{"type":"identify","userId":"u"}"#; items].join(",");
        format!(r#"{{"sentAt":"{}","batch":[{items}]}}"#, "9".repeat(250_000))
    };
    assert_eq!(batch(shared_time(240).as_bytes()).unwrap_err().code, Code::BatchGrowsTooLarge);
    let many = |item: &str, items: usize| format!(r#"{{"batch":[{}]}}"#, vec![item; items].join(","));
    let tiny = r#"{"type":"page","userId":"u"}"#;
    assert!(batch(many(tiny, 10_000).as_bytes()).is_ok());
    assert_eq!(batch(many(tiny, 100_000).as_bytes()).unwrap_err().code, Code::BatchGrowsTooLarge);
    let usual = r#"{"type":"page","userId":"some-user","messageId":"7633fb3e-61d9-4525-8fae-3d8fb40d4b80","name":"Home"}"#;
    let body = many(usual, 100_000);
    let events = batch(body.as_bytes()).expect("an item of a hundred bytes is enough");
    let rows = 200 * events.len();
    let stored: usize = events.iter().map(|event| event.as_ref().map_or(0, |event| event.json.len())).sum();
    assert!(stored + rows <= 5 * body.len(), "{stored} and {rows} of {}", body.len());
}

#[test]
fn a_batch_grows_by_what_its_items_lack_and_not_by_what_they_have_themselves() {
    let body = |shared: &str, item: &str, items: usize| {
        format!(r#"{{{shared},"batch":[{}]}}"#, vec![item; items].join(","))
    };
    let code = |body: String| match batch(body.as_bytes()) {
        Ok(events) => {
            let bytes: usize = events.iter().map(|event| event.as_ref().expect("fine").json.len()).sum();
            assert!(bytes < 5 * body.len() + (8 << 20), "{bytes} of {}", body.len());
            None
        }
        Err(refusal) => Some(refusal.code),
    };
    let tiny = r#"{"type":"page","userId":"somebody","properties":{"a":1,"b":2}}"#;
    assert_eq!(tiny.len(), 62);
    assert_eq!(code(body(r#""x":0"#, tiny, 20_000)), None, "an importer's small items");
    let page = "p".repeat(5_000);
    let shared = format!(r#""context":{{"page":"{page}","locale":"de"}}"#);
    let own = r#"{"type":"page","userId":"u","context":{"page":"own","p\u0061ge":"again"}}"#;
    assert_eq!(code(body(&shared, own, 1_000)), None, "they have a page");
    assert_eq!(code(body(&shared, own, 20_000)), None);
    for own in [r#""context":7"#, r#""context":{"locale":"en","page":0}"#] {
        let item = format!(r#"{{"type":"page","userId":"u",{own}}}"#);
        assert_eq!(code(body(&shared, &item, 2_000)), None, "{own}");
    }
    // They get it, or must look at it: names that are there again and again are looked at for each item.
    for own in [r#""context":{"locale":"en"}"#, r#""context":{}"#, r#""context":null"#, r#""sentAt":"x""#] {
        let item = format!(r#"{{"type":"page","userId":"u",{own}}}"#);
        assert_eq!(code(body(&shared, &item, 2_000)), Some(Code::BatchGrowsTooLarge), "{own}");
    }
    let again = format!(r#""integrations":{{{}}}"#, vec![r#""a":0"#; 5_000].join(","));
    let item = r#"{"type":"page","userId":"u","integrations":{"a":1}}"#;
    assert_eq!(code(body(&again, item, 5_000)), Some(Code::BatchGrowsTooLarge));
    let time = format!(r#""sentAt":"{page}""#);
    let item = r#"{"type":"page","userId":"u","sentAt":"2026-03-02T10:00:00Z"}"#;
    assert_eq!(code(body(&time, item, 2_000)), None, "each has its own time");
}

#[test]
fn nesting_is_carried_to_the_limit_and_refused_beyond() {
    let with = |depth: usize| {
        let open = "[{\"a\":".repeat(depth / 2) + if depth % 2 == 1 { "[" } else { "" };
        let close = if depth % 2 == 1 { "]" } else { "" }.to_owned() + &"}]".repeat(depth / 2);
        let inside = if depth % 2 == 1 { "" } else { "0" };
        format!(r#"{{"userId":"u","x":{open}{inside}{close}}}"#)
    };
    // The event itself is the first level.
    let deepest = with(511);
    assert!(json(single(Kind::Identify, &deepest)).starts_with(&deepest[..deepest.len() - 1]));
    for body in [with(512), format!(r#"{{"context":{{"x":{}}}}}"#, "[".repeat(600))] {
        let refusal = single(Kind::Identify, &body).unwrap_err();
        assert_eq!(refusal.code, Code::InvalidJson);
        assert!(refusal.message.contains("512"), "{}", refusal.message);
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let events = batch(format!(r#"{{"batch":[{deep},{{"type":"page","userId":"u"}}]}}"#).as_bytes()).unwrap();
    assert_eq!(events[0].as_ref().unwrap_err().code, Code::InvalidJson);
    assert!(events[1].is_ok());
}

#[test]
fn bare_numbers_become_null_and_are_counted_for_their_own_event() {
    let body = r#"{"context":{"n":NaN},"batch":[
        {"type":"track","userId":"u","messageId":"1","event":"NaN","properties":{"a":NaN,"b":[Infinity,-Infinity,"-Infinity NaN"],"NaN":1}},
        {"type":"track","userId":"u","messageId":"2","event":"E"},
        {"a":NaN,"b":nan},
        {"type":"track","userId":"u","messageId":"3","event":"E","context":{"n":-Infinity}}]}"#;
    let events = batch(body.as_bytes()).unwrap();
    let text = |n: usize| std::str::from_utf8(&events[n].as_ref().unwrap().json).unwrap();
    let bare = |n: usize| events[n].as_ref().unwrap().notes.bare_numbers;
    assert!(
        text(0).contains(r#""event":"NaN","properties":{"a":null,"b":[null,null,"-Infinity NaN"],"NaN":1}"#)
    );
    assert_eq!(member(text(0), "context").unwrap(), r#"{"n":null}"#);
    assert_eq!(member(text(3), "context").unwrap(), r#"{"n":null}"#);
    assert_eq!((bare(0), bare(1), bare(3)), (3, 0, 1));
}

#[test]
fn of_repeated_members_the_last_counts_and_all_survive() {
    let body = r#"{"userId":1,"userId":"b","messageId":null,"messageId":"m","timestamp":"x","timestamp":0,"p":1,"p":2,"event":"a","event":"b"}"#;
    let event = single(Kind::Track, body).unwrap();
    assert_eq!((event.key.as_str(), event.message_id.as_str()), ("b", "m"));
    assert_eq!(event.name.as_deref(), Some("b"));
    let kept = r#"{"userId":1,"userId":"b","messageId":null,"messageId":"m","timestamp":"x","timestamp":"1970-01-01T00:00:00.000Z","p":1,"p":2,"event":"a","event":"b","#;
    let text = String::from_utf8(event.json).unwrap();
    assert!(text.starts_with(kept), "{text}");
    assert_eq!(member(&text, "originalTimestamp").unwrap(), "0");
}

#[test]
fn names_to_look_at_are_bounded_by_characters() {
    for (kind, member) in [(Kind::Track, "event"), (Kind::Page, "name"), (Kind::Screen, "name")] {
        let name = "é".repeat(130);
        let event = single(kind, &format!(r#"{{"userId":"u","{member}":"{name}"}}"#)).unwrap();
        assert_eq!(event.name.unwrap(), "é".repeat(120));
        assert!(String::from_utf8(event.json).unwrap().contains(&name));
    }
    assert_eq!(single(Kind::Page, r#"{"userId":"u","name":null}"#).unwrap().name, None);
    assert_eq!(single(Kind::Group, r#"{"userId":"u","groupId":"g","name":"n"}"#).unwrap().name, None);
}

// Encodings, pixel.

#[test]
fn records_are_encoded_as_the_settings_say() {
    let json = "{\n \"a\": \"\\n\",\r\n\"b\":1}".as_bytes();
    assert_eq!(Encoding::Base64.encode(b"{\"a\":1}"), b"eyJhIjoxfQ==");
    assert_eq!(Encoding::Json.encode(json), json);
    assert_eq!(Encoding::JsonLines.encode(json), b"{  \"a\": \"\\n\",  \"b\":1}\n");
    for encoding in Encoding::ALL {
        for len in 0..20 {
            assert_eq!(encoding.encode(&vec![b'x'; len]).len(), encoding.encoded_len(len));
        }
        assert_eq!(Encoding::parse(encoding.as_str()), Some(encoding));
    }
}

#[test]
fn a_pixels_data_is_read_in_every_form() {
    let json = r#"{"a":"??>>~~~~"}"#;
    for data in ["eyJhIjoiPz8+Pn5+fn4ifQ==", "eyJhIjoiPz8-Pn5-fn4ifQ", "eyJhIjoiPz8 Pn5 fn4ifQ=", json] {
        assert_eq!(decode_pixel(data).unwrap(), json.as_bytes(), "{data}");
    }
    assert_eq!(decode_pixel("§").unwrap_err().code, Code::BadEncoding);
}

// Properties.

/// JSON text that `serde_json` cannot all hold: any number text, escapes, lone surrogates, repeated names, white space.
fn any_value() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[a-zA-Z0-9 {}\\[\\],:é😀]{0,12}",
        Just(r#"\"\\\/\b\f\n\r\t\u0041"#.to_owned()),
        Just(r"\ud83d lone \uDE00".to_owned()),
        Just("NaN,Infinity,-Infinity".to_owned()),
        Just("writeKey".to_owned()),
    ]
    .prop_map(|inner| format!("\"{inner}\""));
    let leaf = prop_oneof![
        string.clone(),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        prop_oneof![Just("true"), Just("false"), Just("null"), Just("{}"), Just("[ ]")]
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        let name = string.clone();
        let space = || prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..4), space())
                .prop_map(|(values, space)| format!("[{space}{}{space}]", values.join(","))),
            (proptest::collection::vec((name, inner), 0..4), space()).prop_map(|(members, space)| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("{name}{space}:{space}{value}")).collect();
                format!("{{{}{space}}}", members.join(&format!("{space},")))
            }),
        ]
    })
}

/// Names that mean nothing to us, repeated now and then.
fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("properties"),
        Just("traits"),
        Just("channel"),
        Just("userid"),
        Just("Type"),
        Just("ip"),
        Just("_metadata"),
        Just("batch2"),
        Just(r"x\u0041"),
        Just(""),
        Just("sentAt2"),
        Just("été"),
    ]
    .prop_map(str::to_owned)
}

fn any_object() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((any_name(), any_value()), 0..8)
}

fn object_text(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

const DOCUMENTED: [&str; 9] = [
    "type",
    "messageId",
    "context",
    "integrations",
    "sentAt",
    "receivedAt",
    "originalTimestamp",
    "timestamp",
    "writeKey",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_documented_arrives_byte_for_byte(
        mut members_in in any_object(),
        at in 0_usize..9,
        documented in proptest::sample::subsequence(DOCUMENTED.to_vec(), 0..9),
        value in any_value(),
        shared in any_object(),
    ) {
        let at = at.min(members_in.len());
        for name in documented {
            // A valid messageId must not exceed 1 KiB; any other value of these is accepted.
            members_in.insert(at, (name.to_owned(), value.clone()));
        }
        members_in.insert(at, ("userId".to_owned(), "\"u\"".to_owned()));
        let item = object_text(&members_in);
        let shared = object_text(&shared);
        let body = format!("{{\"context\":{shared},\"type\":0,\"userId\":\"v\",\"batch\":[],\"integrations\":{shared}}}");
        let undocumented = |text: &str| -> Vec<(String, String)> {
            members(text).into_iter().filter(|(name, _)| !DOCUMENTED.contains(&name.as_str())).collect()
        };

        let text = json(single(Kind::Page, &item));
        prop_assert_eq!(undocumented(&text), undocumented(&item));
        prop_assert_eq!(member(&text, "writeKey"), None);

        // The same as an item, its type added, with an envelope that must not leak into it.
        let typed = format!("{},\"type\":\"page\"}}", &item[..item.len() - 1]);
        let body = body.replace("\"batch\":[]", &format!("\"batch\":[{typed}]"));
        let text = json(only(&body));
        prop_assert_eq!(undocumented(&text), undocumented(&item));
    }

    #[test]
    fn context_members_arrive_byte_for_byte_and_the_items_own_win(own in any_object(), shared in any_object()) {
        let body = format!(
            "{{\"batch\":[{{\"type\":\"page\",\"userId\":\"u\",\"context\":{}}}],\"context\":{}}}",
            object_text(&own), object_text(&shared)
        );
        let direct = |from: &[(String, String)]| from.iter().any(|(name, _)| name == "direct");
        prop_assume!(!direct(&own) && !direct(&shared));
        let merged = members(&member(&json(only(&body)), "context").unwrap());
        let read = |from: &[(String, String)]| members(&object_text(from));
        let mut wanted = read(&own);
        let lacking = read(&shared).into_iter().filter(|(name, _)| !wanted.iter().any(|(own, _)| own == name));
        let lacking: Vec<_> = lacking.collect();
        wanted.extend(lacking);
        prop_assert_eq!(merged, wanted);
    }

    #[test]
    fn a_batch_has_exactly_its_items(items in proptest::collection::vec(any_value(), 0..12)) {
        let body = format!("{{\"batch\":[{}]}}", items.join(" ,\n"));
        let events = batch(body.as_bytes()).unwrap();
        prop_assert_eq!(events.len(), items.len());
        for (event, item) in events.iter().zip(&items) {
            let refusal = event.as_ref().unwrap_err();
            let code = if item.starts_with('{') { Code::MissingType } else { Code::NotAnObject };
            prop_assert_eq!(refusal.code, code);
            prop_assert_eq!(std::str::from_utf8(&refusal.excerpt).unwrap(), item.as_str());
        }
    }

    #[test]
    fn what_is_accepted_is_json_and_what_is_json_is_accepted(text in "[\\[\\]{}:,\"\\\\a-f0-9.eE+\\- \n\u{1}NIntru]{0,16}") {
        let body = format!("{{\"userId\":\"u\",\"p\":{text}}}");
        let valid = serde_json::from_str::<Box<RawValue>>(&body).is_ok();
        let event = single(Kind::Page, &body);
        match event {
            Ok(event) => {
                prop_assert!(valid || event.notes.bare_numbers > 0, "{}", body);
                prop_assert!(serde_json::from_slice::<Box<RawValue>>(&event.json).is_ok());
            }
            Err(refusal) => prop_assert!(!valid || refusal.code != Code::InvalidJson, "{}", body),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        base in any_object(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let item = object_text(&base).replacen('{', "{\"type\":\"page\",\"userId\":1,\"timestamp\":2,", 1).replace(",}", "}");
        let mut body = format!("{{\"sentAt\":3,\"context\":{item},\"batch\":[{item},{item}],\"userId\":[NaN]}}").into_bytes();
        for (at, byte) in edits {
            let at = at.index(body.len());
            // Bytes that mean something to JSON are the interesting ones.
            body[at] = *b"{}[]:,\"\\un\xFF\xC3 \n0-".get(usize::from(byte % 32)).unwrap_or(&byte);
        }
        if cut.index(4) == 0 {
            body.truncate(cut.index(body.len()));
        }
        let arrival = arrival(PathClass::Device);
        if let Ok(parsed) = Body::parse(&body) {
            let made = parsed.batch(&arrival).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
            for event in made.into_iter().chain([parsed.single(Kind::Page, &arrival)]).flatten() {
                prop_assert!(serde_json::from_slice::<Box<RawValue>>(&event.json).is_ok());
            }
            _ = parsed.write_key();
        }
    }

    #[test]
    fn any_two_times_give_a_time(timestamp in any::<i64>(), sent in any::<i64>(), received_at_ms in any::<i64>()) {
        let body = format!("{{\"userId\":\"u\",\"timestamp\":{timestamp},\"sentAt\":{}}}", sent >> 18);
        let arrival = Arrival { received_at_ms: received_at_ms >> 16, ..arrival(PathClass::Server) };
        let text = json(Body::parse(body.as_bytes()).unwrap().single(Kind::Page, &arrival));
        let time = member(&text, "timestamp").unwrap();
        prop_assert!(time.len() == 26 && time.ends_with("Z\""), "{}", time);
    }
}
