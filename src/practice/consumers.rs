//! The operations on registered consumers: `RegisterStreamConsumer`, `DeregisterStreamConsumer`, `DescribeStreamConsumer`,
//! `ListStreamConsumers`.
//!
//! A consumer is ready, or gone, when the answer is sent: none is ever CREATING or DELETING.

use super::api_error::ApiError;
use super::arn::ConsumerArn;
use super::call::{Call, Text, parse, seconds};
use super::checks::{CONSUMER_ARN, Checks, NAME, STREAM_ARN};
use super::consumer::{CONSUMERS_MAX, Consumer};
use super::store::Streams;
use super::streams::page_len;
use super::tags::{self, Tags};
use super::token::{Token, TokenKind};
use serde::Deserialize;
use serde_json::{Value, json};

/// Maximum consumers of one answer (API reference: above 100, at most 100 are returned).
const PAGE_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegisterStreamConsumer<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    consumer_name: Option<Text<'a>>,
    tags: Option<Tags>,
}

pub(super) fn register_stream_consumer(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: RegisterStreamConsumer<'_> = parse(body)?;
    let (arn, consumer) = (request.stream_arn.as_deref(), request.consumer_name.as_deref());
    let mut checks = Checks::default();
    checks.present("streamARN", arn.is_some());
    checks.arn("streamARN", arn, &STREAM_ARN);
    checks.present("consumerName", consumer.is_some());
    check_consumer_name(&mut checks, consumer);
    checks.tags(request.tags.as_ref());
    checks.finish()?;
    let (name, consumer) = (call.stream_name(None, arn)?, consumer.unwrap_or_default());
    let mut tags = Tags::new();
    let added = tags::add(&mut tags, request.tags.unwrap_or_default());
    let failed = || format!("Consumer {consumer} was not registered");
    added.map_err(|why| ApiError::argument(why.message(&failed())))?;
    let mut streams = call.shared.streams();
    let stream = call.find_mut(&mut streams, name)?;
    if stream.consumers.get(consumer).is_some() {
        return Err(ApiError::in_use(format!(
            "Consumer {consumer} under stream {} already exists for account {}.",
            call.shared.arn(name),
            call.account()
        )));
    }
    if stream.consumers.len() >= CONSUMERS_MAX {
        return Err(ApiError::limit(format!(
            "Stream {name} under account {} has {CONSUMERS_MAX} registered consumers, which is the limit.",
            call.account()
        )));
    }
    let created_s = stream.consumers.register(consumer, tags, call.now_ms);
    Ok(json!({ "Consumer": consumer_json(call, name, consumer, created_s) }).to_string())
}

fn check_consumer_name(checks: &mut Checks, consumer: Option<&str>) {
    checks.pattern("consumerName", consumer, &NAME);
    checks.length("consumerName", consumer, 1, 128);
}

fn consumer_json(call: &Call<'_>, stream: &str, consumer: &str, created_s: u64) -> Value {
    json!({
        "ConsumerName": consumer,
        "ConsumerARN": format!("{}/consumer/{consumer}:{created_s}", call.shared.arn(stream)),
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": seconds(created_s * 1000),
    })
}

/// A consumer by its ARN, by its name and its stream's ARN, or by all three.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConsumerRequest<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    consumer_name: Option<Text<'a>>,
    #[serde(borrow, rename = "ConsumerARN")]
    consumer_arn: Option<Text<'a>>,
}

impl ConsumerRequest<'_> {
    /// The names of the stream and of the consumer, which exist.
    fn find<'s>(&'s self, call: &Call<'_>, streams: &Streams) -> Result<(&'s str, &'s str), ApiError> {
        let (stream_arn, name) = (self.stream_arn.as_deref(), self.consumer_name.as_deref());
        let arn = self.consumer_arn.as_deref();
        let mut checks = Checks::default();
        checks.arn("streamARN", stream_arn, &STREAM_ARN);
        check_consumer_name(&mut checks, name);
        checks.arn("consumerARN", arn, &CONSUMER_ARN);
        checks.finish()?;
        if let Some((text, arn)) = arn.and_then(|text| Some((text, ConsumerArn::parse(text)?))) {
            let stream = call.stream_name(Some(arn.stream.stream), stream_arn)?;
            if name.is_some_and(|name| name != arn.consumer) {
                return Err(ApiError::argument(
                    "ConsumerName and ConsumerARN must stand for the same consumer.",
                ));
            }
            find_consumer(call, streams, text)?;
            return Ok((stream, arn.consumer));
        }
        let (Some(_), Some(name)) = (stream_arn, name) else {
            return Err(ApiError::argument(
                "Either ConsumerARN, or both StreamARN and ConsumerName must be provided.",
            ));
        };
        let stream = call.stream_name(None, stream_arn)?;
        let consumer = call.find(streams, stream)?.consumers.get(name);
        consumer.ok_or_else(|| ApiError::no_consumer(name, call.account()))?;
        Ok((stream, name))
    }
}

