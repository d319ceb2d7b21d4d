//! Publishes one [`Status`] for the faces, put together from what the parts report: at most twenty times a second, and
//! not at all while nothing changes.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{practice_access::PRACTICE_STREAM, shared::Shared};
use crate::{
    clock::now_ms,
    delivery::{
        Exported, ForwarderState, InFlight, Intake, Ledger, Pushes, Puts, Resent, Status, StreamReport, Stuck,
    },
    spool::Summary,
};

const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// Seconds of history.
const SECONDS: usize = 120;

/// Keeps the status up to date until the engine stops. Wakes the faces for every change except the passing of time: they
/// repaint rates themselves.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut summary = shared.spool.watch();
    let mut watched = Watched::new(&shared);
    let mut rates = Rates::new(summary.borrow().ledger);
    let mut is_news = true;
    loop {
        // Clone it: while the guard is held, the spool's writer is blocked and senders get no answer.
        let (changed, now) = {
            let seen = summary.borrow_and_update();
            (seen.has_changed(), seen.clone())
        };
        is_news |= changed;
        let status = status(&shared, &now, &mut rates);
        // Changes after the last tick are in this status, so they must wake the faces now.
        is_news |= watched.take_changes();
        shared.status.send_replace(Arc::new(status));
        if is_news {
            shared.faces.wake();
        }
        let tick = rates.next_tick();
        is_news = true;
        tokio::select! {
            changed = summary.changed() => if changed.is_err() { return },
            is_open = watched.changed() => if !is_open { return },
            () = shared.faces.changed.notified() => {}
            () = shared.activity.changed.notified() => {}
            () = tokio::time::sleep_until(tick.unwrap_or_else(Instant::now).into()), if tick.is_some() => is_news = false,
        }
        tokio::time::sleep(PUBLISH_EVERY).await;
    }
}

/// The reports that are part of the status.
struct Watched {
    forwarder: watch::Receiver<ForwarderState>,
    endpoint: watch::Receiver<Option<SocketAddr>>,
    resent: watch::Receiver<Option<Resent>>,
    exported: watch::Receiver<Option<Exported>>,
    in_flight: watch::Receiver<InFlight>,
    stuck: watch::Receiver<Option<Stuck>>,
    puts: watch::Receiver<Puts>,
    stream: watch::Receiver<StreamReport>,
    pushes: watch::Receiver<Pushes>,
}

impl Watched {
    fn new(shared: &Shared) -> Self {
        Self {
            forwarder: shared.forwarder.subscribe(),
            endpoint: shared.endpoint.subscribe(),
            resent: shared.resend.progress(),
            exported: shared.export.progress(),
            in_flight: shared.in_flight.subscribe(),
            stuck: shared.stuck.subscribe(),
            puts: shared.puts.subscribe(),
            stream: shared.stream_report.subscribe(),
            pushes: shared.pushes.subscribe(),
        }
    }

    /// Waits for the next change. `false`: a sender is gone, so there will be no more changes.
    async fn changed(&mut self) -> bool {
        let changed = tokio::select! {
            changed = self.forwarder.changed() => changed,
            changed = self.endpoint.changed() => changed,
            changed = self.resent.changed() => changed,
            changed = self.exported.changed() => changed,
            changed = self.in_flight.changed() => changed,
            changed = self.stuck.changed() => changed,
            changed = self.puts.changed() => changed,
            changed = self.stream.changed() => changed,
            changed = self.pushes.changed() => changed,
        };
        changed.is_ok()
    }

    /// Whether something changed since the last call.
    fn take_changes(&mut self) -> bool {
        let changes = [
            self.forwarder.has_changed(),
            self.endpoint.has_changed(),
            self.resent.has_changed(),
            self.exported.has_changed(),
            self.in_flight.has_changed(),
            self.stuck.has_changed(),
            self.puts.has_changed(),
            self.stream.has_changed(),
            self.pushes.has_changed(),
        ];
        self.forwarder.mark_unchanged();
        self.endpoint.mark_unchanged();
        self.resent.mark_unchanged();
        self.exported.mark_unchanged();
        self.in_flight.mark_unchanged();
        self.stuck.mark_unchanged();
        self.puts.mark_unchanged();
        self.stream.mark_unchanged();
        self.pushes.mark_unchanged();
        changes.into_iter().any(|changed| changed.unwrap_or(true))
    }
}

