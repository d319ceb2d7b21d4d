//! `tributary check --probe`: asks the running engine for its health or readiness, as a load balancer does. For the health
//! checks of containers.

use super::{locations::Locations, output::print, reach::running_engine};
use crate::engine::Probe;

/// What `--probe` asks.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Asked {
    /// Whether the engine lives (`/health`)
    Health,
    /// Whether it accepts events (`/ready`): not while its spool or disk is full, nor while it starts or stops
    Ready,
}

/// Prints the endpoint's answer. An error: it is no, or there is none.
pub(super) fn run(asked: Asked, locations: &Locations) -> anyhow::Result<bool> {
    let engine = running_engine(locations)?;
    let answer = engine.probe(match asked {
        Asked::Health => Probe::Health,
        Asked::Ready => Probe::Ready,
    })?;
    print(&format!("{answer}\n"))?;
    Ok(true)
}
