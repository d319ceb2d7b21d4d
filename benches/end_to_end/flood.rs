//! Loads that are sent as fast as answers come.

use std::{
    borrow::Cow,
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    Args, DRAIN_MAX, USERS,
    destination::{Aggregation, Destination, knows_aggregation},
    far, folder,
    limits::{axum_limit, sdk_limit, sqlite_limit},
    load::{Form, Load, Sent, flood},
    log_notes, odd_notes, own_cpu,
    report::{self, Limits, Quantiles, Row},
    serve,
    sink::Sink,
    traffic::Traffic,
    used,
};

/// A load that is sent as fast as answers come.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The name for `--row`.
    pub name: Cow<'static, str>,
    /// The description for people.
    pub load: Cow<'static, str>,
    /// The target.
    pub target: &'static str,
    /// Where the events go.
    pub to: Destination,
    /// Number of users.
    pub users: u64,
    /// Number of connections of the senders.
    pub connections: usize,
    /// Events per request.
    pub per_request: usize,
    /// Number of events.
    pub events: u64,
    /// Number of events with `--quick`.
    pub quick_events: u64,
    /// For the limits, if they are measured: records per call, and calls at a time.
    pub calls: Option<(u64, usize)>,
}

/// The rows with targets.
pub fn near() -> [Flood; 3] {
    let batches = Flood {
        name: "batches".into(),
        load: "batches of 100, put-records".into(),
        target: "≤ 7.0 µs, ≥ 150,000/s, ≤ 200 MB",
        to: Destination::plain("put-records", Duration::ZERO),
        users: USERS,
        connections: 8,
        per_request: 100,
        events: 1_000_000,
        quick_events: 200_000,
        calls: Some((500, 8)),
    };
    let singles = Flood {
        name: "singles".into(),
        load: "single events, 256 connections, put-records".into(),
        target: "≤ 18 µs, ≥ 55,000/s",
        connections: 256,
        per_request: 1,
        events: 300_000,
        quick_events: 60_000,
        ..batches.clone()
    };
    let put_record = Flood {
        name: "put-record".into(),
        load: "batches of 100, put-record, 20 ms sink latency".into(),
        target: "≤ 60 µs",
        to: Destination::plain("put-record", Duration::from_millis(20)),
        events: 40_000,
        quick_events: 12_000,
        calls: Some((1, 64)),
        ..batches.clone()
    };
    [batches, singles, put_record]
}

impl Flood {
    /// Runs it with both builds in turn. Returns a line with the comparison.
    pub fn beside(&self, args: &Args, other: &Path) -> anyhow::Result<String> {
        let args_of_other = Args { binary: other.to_owned(), ..args.clone() };
        let without = self.to.aggregation != Aggregation::None
            && (args.beside_without_aggregation || !knows_aggregation(other)?);
        let theirs = if without { self.without_aggregation() } else { self.clone() };
        let (others, ours) = report::in_turn(|| theirs.run(&args_of_other), || self.run(args))?;
        let remark = if without {
            let events = report::number(Some(theirs.count(args) as f64), 0);
            format!(" (the other without aggregation, {events} events)")
        } else {
            String::new()
        };
        Ok(report::beside(&format!("{}{remark}", self.load), &others, &ours))
    }

    /// The same load with a record of its own for each event; with fewer events, if these take longer.
    fn without_aggregation(&self) -> Self {
        let to = Destination { aggregation: Aggregation::None, ..self.to };
        Self { to, ..far::sized(self.clone(), to) }
    }

    /// Number of events of a run.
    pub fn count(&self, args: &Args) -> u64 {
        args.times * if args.quick { self.quick_events } else { self.events }
    }

    /// Runs it with that build.
    pub fn run(&self, args: &Args) -> anyhow::Result<Row> {
        let events = self.count(args);
        let dir = folder()?;
        let sink = Sink::start(self.to.latency, false, args.tls)?;
        let server = serve(args, dir.path(), &sink, &self.to)?;
        let load = Load {
            to: server.address,
            connections: self.connections,
            per_request: self.per_request,
            users: self.users,
            first: 0,
            events: (events / 20).next_multiple_of(self.per_request as u64),
            form: if args.small { Form::Small } else { Form::Api },
        };
        // Warms up connections, caches and the allocator.
        let warm = flood(load)?;
        sink.wait_for(warm.accepted, DRAIN_MAX)?;
        server.wait_until_empty()?;
        let load = Load { first: warm.accepted, events, ..load };
        let (cpu, own, traffic) = (server.cpu(), own_cpu(), Traffic::of(&sink));
        let began = Instant::now();
        let mut sent = flood(load)?;
        sink.wait_for(warm.accepted + sent.accepted, DRAIN_MAX)?;
        let reached = sink.last() - began;
        server.wait_until_empty()?;
        let mut row = self.row(&sent, reached);
        row.cpu_us_per_event = used(cpu, server.cpu(), sent.accepted);
        row.bench_cpu_us_per_event = used(own, own_cpu(), sent.accepted);
        row.accept_ms = Quantiles::of(&mut sent.latencies);
        row.memory_peak_bytes = server.memory_peak();
        traffic.until_now(&sink, &mut row);
        row.notes.extend(odd_notes(&server, &sink, warm.accepted + sent.accepted));
        row.notes.push(format!("SIGTERM to exit {:.0} ms", server.stop()?.as_secs_f64() * 1e3));
        row.notes.extend(log_notes(dir.path()));
        drop(sink);
        if let Some(calls) = self.calls.filter(|_| args.wants_limits()) {
            row.limits = Some(self.limits(load, calls, dir.path(), args.quick)?);
        }
        Ok(row)
    }

    /// Its row, with what was sent.
    pub fn row(&self, sent: &Sent, reached: Duration) -> Row {
        Row {
            name: self.name.clone(),
            load: self.load.clone(),
            target: self.target,
            events: sent.accepted,
            refused: sent.refused,
            accepted_per_second: Some(sent.accepted as f64 / sent.took.as_secs_f64()),
            reached_per_second: Some(sent.accepted as f64 / reached.as_secs_f64()),
            ..Row::default()
        }
    }

    /// The limits of the parts. A transaction holds the most that can wait: one request of every connection.
    fn limits(
        &self,
        load: Load,
        (records, parallel): (u64, usize),
        dir: &Path,
        quick: bool,
    ) -> anyhow::Result<Limits> {
        let parts: u64 = if quick { 1 } else { 3 };
        let group = (self.connections * self.per_request) as u64;
        // Enough for a clock with hundredths of a second.
        let requests = parts * if self.per_request > 1 { 5_000 } else { 50_000 };
        let sqlite_rows = (parts * 100_000).next_multiple_of(group);
        let sdk_records = parts * if records > 1 { 150_000 } else { 8_000 };
        Ok(Limits {
            axum: axum_limit(Load { events: requests * self.per_request as u64, ..load })?,
            sqlite: sqlite_limit(dir, sqlite_rows, group)?,
            sdk: sdk_limit(sdk_records, records, parallel, self.to.latency)?,
        })
    }
}
