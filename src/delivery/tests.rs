//! Everything that passes between the engine and its faces is plain data: it can be serialised without loss.

use std::{fmt::Debug, time::Duration};

use serde::{Serialize, de::DeserializeOwned};

use super::{chart::*, *};
use crate::{
    config::Config,
    event::{Encoding, Kind},
};

fn survives<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).expect("plain data serialises");
    let back: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(&back, value);
}

fn fault() -> AwsError {
    AwsError::new("AccessDeniedException", "no")
}

fn delivery() -> Delivery {
    Delivery {
        id: 7,
        state: State::Failed,
        kind: Some(Kind::Track),
        name: Some("Order \"Completed\"".into()),
        message_id: "m-1".into(),
        source: "Website".into(),
        partition_key: "ada".into(),
        key_shortened: false,
        received_at: 1_772_445_605_250,
        settled_at: Some(1_772_445_605_999),
        attempts: 2,
        took_ms: 12,
        receipt: Some(Receipt {
            shard_id: "shardId-000000000001".into(),
            sequence_number: "496".into(),
            place: Some(PlaceInRecord { at: 2, of: 3 }),
        }),
        fault: Some(fault()),
        bytes: 480,
        repeat_of: None,
        resend_of: Some(3),
        resent_as: None,
        preview: None,
    }
}

#[test]
fn the_status_survives_serialisation() {
    survives(&Status::default());
    survives(&Status {
        endpoint: Some("[::1]:8485".parse().expect("an address")),
        intake: Intake::Failing("no space".into()),
        forwarder: ForwarderState::Blocked { fault: fault(), next_try: 5 },
        bound: Some(Bound {
            limit: Limit::Order { key: "ada".into(), keys: 2 },
            per_sec: 46.5,
            latency: Duration::from_millis(20),
            puts: 64,
            events_per_record: 1.0,
            bytes_per_event: 480.0,
            shards: Some(4),
        }),
        accepted_per_sec: vec![0.0, 2.5],
        sources: vec![SourceSeen {
            name: "Website".into(),
            last_seen: 1,
            accepted: 2,
            rejected: 3,
            per_sec: 1.5,
            library: Some("analytics-node 3.1.0".into()),
            share_full_at: None,
        }],
        unknown_senders: vec![UnknownSender {
            key: "no key".into(),
            requests: 1,
            last_seen: 2,
            user_agent: "".into(),
        }],
        wrong_paths: vec![WrongPath {
            request: "POST /track".into(),
            meant: Some("/v1/track".into()),
            requests: 1,
            last_seen: 2,
            user_agent: "curl".into(),
        }],
        problems: vec!["The forwarder stopped.".into()],
        channels: 2,
        resending: Some(Resent { failed: 1, ..Resent::default() }),
        exporting: Some(Exported { lines: 1, bytes: 2, done: 0.5 }),
        stuck: Some(Stuck { refused: 1, behind: 2, has_more: true, event: 3, fault: fault() }),
        ..Status::default()
    });
}

#[test]
fn queries_and_pages_of_the_log_survive_serialisation() {
    let text = r#"refund event:"Order*" state:failed type:track since:2h"#;
    survives(&Query { by: Some(Measure::Latency), ..Query::parse(text, 9_000_000).expect("a query") });
    survives(&LogPage { rows: vec![delivery()], total: Some(1), stopped_at: Some(7), ..LogPage::default() });
    survives(&Detail {
        delivery: delivery(),
        json: bytes::Bytes::from_static(b"{\"a\":\"\xf0\x9f\xa6\x80\"}"),
        encoding: Encoding::JsonLines,
        attempts: vec![Attempt { number: 1, at: 2, took_ms: 3, fault: fault() }],
    });
    let mut interval = Interval { at: 2_000, accepted: 7, ..Interval::default() };
    interval.delivery_ms.count(12, 7);
    survives(&Overview {
        window: ChartSpan::Hour,
        intervals: vec![interval],
        hot: HotKeys {
            keys: vec![HotKey { key: "ada".into(), events: 1, doubt: 0, bytes: 2, shard: None }],
            ..HotKeys::default()
        },
        ..Overview::default()
    });
}

#[test]
fn check_steps_records_and_selections_survive_serialisation() {
    for verdict in [Verdict::Passed, Verdict::Skipped, Verdict::Failed(fault())] {
        let caller =
            AwsIdentity { account_id: "123456789012".into(), arn: "arn:aws:iam::123456789012:user/a".into() };
        survives(&CheckStep {
            name: "identity".into(),
            verdict,
            detail: "Reached.".to_owned(),
            found: Some(CheckFact::Identity(caller)),
        });
    }
    for kind in [CheckKind::Ask, CheckKind::PutOne] {
        survives(&kind);
    }
    survives(&Record {
        shard_id: "shardId-000000000001".into(),
        sequence_number: "496".into(),
        arrived_at: Some(1),
        partition_key: "ada".into(),
        data: bytes::Bytes::from_static(&[0, 255]),
    });
    for from in [ReadFrom::Oldest, ReadFrom::Latest, ReadFrom::Time(5), ReadFrom::Sequence("496".into())] {
        survives(&from);
    }
    for which in [ResendSelection::Lines(vec![1, 2]), ResendSelection::Fitting(Box::default())] {
        survives(&which);
    }
    survives(&AwsProfiles {
        profiles: vec![Profile { name: "work".into(), kind: ProfileKind::Sso, region: None, mfa: true }],
        has_cli: true,
    });
    let (name, status) = ("clicks".into(), "ACTIVE".into());
    let listed = ListedStream { name, status, on_demand: true, created_at: Some(1) };
    survives(&StreamList { streams: vec![listed], has_more: true });
    survives(&DescribedStream {
        status: "ACTIVE".into(),
        on_demand: true,
        open_shards: 4,
        retention_hours: 24,
        record_kib_max: Some(1024),
        kms_key: Some("alias/aws/kinesis".into()),
        spreads_keys: false,
        warm_mibps: None,
        consumers: Some(2),
        channels: None,
    });
    survives(&OnDemandBilling::Advantage { committed_until: Some(1), is_ending: false });
    let tags = vec![StreamTag { key: "Größe".to_owned(), value: String::new() }];
    let capacity = Capacity::Provisioned { shards: 2 };
    survives(&NewStream { capacity, tags, ..NewStream::default() });
    survives(&SignInPage { address: Some("https://x".to_owned()), code: None });
}

#[test]
fn settings_survive_serialisation() {
    let mut config = Config::default();
    config.destination.encoding = Encoding::JsonLines;
    config.capture.public_url = crate::config::PublicUrl::parse("https://example.com:8443/t").ok();
    config.capture.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    config.capture.sources = vec![crate::config::Source::new("Website", "key")];
    config.destinations = vec![config.saved_as("now")];
    survives(&config);
}
