//! What the writer's thread shares with the handles. Nothing in here keeps that thread alive.

use std::sync::Mutex;

use tokio::sync::watch;

use super::{
    admission::Admission, connection::ExpectedFile, recent::RecentEvents, renew::SpoolFiles,
    settlements::SettlementBuffer, summary::Summary,
};

pub(super) struct Shared {
    pub(super) admission: Admission,
    pub(super) recent: RecentEvents,
    pub(super) settlements: SettlementBuffer,
    pub(super) summary: watch::Sender<Summary>,
    /// The database that the writer has open.
    pub(super) expected: ExpectedFile,
    /// The writer's files after its end: to close them would drop the locks of this process's readers (see
    /// [`super::renew`]).
    pub(super) left_open: Mutex<Option<SpoolFiles>>,
}
