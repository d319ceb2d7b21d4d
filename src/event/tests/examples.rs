//! Worked examples of normalisation, byte for byte.

use super::*;

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
