//! Tables over the stream: Flink SQL, and Athena over the files that Firehose writes.

use crate::{
    event::{Aggregation, Encoding},
    snippets::consumed::{ConsumedStream, with},
};

const FLINK: &str = include_str!("../../../examples/consumers/flink.sql");
const ATHENA: &str = include_str!("../../../examples/consumers/athena.sql");

/// The first line of Flink SQL for records that it cannot split.
const NOT_SPLIT: &str = "-- Flink does not split records in the format of the KPL, so this skips them: choose the aggregation \"none\" or \"lines\".\n";

pub(super) fn flink(stream: &ConsumedStream<'_>) -> String {
    let mut code =
        with(FLINK, "'arn:aws:kinesis:eu-west-1:ACCOUNT_ID:stream/events'", &quoted(&stream.arn()));
    let mut place = format!("'aws.region' = {}", quoted(stream.region));
    if !stream.endpoint_url.is_empty() {
        place = format!("{place},\n  'aws.endpoint' = {}", quoted(stream.endpoint_url));
    }
    code = with(&code, "'aws.region' = 'eu-west-1'", &place);
    code = match (stream.encoding, stream.aggregation) {
        (Encoding::Base64, _) => code,
        (Encoding::JsonLines, Aggregation::Lines) => {
            let lines = "CREATE VIEW texts AS\nSELECT `json`, `arrived` FROM records CROSS JOIN UNNEST(SPLIT(`data`, CHR(10))) AS t (`json`);\n\n";
            let code = replaced(&code, "-- FROM_BASE64", "-- A record that is no event", lines);
            with(&code, "-- Flink 1.20 or newer", "-- Flink 2 or newer")
        }
        (Encoding::Json | Encoding::JsonLines, _) => as_json(&code),
    };
    if stream.is_kpl() { format!("{NOT_SPLIT}{code}") } else { code }
}

/// With the columns in the table itself.
fn as_json(code: &str) -> String {
    let columns = "  `messageId` STRING,
  `type` STRING,
  `event` STRING,
  `userId` STRING,
  `anonymousId` STRING,
  `timestamp` STRING,
  `properties` STRING,
";
    let code = with(code, "  `data` STRING,\n", columns);
    let code =
        with(&code, "  'format' = 'raw'\n", "  'format' = 'json',\n  'json.ignore-parse-errors' = 'true'\n");
    let view = "-- A record that is no event has no messageId, and is left out.
CREATE VIEW deliveries AS
SELECT * FROM records WHERE `messageId` IS NOT NULL;

";
    replaced(&code, "-- FROM_BASE64", "-- Delivery is at least once", view)
}

/// The text with another part between the beginnings of two of its parts.
fn replaced(code: &str, from: &str, to: &str, other: &str) -> String {
    let parts = code.split_once(from).and_then(|(before, rest)| Some((before, rest.split_once(to)?.1)));
    debug_assert!(parts.is_some(), "{from} {to}");
    parts.map_or_else(|| code.to_owned(), |(before, after)| format!("{before}{other}{to}{after}"))
}

pub(super) fn athena(stream: &ConsumedStream<'_>) -> String {
    let mut code = ATHENA.to_owned();
    if stream.encoding != Encoding::Base64 {
        code = with(
            &code,
            "FROM (SELECT day, try(from_utf8(from_base64(line))) AS json FROM event_lines)",
            "FROM (SELECT day, try(json_parse(line)) AS json FROM event_lines)",
        );
    }
    if stream.encoding == Encoding::JsonLines {
        code = with(&code, " \"New line delimiter\" enabled,", " \"New line delimiter\" off,");
    }
    if stream.is_kpl() {
        let note = "-- With the aggregation \"kpl\" nothing else is needed: Firehose splits aggregated records itself.\n";
        code = format!("{note}{code}");
    }
    code
}

/// A text as a literal of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
