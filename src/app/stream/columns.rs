//! The columns of the stream's records, and how a record and its shard are written.

use egui_extras::Column;

use super::{
    super::{seen::Seen, widgets},
    record,
};
use crate::engine::{RecordView, ShardView};

pub(super) const EVENT: &str = "Event";

/// Those that fit.
pub(super) fn columns(width: f32) -> Vec<(&'static str, Column)> {
    let exact = |width| Column::exact(width).clip(true);
    let rest = Column::remainder().at_least(100.0).clip(true);
    let all = [
        (0.0, "Arrived", exact(106.0)),
        (0.0, "Shard", exact(if width > 520.0 { 60.0 } else { 44.0 })),
        (520.0, "Partition key", exact(if width > 700.0 { 170.0 } else { 130.0 })),
        (0.0, EVENT, rest),
        (700.0, "Sequence number", exact(if width > 1000.0 { 400.0 } else { 150.0 })),
        (600.0, "Size", exact(76.0)),
    ];
    all.into_iter().filter(|(from, ..)| width > *from).map(|(_, name, column)| (name, column)).collect()
}

/// What a row shows of a record in that column.
pub(super) fn cell(column: &str, found: &RecordView, seen: &Seen<'_>) -> String {
    match column {
        "Arrived" => found.record.arrived_at.map_or("–".to_owned(), |at| seen.clock.time(at)),
        "Shard" => short(&found.record.shard_id).to_owned(),
        "Partition key" => found.key.to_string(),
        "Sequence number" => found.record.sequence_number.to_string(),
        "Size" => widgets::bytes(found.record.data.len() as u64),
        _ => {
            let what = found.summary.as_deref().unwrap_or_else(|| record::form(found));
            found.place.map_or_else(|| what.to_owned(), |(at, of)| format!("{what} ({at} of {of})"))
        }
    }
}

/// `shardId-000000000003` as `3`.
pub(super) fn short(shard_id: &str) -> &str {
    let number = shard_id.trim_start_matches("shardId-").trim_start_matches('0');
    if number.is_empty() { "0" } else { number }
}

pub(super) fn lag(shard: &ShardView) -> String {
    match shard.behind_ms {
        _ if !shard.is_read => "not read".to_owned(),
        None => "no answer yet".to_owned(),
        Some(ms) if ms > 1000 => format!("{} behind", widgets::duration(ms)),
        Some(_) => "caught up".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_called_by_its_number() {
        assert_eq!((short("shardId-000000000000"), short("shardId-000000000120")), ("0", "120"));
    }
}
