//! What is known of the stream, held against the format of its records.

use super::{
    fit::{Fit, Judgement, judge},
    format::Format,
    who::Reader,
};
use crate::event::Aggregation;

/// What `DescribeStreamSummary` says about the stream's own readers and its distribution of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Channels that read it: streaming tables and deliveries to S3.
    pub channels: u32,
    /// It spreads records over its shards by itself (record distribution `AUTO`).
    pub spreads_keys: bool,
}

/// What in a stream contradicts this format, whoever else reads it. `None`: nothing that is known.
pub fn conflict(known: Known, format: Format) -> Option<Judgement> {
    let table = judge(Reader::StreamingTable, format);
    if known.channels > 0 && table.fit == Fit::CannotDecode {
        return Some(table);
    }
    match format.aggregation {
        // AWS does not support aggregation there
        // (<https://docs.aws.amazon.com/streams/latest/dev/service-managed-pk-producing-behavior.html>).
        Aggregation::Kpl | Aggregation::Lines if known.spreads_keys => Some(Judgement {
            fit: Fit::CannotDecode,
            why: "The stream spreads records by itself (record distribution AUTO), and AWS does not support aggregation \
                  there: Tributary puts one event in each record, and the KCL would drop aggregated ones.",
        }),
        Aggregation::Kpl | Aggregation::Lines | Aggregation::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_want_json_and_a_stream_that_spreads_records_wants_no_aggregation() {
        let plain = Known::default();
        let channels = Known { channels: 1, ..plain };
        let auto = Known { spreads_keys: true, ..plain };
        // One digit per format of `Format::ALL`.
        for (known, wanted) in [(plain, "0000000"), (channels, "1001111"), (auto, "0001111")] {
            let found = Format::ALL.map(|format| if conflict(known, format).is_some() { '1' } else { '0' });
            assert_eq!(found.iter().collect::<String>(), wanted, "{known:?}");
        }
    }
}
