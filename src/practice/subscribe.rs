//! `SubscribeToShard`: enhanced fan-out.

use super::api_error::ApiError;
use super::call::{Call, Text, parse};
use super::checks::{CONSUMER_ARN, Checks, NAME, SEQUENCE};
use super::consumers::find_consumer;
use super::shard;
use super::start::{START_KINDS, Start};
use super::stream::Position;
use super::subscription::{Subscription, active_elsewhere};
use serde::Deserialize;
use std::sync::Arc;

/// How long after a successful call another one of the same consumer and shard is refused (API reference).
const TAKEOVER_AFTER_MS: u64 = 5000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SubscribeToShard<'a> {
    #[serde(borrow, rename = "ConsumerARN")]
    consumer_arn: Option<Text<'a>>,
    #[serde(borrow)]
    shard_id: Option<Text<'a>>,
    #[serde(borrow)]
    starting_position: Option<StartingPosition<'a>>,
    dry_run: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StartingPosition<'a> {
    #[serde(borrow, rename = "Type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    sequence_number: Option<Text<'a>>,
    timestamp: Option<f64>,
}

pub(super) fn subscribe_to_shard(call: &Call<'_>, body: &[u8]) -> Result<Subscription, ApiError> {
    let request: SubscribeToShard<'_> = parse(body)?;
    let (arn, id) = (request.consumer_arn.as_deref(), request.shard_id.as_deref());
    let position = request.starting_position.as_ref();
    let kind = position.and_then(|position| position.kind.as_deref());
    let sequence = position.and_then(|position| position.sequence_number.as_deref());
    let mut checks = Checks::default();
    checks.present("consumerARN", arn.is_some());
    checks.arn("consumerARN", arn, &CONSUMER_ARN);
    checks.present("shardId", id.is_some());
    checks.pattern("shardId", id, &NAME);
    checks.length("shardId", id, 1, 128);
    checks.present("startingPosition", position.is_some());
    checks.present("startingPosition.type", position.is_none() || kind.is_some());
    checks.choice("startingPosition.type", kind, &START_KINDS);
    checks.pattern("startingPosition.sequenceNumber", sequence, &SEQUENCE);
    checks.finish()?;
    let (arn, id) = (arn.unwrap_or_default(), id.unwrap_or_default());
    let mut streams = call.shared.streams();
    let (found, consumer) = find_consumer(call, &streams, arn)?;
    let (name, created_s) = (found.stream.stream, consumer.created_s);
    let no_shard = || ApiError::no_shard(id, name, call.account());
    let at = shard::parse_id(id).ok_or_else(no_shard)?;
    let held = consumer.subscriptions.get(&at).copied();
    let stream = call.find(&streams, name)?;
    let shard = stream.shard(at).ok_or_else(no_shard)?;
    let start = Start {
        kind: kind.unwrap_or_default(),
        sequence,
        timestamp: position.and_then(|position| position.timestamp),
        operation: "SubscribeToShard",
        name,
        shard: at,
    };
    let index = start.index(call, stream, shard)?;
    let position = Position { created_s: shard.created_s, shard: at, index };
    if request.dry_run == Some(true) {
        return Err(ApiError::dry_run());
    }
    if held.is_some_and(|held| call.now_ms < held.begun_ms + TAKEOVER_AFTER_MS) {
        return Err(active_elsewhere(call.account(), name, at, found.consumer));
    }
    let stream = call.find_mut(&mut streams, name)?;
    let number = stream.consumers.subscribe(found.consumer, at, call.now_ms);
    Ok(Subscription {
        shared: Arc::clone(call.shared),
        changed: stream.consumers.changed(),
        stream: name.to_owned(),
        stream_id: stream.created_s,
        consumer: found.consumer.to_owned(),
        consumer_created_s: created_s,
        number,
        position,
    })
}
