//! The Stream place: where reading starts, which shard is read, how far it looks, and what the filter matches.

use std::{io::Write as _, path::Path};

use aws_sdk_kinesis::primitives::Blob;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::engine::{PRACTICE_STREAM, RunningEngine};

use crate::{
    conformance,
    inspector::copy_from_menu,
    opened_window::{
        OpenedWindow, Window, address, click, copied, go, open, press, says, settings, type_into, wait_for,
    },
    window::{rows, send},
};

/// Puts records of other producers into the practice stream: key and data.
fn put(opened: &OpenedWindow, records: &[(&str, Vec<u8>)]) -> Vec<String> {
    put_into(&opened.files.path().join("data"), records)
}

/// The same for the engine on that data folder.
pub fn put_into(data_dir: &Path, records: &[(&str, Vec<u8>)]) -> Vec<String> {
    let access =
        RunningEngine::find(data_dir).expect("a running engine").practice.expect("the practice stream");
    let client = conformance::client(&access.endpoint_url, &access.access_key_id, &access.secret_access_key);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let puts = records.iter().map(|(key, data)| {
        let put = client
            .put_record()
            .stream_name(PRACTICE_STREAM)
            .partition_key(*key)
            .data(Blob::new(data.clone()));
        runtime.block_on(put.send()).expect("put").sequence_number().to_owned()
    });
    puts.collect()
}

fn stream_place() -> OpenedWindow {
    let mut opened = open(settings());
    go(&mut opened.window, "Stream");
    opened
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(data).expect("into memory");
    gzip.finish().expect("into memory")
}

/// In the form of aws-kinesis-agg: `{"n":1}` of ada, base64 of `{"n":2}` of bob, and two bytes of ada.
pub fn aggregated() -> Vec<u8> {
    let hex = "f3899ac20a036164610a03626f6212273137303134313138333436303436393233313733313638373330333731353838343130353732381a0b08001a077b226e223a317d1a12080110001a0c65794a75496a6f7966513d3d1a0608001a02ff005845f636416aaf537043c37a3fc6548d";
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")).collect()
}

fn open_row(window: &mut Window, number: usize) {
    window.get_all_by_role(Role::Row).nth(number).expect("a row").click();
    window.run();
}

#[test]
fn records_of_every_kind_are_looked_through() {
    let mut opened = stream_place();
    let event = br#"{"type":"track","event":"Seen","n":1.10}"#;
    // One shard, so that they are in this order.
    put(
        &opened,
        &[("k", gzip(event)), ("k", STANDARD.encode(gzip(event)).into()), ("k", b"\xff\x00ab".to_vec())],
    );
    put(&opened, &[("k", aggregated())]);
    let window = &mut opened.window;
    wait_for(window, "all of them", |window| says(window, "6 read") && rows(window) == 6);
    for (row, facts) in [
        (0, ["bytes", "3 of 3, under the key k", "000000  ff 00"]),
        (1, ["base64 of JSON", "2 of 3, under the key k", "\"n\": 2"]),
        (2, ["JSON", "1 of 3, under the key k", "\"n\": 1"]),
        (3, ["bytes", "These bytes are not text.", "ff 00 61 62"]),
        (4, ["base64 of gzip of JSON", "Event", "\"n\": 1.10"]),
        (5, ["gzip of JSON", "These bytes are not text.", "\"event\": \"Seen\""]),
    ] {
        open_row(window, row);
        for fact in facts {
            assert!(says(window, fact), "row {row}: {fact}");
        }
        window.get_by_role_and_label(Role::Button, "Close").click();
        window.run();
    }
    open_row(window, 3);
    assert_eq!(copy_from_menu(window, "Partition key"), "k");
    press(window, "Copy record data as base64");
    assert!(says(window, "Record data in base64 copied"));
}

