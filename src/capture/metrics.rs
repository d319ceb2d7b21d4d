//! `/metrics`: counts and states as Prometheus text. No event and no key.

use std::{fmt::Display, sync::Arc};

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
        self.write_ledger(&mut text);
        self.write_puts(&mut text);
        self.write_requests(&mut text);
        self.write_shares(&mut text);
        self.write_states(&mut text);
        text.0
    }

    fn write_ledger(&self, text: &mut Text) {
        let ledger = &self.ledger;
        text.counter(
            "accepted_total",
            "Events whose sender was told 200, and replays. The sum of delivered_total, queued_events and failed_events.",
            ledger.accepted,
        );
        text.counter("delivered_total", "Events that the stream confirmed.", ledger.delivered);
        text.counter(
            "failed_total",
            "Events that the destination will never accept, including those that were resent since.",
            ledger.failed + ledger.resent,
        );
        text.gauge("failed_events", "Events that the destination will never accept, now.", ledger.failed);
        text.counter("resent_total", "Failed events that were queued again.", ledger.resent);
        text.counter("replayed_total", "Delivered events that were queued once more.", ledger.replayed);
        text.counter("rejected_total", "Events rejected at the endpoint.", ledger.rejected);
        text.counter(
            "rejected_not_kept_total",
            "Those of rejected_total without a line in the log, because its limits were reached.",
            ledger.rejected_unkept,
        );
        text.counter(
            "repeats_possible_total",
            "Puts without a clear answer that were repeated: at most this many records are in the stream twice.",
            ledger.repeats_possible,
        );
        text.gauge("queued_events", "Events that wait.", ledger.queued);
        text.gauge("queued_bytes", "Bytes of JSON of events that wait or failed.", ledger.queued_bytes);
    }

    fn write_puts(&self, text: &mut Text) {
        let puts = &self.puts;
        text.counter(
            "records_total",
            "Records that the stream confirmed since the start. With aggregation a record has several events.",
            puts.records,
        );
        text.counter(
            "payload_units_total",
            "PUT payload units of these records: 25 KiB of data and partition key each, rounded up.",
            puts.payload_units,
        );
        text.counter(
            "payload_units_without_aggregation_total",
            "PUT payload units that the same events would have needed with one event in each record.",
            puts.payload_units_alone,
        );
        text.gauge(
            "stuck_events",
            "Events that the destination refuses while it accepts others, and those that wait behind them.",
            self.stuck_events,
        );
    }

    fn write_requests(&self, text: &mut Text) {
        text.counter(
            "unknown_key_requests_total",
            "Requests without a known write key.",
            self.unknown_key_requests,
        );
        text.counter(
            "log_lines_lost_total",
            "Lines of the program's own log that could not be written.",
            crate::log::lost_lines(),
        );
        text.family("refused_requests_total", "counter", "Refused requests, by the code of the response.");
        for (code, count) in self.refused {
            text.sample("refused_requests_total", "code", code, count);
        }
    }

    fn write_shares(&self, text: &mut Text) {
        text.family(
            "source_queued_bytes",
            "gauge",
            "Bytes of JSON of events that wait or failed, by source.",
        );
        for (source, share) in self.shares {
            text.sample("source_queued_bytes", "source", source, share.bytes);
        }
        text.family(
            "source_queued_bytes_limit",
            "gauge",
            "Maximum of source_queued_bytes of a source while the other sources have what they have now.",
        );
        for (source, share) in self.shares {
            text.sample("source_queued_bytes_limit", "source", source, share.limit);
        }
    }

    fn write_states(&self, text: &mut Text) {
        text.family("forwarder_state", "gauge", "What the forwarder is doing: 1 for one of the states.");
        for state in STATES {
            text.sample("forwarder_state", "state", state, u8::from(state == self.forwarder.as_str()));
        }
        text.family(
            "delivery_limit",
            "gauge",
            "What limits delivery while the queue grows: 1 for at most one of the limits.",
        );
        for limit in Limit::WORDS {
            let is_it = self.limit.is_some_and(|current| current.as_str() == limit);
            text.sample("delivery_limit", "limit", limit, u8::from(is_it));
        }
    }
}

/// The text format of Prometheus.
#[derive(Default)]
struct Text(String);

impl Text {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.line(format_args!("tributary_{name} {value}"));
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.line(format_args!("tributary_{name} {value}"));
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP tributary_{name} {help}"));
        self.line(format_args!("# TYPE tributary_{name} {kind}"));
    }

    fn sample(&mut self, name: &str, label: &str, value_of_label: &str, value: impl Display) {
        let escaped = escaped(value_of_label);
        self.line(format_args!("tributary_{name}{{{label}=\"{escaped}\"}} {value}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.push_str(&line.to_string());
        self.0.push('\n');
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
