//! Members: which are kept, changed, added and removed.

use super::*;

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
    assert_eq!(with(&"m".repeat(1025)).unwrap_err().code, EndpointCode::InvalidId);
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
fn received_at_is_set_by_the_endpoint_wherever_it_occurs() {
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
fn the_last_of_repeated_members_counts_and_all_are_kept() {
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
fn names_for_display_are_cut_after_120_characters() {
    for (kind, member) in [(Kind::Track, "event"), (Kind::Page, "name"), (Kind::Screen, "name")] {
        let name = "é".repeat(130);
        let event = single(kind, &format!(r#"{{"userId":"u","{member}":"{name}"}}"#)).unwrap();
        assert_eq!(event.name.unwrap(), "é".repeat(120));
        assert!(String::from_utf8(event.json).unwrap().contains(&name));
    }
    assert_eq!(single(Kind::Page, r#"{"userId":"u","name":null}"#).unwrap().name, None);
    assert_eq!(single(Kind::Group, r#"{"userId":"u","groupId":"g","name":"n"}"#).unwrap().name, None);
}
