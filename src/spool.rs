//! The spool: the durable queue, and the delivery log. An accepted event is synced to disk before its sender gets 200.
//! It stays queued until the stream has confirmed it. Then it stays as a line of the delivery log until it is pruned.
//! The only user of SQLite.
//!
//! One thread writes. Commands that arrive while it commits share the next commit (group commit). New rows are
//! appended. Payloads are stored together in chunks; those of large commits go to segments beside the database, which
//! are written once and removed as a whole. Settling an event adds a narrow row and does not change the event's row.
//! Every key is a rising integer. So the cost of an event does not grow with history. The forwarder gets new events
//! from memory; only a backlog is read back. Readers have read-only connections of their own and never block the
//! writer.
//!
//! Limits: `spool.max_bytes` of queued and failed JSON, and each source's share of it; `spool.min_free_bytes` left on
//! the disk; 64 MiB on the way to the disk; the lines of rejected events. The spool does not interpret events.

mod admission;
mod adopt;
mod adopted_line;
mod adoption;
mod arrivals;
mod attempts;
mod backlog;
mod backup;
mod charts;
mod checkpoint;
mod columns;
mod command;
mod connection;
mod data_folder;
mod direct;
mod disk_space;
mod doctor;
mod error;
mod handle;
mod hot_keys;
mod layout;
mod limits;
mod line;
mod location;
mod log_reader;
mod open;
mod payload;
mod previews;
mod queue;
mod recent;
mod remains;
mod renew;
mod repeats;
mod resend;
mod restore;
mod schema;
mod search;
mod segments;
mod settlements;
mod shared;
mod source_bytes;
mod summary;
#[cfg(test)]
mod tests;
mod totals;
mod wal;
mod words;
mod write;

pub use adopt::{AdoptError, AdoptionPlan, can_be_adopted, plan_adoption};
pub use adoption::{Adopted, Mark};
pub use arrivals::{AppendError, Arrivals, Rejected};
pub use backup::{BackupError, Copied, back_up};
pub use data_folder::{guard, is_in_use, others_can_write, refuse_network};
pub use doctor::{DoctorError, Finding, Recovered, Report, examine};
pub use error::{Error, OpenError, ReadError};
pub use handle::{Spool, Threads};
pub use hot_keys::KeyCounts;
pub use layout::FILE_NAME;
pub use limits::{Limits, Share};
pub use log_reader::LogReader;
pub use queue::{Next, QueuedEvent, Settlement};
pub use resend::{Full, Pace, ResendError, count};
pub use restore::{RestoreError, restore};
pub use summary::Summary;
pub use write::LinesOfRequest;
