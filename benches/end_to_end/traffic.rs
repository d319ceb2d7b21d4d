//! What was sent over the wire between two moments: calls, records, events, payload units, connections.

use crate::{
    report::Row,
    sink::{Connections, Sink},
};

/// Maximum open connections: the maximum puts in flight, and some that were closed meanwhile.
const CONNECTIONS_MAX: u64 = 1_200;

/// The sink's counts at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    calls: u64,
    records: u64,
    events: u64,
    units: u64,
}

impl Traffic {
    /// The counts now.
    pub fn of(sink: &Sink) -> Self {
        Self { calls: sink.calls(), records: sink.records(), events: sink.events(), units: sink.units() }
    }

    /// Writes the difference until now into a row. Connections count from the sink's start.
    pub fn until_now(self, sink: &Sink, row: &mut Row) {
        let now = Self::of(sink);
        let ratio = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let (records, events) = (now.records - self.records, now.events - self.events);
        row.records_per_call = ratio(records, now.calls - self.calls);
        row.events_per_record = ratio(events, records);
        row.units_per_thousand = ratio((now.units - self.units) * 1_000, events);
        let Connections { opened, handshakes, h2 } = sink.connections();
        let tls = match (handshakes, h2) {
            (0, _) => String::new(),
            (_, 0) => format!(", {handshakes} TLS handshakes, HTTP/1.1"),
            _ => format!(", {handshakes} TLS handshakes, {h2} of HTTP/2"),
        };
        row.notes.push(format!("{opened} connections for {} calls{tls}", now.calls));
        if opened > CONNECTIONS_MAX || (now.calls >= 1_000 && opened * 2 > now.calls) {
            row.notes.push(format!("ODD: {opened} connections for {} calls", now.calls));
        }
    }
}
