//! The rows about a stream's settings and tags, and about the account.

use super::Want::{All, But};
use super::{Table, code, iterator, make, put, split, told};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{
    EncryptionType, ScalingType, ShardIteratorType, StreamDescriptionSummary, StreamMode, StreamModeDetails,
    Tag,
};

pub(super) async fn arn_of(client: &Client, name: &str) -> String {
    summary(client, name).await.stream_arn
}

async fn summary(client: &Client, name: &str) -> StreamDescriptionSummary {
    let answer = client.describe_stream_summary().stream_name(name).send().await.unwrap();
    answer.stream_description_summary.unwrap()
}

pub(super) async fn retention(table: &mut Table<'_>) {
    let client = table.client;
    let increase = async |name: &str, hours| {
        let increase = client.increase_stream_retention_period().stream_name(name);
        code(&increase.retention_period_hours(hours).send().await)
    };
    let decrease = async |hours| {
        let decrease = client.decrease_stream_retention_period().stream_name("table-main");
        code(&decrease.retention_period_hours(hours).send().await)
    };
    let argument = All("InvalidArgumentException");
    table.row("a longer retention period", &All("ok"), increase("table-main", 48).await);
    let hours = summary(client, "table-main").await.retention_period_hours;
    table.row("the period is described", &All("48"), hours.to_string());
    table.row("an increase to a shorter period", &argument, increase("table-main", 24).await);
    table.row("a decrease to a longer period", &argument, decrease(72).await);
    table.row("a period below a day", &argument, decrease(23).await);
    let because = "it is older than periods above 168 hours";
    let year = But { all: "ok", kinesalite: "ValidationException", because };
    table.row("a period of a year", &year, increase("table-main", 8760).await);
    let more = But { all: "InvalidArgumentException", kinesalite: "ValidationException", because };
    table.row("a period above a year", &more, increase("table-main", 8761).await);
    table.row("a shorter retention period", &All("ok"), decrease(24).await);
    let none = increase("table-none", 48).await;
    table.row("the period of no stream", &All("ResourceNotFoundException"), none);
}

fn tags_text(tags: &[Tag]) -> String {
    let texts: Vec<_> =
        tags.iter().map(|tag| format!("{}={}", tag.key, tag.value().unwrap_or_default())).collect();
    texts.join(" ")
}

