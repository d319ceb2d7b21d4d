//! Commands to the forwarder.

use super::super::{
    answer::Answer,
    command::{Immediate, Request},
    message::Reply,
    shared::Shared,
};

/// Commands to the forwarder.
pub struct Forwarder<'a>(pub(crate) &'a Shared);

impl Forwarder<'_> {
    /// Ends a pause before the next try.
    pub fn retry_now(&self) {
        self.0.at_once(Immediate::RetryNow);
    }

    /// Sets aside the events in [`Status::stuck`](crate::delivery::Status::stuck): they are kept as failed and can be
    /// resent, and the events behind them go on. The answer is their number.
    pub fn set_aside_stuck(&self) -> Answer<Result<u64, String>> {
        self.0.request(Request::SetAsideStuck, |reply| {
            if let Reply::SetAside(count) = reply { Some(count) } else { None }
        })
    }
}
