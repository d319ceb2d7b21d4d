//! The limits of the parts alone, measured in the same run on the same machine. Each part runs in a child process (this
//! benchmark, started again with `--part`), so that its CPU time is its own:
//!
//! - (a) an axum handler that checks that the body is JSON, and answers;
//! - (b) SQLite bulk inserts with the same sync;
//! - (c) the SDK's calls to the same sink.
//!
//! Also one `fdatasync` of the same disk and, for rows about the sender's wait, the time that (a) and (b) take for one
//! event at the same rate.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;
use aws_sdk_kinesis::{
    Client,
    config::{
        BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    primitives::Blob,
    types::PutRecordsRequestEntry,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    load::{Load, flood, micros, pace},
    process::{cpu, end, free_address, get},
    report::{Quantiles, Waits},
    sink::Sink,
    template::EVENT_BYTES,
};

/// Minimum distance in the load between two events of the same key: the limit need not keep them in order.
const USERS: u64 = 10_000;

/// A part, in a child process.
#[derive(Clone, Debug, clap::Args)]
pub struct PartArgs {
    /// The part: bare-axum, bare-sqlite, bare-sdk
    #[arg(long, hide = true)]
    part: Option<String>,
    #[arg(long, hide = true)]
    address: Option<SocketAddr>,
    #[arg(long, hide = true)]
    file: Option<std::path::PathBuf>,
    #[arg(long, hide = true, default_value_t = 0)]
    count: u64,
    #[arg(long, hide = true, default_value_t = 1)]
    group: u64,
    #[arg(long, hide = true, default_value_t = 1)]
    parallel: usize,
    /// Commits a second; 0: as many as possible.
    #[arg(long, hide = true, default_value_t = 0)]
    pace: u32,
}

impl PartArgs {
    /// Runs the part that the options name, if they name one.
    pub fn run(&self) -> Option<anyhow::Result<()>> {
        Some(match self.part.as_deref()? {
            "bare-axum" => self.axum(),
            "bare-sqlite" => self.sqlite(),
            "bare-sdk" => self.sdk(),
            other => Err(anyhow::anyhow!("no part is called {other}")),
        })
    }

    fn axum(&self) -> anyhow::Result<()> {
        let address = self.address.context("--address")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let app = Router::new()
                .route("/v1/track", post(check_json))
                .route("/v1/batch", post(check_json))
                .route("/ready", axum::routing::get(|| async { "ready" }));
            Ok(axum::serve(TcpListener::bind(address).await?, app).await?)
        })
    }

    fn sqlite(&self) -> anyhow::Result<()> {
        let file = self.file.as_ref().context("--file")?;
        let connection = rusqlite::Connection::open(file)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE event (id INTEGER PRIMARY KEY, body BLOB NOT NULL);",
        )?;
        let body = [b'x'; EVENT_BYTES];
        let gap = Duration::from_secs(1).checked_div(self.pace).unwrap_or_default();
        let mut waits = Vec::new();
        let (began, cpu_before) = (Instant::now(), cpu(std::process::id()));
        let mut done = 0;
        while done < self.count {
            std::thread::sleep(
                (began + gap * u32::try_from(done)?).saturating_duration_since(Instant::now()),
            );
            let due = Instant::now();
            connection.execute_batch("BEGIN IMMEDIATE")?;
            let mut insert = connection.prepare_cached("INSERT INTO event (body) VALUES (?1)")?;
            for _ in 0..self.group {
                insert.execute([&body[..]])?;
            }
            connection.execute_batch("COMMIT")?;
            done += self.group;
            waits.push(micros(due.elapsed()));
        }
        if self.pace > 0 {
            return say(&Quantiles::of(&mut waits));
        }
        tell(done, began, cpu_before)
    }

    fn sdk(&self) -> anyhow::Result<()> {
        let address = self.address.context("--address")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let client = client(&format!("http://{address}"));
            let (began, cpu_before) = (Instant::now(), cpu(std::process::id()));
            let mut calls = JoinSet::new();
            let mut done = 0;
            while done < self.count {
                while calls.len() < self.parallel && done < self.count {
                    calls.spawn(call(client.clone(), done, self.group));
                    done += self.group;
                }
                if let Some(answered) = calls.join_next().await {
                    answered??;
                }
            }
            while let Some(answered) = calls.join_next().await {
                answered??;
            }
            tell(done, began, cpu_before)
        })
    }
}

async fn check_json(body: Bytes) -> (StatusCode, &'static str) {
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => (StatusCode::OK, "{\"success\":true}"),
        Err(_) => (StatusCode::BAD_REQUEST, "{\"success\":false}"),
    }
}

/// Like the forwarder's: no retries, timeouts set, no stalled-stream protection.
fn client(url: &str) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(10))
        .operation_attempt_timeout(Duration::from_secs(15))
        .build();
    let http =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_sdk_kinesis::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new("AKIAIOSFODNN7EXAMPLE", "secret", None, None, "bench"))
        .http_client(http)
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}

