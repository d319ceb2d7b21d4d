//! How long a call may take. By default the SDK waits for an answer for ever.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;

/// For the TCP and TLS handshake.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How long a call waits for the answer by default. Kinesis answers in milliseconds, so this is an outage.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// What a call may take beyond the wait for the answer: to connect, and to send and read large bodies.
const BEYOND_ANSWER: Duration = Duration::from_secs(5);

/// Timeouts of a client that waits that long for an answer.
pub(crate) fn timeouts(answer: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(answer)
        .operation_attempt_timeout(answer + BEYOND_ANSWER)
        .build()
}
