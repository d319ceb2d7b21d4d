//! A run of test events: one event many times, as fast as the endpoint answers or at a rate, as one user or as many.
//! An ordinary sender of the tracking API that sends batches; bounded, and stopped at any moment.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{Shared, test_event::Sender};
use crate::{event::Kind, snippets::edit};

/// Events of one run.
pub const RUN_EVENTS_MAX: u32 = 100_000;
/// Events a second of one run.
pub const RUN_PER_SEC_MAX: u32 = 5_000;
/// Users of one run.
pub const RUN_USERS_MAX: u32 = 100_000;

/// Events of one request, as SDKs send them.
const BATCH_EVENTS_MAX: u32 = 100;
/// And its bytes, below what the endpoint takes by default.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// At a rate: one request so often.
const TICK: Duration = Duration::from_millis(50);
/// How long after 429 or 503 the same batch is sent again, as SDKs do.
const COME_AGAIN: Duration = Duration::from_secs(1);

/// What a run sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestRun {
    /// Which call.
    pub kind: Kind,
    /// The event, a JSON object.
    pub json: String,
    /// The place of the source whose write key is used.
    pub source: usize,
    /// How many; at most [`RUN_EVENTS_MAX`].
    pub events: u32,
    /// How many a second, at most [`RUN_PER_SEC_MAX`]; `None`: as fast as they are accepted.
    pub per_sec: Option<u32>,
    /// Each event is of one of so many users, by chance (`test-user-1` and on); `None`: as `json` says.
    pub users: Option<u32>,
}

/// How a run stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunView {
    /// How many it is to send.
    pub events: u32,
    /// How many were accepted.
    pub accepted: u32,
    /// How many were refused.
    pub rejected: u32,
    /// Why it waits, while it does.
    pub waits: Option<Arc<str>>,
    /// How it ended; `None` while it goes on.
    pub ended: Option<RunEnd>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// All were sent.
    Done,
    /// The user stopped it.
    Stopped,
    /// It could not go on, and this is why.
    Failed(Arc<str>),
}

/// Sends until all is sent or `stop` says so; what is on its way then is still counted.
pub(super) async fn run(shared: Arc<Shared>, run: TestRun, stop: watch::Receiver<bool>) {
    let mut view = RunView { events: run.events.min(RUN_EVENTS_MAX), ..RunView::default() };
    let publish = |view: &RunView| {
        shared.run.send_replace(Arc::new(view.clone()));
        shared.wake_faces();
    };
    publish(&view);
    let sent = send(&shared, &run, &mut view, stop, publish).await;
    let end = sent.unwrap_or_else(|why| RunEnd::Failed(why.into()));
    view.waits = None;
    view.ended = Some(end);
    publish(&view);
}

async fn send(
    shared: &Shared,
    run: &TestRun,
    view: &mut RunView,
    mut stop: watch::Receiver<bool>,
    publish: impl Fn(&RunView),
) -> Result<RunEnd, String> {
    let sender = Arc::new(Sender::of(shared, run.source)?);
    let size = batch_size(run.json.len());
    let began = Instant::now();
    let mut sent = 0;
    while sent < view.events {
        if *stop.borrow() {
            return Ok(RunEnd::Stopped);
        }
        let due = match run.per_sec {
            None => view.events,
            Some(rate) => due_after(began.elapsed(), rate.clamp(1, RUN_PER_SEC_MAX)).min(view.events),
        };
        let count = due.saturating_sub(sent).min(size);
        if count == 0 {
            pause(&mut stop, TICK).await;
            continue;
        }
        let body: Arc<str> = batch(run, count)?.into();
        let (accepted, rejected) = loop {
            let (status, answer) = sender.post("batch", Arc::clone(&body)).await?;
            match status {
                200 => break counts(&answer, count),
                429 | 503 => {
                    view.waits = Some(said(&answer).into());
                    publish(view);
                    if pause(&mut stop, COME_AGAIN).await {
                        return Ok(RunEnd::Stopped);
                    }
                }
                _ => return Err(format!("the endpoint answered {status}: {}", said(&answer))),
            }
        };
        sent += count;
        view.waits = None;
        view.accepted += accepted;
        view.rejected += rejected;
        publish(view);
    }
    Ok(RunEnd::Done)
}

