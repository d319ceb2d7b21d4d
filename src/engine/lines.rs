//! The delivery log as text for other programs: one JSON object per line, or CSV. The window's export and `tributary log` with
//! `--json` or `--csv` write the same.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};

use crate::{
    config::Config,
    delivery::{Delivery, Millis},
    event::{Kind, shown},
    remedy,
};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// One JSON object per line.
    JsonLines,
    /// CSV (RFC 4180) with a header line. Cells that a spreadsheet would take for a formula begin with an apostrophe.
    Csv,
    /// CSV like [`Self::Csv`], but with every cell as it was sent.
    RawCsv,
}

impl Format {
    /// The usual extension of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv | Self::RawCsv => "csv",
        }
    }

    /// The text before the first line: the CSV header, or nothing.
    pub fn head(self, with_data: bool) -> String {
        match self {
            Self::JsonLines => String::new(),
            Self::Csv | Self::RawCsv => {
                let names = COLUMNS.iter().copied().chain(with_data.then_some("data"));
                names.collect::<Vec<_>>().join(",") + "\r\n"
            }
        }
    }

    /// One line with its line end; with the event's JSON if `data` is given.
    pub fn line(self, line: &Delivery, data: Option<&[u8]>, config: &Config) -> String {
        match self {
            Self::JsonLines => json_line(line, data, config),
            Self::Csv => csv_line(line, data, shown::cell),
            Self::RawCsv => csv_line(line, data, |cell| Cow::Borrowed(cell)),
        }
    }
}

/// A time as RFC 3339 in UTC with milliseconds.
pub fn time(at: Millis) -> String {
    Timestamp::from_millisecond(at).map_or_else(|_outside| at.to_string(), |time| format!("{time:.3}"))
}

/// A line as the JSON object that scripts read. An event that shares its record has a `subSequenceNumber`, counted from 0 as the
/// KCL counts it.
pub fn delivery(line: &Delivery, config: &Config) -> Value {
    let receipt = line.receipt.as_ref();
    let place = receipt.and_then(|receipt| receipt.place);
    let fault = line.fault.as_ref();
    json!({
        "line": line.id,
        "messageId": &*line.message_id,
        "type": line.kind.map(Kind::as_str),
        "event": line.name.as_deref(),
        "source": &*line.source,
        "partitionKey": &*line.partition_key,
        "partitionKeyShortened": line.key_shortened,
        "state": line.state.as_str(),
        "receivedAt": time(line.received_at),
        "deliveredAt": line.settled_at.filter(|_| receipt.is_some()).map(time),
        "repeat": line.repeat_of.is_some(),
        "resendOf": line.resend_of,
        "resentAs": line.resent_as,
        "attempts": line.attempts,
        "shardId": receipt.map(|receipt| &*receipt.shard_id),
        "sequenceNumber": receipt.map(|receipt| &*receipt.sequence_number),
        "subSequenceNumber": place.map(|place| place.at.saturating_sub(1)),
        "recordEvents": place.map(|place| place.of),
        "error": fault.map(ToString::to_string),
        "remedy": fault.map(|fault| remedy::remedy(fault, config).action),
    })
}

/// The event's JSON is copied as it is: no number is parsed and written again. Only control characters become escapes.
fn json_line(line: &Delivery, data: Option<&[u8]>, config: &Config) -> String {
    let mut text = delivery(line, config).to_string();
    if let Some(data) = data {
        text.pop();
        text.push_str(",\"data\":");
        let data = String::from_utf8_lossy(data);
        match serde_json::from_str::<&RawValue>(&data) {
            // One line per delivery: line breaks between values become blanks.
            Ok(raw) => text.push_str(&raw.get().replace(['\n', '\r'], " ")),
            Err(_no_json) => text.push_str(&Value::from(&*data).to_string()),
        }
        text.push('}');
    }
    text.push('\n');
    shown::lines(&text).into_owned()
}

const COLUMNS: [&str; 17] = [
    "receivedAt",
    "state",
    "type",
    "event",
    "source",
    "partitionKey",
    "messageId",
    "deliveredAt",
    "latencyMs",
    "attempts",
    "shardId",
    "sequenceNumber",
    "bytes",
    "repeat",
    "error",
    "subSequenceNumber",
    "recordEvents",
];

/// `shown` is applied to the text of each cell before it is quoted.
fn csv_line(line: &Delivery, data: Option<&[u8]>, shown: fn(&str) -> Cow<'_, str>) -> String {
    let receipt = line.receipt.as_ref();
    let place = receipt.and_then(|receipt| receipt.place);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut cells = vec![
        time(line.received_at),
        line.state.as_str().to_owned(),
        text(line.kind.map(Kind::as_str)),
        text(line.name.as_deref()),
        line.source.to_string(),
        line.partition_key.to_string(),
        line.message_id.to_string(),
        line.settled_at.filter(|_| receipt.is_some()).map(time).unwrap_or_default(),
        line.latency_ms().map(|ms| ms.to_string()).unwrap_or_default(),
        line.attempts.to_string(),
        text(receipt.map(|receipt| &*receipt.shard_id)),
        text(receipt.map(|receipt| &*receipt.sequence_number)),
        line.bytes.to_string(),
        line.repeat_of.is_some().to_string(),
        line.fault.as_ref().map(ToString::to_string).unwrap_or_default(),
        place.map(|place| (place.at.saturating_sub(1)).to_string()).unwrap_or_default(),
        place.map(|place| place.of.to_string()).unwrap_or_default(),
    ];
    cells.extend(data.map(|data| String::from_utf8_lossy(data).into_owned()));
    let cells: Vec<String> = cells.iter().map(|cell| csv_cell(&shown(cell))).collect();
    cells.join(",") + "\r\n"
}

