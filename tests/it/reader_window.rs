//! Who reads the stream, in the window: the question in Set up, what is said of a format that does not suit the answer, and
//! the records of Stream that the reader cannot decode.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use serde_json::json;
use tributary::{event::Encoding, reader::Reader};

use crate::{
    account::{Account, Reply},
    opened_window::{
        choose, click, edit, go, is_chosen, open, pick_stream, press, says, settings, stage_box, wait_for,
    },
    setup::with_stream,
    stream_place::put_into,
    window::{is_run_with_keys, rows},
};

#[test]
fn the_answer_sets_the_format_and_another_format_is_told_of_in_place() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Format");
    assert!(is_chosen(window, "base64") && says(window, "A reader gets base64 text"), "nobody has answered");
    click(window, "Firehose");
    assert!(is_chosen(window, "json-lines") && is_chosen(window, "none"));
    assert!(says(window, "Set for Firehose, which writes to S3: json-lines. Firehose writes records"));
    assert!(says(window, "Its role needs the rights to read the stream."), "what else it needs");
    choose(window, "base64");
    assert!(says(window, "Firehose: base64 works with more code."), "a warning");
    press(window, "Use json-lines");
    window.run();
    assert!(is_chosen(window, "json-lines") && !says(window, "works with more code"));

    click(window, "Streaming table");
    assert!(is_chosen(window, "json"));
    choose(window, "kpl");
    assert!(says(window, "Streaming table: json, aggregation kpl cannot be decoded."));
    edit(window, "Check");
    assert!(says(window, "Streaming table cannot decode json, aggregation kpl"), "in the step's line");
    edit(window, "Format");
    choose(window, "none");
    window.get_by_label("Format, reader");
    click(window, "Save changes");
    wait_for(window, "the settings", |window| says(window, "Applied and saved"));
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file");
    for line in ["reader = \"table\"", "encoding = \"json\""] {
        assert!(file.contains(line), "{line}: {file}");
    }
}

#[test]
fn the_check_of_a_draft_fails_at_the_format_if_the_reader_cannot_decode() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Format");
    click(window, "base64 reader");
    choose(window, "json");
    edit(window, "Check");
    click(window, "Check with a test record");
    wait_for(window, "the check", |window| says(window, "cannot decode records of the format json"));
    window.get_by_label("The reader can decode the records: failed");
    edit(window, "Format");
    press(window, "Use base64");
    edit(window, "Check");
    click(window, "Check with a test record");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    window.get_by_label("The reader can decode the records: passed");
}

#[test]
fn channels_and_automatic_distribution_of_the_picked_stream_are_held_against_the_format() {
    if !is_run_with_keys(
        "reader_window::channels_and_automatic_distribution_of_the_picked_stream_are_held_against_the_format",
    ) {
        return;
    }
    for (member, value, aggregation, words) in [
        (
            "ChannelCount",
            json!(2),
            "none",
            "2 channels of Kinesis read this stream. A streaming table takes JSON only",
        ),
        ("RecordDistributionStrategy", json!("AUTO"), "kpl", "AWS does not support aggregation there"),
    ] {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| {
            if asked.action != "DescribeStreamSummary" {
                return Reply::Usual;
            }
            let mut summary = json!({
                "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:us-east-1:123456789012:stream/clicks",
                "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
                "EnhancedMonitoring": [], "OpenShardCount": 1 });
            summary[member] = value.clone();
            Reply::Body(json!({ "StreamDescriptionSummary": summary }))
        });
        let mut opened = with_stream(&account);
        let window = &mut opened.window;
        pick_stream(window, "clicks");
        edit(window, "Format");
        choose(window, aggregation);
        assert!(says(window, words), "{member}");
        if aggregation == "none" {
            choose(window, "json");
        } else {
            choose(window, "none");
        }
        assert!(!says(window, words), "{member}: solved");
    }
}

#[test]
fn records_that_the_reader_cannot_decode_are_marked_and_shown_as_each_decoder_gets_them() {
    const JSON: &str = r#"{"type":"track","event":"Seen"}"#;
    let mut config = settings();
    config.destination.reader = Some(Reader::Legacy);
    let mut opened = open(config);
    go(&mut opened.window, "Stream");
    let records = [("k", JSON.into()), ("k", Encoding::Base64.encode(JSON.as_bytes()))];
    put_into(&opened.files.path().join("data"), &records);
    let window = &mut opened.window;
    wait_for(window, "both", |window| rows(window) == 2);
    let names: Vec<_> =
        window.get_all_by_role(Role::Row).filter_map(|row| row.accesskit_node().label()).collect();
    let marked = |name: &String| name.contains("the reader cannot decode it");
    assert_eq!(names.iter().map(marked).collect::<Vec<_>>(), [false, true], "newest first: {names:?}");
    window.get_all_by_role(Role::Row).nth(1).expect("a row").click();
    window.run();
    for words in [
        "base64 reader: json cannot be decoded.",
        "What readers see",
        "Bytes decoded as base64",
        "not base64",
    ] {
        assert!(says(window, words), "{words}");
    }
    window.get_all_by_role(Role::Row).next().expect("a row").click();
    window.run();
    assert!(says(window, "base64 reader: base64 fits."));
}

#[test]
fn a_reader_in_force_that_cannot_decode_is_named_in_the_strip_at_the_destination() {
    let mut config = settings();
    config.destination.reader = Some(Reader::Legacy);
    config.destination.encoding = Encoding::Json;
    let mut opened = open(config);
    let window = &mut opened.window;
    wait_for(window, "the mismatch", |window| stage_box(window, "Destination").0.contains("Reader mismatch"));
}
