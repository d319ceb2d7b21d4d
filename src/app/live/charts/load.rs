//! What share of a shard's capacity a rate takes.

use eframe::egui::Color32;

use crate::app::theme::Tokens;
use crate::event::Encoding;

/// Records and bytes per second that one shard takes (AWS, "Kinesis Data Streams quotas").
const SHARD_RECORDS: f64 = 1000.0;
const SHARD_BYTES: f64 = 1_048_576.0;

/// The share of a shard's capacity above which throttling is near.
pub(super) const NEAR_LIMIT: f64 = 0.7;

/// The bytes of a record whose events have `bytes` of JSON.
pub(super) fn encoded(encoding: Encoding, bytes: f64) -> f64 {
    match encoding {
        Encoding::Base64 => bytes * 4.0 / 3.0,
        Encoding::Json | Encoding::JsonLines => bytes,
    }
}

/// The share of a shard's capacity: of records or bytes per second, whichever is larger.
pub(super) fn load(records: f64, bytes: f64) -> f64 {
    (records / SHARD_RECORDS).max(bytes / SHARD_BYTES)
}

pub(super) fn load_color(load: f64, t: &Tokens) -> Color32 {
    if load >= 1.0 {
        t.err
    } else if load >= NEAR_LIMIT {
        t.warn
    } else {
        t.accent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_limited_by_records_and_by_bytes() {
        assert!((load(500.0, 1_000.0) - 0.5).abs() < 1e-9);
        assert!((load(1.0, 2.0 * 1_048_576.0) - 2.0).abs() < 1e-9);
        assert!((encoded(Encoding::Base64, 300.0) - 400.0).abs() < 1e-9);
    }
}
