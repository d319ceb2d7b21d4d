//! Counts of what a query finds, by state, over time.

use serde::{Deserialize, Serialize};

use super::{
    line::{EventId, Millis, State},
    query::Query,
};

const SECOND: Millis = 1000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;
const DAY: Millis = 24 * HOUR;

/// The lengths that an interval can have.
const STEPS: [Millis; 24] = [
    SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
];

/// Intervals of equal length, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeFrame {
    /// The start of the first interval.
    pub start: Millis,
    /// The length of an interval.
    pub step: Millis,
    /// The number of intervals.
    pub len: usize,
}

impl TimeFrame {
    /// At most about `intervals_max` intervals from `from` to `until`. They begin at full seconds, minutes, hours or days of a
    /// clock that is `offset_ms` ahead of UTC.
    pub fn new((from, until): (Millis, Millis), offset_ms: Millis, intervals_max: usize) -> Self {
        let count = |step: Millis| {
            let start = (from + offset_ms).div_euclid(step) * step - offset_ms;
            let len = usize::try_from((until - start + step - 1).div_euclid(step)).unwrap_or(0).max(1);
            Self { start, step, len }
        };
        let fits = STEPS.into_iter().map(count).find(|frame| frame.len <= intervals_max);
        fits.unwrap_or_else(|| Self { len: intervals_max, ..count(STEPS[STEPS.len() - 1]) })
    }

    /// The interval of a moment; of one outside, the first or the last interval.
    pub fn index_of(&self, at: Millis) -> usize {
        let index = (at - self.start).div_euclid(self.step.max(1));
        usize::try_from(index).unwrap_or(0).min(self.len.saturating_sub(1))
    }

    /// The start of the interval with this index; of the index after the last one, the end of all.
    pub fn start_of(&self, index: usize) -> Millis {
        self.start + Millis::try_from(index).unwrap_or(0) * self.step
    }

    /// The end of the last interval.
    pub fn end(&self) -> Millis {
        self.start_of(self.len)
    }
}

/// Numbers of lines, by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCounts([u64; State::ALL.len()]);

impl StateCounts {
    /// The number of lines in this state.
    pub fn of(&self, state: State) -> u64 {
        self.0[state as usize]
    }

    /// Adds lines.
    pub fn add(&mut self, state: State, lines: u64) {
        self.0[state as usize] += lines;
    }

    /// Takes one line away.
    pub fn take(&mut self, state: State) {
        let count = &mut self.0[state as usize];
        *count = count.saturating_sub(1);
    }

    /// Drops the counts of other states than these; of none if `states` is empty.
    pub fn retain(&mut self, states: &[State]) {
        for state in State::ALL {
            if !states.is_empty() && !states.contains(&state) {
                self.0[state as usize] = 0;
            }
        }
    }

    /// The number of lines in all states.
    pub fn all(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Adds the lines of other counts.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

/// What to count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountRequest {
    /// The lines to count. To continue, `before` is the line where the part before has stopped.
    pub query: Query,
    /// The intervals; `None`: they are chosen by the time range of the query, or by the lines of the log.
    pub frame: Option<TimeFrame>,
    /// Maximum number of intervals, if they are to be chosen.
    pub intervals_max: usize,
    /// How far local time is ahead of UTC.
    pub offset_ms: Millis,
    /// The time now, up to which a query without an end is counted.
    pub now: Millis,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The intervals.
    pub frame: TimeFrame,
    /// The lines found in each interval.
    pub intervals: Vec<StateCounts>,
    /// Lines of the log that were searched, newest first.
    pub searched: u64,
    /// All lines of the log.
    pub lines: u64,
    /// The count reached the limit of one part here, before the end of the log. Continue from this line.
    pub stopped_at: Option<EventId>,
    /// When the line at which it stopped was received.
    pub reached: Option<Millis>,
}

impl Counts {
    /// No lines in these intervals, of a log with this number of lines.
    pub fn empty(frame: TimeFrame, lines: u64) -> Self {
        Self { frame, intervals: vec![StateCounts::default(); frame.len], lines, ..Self::default() }
    }

    /// Counts lines of one state.
    pub fn add(&mut self, index: usize, state: State, lines: u64) {
        if let Some(interval) = self.intervals.get_mut(index) {
            interval.add(state, lines);
        }
    }

    /// The lines found, by state.
    pub fn by_state(&self) -> StateCounts {
        let mut sum = StateCounts::default();
        self.intervals.iter().for_each(|interval| sum.merge(interval));
        sum
    }

    /// Adds the next part, which was counted with the same intervals.
    pub fn continue_with(&mut self, part: &Self) {
        for (sum, more) in self.intervals.iter_mut().zip(&part.intervals) {
            sum.merge(more);
        }
        self.searched += part.searched;
        (self.lines, self.stopped_at, self.reached) = (part.lines, part.stopped_at, part.reached);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_cover_the_range_and_begin_at_round_local_times() {
        const NOON: Millis = 1_772_452_800_000; // 2026-03-02T12:00:00Z
        for (span, step) in
            [(1, SECOND), (59_000, SECOND), (62_000, 2 * SECOND), (HOUR, MINUTE), (30 * DAY, 12 * HOUR)]
        {
            for offset in [0, 5 * HOUR + 30 * MINUTE, -8 * HOUR] {
                let from = NOON + 1234;
                let frame = TimeFrame::new((from, from + span), offset, 62);
                assert!(frame.len <= 62 && frame.step == step, "{span}: {frame:?}");
                assert!(frame.start <= from && frame.end() >= from + span, "{span}: {frame:?}");
                assert_eq!((frame.start + offset) % frame.step, 0, "{span}");
                assert_eq!((frame.index_of(from - DAY), frame.index_of(from + span - 1)), (0, frame.len - 1));
            }
        }
        assert_eq!(TimeFrame::new((0, Millis::MAX / 2), 0, 60).len, 60);
        assert_eq!(TimeFrame::new((NOON, NOON), 0, 60).len, 1);
    }

    #[test]
    fn every_state_has_a_number_of_its_own() {
        for (index, state) in State::ALL.into_iter().enumerate() {
            assert_eq!(state as usize, index);
        }
    }

    #[test]
    fn parts_add_up() {
        let frame = TimeFrame { start: 0, step: 10, len: 2 };
        let mut all = Counts { searched: 5, stopped_at: Some(7), ..Counts::empty(frame, 9) };
        all.add(0, State::Failed, 1);
        let mut part = Counts { searched: 4, ..Counts::empty(frame, 9) };
        part.add(0, State::Failed, 2);
        part.add(1, State::Delivered, 3);
        part.add(2, State::Delivered, 9);
        all.continue_with(&part);
        assert_eq!((all.by_state().of(State::Failed), all.by_state().all()), (3, 6));
        assert_eq!((all.searched, all.stopped_at), (9, None));
    }
}
