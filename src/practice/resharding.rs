//! The operations that change a stream's shards: `SplitShard`, `MergeShards`, `UpdateShardCount`.
//!
//! They are done when the answer is sent. A stream in on-demand mode refuses them, as in AWS.

use super::api_error::ApiError;
use super::call::{Call, Text, parse};
use super::checks::{Checks, HASH_KEY, NAME};
use super::shard::{self, SHARDS_MAX};
use super::store::Streams;
use super::stream::{Shard, Stream};
use super::streams::StreamRequest;
use serde::Deserialize;
use serde_json::json;

/// Maximum shards of a stream over its life, the closed ones included. AWS forgets a closed shard after the retention
/// period; the practice stream keeps it, so this limits the memory.
const SHARDS_EVER_MAX: usize = 10_000;

/// Maximum distance between two boundaries that would be the same if 2^128 could be divided evenly. Each is off by less
/// than the number of shards.
const ROUNDING_MAX: u128 = 2 * SHARDS_MAX as u128;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SplitShard<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    #[serde(borrow)]
    shard_to_split: Option<Text<'a>>,
    #[serde(borrow)]
    new_starting_hash_key: Option<Text<'a>>,
}

pub(super) fn split_shard(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: SplitShard<'_> = parse(body)?;
    let (id, hash) = (request.shard_to_split.as_deref(), request.new_starting_hash_key.as_deref());
    let mut checks = Checks::default();
    check_shard(&mut checks, "shardToSplit", id);
    checks.present("newStartingHashKey", hash.is_some());
    checks.pattern("newStartingHashKey", hash, &HASH_KEY);
    let name = request.stream.check_with(call, checks)?;
    let mut streams = call.shared.streams();
    let target = Target::find(call, &streams, &name)?;
    let (at, shard) = target.open_shard(id.unwrap_or_default())?;
    target.check_quota(&streams, 1)?;
    let (start, end) = shard.range;
    let text = hash.unwrap_or_default();
    let inside = |hash: &u128| *hash > start.saturating_add(1) && *hash < end;
    let hash = text.parse::<u128>().ok().filter(inside).ok_or_else(|| {
        ApiError::argument(format!(
            "NewStartingHashKey {text} used in SplitShard() on shard {} in stream {name} under account {} is not both \
             greater than one plus the shard's StartingHashKey {start} and less than the shard's EndingHashKey {end}.",
            shard::id_of(at),
            call.account()
        ))
    })?;
    let stream = target.stream.created_s;
    streams.split(stream, at, hash, call.now_ms);
    Ok(String::new())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MergeShards<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    #[serde(borrow)]
    shard_to_merge: Option<Text<'a>>,
    #[serde(borrow)]
    adjacent_shard_to_merge: Option<Text<'a>>,
}

pub(super) fn merge_shards(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: MergeShards<'_> = parse(body)?;
    let ids = [request.shard_to_merge.as_deref(), request.adjacent_shard_to_merge.as_deref()];
    let mut checks = Checks::default();
    check_shard(&mut checks, "shardToMerge", ids[0]);
    check_shard(&mut checks, "adjacentShardToMerge", ids[1]);
    let name = request.stream.check_with(call, checks)?;
    let mut streams = call.shared.streams();
    let target = Target::find(call, &streams, &name)?;
    let [id, adjacent_id] = ids.map(Option::unwrap_or_default);
    let (at, one) = target.open_shard(id)?;
    let (adjacent, other) = target.open_shard(adjacent_id)?;
    target.check_quota(&streams, 0)?;
    // The API reference asks for ranges without a gap, in either order.
    let follows = |low: &Shard, high: &Shard| low.range.1.checked_add(1) == Some(high.range.0);
    if !follows(one, other) && !follows(other, one) {
        return Err(ApiError::argument(format!(
            "Shards {id} and {adjacent_id} in stream {name} under account {} are not an adjacent pair of shards \
             eligible for merging",
            call.account()
        )));
    }
    let stream = target.stream.created_s;
    streams.merge(stream, [at, adjacent], call.now_ms);
    Ok(String::new())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateShardCount<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    target_shard_count: Option<i64>,
    #[serde(borrow)]
    scaling_type: Option<Text<'a>>,
}