/// Waits so long, or until it is told to stop: true.
async fn pause(stop: &mut watch::Receiver<bool>, pause: Duration) -> bool {
    // Who could have told it is gone: nobody will.
    let told = async {
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::time::timeout(pause, told).await.is_ok()
}

/// How many events of that size fit a request.
fn batch_size(bytes: usize) -> u32 {
    let fit = BATCH_BYTES_MAX / (bytes + 64).min(BATCH_BYTES_MAX);
    u32::try_from(fit).unwrap_or(BATCH_EVENTS_MAX).clamp(1, BATCH_EVENTS_MAX)
}

/// How many events are due by then. The first one is at once.
fn due_after(passed: Duration, per_sec: u32) -> u32 {
    let due = passed.as_millis() * u128::from(per_sec) / 1000;
    u32::try_from(due).unwrap_or(u32::MAX).saturating_add(1)
}

fn batch(run: &TestRun, count: u32) -> Result<String, String> {
    // One messageId for all would make repeats of them.
    let event = edit::as_new(&run.json).ok_or("the event is no JSON object")?;
    let typed =
        edit::set(&event, "type", &edit::quoted(run.kind.as_str())).ok_or("the event is no JSON object")?;
    let mut body = String::from("{\"batch\":[");
    for number in 0..count {
        if number > 0 {
            body.push(',');
        }
        match run.users {
            None => body.push_str(&typed),
            Some(users) => {
                let user = format!("\"test-user-{}\"", fastrand::u32(1..=users.clamp(1, RUN_USERS_MAX)));
                body.push_str(&edit::set(&typed, "userId", &user).ok_or("the event is no JSON object")?);
            }
        }
    }
    body.push_str("]}");
    Ok(body)
}

/// Accepted and rejected, as the endpoint says.
fn counts(answer: &str, sent: u32) -> (u32, u32) {
    let answer: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    let count =
        |name| answer.get(name).and_then(serde_json::Value::as_u64).and_then(|n| u32::try_from(n).ok());
    (count("accepted").unwrap_or(sent), count("rejected").unwrap_or(0))
}

fn said(answer: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    parsed.get("message").and_then(serde_json::Value::as_str).unwrap_or(answer).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(users: Option<u32>) -> TestRun {
        let json = r#"{"userId":"ada","n":1.10}"#.to_owned();
        TestRun { kind: Kind::Track, json, source: 0, events: 3, per_sec: None, users }
    }

    #[test]
    fn a_batch_holds_the_event_as_it_is_but_for_its_type_and_user() {
        let body = batch(&run(None), 2).expect("a batch");
        assert_eq!(
            body,
            r#"{"batch":[{"userId":"ada","n":1.10,"type":"track"},{"userId":"ada","n":1.10,"type":"track"}]}"#
        );
        let body = batch(&run(Some(1)), 1).expect("a batch");
        assert_eq!(body, r#"{"batch":[{"userId":"test-user-1","n":1.10,"type":"track"}]}"#);
        let json = r#"{"messageId":"m-1","userId":"ada"}"#.to_owned();
        let body = batch(&TestRun { json, ..run(None) }, 1).expect("a batch");
        assert_eq!(body, r#"{"batch":[{"userId":"ada","type":"track"}]}"#, "each gets an id of its own");
    }

    #[test]
    fn a_rate_is_kept_on_average_and_large_events_come_in_small_batches() {
        assert_eq!((due_after(Duration::ZERO, 10), due_after(Duration::from_secs(3), 10)), (1, 31));
        assert_eq!((batch_size(200), batch_size(300_000), batch_size(usize::MAX / 2)), (100, 3, 1));
    }
}
