//! The history of one event, for `tributary log --id ID`: when it was received, each put with its time, its duration and its
//! answer, and how it ended. If the event was sent or resent more than once, every line.

use anyhow::bail;
use serde_json::{Value, json};

use super::output::print;
use crate::{
    config::Config,
    delivery::{Detail, EventId, Millis, PlaceInRecord, Receipt, State},
    engine::lines,
    event::shown,
    remedy,
    spool::LogReader,
};

/// Prints the history. `id` is tried as a `messageId` first, then as the number of a line.
pub(super) fn run(log: &LogReader, id: &str, as_json: bool, config: &Config) -> anyhow::Result<()> {
    let mut found = log.lines_of(id)?;
    if found.is_empty() {
        found.extend(id.parse::<EventId>().ok());
    }
    let mut histories = Vec::new();
    for line in found {
        let Some(detail) = log.detail(line, config.destination.encoding)? else { continue };
        histories.push(if as_json {
            format!("{}\n", history_json(&detail, config))
        } else {
            history(&detail, config)
        });
    }
    if histories.is_empty() {
        bail!(
            "no line of the log has the messageId or the number {id}; it may have been pruned (log.keep_events)"
        );
    }
    print(&histories.concat())?;
    Ok(())
}

/// When, and what happened.
struct Step {
    at: Millis,
    what: String,
}

fn steps(detail: &Detail, config: &Config) -> Vec<Step> {
    let line = &detail.delivery;
    let step = |at, what: String| Step { at, what: shown::line(&what.replace('\n', " ")).into_owned() };
    let fault = line.fault.as_ref().map(ToString::to_string).unwrap_or_default();
    if line.state == State::Rejected {
        return vec![step(line.received_at, format!("received from {} and rejected: {fault}", line.source))];
    }
    let origin = match (line.resend_of, line.repeat_of) {
        (Some(first), _) => format!("queued once more: a resend of line {first}; safe in the spool"),
        (None, Some(first)) => format!(
            "received from {}, which had sent it before (line {first}); safe in the spool before its sender got 200",
            line.source
        ),
        (None, None) => {
            format!("received from {}; safe in the spool before its sender got 200", line.source)
        }
    };
    let mut steps = vec![step(line.received_at, origin)];
    steps.extend(
        detail
            .attempts
            .iter()
            .map(|put| step(put.at, format!("put {}: after {} ms {}", put.number, put.took_ms, put.fault))),
    );
    let settled_at = line.settled_at.unwrap_or(line.received_at);
    let what_to_do =
        line.fault.as_ref().map(|fault| remedy::remedy(fault, config).action).unwrap_or_default();
    match line.state {
        State::Delivered => {
            let place = line.receipt.as_ref().map(|receipt| {
                let Receipt { shard_id, sequence_number, place } = receipt;
                let place =
                    place.map(|PlaceInRecord { at, of }| format!(", event {at} of {of} in its record"));
                format!("{shard_id}, sequence number {sequence_number}{}", place.unwrap_or_default())
            });
            let (put, took) = (line.attempts, line.took_ms);
            steps.push(step(
                settled_at,
                format!("put {put}: after {took} ms delivered to {}", place.unwrap_or_default()),
            ));
        }
        State::Failed => steps.push(step(settled_at, format!("failed: {fault}. {what_to_do}"))),
        State::Resent => {
            let next = line.resent_as.map(|next| format!(" as line {next}")).unwrap_or_default();
            steps.push(step(settled_at, format!("failed: {fault}; queued again since{next}")));
        }
        State::Queued | State::Retrying | State::Rejected => {}
    }
    steps
}

fn history(detail: &Detail, config: &Config) -> String {
    let line = &detail.delivery;
    let kind = line.kind.map_or("-", crate::event::Kind::as_str);
    let mut text = vec![format!(
        "line {}: {} {kind} {} (messageId {}, partition key {})",
        line.id,
        line.state.as_str(),
        shown::line(line.name.as_deref().unwrap_or("-")),
        shown::line(&line.message_id),
        shown::line(&line.partition_key)
    )];
    text.extend(
        steps(detail, config).iter().map(|step| format!("  {}  {}", lines::time(step.at), step.what)),
    );
    if matches!(line.state, State::Queued | State::Retrying) {
        let why =
            if config.destination.enabled { "" } else { ": delivery is disabled (destination.enabled)" };
        text.push(format!("  queued in the spool{why}"));
    }
    let cut = if detail.is_cut() {
        format!(" … (the first {} of {} bytes)", detail.json.len(), line.bytes)
    } else {
        String::new()
    };
    // Further lines are indented, so that none looks like a step.
    let json = String::from_utf8_lossy(&detail.json);
    text.push(format!("  {}{cut}", shown::lines(&json).replace('\n', "\n      ")));
    text.join("\n") + "\n"
}

fn history_json(detail: &Detail, config: &Config) -> Value {
    let mut history = lines::delivery(&detail.delivery, config);
    let puts: Vec<_> = detail
        .attempts
        .iter()
        .map(|put| {
            json!({ "number": put.number, "at": lines::time(put.at), "tookMs": put.took_ms, "error": put.fault.to_string() })
        })
        .collect();
    history["missedPuts"] = json!(puts);
    history["tookMs"] = json!(detail.delivery.took_ms);
    history["settledAt"] = json!(detail.delivery.settled_at.map(lines::time));
    history["encoding"] = json!(detail.encoding.as_str());
    history["json"] = json!(String::from_utf8_lossy(&detail.json));
    history
}