fn csv_cell(text: &str) -> String {
    // In some locales spreadsheets take a semicolon or a tab for the separator.
    if text.contains(['"', ',', ';', '\t', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{AwsError, PlaceInRecord, Receipt, State};

    fn failed() -> Delivery {
        Delivery {
            id: 7,
            state: State::Failed,
            kind: Some(Kind::Track),
            name: Some("Say \"hi\", then go".into()),
            message_id: "m7".into(),
            source: "Website".into(),
            partition_key: "ada".into(),
            key_shortened: false,
            received_at: 1_772_445_605_250,
            settled_at: Some(1_772_445_605_300),
            attempts: 1,
            took_ms: 0,
            receipt: None,
            fault: Some(AwsError::new("ValidationException", "two\nlines")),
            bytes: 12,
            repeat_of: None,
            resend_of: None,
            resent_as: None,
            preview: None,
        }
    }

    #[test]
    fn a_line_of_json_keeps_the_event_as_it_was_sent() {
        let json = b"{\n  \"n\": 1.10, \"big\": 12345678901234567890123\n}";
        let line = Format::JsonLines.line(&failed(), Some(json), &Config::default());
        assert!(line.ends_with("{   \"n\": 1.10, \"big\": 12345678901234567890123 }}\n"), "{line}");
        assert_eq!(line.lines().count(), 1);
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&value["messageId"], &value["state"]), (&json!("m7"), &json!("failed")));
        let cut = Format::JsonLines.line(&failed(), Some(b"{\"half"), &Config::default());
        assert_eq!(serde_json::from_str::<Value>(&cut).expect("JSON")["data"], "{\"half");
    }

    #[test]
    fn a_cell_of_csv_with_a_comma_a_quote_or_a_line_break_is_quoted() {
        let head = Format::Csv.head(true);
        let line = Format::Csv.line(&failed(), Some(b"{}"), &Config::default());
        assert_eq!(head.split(',').count(), COLUMNS.len() + 1);
        assert!(line.contains(",\"Say \"\"hi\"\", then go\",Website,ada,m7,,,1,,,12,false,"), "{line}");
        assert!(line.ends_with(",\"ValidationException: two\nlines\",,,{}\r\n"), "{line}");
    }

    #[test]
    fn no_cell_of_csv_is_a_formula_unless_every_cell_is_asked_for_as_it_was_sent() {
        let event = Delivery {
            name: Some("=1+1".into()),
            message_id: "@m".into(),
            partition_key: "+49 30 1".into(),
            fault: Some(AwsError::new("X", "a\u{1b}[31mb")),
            ..failed()
        };
        let line = |format: Format| format.line(&event, Some(b"-1"), &Config::default());
        let csv = line(Format::Csv);
        assert!(csv.contains(",'=1+1,Website,'+49 30 1,'@m,"), "{csv}");
        assert!(csv.ends_with(",X: a\\u001b[31mb,,,'-1\r\n"), "{csv}");
        let raw = line(Format::RawCsv);
        assert!(raw.contains(",=1+1,Website,+49 30 1,@m,"), "{raw}");
        assert!(raw.ends_with(",X: a\u{1b}[31mb,,,-1\r\n"), "{raw}");
        // Quoted, so that a spreadsheet with semicolons as separators does not split the cell.
        let inside = Delivery { name: Some("x;=1+1".into()), ..failed() };
        let csv = Format::Csv.line(&inside, None, &Config::default());
        assert!(csv.contains(",\"x;=1+1\","), "{csv}");
        assert_eq!(Format::Csv.head(true), Format::RawCsv.head(true));
    }

    #[test]
    fn a_line_of_json_holds_no_control_character_and_the_same_values() {
        let event = Delivery { name: Some("a\u{9b}b\u{202e}".into()), ..failed() };
        let json = "{\"n\":\"\u{7f}\u{2066}\"}";
        let line = Format::JsonLines.line(&event, Some(json.as_bytes()), &Config::default());
        assert!(line.contains(r"a\u009bb\u202e") && line.contains(r"\u007f\u2066"), "{line}");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            (&value["event"], &value["data"]["n"]),
            (&json!("a\u{9b}b\u{202e}"), &json!("\u{7f}\u{2066}"))
        );
    }

    #[test]
    fn an_event_that_shares_its_record_says_at_which_place_and_another_does_not() {
        let of = |place| {
            let receipt = Receipt { shard_id: "shardId-1".into(), sequence_number: "49".into(), place };
            let delivered =
                Delivery { state: State::Delivered, receipt: Some(receipt), fault: None, ..failed() };
            let csv = Format::Csv.line(&delivered, Some(b"{}"), &Config::default());
            (delivery(&delivered, &Config::default()), csv)
        };
        let (json, csv) = of(Some(PlaceInRecord { at: 3, of: 20 }));
        assert_eq!((&json["subSequenceNumber"], &json["recordEvents"]), (&json!(2), &json!(20)));
        assert!(csv.ends_with(",,2,20,{}\r\n"), "{csv}");
        let head = Format::Csv.head(true);
        assert!(head.ends_with(",error,subSequenceNumber,recordEvents,data\r\n"), "{head}");
        let (json, csv) = of(None);
        assert_eq!((&json["subSequenceNumber"], &json["recordEvents"]), (&Value::Null, &Value::Null));
        assert!(csv.ends_with(",,,,{}\r\n"), "{csv}");
    }
}
