//! What somebody who helps needs to know, as text: version, system, paths, the state of delivery, and the settings without
//! sources and secrets.

use std::fmt::Write as _;

use super::{clock::Clock, snapshot::Snapshot};
use crate::config;

pub(super) fn text(snapshot: &Snapshot, clock: &Clock) -> String {
    let status = &snapshot.status;
    let ledger = &status.ledger;
    let mut text = format!(
        "Tributary {} on {}, {}\nSettings file: {}\nData folder: {}\nEndpoint: {}\nForwarder: {}\n",
        env!("CARGO_PKG_VERSION"),
        config::platform(),
        clock.full(Clock::now()),
        snapshot.fixed.config_path,
        snapshot.fixed.data_dir,
        snapshot.endpoint(),
        status.forwarder.as_str(),
    );
    let mut line = |line: String| writeln!(text, "{line}").expect("a String takes all text");
    if let Some(fault) = status.forwarder.fault() {
        line(format!("Last error: {fault}"));
    }
    for problem in &status.problems {
        line(format!("Problem: {problem}"));
    }
    line(format!(
        "Events: {} accepted, {} delivered, {} queued, {} failed, {} rejected",
        ledger.accepted, ledger.delivered, ledger.queued, ledger.failed, ledger.rejected
    ));
    line(format!("Sources: {}", snapshot.config.capture.sources.len()));
    for (name, origin) in &snapshot.fixed.held {
        line(format!("Set outside the file: {name} ({})", origin.subject(name)));
    }
    format!("{text}\n{}", config::export(&snapshot.config))
}
