//! `tributary practice` as other programs' tests use it: the real program, the real AWS SDK, its control path, and its file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::Child,
};

use aws_sdk_kinesis::{Client, primitives::Blob, types::ShardIteratorType};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::binary::{Home, terminate};
use crate::conformance::{self, code, put, read_all, read_from};
use crate::wire::{self, Reply, wait_for, wait_until};

const KEYS: &str = "practice:practice";

/// A running `tributary practice`, killed when dropped.
struct Program {
    child: Child,
    ready: Value,
    address: SocketAddr,
}

impl Program {
    /// On a free port.
    fn start(home: &Home, words: &[&str]) -> Self {
        let mut child =
            home.command(&[&["practice", "--json", "--port", "0"], words].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut said = String::new();
            child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
            panic!("{error}: {line}{said}")
        });
        let url = ready["endpointUrl"].as_str().unwrap();
        let address = url.strip_prefix("http://").unwrap().parse().unwrap();
        Self { child, ready, address }
    }

    fn client(&self) -> Client {
        let text = |name: &str| self.ready[name].as_str().unwrap();
        conformance::client(text("endpointUrl"), text("accessKeyId"), text("secretAccessKey"))
    }

    /// A call of the control path with the keys.
    fn control(&self, method: &str, name: &str, body: &str) -> Reply {
        self.control_as(Some(KEYS), method, name, body)
    }

    fn control_as(&self, user: Option<&str>, method: &str, name: &str, body: &str) -> Reply {
        let header = user.map(|user| format!("Authorization: Basic {}\r\n", STANDARD.encode(user)));
        self.control_with(&header.unwrap_or_default(), method, name, body)
    }

    fn control_with(&self, headers: &str, method: &str, name: &str, body: &str) -> Reply {
        let headers = format!("Host: {}\r\n{headers}Content-Length: {}\r\n", self.address, body.len());
        let request = format!("{method} /_tributary/{name} HTTP/1.1\r\n{headers}\r\n{body}");
        wire::Connection::open(self.address).unwrap().ask(request.as_bytes()).unwrap()
    }

    fn stop(mut self) {
        terminate(&self.child);
        let status = wait_for("it ends", || self.child.try_wait().unwrap());
        let mut said = String::new();
        self.child.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs it with words that prevent its start, or with a file that does.
fn refused(home: &Home, words: &[&str]) -> (Option<i32>, String) {
    let ended = home.run(&[&["practice", "--port", "0"], words].concat());
    assert_eq!(ended.stdout, "", "{ended:?}");
    (ended.code, ended.stderr)
}

#[tokio::test]
async fn what_the_practice_command_prints_is_all_that_a_client_needs() {
    let home = Home::new("");
    let mut child = home.command(&["practice", "--port", "0"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("AWS_DEFAULT_REGION=") {
        assert!(out.read_line(&mut text).unwrap() > 0, "{text}");
    }
    assert!(text.contains("\nStreams: practice (1 shard)\n") && text.contains("us-east-1"), "{text}");
    let pairs: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('=').filter(|(name, _)| name.starts_with("AWS_")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(pairs.len(), 5, "{text}");
    let value = |name: &str| pairs.iter().find(|(found, _)| found == name).unwrap().1.as_str();
    let url = value("AWS_ENDPOINT_URL_KINESIS");
    let client = conformance::client(url, value("AWS_ACCESS_KEY_ID"), value("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(put(&client, "practice", "k", r#"{"n":1}"#).await, "ok");

    // The SDK in another process finds all of it in the environment.
    let mut tail = home.command(&["tail", "--stream", "practice", "--region", "us-east-1"]);
    let tail = tail.envs(pairs.iter().map(|(name, value)| (name, value))).output().unwrap();
    let line: Value = serde_json::from_slice(&tail.stdout).unwrap_or_else(|_| panic!("{tail:?}"));
    assert_eq!(line["data"], json!({ "n": 1 }));

    assert!(!home.data_dir().exists(), "it needs no data folder");
    terminate(&child);
    assert_eq!(wait_for("it ends", || child.try_wait().unwrap()).code(), Some(0));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "");
}

#[tokio::test]
async fn streams_keys_region_and_account_are_those_of_the_flags() {
    let home = Home::new("");
    let program = Program::start(
        &home,
        &[
            "--stream",
            "clicks:3",
            "--stream",
            "orders",
            "--access-key-id",
            "mine",
            "--secret-access-key",
            "s e",
            "--region",
            "eu-west-1",
            "--account-id",
            "123456789012",
        ],
    );
    let expected = json!({ "region": "eu-west-1", "accountId": "123456789012", "accessKeyId": "mine",
        "secretAccessKey": "s e", "anyKey": false,
        "streams": [{ "name": "clicks", "shards": 3 }, { "name": "orders", "shards": 1 }] });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(program.ready[name], *value, "{name}");
    }
    assert_eq!(program.ready["environment"]["AWS_REGION"], "eu-west-1");
    let summary = program.client().describe_stream_summary().stream_name("clicks").send().await.unwrap();
    let arn = summary.stream_description_summary.unwrap().stream_arn;
    assert_eq!(arn, "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks");
    let url = program.ready["endpointUrl"].as_str().unwrap();
    let other = conformance::client(url, "other", "s e").list_streams().send().await;
    assert_eq!(code(&other), "UnrecognizedClientException");
    program.stop();
}

#[tokio::test]
async fn any_key_is_let_in_where_that_was_asked_for() {
    let home = Home::new("");
    let program = Program::start(&home, &["--any-key"]);
    let url = program.ready["endpointUrl"].as_str().unwrap();
    for id in ["test", "AKIAIOSFODNN7EXAMPLE"] {
        let client = conformance::client(url, id, "whatever");
        assert_eq!(put(&client, "practice", "k", "x").await, "ok", "{id}");
    }
    assert_eq!(program.control_as(None, "POST", "reset", "").status, 200);
    let page = "Origin: https://page.example\r\n";
    assert_eq!(program.control_with(page, "POST", "reset", "").status, 403, "no web page");
    program.stop();
}

#[tokio::test]
async fn faults_are_set_by_flag_and_by_the_control_path() {
    let home = Home::new("");
    let program = Program::start(&home, &["--fault", "throttle", "--fault", "record-bytes-max=10"]);
    let client = program.client();
    let seen = program.control("GET", "faults", "").json();
    assert_eq!((&seen["throttle"], &seen["record-bytes-max"]), (&json!(1.0), &json!(10)));
    assert_eq!(put(&client, "practice", "k", "x").await, "ProvisionedThroughputExceededException");
    // No fault hinders the control path.
    let all = r#"{"server-error":1,"cut-connection":0.0,"expired-credentials":true}"#;
    let set = program.control("PUT", "faults", all);
    assert_eq!((set.status, &set.json()["throttle"]), (200, &json!(0.0)), "what is not named is off");
    assert_eq!(code(&client.list_streams().send().await), "ExpiredTokenException");
    assert_eq!(program.control("PUT", "faults", "{}").status, 200);
    assert_eq!(put(&client, "practice", "k", "a record of more than ten bytes").await, "ok");
    for (body, words) in [
        (r#"{"thrttle":1}"#, "\"thrttle\" is no fault: use throttle, "),
        (r#"{"throttle":7}"#, "a share from 0"),
        ("throttle", "one JSON object"),
    ] {
        let reply = program.control("PUT", "faults", body);
        assert!(
            reply.status == 400 && reply.json()["message"].as_str().unwrap().contains(words),
            "{reply:?}"
        );
    }
    assert_eq!(program.control("GET", "faults", "").json()["throttle"], 0.0, "a mistake changes nothing");
    program.stop();
}

#[tokio::test]
async fn a_reset_brings_back_the_streams_and_faults_of_the_start() {
    let home = Home::new("");
    let program = Program::start(&home, &["--stream", "clicks:2", "--fault", "record-bytes-max=100"]);
    let client = program.client();
    assert_eq!(put(&client, "clicks", "k", "x").await, "ok");
    let old = conformance::iterator(&client, "clicks", 0, ShardIteratorType::TrimHorizon).await;
    assert_eq!(code(&client.create_stream().stream_name("later").shard_count(1).send().await), "ok");
    let split = client.split_shard().stream_name("clicks").shard_to_split("shardId-000000000000");
    assert_eq!(code(&split.new_starting_hash_key("5").send().await), "ok");
    assert_eq!(program.control("PUT", "faults", r#"{"server-error":1}"#).status, 200);

    assert_eq!(program.control("POST", "reset", "").status, 200);
    assert_eq!(client.list_streams().send().await.unwrap().stream_names, ["clicks"]);
    let shards = client.list_shards().stream_name("clicks").send().await.unwrap();
    assert_eq!(shards.shards().len(), 2);
    assert!(read_all(&client, "clicks", 2).await.is_empty());
    assert_eq!(program.control("GET", "faults", "").json()["record-bytes-max"], 100);
    // A reader from before goes on with what is put after it.
    assert_eq!(put(&client, "clicks", "k", "y").await, "ok");
    let mut seen = read_from(&client, old).await;
    seen.extend(
        read_from(&client, conformance::iterator(&client, "clicks", 1, ShardIteratorType::TrimHorizon).await)
            .await,
    );
    assert_eq!(seen.len(), 1);
    program.stop();
}

#[tokio::test]
async fn what_was_put_is_listed_decoded_and_in_its_order() {
    let home = Home::new("");
    let program = Program::start(&home, &["--stream", "clicks:4", "--stream", "orders"]);
    let client = program.client();
    let data: [&[u8]; 4] = [br#"{"b":1.10,"a":2}"#, b"plain", b"eyJhIjoxfQ==", &[0xff]];
    for (n, data) in data.into_iter().enumerate() {
        let key = format!("user-{n}");
        let sent = client.put_record().stream_name("clicks").partition_key(&key).data(Blob::new(data));
        let sent = sent.send().await.unwrap();
        let last = program.control("GET", "records", "").json()["clicks"]["records"][n].clone();
        assert_eq!(
            (&last["shardId"], &last["sequenceNumber"], &last["partitionKey"]),
            (&json!(sent.shard_id), &json!(sent.sequence_number), &json!(key))
        );
        assert!(last["arrivedAt"].as_str().unwrap().ends_with('Z'), "{last}");
        // Records of one millisecond have no order between shards.
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let all = program.control("GET", "records?stream=clicks", "");
    assert!(all.text().contains(r#""data":{"b":1.10,"a":2}"#), "as it was put: {}", all.text());
    let all = all.json();
    let seen: Vec<_> = all["clicks"]["records"].as_array().unwrap().iter().collect();
    let kinds: Vec<_> = seen.iter().map(|record| [&record["encoding"], &record["data"]]).collect();
    assert_eq!(
        kinds[1..],
        [
            [&json!("text"), &json!("plain")],
            [&json!("text"), &json!("eyJhIjoxfQ==")],
            [&json!("base64"), &json!("/w==")]
        ]
    );
    assert!(all.get("orders").is_none());
    let two = program.control("GET", "records?limit=1&stream=clicks", "").json();
    assert_eq!((two["clicks"]["records"].as_array().unwrap().len(), &two["clicks"]["left"]), (1, &json!(3)));
    assert_eq!(program.control("GET", "records?stream=none", "").status, 404);
    assert_eq!(program.control("GET", "records?shard=1", "").status, 400);
    program.stop();
}

#[test]
fn the_control_path_is_for_callers_with_the_keys_alone() {
    let home = Home::new("");
    let program = Program::start(&home, &[]);
    for (method, name) in [("POST", "reset"), ("GET", "faults"), ("GET", "records"), ("GET", "none")] {
        for user in [None, Some("practice:other"), Some("other:practice")] {
            let reply = program.control_as(user, method, name, "");
            assert_eq!(reply.status, 401, "{method} {name} {user:?}: {reply:?}");
        }
    }
    let health = program.control_as(None, "GET", "health", "");
    assert_eq!((health.status, health.json()), (200, json!({ "status": "ok" })), "it shows nothing");
    let reply = program.control("GET", "none", "");
    assert!(reply.status == 404 && reply.text().contains("POST reset"), "{reply:?}");
    assert_eq!(program.control("DELETE", "faults", "").status, 405);
    let keys = format!("Authorization: Basic {}\r\n", STANDARD.encode(KEYS));
    let page = format!("{keys}Origin: https://page.example\r\n");
    assert_eq!(program.control_with(&page, "POST", "reset", "").status, 403, "no web page");
    let rebound = format!("GET /_tributary/records HTTP/1.1\r\nHost: page.example\r\n{keys}\r\n");
    let reply = wire::Connection::open(program.address).unwrap().ask(rebound.as_bytes()).unwrap();
    assert_eq!(reply.status, 403, "no name of a page");
    program.stop();
}

/// Everything of a stream that lasts.
async fn seen(client: &Client) -> String {
    let shards = client.list_shards().stream_name("clicks").send().await.unwrap().shards.unwrap();
    let tags = client.list_tags_for_stream().stream_name("clicks").send().await.unwrap().tags;
    let records = read_all(client, "clicks", u32::try_from(shards.len()).unwrap()).await;
    let streams = client.list_streams().send().await.unwrap().stream_names;
    format!("{streams:?} {tags:?} {shards:#?} {records:#?}")
}

#[tokio::test]
async fn killed_it_goes_on_with_the_streams_shards_and_numbers_of_its_file() {
    let home = Home::new("");
    let file = home.folder().join("state");
    let words = ["--stream", "clicks:2", "--persist", file.to_str().unwrap()];
    let program = Program::start(&home, &words);
    let client = program.client();
    for n in 0..20 {
        assert_eq!(put(&client, "clicks", &format!("k{n}"), format!("before {n}")).await, "ok");
    }
    let split = client.split_shard().stream_name("clicks").shard_to_split("shardId-000000000000");
    assert_eq!(code(&split.new_starting_hash_key("5").send().await), "ok");
    let tag = client.add_tags_to_stream().stream_name("clicks").tags("team", "web").send().await;
    assert_eq!(code(&tag), "ok");
    assert_eq!(code(&client.create_stream().stream_name("later").shard_count(1).send().await), "ok");
    let last = client.put_record().stream_name("clicks").partition_key("k1").data(Blob::new("the last one"));
    let last = last.send().await.unwrap();
    let before = seen(&client).await;
    let needle = STANDARD.encode("the last one");
    wait_until("it is in the file", || fs::read_to_string(&file).unwrap().contains(&needle));
    program.kill();

    let program = Program::start(&home, &words);
    let client = program.client();
    assert_eq!(seen(&client).await, before);
    let next = client.put_record().stream_name("clicks").partition_key("k1").data(Blob::new("and on"));
    let next = next.send().await.unwrap();
    assert_eq!(next.shard_id, last.shard_id);
    assert!(next.sequence_number > last.sequence_number);
    let after = client.get_shard_iterator().stream_name("clicks").shard_id(&last.shard_id);
    let after = after.shard_iterator_type(ShardIteratorType::AfterSequenceNumber);
    let after = after.starting_sequence_number(&last.sequence_number).send().await.unwrap();
    let read = read_from(&client, after.shard_iterator.unwrap()).await;
    assert_eq!(read.iter().map(|record| record.data.as_ref()).collect::<Vec<_>>(), [b"and on"]);

    // Ended in order, it has everything, however short ago.
    let before = seen(&client).await;
    program.stop();
    let program = Program::start(&home, &words);
    assert_eq!(seen(&program.client()).await, before);
    // A reset is kept too.
    assert_eq!(program.control("POST", "reset", "").status, 200);
    program.stop();
    let program = Program::start(&home, &words);
    assert_eq!(program.ready["streams"], json!([{ "name": "clicks", "shards": 2 }]));
    program.stop();
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_file_that_is_no_state_of_it_is_refused_and_stays_as_it_was() {
    let home = Home::new("");
    let file = home.folder().join("state");
    let words = ["--persist", file.to_str().unwrap()];
    Program::start(&home, &words).stop();
    let good = fs::read(&file).unwrap();
    assert_eq!(mode(&file), 0o600);
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    let newer = b"tributary-practice 9 0 0\n".to_vec();
    for (bytes, words_said) in [
        (b"my notes\n".to_vec(), "it is not a state of the practice stream"),
        (Vec::new(), "it is not a state of the practice stream"),
        (good[..good.len() / 2].to_vec(), "it is damaged"),
        (changed, "it is damaged"),
        (newer, "a newer Tributary wrote it"),
    ] {
        fs::write(&file, &bytes).unwrap();
        let (code, said) = refused(&home, &words);
        assert_eq!(code, Some(1), "{said}");
        let is_clear = said.starts_with("tributary: ") && said.contains(words_said);
        assert!(is_clear && said.contains("--persist") && said.lines().count() == 1, "{said}");
        assert_eq!(fs::read(&file).unwrap(), bytes, "{said}");
    }
    let folder = home.folder().to_str().unwrap();
    let (code, said) = refused(&home, &["--persist", folder]);
    assert!(code == Some(1) && said.contains("is no file") && said.lines().count() == 1, "{said}");
    let nowhere = home.folder().join("none/state");
    let (code, said) = refused(&home, &["--persist", nowhere.to_str().unwrap()]);
    assert!(code == Some(1) && said.contains("cannot be written to") && said.lines().count() == 1, "{said}");
    let left = fs::read_dir(home.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().ends_with(".tmp")));
}

#[test]
fn a_file_is_for_one_process_at_a_time() {
    let home = Home::new("");
    let file = home.folder().join("state");
    let words = ["--persist", file.to_str().unwrap()];
    let program = Program::start(&home, &words);
    let (code, said) = refused(&home, &words);
    assert!(code == Some(1) && said.contains("is in use") && said.lines().count() == 1, "{said}");
    // As each write does: a lock of the file itself would be gone now.
    let copy = home.folder().join("copy");
    fs::copy(&file, &copy).unwrap();
    fs::rename(&copy, &file).unwrap();
    let (code, said) = refused(&home, &words);
    assert!(code == Some(1) && said.contains("is in use"), "{said}");
    program.stop();
    Program::start(&home, &words).stop();
}

#[test]
fn wrong_words_and_a_port_in_use_end_with_one_clear_line() {
    let home = Home::new("");
    for (words, said) in [
        (&["--stream", "a b:1"][..], "\"a b\" is no stream name"),
        (&["--stream", "clicks:x"], "\"x\" is no number of shards: write NAME:SHARDS"),
        (&["--stream", "clicks:0"], "at least 1"),
        (&["--stream", "clicks:501"], "500 in all streams"),
        (&["--stream", "a:300", "--stream", "b:201"], "the streams have 501 shards together"),
        (&["--stream", "a:1", "--stream", "a:2"], "names one stream twice"),
        (&["--fault", "slow"], "\"slow\" is no fault: use throttle, "),
        (&["--fault", "throttle=2"], "a share from 0"),
        (&["--fault", "delay-ms"], "a number of milliseconds"),
        (&["--region", "Ireland"], "a region is written like eu-west-1"),
        (&["--account-id", "1234"], "twelve digits"),
        (&["--port", "70000"], "70000"),
        (&["--any-key", "--access-key-id", "x"], "cannot be used with"),
    ] {
        let ended = home.run(&[&["practice"], words].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{words:?}: {ended:?}");
        let first = ended.stderr.lines().next().unwrap_or_default();
        assert!(first.starts_with("error: ") && first.contains(said), "{words:?}: {ended:?}");
    }
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = home.run(&["practice", "--port", &port]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    let said = format!("port {port} of 127.0.0.1 cannot be used: another program listens there");
    assert!(ended.stderr.contains(&said) && ended.stderr.lines().count() == 1, "{ended:?}");
}
