//! What a reader needs besides a format that it can decode.

use super::{format::Format, who::Reader};
use crate::event::Aggregation;

const REPEATS: &str = "Drop repeats by `messageId`: a record may come more than once.";
const MODULE: &str =
    "AWS's de-aggregation module: `aws-kinesis-agg` (npm, PyPI), or awslabs' `kinesis-aggregation` for Java.";

/// What a reader needs besides the format, each in a sentence.
pub fn needs(reader: Reader, format: Format) -> Vec<&'static str> {
    let is_kpl = format.aggregation == Aggregation::Kpl;
    let module = is_kpl.then_some(MODULE);
    let mut all: Vec<&'static str> = match reader {
        Reader::Lambda => {
            let order = "Keep `ParallelizationFactor` at 1 if the order per user matters.";
            let failures = "Report failures one by one (`ReportBatchItemFailures`), so that one bad record does not \
                            repeat its whole batch.";
            let factor = (format.aggregation != Aggregation::None).then_some(order);
            [Some(failures), module, factor].into_iter().flatten().collect()
        }
        Reader::Kcl => vec![
            "KCL 3: the KCL 1.x and the KPL 0.x are out of support since 2026-01-30.",
            "Rights for its own tables in DynamoDB and for CloudWatch metrics.",
            "Python and Node run on the KCL's MultiLangDaemon, which needs Java.",
        ],
        Reader::Flink => {
            let connector = "The connector for Kinesis Data Streams (`KinesisStreamsSource`; `'connector' = 'kinesis'` \
                             in SQL).";
            std::iter::once(connector).chain(module).collect()
        }
        Reader::Firehose => vec![
            "This stream as Firehose's source. Its role needs the rights to read the stream.",
            "For Parquet or ORC: a Glue table, and JSON.",
        ],
        Reader::StreamingTable => vec![
            "An on-demand stream, and a role that Kinesis may pass (`iam:PassRole`).",
            "For a table: a JSON schema in the Glue Schema Registry and a dead-letter bucket; the AWS-managed key \
             `aws/kinesis` is refused.",
            "Data arrives after 5 to 15 minutes, and only what was put after the channel became active.",
        ],
        Reader::Sdk => {
            let rights =
                "The rights `kinesis:ListShards`, `kinesis:GetShardIterator` and `kinesis:GetRecords`.";
            std::iter::once(rights).chain(module).collect()
        }
        Reader::Legacy => {
            let json = "JSON is a quarter smaller and suits every newer reader, if you can change this one.";
            module.into_iter().chain([json]).collect()
        }
    };
    all.push(REPEATS);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Encoding;

    #[test]
    fn whoever_reads_aggregated_records_without_help_is_told_of_the_module() {
        for reader in Reader::ALL {
            let of = |aggregation| needs(reader, Format::new(Encoding::Json, aggregation));
            let wants_module =
                matches!(reader, Reader::Lambda | Reader::Flink | Reader::Sdk | Reader::Legacy);
            assert_eq!(of(Aggregation::Kpl).contains(&MODULE), wants_module, "{reader:?}");
            assert!(!of(Aggregation::None).contains(&MODULE), "{reader:?}");
            assert_eq!(of(Aggregation::None).last(), Some(&REPEATS), "{reader:?}");
        }
        let kcl = needs(Reader::Kcl, Format::new(Encoding::Json, Aggregation::None));
        assert!(kcl[0].contains("2026-01-30"));
    }
}
