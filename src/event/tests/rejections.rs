//! Rejections: each has its code, and spares the other items. Pixels: what their data is read as, and refused.

use super::*;

#[test]
fn every_rejection_of_an_event_has_its_code() {
    use Kind::{Alias, Group, Identify, Page, Screen, Track};
    for (kind, body, code) in [
        (Identify, "{}", EndpointCode::NoUserAnonId),
        (Page, r#"{"userId":"","anonymousId":null}"#, EndpointCode::NoUserAnonId),
        (Screen, r#"{"properties":{"userId":"u"}}"#, EndpointCode::NoUserAnonId),
        (Identify, r#"{"userId":true}"#, EndpointCode::InvalidId),
        (Identify, r#"{"userId":"u","anonymousId":[]}"#, EndpointCode::InvalidId),
        (Group, r#"{"userId":"u","groupId":{}}"#, EndpointCode::InvalidId),
        (Alias, r#"{"userId":"u","previousId":false}"#, EndpointCode::InvalidId),
        (Track, r#"{"userId":"u"}"#, EndpointCode::MissingEvent),
        (Track, r#"{"userId":"u","event":""}"#, EndpointCode::MissingEvent),
        (Track, r#"{"userId":"u","event":null}"#, EndpointCode::MissingEvent),
        (Track, r#"{"userId":"u","event":7}"#, EndpointCode::MissingEvent),
        (Track, r#"{"userId":"u","event":"a","event":{}}"#, EndpointCode::MissingEvent),
        (Group, r#"{"userId":"u"}"#, EndpointCode::MissingGroupId),
        (Group, r#"{"userId":"u","groupId":""}"#, EndpointCode::MissingGroupId),
        (Alias, r#"{"userId":"u"}"#, EndpointCode::MissingPreviousId),
        (Alias, r#"{"userId":"u","previousId":null}"#, EndpointCode::MissingPreviousId),
        (Alias, r#"{"anonymousId":"a","previousId":"p"}"#, EndpointCode::NoUserAnonId),
    ] {
        let rejection = single(kind, body).unwrap_err();
        assert_eq!(rejection.code, code, "{body}");
        assert!(!rejection.message.is_empty());
        assert_eq!(rejection.excerpt, body.as_bytes());
    }
}

#[test]
fn every_rejection_of_an_item_has_its_code_and_spares_its_neighbours() {
    let good = r#"{"type":"identify","userId":"u","messageId":"good"}"#;
    for (item, code) in [
        (r#"{"userId":"u"}"#, EndpointCode::MissingType),
        (r#"{"userId":"u","type":null}"#, EndpointCode::MissingType),
        (r#"{"userId":"u","type":"nonsense"}"#, EndpointCode::UnknownType),
        (r#"{"userId":"u","type":"Track"}"#, EndpointCode::UnknownType),
        (r#"{"userId":"u","type":["track"]}"#, EndpointCode::UnknownType),
        (r#"{"type":"page"}"#, EndpointCode::NoUserAnonId),
        ("7", EndpointCode::NotAnObject),
        ("null", EndpointCode::NotAnObject),
        (r#""{}""#, EndpointCode::NotAnObject),
        ("[{}]", EndpointCode::NotAnObject),
        ("NaN", EndpointCode::NotAnObject),
        ("", EndpointCode::InvalidJson),
        ("{'a':1}", EndpointCode::InvalidJson),
        (r#"{"a":tru,"b":[1,2]}"#, EndpointCode::InvalidJson),
        (r#"{"a":1,}"#, EndpointCode::InvalidJson),
        (r#"{"a" 1}"#, EndpointCode::InvalidJson),
        (r#"{"a":01}"#, EndpointCode::InvalidJson),
        (r#"{"a":"\x"}"#, EndpointCode::InvalidJson),
        (r#"{"a":"\"],[\\","b":+1}"#, EndpointCode::InvalidJson),
        (r#"{"a":1} {"b":2}"#, EndpointCode::InvalidJson),
        ("{\"a\":\"\n\"}", EndpointCode::InvalidJson),
        ("nan", EndpointCode::InvalidJson),
    ] {
        for body in [
            format!(r#"{{"batch":[{good},{item},{good}],"sentAt":1}}"#),
            format!("{{\"batch\" : [ {good} ,\n{item} \t, {good} ] }}"),
        ] {
            let events = batch(body.as_bytes()).unwrap();
            assert_eq!(events.len(), 3, "{body}");
            assert_eq!(events[0].as_ref().unwrap().message_id, "good");
            assert_eq!(events[2].as_ref().unwrap().message_id, "good");
            let rejection = events[1].as_ref().unwrap_err();
            assert_eq!(rejection.code, code, "{body}");
            assert_eq!(rejection.excerpt, item.as_bytes(), "{body}");
        }
    }
}

#[test]
fn a_rejection_names_the_senders_message_id() {
    let rejection = only(r#"{"batch":[{"messageId":9,"type":"nonsense","userId":"u"}]}"#).unwrap_err();
    assert_eq!(rejection.message_id.as_deref(), Some("9"));
    assert_eq!(rejection.message, "type is \"nonsense\"");
    assert_eq!(only(r#"{"batch":[{"type":"track","userId":"u"}]}"#).unwrap_err().message_id, None);
}

#[test]
fn a_rejection_keeps_what_could_be_read_of_its_event() {
    let of = |item: &str| only(&format!(r#"{{"batch":[{item}]}}"#)).unwrap_err();
    for (item, kind, name) in [
        (r#"{"type":"track","event":"Seen"}"#, Some(Kind::Track), Some("Seen")),
        (r#"{"type":"page","name":"Home"}"#, Some(Kind::Page), Some("Home")),
        (r#"{"type":"track","userId":"u"}"#, Some(Kind::Track), None),
        (r#"{"type":"track","event":"Seen","userId":{}}"#, Some(Kind::Track), Some("Seen")),
        (r#"{"type":"zzz","userId":"u","event":"Seen"}"#, None, None),
        ("7", None, None),
    ] {
        let rejection = of(item);
        assert_eq!((rejection.kind, rejection.name.as_deref()), (kind, name), "{item}");
        assert_eq!(rejection.bytes as usize, item.len(), "{item}");
    }
    let large = format!(r#"{{"event":"Large","userId":"u","text":"{}"}}"#, "x".repeat(2 << 20));
    let rejection = single(Kind::Track, &large).unwrap_err();
    assert_eq!((rejection.code, rejection.kind), (EndpointCode::EventTooLarge, Some(Kind::Track)));
    assert_eq!((rejection.name.as_deref(), rejection.bytes as usize), (Some("Large"), large.len()));
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
        let rejection = single(Kind::Identify, body).unwrap_err();
        assert_eq!(
            (rejection.code, rejection.message.as_ref()),
            (EndpointCode::InvalidJson, message),
            "{body}"
        );
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
fn a_batch_with_too_many_broken_items_is_rejected() {
    let body = |items: usize| format!(r#"{{"batch":[{}]}}"#, ",".repeat(items));
    assert_eq!(batch(body(9_000).as_bytes()).unwrap().len(), 9_001);
    assert_eq!(batch(body(11_000).as_bytes()).unwrap_err().code, EndpointCode::InvalidJson);
}

#[test]
fn a_single_events_own_batch_member_is_carried_but_must_be_json() {
    let kept = r#"{"userId":"u","messageId":"m","batch":[{"writeKey":"x","type":"?"}, 7 ,NaN],"batch":8"#;
    let text = json(single(Kind::Identify, &format!("{kept}}}")));
    assert!(text.starts_with(&kept.replace("NaN", "null")), "{text}");
    let rejection = single(Kind::Identify, r#"{"userId":"u","batch":[1,,2]}"#).unwrap_err();
    assert_eq!(rejection.code, EndpointCode::InvalidJson);
}

#[test]
fn a_batch_body_needs_one_array_named_batch() {
    for body in
        ["{}", r#"{"batch":null}"#, r#"{"batch":{}}"#, r#"{"batch":[],"batch":[]}"#, r#"{"x":{"batch":[]}}"#]
    {
        assert_eq!(batch(body.as_bytes()).unwrap_err().code, EndpointCode::InvalidBatch, "{body}");
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
    assert_eq!(Body::parse(body).err().unwrap().code, EndpointCode::InvalidJson);
    let good = r#"{"type":"identify","userId":"é"}"#.as_bytes();
    let bad = b"{\"type\":\"identify\",\"userId\":\"\xC3\"}";
    let body = [b"{\"batch\":[", good, b",", bad, b",", good, b"]}"].concat();
    let events = batch(&body).unwrap();
    assert_eq!(events.len(), 3);
    assert_eq!(events[0].as_ref().unwrap().key.as_str(), "é");
    assert_eq!(events[2].as_ref().unwrap().key.as_str(), "é");
    let rejection = events[1].as_ref().unwrap_err();
    assert_eq!((rejection.code, rejection.excerpt.as_slice()), (EndpointCode::InvalidJson, bad.as_slice()));
    assert!(Body::parse(&body).unwrap().single(Kind::Identify, &arrival(PathClass::Server)).is_err());
    for body in [&b"{\"batch\":[1],\"x\":\"\xE2\x82\"}"[..], b"{\"x\":\"\xFF\",\"batch\":[1]}"] {
        assert_eq!(Body::parse(body).err().unwrap().code, EndpointCode::InvalidJson);
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
        let rejection = body.single(Kind::Identify, &arrival).unwrap_err();
        assert_eq!(rejection.code, EndpointCode::EventTooLarge);
        assert_eq!(rejection.message_id.as_deref(), Some("m"));
        assert!(rejection.message.contains(&arrival.record_bytes_max.to_string()), "{}", rejection.message);
    }
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
        let rejection = single(Kind::Identify, &body).unwrap_err();
        assert_eq!(rejection.code, EndpointCode::InvalidJson);
        assert!(rejection.message.contains("512"), "{}", rejection.message);
    }
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let events = batch(format!(r#"{{"batch":[{deep},{{"type":"page","userId":"u"}}]}}"#).as_bytes()).unwrap();
    assert_eq!(events[0].as_ref().unwrap_err().code, EndpointCode::InvalidJson);
    assert!(events[1].is_ok());
}

#[test]
fn a_pixels_data_is_read_in_every_form() {
    let json = r#"{"a":"??>>~~~~"}"#;
    for data in ["eyJhIjoiPz8+Pn5+fn4ifQ==", "eyJhIjoiPz8-Pn5-fn4ifQ", "eyJhIjoiPz8 Pn5 fn4ifQ=", json] {
        assert_eq!(decode_pixel(data).unwrap(), json.as_bytes(), "{data}");
    }
    assert_eq!(decode_pixel("§").unwrap_err().code, EndpointCode::BadEncoding);
}