/// Puts `group` records of the size that the default encoding makes of an event: one with `PutRecord`, more with
/// `PutRecords`.
async fn call(client: Client, first: u64, group: u64) -> anyhow::Result<()> {
    let data = vec![b'x'; STANDARD.encode([0; EVENT_BYTES]).len()];
    let key = |number: u64| format!("user-{:08}", number % USERS);
    if group == 1 {
        let sent = client.put_record().stream_name("bench").partition_key(key(first)).data(Blob::new(data));
        sent.send().await?;
        return Ok(());
    }
    let mut records = Vec::with_capacity(usize::try_from(group)?);
    for number in first..first + group {
        let entry = PutRecordsRequestEntry::builder().partition_key(key(number));
        records.push(entry.data(Blob::new(data.clone())).build()?);
    }
    client.put_records().stream_name("bench").set_records(Some(records)).send().await?;
    Ok(())
}

/// The result of a part.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Limit {
    /// Events or records a second.
    pub per_second: f64,
    /// CPU time of each in microseconds; `None` if the system does not tell it.
    pub cpu_us: Option<f64>,
}

impl Limit {
    fn new(count: u64, took: Duration, cpu: Option<Duration>) -> Self {
        Self {
            per_second: count as f64 / took.as_secs_f64(),
            cpu_us: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / count as f64),
        }
    }
}

fn tell(count: u64, began: Instant, before: Option<Duration>) -> anyhow::Result<()> {
    let after = cpu(std::process::id());
    let used = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    say(&Limit::new(count, began.elapsed(), used))
}

#[expect(clippy::print_stdout, reason = "how a child tells its parent")]
fn say(what: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(what)?);
    Ok(())
}

fn child(part: &str, args: &[&str]) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--part", part]).args(args).stdin(Stdio::null()).stdout(Stdio::piped());
    command.spawn().with_context(|| format!("{part} did not start"))
}

fn told<T: for<'de> Deserialize<'de>>(child: Child) -> anyhow::Result<T> {
    let output = child.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "a part failed: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// (a), with the load that the program under test got.
pub fn axum_limit(load: Load) -> anyhow::Result<Limit> {
    let (address, mut child) = bare_axum()?;
    let before = cpu(child.id());
    let sent = flood(Load { to: address, ..load });
    let after = cpu(child.id());
    end(&mut child);
    let sent = sent?;
    let used = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    Ok(Limit::new(sent.accepted, sent.took, used))
}

fn bare_axum() -> anyhow::Result<(SocketAddr, Child)> {
    let address = free_address()?;
    let child = child("bare-axum", &["--address", &address.to_string()])?;
    let until = Instant::now() + Duration::from_secs(10);
    while get(address, "/ready").is_none() {
        anyhow::ensure!(Instant::now() < until, "the bare handler did not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok((address, child))
}

/// The time of (a) to answer and of (b) to commit one row, at this rate.
pub fn waits(dir: &Path, load: Load, per_second: u32) -> anyhow::Result<Waits> {
    let (address, mut bare) = bare_axum()?;
    let sent = pace(Load { to: address, ..load }, per_second);
    end(&mut bare);
    let file = dir.join("bare-waits.sqlite3");
    let file = file.to_str().context("the folder's name is no UTF-8")?;
    let (rows, pace) = (load.events.to_string(), per_second.to_string());
    let commits: Option<Quantiles> =
        told(child("bare-sqlite", &["--file", file, "--count", &rows, "--pace", &pace])?)?;
    Ok(Waits {
        axum: Quantiles::of(&mut sent?.latencies).context("nothing was answered")?,
        sqlite: commits.context("nothing was committed")?,
    })
}

/// (b), with this number of rows per transaction.
pub fn sqlite_limit(dir: &Path, rows: u64, group: u64) -> anyhow::Result<Limit> {
    let file = dir.join("bare.sqlite3");
    let file = file.to_str().context("the folder's name is no UTF-8")?;
    let (rows, group) = (rows.to_string(), group.to_string());
    told(child("bare-sqlite", &["--file", file, "--count", &rows, "--group", &group])?)
}

/// (c), with this number of records per call and of calls at a time.
pub fn sdk_limit(records: u64, group: u64, parallel: usize, latency: Duration) -> anyhow::Result<Limit> {
    let sink = Sink::start(latency, false, None)?;
    let address = sink.address.to_string();
    let (records, group, parallel) = (records.to_string(), group.to_string(), parallel.to_string());
    let args = ["--address", &address, "--count", &records, "--group", &group, "--parallel", &parallel];
    told(child("bare-sdk", &args)?)
}

/// Times to write 4 KiB in place and sync them, in microseconds, sorted: the minimum cost of "safe on disk".
pub fn sync_limit(dir: &Path, times: u32) -> anyhow::Result<Vec<u32>> {
    const BLOCK: usize = 4096;
    let mut file = File::create(dir.join("bare-sync"))?;
    file.write_all(&vec![0; BLOCK * 256])?;
    file.sync_all()?;
    let mut all = Vec::new();
    for time in 0..times {
        file.seek(SeekFrom::Start(BLOCK as u64 * u64::from(time % 256)))?;
        let began = Instant::now();
        file.write_all(&[b'x'; BLOCK])?;
        file.sync_data()?;
        all.push(crate::load::micros(began.elapsed()));
    }
    all.sort_unstable();
    Ok(all)
}
