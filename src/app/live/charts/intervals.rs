//! The intervals of a chart in order of time, including those in which nothing happened.

use crate::delivery::{
    Millis,
    chart::{ChartSpan, Interval, Overview},
};

/// Long intervals include the running one, because ten minutes are too long to wait for a first point. With intervals of
/// 2 seconds the running one is left out: it would always look like a drop.
pub(super) struct Intervals<'o> {
    pub span: ChartSpan,
    from: Millis,
    /// The end of the last interval.
    pub end: Millis,
    /// All intervals, oldest first; `None`: nothing happened in it.
    pub all: Vec<Option<&'o Interval>>,
}

/// The minimum time to divide by for a rate. With less, the first event of an interval that has just begun would be a peak.
const RATE_SECONDS_MIN: f64 = 5.0;

impl<'o> Intervals<'o> {
    pub(super) fn new(overview: &'o Overview) -> Self {
        let span = overview.window;
        let (from, end) = match span {
            ChartSpan::FiveMinutes => (span.slot(overview.now - span.span_ms()), span.slot(overview.now)),
            ChartSpan::Hour | ChartSpan::Day => {
                (span.slot(overview.now - span.span_ms()) + span.step_ms(), overview.now)
            }
        };
        let count = usize::try_from(span.span_ms() / span.step_ms()).unwrap_or(0);
        let mut all = vec![None; count];
        for interval in &overview.intervals {
            let at = usize::try_from((interval.at - from) / span.step_ms()).ok();
            if let Some(entry) = at.filter(|_| interval.at >= from).and_then(|at| all.get_mut(at)) {
                *entry = Some(interval);
            }
        }
        Self { span, from, end, all }
    }

    fn start_of(&self, at: usize) -> Millis {
        self.from + Millis::try_from(at).unwrap_or(0) * self.span.step_ms()
    }

    /// How long the interval has lasted so far, in milliseconds.
    fn elapsed_ms(&self, at: usize) -> f64 {
        self.span.step_ms().min(self.end - self.start_of(at)).max(0) as f64
    }

    /// The time to divide the interval's counts by for a rate.
    pub(super) fn rate_seconds(&self, at: usize) -> f64 {
        (self.elapsed_ms(at) / 1e3).max(RATE_SECONDS_MIN.min(self.span.step_ms() as f64 / 1e3))
    }

    /// The middle of the interval on the time axis: in seconds relative to the end, so negative.
    pub(super) fn x(&self, at: usize) -> f64 {
        ((self.start_of(at) - self.end) as f64 + self.elapsed_ms(at) / 2.0) / 1e3
    }

    /// The index of the interval that holds this moment.
    pub(super) fn at(&self, moment: Millis) -> Option<usize> {
        let at = usize::try_from((moment - self.from) / self.span.step_ms()).ok();
        at.filter(|at| moment >= self.from && *at < self.all.len())
    }

    /// The moment at this position on the time axis.
    fn moment(&self, x: f64) -> Millis {
        #[expect(clippy::cast_possible_truncation, reason = "milliseconds of a day")]
        let ms = (x * 1e3).floor() as Millis;
        self.end + ms
    }

    /// The start of the interval at this position on the time axis.
    pub(super) fn at_x(&self, x: f64) -> Option<Millis> {
        let moment = self.moment(x);
        self.at(moment).filter(|_| moment < self.end).map(|at| self.start_of(at))
    }

    /// The start of the interval nearest to this position on the time axis.
    pub(super) fn nearest(&self, x: f64) -> Millis {
        let at = (self.moment(x) - self.from) / self.span.step_ms();
        self.start_of(usize::try_from(at).unwrap_or(0).min(self.all.len().saturating_sub(1)))
    }

    /// Counts per second, 0 where nothing happened.
    pub(super) fn rates(&self, of: impl Fn(&Interval) -> u64) -> Vec<Option<f64>> {
        let rate = |at, interval: Option<&Interval>| interval.map_or(0, &of) as f64 / self.rate_seconds(at);
        self.all.iter().enumerate().map(|(at, interval)| Some(rate(at, *interval))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(at: Millis, accepted: u64) -> Interval {
        Interval { at, accepted, ..Interval::default() }
    }

    #[test]
    fn each_short_interval_is_shown_but_for_the_running_one() {
        let window = ChartSpan::FiveMinutes;
        let now = 1_000_000_001_500;
        let running = window.slot(now);
        let intervals =
            vec![interval(running - 4_000, 10), interval(running - 2_000, 6), interval(running, 99)];
        let overview = Overview { window, now, intervals, ..Overview::default() };
        let shown = Intervals::new(&overview);
        let rates = shown.rates(|i| i.accepted);
        assert_eq!(rates.len(), 150);
        assert_eq!(rates[147..], [Some(0.0), Some(5.0), Some(3.0)]);
        assert_eq!(shown.at_x(shown.x(149)), Some(running - 2_000));
        assert_eq!(shown.at(running - 2_000), Some(149));
        assert_eq!((shown.at_x(0.5), shown.at_x(-301.0)), (None, None));
        assert_eq!([shown.nearest(0.5), shown.nearest(-400.0)], [running - 2_000, running - 300_000]);
    }

    #[test]
    fn a_long_interval_is_shown_while_it_runs_with_the_rate_so_far() {
        for (window, count) in [(ChartSpan::Hour, 120), (ChartSpan::Day, 144)] {
            let running = window.slot(1_700_000_000_000);
            let now = running + 10_000;
            let intervals = vec![interval(running - window.step_ms(), 60), interval(running, 50)];
            let overview = Overview { window, now, intervals, ..Overview::default() };
            let shown = Intervals::new(&overview);
            let rates = shown.rates(|i| i.accepted);
            let step = window.step_ms() as f64 / 1e3;
            assert_eq!(rates.len(), count);
            assert_eq!(rates[count - 2..], [Some(60.0 / step), Some(5.0)], "{window:?}");
            assert_eq!(shown.at(running), Some(count - 1));
            let x = shown.x(count - 1);
            assert!(x < 0.0 && shown.at_x(x) == Some(running), "{window:?}: {x}");
        }
    }
}
