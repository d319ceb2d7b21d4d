//! The rows about registered consumers.

use super::Want::{All, But};
use super::settings::arn_of;
use super::{Table, code, make, put_at, texts, told, wait_for};
use aws_sdk_kinesis::types::{Consumer, ShardIteratorType, StartingPosition};

pub(super) async fn registration(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream with consumers", &All("ok"), make(client, "table-fan", 2).await);
    let arn = arn_of(client, "table-fan").await;
    let register = async |arn: &str, name: &str| {
        client.register_stream_consumer().stream_arn(arn).consumer_name(name).send().await
    };
    let first = register(&arn, "first").await;
    let mut consumer_arn = format!("{arn}/consumer/first:1");
    let seen = told(&first, |answer| {
        let Consumer { consumer_name, consumer_status, .. } = answer.consumer.as_ref().unwrap();
        format!("{consumer_name} {consumer_status}")
    });
    table.lacked("a consumer is registered", "first ACTIVE", seen);
    if let Ok(answer) = &first {
        let found = answer.consumer.as_ref().unwrap().consumer_arn.clone();
        let seconds = found.strip_prefix(&format!("{arn}/consumer/first:")).unwrap_or_default();
        assert!(seconds.parse::<u64>().is_ok(), "{found}");
        consumer_arn = found;
    }
    table.lacked(
        "a consumer's name is taken once",
        "ResourceInUseException",
        code(&register(&arn, "first").await),
    );
    let none = arn.replace("table-fan", "table-none");
    table.lacked("a consumer of no stream", "ResourceNotFoundException", code(&register(&none, "c").await));
    table.lacked("a consumer with a bad name", "ValidationException", code(&register(&arn, "a b").await));

    let by_arn = client.describe_stream_consumer().consumer_arn(&consumer_arn).send().await;
    let seen = told(&by_arn, |answer| {
        let found = answer.consumer_description.as_ref().unwrap();
        format!("{} of its stream {}", found.consumer_name, found.stream_arn == arn)
    });
    table.lacked("a consumer is described by its ARN", "first of its stream true", seen);
    let describe = async |name: Option<&str>, arns: (Option<&str>, Option<&str>)| {
        let describe = client.describe_stream_consumer().set_consumer_name(name.map(Into::into));
        let describe = describe.set_stream_arn(arns.0.map(Into::into));
        code(&describe.set_consumer_arn(arns.1.map(Into::into)).send().await)
    };
    let (stream, consumer) = (Some(&*arn), Some(&*consumer_arn));
    let older = consumer_arn.replace("first:", "first:9");
    for (name, wanted, asked, arns) in [
        ("a consumer is described by its name", "ok", Some("first"), (stream, None)),
        ("a consumer is described by all three", "ok", Some("first"), (stream, consumer)),
        ("an unknown consumer", "ResourceNotFoundException", Some("other"), (stream, None)),
        ("a consumer of another time", "ResourceNotFoundException", None, (None, Some(&*older))),
        ("a consumer with another's name", "InvalidArgumentException", Some("other"), (None, consumer)),
        ("a consumer without a stream", "InvalidArgumentException", Some("first"), (None, None)),
        ("a consumer by what is no ARN", "ValidationException", None, (None, Some("first"))),
    ] {
        table.lacked(name, wanted, describe(asked, arns).await);
    }
    let tagged = client.tag_resource().resource_arn(&consumer_arn).tags("a", "1").send().await;
    table.lacked("a consumer is tagged", "ok", code(&tagged));
    let tags = client.list_tags_for_resource().resource_arn(&consumer_arn).send().await;
    table.lacked("a consumer has its own tags", "1", told(&tags, |answer| answer.tags().len().to_string()));
}

