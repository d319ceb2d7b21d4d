//! What a reader gets of a record, in words.

use super::{format::Format, who::Reader};
use crate::event::{Aggregation, Encoding};

/// What the reader gets of a record of that format. `None`: it is not known who reads.
pub fn sees(reader: Option<Reader>, format: Format) -> String {
    let content = content(reader, format);
    match reader {
        None => format!("A reader gets {content}"),
        Some(Reader::Lambda) => {
            format!(
                "Lambda hands your function the base64 of the record's bytes. After that one decode you have {content}"
            )
        }
        Some(Reader::Kcl) => format!("The KCL gives your record processor {content}"),
        Some(Reader::Flink) => format!("Flink's deserialiser gets {content}"),
        Some(Reader::Firehose) => {
            format!("Firehose writes records one right after another into a file. It takes {content}")
        }
        Some(Reader::StreamingTable) => format!("The channel takes each record as it is. It gets {content}"),
        Some(Reader::Sdk) => {
            format!("The SDK has undone the API's own base64. GetRecords gives your code {content}")
        }
        Some(Reader::Legacy) => format!("Your reader expects base64 text. It gets {content}"),
    }
}

/// Whether it splits aggregated records by itself.
fn splits(reader: Option<Reader>) -> bool {
    matches!(reader, Some(Reader::Kcl | Reader::Firehose))
}

fn content(reader: Option<Reader>, format: Format) -> String {
    match format.aggregation {
        Aggregation::None => format!("{}.", one_event(format.encoding)),
        Aggregation::Kpl if splits(reader) => {
            format!("each event of an aggregated record by itself: {}.", one_event(format.encoding))
        }
        Aggregation::Kpl => format!(
            "one binary record (it begins with the bytes F3 89 9A C2) that holds several events, or, for an event that was \
             alone, {}.",
            one_event(format.encoding)
        ),
        Aggregation::Lines => {
            "the JSON of several events, one on each line, or of one event and a line end.".to_owned()
        }
    }
}

fn one_event(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Base64 => {
            "base64 text (eyJ0eXBlIjoi…), which has to be decoded once more to be the event's JSON"
        }
        Encoding::Json => "the event's JSON text ({\"type\":\"…)",
        Encoding::JsonLines => "the event's JSON text ({\"type\":\"…) and a line end",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_say_what_has_to_be_decoded_and_split() {
        let said = |reader, encoding, aggregation| sees(reader, Format::new(encoding, aggregation));
        let none = said(None, Encoding::Base64, Aggregation::None);
        assert!(none.starts_with("A reader gets base64 text") && none.contains("once more"), "{none}");
        let lambda = said(Some(Reader::Lambda), Encoding::Json, Aggregation::None);
        assert!(lambda.contains("After that one decode you have the event's JSON"), "{lambda}");
        for reader in Reader::ALL {
            let kpl = said(Some(reader), Encoding::Json, Aggregation::Kpl);
            let is_split = matches!(reader, Reader::Kcl | Reader::Firehose);
            assert_eq!(kpl.contains("F3 89 9A C2"), !is_split, "{kpl}");
            for format in Format::ALL {
                assert!(sees(Some(reader), format).ends_with('.'), "{reader:?} {format:?}");
            }
        }
    }
}
