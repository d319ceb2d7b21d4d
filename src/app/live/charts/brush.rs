//! The time that is dragged over a chart.

use crate::delivery::Millis;

/// From the interval where the pointer was pressed to the one where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Brush {
    begun: Millis,
    now: Millis,
}

impl Brush {
    /// `at`: the start of an interval.
    pub(super) fn new(at: Millis) -> Self {
        Self { begun: at, now: at }
    }

    pub(super) fn to(&mut self, at: Millis) {
        self.now = at;
    }

    /// The beginning and the end of the time, in whole intervals of `step_ms`.
    pub(super) fn span(&self, step_ms: Millis) -> (Millis, Millis) {
        (self.begun.min(self.now), self.begun.max(self.now) + step_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_whole_intervals_in_either_direction() {
        let mut brush = Brush::new(10_000);
        assert_eq!(brush.span(2_000), (10_000, 12_000));
        brush.to(4_000);
        assert_eq!(brush.span(2_000), (4_000, 12_000));
    }
}
