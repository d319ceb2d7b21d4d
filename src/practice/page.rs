//! The records of one answer, as JSON: written without serde, so that the data is encoded straight from the store into the
//! answer.

use super::sequence::Sequence;
use super::shard;
use super::stream::{ChildShard, RecordsPage};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What a record takes beyond its data and key.
const FRAME_BYTES: usize = 192;

/// `{"Records":[…],MEMBER,"MillisBehindLatest":N}`.
pub(super) fn page_json(page: &RecordsPage, shard: u32, member: &str) -> String {
    let sizes = page.records.iter().map(|record| record.content.len() * 4 / 3 + FRAME_BYTES);
    let mut out = String::with_capacity(sizes.sum::<usize>() + member.len() + FRAME_BYTES);
    out.push_str("{\"Records\":[");
    for (index, record) in (page.first..).zip(&page.records) {
        let arrived_ms = record.arrived_ms;
        let sequence = Sequence { created_s: page.created_s, shard, index, time_s: arrived_ms / 1000 };
        let comma = if index == page.first { "" } else { "," };
        let key = Value::from(&*record.content.key);
        write!(
            out,
            "{comma}{{\"SequenceNumber\":\"{sequence}\",\"ApproximateArrivalTimestamp\":{}.{:03},\"PartitionKey\":{key},",
            arrived_ms / 1000,
            arrived_ms % 1000,
        )
        .expect("a String takes all that is written");
        if page.is_encrypted {
            out.push_str("\"EncryptionType\":\"KMS\",");
        }
        out.push_str("\"Data\":\"");
        STANDARD.encode_string(&record.content.data, &mut out);
        out.push_str("\"}");
    }
    write!(out, "],{member},\"MillisBehindLatest\":{}}}", page.behind_ms)
        .expect("a String takes all that is written");
    out
}

/// The member `ChildShards`.
pub(super) fn children_member(children: &[ChildShard]) -> String {
    let child = |child: &ChildShard| {
        let parents: Vec<_> = child.parents.iter().map(|parent| shard::id_of(*parent)).collect();
        let range = shard::range_json(child.range);
        json!({ "ShardId": shard::id_of(child.shard), "ParentShards": parents, "HashKeyRange": range })
    };
    format!("\"ChildShards\":{}", children.iter().map(child).collect::<Value>())
}
