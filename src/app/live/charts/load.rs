//! How much of a shard's capacity a rate takes.

use eframe::egui::Color32;

use super::super::super::theme::Tokens;
use crate::event::Encoding;

/// What one shard takes in a second (AWS, "Kinesis Data Streams quotas").
const SHARD_RECORDS: f64 = 1000.0;
const SHARD_BYTES: f64 = 1_048_576.0;

/// From here on throttling is near.
pub(super) const NEAR_LIMIT: f64 = 0.7;

/// The record's bytes of so many of JSON.
pub(super) fn encoded(encoding: Encoding, bytes: f64) -> f64 {
    match encoding {
        Encoding::Base64 => bytes * 4.0 / 3.0,
        Encoding::Json | Encoding::JsonLines => bytes,
    }
}

/// How much of what a shard takes that is.
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
    fn what_a_shard_takes_is_bounded_by_records_and_by_bytes() {
        assert!((load(500.0, 1_000.0) - 0.5).abs() < 1e-9);
        assert!((load(1.0, 2.0 * 1_048_576.0) - 2.0).abs() < 1e-9);
        assert!((encoded(Encoding::Base64, 300.0) - 400.0).abs() < 1e-9);
    }
}
