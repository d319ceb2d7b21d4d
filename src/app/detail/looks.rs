//! How a delivery is shown: the tab, the text to find, and what is open.

use crate::app::json_view::Find;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Payload,
    Timeline,
    Record,
}

/// How a delivery is shown. The next one that is opened is shown in the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Looks {
    pub(super) tab: Tab,
    pub(super) find: Find,
    /// The list of attempts is open.
    pub(super) shows_attempts: bool,
}
