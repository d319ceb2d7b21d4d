//! A Kinesis that does nothing: it reads requests, counts their records and answers as Kinesis would, after a latency.
//! One thread, no JSON parser, no signature check: a few hundred nanoseconds a record.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use memchr::memmem::Finder;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinSet,
};

/// What it saw.
#[derive(Debug)]
struct Seen {
    since: Instant,
    records: AtomicU64,
    calls: AtomicU64,
    /// Microseconds from `since` to the last record.
    last: AtomicU64,
    /// The user number of each record and when it was answered, where that is asked for.
    answered: Option<Mutex<Vec<(u64, Instant)>>>,
}

/// A running sink; ends when dropped.
#[derive(Debug)]
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Seen>,
    _stop: oneshot::Sender<()>,
}

impl Sink {
    /// Starts one. `notes_users`: remember when each user's record was answered.
    pub fn start(latency: Duration, notes_users: bool) -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let seen = Arc::new(Seen {
            since: Instant::now(),
            records: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            last: AtomicU64::new(0),
            answered: notes_users.then(Mutex::default),
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let for_thread = Arc::clone(&seen);
        std::thread::Builder::new().name("sink".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = stopped => {}
                    ended = accept(listener, for_thread, latency) => drop(ended),
                }
            });
        })?;
        Ok(Self { address, seen, _stop: stop })
    }

    /// Where the program under test sends.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Records so far.
    pub fn records(&self) -> u64 {
        self.seen.records.load(Ordering::Acquire)
    }

    /// Calls so far.
    pub fn calls(&self) -> u64 {
        self.seen.calls.load(Ordering::Acquire)
    }

    /// When the last record came.
    pub fn last(&self) -> Instant {
        self.seen.since + Duration::from_micros(self.seen.last.load(Ordering::Acquire))
    }

    /// The user number of each record and when it was answered.
    pub fn answered(&self) -> Vec<(u64, Instant)> {
        let noted = self.seen.answered.as_ref();
        noted.map(|all| all.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }

    /// Waits for so many records; the error says how far it came.
    pub fn wait_for(&self, records: u64, at_most: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + at_most;
        while self.records() < records {
            anyhow::ensure!(
                Instant::now() < until,
                "after {at_most:?} only {} of {records} records had reached the sink",
                self.records()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

async fn accept(listener: std::net::TcpListener, seen: Arc<Seen>, latency: Duration) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        connections.spawn(serve(stream, Arc::clone(&seen), latency));
        while connections.try_join_next().is_some() {}
    }
}

/// A connection that breaks is the sender's affair.
async fn serve(mut stream: TcpStream, seen: Arc<Seen>, latency: Duration) -> std::io::Result<()> {
    let head_end = Finder::new(b"\r\n\r\n");
    let key = Finder::new(b"\"PartitionKey\":\"");
    let mut buffer = vec![0; 2 << 20];
    let mut filled = 0;
    let mut answer = String::new();
    loop {
        let (body_at, length) = loop {
            if let Some(end) = head_end.find(&buffer[..filled]) {
                break (end + 4, content_length(&buffer[..end]));
            }
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
        };
        let whole = body_at + length;
        if buffer.len() < whole {
            buffer.resize(whole, 0);
        }
        while filled < whole {
            let read = stream.read(&mut buffer[filled..]).await?;
            if read == 0 {
                return Ok(());
            }
            filled += read;
        }
        let is_batch = buffer[..body_at].windows(10).any(|ten| ten == b"PutRecords");
        let body = &buffer[body_at..whole];
        let keys: Vec<usize> = key.find_iter(body).collect();
        let count = keys.len() as u64;
        let number = seen.records.fetch_add(count, Ordering::AcqRel);
        seen.calls.fetch_add(1, Ordering::AcqRel);
        let now = u64::try_from(seen.since.elapsed().as_micros()).unwrap_or(u64::MAX);
        seen.last.fetch_max(now, Ordering::AcqRel);
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        if let Some(noted) = &seen.answered {
            let now = Instant::now();
            let mut noted = noted.lock().unwrap_or_else(PoisonError::into_inner);
            // After the member's name and `user-` come eight digits.
            noted.extend(keys.iter().filter_map(|at| Some((number_at(body, at + 16 + 5)?, now))));
        }
        write_answer(&mut answer, is_batch, number, count);
        stream.write_all(answer.as_bytes()).await?;
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
    }
}

fn number_at(body: &[u8], at: usize) -> Option<u64> {
    std::str::from_utf8(body.get(at..at + 8)?).ok()?.parse().ok()
}

fn content_length(head: &[u8]) -> usize {
    let lines = head.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    let length = lines.filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    length.unwrap_or(0)
}

fn write_answer(answer: &mut String, is_batch: bool, first: u64, count: u64) {
    use std::fmt::Write;
    // 56 digits, as Kinesis gives them.
    let entry = |number: u64| {
        format!(
            "{{\"SequenceNumber\":\"496543269573985634983{number:035}\",\"ShardId\":\"shardId-000000000000\"}}"
        )
    };
    let size = entry(0).len();
    let count = usize::try_from(count).unwrap_or(0);
    let (open, close) = if is_batch { ("{\"FailedRecordCount\":0,\"Records\":[", "]}") } else { ("", "") };
    let length = open.len() + close.len() + count * size + count.saturating_sub(1);
    answer.clear();
    let wrote = write!(
        answer,
        "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: bench\r\n\
         content-length: {length}\r\n\r\n{open}"
    );
    debug_assert!(wrote.is_ok(), "a String takes everything");
    for (index, number) in (first..).take(count).enumerate() {
        if index > 0 {
            answer.push(',');
        }
        answer.push_str(&entry(number));
    }
    answer.push_str(close);
}
