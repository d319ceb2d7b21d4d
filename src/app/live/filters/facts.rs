//! What the search shows besides what the user typed.

use crate::delivery::StateCounts;

/// What is known of the events that the search finds.
#[derive(Default)]
pub(crate) struct Facts {
    /// The number of events that are being retried.
    pub retrying: u64,
    /// How many are found, as text; and why it may be fewer than expected.
    pub tally: Option<String>,
    pub tally_hint: String,
    /// How many are found in each state, if the search does not filter by state and all are counted.
    pub by_state: Option<StateCounts>,
}
