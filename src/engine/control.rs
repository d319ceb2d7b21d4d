//! How `tributary resend`, `tributary set-aside`, `tributary check --endpoint` and a second start of the window talk to a
//! running engine: a port on loopback, named in `engine.json` together with the key of this run, which its owner alone can
//! read. A line of JSON each way; not HTTP, so that no web page can ask.
//!
//! The caller says what it wants in its first line and then only listens; when it hangs up, the work stops. At most
//! eight callers at a time, a line of at most 1 MiB, five seconds for it.

use std::{
    io::{self, BufRead, BufReader, Lines, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
    task::JoinSet,
};

use super::{ControlAccess, STEPS_MAX, Shared, public_check, resend};
use crate::{
    delivery::{Fault, Limit, PUBLIC_STEPS, Resent, Step, Verdict, Which},
    remedy,
};

const CALLERS_MAX: usize = 8;
const LINE_BYTES_MAX: u64 = 1 << 20;
const LINE_TIME_MAX: Duration = Duration::from_secs(5);

/// The pause after a caller could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a caller hears how far it is; and after how much silence it may think the engine gone.
const TELL_EVERY: Duration = Duration::from_millis(500);
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// How long one step of a check may take: a host of several addresses that do not answer, each for its time.
const CHECK_STEP_MAX: Duration = Duration::from_mins(2);

/// What a caller wants.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    key: String,
    which: Which,
    rate: Option<NonZeroU32>,
    dry_run: bool,
    /// Instead: set aside what the destination keeps refusing.
    #[serde(default)]
    set_aside: bool,
}

/// What a caller wants who has the public address checked.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CheckRequest {
    key: String,
    check_public: bool,
}

/// What a second start of the program wants: the window in front.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowRequest {
    key: String,
    show_window: bool,
}

/// What a caller wants who asks what holds delivery back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HoldRequest {
    key: String,
    what_holds: bool,
}

/// What holds delivery back while the queue grows, as `log --summary` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hold {
    /// The word of the limit ([`crate::delivery::Limit`]).
    pub name: String,
    /// Events that are delivered a second.
    pub events_per_second: f64,
    /// Of the order: the partition key with most events that wait.
    pub partition_key: Option<String>,
    /// What is seen.
    pub what: String,
    /// What would give more.
    pub action: String,
}

/// `None`: nothing.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HoldReply {
    holds: Option<Hold>,
}

/// Whether the engine has a window.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WindowReply {
    is_shown: bool,
}

/// A step of that check, and the end.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CheckReply {
    Passed { name: String, detail: String },
    Skipped { name: String, detail: String },
    Failed { name: String, code: String, message: String },
    Done,
}

impl CheckReply {
    fn of(step: &Step) -> Self {
        let (name, detail) = (step.name.to_owned(), step.detail.clone());
        match &step.verdict {
            Verdict::Passed => Self::Passed { name, detail },
            Verdict::Skipped => Self::Skipped { name, detail },
            Verdict::Failed(fault) => {
                Self::Failed { name, code: fault.code.to_string(), message: fault.message.to_string() }
            }
        }
    }

    /// `None`: there are no more.
    fn step(self) -> Option<Step> {
        let (name, verdict, detail) = match self {
            Self::Passed { name, detail } => (name, Verdict::Passed, detail),
            Self::Skipped { name, detail } => (name, Verdict::Skipped, detail),
            Self::Failed { name, code, message } => {
                (name, Verdict::Failed(Fault::new(code, message)), String::new())
            }
            Self::Done => return None,
        };
        let name = PUBLIC_STEPS.into_iter().find(|known| *known == name).unwrap_or("step");
        Some(Step { name, verdict, detail, found: None })
    }
}

/// What it hears.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Reply {
    /// So far.
    SoFar(Resent),
    /// The end.
    Done(Resent),
    /// The end: so many events were set aside.
    SetAside(u64),
    /// The end, by a fault.
    Failed(String),
}

/// Serves callers as long as the engine runs.
pub(super) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let mut callers = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) if callers.len() < CALLERS_MAX => {
                    callers.spawn(serve(Arc::clone(&shared), stream));
                }
                Ok(_) => {}
                Err(error) => {
                    // Out of file descriptors, say.
                    tracing::warn!("an order could not be taken: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_ended) = callers.join_next() => {}
        }
    }
}

