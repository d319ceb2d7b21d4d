//! The board: one [`Status`] for the faces, put together from what the parts report; at most twenty times a second,
//! and not at all while nothing happens.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{PRACTICE_STREAM, Shared};
use crate::{
    clock::now_ms,
    delivery::{Intake, Ledger, Status},
    spool::Summary,
};

const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// Seconds of history.
const SECONDS: usize = 120;

/// Keeps the status up to date until the engine stops, and wakes the faces for each change but the passing of time.
/// Costs nothing while nothing changes.
pub(super) async fn run(shared: Arc<Shared>, mut summary: watch::Receiver<Summary>) {
    let mut forwarder = shared.forwarder.subscribe();
    let mut endpoint = shared.endpoint.subscribe();
    let mut resending = shared.resending.subscribe();
    let mut exporting = shared.exporting.subscribe();
    let mut sending = shared.sending.subscribe();
    let mut stuck = shared.stuck.subscribe();
    let mut puts = shared.puts.subscribe();
    let mut rates = Rates::new(summary.borrow().ledger);
    let mut is_news = true;
    loop {
        // A copy: the spool's writer waits for this guard before it answers senders.
        let (changed, now) = {
            let seen = summary.borrow_and_update();
            (seen.has_changed(), seen.clone())
        };
        is_news |= changed;
        let status = status(&shared, &now, &mut rates);
        // Changes in the moment after a tick are shown now, and would otherwise wake nobody.
        is_news |= [forwarder.has_changed(), endpoint.has_changed()]
            .into_iter()
            .any(|changed| changed.unwrap_or(true))
            || [resending.has_changed(), exporting.has_changed(), sending.has_changed(), puts.has_changed()]
                .into_iter()
                .any(|changed| changed.unwrap_or(true));
        forwarder.mark_unchanged();
        endpoint.mark_unchanged();
        resending.mark_unchanged();
        exporting.mark_unchanged();
        sending.mark_unchanged();
        stuck.mark_unchanged();
        puts.mark_unchanged();
        shared.status.send_replace(Arc::new(status));
        // That a second has passed is no news: a face that draws the rates knows by itself that they move.
        if is_news {
            shared.wake_faces();
        }
        let tick = rates.next_tick();
        let waits = tick.is_some();
        is_news = true;
        tokio::select! {
            changed = summary.changed() => if changed.is_err() { return },
            changed = forwarder.changed() => if changed.is_err() { return },
            changed = endpoint.changed() => if changed.is_err() { return },
            changed = resending.changed() => if changed.is_err() { return },
            changed = exporting.changed() => if changed.is_err() { return },
            changed = sending.changed() => if changed.is_err() { return },
            changed = stuck.changed() => if changed.is_err() { return },
            changed = puts.changed() => if changed.is_err() { return },
            () = shared.news.notified() => {}
            () = shared.activity.changed.notified() => {}
            () = tokio::time::sleep_until(tick.unwrap_or_else(Instant::now).into()), if waits => is_news = false,
        }
        tokio::time::sleep(PUBLISH_EVERY).await;
    }
}

fn status(shared: &Shared, summary: &Summary, rates: &mut Rates) -> Status {
    rates.learn(summary.ledger, Instant::now());
    let stopping = *shared.stopping.borrow();
    let (sources, strangers) = shared.activity.snapshot(now_ms());
    let news = shared.news_of_stream.borrow().clone();
    Status {
        endpoint: *shared.endpoint.borrow(),
        tls: shared.rules.borrow().tls().is_some(),
        intake: if stopping { Intake::Stopping } else { summary.intake.clone() },
        forwarder: shared.forwarder.borrow().clone(),
        bound: news.bound,
        server: news.server,
        takes_records: news.takes_records,
        disk_free: summary.disk_free,
        pruned: summary.pruned,
        ledger: summary.ledger,
        newest: summary.newest,
        revision: summary.revision,
        accepted_per_sec: rates.accepted.to_vec(),
        delivered_per_sec: rates.delivered.to_vec(),
        sources,
        strangers,
        wrong_paths: shared.activity.wrong_paths(),
        problems: shared.problems().values().cloned().collect(),
        resending: *shared.resending.borrow(),
        exporting: *shared.exporting.borrow(),
        stuck: shared.stuck.borrow().clone(),
        sending: *shared.sending.borrow(),
        practice_dropped: shared.practice.dropped(PRACTICE_STREAM),
        practice_missing: !shared.practice.has_stream(PRACTICE_STREAM),
        puts: *shared.puts.borrow(),
    }
}

/// Events in each of the last seconds; the last place is the second that is running.
struct Rates {
    accepted: [f32; SECONDS],
    delivered: [f32; SECONDS],
    last: Ledger,
    second_began: Instant,
}

impl Rates {
    fn new(ledger: Ledger) -> Self {
        Self {
            accepted: [0.0; SECONDS],
            delivered: [0.0; SECONDS],
            last: ledger,
            second_began: Instant::now(),
        }
    }

    fn learn(&mut self, ledger: Ledger, now: Instant) {
        let passed = now.duration_since(self.second_began).as_secs();
        let shift = usize::try_from(passed).unwrap_or(SECONDS).min(SECONDS);
        for series in [&mut self.accepted, &mut self.delivered] {
            series.rotate_left(shift % SECONDS);
            series[SECONDS - shift..].fill(0.0);
        }
        self.second_began += Duration::from_secs(passed);
        self.accepted[SECONDS - 1] += (ledger.accepted - self.last.accepted.min(ledger.accepted)) as f32;
        self.delivered[SECONDS - 1] += (ledger.delivered - self.last.delivered.min(ledger.delivered)) as f32;
        self.last = ledger;
    }

    /// The picture moves as long as there is something in it.
    fn next_tick(&self) -> Option<Instant> {
        let moves = self.accepted.iter().chain(&self.delivered).any(|count| *count > 0.0);
        moves.then(|| self.second_began + Duration::from_secs(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ledger(accepted: u64) -> Ledger {
        Ledger { accepted, ..Ledger::default() }
    }

    #[test]
    fn rates_move_on_with_the_seconds_and_come_to_rest() {
        let mut rates = Rates::new(ledger(100));
        let start = rates.second_began;
        assert_eq!(rates.next_tick(), None, "nothing to show, nothing to do");
        rates.learn(ledger(107), start);
        assert_eq!(rates.accepted[SECONDS - 2..], [0.0, 7.0]);
        assert_eq!(rates.next_tick(), Some(start + Duration::from_secs(1)));
        rates.learn(ledger(109), start + Duration::from_millis(2500));
        assert_eq!(rates.accepted[SECONDS - 3..], [7.0, 0.0, 2.0]);
        rates.learn(ledger(109), start + Duration::from_mins(5));
        assert_eq!(rates.next_tick(), None);
    }
}