pub(super) async fn tags(table: &mut Table<'_>) {
    let client = table.client;
    let add = async |name: &str, tags: &[(&str, &str)]| {
        let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        code(&client.add_tags_to_stream().stream_name(name).set_tags(Some(tags)).send().await)
    };
    let list = async |start: Option<&str>, limit| {
        let list = client.list_tags_for_stream().stream_name("table-main").set_limit(limit);
        let answer = list.set_exclusive_start_tag_key(start.map(Into::into)).send().await.unwrap();
        format!("{} more {}", tags_text(&answer.tags), answer.has_more_tags)
    };
    table.row("tags of a stream", &All("ok"), add("table-main", &[("a", "1"), ("b", "2")]).await);
    table.row("tags are listed", &All("a=1 b=2 more false"), list(None, None).await);
    table.row("a tag is replaced by its key", &All("ok"), add("table-main", &[("b", "é 3")]).await);
    table.row("tags are listed after a key", &All("b=é 3 more false"), list(Some("a"), None).await);
    table.row("tags come in pages", &All("a=1 more true"), list(None, Some(1)).await);
    let argument = All("InvalidArgumentException");
    table.row("a tag with an illegal character", &argument, add("table-main", &[("c", "#")]).await);
    table.row("a tag that AWS keeps for itself", &argument, add("table-main", &[("aws:c", "1")]).await);
    table.row("a tag without a key", &All("ValidationException"), add("table-main", &[("", "1")]).await);
    let long = "k".repeat(129);
    table.row(
        "a key of 129 characters",
        &All("ValidationException"),
        add("table-main", &[(&long, "")]).await,
    );
    let names: Vec<_> = (0..49).map(|number| format!("t{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let because = "its service model is older: at most 10 tags in one call";
    let want = But { all: "InvalidArgumentException", kinesalite: "ValidationException", because };
    table.row("51 tags on a stream", &want, add("table-main", &many).await);
    let unknown = add("table-none", &[("a", "1")]).await;
    table.row("tags of no stream", &All("ResourceNotFoundException"), unknown);
    let removed = client.remove_tags_from_stream().stream_name("table-main").tag_keys("a").tag_keys("none");
    table.row("tags are removed", &All("ok"), code(&removed.send().await));
    table.row("removed tags are gone", &All("b=é 3 more false"), list(None, None).await);

    let made = client.create_stream().stream_name("table-tagged").shard_count(1).tags("team", "data");
    table.row("a stream is created with tags", &All("ok"), code(&made.send().await));
    let listed = client.list_tags_for_stream().stream_name("table-tagged").send().await;
    let because = "it does not know Tags of CreateStream";
    let want = But { all: "team=data", kinesalite: "", because };
    table.row("a stream begins with its tags", &want, told(&listed, |answer| tags_text(&answer.tags)));
}

pub(super) async fn resource_tags(table: &mut Table<'_>) {
    let client = table.client;
    let arn = arn_of(client, "table-main").await;
    let tag = async |arn: &str| code(&client.tag_resource().resource_arn(arn).tags("c", "4").send().await);
    table.lacked("tags by ARN", "ok", tag(&arn).await);
    let list = async || {
        let listed = client.list_tags_for_resource().resource_arn(&arn).send().await;
        told(&listed, |answer| tags_text(answer.tags()))
    };
    table.lacked("tags are listed by ARN", "b=é 3 c=4", list().await);
    let untag = client.untag_resource().resource_arn(&arn).tag_keys("b").send().await;
    table.lacked("tags are removed by ARN", "ok", code(&untag));
    table.lacked("tags removed by ARN are gone", "c=4", list().await);
    let none = arn.replace("table-main", "table-none");
    table.lacked("tags of no stream by ARN", "ResourceNotFoundException", tag(&none).await);
    table.lacked("tags of what is no ARN", "ValidationException", tag("table-main").await);
}

pub(super) async fn modes(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream whose mode changes", &All("ok"), make(client, "table-mode", 2).await);
    let arn = arn_of(client, "table-mode").await;
    let update = async |arn: &str, mode: StreamMode| {
        let details = StreamModeDetails::builder().stream_mode(mode).build().unwrap();
        code(&client.update_stream_mode().stream_arn(arn).stream_mode_details(details).send().await)
    };
    let mode = async || {
        let summary = summary(client, "table-mode").await;
        let mode = summary.stream_mode_details.map(|details| details.stream_mode.to_string());
        format!("{} {}", mode.unwrap_or_default(), summary.open_shard_count)
    };
    let because = "it is older than modes";
    let provisioned = But { all: "PROVISIONED 2", kinesalite: " 2", because };
    table.row("a new stream with shards is provisioned", &provisioned, mode().await);
    table.lacked("a stream goes on demand", "ok", update(&arn, StreamMode::OnDemand).await);
    let on_demand = But { all: "ON_DEMAND 2", kinesalite: " 2", because };
    table.row("a stream on demand keeps its shards", &on_demand, mode().await);
    let want = But { all: "ValidationException", kinesalite: "ok", because };
    let split = split(client, "table-mode", "shardId-000000000000", 1_u128 << 126).await;
    table.row("a split of a stream on demand", &want, split);
    table.lacked("a stream is provisioned again", "ok", update(&arn, StreamMode::Provisioned).await);
    let scale = client.update_shard_count().stream_arn(&arn).target_shard_count(4);
    let scale = scale.scaling_type(ScalingType::UniformScaling).send().await;
    table.lacked(
        "a stream is scaled",
        "4",
        told(&scale, |scaled| scaled.target_shard_count.unwrap_or_default().to_string()),
    );
    table.lacked("an unknown mode", "ValidationException", update(&arn, "FREE".into()).await);
    let none = arn.replace("table-mode", "table-none");
    table.lacked(
        "the mode of no stream",
        "ResourceNotFoundException",
        update(&none, StreamMode::OnDemand).await,
    );
}

pub(super) async fn record_sizes(table: &mut Table<'_>) {
    let client = table.client;
    table.row("a stream for larger records", &All("ok"), make(client, "table-size", 1).await);
    let arn = arn_of(client, "table-size").await;
    let update = async |kib| {
        code(&client.update_max_record_size().stream_arn(&arn).max_record_size_in_kib(kib).send().await)
    };
    table.lacked("a record size below 1 MiB", "ValidationException", update(1023).await);
    table.lacked("a record size above 10 MiB", "ValidationException", update(10_241).await);
    table.lacked("a record size of 2 MiB", "ok", update(2048).await);
    let size = summary(client, "table-size").await.max_record_size_in_kib;
    let because = "it does not know MaxRecordSizeInKiB";
    let want = But { all: "Some(2048)", kinesalite: "None", because };
    table.row("the record size is described", &want, format!("{size:?}"));
    let want = But { all: "ok", kinesalite: "ValidationException", because };
    table.row(
        "a record of 2 MiB after the update",
        &want,
        put(client, "table-size", "k", vec![0; (2 << 20) - 1]).await,
    );
}

pub(super) async fn encryption(table: &mut Table<'_>) {
    let client = table.client;
    let start = client.start_stream_encryption().stream_name("table-size").key_id("alias/aws/kinesis");
    let start = start.encryption_type(EncryptionType::Kms).send().await;
    table.lacked("encryption is started", "ok", code(&start));
    let state = async || {
        let summary = summary(client, "table-size").await;
        format!("{:?} {:?}", summary.encryption_type, summary.key_id)
    };
    let because = "it does not encrypt";
    let want = But { all: "Some(Kms) Some(\"alias/aws/kinesis\")", kinesalite: "Some(None) None", because };
    table.row("encryption is described", &want, state().await);
    let put = client.put_record().stream_name("table-size").partition_key("k").data(b"d"[..].into());
    let put = told(&put.send().await, |answer| format!("{:?}", answer.encryption_type));
    table.row("a put says that it is encrypted", &But { all: "Some(Kms)", kinesalite: "None", because }, put);
    let stop = client.stop_stream_encryption().stream_name("table-size").key_id("alias/aws/kinesis");
    let stop = stop.encryption_type(EncryptionType::Kms).send().await;
    table.lacked("encryption is stopped", "ok", code(&stop));
    table.row("a stream is no longer encrypted", &All("Some(None) None"), state().await);
}

pub(super) async fn account(table: &mut Table<'_>) {
    let client = table.client;
    let limits = client.describe_limits().send().await;
    let counts = told(&limits, |limits| {
        let is_counted = limits.open_shard_count > 0 && limits.open_shard_count <= limits.shard_limit;
        format!(
            "shards {is_counted}, on demand {} of {}",
            limits.on_demand_stream_count > 0,
            limits.on_demand_stream_count_limit
        )
    });
    table.lacked("the limits of the account", "shards true, on demand true of 50", counts);
    let settings = client.describe_account_settings().send().await;
    let commitment = told(&settings, |settings| {
        let commitment = settings.minimum_throughput_billing_commitment.as_ref();
        commitment.map_or(String::new(), |commitment| commitment.status.to_string())
    });
    table.lacked("the settings of the account", "DISABLED", commitment);
}

pub(super) async fn dry_reads(table: &mut Table<'_>) {
    let client = table.client;
    let because = "it is older than DryRun";
    let want = But { all: "DryRunOperationException", kinesalite: "ok", because };
    let ask = client.get_shard_iterator().stream_name("table-read").shard_id("shardId-000000000000");
    let ask = ask.shard_iterator_type(ShardIteratorType::Latest).dry_run(true).send().await;
    table.row("a dry run of an iterator", &want, code(&ask));
    let trim_horizon = iterator(client, "table-read", 0, ShardIteratorType::TrimHorizon).await;
    let read = client.get_records().shard_iterator(&trim_horizon).dry_run(true).send().await;
    table.row("a dry run of a read", &want, code(&read));
    let made_up = client.get_records().shard_iterator("AAAAAAAAAAG9mYWtl").dry_run(true).send().await;
    table.row("a dry run with an iterator that is none", &All("InvalidArgumentException"), code(&made_up));
    let arn = arn_of(client, "table-read").await;
    let read = client.get_records().shard_iterator(&trim_horizon).stream_arn(&arn).send().await;
    table.row("a read with the stream's ARN", &All("ok"), code(&read));
    let other = arn.replace("table-read", "table-main");
    let read = client.get_records().shard_iterator(&trim_horizon).stream_arn(other).send().await;
    let because = "it is older than StreamARN";
    let want = But { all: "InvalidArgumentException", kinesalite: "ok", because };
    table.row("a read with another stream's ARN", &want, code(&read));
}
