//! The capture endpoint as senders see it: requests, answers, and the resulting lines of the log.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::io::Write;
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tributary::config::{PublicUrl, Source};
use tributary::delivery::{Delivery, Intake, Query, State};

use crate::binary::{Home, WRITE_KEY, key_header};
use crate::practising::{Practising, practising};
use crate::wire::{self, Connection, Reply, metric, request, wait_until};

const TRACK: &[u8] = br#"{"userId":"u","event":"e"}"#;

impl Practising {
    fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Reply {
        wire::send(self.address, method, path, headers, body)
    }

    /// Posts with the tests' key.
    fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Reply {
        self.send("POST", path, &key_header(WRITE_KEY), body.as_ref())
    }

    fn get(&self, path: &str) -> Reply {
        self.send("GET", path, "", b"")
    }

    /// How often the event is accepted, and the answer when it is not.
    fn taken_until_refused(&self, event: &str) -> (u64, Reply) {
        const TAKEN_MAX: u64 = 50;
        for taken in 0..TAKEN_MAX {
            let reply = self.post("/v1/track", event);
            if reply.status != 200 {
                return (taken, reply);
            }
        }
        panic!("taken {TAKEN_MAX} times")
    }

    fn lines(&self, states: &[State]) -> Vec<Delivery> {
        let query = Query { states: states.to_vec(), oldest_first: true, limit: 100, ..Query::default() };
        self.engine.log().page(query).wait().unwrap().unwrap().rows
    }

    fn accepted(&self) -> u64 {
        metric(&self.get("/metrics").text(), "tributary_accepted_total")
    }

    fn end(self) {
        self.engine.shutdown(Duration::from_secs(5));
    }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The body of an error is a JSON object with text in `code`, `message` and `error`: SDKs retry others.
#[track_caller]
fn assert_refused(reply: &Reply, status: u16, code: &str) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
    let body = reply.json();
    assert_eq!((&body["code"], &body["success"]), (&json!(code), &json!(false)), "{body}");
    assert!(body["message"].as_str().is_some_and(|text| text.len() > 8), "{body}");
    assert_eq!(body["message"], body["error"]);
}

