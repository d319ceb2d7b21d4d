//! Sending test events, and saving them.

use std::sync::Arc;

use super::super::{
    answer::Answer,
    command::{Command, Preset, Request, TestEvent, TestRun, TestSent},
    message::Reply,
    run_view::RunView,
    shared::Shared,
};
use crate::event::Kind;

/// Test events. They go through the capture endpoint, as any sender's events do.
pub struct TestEvents<'a>(pub(crate) &'a Shared);

impl TestEvents<'_> {
    /// Sends an event with the write key of the source at this index.
    pub fn send(&self, kind: Kind, json: String, source: usize) -> Answer<Result<TestSent, String>> {
        self.0.request(Request::SendTest(TestEvent { kind, json, source }), |reply| {
            if let Reply::TestSent(sent) = reply { Some(sent) } else { None }
        })
    }

    /// Begins to send one event many times; a run that is under way is stopped first.
    pub fn start_run(&self, run: TestRun) {
        self.0.command(Command::StartTestRun(run));
    }

    /// Stops the run; what it has sent stays sent.
    pub fn stop_run(&self) {
        self.0.command(Command::StopTestRun);
    }

    /// The progress or result of the last run; `None` before the first.
    pub fn run(&self) -> Option<Arc<RunView>> {
        let run = Arc::clone(&self.0.test_run.progress().borrow());
        (run.events > 0).then_some(run)
    }

    /// The saved test events.
    pub fn presets(&self) -> Answer<Result<Vec<Preset>, String>> {
        self.0.request(Request::Presets, |reply| {
            if let Reply::Presets(presets) = reply { Some(presets) } else { None }
        })
    }

    /// Replaces the saved test events; at most [`PRESETS_MAX`](crate::engine::PRESETS_MAX).
    pub fn save_presets(&self, presets: Vec<Preset>) -> Answer<Result<(), String>> {
        self.0.request(Request::SavePresets(presets), Reply::done)
    }
}