pub(super) fn update_shard_count(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: UpdateShardCount<'_> = parse(body)?;
    let (wanted, scaling) = (request.target_shard_count, request.scaling_type.as_deref());
    let mut checks = Checks::default();
    checks.present("targetShardCount", wanted.is_some());
    checks.range("targetShardCount", wanted, 1, i64::from(i32::MAX));
    checks.present("scalingType", scaling.is_some());
    checks.choice("scalingType", scaling, &["UNIFORM_SCALING"]);
    let name = request.stream.check_with(call, checks)?;
    let wanted = wanted.and_then(|count| u32::try_from(count).ok()).unwrap_or(u32::MAX);
    let mut streams = call.shared.streams();
    let target = Target::find(call, &streams, &name)?;
    let current = target.stream.open().len();
    let fault = match wanted as usize {
        count if count > 2 * current => Some("scale up over double"),
        count if 2 * count < current => Some("scale down below half"),
        _ => None,
    };
    if let Some(fault) = fault {
        return Err(ApiError::argument(format!(
            "UpdateShardCount cannot {fault} your current open shard count. Current open shard count: {current}. \
             Target shard count: {wanted}."
        )));
    }
    target.check_quota(&streams, (wanted as usize).saturating_sub(current))?;
    scale(&mut streams, &name, wanted, call.now_ms);
    Ok(json!({
        "StreamName": name,
        "StreamARN": call.shared.arn(&name),
        "CurrentShardCount": current,
        "TargetShardCount": wanted,
    })
    .to_string())
}

/// Gives the stream `count` shards of equal ranges: splits at each range's first hash, then merges the shards inside one
/// range. Shards whose range is right already stay open.
fn scale(streams: &mut Streams, name: &str, count: u32, now_ms: u64) {
    let mut start = 0;
    for at in 0..count {
        let Some(stream) = streams.get(name) else { return };
        let next = shard::range(at, count).1.checked_add(1).map(|next| boundary_near(stream, next));
        if let Some(next) = next {
            let (id, owner) = (stream.created_s, stream.shard_by_hash(next));
            // Does nothing if a shard begins here already.
            streams.split(id, owner, next, now_ms);
        }
        let end = next.map_or(u128::MAX, |next| next - 1);
        while let Some((id, pair)) = streams.get(name).and_then(|stream| two_inside(stream, start, end)) {
            streams.merge(id, pair, now_ms);
        }
        start = end.saturating_add(1);
    }
}

/// The existing boundary at `hash`, allowing for the rounding of an earlier division; `hash` itself if there is none.
fn boundary_near(stream: &Stream, hash: u128) -> u128 {
    let range = stream.shard(stream.shard_by_hash(hash)).map_or((hash, hash), |shard| shard.range);
    match range {
        (start, _) if start > 0 && hash - start <= ROUNDING_MAX => start,
        (_, end) if end < u128::MAX && end - hash < ROUNDING_MAX => end + 1,
        _ => hash,
    }
}

/// The stream's id, and two adjacent open shards inside this range.
fn two_inside(stream: &Stream, start: u128, end: u128) -> Option<(u64, [u32; 2])> {
    let lies_inside = |at: &u32| {
        let range = stream.shard(*at).map(|shard| shard.range);
        range.is_some_and(|(first, last)| start <= first && last <= end)
    };
    let mut inside = stream.open().filter(lies_inside);
    Some((stream.created_s, [inside.next()?, inside.next()?]))
}

fn check_shard(checks: &mut Checks, member: &'static str, id: Option<&str>) {
    checks.present(member, id.is_some());
    checks.pattern(member, id, &NAME);
    checks.length(member, id, 1, 128);
}

/// The stream whose shards are to change.
struct Target<'a> {
    call: &'a Call<'a>,
    name: &'a str,
    stream: &'a Stream,
}

impl<'a> Target<'a> {
    fn find(call: &'a Call<'a>, streams: &'a Streams, name: &'a str) -> Result<Self, ApiError> {
        let stream = call.find(streams, name)?;
        if stream.spec.on_demand {
            return Err(ApiError::validation(format!(
                "Stream {name} under account {} is in ON_DEMAND mode, in which AWS alone changes the shards.",
                call.account()
            )));
        }
        Ok(Self { call, name, stream })
    }

    fn open_shard(&self, id: &str) -> Result<(u32, &'a Shard), ApiError> {
        let account = self.call.account();
        let found = shard::parse_id(id).and_then(|at| Some((at, self.stream.shard(at)?)));
        let (at, shard) = found.ok_or_else(|| ApiError::shard_not_found(id, self.name, account))?;
        if shard.closing.is_some() {
            return Err(ApiError::closed_shard(id, self.name, account));
        }
        Ok((at, shard))
    }

    /// Checks that `more` open shards are possible.
    fn check_quota(&self, streams: &Streams, more: usize) -> Result<(), ApiError> {
        let (used, account) = (streams.shard_count(), self.call.account());
        if used + more > SHARDS_MAX as usize {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            return Err(ApiError::shard_quota(account, used, more, SHARDS_MAX as usize));
        }
        if self.stream.shards().count() >= SHARDS_EVER_MAX {
            return Err(ApiError::many_shards(self.name, account, SHARDS_EVER_MAX));
        }
        Ok(())
    }
}
