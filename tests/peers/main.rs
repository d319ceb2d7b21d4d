//! Tests with other projects' programs, run by `.ci/run`: `cargo test --test peers`. Without these programs the tests
//! fail and say so.
//!
//! - `TRIBUTARY_TEST_NODE_MODULES` names the `node_modules` folder that `npm ci` makes of `package.json`: the SDKs for
//!   Node and for the browser, AWS's SDK, aws-kinesis-agg and lifion-kinesis, which read the stream, dynalite, where
//!   lifion-kinesis keeps its leases as in `DynamoDB`, parsers of Java and of Flink SQL, kinesalite and kinesis-local
//!   (kinesis-mock), independent emulators of Kinesis, and iam-simulate, an independent IAM engine.
//! - `TRIBUTARY_TEST_PYTHON` names the interpreter of a venv with `requirements.txt`: SDKs, readers (boto3, the AWS CLI,
//!   async-kinesis, aws-kinesis-agg), ministack, an independent Kinesis, STS and IAM, moto, another Kinesis, and cfn-lint,
//!   python-hcl2, sqlglot, kubernetes-validate and Docker Compose, which read templates, SQL and recipes; aiosmtpd and
//!   Flask, which receive alerts; OpenTelemetry's messages.
//! - `TRIBUTARY_TEST_RUST` names the program that `cargo build` makes in `senders/rust`: SDKs for Rust.
//! - The browser is Debian's `/usr/bin/chromium`, the keychain is from its packages `dbus`, `gnome-keyring` and
//!   `libsecret-tools`, the reverse proxies are its `nginx` and `haproxy`, what reads `/metrics` its
//!   `prometheus`, and the printed commands use its `jq`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod account;
mod aggregated;
mod alerts;
mod balancer;
mod browser;
mod calls;
mod compare;
#[path = "../it/conformance.rs"]
mod conformance;
mod consumers;
mod deploy;
mod emulators;
mod examples;
mod json;
mod keychain;
#[expect(dead_code, reason = "what only the other tests need of it")]
#[path = "../it/kpl.rs"]
mod kpl;
mod ministack;
mod nginx;
#[expect(dead_code, reason = "what only the other tests need of it")]
#[path = "../it/opened_window.rs"]
mod opened_window;
mod otlp;
mod outages;
#[path = "../it/picture_renderer.rs"]
mod picture_renderer;
mod practice_server;
mod processes;
mod profiles;
mod prometheus;
mod readers;
#[path = "../it/reading.rs"]
mod reading;
mod regions;
mod sdks;
mod snippets;
mod stream;
mod syntax;
mod tap;
mod trust;
mod vendors;
mod volume;
#[expect(dead_code, reason = "what only the other tests need of it")]
#[path = "../it/wire.rs"]
mod wire;

use conformance::Peer;
use processes::{AWS_KEY, Kinesalite, node_modules};

#[expect(clippy::disallowed_methods, reason = "where the other programs are, only the environment knows")]
fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinesalite_answers_as_the_table_says() {
    let kinesalite = Kinesalite::start(&node_modules());
    let client = conformance::client(&kinesalite.url, AWS_KEY.0, AWS_KEY.1);
    let results = conformance::conformance(&client, Peer::Kinesalite).await;
    let broken = conformance::broken(&results);
    assert!(broken.is_empty(), "rows of {} that do not hold:\n{broken}", results.len());
}
