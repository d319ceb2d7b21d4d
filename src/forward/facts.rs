//! What the stream says about itself: asked at the start, after each change of the settings, and now and then while puts get
//! through, since its record limit and the way it spreads records may change.

use std::{
    future::Future,
    pin::Pin,
    time::{Duration, Instant},
};

use crate::{
    delivery::{AwsError, StreamFacts},
    kinesis::Client,
};

const ASK_EVERY: Duration = Duration::from_mins(5);

/// How long the first puts wait for the answer, if events may share records.
const FIRST_PUTS_WAIT: Duration = Duration::from_secs(1);

type Answer = Result<StreamFacts, AwsError>;

/// The known facts, and the request that is under way.
pub(super) struct FactsQuery {
    known: Option<StreamFacts>,
    answer: Option<Pin<Box<dyn Future<Output = Answer> + Send>>>,
    asked_at: Instant,
    ask_at: Instant,
}

impl FactsQuery {
    /// Nothing is known. The stream is to be asked at once.
    pub(super) fn new(now: Instant) -> Self {
        Self { known: None, answer: None, asked_at: now, ask_at: now }
    }

    pub(super) fn known(&self) -> Option<StreamFacts> {
        self.known
    }

    pub(super) fn is_asking(&self) -> bool {
        self.answer.is_some()
    }

    /// When to ask next. `None`: the stream is being asked.
    pub(super) fn ask_at(&self) -> Option<Instant> {
        (!self.is_asking()).then_some(self.ask_at)
    }

    pub(super) fn ask_soon(&mut self, now: Instant) {
        self.ask_at = now;
    }

    pub(super) fn ask(&mut self, client: Client, now: Instant) {
        (self.asked_at, self.ask_at) = (now, now + ASK_EVERY);
        self.answer = Some(Box::pin(async move { client.facts().await }));
    }

    /// Until when the first puts wait for the answer. `None`: they do not wait.
    pub(super) fn first_puts_wait_until(&self, now: Instant) -> Option<Instant> {
        let until = self.asked_at + FIRST_PUTS_WAIT;
        (self.known.is_none() && self.is_asking() && now < until).then_some(until)
    }

    /// Waits for the answer; for ever if the stream is not being asked.
    pub(super) async fn answer(&mut self) -> Answer {
        let Some(answer) = &mut self.answer else { return std::future::pending().await };
        let facts = answer.await;
        self.answer = None;
        facts
    }

    pub(super) fn learn(&mut self, facts: StreamFacts) {
        self.known = Some(facts);
    }
}
