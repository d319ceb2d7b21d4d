//! `/metrics`: sums and states as Prometheus text; no event and no key.

use std::sync::Arc;

use crate::{
    delivery::{ForwarderState, Ledger, Limit, Puts},
    spool::Share,
};

const STATES: [&str; 6] = ["disabled", "running", "throttled", "blocked", "offline", "draining"];

/// Refused requests by the code of the answer.
type Counts = [(&'static str, u64)];
/// What each source has of the spool.
type Shares = [(Arc<str>, Share)];

/// `stuck` events, and requests with `unknown_keys`.
pub(super) fn text(
    ledger: &Ledger,
    puts: &Puts,
    (forwarder, limit): (&ForwarderState, Option<&Limit>),
    (stuck, unknown_keys): (u64, u64),
    (refused, shares): (&Counts, &Shares),
) -> String {
    let mut lines = Vec::new();
    let mut metric = |name: &str, kind: &str, help: &str, value: u64| {
        lines.push(format!("# HELP tributary_{name} {help}"));
        lines.push(format!("# TYPE tributary_{name} {kind}"));
        lines.push(format!("tributary_{name} {value}"));
    };
    let accepted = "Events whose sender was told 200, and replays. The sum of delivered_total, queued_events and failed_events.";
    metric("accepted_total", "counter", accepted, ledger.accepted);
    metric("delivered_total", "counter", "Events that the stream confirmed.", ledger.delivered);
    let failed = "Events that the destination would never take, also those that were resent since.";
    metric("failed_total", "counter", failed, ledger.failed + ledger.resent);
    metric("failed_events", "gauge", "Events that the destination will never take, now.", ledger.failed);
    metric("resent_total", "counter", "Failed events that were queued again.", ledger.resent);
    metric("replayed_total", "counter", "Delivered events that were queued once more.", ledger.replayed);
    metric("rejected_total", "counter", "Events refused at the endpoint.", ledger.rejected);
    let unkept = "Those of rejected_total that have no line in the log: more came than its limits let in.";
    metric("rejected_not_kept_total", "counter", unkept, ledger.rejected_unkept);
    let repeats =
        "Puts without a clear answer that were repeated: at most so many records are twice in the stream.";
    metric("repeats_possible_total", "counter", repeats, ledger.repeats_possible);
    metric("queued_events", "gauge", "Events that wait.", ledger.queued);
    metric("queued_bytes", "gauge", "Bytes of JSON that wait or failed.", ledger.queued_bytes);
    let records =
        "Records that the stream confirmed since the start; with aggregation one holds several events.";
    metric("records_total", "counter", records, puts.records);
    let units =
        "PUT payload units of these records: 25 KiB of data and partition key each, the last one begun.";
    metric("payload_units_total", "counter", units, puts.payload_units);
    let alone = "PUT payload units that these records would have been with one event in each.";
    metric("payload_units_without_aggregation_total", "counter", alone, puts.payload_units_alone);
    let of_refused =
        "Events that the destination refuses while it takes others, and those that wait behind them.";
    metric("stuck_events", "gauge", of_refused, stuck);
    metric("unknown_key_requests_total", "counter", "Requests without a known write key.", unknown_keys);
    let lost = "Lines of the program's own log that could not be written.";
    metric("log_lines_lost_total", "counter", lost, crate::log::lost_lines());
    lines.push(
        "# HELP tributary_refused_requests_total Refused requests, by the code of the answer.".to_owned(),
    );
    lines.push("# TYPE tributary_refused_requests_total counter".to_owned());
    lines.extend(
        refused
            .iter()
            .map(|(code, count)| format!("tributary_refused_requests_total{{code=\"{code}\"}} {count}")),
    );
    lines.extend(of_sources(shares));
    lines.push(
        "# HELP tributary_forwarder_state What the forwarder is doing: 1 for one of the states.".to_owned(),
    );
    lines.push("# TYPE tributary_forwarder_state gauge".to_owned());
    lines.extend(STATES.map(|state| {
        format!("tributary_forwarder_state{{state=\"{state}\"}} {}", u8::from(state == forwarder.as_str()))
    }));
    lines.push(
        "# HELP tributary_delivery_limit What holds delivery back while the queue grows: 1 for at most one of the limits."
            .to_owned(),
    );
    lines.push("# TYPE tributary_delivery_limit gauge".to_owned());
    lines.extend(Limit::WORDS.map(|word| {
        let is_it = limit.is_some_and(|limit| limit.as_str() == word);
        format!("tributary_delivery_limit{{limit=\"{word}\"}} {}", u8::from(is_it))
    }));
    lines.push(String::new());
    lines.join("\n")
}

/// What each source has in the spool, and may have.
fn of_sources(shares: &Shares) -> Vec<String> {
    let mut lines = Vec::new();
    let bytes = "Bytes of JSON that wait or failed, by source.";
    let limit =
        "The most that queued_bytes of a source may come to while the other sources have what they have now.";
    for (name, help) in [("source_queued_bytes", bytes), ("source_queued_bytes_limit", limit)] {
        lines.push(format!("# HELP tributary_{name} {help}"));
        lines.push(format!("# TYPE tributary_{name} gauge"));
        for (source, share) in shares {
            let value = if name == "source_queued_bytes" { share.bytes } else { share.limit };
            lines.push(format!("tributary_{name}{{source=\"{}\"}} {value}", label(source)));
        }
    }
    lines
}

/// A label's value: <https://prometheus.io/docs/instrumenting/exposition_formats/#comments-help-text-and-type-information>.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

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
            let text = text(&Ledger::default(), &Puts::default(), (&forwarder, None), (0, 0), (&[], &[]));
            let on: Vec<_> =
                text.lines().filter(|line| line.contains("state=") && line.ends_with(" 1")).collect();
            assert_eq!(on, [format!("tributary_forwarder_state{{state=\"{}\"}} 1", forwarder.as_str())]);
        }
    }

    #[test]
    fn what_aggregation_saves_is_counted_in_records_and_payload_units() {
        let puts = Puts { records: 3, events: 60, payload_units: 5, payload_units_alone: 60 };
        let text = text(&Ledger::default(), &puts, (&ForwarderState::Running, None), (0, 0), (&[], &[]));
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
