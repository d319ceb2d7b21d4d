//! Whether a format suits a reader, and why. Sources: AWS's guides of Lambda (event filtering, Kinesis record
//! de-aggregation), Data Firehose (KPL de-aggregation, new line delimiter), Kinesis Data Streams (data delivery concepts,
//! `RecordConfiguration`), and `docs/aggregation.md`.

use super::{format::Format, who::Reader};
use crate::event::{Aggregation, Encoding};

/// How well a format suits a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The reader takes it as it is.
    Fits,
    /// The reader can take it, with more code or settings of its own.
    NeedsCode,
    /// The reader cannot decode it.
    CannotDecode,
}

impl Fit {
    /// The word that scripts read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::NeedsCode => "needs-code",
            Self::CannotDecode => "cannot-decode",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fits => "fits",
            Self::NeedsCode => "works with more code",
            Self::CannotDecode => "cannot be decoded",
        }
    }
}

/// Whether a format suits a reader, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// How well.
    pub fit: Fit,
    /// Why, in one or two sentences.
    pub why: &'static str,
}

const fn fits(why: &'static str) -> Judgement {
    Judgement { fit: Fit::Fits, why }
}

const fn needs(why: &'static str) -> Judgement {
    Judgement { fit: Fit::NeedsCode, why }
}

const fn cannot(why: &'static str) -> Judgement {
    Judgement { fit: Fit::CannotDecode, why }
}

/// The format to choose for this reader.
pub fn recommended(reader: Reader) -> Format {
    let encoding = match reader {
        Reader::Lambda | Reader::Kcl | Reader::Flink | Reader::StreamingTable | Reader::Sdk => Encoding::Json,
        Reader::Firehose => Encoding::JsonLines,
        Reader::Legacy => Encoding::Base64,
    };
    Format::new(encoding, Aggregation::None)
}

/// The formats that suit a reader as they are, the recommended one first.
pub fn fitting(reader: Reader) -> Vec<Format> {
    let first = recommended(reader);
    let fits = |format: &Format| *format != first && judge(reader, *format).fit == Fit::Fits;
    std::iter::once(first).chain(Format::ALL.into_iter().filter(fits)).collect()
}

/// Whether a reader can decode records of that format.
pub fn judge(reader: Reader, format: Format) -> Judgement {
    match reader {
        Reader::Lambda => lambda(format),
        Reader::Kcl => kcl(format),
        Reader::Flink => flink(format),
        Reader::Firehose => firehose(format),
        Reader::StreamingTable => streaming_table(format),
        Reader::Sdk => sdk(format),
        Reader::Legacy => legacy(format),
    }
}

/// Whether a reader can decode a record of this form. `None`: none that Tributary writes, and so none that a reader of its
/// events can decode.
pub fn fit_of(reader: Reader, form: Option<Format>) -> Fit {
    form.map_or(Fit::CannotDecode, |form| judge(reader, form).fit)
}

fn lambda(format: Format) -> Judgement {
    match (format.aggregation, format.encoding) {
        (Aggregation::Kpl, _) => needs(
            "Lambda does not split aggregated records: your function needs AWS's de-aggregation module, and event filters \
             see nothing in such a record.",
        ),
        (Aggregation::Lines, _) => needs(
            "Your function must split each record at line ends. Event filters look at one JSON value per record, not at \
             lines.",
        ),
        (Aggregation::None, Encoding::Base64) => needs(
            "Your function must decode twice: Lambda's own base64, and ours. Event filters look at JSON only, so they see \
             nothing in base64 text.",
        ),
        (Aggregation::None, Encoding::Json) => {
            fits("Your function decodes once and has JSON, and event filters can look into it.")
        }
        (Aggregation::None, Encoding::JsonLines) => {
            fits("A JSON parser ignores the line end. The encoding json does the same without it.")
        }
    }
}

fn kcl(format: Format) -> Judgement {
    match (format.aggregation, format.encoding) {
        (Aggregation::Lines, _) => needs("Your record processor must split each record at line ends."),
        (_, Encoding::Base64) => needs(
            "Your record processor must decode base64 once more: the KCL gives it the record's bytes, which are base64 text.",
        ),
        (Aggregation::Kpl, _) => fits(
            "The KCL (2 and later) splits aggregated records itself, and gives you one user record per event.",
        ),
        (Aggregation::None, _) => fits(
            "Your record processor gets the event's JSON. The aggregation kpl fits too, and saves records.",
        ),
    }
}

fn flink(format: Format) -> Judgement {
    match (format.aggregation, format.encoding) {
        (Aggregation::Kpl, _) => needs(
            "KinesisStreamsSource, and with it Flink SQL, does not split aggregated records: de-aggregate in your job's \
             deserialiser. Only the old FlinkKinesisConsumer splits them.",
        ),
        (Aggregation::Lines, _) => {
            needs("Flink's json format reads one value per record: your job must split records at line ends.")
        }
        (Aggregation::None, Encoding::Base64) => needs(
            "Flink's json format cannot read base64 text: read the records as raw, and decode them with FROM_BASE64 in the \
             query.",
        ),
        (Aggregation::None, Encoding::Json) => fits("Flink's json format reads the record as it is."),
        (Aggregation::None, Encoding::JsonLines) => {
            fits("Flink's json format ignores the line end. The encoding json does the same without it.")
        }
    }
}

