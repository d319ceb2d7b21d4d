//! The corpus: hundreds of invalid or odd inputs, and their documented answers (`tests/corpus/`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::GzEncoder};
use tributary::event::Encoding;

use crate::binary::{WRITE_KEY, key_header};
use crate::practising::{Practising, practising};
use crate::scripted::Sent;
use crate::wire::{Connection, Reply, get, metric, request};

#[path = "../corpus/read.rs"]
mod read;

const GOOD: &str = r#"{"userId":"u","event":"e"}"#;

/// A connection that is opened again after the endpoint closed it.
struct Caller<'r> {
    running: &'r Practising,
    connection: Connection,
}

impl<'r> Caller<'r> {
    fn new(running: &'r Practising) -> Self {
        Self { running, connection: Connection::open(running.address).unwrap() }
    }

    fn ask(&mut self, request: &[u8]) -> Reply {
        let reply = self.connection.ask(request);
        let closes = |reply: &Reply| reply.header("connection") == Some("close");
        if reply.as_ref().map_or(true, closes) {
            self.connection = Connection::open(self.running.address).unwrap();
        }
        reply.unwrap()
    }
}

/// An answer in the notation of the corpus: `200 2+1 1:invalid_json`, `400 invalid_json`.
fn said(reply: &Reply) -> String {
    let mut said = reply.status.to_string();
    if reply.status == 204 || reply.header("content-type") != Some("application/json") {
        return said;
    }
    let body = reply.json();
    if reply.status != 200 {
        assert_eq!(body["success"], false, "{body}");
        assert!(body["message"].as_str().is_some_and(|text| text.len() > 8), "{body}");
        assert_eq!(body["message"], body["error"]);
        write!(said, " {}", body["code"].as_str().unwrap()).unwrap();
    } else if let Some(accepted) = body["accepted"].as_u64() {
        write!(said, " {accepted}+{}", body["rejected"]).unwrap();
        for error in body["errors"].as_array().into_iter().flatten() {
            write!(said, " {}:{}", error["index"], error["code"].as_str().unwrap()).unwrap();
        }
    }
    said
}

/// Whether a record has what a line of the corpus expects.
fn holds(record: &Sent, marks: &[String]) -> bool {
    let text = record.text();
    marks.iter().all(|mark| match (mark.strip_prefix('!'), mark.strip_prefix("key=")) {
        (Some(absent), _) => !text.contains(absent),
        (_, Some(key)) => record.key == key,
        _ => text.contains(mark),
    })
}

