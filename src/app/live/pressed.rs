//! What the user can press in the list.

use super::columns::Sort;
use crate::delivery::EventId;

pub(super) enum Pressed {
    Row(EventId),
    Header(Sort),
    ClearSearch,
    ClearRange,
}
