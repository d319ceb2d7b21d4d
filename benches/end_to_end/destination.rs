//! Where the events of a row go, and the flags of `serve` for it.

use std::{path::Path, process::Command, time::Duration};

use anyhow::Context;

/// How events share records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Each event has a record of its own.
    None,
    /// In the format of the Kinesis Producer Library.
    Kpl,
    /// One event per line.
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

/// A stream, and how events are put into it.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// `put-record` or `put-records`.
    pub operation: &'static str,
    /// How long the sink takes to answer.
    pub latency: Duration,
    /// How events share records.
    pub aggregation: Aggregation,
    /// An encoding other than the default.
    pub encoding: Option<&'static str>,
}

impl Destination {
    /// Without aggregation, with the default encoding.
    pub const fn plain(operation: &'static str, latency: Duration) -> Self {
        Self { operation, latency, aggregation: Aggregation::None, encoding: None }
    }

    /// The flags for `serve` of that build. A build without aggregation gets no flag for it, unless a row needs it.
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
