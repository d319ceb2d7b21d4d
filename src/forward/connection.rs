//! The connection to the destination, and what is known about it: its health, its facts, how long its answers take, and how
//! many puts it takes at once.

use std::time::Instant;

use super::{
    answer_timeout::AnswerTimeout,
    batch::{Batch, BatchLimits, Sharing},
    concurrency::ConcurrencyLimit,
    controls::ConnectionSettings,
    facts::FactsQuery,
    health::{DestinationHealth, PauseReason},
    put::{FinishedPut, PutRequest, PutTotals},
};
use crate::{
    clock::now_ms,
    config::{self, Operation},
    delivery::{Bound, ForwarderState, Millis, StreamReport},
    event::Aggregation,
    kinesis::{self, ANSWER_TIMEOUT, AwsConfigFiles, Client},
};

/// The connection with the settings in force.
pub(super) struct Connection {
    settings: ConnectionSettings,
    /// Number of changes of the settings.
    version: u64,
    /// Maximum puts in flight, whatever is measured.
    puts_max: usize,
    pub(super) client: Client,
    /// AWS's own files as they were just before the client read them.
    aws_files: AwsConfigFiles,
    answer_timeout: AnswerTimeout,
    pub(super) health: DestinationHealth,
    pub(super) concurrency: ConcurrencyLimit,
    pub(super) facts: FactsQuery,
    /// The destination has taken a record.
    takes_records: bool,
}

impl Connection {
    pub(super) async fn open(settings: ConnectionSettings, puts_max: usize) -> Self {
        let (aws_files, client) = connect(&settings).await;
        let (start, max) = settings.puts_range(puts_max);
        Self {
            settings,
            version: 0,
            puts_max,
            client,
            aws_files,
            answer_timeout: AnswerTimeout::default(),
            health: DestinationHealth::default(),
            concurrency: ConcurrencyLimit::new(start, max),
            facts: FactsQuery::new(Instant::now()),
            takes_records: false,
        }
    }

    /// Takes other settings. [`Self::reconnect`] and [`Self::forget_destination`] are then due.
    pub(super) fn set_settings(&mut self, settings: ConnectionSettings) {
        self.takes_records &= settings.is_same_destination(&self.settings);
        self.settings = settings;
        self.version += 1;
        self.answer_timeout = AnswerTimeout::default();
        self.reset_concurrency();
    }

    /// Makes a new client, which reads AWS's own files again.
    pub(super) async fn reconnect(&mut self) {
        // Otherwise a program that the old client waits for would run beside the one that the new client starts.
        self.client.give_up_keys();
        (self.aws_files, self.client) = connect(&self.settings).await;
        if self.answer_timeout.get() != ANSWER_TIMEOUT {
            self.client = self.client.with_answer_timeout(self.answer_timeout.get());
        }
    }

    /// Forgets what was learned: it does not hold for other settings.
    pub(super) fn forget_destination(&mut self) {
        self.health = DestinationHealth::default();
        self.facts = FactsQuery::new(Instant::now());
    }

    /// Makes the next puts as few as at first, so that a destination that answers again does not get all of them at once.
    pub(super) fn reset_concurrency(&mut self) {
        let (start, max) = self.settings.puts_range(self.puts_max);
        self.concurrency = ConcurrencyLimit::new(start, max);
    }

    /// Whether a new client may help: AWS's own files, which a client reads once, may have been mended or name other keys.
    pub(super) fn should_reconnect(&mut self, now: Instant) -> bool {
        let is_blocked = self.health.pause().is_some_and(|pause| pause.reason == PauseReason::Blocked);
        let may_help = (is_blocked && !self.is_refused_for_time()) || self.aws_files.have_changed(now);
        may_help && !self.is_waiting_for_keys()
    }

    /// Whether a new client does no harm. The old one is better while a person may be approving the keys that it waits for,
    /// and while it knows the server's time from answers.
    pub(super) fn may_reconnect(&self) -> bool {
        !self.is_waiting_for_keys() && !self.is_refused_for_time()
    }

    fn is_waiting_for_keys(&self) -> bool {
        self.client.awaited_keys_change_at().is_some()
    }

    fn is_refused_for_time(&self) -> bool {
        self.health.pause().is_some_and(|pause| kinesis::is_the_clock(&pause.error))
    }

    pub(super) fn destination(&self) -> &config::Destination {
        &self.settings.config.destination
    }

    /// Whether the put was made with the settings in force. What other settings brought says nothing about these.
    pub(super) fn is_current(&self, put: &FinishedPut) -> bool {
        put.request.settings_version == self.version
    }

    /// Learns from a put that was made with the settings in force. `is_known_refusal`: its record is refused again while
    /// others are taken, which says nothing about the destination.
    pub(super) fn learn(
        &mut self,
        put: &FinishedPut,
        totals: &PutTotals,
        is_known_refusal: bool,
        now: Instant,
    ) {
        if self.answer_timeout.learn(&put.outcomes, put.started.elapsed(), put.request.answer_timeout) {
            self.client = self.client.with_answer_timeout(self.answer_timeout.get());
            tracing::warn!("Answers of the stream are now waited for up to {:?}", self.answer_timeout.get());
        }
        if !is_known_refusal {
            self.health.learn(&put.outcomes, put.started, now, fastrand::f64());
        }
        if self.health.pause().is_none() {
            self.concurrency.learn(totals.delivered.events, totals.throttled, now);
        }
        self.takes_records |= totals.delivered.records > 0;
    }

