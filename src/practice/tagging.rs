//! The operations on tags: `AddTagsToStream`, `RemoveTagsFromStream` and `ListTagsForStream` for streams; `TagResource`,
//! `UntagResource` and `ListTagsForResource` for streams and consumers.

use super::api_error::ApiError;
use super::arn::{Arn, ConsumerArn};
use super::call::{Call, Text, parse};
use super::checks::{Checks, RESOURCE_ARN};
use super::store::Streams;
use super::streams::{StreamRequest, page_len};
use super::tags::{self, Refusal, Tags};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StreamTags<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    tags: Option<Tags>,
    tag_keys: Option<Vec<String>>,
}

pub(super) fn add_tags_to_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: StreamTags<'_> = parse(body)?;
    let mut checks = Checks::default();
    checks.present("tags", request.tags.is_some());
    checks.tags(request.tags.as_ref());
    let name = request.stream.check_with(call, checks)?;
    let mut streams = call.shared.streams();
    let stream = call.find_mut(&mut streams, &name)?;
    let added = tags::add(&mut stream.tags, request.tags.unwrap_or_default());
    added.map_err(|why| refused("add tags to stream", &name, call, &why))?;
    Ok(String::new())
}

pub(super) fn remove_tags_from_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: StreamTags<'_> = parse(body)?;
    let mut checks = Checks::default();
    checks.present("tagKeys", request.tag_keys.is_some());
    checks.tag_keys(request.tag_keys.as_deref());
    let name = request.stream.check_with(call, checks)?;
    let mut streams = call.shared.streams();
    let stream = call.find_mut(&mut streams, &name)?;
    let removed = tags::remove(&mut stream.tags, &request.tag_keys.unwrap_or_default());
    removed.map_err(|why| refused("remove tags from stream", &name, call, &why))?;
    Ok(String::new())
}

fn refused(what: &str, resource: &str, call: &Call<'_>, why: &Refusal) -> ApiError {
    ApiError::argument(why.message(&format!("Failed to {what} {resource} under account {}", call.account())))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListTagsForStream<'a> {
    #[serde(flatten, borrow)]
    stream: StreamRequest<'a>,
    #[serde(borrow)]
    exclusive_start_tag_key: Option<Text<'a>>,
    limit: Option<i64>,
}

pub(super) fn list_tags_for_stream(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ListTagsForStream<'_> = parse(body)?;
    let start = request.exclusive_start_tag_key.as_deref();
    let mut checks = Checks::default();
    checks.length("exclusiveStartTagKey", start, 1, 128);
    checks.range("limit", request.limit, 1, 50);
    let name = request.stream.check_with(call, checks)?;
    let streams = call.shared.streams();
    let stream = call.find(&streams, &name)?;
    let mut rest = stream.tags.iter().filter(|(key, _)| start.is_none_or(|start| key.as_str() > start));
    let page: Vec<_> = rest.by_ref().take(page_len(request.limit, tags::TAGS_MAX)).map(tag_json).collect();
    Ok(json!({ "Tags": page, "HasMoreTags": rest.next().is_some() }).to_string())
}

fn tag_json((key, value): (&String, &String)) -> Value {
    json!({ "Key": key, "Value": value })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceTags<'a> {
    #[serde(borrow, rename = "ResourceARN")]
    resource_arn: Option<Text<'a>>,
    tags: Option<Tags>,
    tag_keys: Option<Vec<String>>,
}

impl ResourceTags<'_> {
    /// The ARN, if `checks` and its own form have no errors.
    fn check_with(&self, mut checks: Checks) -> Result<&str, ApiError> {
        let arn = self.resource_arn.as_deref();
        checks.present("resourceARN", arn.is_some());
        checks.arn("resourceARN", arn, &RESOURCE_ARN);
        checks.finish()?;
        Ok(arn.unwrap_or_default())
    }
}

pub(super) fn tag_resource(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ResourceTags<'_> = parse(body)?;
    let mut checks = Checks::default();
    checks.present("tags", request.tags.is_some());
    checks.tags(request.tags.as_ref());
    let arn = request.check_with(checks)?;
    let mut streams = call.shared.streams();
    let tags = tags_of(call, &mut streams, arn)?;
    let added = tags::add(tags, request.tags.clone().unwrap_or_default());
    added.map_err(|why| refused("add tags to resource", arn, call, &why))?;
    Ok(String::new())
}

pub(super) fn untag_resource(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ResourceTags<'_> = parse(body)?;
    let mut checks = Checks::default();
    checks.present("tagKeys", request.tag_keys.is_some());
    checks.tag_keys(request.tag_keys.as_deref());
    let arn = request.check_with(checks)?;
    let mut streams = call.shared.streams();
    let tags = tags_of(call, &mut streams, arn)?;
    let removed = tags::remove(tags, request.tag_keys.as_deref().unwrap_or_default());
    removed.map_err(|why| refused("remove tags from resource", arn, call, &why))?;
    Ok(String::new())
}

pub(super) fn list_tags_for_resource(call: &Call<'_>, body: &[u8]) -> Result<String, ApiError> {
    let request: ResourceTags<'_> = parse(body)?;
    let arn = request.check_with(Checks::default())?;
    let mut streams = call.shared.streams();
    let tags: Vec<_> = tags_of(call, &mut streams, arn)?.iter().map(tag_json).collect();
    Ok(json!({ "Tags": tags }).to_string())
}

/// The tags of what an ARN of the right form names.
fn tags_of<'s>(call: &Call<'_>, streams: &'s mut Streams, text: &str) -> Result<&'s mut Tags, ApiError> {
    if let Some(arn) = ConsumerArn::parse(text) {
        call.check_owner(&arn.stream)?;
        let stream = call.find_mut(streams, arn.stream.stream)?;
        let consumer = stream.consumers.get_mut(arn.consumer);
        let consumer = consumer.filter(|consumer| consumer.created_s == arn.created_s);
        return Ok(&mut consumer.ok_or_else(|| ApiError::no_consumer(text, call.account()))?.tags);
    }
    let arn = Arn::parse(text).ok_or_else(|| ApiError::no_stream(text, call.account()))?;
    call.check_owner(&arn)?;
    Ok(&mut call.find_mut(streams, arn.stream)?.tags)
}
