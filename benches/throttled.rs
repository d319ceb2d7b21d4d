//! How much of a stream's limit is used while it throttles all the time. The practice stream has the limits of AWS's
//! shards (1,000 records a second each, and one second's worth at once), and the backlog exceeds them. Both operations
//! are measured. The times are those at which the stream says that its records arrived.
//!
//! `cargo bench --bench throttled` fails if an event is missing, stored twice or out of order, or if less than nine
//! tenths of the limit are used.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use tributary::{
    config::{Config, Operation, Source},
    delivery::{Query, ReadFrom, Record},
    engine::{Engine, Paths, RunningEngine},
    event::Encoding,
    kinesis::{Access, Client, Reader},
    practice::Faults,
};

const KEY: &str = "throttled";
const USERS: usize = 400;
const EACH: usize = 100;

/// Records of a shard a second, and also at once after a rest (`practice::shard`).
const SHARD_RECORDS: f64 = 1000.0;

/// Number of records, of each ten of a shard, that are measured: at the end too few events wait to use the limit.
const LOOKED_AT: usize = 9;

const SHARE_MIN: f64 = 0.9;

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` and `cargo bench` pass arguments of their own.
    for operation in Operation::ALL {
        run(operation)?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the figures")]
fn run(operation: Operation) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = Config::default();
    config.capture.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.capture.sources.push(Source::new("Benchmark", KEY));
    config.destination.operation = operation;
    config.destination.encoding = Encoding::Json;
    config.destination.enabled = false;
    let paths = Paths { config_file: None, data_dir: folder.path().to_owned() };
    let engine = Engine::start(config.clone(), paths)?;
    engine.practice().set_faults(Faults { shard_limits: true, ..Faults::default() });
    let address = engine.status().endpoint.or_else(|| listening(&engine)).context("no endpoint")?;
    fill(address)?;
    let began = Instant::now();
    config.destination.enabled = true;
    engine.settings().apply(config.clone());
    while engine.status().ledger.delivered < (USERS * EACH) as u64 {
        ensure!(began.elapsed() < Duration::from_mins(5), "not delivered in five minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
    let took = began.elapsed();
    let records = records(&config, folder.path())?;
    check_order(&records)?;
    let puts = puts_an_event(&engine)?;
    println!("{}: {} records in {took:.1?}, {puts:.2} puts each", operation.as_str(), records.len());
    for (shard, arrived) in by_shard(&records) {
        let some = &arrived[..arrived.len() * LOOKED_AT / 10];
        let seconds = (some[some.len() - 1] - some[0]) as f64 / 1000.0;
        let share = some.len() as f64 / (SHARD_RECORDS * (1.0 + seconds));
        println!("  {shard}: {} records in {seconds:.2} s, {:.1} % of its limit", some.len(), share * 100.0);
        ensure!(share >= SHARE_MIN, "less than nine tenths; at 1.00 puts each, this machine was too slow");
    }
    engine.shutdown(Duration::from_secs(5));
    Ok(())
}

fn listening(engine: &Engine) -> Option<SocketAddr> {
    (0..200).find_map(|_| {
        std::thread::sleep(Duration::from_millis(10));
        engine.status().endpoint
    })
}

/// The backlog: each user's events in order.
fn fill(address: SocketAddr) -> anyhow::Result<()> {
    for n in 0..EACH {
        let event = |user| format!(r#"{{"type":"track","userId":"user-{user}","event":"Tick","n":{n}}}"#);
        let events: Vec<_> = (0..USERS).map(event).collect();
        let body = format!(r#"{{"writeKey":"{KEY}","batch":[{}]}}"#, events.join(","));
        let mut socket = TcpStream::connect(address)?;
        let head = "POST /v1/batch HTTP/1.1\r\nHost: localhost\r\nConnection: close";
        write!(socket, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    Ok(())
}

/// All records of the practice stream, in the order of each shard.
fn records(config: &Config, data_dir: &Path) -> anyhow::Result<Vec<Record>> {
    let practice =
        RunningEngine::find(data_dir).context("no engine")?.practice.context("the practice stream")?;
    let access = Access {
        endpoint_url: practice.endpoint_url,
        stream: practice.stream,
        access_key_id: practice.access_key_id,
        secret_access_key: practice.secret_access_key,
        puts_max: 1,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::connect(config, Some(&access)).await;
        let said = |fault| anyhow::anyhow!("{fault}");
        let mut reader = Reader::open(&client, ReadFrom::Oldest, None).await.map_err(said)?;
        let mut all = Vec::new();
        loop {
            let round = reader.round().await.map_err(said)?;
            if round.records.is_empty() {
                return Ok(all);
            }
            all.extend(round.records);
        }
    })
}

fn check_order(records: &[Record]) -> anyhow::Result<()> {
    let mut users: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for record in records {
        let event: serde_json::Value = serde_json::from_slice(&record.data)?;
        users.entry(&record.partition_key).or_default().push(event["n"].as_u64().context("a number")?);
    }
    ensure!(users.len() == USERS, "{} users", users.len());
    for (user, order) in users {
        ensure!(order == (0..EACH as u64).collect::<Vec<_>>(), "{user}: {order:?}");
    }
    Ok(())
}

/// When each record arrived, by shard.
fn by_shard(records: &[Record]) -> BTreeMap<&str, Vec<i64>> {
    let mut shards: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for record in records {
        shards.entry(&record.shard_id).or_default().push(record.arrived_at.unwrap_or_default());
    }
    shards
}

/// How often an event was put until it was taken: the cost of throttling.
fn puts_an_event(engine: &Engine) -> anyhow::Result<f64> {
    let query = Query { limit: USERS * EACH, ..Query::default() };
    let page = engine.log().page(query).wait().context("no page")?.map_err(anyhow::Error::msg)?;
    let puts: u64 = page.rows.iter().map(|row| u64::from(row.attempts)).sum();
    Ok(puts as f64 / page.rows.len() as f64)
}
