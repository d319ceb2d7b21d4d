//! Retries of calls that store nothing, such as those of a check: a lost answer, a busy second or a wrong clock must not
//! decide the result.

use std::{
    error::Error,
    future::Future,
    time::{Duration, Instant},
};

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::{DateTime, date_time::Format};

use super::error::{CallError, call_error};
use crate::{
    delivery::AwsError,
    remedy::{self, Class},
};

/// Maximum attempts of a call that fails.
const FAILING_ATTEMPTS_MAX: u32 = 4;
/// Pause after the first failed attempt. It doubles after each further one.
const FAILING_PAUSE: Duration = Duration::from_millis(500);

/// Maximum attempts of a throttled call. AWS limits some calls, such as its dry run, to one a second for the whole account.
const THROTTLED_ATTEMPTS_MAX: u32 = 6;
const THROTTLED_PAUSE: Duration = Duration::from_millis(1100);

/// No retry begins after this time: somebody waits for the answer.
const RETRY_FOR: Duration = Duration::from_secs(12);

/// The attempts of one call.
pub(super) struct Attempts {
    began: Instant,
    made: u32,
    is_clock_corrected: bool,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Repeat the call at once: the client learned the server's time from the answer, so the server accepts the next one.
    AtOnce,
    /// The same call after this pause.
    After(Duration),
    /// No retry would help, or the call was retried long enough.
    GiveUp,
}

impl Attempts {
    /// Before the first attempt.
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), made: 0, is_clock_corrected: false }
    }

    /// What to do after an attempt with this failure.
    pub(super) fn failed(&mut self, failure: &CallError) -> Next {
        self.made += 1;
        let AwsError { code, message } = &failure.error;
        if !self.is_clock_corrected && remedy::is_the_clock(code, message) {
            self.is_clock_corrected = true;
            return Next::AtOnce;
        }
        pause(failure, self.made, self.began.elapsed()).map_or(Next::GiveUp, Next::After)
    }
}

/// How long to wait after `made` attempts within `elapsed`; `None`: give up.
fn pause(failure: &CallError, made: u32, elapsed: Duration) -> Option<Duration> {
    let AwsError { code, message } = &failure.error;
    let (attempts_max, pause) = match remedy::class_of(code, message, failure.http_status) {
        // This is how AWS reports that a dry run succeeded.
        Class::Offline if code.starts_with("DryRunOperation") => return None,
        Class::Throttled => {
            (THROTTLED_ATTEMPTS_MAX, THROTTLED_PAUSE + THROTTLED_PAUSE.mul_f64(fastrand::f64() / 2.0))
        }
        Class::Offline => (FAILING_ATTEMPTS_MAX, FAILING_PAUSE * (1 << (made - 1).min(3))),
        Class::Blocked | Class::Refused => return None,
    };
    (made < attempts_max && elapsed < RETRY_FOR).then_some(pause)
}

/// Seconds by which the server's clock is ahead of this computer's. `None`: no call was refused for its time.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ClockOffset(pub(super) Option<i64>);

/// Calls until an attempt is answered or [`Attempts`] gives up. `call` must store nothing.
pub(super) async fn retried<T, E, Call>(
    clock: &mut ClockOffset,
    mut call: impl FnMut() -> Call,
) -> Result<T, CallError>
where
    Call: Future<Output = Result<T, SdkError<E>>> + Send,
    T: Send,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let mut attempts = Attempts::new();
    loop {
        let error = match call().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let failure = call_error(&error);
        match attempts.failed(&failure) {
            Next::AtOnce => clock.0 = offset_of(&error),
            Next::After(pause) => tokio::time::sleep(pause).await,
            Next::GiveUp => return Err(failure),
        }
    }
}

/// The offset that the answer's `Date` header shows.
fn offset_of<E>(error: &SdkError<E>) -> Option<i64> {
    let date = error.raw_response()?.headers().get("date")?;
    let server = DateTime::from_str(date, Format::HttpDate).ok()?;
    Some(server.secs() - DateTime::from(std::time::SystemTime::now()).secs())
}

impl ClockOffset {
    /// Tells the user about an offset in seconds, and what to do.
    pub(super) fn advice(seconds: i64) -> String {
        let minutes = seconds.unsigned_abs().div_ceil(60);
        let minutes = if minutes == 1 { "1 minute".to_owned() } else { format!("{minutes} minutes") };
        let direction = if seconds > 0 { "slow" } else { "fast" };
        format!(
            "This computer's clock is about {minutes} {direction}: requests are signed with the server's time instead. Set \
             the clock (NTP), since events are stamped with it."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_for_a_while_and_what_needs_its_user_is_not() {
        let again = |code: &str, made, seconds| {
            pause(&CallError::unanswered(code, ""), made, Duration::from_secs(seconds)).is_some()
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
        assert!(ClockOffset::advice(600).starts_with("This computer's clock is about 10 minutes slow"));
        assert!(ClockOffset::advice(-61).starts_with("This computer's clock is about 2 minutes fast"));
    }
}