pub(super) async fn subscriptions(table: &mut Table<'_>) {
    let client = table.client;
    let arn = arn_of(client, "table-fan").await;
    table.row("a record for a subscription", &All("0"), put_at(client, "table-fan", &[("a", 0)]).await.0);
    let described = client.describe_stream_consumer().stream_arn(&arn).consumer_name("first").send().await;
    let found = described.ok().and_then(|answer| answer.consumer_description);
    let consumer = found.map_or_else(|| format!("{arn}/consumer/first:1"), |found| found.consumer_arn);
    let subscribe = |shard: u32| {
        let start = StartingPosition::builder().r#type(ShardIteratorType::TrimHorizon).build().unwrap();
        let subscribe = client.subscribe_to_shard().consumer_arn(&consumer);
        subscribe.shard_id(format!("shardId-{shard:012}")).starting_position(start).send()
    };
    let first = match subscribe(0).await {
        Ok(mut answer) => match answer.event_stream.recv().await {
            Ok(Some(event)) => texts(event.as_subscribe_to_shard_event().unwrap().records()),
            other => format!("{other:?}"),
        },
        error => code(&error),
    };
    table.lacked("a subscription begins with the oldest record", "a", first);
    table.lacked("a subscription soon after another", "ResourceInUseException", code(&subscribe(0).await));
    table.lacked("a subscription to another shard", "ok", code(&subscribe(1).await));
    table.lacked("a subscription to no shard", "ResourceNotFoundException", code(&subscribe(2).await));
}

pub(super) async fn lists(table: &mut Table<'_>) {
    let client = table.client;
    let arn = arn_of(client, "table-fan").await;
    for number in 1..20 {
        let register = client.register_stream_consumer().stream_arn(&arn);
        let register = register.consumer_name(format!("more-{number:02}")).send().await;
        let name = if number == 19 { "the twentieth consumer" } else { "a further consumer" };
        table.lacked(name, "ok", code(&register));
    }
    let beyond = client.register_stream_consumer().stream_arn(&arn).consumer_name("beyond").send().await;
    table.lacked("a consumer beyond the limit", "LimitExceededException", code(&beyond));
    let names = |consumers: &[Consumer]| {
        let names: Vec<_> = consumers.iter().map(|consumer| &*consumer.consumer_name).collect();
        names.join(" ")
    };
    let page = client.list_stream_consumers().stream_arn(&arn).max_results(2).send().await;
    let seen = told(&page, |page| format!("{} more {}", names(page.consumers()), page.next_token.is_some()));
    table.lacked("consumers come in pages", "first more-01 more true", seen);
    let token = page.ok().and_then(|page| page.next_token).unwrap_or_else(|| "none".into());
    let rest = client.list_stream_consumers().stream_arn(&arn).next_token(&token).send().await;
    let seen = told(&rest, |rest| format!("{} more {}", rest.consumers().len(), rest.next_token.is_some()));
    table.lacked("the other consumers follow", "18 more false", seen);
    let made_up = client.list_stream_consumers().stream_arn(&arn).next_token("AAAA").send().await;
    table.lacked("a token that is none", "InvalidArgumentException", code(&made_up));
    let summary = client.describe_stream_summary().stream_name("table-fan").send().await.unwrap();
    let count = summary.stream_description_summary.unwrap().consumer_count;
    let because = "it has no consumers";
    let want = But { all: "Some(20)", kinesalite: "Some(0)", because };
    table.row("consumers are counted", &want, format!("{count:?}"));

    let gone = client.deregister_stream_consumer().stream_arn(&arn).consumer_name("more-01").send().await;
    table.lacked("a consumer is deregistered", "ok", code(&gone));
    let again = client.deregister_stream_consumer().stream_arn(&arn).consumer_name("more-01").send().await;
    table.lacked("a consumer is deregistered once", "ResourceNotFoundException", code(&again));
    let deleted = client.delete_stream().stream_name("table-fan").send().await;
    let want = But { all: "ResourceInUseException", kinesalite: "ok", because };
    table.row("a stream with consumers is not deleted", &want, code(&deleted));
    wait_for(client, "table-fan").await;
    let enforced = client.delete_stream().stream_name("table-fan").enforce_consumer_deletion(true);
    let want = But { all: "ok", kinesalite: "ResourceNotFoundException", because };
    table.row("a stream is deleted with its consumers", &want, code(&enforced.send().await));
}
