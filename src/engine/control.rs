//! The control port. Through it `tributary resend`, `tributary adopt`, `tributary set-aside`, `tributary check --endpoint`, `tributary log
//! --summary` and a second start of the window send requests to a running engine. It is a port on loopback. `engine.json`
//! holds its address and the key of this run, and only the owner of the data folder can read that file. Requests and replies
//! are lines of JSON. The protocol is not HTTP, so that no web page can send a request.
//!
//! The caller sends its request in one line and then only reads; if it closes the connection, the work stops. A line may have
//! at most 1 MiB and must arrive within two seconds. A connection whose key is not checked yet can be closed to make room for
//! newer ones. At most eight callers with the key are served at a time.

use std::{io, sync::Arc, time::Duration};

use serde::Serialize;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Take},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::{JoinError, JoinSet},
};

use super::{
    adopt,
    answer::STEPS_MAX,
    control_message::{
        AdoptReply, AdoptRequest, CheckReply, ControlRequest, DeliveryLimit, LimitReply, ResendReply,
        ResendRequest, WindowReply,
    },
    message::Failure,
    public_check, resend,
    shared::Shared,
};
use crate::{
    delivery::{Adopting, Limit},
    remedy,
    slots::{Limits, Rank, Slot, Slots},
};

const CALLERS: Limits = Limits { connections: 16, authenticated: 8 };
const LINE_BYTES_MAX: u64 = 1 << 20;

