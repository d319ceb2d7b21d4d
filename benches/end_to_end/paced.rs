//! Loads at a fixed rate, whatever the stream does, which must be delivered as they come: the length of the queue, and
//! how far behind the last delivery is.

use std::{
    borrow::Cow,
    path::Path,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::RecvTimeoutError,
    },
    time::{Duration, Instant},
};

use crate::{
    Args, DRAIN_MAX,
    destination::{Aggregation, Destination, knows_aggregation},
    folder,
    load::{Form, Load, Sent, pace, pace_counted},
    log_notes, odd_notes, own_cpu,
    report::{self, Quantiles, Row},
    serve,
    sink::Sink,
    traffic::Traffic,
    used,
};

const SECONDS: u32 = 10;
const SECONDS_QUICK: u32 = 3;

/// Number of connections of the senders.
const CONNECTIONS: usize = 50;

/// Maximum time after the last accepted event until all have arrived. A stream that takes longer does not keep up.
const BEHIND_MAX: Duration = Duration::from_secs(10);

/// How often the length of the queue is measured.
const LOOK: Duration = Duration::from_millis(10);

/// A load at a fixed rate.
#[derive(Clone, Debug)]
pub struct Paced {
    /// The name for `--row`.
    pub name: Cow<'static, str>,
    /// The description for people.
    pub load: Cow<'static, str>,
    /// Where the events go.
    pub to: Destination,
    /// Number of users.
    pub users: u64,
    /// Events a second.
    pub per_second: u32,
    /// Events per request.
    pub per_request: usize,
}

impl Paced {
    /// Runs it with both builds in turn. Returns a line with the comparison.
    pub fn beside(&self, args: &Args, other: &Path) -> anyhow::Result<String> {
        let args_of_other = Args { binary: other.to_owned(), ..args.clone() };
        let without = self.to.aggregation != Aggregation::None
            && (args.beside_without_aggregation || !knows_aggregation(other)?);
        let mut theirs = self.clone();
        let mut title = self.load.to_string();
        if without {
            theirs.to.aggregation = Aggregation::None;
            title.push_str(" (the other without aggregation)");
        }
        let (others, ours) = report::in_turn(|| theirs.run(&args_of_other), || self.run(args))?;
        Ok(report::beside(&title, &others, &ours))
    }

    /// Runs it with that build.
    pub fn run(&self, args: &Args) -> anyhow::Result<Row> {
        let seconds = if args.quick { SECONDS_QUICK } else { SECONDS };
        let dir = folder()?;
        let sink = Sink::start(self.to.latency, false, args.tls)?;
        let server = serve(args, dir.path(), &sink, &self.to)?;
        let load = Load {
            to: server.address,
            connections: CONNECTIONS,
            per_request: self.per_request,
            users: self.users,
            first: 0,
            // Few events, so that a load that does not keep up does not begin with a queue.
            events: (CONNECTIONS * self.per_request) as u64,
            form: if args.small { Form::Small } else { Form::Api },
        };
        let warm = pace(load, self.per_second)?;
        sink.wait_for(warm.accepted, DRAIN_MAX)?;
        server.wait_until_empty()?;
        let events = (u64::from(self.per_second) * u64::from(seconds) * args.times)
            .next_multiple_of(self.per_request as u64);
        let load = Load { first: warm.accepted, events, ..load };
        let (cpu, own, traffic) = (server.cpu(), own_cpu(), Traffic::of(&sink));
        let began = Instant::now();
        let (mut sent, longest) = self.while_watched(load, &sink, warm.accepted)?;
        let all = warm.accepted + sent.accepted;
        let keeps_up = sink.wait_for(all, BEHIND_MAX).is_ok();
        let (reached, at) = (sink.events() - warm.accepted, sink.last());
        let mut row = Row {
            name: self.name.clone(),
            load: self.load.clone(),
            target: "delivered as it comes",
            events: sent.accepted,
            refused: sent.refused,
            accepted_per_second: Some(sent.accepted as f64 / sent.took.as_secs_f64()),
            reached_per_second: Some(reached as f64 / (at - began).as_secs_f64()),
            cpu_us_per_event: used(cpu, server.cpu(), reached.max(1)),
            bench_cpu_us_per_event: used(own, own_cpu(), sent.accepted),
            accept_ms: Quantiles::of(&mut sent.latencies),
            memory_peak_bytes: server.memory_peak(),
            queue_max: Some(longest),
            ..Row::default()
        };
        traffic.until_now(&sink, &mut row);
        if !keeps_up {
            // Its queue may take minutes: the process is killed.
            row.notes.push(format!(
                "ODD: does not keep up, {reached} of {} events had reached the sink {} s after the last was accepted",
                sent.accepted,
                BEHIND_MAX.as_secs()
            ));
            return Ok(row);
        }
        row.behind_ms = sent.ended.map(|ended| at.saturating_duration_since(ended).as_secs_f64() * 1e3);
        server.wait_until_empty()?;
        row.notes.extend(odd_notes(&server, &sink, all));
        server.stop()?;
        row.notes.extend(log_notes(dir.path()));
        Ok(row)
    }

    /// Sends, and measures the longest queue: events that were accepted and had not reached the sink. `before`: number
    /// of events that the sink had before.
    fn while_watched(&self, load: Load, sink: &Sink, before: u64) -> anyhow::Result<(Sent, u64)> {
        let (accepted, look) = (AtomicU64::new(0), AtomicU64::new(0));
        let (done, is_done) = std::sync::mpsc::sync_channel::<()>(0);
        let (so_far, longest) = (&accepted, &look);
        let sent = std::thread::scope(|scope| {
            let watch = move || {
                while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                    // Read first: events that reach the sink between the two reads then do not make the queue longer.
                    let accepted = so_far.load(Ordering::Relaxed);
                    longest.fetch_max((before + accepted).saturating_sub(sink.events()), Ordering::Relaxed);
                }
            };
            let watching = std::thread::Builder::new().name("queue".to_owned()).spawn_scoped(scope, watch)?;
            let sent = pace_counted(load, self.per_second, &accepted);
            drop(done);
            watching.join().map_err(|_panic| anyhow::anyhow!("the watching thread panicked"))?;
            sent
        })?;
        Ok((sent, look.into_inner()))
    }
}
