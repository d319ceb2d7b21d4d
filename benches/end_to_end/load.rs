//! The load generator: keep-alive connections that send prepared requests, in which only the ids change. It costs a few
//! microseconds per request, so that the program under test is measured. It sends as fast as answers come ([`flood`]),
//! or at a steady rate whatever the answers are ([`pace`]).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    task::JoinSet,
};

use crate::template::{Template, item};

/// The pause of a sender that was told to come again.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The form of a request with several events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The form of the tracking API: `{"batch":[…]}` to `/v1/batch`.
    Api,
    /// The same with small events.
    Small,
    /// A JSON array to `/v1/track`, as other forwarders take it.
    Array,
}

impl Form {
    fn template(self, events: usize) -> Template {
        match self {
            Self::Array if events > 1 => Template::of((events, item(false)), "/v1/track", ["[", "]"]),
            Self::Api | Self::Array => Template::new(events),
            Self::Small => Template::of((events, item(true)), "/v1/batch", ["{\"batch\":[", "]}"]),
        }
    }
}

/// A load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The endpoint.
    pub to: SocketAddr,
    /// Number of connections, each with one request under way.
    pub connections: usize,
    /// Events per request. 1: to `/v1/track`; more: to `/v1/batch`.
    pub per_request: usize,
    /// Number of `userId`s.
    pub users: u64,
    /// The number of the first event. No two events of a run have the same number.
    pub first: u64,
    /// Number of events.
    pub events: u64,
    /// The form of a request with several events.
    pub form: Form,
}

/// The result of a load.
#[derive(Debug, Default)]
pub struct Sent {
    /// Events answered with 200.
    pub accepted: u64,
    /// Requests answered with 429 or 503, and sent again.
    pub refused: u64,
    /// From the first byte to the last answer.
    pub took: Duration,
    /// The time of the last answer. [`flood`] and [`pace`] always set it.
    pub ended: Option<Instant>,
    /// Microseconds from each request to its answer, in no order.
    pub latencies: Vec<u32>,
    /// When the request of each event began, by the number of the event. Only [`pace`] sets it.
    pub began: Vec<(u64, Instant)>,
}

/// The status of a complete answer; `None`: more is to be read.
fn status_of(answer: &[u8]) -> Option<u16> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    if answer.len() < end + 4 + length {
        return None;
    }
    head.split(' ').nth(1)?.parse().ok()
}

/// Sends as fast as answers come.
pub fn flood(load: Load) -> anyhow::Result<Sent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let next = Arc::new(AtomicU64::new(0));
        let mut connections = JoinSet::new();
        let mut streams = Vec::new();
        for _ in 0..load.connections {
            let stream = tokio::net::TcpStream::connect(load.to).await?;
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let began = Instant::now();
        for stream in streams {
            connections.spawn(flood_one(load, stream, Arc::clone(&next)));
        }
        let mut all = Sent::default();
        while let Some(sent) = connections.join_next().await {
            let sent = sent??;
            all.accepted += sent.accepted;
            all.refused += sent.refused;
            all.latencies.extend(sent.latencies);
        }
        all.took = began.elapsed();
        all.ended = Some(Instant::now());
        Ok(all)
    })
}

async fn flood_one(
    load: Load,
    mut stream: tokio::net::TcpStream,
    next: Arc<AtomicU64>,
) -> anyhow::Result<Sent> {
    let mut template = load.form.template(load.per_request);
    let per_request = load.per_request as u64;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let mut sent = Sent::default();
    loop {
        let index = next.fetch_add(per_request, Ordering::Relaxed);
        if index >= load.events {
            return Ok(sent);
        }
        let request = template.stamp(load.first + index, load.users);
        loop {
            let began = Instant::now();
            stream.write_all(request).await?;
            let mut length = 0;
            let status = loop {
                let read = stream.read(&mut answer[length..]).await?;
                anyhow::ensure!(read > 0, "the connection ended before its answer");
                length += read;
                if let Some(status) = status_of(&answer[..length]) {
                    break status;
                }
            };
            match status {
                200 => {
                    sent.latencies.push(micros(began.elapsed()));
                    sent.accepted += per_request;
                    break;
                }
                429 | 503 => {
                    sent.refused += 1;
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
                other => anyhow::bail!("answer {other}: {}", String::from_utf8_lossy(&answer[..length])),
            }
        }
    }
}

/// Sends at this number of events a second. Each request has its own due time. A request whose connection is late
/// counts from the due time.
pub fn pace(load: Load, per_second: u32) -> anyhow::Result<Sent> {
    pace_counted(load, per_second, &AtomicU64::new(0))
}

/// The same. Meanwhile `accepted` counts the accepted events.
pub fn pace_counted(load: Load, per_second: u32, accepted: &AtomicU64) -> anyhow::Result<Sent> {
    let gap = Duration::from_secs(1) / per_second;
    let start = Instant::now() + Duration::from_millis(50);
    let (lanes, per_request) = (load.connections as u64, load.per_request as u64);
    let all = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..lanes)
            .map(|lane| {
                let due = (lane * per_request..load.events)
                    .step_by(load.connections * load.per_request)
                    .map(move |index| (index, start + gap * u32::try_from(index).unwrap_or(u32::MAX)));
                std::thread::Builder::new()
                    .name(format!("pace-{lane}"))
                    .stack_size(128 << 10)
                    .spawn_scoped(scope, move || pace_one(load, due, accepted))
            })
            .collect();
        let mut all = Sent::default();
        for thread in threads {
            let sent = thread?.join().map_err(|_panic| anyhow::anyhow!("a sender panicked"))??;
            all.accepted += sent.accepted;
            all.latencies.extend(sent.latencies);
            all.began.extend(sent.began);
        }
        Ok::<_, anyhow::Error>(all)
    })?;
    Ok(Sent { took: start.elapsed(), ended: Some(Instant::now()), ..all })
}

fn pace_one(
    load: Load,
    due: impl Iterator<Item = (u64, Instant)>,
    accepted: &AtomicU64,
) -> anyhow::Result<Sent> {
    let per_request = load.per_request as u64;
    let mut stream = TcpStream::connect(load.to)?;
    stream.set_nodelay(true)?;
    let mut template = load.form.template(load.per_request);
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    let mut sent = Sent::default();
    for (index, due) in due {
        let event = load.first + index;
        let request = template.stamp(event, load.users);
        let ahead = due.saturating_duration_since(Instant::now());
        std::thread::sleep(ahead);
        let began = if ahead.is_zero() { due } else { Instant::now() };
        stream.write_all(request)?;
        let mut length = 0;
        let status = loop {
            let read = stream.read(&mut answer[length..])?;
            anyhow::ensure!(read > 0, "the connection ended before its answer");
            length += read;
            if let Some(status) = status_of(&answer[..length]) {
                break status;
            }
        };
        anyhow::ensure!(status == 200, "answer {status}: {}", String::from_utf8_lossy(&answer[..length]));
        sent.latencies.push(micros(began.elapsed()));
        sent.began.extend((event..event + per_request).map(|event| (event, began)));
        sent.accepted += per_request;
        accepted.fetch_add(per_request, Ordering::Relaxed);
    }
    Ok(sent)
}

/// Whole microseconds.
pub fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
