//! Times: the forms that are read, and the correction of clock skew.

use super::*;

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
