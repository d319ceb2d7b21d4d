//! Through ministack, a Kinesis that checks signatures and policies: who may put, what is reported to others, and that
//! delivery goes on by itself when the cause is mended.

use crate::calls::{Call, many};
use crate::processes::{Delivery, Ministack, Sdk, Serve};
use crate::stream::{Found, Stream};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const PUT_RECORD: Delivery = Delivery { operation: "put-record", encoding: "base64" };
const PUT_RECORDS: Delivery = Delivery { operation: "put-records", encoding: "json" };

struct Way {
    ministack: Ministack,
    stream: Stream,
}

impl Way {
    async fn open() -> Self {
        let ministack = Ministack::start();
        let stream = Stream::create_at(&ministack.url, Ministack::ROOT).await;
        Self { ministack, stream }
    }

    /// A user with keys and without permissions, and a `serve` that uses the keys.
    fn user(&self, delivery: Delivery) -> (Serve, String, String) {
        let keys = self.ministack.iam(&["user", "writer"]);
        let [id, secret] = ["id", "secret"].map(|name| keys[name].as_str().unwrap().to_owned());
        let mut serve = Serve::new(&self.ministack.url, delivery);
        serve.write_keys(&id, &secret);
        (serve, id, secret)
    }

    fn allow(&self, actions: &[&str]) {
        self.ministack.iam(&[&["allow", "writer"], actions].concat());
    }

    /// Waits until all events are in the stream, each user's once and in order.
    async fn all_in_order(&self, delivery: Delivery, count: usize) {
        let start = Instant::now();
        let found = loop {
            let found = self.stream.read(delivery.encoding).await;
            if found.len() >= count {
                break found;
            }
            assert!(start.elapsed() < Duration::from_mins(2), "{} of {count} are there", found.len());
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        assert_eq!(found.len(), count, "none is there twice");
        let mut users: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for record in &found {
            users.entry(record.partition_key.clone()).or_default().push(number_of(record));
        }
        assert_eq!(users.len(), 7);
        for (user, order) in users {
            assert!(order.is_sorted_by(|one, next| one < next), "{user}: {order:?}");
        }
    }
}

/// The number that `calls::many` gave it.
fn number_of(record: &Found) -> u64 {
    let event: serde_json::Value = serde_json::from_str(&record.event).unwrap();
    event["properties"]["n"].as_u64().unwrap()
}

fn send(serve_at: std::net::SocketAddr, calls: &[Call]) {
    Sdk::Python.start(&format!("http://{serve_at}"), calls, Duration::ZERO).finish();
}

fn wait_until_said(serve: &Serve, words: &[&str]) {
    let start = Instant::now();
    while !words.iter().all(|word| serve.said().contains(word)) {
        assert!(start.elapsed() < Duration::from_mins(1), "not said: {words:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

async fn everything_arrives(delivery: Delivery, action: &str) {
    let way = Way::open().await;
    let (mut serve, ..) = way.user(delivery);
    way.allow(&[action]);
    let address = serve.start();
    send(address, &many(210));
    way.all_in_order(delivery, 210).await;
    serve.stop();
    let ledger = serve.ledger();
    assert!(ledger["addsUp"] == true && ledger["delivered"] == 210, "{ledger}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_gets_everything_in_order_by_put_record() {
    everything_arrives(PUT_RECORD, "kinesis:PutRecord").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ministack_gets_everything_in_order_by_put_records() {
    everything_arrives(PUT_RECORDS, "kinesis:PutRecords").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_without_put_records_blocks_until_it_is_widened() {
    let way = Way::open().await;
    let (mut serve, ..) = way.user(PUT_RECORDS);
    way.allow(&["kinesis:PutRecord"]);
    let address = serve.start();
    send(address, &many(70));
    wait_until_said(
        &serve,
        &["Forwarder blocked", "AccessDenied", "may not do `kinesis:PutRecords`", "Attach the policy"],
    );
    way.allow(&["kinesis:PutRecord", "kinesis:PutRecords"]);
    way.all_in_order(PUT_RECORDS, 70).await;
    serve.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_keys_block_each_with_its_remedy_until_they_are_right() {
    let way = Way::open().await;
    let (mut serve, id, secret) = way.user(PUT_RECORD);
    way.allow(&["kinesis:PutRecord"]);
    serve.write_keys(&id, "wrong");
    let address = serve.start();
    send(address, &many(70));
    wait_until_said(&serve, &["InvalidSignature", "does not belong to its access key"]);
    serve.write_keys("AKIANOBODYKNOWSTHIS0", &secret);
    wait_until_said(&serve, &["UnrecognizedClient", "does not know the access key"]);
    serve.write_keys(&id, &secret);
    way.all_in_order(PUT_RECORD, 70).await;
    serve.stop();
    assert!(!serve.said().contains(&secret));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_is_assumed_by_a_user_who_may_not_put() {
    let way = Way::open().await;
    let role = way.ministack.iam(&["role", "forwarder", "kinesis:PutRecords"]);
    let (mut serve, ..) = way.user(PUT_RECORDS);
    way.allow(&["sts:AssumeRole"]);
    serve.set("AWS_ENDPOINT_URL_STS", &way.ministack.url);
    serve.set("TRIBUTARY_CREDENTIALS_ROLE_ARN", role["arn"].as_str().unwrap());
    let address = serve.start();
    send(address, &many(70));
    way.all_in_order(PUT_RECORDS, 70).await;
    serve.stop();
}