    /// How many puts may be in flight now.
    pub(super) fn puts_max(&self, now: Instant) -> usize {
        self.health.puts_max(now, self.concurrency.get())
    }

    /// Whether a put may wait for more records.
    pub(super) fn puts_batches(&self) -> bool {
        self.destination().operation == Operation::PutRecords && self.health.pause().is_none()
    }

    pub(super) fn batch_limits(&self) -> BatchLimits {
        BatchLimits {
            // During a pause one record is enough to see whether anything gets through.
            records_max: if self.puts_batches() { self.client.records_max() } else { 1 },
            bytes_max: kinesis::BATCH_BYTES_MAX,
            shared_request_bytes_max: self.record_bytes_max(),
            encoding: self.destination().encoding,
            sharing: self.sharing(),
        }
    }

    fn record_bytes_max(&self) -> usize {
        self.facts.known().map_or(kinesis::RECORD_BYTES_MAX, |facts| facts.record_bytes_max)
    }

    /// Whether the settings let events share records.
    pub(super) fn aggregates(&self) -> bool {
        self.destination().aggregation != Aggregation::None
    }

    /// How events share records now. They do not during a pause, where one event is enough to try, nor in a stream that
    /// spreads records by itself, which does not support it
    /// (<https://docs.aws.amazon.com/streams/latest/dev/service-managed-pk-producing-behavior.html>).
    fn sharing(&self) -> Option<Sharing> {
        let may_spread_keys = match self.facts.known() {
            Some(facts) => facts.spreads_keys,
            // The stream is being asked, and takes long to answer.
            None => self.facts.is_asking(),
        };
        if !self.aggregates() || self.health.pause().is_some() || may_spread_keys {
            return None;
        }
        let bytes_max = self.destination().aggregation_max_bytes.min(self.record_bytes_max());
        Some(Sharing { aggregation: self.destination().aggregation, bytes_max })
    }

    /// Until when nothing is put since the stream is being asked whether events may share records.
    pub(super) fn waits_for_facts_until(&self) -> Option<Instant> {
        let may_wait = self.aggregates() && self.health.pause().is_none();
        self.facts.first_puts_wait_until(Instant::now()).filter(|_| may_wait)
    }

    /// When to ask the stream about itself: now and then, while puts get through.
    pub(super) fn ask_facts_at(&self) -> Option<Instant> {
        let gets_through = self.health.pause().is_none() && self.destination().enabled;
        self.facts.ask_at().filter(|_| gets_through)
    }

    pub(super) fn request(&self, batch: Batch, limits: BatchLimits) -> PutRequest {
        PutRequest {
            batch,
            encoding: limits.encoding,
            aggregation: self.destination().aggregation,
            settings_version: self.version,
            answer_timeout: self.answer_timeout.get(),
        }
    }

    /// What keeps all events from being put.
    pub(super) fn trouble(&self, now: Instant) -> Option<ForwarderState> {
        if let Some(fault) = self.client.awaited_keys(now) {
            return Some(ForwarderState::Blocked { fault, next_try: now_ms() });
        }
        let pause = self.health.known_pause()?;
        let wait = pause.until.saturating_duration_since(now).as_millis();
        let next_try = now_ms() + Millis::try_from(wait).unwrap_or(0);
        let fault = pause.error.clone();
        Some(match pause.reason {
            PauseReason::Blocked => ForwarderState::Blocked { fault, next_try },
            PauseReason::Offline => ForwarderState::Offline { fault, next_try },
        })
    }

    /// Whether the destination takes no event at all, for a reason that is in no event.
    pub(super) fn takes_no_event(&self) -> bool {
        self.health.known_pause().is_some_and(|pause| {
            pause.reason != PauseReason::Blocked || !kinesis::may_be_the_records(&pause.error)
        })
    }

    pub(super) fn report(&self, bound: Option<Bound>) -> StreamReport {
        StreamReport {
            server: self.client.configured_server(),
            slowness: self.answer_timeout.slowness(),
            facts: self.facts.known(),
            takes_records: self.takes_records,
            bound,
        }
    }

    /// When the state changes by itself.
    pub(super) fn next_change(&self, now: Instant) -> Option<Instant> {
        let keys = self.client.awaited_keys_change_at().filter(|at| *at > now);
        [self.health.changes_at(now), keys, self.waits_for_facts_until()].into_iter().flatten().min()
    }
}

/// Reads the state of AWS's own files just before the client reads them.
async fn connect(settings: &ConnectionSettings) -> (AwsConfigFiles, Client) {
    let files = AwsConfigFiles::look();
    (files, Client::connect(&settings.config, settings.practice.as_ref()).await)
}
