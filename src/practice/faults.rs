//! The fault switches: plain data, set at any time, off by default. The practice stream then fails as AWS does, so that
//! a user, a demo or a test can watch that nothing is lost.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What goes wrong, and how often. A share is a probability from 0 (never) to 1 (always); more counts as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Faults {
    /// Share of `PutRecord` and `PutRecords` calls answered `ProvisionedThroughputExceededException`; nothing is written.
    pub throttle: f32,
    /// Share of the entries of `PutRecords` that fail with `InternalFailure`; the others are written.
    pub fail_records: f32,
    /// Share of all calls answered HTTP 500 `InternalFailure`; nothing is written.
    pub server_error: f32,
    /// Share of all calls whose connection closes without an answer; half of them do their work first.
    pub cut_connection: f32,
    /// Each answer is sent this much later, after its work is done.
    pub delay: Duration,
    /// Every call is answered `ExpiredTokenException`.
    pub expired_credentials: bool,
    /// Every call is answered `AccessDeniedException`.
    pub access_denied: bool,
    /// Maximum bytes (data and partition key) of a record; a larger one is refused for good, as beyond the stream's own
    /// maximum, which the descriptions of the stream still name. `None`: the stream's own.
    pub record_bytes_max: Option<usize>,
    /// Each shard takes 1,000 records and 1 MiB a second and gives 5 answers to `GetRecords` and 2 MiB a second, as on AWS;
    /// beyond that, `ProvisionedThroughputExceededException`.
    pub shard_limits: bool,
}

/// How one call ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    Answered,
    ServerError,
    /// The connection closes and nothing was done.
    CutBefore,
    /// The connection closes after the work was done.
    CutAfter,
}

impl Faults {
    pub(super) fn ending(&self) -> Ending {
        if chance(self.server_error) {
            Ending::ServerError
        } else if chance(self.cut_connection) {
            if chance(0.5) { Ending::CutBefore } else { Ending::CutAfter }
        } else {
            Ending::Answered
        }
    }
}

/// True for that share of calls: never at 0, always at 1.
pub(super) fn chance(share: f32) -> bool {
    fastrand::f64() < f64::from(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_kept_and_its_ends_are_certain() {
        fastrand::seed(7);
        let hits = |share| (0..10_000).filter(|_| chance(share)).count();
        assert_eq!((hits(0.0), hits(-1.0), hits(f32::NAN), hits(1.0), hits(9.0)), (0, 0, 0, 10_000, 10_000));
        assert!((2_300..2_700).contains(&hits(0.25)));
    }

    #[test]
    fn without_faults_every_call_is_answered() {
        assert!((0..1000).all(|_| Faults::default().ending() == Ending::Answered));
    }

    #[test]
    fn half_of_the_cut_connections_do_their_work_first() {
        fastrand::seed(1);
        let faults = Faults { cut_connection: 1.0, ..Faults::default() };
        let after = (0..1000).filter(|_| faults.ending() == Ending::CutAfter).count();
        let before = (0..1000).filter(|_| faults.ending() == Ending::CutBefore).count();
        assert!((400..600).contains(&after) && (400..600).contains(&before), "{after} {before}");
    }
}