/// How long a caller may take to send its line.
const LINE_TIME_MAX: Duration = Duration::from_secs(2);

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often a caller gets the progress of a resend or an adoption.
const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// Serves callers as long as the engine runs.
pub(super) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    let mut callers = JoinSet::new();
    let slots = Slots::new(CALLERS);
    // The future is kept across iterations: dropping it half way would drop the connection that it has accepted.
    let mut accepting = std::pin::pin!(accept(&listener, &slots));
    loop {
        tokio::select! {
            accepted = accepting.as_mut() => {
                match accepted {
                    Ok((stream, slot)) => {
                        callers.spawn(serve(Arc::clone(&shared), stream, slot));
                        // Yield: the key of a caller whose line has arrived is checked before the next connection is accepted.
                        tokio::task::yield_now().await;
                    }
                    Err(error) => {
                        // No more file descriptors, for example.
                        tracing::warn!("a connection to the control port could not be accepted: {error}");
                        slots.make_room();
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
                accepting.set(accept(&listener, &slots));
            }
            Some(ended) = callers.join_next() => {
                shared.problems.job_ended(ended.is_err_and(|error: JoinError| error.is_panic()));
            }
        }
    }
}

/// A connection, once there is a slot for it.
async fn accept(listener: &TcpListener, slots: &Arc<Slots>) -> io::Result<(TcpStream, Slot)> {
    let (stream, _peer) = listener.accept().await?;
    Ok((stream, slots.take().await))
}

/// Serves one caller. Without a line, or without the right key, it gets no answer.
async fn serve(shared: Arc<Shared>, stream: TcpStream, slot: Slot) {
    let (reading, writing) = stream.into_split();
    let mut caller = Caller { reading: BufReader::new(reading.take(LINE_BYTES_MAX)), writing };
    let mut line = String::new();
    tokio::select! {
        // Read what has arrived before the timeout is checked: on a slow machine both may be ready.
        biased;
        read = caller.reading.read_line(&mut line) => if !matches!(read, Ok(1..)) { return },
        () = slot.wanted() => return,
        () = tokio::time::sleep(LINE_TIME_MAX) => return,
    }
    let Ok(request) = serde_json::from_str::<ControlRequest>(&line) else { return };
    drop(line);
    if !is_same(request.key(), &shared.control_key) {
        tracing::warn!("a connection to the control port did not send the key of this run");
        return;
    }
    if !slot.authenticate(Rank::Authenticated) {
        tracing::warn!("the control port has as many callers as it takes at a time");
        // The other requests have no reply for this: their connection is closed.
        if matches!(request, ControlRequest::Resend(_)) {
            let busy = "the engine already serves the maximum number of requests; try again later";
            caller.send_last(&ResendReply::Failed(busy.to_owned())).await;
        }
        return;
    }
    let _busy = Arc::new(slot).busy();
    match request {
        ControlRequest::Check(request) if request.check_public => check(shared, &mut caller).await,
        ControlRequest::Limit(request) if request.what_holds => {
            caller.send_last(&LimitReply { limit: delivery_limit(&shared) }).await;
        }
        ControlRequest::Window(request) if request.show_window => {
            caller.send_last(&WindowReply { is_shown: shared.faces.request_window() }).await;
        }
        ControlRequest::Adopt(request) => adopt(shared, request, &mut caller).await,
        ControlRequest::Resend(request) => resend(shared, request, &mut caller).await,
        ControlRequest::Check(_) | ControlRequest::Limit(_) | ControlRequest::Window(_) => {}
    }
}

struct Caller {
    reading: BufReader<Take<OwnedReadHalf>>,
    writing: OwnedWriteHalf,
}

impl Caller {
    /// Sends one line.
    async fn send(&mut self, reply: &impl Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.writing.write_all(&line).await
    }

    /// Sends the last line. Errors are ignored: the caller may be gone.
    async fn send_last(&mut self, reply: &impl Serialize) {
        drop(self.send(reply).await);
    }

    /// Returns when the caller has closed the connection. Bytes after the first line count as a close.
    async fn closed(&mut self) {
        // An error means the same.
        drop(self.reading.read(&mut [0]).await);
    }
}

/// Resends, counts what would be resent, or sets aside. The resend stops when its caller is gone.
async fn resend(shared: Arc<Shared>, request: ResendRequest, caller: &mut Caller) {
    if request.set_aside {
        let done = shared.set_aside_stuck().await;
        caller.send_last(&done.map_or_else(failed, ResendReply::SetAside)).await;
        return;
    }
    if request.dry_run {
        let counted = resend::count(&shared, request.selection).await;
        caller.send_last(&counted.map_or_else(failed, ResendReply::Done)).await;
        return;
    }
    let progress = shared.resend.progress();
    let work = resend::run(&shared, request.selection, request.rate);
    let so_far = || ResendReply::SoFar(progress.borrow().unwrap_or_default());
    let ended = while_told(caller, work, so_far, || shared.resend.stop()).await;
    caller.send_last(&ended.map_or_else(failed, ResendReply::Done)).await;
}

/// Adopts another data folder. Stops when its caller is gone; the next request goes on.
async fn adopt(shared: Arc<Shared>, request: AdoptRequest, caller: &mut Caller) {
    let progress = shared.adoption.progress();
    let work = adopt::run(&shared, request.adopt, request.leave_damaged);
    let so_far = || AdoptReply::SoFar(progress.borrow().unwrap_or(Adopting::Checking(0)));
    let ended = while_told(caller, work, so_far, || shared.adoption.stop()).await;
    let refused = |failure: Failure| AdoptReply::Failed(failure.into());
    caller.send_last(&ended.map_or_else(refused, AdoptReply::Done)).await;
}

/// Waits for the work, and meanwhile tells the caller how far it is. When the caller is gone the work is stopped.
async fn while_told<T, R: Serialize>(
    caller: &mut Caller,
    work: impl Future<Output = T>,
    so_far: impl Fn() -> R,
    stop: impl Fn(),
) -> T {
    let mut work = std::pin::pin!(work);
    let mut ticks = tokio::time::interval(PROGRESS_EVERY);
    let mut is_gone = false;
    loop {
        tokio::select! {
            ended = &mut work => return ended,
            _ = ticks.tick(), if !is_gone => is_gone = caller.send(&so_far()).await.is_err(),
            () = caller.closed(), if !is_gone => is_gone = true,
        }
        if is_gone {
            stop();
        }
    }
}

fn failed(failure: Failure) -> ResendReply {
    ResendReply::Failed(failure.into())
}

fn delivery_limit(shared: &Shared) -> Option<DeliveryLimit> {
    let bound = shared.stream_report.borrow().bound.clone()?;
    let [what, action] = remedy::bound(&bound, &shared.config.borrow());
    let partition_key = match &bound.limit {
        Limit::Order { key, .. } => Some(key.to_string()),
        Limit::Puts | Limit::Shards | Limit::Processor | Limit::Disk | Limit::Server => None,
    };
    let name = bound.limit.as_str().to_owned();
    Some(DeliveryLimit { name, events_per_second: bound.per_sec, partition_key, what, action })
}

/// Checks the public address for as long as the caller listens.
async fn check(shared: Arc<Shared>, caller: &mut Caller) {
    let (report, mut steps) = mpsc::channel(STEPS_MAX);
    // The channel has room for every step.
    let mut work = std::pin::pin!(public_check::run(shared, move |step| drop(report.try_send(step))));
    loop {
        tokio::select! {
            biased;
            Some(step) = steps.recv() => {
                if caller.send(&CheckReply::of(&step)).await.is_err() {
                    return;
                }
            }
            () = &mut work => break,
            () = caller.closed() => return,
        }
    }
    while let Ok(step) = steps.try_recv() {
        drop(caller.send(&CheckReply::of(&step)).await);
    }
    caller.send_last(&CheckReply::Done).await;
}

/// Compares every byte, so that the duration does not tell how much of a key is right.
fn is_same(given: &str, wanted: &str) -> bool {
    let differences = given.bytes().zip(wanted.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    given.len() == wanted.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_whole_or_not_at_all() {
        assert!(is_same("abc", "abc"));
        for wrong in ["", "ab", "abd", "abcd"] {
            assert!(!is_same(wrong, "abc"), "{wrong}");
        }
    }
}