/// A caller that breaks off or knows no key hears nothing.
async fn serve(shared: Arc<Shared>, stream: tokio::net::TcpStream) {
    let (reading, mut writing) = stream.into_split();
    let mut reading = tokio::io::BufReader::new(reading.take(LINE_BYTES_MAX));
    let mut line = String::new();
    match tokio::time::timeout(LINE_TIME_MAX, reading.read_line(&mut line)).await {
        Ok(Ok(1..)) => {}
        Ok(Ok(0) | Err(_)) | Err(_) => return,
    }
    if let Ok(request) = serde_json::from_str::<CheckRequest>(&line) {
        if same(&request.key, &shared.control_key) && request.check_public {
            check(shared, &mut reading, &mut writing).await;
        }
        return;
    }
    if let Ok(request) = serde_json::from_str::<HoldRequest>(&line) {
        if same(&request.key, &shared.control_key) && request.what_holds {
            drop(say(&mut writing, &HoldReply { holds: hold(&shared) }).await);
        }
        return;
    }
    if let Ok(request) = serde_json::from_str::<WindowRequest>(&line) {
        if same(&request.key, &shared.control_key) && request.show_window {
            let is_shown = shared.window.is_there.load(Ordering::Acquire);
            shared.window.is_called.store(is_shown, Ordering::Release);
            shared.wake_faces();
            drop(say(&mut writing, &WindowReply { is_shown }).await);
        }
        return;
    }
    let Ok(request) = serde_json::from_str::<Request>(&line) else { return };
    if !same(&request.key, &shared.control_key) {
        tracing::warn!("somebody without this run's key gave the engine an order");
        return;
    }
    if request.set_aside {
        let ended = shared.set_aside_stuck().await;
        drop(say(&mut writing, &ended.map_or_else(Reply::Failed, Reply::SetAside)).await);
        return;
    }
    let ended = if request.dry_run {
        resend::count(shared, request.which).await
    } else {
        let mut so_far = shared.resending.subscribe();
        let work = resend::run(Arc::clone(&shared), request.which, request.rate);
        let mut work = std::pin::pin!(work);
        let mut ticks = tokio::time::interval(TELL_EVERY);
        let mut hung_up = false;
        let mut byte = [0];
        loop {
            tokio::select! {
                ended = &mut work => break ended,
                _ = ticks.tick(), if !hung_up => {
                    let done = so_far.borrow_and_update().unwrap_or_default();
                    hung_up = say(&mut writing, &Reply::SoFar(done)).await.is_err();
                }
                _ended_or_broken = reading.read(&mut byte), if !hung_up => hung_up = true,
            }
            if hung_up {
                shared.stop_resending.store(true, Ordering::Release);
            }
        }
    };
    // Nobody may hear it any more.
    drop(say(&mut writing, &ended.map_or_else(Reply::Failed, Reply::Done)).await);
}

fn hold(shared: &Shared) -> Option<Hold> {
    let bound = shared.news_of_stream.borrow().bound.clone()?;
    let [what, action] = remedy::bound(&bound, &shared.config.borrow());
    let partition_key = match &bound.limit {
        Limit::Order { key, .. } => Some(key.to_string()),
        Limit::Puts | Limit::Shards | Limit::Processor | Limit::Disk | Limit::Server => None,
    };
    let name = bound.limit.as_str().to_owned();
    Some(Hold { name, events_per_second: bound.per_sec, partition_key, what, action })
}

/// Checks the public address for a caller, as long as it listens.
async fn check(
    shared: Arc<Shared>,
    reading: &mut (impl tokio::io::AsyncRead + Unpin),
    writing: &mut tokio::net::tcp::OwnedWriteHalf,
) {
    let (report, mut steps) = mpsc::channel(STEPS_MAX);
    // The channel has room for every step.
    let work = public_check::run(shared, move |step| drop(report.try_send(step)));
    let mut work = std::pin::pin!(work);
    let mut byte = [0];
    loop {
        tokio::select! {
            biased;
            Some(step) = steps.recv() => {
                if say(writing, &CheckReply::of(&step)).await.is_err() {
                    return;
                }
            }
            () = &mut work => break,
            _ended_or_broken = reading.read(&mut byte) => return,
        }
    }
    while let Ok(step) = steps.try_recv() {
        drop(say(writing, &CheckReply::of(&step)).await);
    }
    // Nobody may hear it any more.
    drop(say(writing, &CheckReply::Done).await);
}

async fn say(writing: &mut tokio::net::tcp::OwnedWriteHalf, reply: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(reply)?;
    line.push(b'\n');
    writing.write_all(&line).await
}

