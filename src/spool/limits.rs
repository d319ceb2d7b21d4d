//! What bounds the spool, and how one source's share of it is computed.

use crate::config;

/// Limits of the spool; they may change while it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum JSON bytes of queued and failed events.
    pub max_bytes: u64,
    /// Bytes that stay free on the disk.
    pub min_free_bytes: u64,
    /// The most that one source may hold of `max_bytes` while no other source holds anything, in percent; 100: no limit
    /// by source. With several sources each may hold that part of what the others leave free.
    pub max_source_percent: u8,
    /// Delivered and resent lines kept in the log.
    pub keep_events: u64,
    /// Rejected lines kept in the log.
    pub keep_rejected: u64,
    /// An event whose `messageId` was accepted before becomes a rejected line instead of being forwarded again.
    pub drop_repeats: bool,
}

impl From<&config::Config> for Limits {
    fn from(config: &config::Config) -> Self {
        // Requests without a write key count as one more source.
        let senders = config.capture.sources.len() + usize::from(!config.capture.require_write_key);
        Self {
            max_bytes: config.spool.max_bytes,
            min_free_bytes: config.spool.min_free_bytes,
            // A single sender has nobody to leave room for.
            max_source_percent: if senders < 2 { 100 } else { config.spool.max_source_percent },
            keep_events: config.log.keep_events,
            keep_rejected: config.log.keep_rejected,
            drop_repeats: config.capture.drop_repeats,
        }
    }
}

/// What a source holds of the spool, and may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// JSON bytes of its queued and failed events.
    pub bytes: u64,
    /// The most bytes that it may hold while the other sources hold what they hold now.
    pub limit: u64,
}

/// The most bytes that one source may hold while `free` bytes are free: `percent / (100 - percent)` times as many. This
/// is the dynamic threshold of shared-memory switches (Choudhury and Hahne, 1998). However many sources fill the spool,
/// each of the others still has a share of the rest; a source that is alone may hold `percent` of the whole.
fn share_of(percent: u8, free: u64) -> u64 {
    let (percent, free) = (u128::from(percent), u128::from(free));
    match 100_u128.checked_sub(percent) {
        None | Some(0) => u64::MAX,
        Some(rest) => u64::try_from(free * percent / rest).unwrap_or(u64::MAX),
    }
}

/// Whether a source that holds `held` bytes may add `more`, which leave `free` bytes for all sources. A source that
/// holds nothing always may: however small its share, a request that fits into the spool is taken once the source's
/// earlier events are gone.
pub(super) fn is_within_share(percent: u8, held: u64, more: u64, free: u64) -> bool {
    held == 0 || held + more <= share_of(percent, free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_only_one_can_send_the_whole_spool_is_its() {
        let percent = |sources: usize, require_write_key: bool| {
            let mut config = config::Config::default();
            config.capture.require_write_key = require_write_key;
            config.capture.sources = (0..sources)
                .map(|n| config::Source::new(format!("S{n}"), format!("key-number-{n}")))
                .collect();
            Limits::from(&config).max_source_percent
        };
        assert_eq!([percent(0, true), percent(1, true), percent(2, true)], [100, 100, 50]);
        assert_eq!([percent(0, false), percent(1, false)], [100, 50], "who has no key is a sender too");
    }
}
