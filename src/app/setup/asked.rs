//! A request to AWS about a draft: not sent, in flight, or answered.

use std::time::Duration;

use eframe::egui::Context;

use super::super::waiting::{Waiting, arrived};
use crate::{config::Config, delivery::AwsError, engine::Answer};

pub(super) struct Asked<T> {
    waiting: Option<Waiting<Result<T, AwsError>>>,
    /// The settings that are being asked about.
    config: Config,
    /// The last answer, and the settings that it is about.
    answer: Option<(Result<T, AwsError>, Config)>,
}

impl<T> Default for Asked<T> {
    fn default() -> Self {
        Self { waiting: None, config: Config::default(), answer: None }
    }
}

impl<T> Asked<T> {
    /// Records that the request was sent. `patience`: the maximum wait for the answer.
    pub(super) fn begin(&mut self, patience: Duration, answer: Answer<Result<T, AwsError>>, config: Config) {
        self.waiting = Some(Waiting::at_most(patience, answer));
        self.config = config;
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// True when the answer has just arrived.
    pub(super) fn receive(&mut self, ctx: &Context) -> bool {
        let Some(answer) = arrived(&mut self.waiting, ctx) else { return false };
        self.answer = Some((answer, std::mem::take(&mut self.config)));
        true
    }

    pub(super) fn answer(&self) -> Option<(&Result<T, AwsError>, &Config)> {
        self.answer.as_ref().map(|(answer, config)| (answer, config))
    }

    /// Drops the last answer. A request in flight goes on.
    pub(super) fn forget_answer(&mut self) {
        self.answer = None;
    }
}