/// Takes as long for a key that is nearly right as for one that is not.
fn same(given: &str, wanted: &str) -> bool {
    let differences = given.bytes().zip(wanted.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == wanted.len() && differences == 0
}

/// Sends a request to the engine at `access`; gives the lines of its answer, each within `patience` (`None`: however long
/// it takes).
fn send(
    access: &ControlAccess,
    request: &impl Serialize,
    patience: Option<Duration>,
) -> io::Result<Lines<BufReader<TcpStream>>> {
    let address: SocketAddr = access.address.parse().map_err(io::Error::other)?;
    let stream = TcpStream::connect_timeout(&address, LINE_TIME_MAX)?;
    stream.set_read_timeout(patience)?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    (&stream).write_all(&line)?;
    Ok(BufReader::new(stream).lines())
}

fn no_answer(access: &ControlAccess, why: &dyn std::fmt::Display) -> String {
    format!("the engine at {} does not answer ({why})", access.address)
}

/// Has the engine check its public address; blocks until it is done. `tell` hears each step.
pub(super) fn check_public(access: &ControlAccess, mut tell: impl FnMut(Step)) -> Result<(), String> {
    let gone = |error: &dyn std::fmt::Display| no_answer(access, error);
    let request = CheckRequest { key: access.key.clone(), check_public: true };
    for line in send(access, &request, Some(CHECK_STEP_MAX)).map_err(|error| gone(&error))? {
        let line = line.map_err(|error| gone(&error))?;
        match serde_json::from_str::<CheckReply>(&line).map_err(|error| gone(&error))?.step() {
            Some(step) => tell(step),
            None => return Ok(()),
        }
    }
    Err(gone(&"it hung up; an engine of an older version cannot check its public address"))
}

/// Asks the engine at `access` what holds delivery back.
pub(super) fn what_holds(access: &ControlAccess) -> Result<Option<Hold>, String> {
    let gone = |error: &dyn std::fmt::Display| no_answer(access, error);
    let request = HoldRequest { key: access.key.clone(), what_holds: true };
    let mut lines = send(access, &request, Some(LINE_TIME_MAX)).map_err(|error| gone(&error))?;
    let line = lines.next().ok_or_else(|| gone(&"an engine of an older version cannot say it"))?;
    let line = line.map_err(|error| gone(&error))?;
    let reply: HoldReply = serde_json::from_str(&line).map_err(|error| gone(&error))?;
    Ok(reply.holds)
}

/// Has the engine at `access` bring the window over it to the front. False: there is none.
pub(super) fn show_window(access: &ControlAccess) -> Result<bool, String> {
    let gone = |error: &dyn std::fmt::Display| no_answer(access, error);
    let request = WindowRequest { key: access.key.clone(), show_window: true };
    let mut lines = send(access, &request, Some(LINE_TIME_MAX)).map_err(|error| gone(&error))?;
    let line = lines.next().ok_or_else(|| gone(&"an engine of an older version cannot show its window"))?;
    let line = line.map_err(|error| gone(&error))?;
    let reply: WindowReply = serde_json::from_str(&line).map_err(|error| gone(&error))?;
    Ok(reply.is_shown)
}

/// Asks the engine that `access` leads to; blocks until it is done. `tell` hears how far it is.
pub(super) fn ask(
    access: &ControlAccess,
    (which, rate, dry_run): (Which, Option<NonZeroU32>, bool),
    tell: impl FnMut(&Resent),
) -> Result<Resent, String> {
    let request = Request { key: access.key.clone(), which, rate, dry_run, set_aside: false };
    match order(access, &request, tell)? {
        Reply::Done(done) | Reply::SoFar(done) => Ok(done),
        Reply::SetAside(_) => Err("the engine answered something else than it was asked".to_owned()),
        Reply::Failed(why) => Err(why),
    }
}

/// Asks that engine to set aside what the destination keeps refusing; gives how many events those were.
pub(super) fn set_aside(access: &ControlAccess) -> Result<u64, String> {
    let which = Which::Lines(Vec::new());
    let request = Request { key: access.key.clone(), which, rate: None, dry_run: false, set_aside: true };
    match order(access, &request, |_| {})? {
        Reply::SetAside(count) => Ok(count),
        Reply::Failed(why) => Err(why),
        Reply::SoFar(_) | Reply::Done(_) => {
            Err("the engine that runs is older than this program and cannot do that: start it again"
                .to_owned())
        }
    }
}

fn order(access: &ControlAccess, request: &Request, mut tell: impl FnMut(&Resent)) -> Result<Reply, String> {
    let gone =
        |error: &dyn std::fmt::Display| format!("{}; what it had done stays done", no_answer(access, error));
    // Counting says nothing before its end.
    let patience = if request.dry_run { None } else { Some(SILENCE_MAX) };
    for line in send(access, request, patience).map_err(|error| gone(&error))? {
        let line = line.map_err(|error| gone(&error))?;
        match serde_json::from_str(&line).map_err(|error| gone(&error))? {
            Reply::SoFar(done) => tell(&done),
            end @ (Reply::Done(_) | Reply::SetAside(_) | Reply::Failed(_)) => return Ok(end),
        }
    }
    Err(gone(&"it hung up"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_whole_or_not_at_all() {
        assert!(same("abc", "abc"));
        for wrong in ["", "ab", "abd", "abcd"] {
            assert!(!same(wrong, "abc"), "{wrong}");
        }
    }
}
