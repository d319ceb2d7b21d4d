//! A second try for calls that store nothing: one lost answer, one busy second or a clock that is off is no verdict.

use std::{
    error::Error,
    future::Future,
    time::{Duration, Instant},
};

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};

use super::fault_of;
use crate::{
    delivery::AwsError,
    remedy::{self, Class},
};

/// Tries in all of a call that fails, while less than [`TRY_FOR`] has passed.
const FAILING_TRIES: u32 = 4;
const FAILING_PAUSE: Duration = Duration::from_millis(250);

/// AWS allows some calls, its dry run among them, once a second, and everybody in the account shares that.
const BUSY_TRIES: u32 = 6;
const BUSY_PAUSE: Duration = Duration::from_millis(1100);

/// A try that took long is the last one: somebody waits for the answer.
const TRY_FOR: Duration = Duration::from_secs(12);

/// What several tries learned besides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    /// The server's time, less that of this computer, in seconds: where it refused a request for its time.
    pub(super) clock_off: Option<i64>,
}

impl Tries {
    /// Calls until it is answered, or until more tries are no use. `call` must store nothing.
    pub(super) async fn call<T, E, Call>(
        &mut self,
        mut call: impl FnMut() -> Call,
    ) -> Result<T, (AwsError, Option<u16>)>
    where
        Call: Future<Output = Result<T, SdkError<E>>> + Send,
        T: Send,
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let began = Instant::now();
        let mut is_clock_known = false;
        for tries in 1.. {
            let error = match call().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let (fault, status) = fault_of(&error);
            if remedy::is_the_clock(&fault.code, &fault.message) && !is_clock_known {
                // The client has learned from this answer what time it is there.
                is_clock_known = true;
                self.clock_off = clock_off(&error);
                continue;
            }
            match pause(&fault, status, tries, began.elapsed()) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err((fault, status)),
            }
        }
        Err((AwsError::new("NoAnswer", ""), None))
    }
}

/// How long to wait before the next try; `None`: there is none.
pub(super) fn pause(fault: &AwsError, status: Option<u16>, tries: u32, passed: Duration) -> Option<Duration> {
    let (tries_max, pause) = match remedy::class_of(&fault.code, &fault.message, status) {
        // That is how a dry run says that it went well.
        Class::Offline if fault.code.starts_with("DryRunOperation") => return None,
        Class::Throttled => (BUSY_TRIES, BUSY_PAUSE + BUSY_PAUSE.mul_f64(fastrand::f64() / 2.0)),
        Class::Offline => (FAILING_TRIES, FAILING_PAUSE * (1 << tries.min(4))),
        Class::Blocked | Class::Refused => return None,
    };
    (tries < tries_max && passed < TRY_FOR).then_some(pause)
}

/// By the answer's `Date`.
fn clock_off<E>(error: &SdkError<E>) -> Option<i64> {
    let date = error.raw_response()?.headers().get("date")?;
    let format = aws_smithy_types::date_time::Format::HttpDate;
    let there = aws_smithy_types::DateTime::from_str(date, format).ok()?;
    Some(there.secs() - aws_smithy_types::DateTime::from(std::time::SystemTime::now()).secs())
}

/// In words.
pub(super) fn clock_words(off: i64) -> String {
    let (minutes, direction) = (off.unsigned_abs().div_ceil(60), if off > 0 { "slow" } else { "fast" });
    let minutes = if minutes == 1 { "1 minute".to_owned() } else { format!("{minutes} minutes") };
    format!(
        "This computer's clock is about {minutes} {direction}: requests are signed with the server's time instead. Set \
         the clock (NTP), since events are stamped with it."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_for_a_while_and_what_needs_its_user_is_not() {
        let again = |code: &str, tries, seconds| {
            pause(&AwsError::new(code, ""), None, tries, Duration::from_secs(seconds)).is_some()
        };
        assert!(again("ServiceUnavailable", 1, 0) && again("ConnectionLost", 3, 2));
        assert!(!again("ServiceUnavailable", 4, 2) && !again("NoAnswer", 1, 15));
        assert!(again("LimitExceededException", 5, 6) && !again("LimitExceededException", 6, 8));
        for code in ["AccessDeniedException", "DryRunOperationException", "ResourceNotFoundException"] {
            assert!(!again(code, 1, 0), "{code}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_named_with_its_direction() {
        assert!(clock_words(600).starts_with("This computer's clock is about 10 minutes slow"));
        assert!(clock_words(-61).starts_with("This computer's clock is about 2 minutes fast"));
    }
}
