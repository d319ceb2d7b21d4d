//! Consumer code that cannot run here is read by parsers of its language: Java by `java-parser`, Flink SQL by
//! `dt-sql-parser`, Athena's SQL by `sqlglot`. No parser knows the libraries that the code uses.

use crate::consumers::stream;
use crate::processes::{node, python, run, sender};
use std::process::Command;
use tributary::reader::Format;
use tributary::snippets::{ConsumedStream, Consumer, consumer_code};

/// The code for every form of records, and for another way to name the stream.
fn all_of(consumer: Consumer) -> Vec<String> {
    let mut all: Vec<_> = Format::ALL.map(|format| consumer_code(consumer, &stream(format))).into();
    let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/events";
    let named =
        ConsumedStream { stream: arn, endpoint_url: "http://127.0.0.1:4567", ..stream(Format::ALL[0]) };
    all.push(consumer_code(consumer, &named));
    all
}

/// What is wrong with each text.
fn faults(texts: &[(&str, String)]) -> Vec<Option<String>> {
    serde_json::from_str(&run(&mut node("parse.mjs"), &serde_json::to_string(texts).unwrap())).unwrap()
}

#[test]
fn java_and_flink_sql_are_read_by_their_parsers() {
    let java = all_of(Consumer::Kcl).into_iter().map(|text| ("java", text));
    let flink = all_of(Consumer::Flink).into_iter().map(|text| ("flink", text));
    let texts: Vec<_> = java.chain(flink).collect();
    for (fault, (language, text)) in faults(&texts).into_iter().zip(&texts) {
        assert_eq!(fault, None, "{language}:\n{text}");
    }
    // The parsers see what is wrong.
    let broken = [("java", "class A { void a() { f(; } }"), ("flink", "CREATE TABLE a (`b` STRING WITH ();")];
    let broken = broken.map(|(language, text)| (language, text.to_owned()));
    assert!(faults(&broken).iter().all(Option::is_some), "{broken:?}");
}

#[test]
fn athena_sql_is_read_by_its_parser() {
    let texts = all_of(Consumer::Athena);
    let mut command = Command::new(python());
    let kinds = run(command.arg(sender("athena.py")), &serde_json::to_string(&texts).unwrap());
    assert_eq!(kinds.lines().count(), texts.len());
    for line in kinds.lines() {
        assert_eq!(line, r#"["create TABLE", "create VIEW"]"#);
    }
}
