//! Where a row's events go, and the flags of `serve` that say so.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Context;

/// Several events in a record, or each in its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Each event is a record.
    None,
    /// As the Kinesis Producer Library does it.
    Kpl,
    /// One event a line.
    Lines,
}

impl Aggregation {
    /// The value of `--aggregation`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kpl => "kpl",
            Self::Lines => "lines",
        }
    }
}

/// A stream, and how events are put there.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// `put-record` or `put-records`.
    pub operation: &'static str,
    /// How long the sink takes to answer.
    pub latency: Duration,
    /// Several events in a record?
    pub aggregation: Aggregation,
    /// Another encoding than the default one.
    pub encoding: Option<&'static str>,
}

impl Destination {
    /// Without aggregation, in the default encoding.
    pub const fn plain(operation: &'static str, latency: Duration) -> Self {
        Self { operation, latency, aggregation: Aggregation::None, encoding: None }
    }

    /// The flags for `serve` of that build. One that does not know aggregation is told nothing of it where there is none.
    pub fn flags(&self, binary: &Path) -> anyhow::Result<Vec<&'static str>> {
        let mut flags = vec!["--operation", self.operation];
        if self.aggregation != Aggregation::None || knows_aggregation(binary)? {
            flags.extend(["--aggregation", self.aggregation.as_str()]);
        }
        if let Some(encoding) = self.encoding {
            flags.extend(["--encoding", encoding]);
        }
        Ok(flags)
    }
}

/// Whether that build can aggregate.
pub fn knows_aggregation(binary: &Path) -> anyhow::Result<bool> {
    let said = Command::new(binary).args(["serve", "--help"]).output();
    let said = said.with_context(|| format!("{} did not start", binary.display()))?;
    Ok(String::from_utf8_lossy(&said.stdout).contains("--aggregation"))
}
