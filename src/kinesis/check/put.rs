//! The steps `put` and `record`.

use super::{
    run::{Encryption, Failed, RECORD, Run},
    test_record::{KEY, Mode, TestRecord},
};
use crate::{
    config::DestinationKind,
    delivery::{CheckKind, Receipt},
    kinesis::client::Client,
    remedy::{self, Class},
};

/// Tests with AWS's dry run whether a record can be put. The dry run checks existence, permission and parameters, and
/// answers 400 `DryRunOperationException`
/// (<https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html>). Gives the receipt if the server wrote a
/// record all the same.
pub(super) async fn try_put(
    run: &mut Run<'_>,
    client: &Client,
    record: &TestRecord,
) -> Result<Option<Receipt>, Failed> {
    const NAME: &str = "put";
    match record.put(client, Mode::DryRun).await {
        Err(error) if &*error.code == "DryRunOperationException" => {
            let text = if run.config.destination.kind == DestinationKind::Practice {
                "The practice stream takes records. None was written.".to_owned()
            } else {
                format!(
                    "The credentials may put records into the stream. None was written (AWS's dry run).{}",
                    untested_key(run)
                )
            };
            run.passed(NAME, text);
            Ok(None)
        }
        Err(error) if remedy::class_of(&error.code, &error.message, None) == Class::Throttled => {
            let text = format!(
                "Not tested: AWS allows one dry run per second in an account, and this one was over the limit ({error}). \
                 That does not mean that puts fail. Check again in a moment."
            );
            run.skipped(NAME, text);
            Ok(None)
        }
        Err(error) => Err(run.failed(NAME, error)),
        Ok(receipt) => {
            let text = format!(
                "The stream took a record: this server does not know AWS's dry run, so one test record with the key {KEY} \
                 was written."
            );
            run.passed(NAME, text);
            Ok(Some(receipt))
        }
    }
}

/// The dry run does not use the stream's KMS key: only a record shows whether these credentials may use it.
fn untested_key(run: &Run<'_>) -> String {
    const HOW: &str = "Put one test record to be sure (`tributary check --put-record`).";
    match (&run.encryption, run.kind) {
        (Encryption::NoKey, _) | (_, CheckKind::PutOne) => String::new(),
        (Encryption::Key(key), CheckKind::Ask) => format!(" It does not test the KMS key {key}. {HOW}"),
        (Encryption::Unknown, CheckKind::Ask) => format!(
            " Whether a KMS key encrypts the stream is not known, and the dry run does not test it. {HOW}"
        ),
    }
}

/// Puts the record, unless the dry run wrote it already.
pub(super) async fn put_one(
    run: &mut Run<'_>,
    client: &Client,
    record: &TestRecord,
    written: Option<Receipt>,
) -> Result<Receipt, Failed> {
    let receipt = match written {
        Some(receipt) => receipt,
        None => match record.put(client, Mode::Write).await {
            Ok(receipt) => receipt,
            Err(error) => return Err(run.failed(RECORD, error)),
        },
    };
    let Receipt { shard_id, sequence_number, .. } = &receipt;
    run.passed(RECORD, format!("One test record with the key {KEY} is in {shard_id} at {sequence_number}."));
    Ok(receipt)
}
