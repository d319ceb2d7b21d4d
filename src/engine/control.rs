//! How `tributary resend`, `tributary set-aside`, `tributary check --endpoint` and a second start of the window talk to a
//! running engine: a port on loopback, named in `engine.json` together with the key of this run, which its owner alone can
//! read. A line of JSON each way; not HTTP, so that no web page can ask.
//!
//! The caller says what it wants in its first line and then only listens; when it hangs up, the work stops. A line has at
//! most 1 MiB, and two seconds to come; until its key is seen, its connection makes room for newer ones. At most eight
//! callers with the key at a time.

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
    delivery::{AwsError, CheckStep, Limit, ResendSelection, Resent, Verdict},
    remedy,
    slots::{Limits, Rank, Slot, Slots},
};

const CALLERS: Limits = Limits { connections: 16, authenticated: 8 };
const LINE_BYTES_MAX: u64 = 1 << 20;

/// How long a caller may take to show the key.
const LINE_TIME_MAX: Duration = Duration::from_secs(2);

/// How long the engine may take to accept a caller, and to answer what it knows without work.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(5);

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
    which: ResendSelection,
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
    fn of(step: &CheckStep) -> Self {
        let (name, detail) = (step.name.to_string(), step.detail.clone());
        match &step.verdict {
            Verdict::Passed => Self::Passed { name, detail },
            Verdict::Skipped => Self::Skipped { name, detail },
            Verdict::Failed(fault) => {
                Self::Failed { name, code: fault.code.to_string(), message: fault.message.to_string() }
            }
        }
    }

    /// `None`: there are no more.
    fn step(self) -> Option<CheckStep> {
        let (name, verdict, detail) = match self {
            Self::Passed { name, detail } => (name, Verdict::Passed, detail),
            Self::Skipped { name, detail } => (name, Verdict::Skipped, detail),
            Self::Failed { name, code, message } => {
                (name, Verdict::Failed(AwsError::new(code, message)), String::new())
            }
            Self::Done => return None,
        };
        Some(CheckStep { name: name.into(), verdict, detail, found: None })
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

/// What a caller asks for.
enum Order {
    Check,
    Hold,
    ShowWindow,
    Resend(Request),
}

impl Order {
    /// The order, where the line is one with this run's key.
    fn of(line: &str, control_key: &str) -> Option<Self> {
        let (key, order) = if let Ok(request) = serde_json::from_str::<CheckRequest>(line) {
            (request.key, request.check_public.then_some(Self::Check))
        } else if let Ok(request) = serde_json::from_str::<HoldRequest>(line) {
            (request.key, request.what_holds.then_some(Self::Hold))
        } else if let Ok(request) = serde_json::from_str::<WindowRequest>(line) {
            (request.key, request.show_window.then_some(Self::ShowWindow))
        } else {
            let request = serde_json::from_str::<Request>(line).ok()?;
            (request.key.clone(), Some(Self::Resend(request)))
        };
        if same(&key, control_key) {
            order
        } else {
            tracing::warn!("somebody without this run's key gave the engine an order");
            None
        }
    }
}

/// Serves callers as long as the engine runs.
pub(super) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let mut callers = JoinSet::new();
    let places = Slots::new(CALLERS);
    // One future for each connection: to drop it half way would drop the connection.
    let mut accepting = std::pin::pin!(accept(&listener, &places));
    loop {
        tokio::select! {
            accepted = accepting.as_mut() => {
                match accepted {
                    Ok((stream, place)) => {
                        callers.spawn(serve(Arc::clone(&shared), stream, place));
                        // A caller whose line has arrived shows its key before the next one comes.
                        tokio::task::yield_now().await;
                    }
                    Err(error) => {
                        // Out of file descriptors, say.
                        tracing::warn!("an order could not be taken: {error}");
                        places.make_room();
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
                accepting.set(accept(&listener, &places));
            }
            Some(ended) = callers.join_next() => shared.errand_ended(&ended),
        }
    }
}

/// A caller, once there is a place for it.
async fn accept(listener: &TcpListener, places: &Arc<Slots>) -> io::Result<(tokio::net::TcpStream, Slot)> {
    let (stream, _peer) = listener.accept().await?;
    Ok((stream, places.take().await))
}

/// A caller that breaks off or knows no key hears nothing.
async fn serve(shared: Arc<Shared>, stream: tokio::net::TcpStream, place: Slot) {
    let (reading, mut writing) = stream.into_split();
    let mut reading = tokio::io::BufReader::new(reading.take(LINE_BYTES_MAX));
    let mut line = String::new();
    tokio::select! {
        // First what has arrived: a slow machine is not its sender's fault.
        biased;
        read = reading.read_line(&mut line) => if !matches!(read, Ok(1..)) { return },
        () = place.wanted() => return,
        () = tokio::time::sleep(LINE_TIME_MAX) => return,
    }
    let Some(order) = Order::of(&line, &shared.control_key) else { return };
    drop(line);
    if !place.authenticate(Rank::Authenticated) {
        tracing::warn!("as many orders as the engine takes at a time are being carried out");
        // The others have no words for it: they are hung up on.
        if matches!(order, Order::Resend(_)) {
            let busy = "as many orders as the engine takes at a time are being carried out; try again later";
            drop(say(&mut writing, &Reply::Failed(busy.to_owned())).await);
        }
        return;
    }
    let _busy = place.busy();
    match order {
        Order::Check => check(shared, &mut reading, &mut writing).await,
        Order::Hold => drop(say(&mut writing, &HoldReply { holds: hold(&shared) }).await),
        Order::ShowWindow => {
            let is_shown = shared.window.is_there.load(Ordering::Acquire);
            shared.window.is_called.store(is_shown, Ordering::Release);
            shared.wake_faces();
            drop(say(&mut writing, &WindowReply { is_shown }).await);
        }
        Order::Resend(request) => carry_out(shared, request, (&mut reading, &mut writing)).await,
    }
}

/// Resends, counts what would be resent, or sets aside; a caller that hangs up stops it.
async fn carry_out(
    shared: Arc<Shared>,
    request: Request,
    (reading, writing): (&mut (impl tokio::io::AsyncRead + Unpin), &mut tokio::net::tcp::OwnedWriteHalf),
) {
    if request.set_aside {
        let ended = shared.set_aside_stuck().await;
        drop(say(writing, &ended.map_or_else(Reply::Failed, Reply::SetAside)).await);
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
                    hung_up = say(writing, &Reply::SoFar(done)).await.is_err();
                }
                _ended_or_broken = reading.read(&mut byte), if !hung_up => hung_up = true,
            }
            if hung_up {
                shared.stop_resending.store(true, Ordering::Release);
            }
        }
    };
    // Nobody may hear it any more.
    drop(say(writing, &ended.map_or_else(Reply::Failed, Reply::Done)).await);
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
    // Before it connects: the engine waits a short time for the line.
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    let stream = TcpStream::connect_timeout(&address, ANSWER_TIME_MAX)?;
    stream.set_read_timeout(patience)?;
    (&stream).write_all(&line)?;
    Ok(BufReader::new(stream).lines())
}