fn firehose(format: Format) -> Judgement {
    match (format.encoding, format.aggregation) {
        (Encoding::Base64, _) => needs(
            "Firehose writes records one right after another: switch on its new line delimiter and decode base64 in each \
             query, or let a Lambda transformation write JSON lines.",
        ),
        (Encoding::Json, _) => needs(
            "Firehose writes records one right after another, so a file has no line ends: switch on its new line \
             delimiter, or choose json-lines.",
        ),
        (Encoding::JsonLines, Aggregation::None) => fits(
            "Firehose writes records one right after another: with json-lines, a file has one event per line.",
        ),
        (Encoding::JsonLines, Aggregation::Kpl) => fits(
            "Firehose splits aggregated records itself and adds no line ends: with json-lines each event ends in one.",
        ),
        (Encoding::JsonLines, Aggregation::Lines) => fits(
            "The lines of a record become lines of the file. Dynamic partitioning must be told to split them.",
        ),
    }
}

fn streaming_table(format: Format) -> Judgement {
    match (format.aggregation, format.encoding) {
        (Aggregation::Kpl, _) => cannot(
            "A channel takes each record as it is and splits none: a streaming table puts an aggregated record into its \
             dead-letter bucket.",
        ),
        (Aggregation::Lines, _) => {
            cannot("A channel takes one JSON value per record, and a record of lines holds several.")
        }
        (Aggregation::None, Encoding::Base64) => cannot(
            "A streaming table takes JSON only, so it puts base64 text into its dead-letter bucket. An S3 channel with the \
             format STRING would store the base64 text.",
        ),
        (Aggregation::None, Encoding::Json) => {
            fits("A streaming table takes JSON only, one value per record; an S3 channel takes it too.")
        }
        (Aggregation::None, Encoding::JsonLines) => fits(
            "It is JSON with a line end behind it, which JSON allows. AWS documents plain JSON: prefer json.",
        ),
    }
}

fn sdk(format: Format) -> Judgement {
    match (format.aggregation, format.encoding) {
        (Aggregation::Kpl, _) => needs(
            "GetRecords and SubscribeToShard return an aggregated record as one binary record: your code needs AWS's \
             de-aggregation module.",
        ),
        (Aggregation::Lines, _) => needs("Your code must split each record at line ends."),
        (Aggregation::None, Encoding::Base64) => needs(
            "Your code must decode base64 once: the SDK has undone the API's own base64, and the bytes are base64 text \
             again.",
        ),
        (Aggregation::None, Encoding::Json) => fits("Your code gets the event's JSON."),
        (Aggregation::None, Encoding::JsonLines) => {
            fits("A JSON parser ignores the line end. The encoding json does the same without it.")
        }
    }
}

fn legacy(format: Format) -> Judgement {
    match (format.encoding, format.aggregation) {
        (Encoding::Base64, Aggregation::None) => {
            fits("It decodes base64 text, as Clickstream and early Segment wrote it.")
        }
        (Encoding::Base64, _) => needs(
            "It does not know aggregated records: it must split them before it decodes base64, as the KCL (2 and later) and \
             Firehose do.",
        ),
        (Encoding::Json | Encoding::JsonLines, _) => cannot(
            "It decodes base64 first, and JSON is not base64: it fails, or gets bytes without a meaning.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One letter per format of [`Format::ALL`]: it fits, works with more code, cannot be decoded.
    #[test]
    fn each_reader_is_judged_for_each_format() {
        let table = [
            (Reader::Lambda, "cffcccc", "json"),
            (Reader::Kcl, "cffcffc", "json"),
            (Reader::Flink, "cffcccc", "json"),
            (Reader::Firehose, "ccfccff", "json-lines"),
            (Reader::StreamingTable, "xffxxxx", "json"),
            (Reader::Sdk, "cffcccc", "json"),
            (Reader::Legacy, "fxxcxxx", "base64"),
        ];
        assert_eq!(table.map(|(reader, ..)| reader), Reader::ALL);
        for (reader, wanted, best) in table {
            let letter = |format| match judge(reader, format).fit {
                Fit::Fits => 'f',
                Fit::NeedsCode => 'c',
                Fit::CannotDecode => 'x',
            };
            assert_eq!(Format::ALL.map(letter).iter().collect::<String>(), wanted, "{reader:?}");
            assert_eq!(recommended(reader).words(), best);
            assert_eq!(judge(reader, recommended(reader)).fit, Fit::Fits, "{reader:?}");
            assert_eq!(Reader::parse(reader.as_str()), Some(reader));
            let count = wanted.chars().filter(|letter| *letter == 'f').count();
            assert_eq!(fitting(reader).len(), count, "{reader:?}");
            for format in Format::ALL {
                let why = judge(reader, format).why;
                assert!(why.ends_with('.') && why.len() < 220, "{reader:?} {format:?}: {why}");
            }
        }
        assert_eq!(Reader::parse(""), None);
    }
}
