//! The state that a reset by the control path brings back.

use super::faults::Faults;

/// Streams and faults as at the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Initial {
    /// Names and numbers of shards, each checked (`check_stream`); 500 shards at most in all.
    pub streams: Vec<(String, u32)>,
    /// The fault switches, also at the start.
    pub faults: Faults,
}