#[test]
fn every_body_of_the_corpus_gets_its_answer_and_every_record_is_as_documented() {
    let running = practising(|config| config.destination.encoding = Encoding::Json);
    let mut caller = Caller::new(&running);
    let (mut wrong, mut accepted, mut looked_for) = (Vec::new(), 0, Vec::new());
    for (line, columns) in read::lines(include_str!("../corpus/bodies.txt")) {
        let [path, body, expected, why, marks @ ..] = columns.as_slice() else { panic!("line {line}") };
        let bytes = request("POST", &format!("/v1/{path}"), &key_header(WRITE_KEY), &read::bytes(body));
        let reply = caller.ask(&bytes);
        let said = said(&reply);
        if said != *expected {
            wrong.push(format!("line {line}, {why}: {said}, not {expected}"));
        }
        if reply.status == 200 {
            let answer = reply.json();
            accepted += answer["accepted"].as_u64().unwrap_or(1);
            let marks = marks.iter().map(|mark| String::from_utf8(read::bytes(mark)).unwrap()).collect();
            looked_for.push((line, why.to_owned(), answer["messageId"].as_str().map(str::to_owned), marks));
        }
    }
    running.wait_settled(accepted);
    let records = running.records();
    assert_eq!(records.len() as u64, accepted);
    for (line, why, id, marks) in looked_for {
        let marks: Vec<String> = marks;
        let id = id.map(|id| format!("\"{id}\""));
        let mut candidates =
            records.iter().filter(|record| id.as_ref().is_none_or(|id| record.text().contains(id)));
        if !marks.is_empty() && !candidates.clone().any(|record| holds(record, &marks)) {
            let text = candidates.next().map(|record| (record.key.clone(), record.text()));
            let short: String = format!("{text:?}").chars().take(600).collect();
            wrong.push(format!("line {line}, {why}: {marks:.200?} not in {short}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn every_pixel_of_the_corpus_is_an_image_and_brings_what_it_should() {
    let running = practising(|_| {});
    let mut caller = Caller::new(&running);
    let good = format!(r#"{{"writeKey":"{WRITE_KEY}","userId":"u","event":"e??>>"}}"#);
    let data = STANDARD.encode(&good).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let raw: String = good.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
    let mut wrong = Vec::new();
    let counts = |caller: &mut Caller<'_>| {
        let metrics = caller.ask(&request("GET", "/metrics", "", b"")).text();
        ["accepted", "rejected"].map(|name| metric(&metrics, &format!("tributary_{name}_total")))
    };
    for (line, columns) in read::lines(include_str!("../corpus/pixels.txt")) {
        let [path, expected, why] = columns.as_slice() else { panic!("line {line}") };
        let path = path.replace("{DATA}", &data).replace("{RAW}", &raw).replace("{KEY}", WRITE_KEY);
        let before = counts(&mut caller);
        let reply = caller.ask(&request("GET", &format!("/v1/pixel/{path}"), "", b""));
        let after = counts(&mut caller);
        let brought = match [after[0] - before[0], after[1] - before[1]] {
            _ if reply.status != 200 => reply.status.to_string(),
            _ if reply.header("content-type") != Some("image/gif") => "no image".to_owned(),
            [1, 0] => "taken".to_owned(),
            [0, 1] => "refused".to_owned(),
            [0, 0] => "nothing".to_owned(),
            other => format!("{other:?}"),
        };
        if brought != *expected {
            wrong.push(format!("line {line}, {why}: {brought}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    running.engine.shutdown(Duration::from_secs(5));
}

#[test]
fn every_request_of_the_corpus_gets_its_answer() {
    let running = practising(|_| {});
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(GOOD.as_bytes()).unwrap();
    let packed: Vec<_> = encoder.finish().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    let packed = format!("⟨{}⟩", packed.join(" "));
    let basic = STANDARD.encode(format!("{WRITE_KEY}:"));
    let auth = key_header(WRITE_KEY).trim_end().to_owned();
    let filled = |column: &str, length: usize| {
        let column = column.replace('⏎', "\r\n").replace("{LENGTH}", &length.to_string());
        let column = column.replace("{GOOD}", GOOD).replace("{GZIP}", &packed).replace("{AUTH}", &auth);
        read::bytes(&column.replace("{BASIC}", &basic).replace("{KEY}", WRITE_KEY))
    };
    let mut wrong = Vec::new();
    for (line, columns) in read::lines(include_str!("../corpus/requests.txt")) {
        let [head, body, expected, why] = columns.as_slice() else { panic!("line {line}") };
        let body = filled(body, 0);
        let bytes = [&filled(head, body.len()), &b"\r\n\r\n"[..], &body].concat();
        let before = metric(&get(running.address, "/metrics").text(), "tributary_accepted_total");
        let begun = Instant::now();
        let mut connection = Connection::open(running.address).unwrap();
        // The endpoint may close the connection before an invalid request was sent.
        let written = connection.write(&bytes);
        if *expected == "silent" && written.is_ok() {
            // The endpoint may wait for more. It may also have closed the connection already.
            drop(connection.end_of_request());
        }
        let reply = connection.answer(false);
        let after = metric(&get(running.address, "/metrics").text(), "tributary_accepted_total");
        let said = match (&reply, *expected) {
            (Err(_), "silent") => "silent".to_owned(),
            (Ok(reply), "silent") if reply.status >= 400 && before == after => "silent".to_owned(),
            // An SDK that cannot send its whole request never reads the answer.
            (Ok(_), _) if written.is_err() => format!("cut off ({written:?})"),
            (Ok(reply), "200") if reply.status == 200 => "200".to_owned(),
            (Ok(reply), _) => said(reply),
            (Err(error), _) => format!("{error} ({written:?})"),
        };
        if said != *expected || begun.elapsed() > Duration::from_secs(8) {
            wrong.push(format!("line {line}, {why}: {said} in {:?}, not {expected}", begun.elapsed()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    running.engine.shutdown(Duration::from_secs(5));
}
