//! What the engine gives the forwarder.

use std::sync::Arc;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::{
    config::{self, Config, Operation},
    kinesis::Access,
};

/// Puts in flight at first, with one record each.
const SINGLE_PUTS: usize = 64;
/// Puts in flight at first, with up to 500 records each.
const BATCH_PUTS: usize = 8;

/// The settings by which the forwarder connects to the destination.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The settings in force.
    pub config: Arc<Config>,
    /// How to reach the practice stream, if that is the destination.
    pub practice: Option<Access>,
}

impl ConnectionSettings {
    /// Whether both have the same destination and credentials.
    pub(super) fn is_same_destination(&self, other: &Self) -> bool {
        let of = |config: &Config| config::Destination { enabled: true, ..config.destination.clone() };
        of(&self.config) == of(&other.config) && self.config.credentials == other.config.credentials
    }

    /// How many puts are in flight at first, and at most.
    pub(super) fn puts_range(&self, puts_max: usize) -> (usize, usize) {
        let operation = self.config.destination.operation;
        let start = match operation {
            Operation::PutRecord => SINGLE_PUTS,
            Operation::PutRecords => BATCH_PUTS,
        };
        let of_practice = self.practice.as_ref().map_or(usize::MAX, |access| access.puts_max);
        let most = operation.puts_max().min(puts_max).min(of_practice).max(1);
        (start.min(most), most)
    }
}

/// What the engine tells the forwarder.
#[derive(Debug)]
pub struct Controls {
    /// The settings. A change applies to the next put.
    pub settings: watch::Receiver<ConnectionSettings>,
    /// Try now.
    pub try_now: Arc<Notify>,
    /// Set aside the events that the destination keeps refusing while it takes others. Answered with their number.
    pub set_aside: mpsc::Receiver<oneshot::Sender<u64>>,
    /// True: finish what is in flight, then end.
    pub stop: watch::Receiver<bool>,
    /// Maximum puts in flight, whatever is measured: over HTTP/1.1 each has a connection.
    pub puts_max: usize,
}
