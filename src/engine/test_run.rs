//! A test run: one event sent many times, as fast as the endpoint answers or at a rate, as one user or as many. It sends
//! batches to the capture endpoint as any SDK does, is bounded, and can be stopped at any moment.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{
    command::{RUN_EVENTS_MAX, RUN_PER_SEC_MAX, RUN_USERS_MAX, TestRun},
    job::Run,
    message::chain,
    run_view::{RunEnd, RunView},
    shared::Shared,
    test_event::{SendError, Sender},
};
use crate::snippets::edit;

/// Events per request, as SDKs send them.
const BATCH_EVENTS_MAX: u32 = 100;
/// Bytes per request, below what the endpoint takes by default.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// The pause between requests of a run with a rate.
const TICK: Duration = Duration::from_millis(50);
/// The pause after 429 or 503, as SDKs make it, before the same batch is sent again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("the event is no JSON object")]
    NoObject,
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("the endpoint answered {status}: {message}")]
    Refused { status: u16, message: String },
}

/// Sends until all events are sent or the run is stopped; a request that is under way then is still counted.
pub(super) async fn run(shared: Arc<Shared>, run: Run<Arc<RunView>>, plan: TestRun) {
    let mut view = RunView { events: plan.events.min(RUN_EVENTS_MAX), ..RunView::default() };
    let publish = |view: &RunView| {
        run.report(Arc::new(view.clone()));
        shared.faces.wake();
    };
    publish(&view);
    let sent = send(&shared, &run, &plan, &mut view, publish).await;
    view.waits = None;
    view.ended = Some(sent.unwrap_or_else(|error| RunEnd::Failed(chain(&error).into())));
    run.finish(Arc::new(view));
    shared.faces.wake();
}

async fn send(
    shared: &Shared,
    run: &Run<Arc<RunView>>,
    plan: &TestRun,
    view: &mut RunView,
    publish: impl Fn(&RunView),
) -> Result<RunEnd, RunError> {
    let sender = Arc::new(Sender::to_this_engine(shared, plan.source)?);
    let size = batch_size(plan.json.len());
    let began = Instant::now();
    let mut sent = 0;
    while sent < view.events {
        if run.is_stopped() {
            return Ok(RunEnd::Stopped);
        }
        let due = match plan.per_sec {
            None => view.events,
            Some(rate) => due_after(began.elapsed(), rate.clamp(1, RUN_PER_SEC_MAX)).min(view.events),
        };
        let count = due.saturating_sub(sent).min(size);
        if count == 0 {
            pause(run, TICK).await;
            continue;
        }
        let body: Arc<str> = batch(plan, count).ok_or(RunError::NoObject)?.into();
        let counts = loop {
            let answer = sender.post(&shared.tasks, "batch", Arc::clone(&body)).await?;
            match answer.status {
                200 => {
                    let assumed = Counts { accepted: count, rejected: 0 };
                    break serde_json::from_str(&answer.body).unwrap_or(assumed);
                }
                429 | 503 => {
                    view.waits = Some(message_of(&answer.body).into());
                    publish(view);
                    pause(run, RETRY_AFTER).await;
                    if run.is_stopped() {
                        return Ok(RunEnd::Stopped);
                    }
                }
                status => return Err(RunError::Refused { status, message: message_of(&answer.body) }),
            }
        };
        sent += count;
        view.waits = None;
        view.accepted += counts.accepted;
        view.rejected += counts.rejected;
        publish(view);
    }
    Ok(RunEnd::Done)
}

/// Waits this long, or until the run is stopped.
async fn pause(run: &Run<Arc<RunView>>, pause: Duration) {
    drop(tokio::time::timeout(pause, run.stop().cancelled()).await);
}

/// How many events of `bytes` each fit one request.
fn batch_size(bytes: usize) -> u32 {
    let fit = BATCH_BYTES_MAX / (bytes + 64).min(BATCH_BYTES_MAX);
    u32::try_from(fit).unwrap_or(BATCH_EVENTS_MAX).clamp(1, BATCH_EVENTS_MAX)
}

/// How many events are due after this time; the first one is due at once.
fn due_after(passed: Duration, per_sec: u32) -> u32 {
    let due = passed.as_millis() * u128::from(per_sec) / 1000;
    u32::try_from(due).unwrap_or(u32::MAX).saturating_add(1)
}

/// The JSON of a batch with `count` copies of the event. `None`: the event is no JSON object.
fn batch(run: &TestRun, count: u32) -> Option<String> {
    // Events with one messageId would count as repeats.
    let event = edit::as_new(&run.json)?;
    let typed = edit::set(&event, "type", &edit::quoted(run.kind.as_str()))?;
    let mut body = String::from("{\"batch\":[");
    for number in 0..count {
        if number > 0 {
            body.push(',');
        }
        match run.users {
            None => body.push_str(&typed),
            Some(users) => {
                let user = format!("\"test-user-{}\"", fastrand::u32(1..=users.clamp(1, RUN_USERS_MAX)));
                body.push_str(&edit::set(&typed, "userId", &user)?);
            }
        }
    }
    body.push_str("]}");
    Some(body)
}

/// The counts in the endpoint's answer to a batch.
#[derive(Deserialize)]
struct Counts {
    accepted: u32,
    #[serde(default)]
    rejected: u32,
}

/// The message of an answer that refuses a batch.
fn message_of(answer: &str) -> String {
    let parsed: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
    parsed.get("message").and_then(serde_json::Value::as_str).unwrap_or(answer).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Kind;

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
