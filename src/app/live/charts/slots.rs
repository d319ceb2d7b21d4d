//! The intervals of a chart side by side, with those in which nothing happened.

use crate::delivery::{
    Millis,
    chart::{ChartSpan, Interval, Overview},
};

/// The intervals side by side, with those in which nothing happened. A long interval is shown while it is running: ten
/// minutes are too long to wait for a first line. One of 2 seconds is not: it would only look like a fall.
pub(super) struct Slots<'o> {
    pub window: ChartSpan,
    from: Millis,
    /// The end of the last interval.
    pub end: Millis,
    pub all: Vec<Option<&'o Interval>>,
}

/// The shortest time that a rate is worked out over, so that the first event of an interval that has just begun is no peak.
const RATE_SECONDS_MIN: f64 = 5.0;

impl<'o> Slots<'o> {
    pub(super) fn new(overview: &'o Overview) -> Self {
        let window = overview.window;
        let (from, end) = match window {
            ChartSpan::FiveMinutes => {
                (window.slot(overview.now - window.span_ms()), window.slot(overview.now))
            }
            ChartSpan::Hour | ChartSpan::Day => {
                (window.slot(overview.now - window.span_ms()) + window.step_ms(), overview.now)
            }
        };
        let count = usize::try_from(window.span_ms() / window.step_ms()).unwrap_or(0);
        let mut all = vec![None; count];
        for interval in &overview.intervals {
            let at = usize::try_from((interval.at - from) / window.step_ms()).ok();
            if let Some(place) = at.filter(|_| interval.at >= from).and_then(|at| all.get_mut(at)) {
                *place = Some(interval);
            }
        }
        Self { window, from, end, all }
    }

    fn begins(&self, at: usize) -> Millis {
        self.from + Millis::try_from(at).unwrap_or(0) * self.window.step_ms()
    }

    /// How long an interval has lasted, in milliseconds: the running one less than the others.
    fn lasted(&self, at: usize) -> f64 {
        self.window.step_ms().min(self.end - self.begins(at)).max(0) as f64
    }

    /// The time that a rate of this interval is worked out over.
    pub(super) fn seconds(&self, at: usize) -> f64 {
        (self.lasted(at) / 1e3).max(RATE_SECONDS_MIN.min(self.window.step_ms() as f64 / 1e3))
    }

    /// The middle of an interval, in seconds before the window's end.
    pub(super) fn x(&self, at: usize) -> f64 {
        ((self.begins(at) - self.end) as f64 + self.lasted(at) / 2.0) / 1e3
    }

    pub(super) fn at(&self, moment: Millis) -> Option<usize> {
        let at = usize::try_from((moment - self.from) / self.window.step_ms()).ok();
        at.filter(|at| moment >= self.from && *at < self.all.len())
    }

    pub(super) fn of_x(&self, x: f64) -> Option<Millis> {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a day")]
        let moment = self.end + (x * 1e3).floor() as Millis;
        self.at(moment).filter(|_| moment < self.end).map(|at| self.begins(at))
    }

    /// Counts a second; where nothing was counted it was none.
    pub(super) fn rates(&self, of: impl Fn(&Interval) -> u64) -> Vec<Option<f64>> {
        let rate = |at, slot: Option<&Interval>| slot.map_or(0, &of) as f64 / self.seconds(at);
        self.all.iter().enumerate().map(|(at, slot)| Some(rate(at, *slot))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(at: Millis, accepted: u64) -> Interval {
        Interval { at, accepted, ..Interval::default() }
    }

    #[test]
    fn each_interval_has_its_place_and_the_running_one_has_none() {
        let window = ChartSpan::FiveMinutes;
        let now = 1_000_000_001_500;
        let running = window.slot(now);
        let intervals =
            vec![interval(running - 4_000, 10), interval(running - 2_000, 6), interval(running, 99)];
        let overview = Overview { window, now, intervals, ..Overview::default() };
        let slots = Slots::new(&overview);
        let rates = slots.rates(|i| i.accepted);
        assert_eq!(rates.len(), 150);
        assert_eq!(rates[147..], [Some(0.0), Some(5.0), Some(3.0)]);
        assert_eq!(slots.of_x(slots.x(149)), Some(running - 2_000));
        assert_eq!(slots.at(running - 2_000), Some(149));
        assert_eq!((slots.of_x(0.5), slots.of_x(-301.0)), (None, None));
    }

    #[test]
    fn longer_intervals_count_while_they_run_by_the_time_that_they_have_run() {
        for (window, count) in [(ChartSpan::Hour, 120), (ChartSpan::Day, 144)] {
            let running = window.slot(1_700_000_000_000);
            let now = running + 10_000;
            let intervals = vec![interval(running - window.step_ms(), 60), interval(running, 50)];
            let overview = Overview { window, now, intervals, ..Overview::default() };
            let slots = Slots::new(&overview);
            let rates = slots.rates(|i| i.accepted);
            let step = window.step_ms() as f64 / 1e3;
            assert_eq!(rates.len(), count);
            assert_eq!(rates[count - 2..], [Some(60.0 / step), Some(5.0)], "{window:?}");
            assert_eq!(slots.at(running), Some(count - 1));
            let x = slots.x(count - 1);
            assert!(x < 0.0 && slots.of_x(x) == Some(running), "{window:?}: {x}");
        }
    }
}