/// The consumer that an ARN of the right form names.
pub(super) fn find_consumer<'s, 'a>(
    call: &Call<'_>,
    streams: &'s Streams,
    text: &'a str,
) -> Result<(ConsumerArn<'a>, &'s Consumer), ApiError> {
    let none = || ApiError::no_consumer(text, call.account());
    let arn = ConsumerArn::parse(text).ok_or_else(none)?;
    call.check_owner(&arn.stream)?;
    let consumer = call.find(streams, arn.stream.stream)?.consumers.get(arn.consumer);
    let consumer = consumer.filter(|consumer| consumer.created_s == arn.created_s);
    Ok((arn, consumer.ok_or_else(none)?))
}

pub(super) fn deregister_stream_consumer(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ConsumerRequest<'_> = parse(body)?;
    let mut streams = call.shared.streams();
    let (stream, consumer) = request.find(call, &streams)?;
    call.find_mut(&mut streams, stream)?.consumers.remove(consumer);
    Ok(String::new())
}

pub(super) fn describe_stream_consumer(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ConsumerRequest<'_> = parse(body)?;
    let streams = call.shared.streams();
    let (stream, name) = request.find(call, &streams)?;
    let consumer = call.find(&streams, stream)?.consumers.get(name);
    let consumer = consumer.ok_or_else(|| ApiError::no_consumer(name, call.account()))?;
    let mut description = consumer_json(call, stream, name, consumer.created_s);
    description["StreamARN"] = call.shared.arn(stream).into();
    Ok(json!({ "ConsumerDescription": description }).to_string())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListStreamConsumers<'a> {
    #[serde(borrow, rename = "StreamARN")]
    stream_arn: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
    max_results: Option<i64>,
    stream_creation_timestamp: Option<f64>,
}

pub(super) fn list_stream_consumers(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ListStreamConsumers<'_> = parse(body)?;
    let arn = request.stream_arn.as_deref();
    let mut checks = Checks::default();
    checks.present("streamARN", arn.is_some());
    checks.arn("streamARN", arn, &STREAM_ARN);
    checks.range("maxResults", request.max_results, 1, 10_000);
    checks.finish()?;
    let name = call.stream_name(None, arn)?;
    let token = request.next_token.as_deref().map(|token| call.read_token(TokenKind::Consumers, token));
    let token = token.transpose()?;
    if token.is_some() && request.stream_creation_timestamp.is_some() {
        return Err(ApiError::argument("NextToken and StreamCreationTimestamp cannot be provided together."));
    }
    let start = token.map(|token| token.stream).unwrap_or_default();
    let start = match start.split_once('/') {
        Some((stream, _)) if stream != name => return Err(ApiError::argument("Invalid NextToken.")),
        Some((_, last)) => last,
        None => "",
    };
    let streams = call.shared.streams();
    let stream = call.find(&streams, name)?;
    // SDKs send a time in seconds with thousandths or in whole seconds.
    let is_other = |asked: f64| (asked - seconds(stream.created_ms)).abs() >= 1.0;
    if request.stream_creation_timestamp.is_some_and(is_other) {
        return Err(ApiError::no_stream(name, call.account()));
    }
    let mut rest = stream.consumers.after(start);
    let page: Vec<_> = rest.by_ref().take(page_len(request.max_results, PAGE_MAX).min(PAGE_MAX)).collect();
    let last = page.last().filter(|_| rest.next().is_some());
    let json = |(consumer, found): &(&str, &Consumer)| consumer_json(call, name, consumer, found.created_s);
    let mut answer = json!({ "Consumers": page.iter().map(json).collect::<Vec<_>>() });
    if let Some((last, _)) = last {
        let (kind, stream) = (TokenKind::Consumers, format!("{name}/{last}"));
        let token = Token { kind, issued_ms: call.now_ms, created_s: 0, shard: 0, index: 0, stream };
        answer["NextToken"] = call.shared.token_key.write(&token).into();
    }
    Ok(answer.to_string())
}