fn status(shared: &Shared, summary: &Summary, rates: &mut Rates) -> Status {
    rates.update(summary.ledger, Instant::now());
    let is_stopping = shared.tasks.stopping().is_cancelled();
    let (sources, unknown_senders) = shared.activity.snapshot(now_ms());
    let news = shared.stream_report.borrow().clone();
    Status {
        endpoint: *shared.endpoint.borrow(),
        tls: shared.endpoint_config.borrow().tls().is_some(),
        intake: if is_stopping { Intake::Stopping } else { summary.intake.clone() },
        forwarder: shared.forwarder.borrow().clone(),
        bound: news.bound,
        server: news.server,
        takes_records: news.takes_records,
        channels: news.facts.map_or(0, |facts| facts.channels),
        disk_free: summary.disk_free,
        pruned: summary.pruned,
        ledger: summary.ledger,
        newest: summary.newest,
        revision: summary.revision,
        accepted_per_sec: rates.accepted.to_vec(),
        delivered_per_sec: rates.delivered.to_vec(),
        rejected_per_sec: rates.rejected.to_vec(),
        queued_each_sec: rates.queued.to_vec(),
        oldest_queued_at: summary.oldest_queued_at.filter(|_| summary.ledger.queued > 0),
        delivery_p95_ms: summary.delivery_p95_ms.filter(|_| rates.has_delivered()),
        sources,
        unknown_senders,
        wrong_paths: shared.activity.wrong_paths(),
        problems: shared.problems.all(),
        resending: *shared.resend.progress().borrow(),
        exporting: *shared.export.progress().borrow(),
        stuck: shared.stuck.borrow().clone(),
        sending: shared.in_flight.borrow().events,
        practice_dropped: shared.practice.dropped(PRACTICE_STREAM),
        practice_missing: !shared.practice.has_stream(PRACTICE_STREAM),
        puts: *shared.puts.borrow(),
        alerts: Arc::clone(&shared.alerts.borrow()),
        pushes: *shared.pushes.borrow(),
    }
}

/// What happened in each of the last [`SECONDS`] seconds; the last entry is the current second.
struct Rates {
    accepted: [f32; SECONDS],
    delivered: [f32; SECONDS],
    rejected: [f32; SECONDS],
    /// Queued events at the end of each second.
    queued: [f32; SECONDS],
    last: Ledger,
    second_began: Instant,
}

impl Rates {
    fn new(ledger: Ledger) -> Self {
        Self {
            accepted: [0.0; SECONDS],
            delivered: [0.0; SECONDS],
            rejected: [0.0; SECONDS],
            queued: [ledger.queued as f32; SECONDS],
            last: ledger,
            second_began: Instant::now(),
        }
    }

    fn update(&mut self, ledger: Ledger, now: Instant) {
        let passed = now.duration_since(self.second_began).as_secs();
        let shift = usize::try_from(passed).unwrap_or(SECONDS).min(SECONDS);
        let before = self.last;
        let series = [
            (&mut self.accepted, 0.0),
            (&mut self.delivered, 0.0),
            (&mut self.rejected, 0.0),
            (&mut self.queued, before.queued as f32),
        ];
        for (series, empty) in series {
            series.rotate_left(shift % SECONDS);
            series[SECONDS - shift..].fill(empty);
        }
        self.second_began += Duration::from_secs(passed);
        self.accepted[SECONDS - 1] += ledger.accepted.saturating_sub(before.accepted) as f32;
        self.delivered[SECONDS - 1] += ledger.delivered.saturating_sub(before.delivered) as f32;
        self.rejected[SECONDS - 1] += ledger.rejected.saturating_sub(before.rejected) as f32;
        self.queued[SECONDS - 1] = ledger.queued as f32;
        self.last = ledger;
    }

    /// Whether an event was delivered in the last minute.
    fn has_delivered(&self) -> bool {
        self.delivered[SECONDS - 60..].iter().any(|count| *count > 0.0)
    }

    /// When the charts move on by a second; `None` while they are flat.
    fn next_tick(&self) -> Option<Instant> {
        let mut counts = self.accepted.iter().chain(&self.delivered).chain(&self.rejected);
        let moves = counts.any(|count| *count > 0.0)
            || self.queued.windows(2).any(|pair| (pair[0] - pair[1]).abs() > 0.0);
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
        rates.update(ledger(107), start);
        assert_eq!(rates.accepted[SECONDS - 2..], [0.0, 7.0]);
        assert_eq!(rates.next_tick(), Some(start + Duration::from_secs(1)));
        rates.update(ledger(109), start + Duration::from_millis(2500));
        assert_eq!(rates.accepted[SECONDS - 3..], [7.0, 0.0, 2.0]);
        rates.update(ledger(109), start + Duration::from_mins(5));
        assert_eq!(rates.next_tick(), None);
    }

    #[test]
    fn the_queue_of_each_second_is_what_was_left_of_it_and_comes_to_rest_at_any_length() {
        let queued = |queued| Ledger { queued, ..ledger(100) };
        let mut rates = Rates::new(queued(3));
        let start = rates.second_began;
        assert_eq!((rates.queued[0], rates.next_tick()), (3.0, None));
        rates.update(queued(8), start);
        rates.update(queued(5), start + Duration::from_secs(2));
        assert_eq!(rates.queued[SECONDS - 4..], [3.0, 8.0, 8.0, 5.0]);
        assert!(rates.next_tick().is_some());
        rates.update(queued(5), start + Duration::from_mins(5));
        assert_eq!(rates.next_tick(), None, "five events wait, and nothing moves");
    }
}
