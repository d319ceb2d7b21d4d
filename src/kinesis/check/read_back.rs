//! The step `read-back`. The default policy does not permit reading, so a refusal is no failure.

use super::{
    run::{Failed, Run},
    test_record::TestRecord,
};
use crate::{
    delivery::{AwsError, Receipt, error_code},
    kinesis::{
        client::Client,
        error::CallError,
        read_one::{FOR_A_CHECK, record_at},
    },
    remedy::{self, Class},
};

/// The result of reading back a record that was put.
pub(super) enum ReadBack {
    /// Its data.
    Data(Vec<u8>),
    /// It could not be read, for a reason that says nothing about putting.
    Skipped(String),
    Failed(AwsError),
}

/// Reads the record at a receipt.
pub(super) async fn read(client: &Client, receipt: &Receipt) -> ReadBack {
    match record_at(client.sdk(), client.target(), receipt, FOR_A_CHECK).await {
        Ok(Some(record)) => ReadBack::Data(record.data.to_vec()),
        Ok(None) => {
            let said = format!("no record at {} in {}", receipt.sequence_number, receipt.shard_id);
            ReadBack::Failed(AwsError::new(error_code::RECORD_MISSING, said))
        }
        Err(failure) => match why_skipped(&failure) {
            Some(why) => ReadBack::Skipped(why),
            None => ReadBack::Failed(failure.error),
        },
    }
}

/// Compares the record in the stream with the record that was put.
pub(super) async fn compare(
    run: &mut Run<'_>,
    client: &Client,
    record: &TestRecord,
    receipt: &Receipt,
) -> Result<(), Failed> {
    const NAME: &str = "read-back";
    match read(client, receipt).await {
        ReadBack::Data(found) if found == record.data => {
            run.passed(NAME, format!("A consumer gets the same {} bytes.", found.len()));
            Ok(())
        }
        ReadBack::Data(found) => {
            let (put, found) = (record.data.len(), found.len());
            let said = format!("{put} bytes were put, and {found} other bytes were read");
            Err(run.failed(NAME, AwsError::new(error_code::RECORD_DIFFERS, said)))
        }
        ReadBack::Skipped(why) => {
            run.skipped(NAME, why);
            Ok(())
        }
        ReadBack::Failed(error) => Err(run.failed(NAME, error)),
    }
}

/// Why the record could not be read, if that says nothing about putting.
fn why_skipped(failure: &CallError) -> Option<String> {
    let CallError { error, http_status } = failure;
    let permission = match &*error.code {
        "AccessDeniedException" => "kinesis:GetShardIterator, kinesis:GetRecords",
        "KMSAccessDeniedException" => "kms:Decrypt",
        // The readers of a shard share five reads a second, and an outage may have begun after the put.
        _ => match remedy::class_of(&error.code, &error.message, *http_status) {
            Class::Throttled | Class::Offline => {
                return Some(format!(
                    "The record was put, but not read back ({error}). Delivery does not need it."
                ));
            }
            Class::Blocked | Class::Refused => return None,
        },
    };
    Some(format!("Reading is not permitted ({permission}). Delivery does not need it."))
}