#[test]
fn a_filter_leaves_what_fits_and_goes_away_again() {
    let mut opened = stream_place();
    let event = |name: &str| format!(r#"{{"type":"track","event":"{name}"}}"#).into_bytes();
    put(&opened, &[("ada", event("Red")), ("bob", event("Green")), ("ada", event("Blue"))]);
    let window = &mut opened.window;
    wait_for(window, "all of them", |window| rows(window) == 3);
    type_into(window, "Filter records", "GREEN");
    wait_for(window, "the one that fits", |window| rows(window) == 1 && says(window, "1 match"));
    assert!(says(window, "3 read"));
    put(&opened, &[("carl", event("Light green")), ("carl", event("Grey"))]);
    let window = &mut opened.window;
    wait_for(window, "a new one that fits", |window| rows(window) == 2 && says(window, "5 read"));
    press(window, "Clear the filter");
    wait_for(window, "all again", |window| rows(window) == 5);
    type_into(window, "Filter records", "nothing like it");
    wait_for(window, "none", |window| says(window, "No matches"));
    press(window, "Show all records");
    wait_for(window, "all again", |window| rows(window) == 5);
}

#[test]
fn reading_starts_where_the_user_says() {
    let mut opened = stream_place();
    let numbers =
        put(&opened, &[("k", b"{\"n\":1}".into()), ("k", b"{\"n\":2}".into()), ("k", b"{\"n\":3}".into())]);
    let window = &mut opened.window;
    wait_for(window, "all of them", |window| rows(window) == 3);
    press(window, "Sequence number");
    assert!(says(window, "A sequence number has digits only"));
    type_into(window, "Sequence number to start at", &numbers[1]);
    wait_for(window, "from the second on", |window| rows(window) == 2 && says(window, "2 read"));
    assert!(says(window, "not read"), "the other shards have no such place");
    press(window, "Time");
    assert!(says(window, "Write a time as"));
    type_into(window, "Time to start at", "15m");
    wait_for(window, "the last minutes", |window| rows(window) == 3);
    press(window, "New ones only");
    wait_for(window, "nothing yet", |window| says(window, "Waiting for the next record"));
    put(&opened, &[("k", b"{\"n\":4}".into())]);
    let window = &mut opened.window;
    wait_for(window, "the new one", |window| rows(window) == 1);
    press(window, "Oldest");
    wait_for(window, "all of them", |window| rows(window) == 4);
}

#[test]
fn reading_goes_on_in_the_children_of_a_shard_that_is_split() {
    let mut opened = stream_place();
    put(&opened, &[("k", b"{\"n\":1}".into())]);
    let window = &mut opened.window;
    wait_for(window, "the first", |window| rows(window) == 1);
    let access = RunningEngine::find(&opened.files.path().join("data"))
        .expect("a running engine")
        .practice
        .expect("the practice stream");
    let client = conformance::client(&access.endpoint_url, &access.access_key_id, &access.secret_access_key);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // The shard of this key owns the hashes whose first hexadecimal digit is 8 to b.
    let split = client.split_shard().stream_name(PRACTICE_STREAM).shard_to_split("shardId-000000000002");
    let split = split.new_starting_hash_key((0xa_u128 << 124).to_string());
    runtime.block_on(split.send()).expect("split");
    let numbers = put(&opened, &[("k", b"{\"n\":2}".into())]);
    let window = &mut opened.window;
    wait_for(window, "the second", |window| rows(window) == 2 && says(window, "Shard 5 caught up"));
    open_row(window, 0);
    assert!(says(window, &numbers[0]) && says(window, "shardId-000000000004"));
    window.get_by_role_and_label(Role::Button, "Close").click();
    window.run();
    // Also from the beginning, with the parent closed already.
    press(window, "New ones only");
    wait_for(window, "nothing yet", |window| says(window, "Waiting for the next record"));
    press(window, "Oldest");
    wait_for(window, "both", |window| rows(window) == 2);
}

#[test]
fn one_shard_is_read_alone_and_every_lag_is_shown() {
    let mut opened = stream_place();
    put(&opened, &[("a", b"{}".into()), ("b", b"{}".into()), ("c", b"{}".into()), ("d", b"{}".into())]);
    let window = &mut opened.window;
    wait_for(window, "all of them", |window| rows(window) == 4);
    for shard in 0..4 {
        window.get_by_label(&format!("Shard {shard} caught up"));
    }
    let first = |window: &Window| {
        let row = window.get_all_by_role(Role::Row).next().expect("a row");
        row.accesskit_node().label().expect("a name")
    };
    let id = first(window).rsplit(' ').next().expect("a shard").to_owned();
    let number = id.trim_start_matches("shardId-").trim_start_matches('0');
    let number = if number.is_empty() { "0" } else { number };
    window.get_by_label("Shard to read").click();
    window.run();
    window.get_by_label(&format!("Shard {number} · caught up")).click();
    window.run();
    wait_for(window, "that shard alone", |window| rows(window) > 0 && says(window, "not read"));
    window.get_by_label(&format!("Shard {number} caught up"));
    for row in window.get_all_by_role(Role::Row) {
        assert!(row.accesskit_node().label().is_some_and(|name| name.ends_with(&id)), "{id}");
    }
}

#[test]
fn a_record_and_its_delivery_lead_to_each_other() {
    let mut opened = stream_place();
    let window = &mut opened.window;
    let address = address(window);
    for name in ["First", "Second"] {
        let event = format!(r#"{{"userId":"ada","event":"{name}","messageId":"m-{name}"}}"#);
        assert_eq!(send(address, "test-key-1234", &event), 200);
    }
    wait_for(window, "both records", |window| rows(window) == 2);
    // The newest one is on top.
    open_row(window, 1);
    wait_for(window, "the first", |window| says(window, "\"event\": \"First\""));
    click(window, "Copy sequence number");
    let number = copied(window).expect("the sequence number");
    window.run();
    press(window, "Show in Live");
    wait_for(window, "its delivery", |window| says(window, "Edit as test"));
    // The panel needs some frames to find its width.
    window.run_steps(8);
    assert!(says(window, "\"event\": \"First\"") && window.query_by_label(&number).is_some());
    press(window, "Show in Stream");
    wait_for(window, "its record again", |window| {
        says(window, "What a consumer reads back") && says(window, "\"event\": \"First\"")
    });
    // A record of another producer has no delivery.
    put(&opened, &[("ada", br#"{"type":"track","event":"Theirs","messageId":"not-ours"}"#.to_vec())]);
    let window = &mut opened.window;
    press(window, "Oldest");
    wait_for(window, "all three", |window| rows(window) == 3);
    open_row(window, 0);
    wait_for(window, "theirs", |window| says(window, "not-ours"));
    press(window, "Show in Live");
    wait_for(window, "why not", |window| says(window, "The log does not have this event"));
}

#[test]
fn a_reader_of_ones_own_gets_address_and_keys_and_the_secret_is_hidden_until_asked_for() {
    let mut opened = stream_place();
    let access = RunningEngine::find(&opened.files.path().join("data")).and_then(|engine| engine.practice);
    let access = access.expect("the practice stream");
    let window = &mut opened.window;
    click(window, "Connect a reader");
    wait_for(window, "the address", |window| says(window, &access.endpoint_url));
    assert!(says(window, "us-east-1") && says(window, &access.access_key_id));
    assert!(!says(window, &access.secret_access_key), "it is hidden");
    for (button, text) in [
        ("Copy address", &access.endpoint_url),
        ("Copy region", &access.region),
        ("Copy stream", &access.stream),
        ("Copy access key id", &access.access_key_id),
        ("Copy secret access key", &access.secret_access_key),
    ] {
        click(window, button);
        assert_eq!(copied(window).as_ref(), Some(text), "{button}");
    }
    click(window, "Copy as environment variables");
    let lines = copied(window).expect("the variables");
    let expected = format!(
        "AWS_ENDPOINT_URL_KINESIS={}\nAWS_ACCESS_KEY_ID={}\nAWS_SECRET_ACCESS_KEY=",
        access.endpoint_url, access.access_key_id
    );
    assert!(lines.starts_with(&expected) && lines.contains(&access.secret_access_key), "{lines}");
    assert!(lines.ends_with("\nAWS_REGION=us-east-1\nAWS_DEFAULT_REGION=us-east-1\n"), "{lines}");
    press(window, "Show secret access key");
    assert!(says(window, &access.secret_access_key));
    press(window, "Hide access");
    assert!(!says(window, &access.endpoint_url));
    press(window, "Connect a reader");
    assert!(!says(window, &access.secret_access_key), "it is hidden again");
    // They are above the code in Sources too.
    press(window, "Consumer code");
    wait_for(window, "the address", |window| says(window, &access.endpoint_url));
    assert!(!says(window, &access.secret_access_key), "it is hidden");
    click(window, "Copy secret access key");
    assert_eq!(copied(window).as_ref(), Some(&access.secret_access_key));
    press(window, "Show secret access key");
    assert!(says(window, &access.secret_access_key));
    for other in ["Live", "Sources"] {
        go(window, other);
    }
    assert!(says(window, &access.endpoint_url) && !says(window, &access.secret_access_key), "hidden again");
}
