//! `/metrics`: counts and states as Prometheus text. No event and no key.

use std::{
    fmt::{Arguments, Display, Write as _},
    sync::Arc,
};

use crate::{
    delivery::{ForwarderState, Ledger, Limit, Puts},
    spool::Share,
};

const STATES: [&str; 6] = ["disabled", "running", "throttled", "blocked", "offline", "draining"];

/// What `/metrics` shows.
pub(super) struct Metrics<'m> {
    pub(super) ledger: Ledger,
    pub(super) puts: Puts,
    pub(super) forwarder: &'m ForwarderState,
    /// What limits delivery while the queue grows.
    pub(super) limit: Option<&'m Limit>,
    /// Events that the destination refuses while it accepts others, and those that wait behind them.
    pub(super) stuck_events: u64,
    pub(super) unknown_key_requests: u64,
    /// Refused requests by the code of their response.
    pub(super) refused: &'m [(&'static str, u64)],
    /// The share of the spool of each source.
    pub(super) shares: &'m [(Arc<str>, Share)],
}

impl Metrics<'_> {
    pub(super) fn text(&self) -> String {
        let mut text = Text::default();
        for (name, kind, value, help) in self.sums() {
            text.family(name, kind, help);
            text.line(format_args!("tributary_{name} {value}"));
        }
        let name = "refused_requests_total";
        text.family(name, "counter", "Refused requests, by the code of the response.");
        for (code, count) in self.refused {
            text.sample(name, "code", code, count);
        }
        let name = "source_queued_bytes";
        text.family(name, "gauge", "Bytes of JSON of events that wait or failed, by source.");
        for (source, share) in self.shares {
            text.sample(name, "source", source, share.bytes);
        }
        let name = "source_queued_bytes_limit";
        text.family(
            name,
            "gauge",
            "Maximum source_queued_bytes while the other sources have what they have now.",
        );
        for (source, share) in self.shares {
            text.sample(name, "source", source, share.limit);
        }
        let name = "forwarder_state";
        text.family(name, "gauge", "What the forwarder is doing: 1 for one of the states.");
        for state in STATES {
            text.sample(name, "state", state, u8::from(state == self.forwarder.as_str()));
        }
        let name = "delivery_limit";
        text.family(
            name,
            "gauge",
            "What limits delivery while the queue grows: 1 for at most one of the limits.",
        );
        for limit in Limit::WORDS {
            let is_it = self.limit.is_some_and(|current| current.as_str() == limit);
            text.sample(name, "limit", limit, u8::from(is_it));
        }
        text.0
    }

    /// Name, type, value and help of each metric without labels.
    #[rustfmt::skip]
    fn sums(&self) -> [(&'static str, &'static str, u64, &'static str); 17] {
        let Self { ledger, puts, .. } = self;
        [
            ("accepted_total", "counter", ledger.accepted, "Events whose sender was told 200, and replays. The sum of delivered_total, queued_events and failed_events."),
            ("delivered_total", "counter", ledger.delivered, "Events that the stream confirmed."),
            ("failed_total", "counter", ledger.failed + ledger.resent, "Events that the destination will never accept, including those that were resent since."),
            ("failed_events", "gauge", ledger.failed, "Events that the destination will never accept, now."),
            ("resent_total", "counter", ledger.resent, "Failed events that were queued again."),
            ("replayed_total", "counter", ledger.replayed, "Delivered events that were queued once more."),
            ("rejected_total", "counter", ledger.rejected, "Events rejected at the endpoint."),
            ("rejected_not_kept_total", "counter", ledger.rejected_unkept, "Those of rejected_total without a line in the log, because its limits were reached."),
            ("repeats_possible_total", "counter", ledger.repeats_possible, "Puts without a clear answer that were repeated: at most this many records are in the stream twice."),
            ("queued_events", "gauge", ledger.queued, "Events that wait."),
            ("queued_bytes", "gauge", ledger.queued_bytes, "Bytes of JSON of events that wait or failed."),
            ("records_total", "counter", puts.records, "Records that the stream confirmed since the start. With aggregation a record has several events."),
            ("payload_units_total", "counter", puts.payload_units, "PUT payload units of these records: 25 KiB of data and partition key each, rounded up."),
            ("payload_units_without_aggregation_total", "counter", puts.payload_units_alone, "PUT payload units that the same events would have needed with one event in each record."),
            ("stuck_events", "gauge", self.stuck_events, "Events that the destination refuses while it accepts others, and those that wait behind them."),
            ("unknown_key_requests_total", "counter", self.unknown_key_requests, "Requests without a known write key."),
            ("log_lines_lost_total", "counter", crate::log::lost_lines(), "Lines of the program's own log that could not be written."),
        ]
    }
}

/// The text format of Prometheus.
#[derive(Default)]
struct Text(String);

impl Text {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP tributary_{name} {help}"));
        self.line(format_args!("# TYPE tributary_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, label: &str, value_of_label: &str, value: impl Display) {
        let escaped = escaped(value_of_label);
        self.line(format_args!("tributary_{name}{{{label}=\"{escaped}\"}} {value}"));
    }

    fn line(&mut self, line: Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a String takes all that is written");
    }
}

/// The value of a label:
/// <https://prometheus.io/docs/instrumenting/exposition_formats/#comments-help-text-and-type-information>.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(forwarder: &ForwarderState, puts: Puts) -> String {
        let metrics = Metrics {
            ledger: Ledger::default(),
            puts,
            forwarder,
            limit: None,
            stuck_events: 0,
            unknown_key_requests: 0,
            refused: &[],
            shares: &[],
        };
        metrics.text()
    }

    #[test]
    fn exactly_one_state_is_on_whatever_the_forwarder_does() {
        let fault = crate::delivery::AwsError::new("NoAnswer", "");
        for forwarder in [
            ForwarderState::Disabled,
            ForwarderState::Running,
            ForwarderState::Throttled(fault.clone()),
            ForwarderState::Blocked { fault: fault.clone(), next_try: 0 },
            ForwarderState::Offline { fault, next_try: 0 },
            ForwarderState::Draining,
        ] {
            let text = text_of(&forwarder, Puts::default());
            let on: Vec<_> =
                text.lines().filter(|line| line.contains("state=") && line.ends_with(" 1")).collect();
            assert_eq!(on, [format!("tributary_forwarder_state{{state=\"{}\"}} 1", forwarder.as_str())]);
        }
    }

    #[test]
    fn what_aggregation_saves_is_counted_in_records_and_payload_units() {
        let puts = Puts { records: 3, events: 60, payload_units: 5, payload_units_alone: 60 };
        let text = text_of(&ForwarderState::Running, puts);
        for line in [
            "tributary_records_total 3",
            "tributary_payload_units_total 5",
            "tributary_payload_units_without_aggregation_total 60",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}: {text}");
            let name = line.split(' ').next().unwrap_or_default();
            assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        }
        let units = [0, 1, 25_600, 25_601, 51_200].map(Puts::payload_units);
        assert_eq!(units, [1, 1, 1, 2, 2], "an empty record is one unit, too");
    }
}
