//! Errors as AWS words them: a code, a message and an HTTP status, one value for each call or record.

use super::token::LIFETIME_MS;

/// Why a call failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl ApiError {
    fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// Parameters that break the service model; [`super::checks`] writes the message.
    pub(super) fn validation(message: String) -> Self {
        Self::client("ValidationException", message)
    }

    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::client("InvalidArgumentException", message)
    }

    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::client("SerializationException", message)
    }

    pub(super) fn no_stream(name: &str, account: &str) -> Self {
        Self::client("ResourceNotFoundException", format!("Stream {name} under account {account} not found."))
    }

    pub(super) fn no_shard(shard: &str, name: &str, account: &str) -> Self {
        let message = format!("Shard {shard} in stream {name} under account {account} does not exist");
        Self::client("ResourceNotFoundException", message)
    }

    /// A shard to split or merge does not exist. AWS words it differently for a shard to read: [`Self::no_shard`].
    pub(super) fn shard_not_found(shard: &str, name: &str, account: &str) -> Self {
        let message = format!("Could not find shard {shard} in stream {name} under account {account}.");
        Self::client("ResourceNotFoundException", message)
    }

    pub(super) fn closed_shard(shard: &str, name: &str, account: &str) -> Self {
        Self::argument(format!(
            "Shard {shard} in stream {name} under account {account} has already been merged or split, and thus is not \
             eligible for merging or splitting."
        ))
    }

    pub(super) fn in_use(message: String) -> Self {
        Self::client("ResourceInUseException", message)
    }

    pub(super) fn limit(message: String) -> Self {
        Self::client("LimitExceededException", message)
    }

    /// `consumer`: its name or its ARN.
    pub(super) fn no_consumer(consumer: &str, account: &str) -> Self {
        Self::client(
            "ResourceNotFoundException",
            format!("Consumer {consumer}, account {account} not found."),
        )
    }

    pub(super) fn stream_exists(name: &str, account: &str) -> Self {
        Self::in_use(format!("Stream {name} under account {account} already exists."))
    }

    pub(super) fn shard_quota(account: &str, used: usize, asked: u32, limit: usize) -> Self {
        let message = format!(
            "This request would exceed the shard limit for the account {account}. Current shard count for the \
             account: {used}. Limit: {limit}. Number of additional shards that would have resulted from this \
             request: {asked}."
        );
        Self::client("LimitExceededException", message)
    }

    /// A limit of the practice stream alone: AWS forgets closed shards after a time.
    pub(super) fn many_shards(name: &str, account: &str, limit: usize) -> Self {
        let message = format!(
            "Stream {name} under account {account} has had {limit} shards, the closed ones included. The practice \
             stream keeps no more: delete the stream and create it again."
        );
        Self::client("LimitExceededException", message)
    }

    pub(super) fn expired_iterator(issued_ms: u64, now_ms: u64) -> Self {
        let message = format!(
            "Iterator expired. The iterator was created at time {issued_ms} while right now it is {now_ms} which is \
             further in the future than the tolerated delay of {LIFETIME_MS} milliseconds."
        );
        Self::client("ExpiredIteratorException", message)
    }

    pub(super) fn expired_next_token() -> Self {
        Self::client("ExpiredNextTokenException", "The pagination token is expired.")
    }

    pub(super) fn throttled(shard: &str, name: &str, account: &str) -> Self {
        let message = format!("Rate exceeded for shard {shard} in stream {name} under account {account}.");
        Self::client("ProvisionedThroughputExceededException", message)
    }

    pub(super) fn dry_run() -> Self {
        Self::client(
            "DryRunOperationException",
            "The request would have succeeded, but the DryRun parameter was set.",
        )
    }

    pub(super) fn unknown_operation(status: u16) -> Self {
        Self {
            status,
            code: "UnknownOperationException",
            message: "The practice stream has no such operation.".into(),
        }
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        let message = format!("The body of a request may have at most {bytes_max} bytes.");
        Self { status: 413, code: "RequestEntityTooLargeException", message }
    }

    /// The body did not arrive in time.
    pub(super) fn slow_body() -> Self {
        let message = "The body of the request did not arrive in time.";
        Self { status: 408, code: "RequestTimeoutException", message: message.into() }
    }

    pub(super) fn too_many_connections() -> Self {
        let message = "The practice stream has its maximum number of connections: use fewer at a time.";
        Self { status: 503, code: "ServiceUnavailable", message: message.into() }
    }

    pub(super) fn server_error() -> Self {
        Self { status: 500, code: "InternalFailure", message: "Internal service failure.".into() }
    }

    pub(super) fn forbidden(message: &str) -> Self {
        Self { status: 403, code: "AccessDeniedException", message: message.into() }
    }

    pub(super) fn access_denied(operation: &str, account: &str) -> Self {
        let message = format!(
            "User: arn:aws:iam::{account}:user/practice is not authorized to perform: kinesis:{operation} \
             because no identity-based policy allows the kinesis:{operation} action"
        );
        Self::client("AccessDeniedException", message)
    }

    pub(super) fn no_credentials() -> Self {
        Self::client("MissingAuthenticationTokenException", "Missing Authentication Token")
    }

    pub(super) fn incomplete_signature(message: String) -> Self {
        Self::client("IncompleteSignatureException", message)
    }

    pub(super) fn unrecognized_client() -> Self {
        Self::client("UnrecognizedClientException", "The security token included in the request is invalid.")
    }

    pub(super) fn expired_credentials() -> Self {
        Self::client("ExpiredTokenException", "The security token included in the request is expired")
    }
}
