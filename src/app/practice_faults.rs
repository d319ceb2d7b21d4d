//! The faults of the practice stream that the user can switch on, by name. Pure.

use std::time::Duration;

use crate::engine::Faults;

/// The strength of each fault: the share of requests, records or answers that it affects, or a delay.
const THROTTLED: f32 = 0.5;
const FAILED: f32 = 0.3;
const CUT_OFF: f32 = 0.3;
const SLOW: Duration = Duration::from_secs(2);
/// More than the test events have, and less than an event with a long text.
const RECORD_BYTES_MAX: usize = 1024;

/// Why a fault cannot be switched on.
pub(super) const NEEDS_PRACTICE: &str = "Practice faults need the practice stream as the destination";
/// The name of the switch that deletes the stream. It is not a [`PracticeFault`], because the records are lost for good.
pub(super) const DELETE_STREAM: &str = "Delete the stream";

/// A fault with a switch of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PracticeFault {
    Throttle,
    FailPartOfBatch,
    CutConnection,
    ExpireCredentials,
    SlowAnswers,
    RefuseLargeRecords,
}

impl PracticeFault {
    pub(super) const ALL: [Self; 6] = [
        Self::Throttle,
        Self::FailPartOfBatch,
        Self::CutConnection,
        Self::ExpireCredentials,
        Self::SlowAnswers,
        Self::RefuseLargeRecords,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Throttle => "Throttle",
            Self::FailPartOfBatch => "Fail a part of each batch",
            Self::CutConnection => "Cut the connection",
            Self::ExpireCredentials => "Expire the credentials",
            Self::SlowAnswers => "Slow answers",
            Self::RefuseLargeRecords => "Refuse large records",
        }
    }

    /// The effect of the fault, as a text for the user.
    pub(super) fn effect(self) -> &'static str {
        match self {
            Self::Throttle => "Half of the puts are refused, as by a stream over its throughput limit",
            Self::FailPartOfBatch => "Three in ten records of a batch fail; the others are stored",
            Self::CutConnection => {
                "Three in ten answers never arrive; half of those records are stored anyway"
            }
            Self::ExpireCredentials => "Every call is refused, as by AWS when temporary keys have expired",
            Self::SlowAnswers => "Each answer takes two seconds",
            Self::RefuseLargeRecords => {
                "Records over 1 KiB fail, as on AWS those over the stream's maximum (1 MiB or more)"
            }
        }
    }

    pub(super) fn is_on(self, faults: &Faults) -> bool {
        match self {
            Self::Throttle => faults.throttle > 0.0,
            Self::FailPartOfBatch => faults.fail_records > 0.0,
            Self::CutConnection => faults.cut_connection > 0.0,
            Self::ExpireCredentials => faults.expired_credentials,
            Self::SlowAnswers => !faults.delay.is_zero(),
            Self::RefuseLargeRecords => faults.record_bytes_max.is_some(),
        }
    }

    pub(super) fn set(self, faults: &mut Faults, on: bool) {
        let share = |share| if on { share } else { 0.0 };
        match self {
            Self::Throttle => faults.throttle = share(THROTTLED),
            Self::FailPartOfBatch => faults.fail_records = share(FAILED),
            Self::CutConnection => faults.cut_connection = share(CUT_OFF),
            Self::ExpireCredentials => faults.expired_credentials = on,
            Self::SlowAnswers => faults.delay = if on { SLOW } else { Duration::ZERO },
            Self::RefuseLargeRecords => faults.record_bytes_max = on.then_some(RECORD_BYTES_MAX),
        }
    }
}

/// The names of all faults that are on, including those that only tests switch on.
pub(super) fn names_on(faults: &Faults, is_stream_missing: bool) -> Vec<&'static str> {
    let mut names: Vec<_> =
        PracticeFault::ALL.into_iter().filter(|fault| fault.is_on(faults)).map(PracticeFault::name).collect();
    let others = [
        (faults.access_denied, "No permission"),
        (faults.server_error > 0.0, "Internal errors"),
        (faults.shard_limits, "Shard limits"),
        (is_stream_missing, "Stream deleted"),
    ];
    names.extend(others.into_iter().filter(|(is_on, _)| *is_on).map(|(_, name)| name));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_switch_switches_its_own_fault_on_and_off() {
        for fault in PracticeFault::ALL {
            let mut faults = Faults::default();
            assert!(!fault.is_on(&faults), "{fault:?}");
            fault.set(&mut faults, true);
            assert!(fault.is_on(&faults), "{fault:?}");
            let others = PracticeFault::ALL.iter().filter(|other| other.is_on(&faults)).count();
            assert_eq!(others, 1, "{fault:?}");
            fault.set(&mut faults, false);
            assert_eq!(faults, Faults::default(), "{fault:?}");
        }
    }
}
