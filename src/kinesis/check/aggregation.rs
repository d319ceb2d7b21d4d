//! The step `aggregation`: whether events that share a record reach a reader.

use super::{
    read_back::{self, ReadBack},
    run::{Failed, Run},
    test_record::{Mode, TestRecord},
};
use crate::{
    delivery::{AwsError, CheckKind, Receipt, error_code},
    event::{Aggregation, parts},
    kinesis::client::Client,
};

const NAME: &str = "aggregation";

/// Checks how the stream spreads records, and with [`CheckKind::PutOne`] also puts a record of two events.
pub(super) async fn check(run: &mut Run<'_>, client: &Client) -> Result<(), Failed> {
    let is_kpl = run.config.destination.aggregation == Aggregation::Kpl;
    if run.facts.is_some_and(|facts| facts.spreads_keys) {
        if is_kpl {
            let said = "the stream's record distribution is AUTO";
            return Err(run.failed(NAME, AwsError::new(error_code::AGGREGATION_NOT_SUPPORTED, said)));
        }
        // No reader asks for the hash key of lines, so none of them would be lost.
        let text = "The stream spreads records over its shards by itself (record distribution AUTO): Tributary puts one event \
                    in each record there.";
        run.skipped(NAME, text);
        return Ok(());
    }
    let distribution = match run.facts {
        _ if !is_kpl => "",
        Some(_) => " The stream does not spread records by itself, which aggregated ones need.",
        None => {
            " Whether the stream spreads records by itself (record distribution AUTO), where the KCL drops aggregated ones, \
             is not known: describing it was not possible (kinesis:DescribeStreamSummary)."
        }
    };
    if run.kind == CheckKind::PutOne {
        return put(run, client, distribution).await;
    }
    let text = format!(
        "No aggregated record was put: that comes with the test record (`tributary check --put-record`).{distribution}"
    );
    if is_kpl && run.facts.is_some() {
        run.passed(NAME, text);
    } else {
        run.skipped(NAME, text);
    }
    Ok(())
}

async fn put(run: &mut Run<'_>, client: &Client, distribution: &str) -> Result<(), Failed> {
    let (record, events) = TestRecord::of_two_events(run.config);
    let receipt = match record.put(client, Mode::Write).await {
        Ok(receipt) => receipt,
        Err(error) => return Err(run.failed(NAME, error)),
    };
    let (key, Receipt { shard_id, sequence_number, .. }) = (&*record.key, &receipt);
    let text =
        format!("Two test events are in one record with the key {key}, in {shard_id} at {sequence_number}.");
    match read_back::read(client, &receipt).await {
        ReadBack::Data(found) => {
            let read: Vec<_> = parts(&key.into(), &found).iter().map(|part| part.stored.to_vec()).collect();
            let (put, found) = (record.data.len(), found.len());
            if read != events {
                let count = read.len();
                let said = format!("2 events were put in {put} bytes, and {count} were read in {found}");
                return Err(run.failed(NAME, AwsError::new(error_code::RECORD_DIFFERS, said)));
            }
            run.passed(NAME, format!("{text} {}{distribution}", what_readers_get(run, put)));
            Ok(())
        }
        ReadBack::Skipped(why) => {
            run.skipped(NAME, format!("{text} {why}{distribution}"));
            Ok(())
        }
        ReadBack::Failed(error) => Err(run.failed(NAME, error)),
    }
}

fn what_readers_get(run: &Run<'_>, bytes: usize) -> String {
    match run.config.destination.aggregation {
        Aggregation::Kpl => format!(
            "A KCL reader gets 2 events, and so does Firehose; a reader without de-aggregation gets one binary record of \
             {bytes} bytes."
        ),
        Aggregation::Lines | Aggregation::None => format!(
            "A reader gets one record of 2 lines, {bytes} bytes; one that splits records at line ends gets 2 events."
        ),
    }
}
