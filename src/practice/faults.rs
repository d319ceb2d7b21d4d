//! The fault switches: plain data, set at any time, off by default. The practice stream then fails the way AWS
//! does, so that a user, a demo or a test can watch how nothing is lost.

use super::random::Random;
use std::time::Duration;

/// What goes wrong, and how often. A share is a probability from 0 (never) to 1 (always); more counts as 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Share of `PutRecord` and `PutRecords` calls answered `ProvisionedThroughputExceededException`; nothing is written.
    pub throttle: f32,
    /// Share of the entries of `PutRecords` that fail with `InternalFailure`; the others are written.
    pub fail_records: f32,
    /// Share of all calls answered HTTP 500 `InternalFailure`; nothing is written.
    pub server_error: f32,
    /// Share of all calls whose connection closes without an answer; half of these do their work first.
    pub cut_connection: f32,
    /// Every answer comes this much later; its work is done before the wait.
    pub delay: Duration,
    /// Every call is answered `ExpiredTokenException`.
    pub expired_credentials: bool,
    /// Every call is answered `AccessDeniedException`.
    pub access_denied: bool,
    /// Each shard takes 1,000 records and 1 MiB a second, as on AWS; beyond it, `ProvisionedThroughputExceededException`.
    pub shard_limits: bool,
}

/// How one call ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    Answered,
    ServerError,
    CutBefore,
    CutAfter,
}

impl Faults {
    pub(super) fn ending(&self, random: &Random) -> Ending {
        if random.chance(self.server_error) {
            Ending::ServerError
        } else if random.chance(self.cut_connection) {
            if random.chance(0.5) { Ending::CutBefore } else { Ending::CutAfter }
        } else {
            Ending::Answered
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_faults_every_call_is_answered() {
        let random = Random::seeded(1);
        assert!((0..1000).all(|_| Faults::default().ending(&random) == Ending::Answered));
    }

    #[test]
    fn half_of_the_cut_connections_do_their_work_first() {
        let random = Random::seeded(1);
        let faults = Faults { cut_connection: 1.0, ..Faults::default() };
        let after = (0..1000).filter(|_| faults.ending(&random) == Ending::CutAfter).count();
        let before = (0..1000).filter(|_| faults.ending(&random) == Ending::CutBefore).count();
        assert!((400..600).contains(&after) && (400..600).contains(&before), "{after} {before}");
    }
}