#[test]
fn each_call_is_taken_by_both_of_its_names_with_and_without_a_slash() {
    let running = practising(|_| {});
    let mut sent = 0;
    for (kind, body) in [
        ("identify", r#"{"userId":"u","traits":{}}"#),
        ("track", r#"{"userId":"u","event":"e","type":"identify"}"#),
        ("page", r#"{"anonymousId":"a"}"#),
        ("screen", r#"{"anonymousId":"a","name":"s"}"#),
        ("group", r#"{"userId":"u","groupId":7}"#),
        ("alias", r#"{"userId":"u","previousId":"p"}"#),
    ] {
        for path in [format!("/v1/{kind}"), format!("/v1/{kind}/"), format!("/v1/{}", &kind[..1])] {
            let reply = running.post(&path, body);
            assert_eq!(reply.status, 200, "{path}: {reply:?}");
            let answer = reply.json();
            assert_eq!(answer["success"], true, "{answer}");
            sent += 1;
            let lines = running.lines(&[]);
            assert_eq!(lines.len(), sent);
            let line = lines.last().unwrap();
            assert_eq!(line.kind.unwrap().as_str(), kind, "the path names the type");
            assert_eq!(answer["messageId"], *line.message_id);
        }
    }
    for path in ["/v1/batch", "/v1/batch/", "/v1/import/", "/v1/b"] {
        let reply = running.post(path, r#"{"batch":[{"type":"page","userId":"u"}]}"#);
        assert_eq!((reply.status, &reply.json()["accepted"]), (200, &json!(1)), "{path}");
        sent += 1;
    }
    let beacon = format!("/beacon/v1/batch?writeKey={WRITE_KEY}");
    let reply = running.send(
        "POST",
        &beacon,
        "Content-Type: text/plain\r\n",
        br#"{"batch":[{"type":"page","userId":"u"}]}"#,
    );
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(running.post("/v1/m", r#"{"series":[]}"#).status, 200, "self-metrics are taken and let go");
    running.wait_settled(sent as u64 + 1);
    running.end();
}

#[test]
fn the_write_key_is_found_wherever_an_sdk_puts_it_and_a_strange_one_is_refused() {
    let running = practising(|_| {});
    let basic = |text: &str| format!("Authorization: Basic {}\r\n", STANDARD.encode(text));
    let unpadded = basic(&format!("{WRITE_KEY}:")).replace('=', "");
    let inside = format!(r#"{{"userId":"u","event":"e","writeKey":"{WRITE_KEY}"}}"#);
    let plain = String::from_utf8(TRACK.to_vec()).unwrap();
    let in_query = format!("/v1/track?writeKey={WRITE_KEY}");
    for (path, headers, body) in [
        ("/v1/track", basic(&format!("{WRITE_KEY}:")), &plain),
        ("/v1/track", basic(&format!("{WRITE_KEY}:password")), &plain),
        ("/v1/track", basic(WRITE_KEY), &plain),
        ("/v1/track", basic(&format!("{WRITE_KEY}:")).replace("Basic", "bAsIc"), &plain),
        ("/v1/track", unpadded, &plain),
        (&*in_query, String::new(), &plain),
        ("/v1/track", String::new(), &inside),
        ("/v1/track", "Authorization: Bearer token\r\n".to_owned(), &inside),
        ("/v1/track", format!("X-Write-Key: {WRITE_KEY}\r\n"), &plain),
    ] {
        let reply = running.send("POST", path, &headers, body.as_bytes());
        assert_eq!(reply.status, 200, "{path} {headers}: {reply:?}");
    }
    let in_envelope = format!(r#"{{"writeKey":"{WRITE_KEY}","batch":[{{"type":"page","userId":"u"}}]}}"#);
    assert_eq!(running.send("POST", "/v1/batch", "", in_envelope.as_bytes()).status, 200);
    running.wait_settled(10);
    for record in running.records() {
        assert!(!record.text().contains(WRITE_KEY), "a credential is in the stream: {}", record.text());
    }
    assert_refused(&running.send("POST", "/v1/track", "", TRACK), 401, "no_write_key");
    assert_refused(&running.send("POST", "/v1/track", &basic("stranger:"), TRACK), 401, "unknown_write_key");
    assert_refused(
        &running.send("POST", "/v1/batch?writeKey=stranger", "", b"not even JSON"),
        401,
        "unknown_write_key",
    );
    let metrics = running.get("/metrics").text();
    assert_eq!(metric(&metrics, "tributary_unknown_key_requests_total"), 3);
    assert_eq!(running.accepted(), 10);
    assert!(running.lines(&[State::Rejected]).is_empty(), "strangers do not fill the log");
    running.change(|config| config.capture.require_write_key = false);
    assert_eq!(running.send("POST", "/v1/track", "", TRACK).status, 200, "where no key is asked for");
    running.end();
}

#[test]
fn any_content_type_is_taken_since_sdks_name_many() {
    let running = practising(|_| {});
    for name in [
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/x-www-form-urlencoded",
        "application/json",
        "",
    ] {
        let headers = format!("{}Content-Type: {name}\r\n", key_header(WRITE_KEY));
        assert_eq!(running.send("POST", "/v1/track", &headers, TRACK).status, 200, "{name}");
    }
    running.end();
}

#[test]
fn gzip_is_inflated_a_bomb_is_stopped_and_a_broken_stream_is_refused() {
    let running = practising(|config| config.capture.max_body_bytes = 1 << 20);
    let gzip = |encoding: &str, body: &[u8]| {
        let headers = format!("{}Content-Encoding: {encoding}\r\n", key_header(WRITE_KEY));
        running.send("POST", "/v1/track", &headers, body)
    };
    assert_eq!(gzip("gzip", &zipped(TRACK)).status, 200);
    assert_eq!(gzip("GZIP", &zipped(TRACK)).status, 200);
    assert_eq!(gzip("identity", TRACK).status, 200);
    let bomb = zipped(&vec![b' '; 200 << 20]);
    assert!(bomb.len() < 1 << 20, "it looks harmless");
    assert_refused(&gzip("gzip", &bomb), 413, "payload_too_large");
    let whole = zipped(TRACK);
    assert_refused(&gzip("gzip", &whole[..whole.len() - 9]), 400, "bad_encoding");
    assert_refused(&gzip("gzip", TRACK), 400, "bad_encoding");
    assert_refused(&gzip("br", TRACK), 415, "unsupported_encoding");
    assert_eq!(running.accepted(), 3);
    running.end();
}

#[test]
fn a_body_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let running = practising(|config| config.capture.max_body_bytes = 4096);
    let padded = |length: usize| {
        let mut body = TRACK.to_vec();
        body.resize(length, b' ');
        body
    };
    assert_eq!(running.post("/v1/track", padded(4096)).status, 200);
    let reply = running.post("/v1/track", padded(4097));
    assert_refused(&reply, 413, "payload_too_large");
    assert!(
        reply.text().contains("4096") && reply.text().contains("capture.max_body_bytes"),
        "{}",
        reply.text()
    );
    running.change(|config| config.capture.max_body_bytes = 8192);
    assert_eq!(running.post("/v1/track", padded(4097)).status, 200, "a new limit applies at once");
    running.end();
}

#[test]
fn an_event_larger_than_a_record_is_refused_with_the_limit_and_its_neighbours_are_taken() {
    let running = practising(|_| {});
    let large = format!(
        r#"{{"type":"track","userId":"u","event":"e","messageId":"big","p":"{}"}}"#,
        "x".repeat(800 << 10)
    );
    let reply = running.post("/v1/track", &large);
    assert_refused(&reply, 413, "event_too_large");
    assert!(reply.text().contains("1048576"), "{}", reply.text());
    let body =
        format!(r#"{{"batch":[{{"type":"page","userId":"u"}},{large},{{"type":"page","userId":"u"}}]}}"#);
    let reply = running.post("/v1/batch", body);
    let answer = reply.json();
    assert_eq!(
        (reply.status, &answer["accepted"], &answer["rejected"]),
        (200, &json!(2), &json!(1)),
        "{answer}"
    );
    assert_eq!(
        (&answer["errors"][0]["code"], &answer["errors"][0]["index"]),
        (&json!("event_too_large"), &json!(1))
    );
    running.wait_settled(2);
    running.end();
}

#[test]
fn a_chunked_body_is_taken_and_one_that_breaks_off_is_not() {
    let running = practising(|_| {});
    let head = format!(
        "POST /v1/track HTTP/1.1\r\nHost: t\r\n{}Transfer-Encoding: chunked\r\n\r\n",
        key_header(WRITE_KEY)
    );
    let chunks = "10\r\n{\"userId\":\"u\",\"e\r\na\r\nvent\":\"e\"}\r\n0\r\n\r\n";
    let mut connection = Connection::open(running.address).unwrap();
    assert_eq!(connection.ask(format!("{head}{chunks}").as_bytes()).unwrap().status, 200);
    assert_eq!(
        connection.ask(&request("GET", "/health", "", b"")).unwrap().status,
        200,
        "the connection stays"
    );
    let mut connection = Connection::open(running.address).unwrap();
    connection.write(format!("{head}10\r\n{{\"userId\"").as_bytes()).unwrap();
    connection.end_of_request().unwrap();
    // The connection is closed or the answer is 400, but never 200.
    assert!(connection.answer(false).map_or(true, |reply| reply.status == 400));
    assert_eq!(running.accepted(), 1);
    running.end();
}

#[test]
fn a_sender_that_asks_before_it_sends_is_told_to_go_on() {
    let running = practising(|_| {});
    let mut connection = Connection::open(running.address).unwrap();
    let headers = format!("{}Expect: 100-continue\r\n", key_header(WRITE_KEY));
    let bytes = request("POST", "/v1/track", &headers, TRACK);
    let (head, body) = bytes.split_at(bytes.len() - TRACK.len());
    assert_eq!(connection.ask(head).unwrap().status, 100);
    assert_eq!(connection.ask(body).unwrap().status, 200);
    running.end();
}

#[test]
fn what_cannot_become_an_event_is_refused_with_the_reason_and_is_in_the_log() {
    let running = practising(|_| {});
    let refusals = [
        ("/v1/track", r#"{"userId":"u","event":"e""#, "invalid_json"),
        ("/v1/track", "", "invalid_json"),
        ("/v1/track", "[]", "invalid_json"),
        ("/v1/track", r#"{"event":"e"}"#, "no_user_anon_id"),
        ("/v1/track", r#"{"userId":"u"}"#, "missing_event"),
        ("/v1/track", r#"{"userId":true,"event":"e"}"#, "invalid_id"),
        ("/v1/group", r#"{"userId":"u"}"#, "missing_group_id"),
        ("/v1/alias", r#"{"userId":"u"}"#, "missing_previous_id"),
        ("/v1/batch", r#"{"batches":[]}"#, "invalid_batch"),
        ("/v1/batch", r#"{"batch":{}}"#, "invalid_batch"),
    ];
    for (path, body, code) in refusals {
        assert_refused(&running.post(path, body), 400, code);
    }
    let lines = running.lines(&[State::Rejected]);
    let codes: Vec<_> = lines.iter().map(|line| &*line.fault.as_ref().unwrap().code).collect();
    assert_eq!(codes, refusals.map(|(_, _, code)| code));
    let metrics = running.get("/metrics").text();
    assert_eq!(metric(&metrics, "tributary_rejected_total"), refusals.len() as u64);
    assert_eq!(metric(&metrics, "tributary_accepted_total"), 0);
    running.end();
}

#[test]
fn a_batch_gets_receipts_for_the_items_that_came_without_one() {
    let running = practising(|_| {});
    let body = r#"{"batch":[
        {"type":"page","userId":"u","messageId":"mine"},
        "text",
        {"type":"page","userId":"u"},
        {"type":"nonsense","userId":"u"},
        {"type":"page","userId":"u","messageId":""}]}"#;
    let answer = running.post("/v1/batch", body).json();
    let made = answer["messageIds"].as_array().unwrap();
    assert_eq!(made.iter().map(|one| one["index"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 4], "{answer}");
    running.wait_settled(3);
    let stored: Vec<_> = running.records().iter().map(|record| record.json()["messageId"].clone()).collect();
    assert_eq!(stored, [json!("mine"), made[0]["messageId"].clone(), made[1]["messageId"].clone()]);
}

#[test]
fn a_request_that_is_too_large_is_in_the_log_too() {
    let running = practising(|config| config.capture.max_body_bytes = 2000);
    let body = format!(r#"{{"userId":"u","event":"E","p":"{}"}}"#, "x".repeat(3000));
    assert_eq!(running.post("/v1/track", &body).status, 413);
    let page = running.engine.log().page(tributary::delivery::Query { limit: 10, ..Default::default() });
    let page = page.wait().expect("an answer").expect("readable");
    let codes: Vec<_> =
        page.rows.iter().filter_map(|line| line.fault.as_ref()).map(|fault| &*fault.code).collect();
    assert_eq!(codes, ["payload_too_large"]);
}

#[test]
fn one_bad_item_never_harms_its_batch() {
    let running = practising(|_| {});
    let body = r#"{"batch":[
        {"type":"track","userId":"u","event":"first","messageId":"m0"},
        {"type":"track","userId":"u","messageId":"m1"},
        "text",
        {"type":"purchase","userId":"u","messageId":"m3"},
        {"userId":"u","messageId":"m4"},
        {"type":"page","userId":"u","messageId":"m5","properties":{"n":NaN}},
        {"type":"page","userId":"u","messageId":"m6","p":tru},
        {"type":"page","userId":"u","messageId":"m7"}]}"#;
    let reply = running.post("/v1/batch", body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = reply.json();
    let errors: Vec<_> = answer["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            assert!(one["message"].as_str().is_some_and(|text| !text.is_empty()), "{one}");
            (one["index"].as_u64().unwrap(), one["code"].as_str().unwrap().to_owned())
        })
        .collect();
    let has = |index: u64, code: &str| errors.contains(&(index, code.to_owned()));
    assert!(
        has(1, "missing_event")
            && has(2, "not_an_object")
            && has(3, "unknown_type")
            && has(4, "missing_type"),
        "{answer}"
    );
    assert!(has(6, "invalid_json"), "{answer}");
    assert_eq!(
        (&answer["success"], &answer["accepted"], &answer["rejected"]),
        (&json!(true), &json!(3), &json!(5)),
        "{answer}"
    );
    assert_eq!(answer["errors"][0]["messageId"], "m1");
    running.wait_settled(3);
    let texts: Vec<_> = running.records().iter().map(|record| record.json()["messageId"].clone()).collect();
    assert_eq!(texts, ["m0", "m5", "m7"].map(Value::from));
    assert_eq!(running.lines(&[State::Rejected]).len(), 5);
    let empty = running.post("/v1/batch", r#"{"batch":[]}"#);
    assert_eq!((empty.status, &empty.json()["accepted"]), (200, &json!(0)));
    let all_bad = running.post("/v1/batch", r#"{"batch":[1]}"#);
    assert_eq!((all_bad.status, &all_bad.json()["rejected"]), (200, &json!(1)), "SDKs would repeat a 4xx");
    running.end();
}

#[test]
fn a_page_of_another_origin_may_send_and_read_every_answer() {
    let running = practising(|_| {});
    let asked = "Origin: https://shop.example\r\nAccess-Control-Request-Method: POST\r\n\
                 Access-Control-Request-Headers: authorization,x-retry-count,rsa-any\r\n";
    for path in ["/v1/t", "/v1/batch", "/v1/projects/k/settings"] {
        let reply = running.send("OPTIONS", path, asked, b"");
        assert_eq!(reply.status, 204, "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://shop.example"));
        assert_eq!(reply.header("access-control-allow-headers"), Some("authorization,x-retry-count,rsa-any"));
        assert!(reply.header("access-control-allow-methods").unwrap().contains("POST"), "{reply:?}");
    }
    let origin = "Origin: https://shop.example\r\n";
    let with_key = format!("{}{origin}", key_header(WRITE_KEY));
    for (reply, status) in [
        (running.send("POST", "/v1/t", &with_key, TRACK), 200),
        (running.send("POST", "/v1/t", &with_key, b"{"), 400),
        (running.send("POST", "/v1/t", origin, TRACK), 401),
        (running.send("POST", "/nothing", origin, TRACK), 404),
        (running.send("PUT", "/v1/t", origin, TRACK), 405),
    ] {
        assert_eq!(reply.status, status, "{reply:?}");
        assert_eq!(reply.header("access-control-allow-origin"), Some("https://shop.example"), "{reply:?}");
        assert_eq!(reply.header("access-control-expose-headers"), Some("Retry-After"), "{reply:?}");
    }
    assert_eq!(running.get("/health").header("access-control-allow-origin"), None, "nobody asked");
    running.end();
}

#[test]
fn no_page_of_another_origin_may_read_the_state_of_the_endpoint() {
    let running = practising(|config| {
        config.capture.public_url = Some(PublicUrl::parse("https://events.example.org/in").unwrap());
    });
    let origin = "Origin: https://shop.example\r\n";
    let asked = format!(
        "{origin}Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-a\r\n\
         Access-Control-Request-Private-Network: true\r\n"
    );
    let grants = |reply: &Reply| reply.head.to_ascii_lowercase().contains("\r\naccess-control-");
    for path in ["/metrics", "/health", "/ready", "//metrics/", "/in/metrics", "/in/health"] {
        for (method, status) in [("GET", 200), ("POST", 405)] {
            let reply = running.send(method, path, origin, b"");
            assert_eq!((reply.status, grants(&reply)), (status, false), "{path}: {reply:?}");
        }
        let reply = running.send("OPTIONS", path, &asked, b"");
        assert_eq!((reply.status, grants(&reply)), (204, false), "{path}: {reply:?}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD, OPTIONS"), "{path}");
    }
    // Paths that pages do request.
    for path in ["/v1/t", "/in/v1/t", "/v1/projects/k/settings"] {
        let reply = running.send("OPTIONS", path, &asked, b"");
        assert_eq!(reply.header("access-control-allow-private-network"), Some("true"), "{path}: {reply:?}");
    }
    running.end();
}

#[test]
fn a_write_key_is_masked_in_what_the_log_keeps_of_a_refused_request() {
    const OTHER: &str = "key-of-somebody-else-5678";
    let home = Home::new("");
    let serve = home.serve(&[]);
    let send = |method: &str, path: &str, headers: &str, body: &str| {
        wire::send(serve.address, method, path, headers, body.as_bytes()).status
    };
    let (by_header, long) = (key_header(WRITE_KEY), "x".repeat(4096 - 20));
    let item = format!(r#"{{"type":"page","writeKey":"{WRITE_KEY}"}}"#);
    let bodies = [
        ("/v1/track", "", format!(r#"{{"writeKey":"{WRITE_KEY}","event":"e"}}"#)),
        ("/v1/track", &*by_header, format!(r#"{{"event":"e","context":{{"api_key":"{OTHER}"}}}}"#)),
        ("/v1/track", &*by_header, format!(r#"{{"event":"e","note":"as {WRITE_KEY} says"}}"#)),
        ("/v1/track", &*by_header, format!(r#"{{"x":"{long}{WRITE_KEY}"}}"#)),
        ("/v1/track", &*by_header, format!(r#"{{"userId":"u","writeKey":"{OTHER}","event":}}"#)),
        ("/v1/track", &*by_header, format!("userId=u&writeKey={OTHER}&event=e")),
        ("/v1/track", &*by_header, format!(r#"{{"writeKey":"{OTHER}"#)),
        ("/v1/batch", "", format!(r#"{{"batch":[{item}]}}"#)),
        ("/v1/batch", &*by_header, format!(r#"{{"batch":[{{"writeKey":"{OTHER}",}}]}}"#)),
    ];
    for (path, headers, body) in &bodies {
        let status = send("POST", path, headers, body);
        assert_eq!(status, if path.ends_with("batch") { 200 } else { 400 }, "{body}");
    }
    let in_query = format!("%7B%22writeKey%22%3A%22{WRITE_KEY}%22%7D");
    let base64 = STANDARD.encode(format!(r#"{{"userId":"u","writeKey":"{WRITE_KEY}"}}"#));
    let pixels = [in_query, format!("{}%21", base64.trim_end_matches('='))];
    for data in &pixels {
        assert_eq!(send("GET", &format!("/v1/pixel/track?writeKey={WRITE_KEY}&data={data}"), "", ""), 200);
    }
    serve.stop();

    let as_csv = home.run(&["log", "--csv", "--data"]).stdout;
    let as_json = home.run(&["log", "--json", "--data"]);
    let lines = as_json.lines();
    assert_eq!(lines.len(), bodies.len() + pixels.len(), "{as_json:?}");
    assert!(lines.iter().all(|line| line["state"] == "rejected"), "{as_json:?}");
    for text in [&as_csv, &as_json.stdout] {
        for part in ["write-key-of", "key-of-somebody", &base64[..40]] {
            assert!(!text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("…1234") && text.contains("…5678"), "what is left of them tells which: {text}");
    }
    let single = lines.iter().find(|line| line["data"]["writeKey"] == "…1234");
    assert!(
        single.is_some_and(|line| line["data"]["event"] == "e"),
        "the rest is as it was sent: {as_json:?}"
    );
    // It is not in any file of the spool either.
    for file in std::fs::read_dir(home.data_dir()).unwrap().flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        for key in [WRITE_KEY, OTHER] {
            assert!(!bytes.windows(key.len()).any(|part| part == key.as_bytes()), "{file:?} holds {key}");
        }
    }
}

#[test]
fn an_unknown_path_and_a_wrong_method_are_said_as_json_and_nothing_redirects() {
    let running = practising(|_| {});
    for path in ["/v1", "/v1/unknown", "/v2/track", "/v1/track/more", "/%2e%2e/etc/passwd"] {
        assert_refused(&running.post(path, TRACK), 404, "not_found");
    }
    for (method, path, allow) in [
        ("GET", "/v1/track", "POST"),
        ("PUT", "/v1/batch/", "POST"),
        ("DELETE", "/v1/i", "POST"),
        ("POST", "/health", "GET, HEAD"),
        ("GET", "/", "POST"),
        ("POST", "/v1/projects/k/settings", "GET, HEAD"),
    ] {
        let reply = running.send(method, path, &key_header(WRITE_KEY), TRACK);
        assert_refused(&reply, 405, "method_not_allowed");
        assert_eq!(reply.header("allow"), Some(allow), "{method} {path}");
    }
    assert_eq!(running.accepted(), 0);
    running.end();
}

#[test]
fn head_answers_as_get_does_without_a_body() {
    let running = practising(|_| {});
    for path in ["/health", "/ready", "/metrics", "/v1/pixel/track.gif"] {
        let reply = running.send("HEAD", path, "", b"");
        assert_eq!((reply.status, reply.body.len()), (200, 0), "{path}: {reply:?}");
    }
    assert_eq!(running.accepted(), 0, "HEAD sends no event");
    running.end();
}

#[test]
fn a_pixel_is_an_image_whatever_came_with_it_and_brings_its_event() {
    let running = practising(|_| {});
    let event = format!(r#"{{"writeKey":"{WRITE_KEY}","userId":"reader","event":"Opened"}}"#);
    let data = STANDARD.encode(&event).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for query in [format!("?data={data}"), "?data=%%%".to_owned(), String::new(), "?data=e30".to_owned()] {
        for path in ["/v1/pixel/track", "/v1/pixel/track.gif"] {
            let reply = running.get(&format!("{path}{query}"));
            assert_eq!((reply.status, reply.header("content-type")), (200, Some("image/gif")), "{query}");
            assert!(reply.body.starts_with(b"GIF89a") && reply.body.ends_with(b";"), "{query}");
            assert!(reply.header("cache-control").unwrap().contains("no-store"));
        }
    }
    running.wait_settled(2);
    assert!(
        running.records().iter().all(|record| record.key == "reader" && record.json()["event"] == "Opened")
    );
    running.end();
}

#[test]
fn browser_and_mobile_sdks_get_the_settings_they_ask_for_first() {
    let running = practising(|_| {});
    for path in [format!("/v1/projects/{WRITE_KEY}/settings"), format!("/projects/{WRITE_KEY}/settings/")] {
        let reply = running.get(&path);
        let settings = &reply.json()["integrations"]["Segment.io"];
        assert_eq!(settings["apiKey"], WRITE_KEY);
        assert_eq!(settings["apiHost"], "localhost/v1", "where the SDK found us");
        // An SDK takes a missing value for 1, and then reports on the page to its maker.
        assert_eq!(reply.json()["metrics"]["sampleRate"], 0, "{reply:?}");
    }
    assert_refused(&running.get("/v1/projects/stranger/settings"), 401, "unknown_write_key");
    let rudder = running.get(&format!("/sourceConfig/?writeKey={WRITE_KEY}"));
    assert_eq!(rudder.json()["source"]["enabled"], true, "{rudder:?}");
    running.end();
}

#[test]
fn health_ready_and_metrics_say_how_it_goes_and_show_no_event_and_no_key() {
    let running = practising(|_| {});
    assert_eq!(
        running.post("/v1/track", r#"{"userId":"private-person","event":"Private Deed"}"#).status,
        200
    );
    assert_eq!(running.post("/v1/track", r#"{"userId":"private-person"}"#).status, 400);
    running.wait_settled(1);
    for path in ["/health", "/ready", "/metrics"] {
        let reply = running.get(path);
        assert_eq!(reply.status, 200, "{reply:?}");
        for secret in ["rivate", WRITE_KEY, running.engine.practice().access_key_id()] {
            assert!(
                !format!("{reply:?}").contains(secret) && !reply.text().contains(secret),
                "{path}: {secret}"
            );
        }
    }
    let metrics = running.get("/metrics").text();
    assert_eq!(metric(&metrics, "tributary_delivered_total"), 1);
    assert_eq!(metric(&metrics, "tributary_rejected_total"), 1);
    assert_eq!(metric(&metrics, "tributary_forwarder_state{state=\"running\"}"), 1);
    let states = metrics.lines().filter(|line| line.starts_with("tributary_forwarder_state{"));
    assert_eq!(states.filter(|line| line.ends_with("} 1")).count(), 1, "one state at a time");
    running.end();
}

#[test]
fn a_full_spool_sends_senders_away_for_a_while_and_takes_them_again_when_there_is_room() {
    let running = practising(|config| {
        config.destination.enabled = false;
        config.spool.max_bytes = 64 << 10;
    });
    let event = format!(r#"{{"userId":"u","event":"e","p":"{}"}}"#, "x".repeat(8 << 10));
    let (taken, refused) = running.taken_until_refused(&event);
    assert!(taken < 9, "64 KiB do not hold nine times 8 KiB");
    assert!(taken > 5, "{taken}");
    assert_refused(&refused, 429, "overloaded");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert!(refused.text().contains("spool.max_bytes"), "{}", refused.text());
    assert_eq!(running.get("/health").status, 200);
    assert_eq!(running.accepted(), taken);
    running.change(|config| config.destination.enabled = true);
    running.wait_settled(taken);
    wait_until("it is taken again", || running.post("/v1/track", &event).status == 200);
    running.wait_settled(taken + 1);
    assert_eq!(running.get("/ready").status, 200);
    assert_eq!(running.records().len() as u64, taken + 1);
    running.end();
}

#[test]
fn a_full_spool_is_not_ready() {
    let running = practising(|config| {
        config.destination.enabled = false;
        config.spool.max_bytes = 64 << 10;
    });
    assert_eq!(running.get("/ready").status, 200);
    let small = format!(r#"{{"userId":"u","event":"e","p":"{}"}}"#, "x".repeat(700));
    wait_until("full", || running.post("/v1/track", &small).status == 429);
    let reply = running.get("/ready");
    assert_refused(&reply, 503, "unavailable");
    assert!(reply.text().contains("spool"), "{}", reply.text());
    wait_until("the faces show it", || running.engine.status().intake == Intake::Full);
    running.change(|config| config.spool.max_bytes = 128 << 10);
    assert_eq!(running.get("/ready").status, 200, "a larger spool has room at once");
    wait_until("full again", || running.post("/v1/track", &small).status == 429);
    running.change(|config| config.destination.enabled = true);
    wait_until("it has room again by itself", || running.get("/ready").status == 200);
    running.end();
}

#[test]
fn slashes_too_many_do_not_count() {
    let running = practising(|_| {});
    for path in ["//v1/track", "/v1//t", "////v1///track//"] {
        assert_eq!(running.post(path, TRACK).status, 200, "{path}");
    }
    let batch = r#"{"batch":[{"type":"page","userId":"u"}]}"#;
    for path in ["//v1/batch", "//v1/import/", "//beacon//v1/batch"] {
        assert_eq!(running.post(path, batch).status, 200, "{path}");
    }
    for path in [
        format!("//v1/projects/{WRITE_KEY}/settings"),
        format!("//sourceConfig/?writeKey={WRITE_KEY}"),
        "//health".to_owned(),
        "//v1/pixel/track.gif".to_owned(),
    ] {
        assert_eq!(running.get(&path).status, 200, "{path}");
    }
    assert_eq!(running.accepted(), 6);
    running.end();
}

#[test]
fn a_bearer_token_is_the_key_where_it_is_one_and_hides_none_where_it_is_not() {
    let running = practising(|_| {});
    let batch = r#"{"batch":[{"type":"track","event":"e","userId":"u"}]}"#;
    let with_key =
        format!(r#"{{"writeKey":"{WRITE_KEY}","batch":[{{"type":"track","event":"e","userId":"u"}}]}}"#);
    let known = format!("Authorization: Bearer {WRITE_KEY}\r\n");
    let foreign = "Authorization: Bearer somebody-elses-token\r\n";
    assert_eq!(running.send("POST", "/v1/batch", &known, batch.as_bytes()).status, 200);
    assert_eq!(running.send("POST", "/v1/batch", foreign, with_key.as_bytes()).status, 200);
    assert_eq!(running.send("GET", "/sourceConfig", &known, b"").status, 200);
    assert_refused(&running.send("POST", "/v1/batch", foreign, batch.as_bytes()), 401, "unknown_write_key");
    assert_eq!(running.accepted(), 2);
    running.end();
}

#[test]
fn twenty_events_of_the_largest_size_arrive_in_one_batch() {
    const LARGEST: usize = 780_000;
    let running = practising(|config| config.destination.enabled = false);
    let padding = "x".repeat(LARGEST);
    let items: Vec<_> = (0..20)
        .map(|n| {
            format!(r#"{{"type":"track","userId":"u-{n}","event":"e","messageId":"m-{n}","p":"{padding}"}}"#)
        })
        .collect();
    let body = format!(r#"{{"batch":[{}]}}"#, items.join(","));
    let answer = running.post("/v1/batch", &body);
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(20)), "{}", answer.text());
    let headers = format!("{}Content-Encoding: gzip\r\n", key_header(WRITE_KEY));
    let answer = running.send("POST", "/v1/batch", &headers, &zipped(body.as_bytes()));
    assert_eq!((answer.status, &answer.json()["accepted"]), (200, &json!(20)), "{}", answer.text());
    assert_eq!(running.accepted(), 40);
    running.end();
}

#[test]
fn a_batch_that_is_posted_to_the_address_alone_is_taken() {
    let running = practising(|_| {});
    let batch = r#"{"batch":[{"type":"page","userId":"u"}]}"#;
    for path in ["/", "//", "/?a=b"] {
        let reply = running.post(path, batch);
        assert_eq!((reply.status, &reply.json()["accepted"]), (200, &json!(1)), "{path}");
    }
    assert_refused(&running.post("/", TRACK), 400, "invalid_batch");
    running.end();
}

#[test]
fn calls_of_jitsus_sdks_are_taken_with_their_kind_of_key() {
    let running = practising(|_| {});
    let key = format!("X-Write-Key: {WRITE_KEY}:its-secret\r\n");
    for path in ["/api/s/track", "/api/s/s2s/track"] {
        assert_eq!(running.send("POST", path, &key, TRACK).status, 200, "{path}");
    }
    assert_eq!(running.send("POST", "/api/s/page", &key, br#"{"anonymousId":"a"}"#).status, 200);
    let stranger = "X-Write-Key: stranger:its-secret\r\n";
    assert_refused(&running.send("POST", "/api/s/track", stranger, TRACK), 401, "unknown_write_key");
    assert_eq!(running.accepted(), 3);
    running.end();
}

#[test]
fn refused_requests_are_in_the_metrics_by_their_code() {
    let running = practising(|_| {});
    for path in ["/track", "/v2/batch"] {
        let reply = running.post(path, TRACK);
        assert_refused(&reply, 404, "not_found");
        assert!(reply.text().contains("did you mean /v1/"), "{}", reply.text());
    }
    running.send("PUT", "/v1/track", "", TRACK);
    running.send("POST", "/v1/track", "", TRACK);
    running.post("/v1/track", "[]");
    let metrics = running.get("/metrics").text();
    for (code, count) in
        [("not_found", 2), ("method_not_allowed", 1), ("no_write_key", 1), ("invalid_json", 1)]
    {
        let name = format!("tributary_refused_requests_total{{code=\"{code}\"}}");
        assert_eq!(metric(&metrics, &name), count, "{metrics}");
    }
    running.end();
}

#[test]
fn the_sums_in_the_metrics_include_every_event_that_was_answered_before() {
    let running = practising(|_| {});
    let address = running.address;
    let senders: Vec<_> = (0..4)
        .map(|sender| {
            std::thread::Builder::new().spawn(move || {
                let mut connection = Connection::open(address).unwrap();
                for sent in 1..=100_u64 {
                    let (path, body) = if sent % 2 == 0 { ("/v1/track", "[]") } else { ("/v1/t", "") };
                    let body = if body.is_empty() { TRACK } else { body.as_bytes() };
                    let headers = key_header(WRITE_KEY);
                    connection.ask(&request("POST", path, &headers, body)).unwrap();
                    let metrics = connection.ask(&request("GET", "/metrics", "", b"")).unwrap().text();
                    let count = |name: &str| metric(&metrics, &format!("tributary_{name}_total"));
                    let (accepted, rejected) = (count("accepted"), count("rejected"));
                    assert!(accepted >= sent.div_ceil(2), "sender {sender}: {accepted} after {sent}");
                    assert!(rejected >= sent / 2, "sender {sender}: {rejected} after {sent}");
                }
            })
        })
        .collect();
    for sender in senders {
        sender.unwrap().join().unwrap();
    }
    let metrics = running.get("/metrics").text();
    assert_eq!(metric(&metrics, "tributary_accepted_total"), 200);
    assert_eq!(metric(&metrics, "tributary_rejected_total"), 200);
    running.end();
}

#[test]
fn the_loader_of_a_pages_snippet_leads_to_the_copy_that_is_hosted() {
    let running = practising(|_| {});
    let path = format!("/analytics.js/v1/{WRITE_KEY}/analytics.min.js");
    let reply = running.get(&path);
    assert_refused(&reply, 404, "not_found");
    assert!(reply.text().contains("capture.analytics_js"), "{}", reply.text());
    running.change(|config| config.capture.analytics_js = "/js/standalone.js".to_owned());
    let reply = running.get(&path);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("text/javascript")));
    for part in [
        format!("a._writeKey=\"{WRITE_KEY}\""),
        "a._cdn=\"http://localhost\"".to_owned(),
        "s.src=\"/js/standalone.js\"".to_owned(),
    ] {
        assert!(reply.text().contains(&part), "{part} in {}", reply.text());
    }
    assert_refused(&running.get("/analytics.js/v1/stranger/analytics.min.js"), 401, "unknown_write_key");
    running.end();
}

/// A body of some hundred bytes of gzip, with a shared context that each item would get.
fn growing(items: usize, context: usize) -> Vec<u8> {
    let items: Vec<_> = (0..items).map(|n| format!(r#"{{"type":"identify","userId":"u{n}"}}"#)).collect();
    let context = "x".repeat(context);
    zipped(format!(r#"{{"context":{{"x":"{context}"}},"batch":[{}]}}"#, items.join(",")).as_bytes())
}

#[test]
fn a_batch_whose_shared_context_would_make_it_grow_is_refused_whole_and_is_one_line_of_the_log() {
    let running = practising(|config| config.destination.enabled = false);
    let headers = format!("{}Content-Encoding: gzip\r\n", key_header(WRITE_KEY));
    let post = |body: &[u8]| running.send("POST", "/v1/batch", &headers, body);
    let bomb = growing(240, 250_000);
    assert!(bomb.len() < 2_000, "{}", bomb.len());
    let reply = post(&bomb);
    assert_refused(&reply, 413, "batch_grows_too_large");
    assert!(
        reply.text().contains("put less into the shared part, or send smaller batches"),
        "{}",
        reply.text()
    );
    let lines = running.lines(&[]);
    assert_eq!((lines.len(), lines[0].state), (1, State::Rejected), "one line");
    let metrics = running.get("/metrics").text();
    assert_eq!(metric(&metrics, "tributary_queued_bytes"), 0, "nothing is stored");
    assert_eq!(metric(&metrics, r#"tributary_refused_requests_total{code="batch_grows_too_large"}"#), 1);
    // A thousand items that share 1 KiB, as SDKs send.
    let reply = post(&growing(1000, 1024));
    assert_eq!((reply.status, &reply.json()["accepted"]), (200, &json!(1000)));
    running.end();
}

#[test]
fn one_source_at_its_share_of_the_spool_hears_so_and_another_is_answered_200() {
    const OTHER: &str = "the-other-source-of-these-tests";
    let running = practising(|config| {
        config.destination.enabled = false;
        config.spool.max_bytes = 256 << 10;
        config.capture.sources.push(Source::new("The \"other\"", OTHER));
    });
    let event = format!(r#"{{"userId":"u","event":"e","p":"{}"}}"#, "x".repeat(8 << 10));
    let (taken, refused) = running.taken_until_refused(&event);
    assert!(taken < 17, "half of 256 KiB do not hold as many times 8 KiB");
    assert!(taken > 12, "{taken}");
    assert_refused(&refused, 429, "source_spool_full");
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    assert!(refused.text().contains("spool.max_source_percent"), "{}", refused.text());
    for _ in 0..6 {
        let reply = running.send("POST", "/v1/track", &key_header(OTHER), event.as_bytes());
        assert_eq!(reply.status, 200, "there is room for the other: {reply:?}");
        assert_eq!(running.post("/v1/track", &event).status, 429);
    }
    assert_eq!(running.get("/ready").status, 200, "the spool is not full");
    let metrics = running.get("/metrics").text();
    let gauge =
        |name: &str, source: &str| metric(&metrics, &format!("tributary_{name}{{source=\"{source}\"}}"));
    let own = gauge("source_queued_bytes", "Tests");
    let all = own + gauge("source_queued_bytes", r#"The \"other\""#);
    assert_eq!(metric(&metrics, "tributary_queued_bytes"), all);
    assert!(
        own > gauge("source_queued_bytes_limit", "Tests"),
        "the other one has taken of what was free: {metrics}"
    );
    assert_eq!(metric(&metrics, r#"tributary_refused_requests_total{code="source_spool_full"}"#), 7);
    wait_until("Sources shows it", || {
        let status = running.engine.status();
        let full = status.sources.iter().filter(|source| source.share_full_at.is_some());
        full.map(|source| &*source.name).eq(["Tests"])
    });
    // The only source may use all of it.
    running.change(|config| config.capture.sources.truncate(1));
    assert_eq!(running.post("/v1/track", &event).status, 200);
    running.change(|config| config.destination.enabled = true);
    wait_until("all is delivered", || running.engine.status().ledger.queued == 0);
    running.end();
}

#[test]
fn a_flood_of_bad_items_is_counted_and_answered_and_leaves_the_log_to_what_was_delivered() {
    const FLOOD: &str = "the-flooding-source-of-these-tests";
    let running = practising(|config| {
        config.log.keep_events = 12;
        config.capture.sources.push(Source::new("Flood", FLOOD));
    });
    for _ in 0..11 {
        assert_eq!(running.post("/v1/track", TRACK).status, 200);
    }
    running.wait_settled(11);
    assert_eq!(running.post("/v1/track", r#"{"event":"e"}"#).status, 400);
    // Some hundred bytes of gzip each.
    let bad = zipped(format!(r#"{{"batch":[{}]}}"#, vec![r#"{"type":"page"}"#; 5_000].join(",")).as_bytes());
    let headers = format!("{}Content-Encoding: gzip\r\n", key_header(FLOOD));
    for _ in 0..8 {
        let reply = running.send("POST", "/v1/batch", &headers, &bad);
        let answer = reply.json();
        assert_eq!((reply.status, &answer["rejected"]), (200, &json!(5_000)));
        assert_eq!(answer["errors"].as_array().map(Vec::len), Some(100), "its sender is told which");
    }
    let metrics = running.get("/metrics").text();
    assert_eq!(metric(&metrics, "tributary_rejected_total"), 40_001);
    let unkept = metric(&metrics, "tributary_rejected_not_kept_total");
    wait_until("the log is tidied", || running.lines(&[State::Delivered]).len() == 11);
    let lines =
        running.engine.log().page(Query { states: vec![State::Rejected], limit: 10_000, ..Query::default() });
    let lines = lines.wait().unwrap().unwrap().rows;
    assert_eq!(lines.len() as u64, 40_001 - unkept);
    assert!(lines.len() < 1_000, "{}", lines.len());
    assert!(lines.iter().any(|line| &*line.source == "Tests"), "the honest one's line is there");
    wait_until("the faces show it", || running.engine.status().ledger.rejected == 40_001);
    assert_eq!(running.engine.status().pruned, 0, "what never had a line was not removed");
    running.end();
}