fn no_answer(access: &ControlAccess, why: &dyn std::fmt::Display) -> String {
    format!("the engine at {} does not answer ({why})", access.address)
}

/// Has the engine check its public address; blocks until it is done. `tell` hears each step.
pub(super) fn check_public(access: &ControlAccess, mut tell: impl FnMut(CheckStep)) -> Result<(), String> {
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
    let mut lines = send(access, &request, Some(ANSWER_TIME_MAX)).map_err(|error| gone(&error))?;
    let line = lines.next().ok_or_else(|| gone(&"an engine of an older version cannot say it"))?;
    let line = line.map_err(|error| gone(&error))?;
    let reply: HoldReply = serde_json::from_str(&line).map_err(|error| gone(&error))?;
    Ok(reply.holds)
}

/// Has the engine at `access` bring the window over it to the front. False: there is none.
pub(super) fn show_window(access: &ControlAccess) -> Result<bool, String> {
    let gone = |error: &dyn std::fmt::Display| no_answer(access, error);
    let request = WindowRequest { key: access.key.clone(), show_window: true };
    let mut lines = send(access, &request, Some(ANSWER_TIME_MAX)).map_err(|error| gone(&error))?;
    let line = lines.next().ok_or_else(|| gone(&"an engine of an older version cannot show its window"))?;
    let line = line.map_err(|error| gone(&error))?;
    let reply: WindowReply = serde_json::from_str(&line).map_err(|error| gone(&error))?;
    Ok(reply.is_shown)
}

/// Asks the engine that `access` leads to; blocks until it is done. `tell` hears how far it is.
pub(super) fn ask(
    access: &ControlAccess,
    (which, rate, dry_run): (ResendSelection, Option<NonZeroU32>, bool),
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
    let which = ResendSelection::Lines(Vec::new());
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
