//! AWS's answers to puts, as [`Outcome`]s.

use std::{error::Error, sync::Arc};

use aws_sdk_kinesis::{
    error::{ProvideErrorMetadata, SdkError},
    operation::put_records::PutRecordsOutput,
};

use super::error::{CallError, call_error, redacted};
use crate::{
    delivery::{AwsError, Outcome, Receipt, error_code},
    remedy,
};

/// Whether one record of a refused request may be the cause of the refusal. The error itself does not tell.
pub fn may_be_the_records(error: &AwsError) -> bool {
    remedy::may_be_the_records(error)
}

/// Whether a request was refused because of the time of its signature. Keep the client then: it has learned the
/// server's time from the answer, so the server accepts its next request.
pub fn is_the_clock(error: &AwsError) -> bool {
    remedy::is_the_clock(&error.code, &error.message)
}

/// Whether the record cannot have been written: there was no connection, or there were no keys to sign with.
pub fn was_not_sent(error: &AwsError) -> bool {
    &*error.code == error_code::CONNECTION_FAILED || error.code.starts_with("Credentials")
}

/// One outcome for each record, by position, as AWS documents. If the answer has another number of records, every
/// outcome is [`Outcome::Offline`].
pub(super) fn outcomes(output: &PutRecordsOutput, count: usize) -> Vec<Outcome> {
    let answers = output.records();
    if answers.len() != count {
        let message = format!("{count} records were sent, and the answer has results for {}", answers.len());
        return vec![Outcome::Offline(AwsError::new(error_code::UNCLEAR_ANSWER, message)); count];
    }
    // Most records of a call go to few shards, so consecutive outcomes share one allocation of the shard's name.
    let mut shard: Arc<str> = Arc::default();
    let each = answers.iter().map(|answer| {
        if let Some(code) = answer.error_code() {
            return failed(&CallError::unanswered(code, answer.error_message().unwrap_or_default()));
        }
        let shard_id = answer.shard_id().unwrap_or_default();
        if *shard != *shard_id {
            shard = shard_id.into();
        }
        stored(Arc::clone(&shard), answer.sequence_number().unwrap_or_default())
    });
    each.collect()
}

/// A success. `200 {}` is no delivery: only an answer with shard and sequence number is.
pub(super) fn stored(shard_id: Arc<str>, sequence_number: &str) -> Outcome {
    if shard_id.is_empty() || sequence_number.is_empty() {
        let message = "the answer was a success that names no shard and sequence number";
        return Outcome::Offline(AwsError::new(error_code::UNCLEAR_ANSWER, message));
    }
    Outcome::Delivered(Receipt { shard_id, sequence_number: sequence_number.into(), place: None })
}

/// The outcome for each record of a failed call.
pub(super) fn outcome_of<E>(error: &SdkError<E>) -> Outcome
where
    E: ProvideErrorMetadata + Error + 'static,
{
    failed(&call_error(error))
}

/// What a failure means for the record, by the table of `remedy`.
pub(super) fn failed(failure: &CallError) -> Outcome {
    let CallError { error: AwsError { code, message, .. }, http_status } = failure;
    let error = AwsError::new(Arc::clone(code), redacted(message));
    remedy::class_of(code, message, *http_status).outcome(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_shard_or_sequence_number_is_no_delivery() {
        for (shard, sequence) in [("", ""), ("shardId-000000000000", ""), ("", "4959")] {
            assert!(matches!(stored(shard.into(), sequence), Outcome::Offline(_)), "{shard:?} {sequence:?}");
        }
        assert!(matches!(stored("shardId-000000000000".into(), "4959"), Outcome::Delivered(_)));
    }

    #[test]
    fn an_answer_about_another_number_of_records_delivers_none() {
        let entry = aws_sdk_kinesis::types::PutRecordsResultEntry::builder()
            .shard_id("shardId-000000000000")
            .sequence_number("1")
            .build();
        let output = PutRecordsOutput::builder().records(entry).build().expect("one entry");
        for outcome in outcomes(&output, 2) {
            assert!(matches!(outcome, Outcome::Offline(fault) if &*fault.code == error_code::UNCLEAR_ANSWER));
        }
    }
}
