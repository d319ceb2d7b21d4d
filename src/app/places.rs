//! The state of every part of the window. The parts know nothing of each other; commands connect them.

use eframe::egui;

use super::{
    account::Account, clock::Clock, command::Command, exporting::Exporting, live::Live, notice::Notice,
    opening::Opening, overlay::Overlay, place::Place, resending::Resending, saving::Saving, seen::Seen,
    settings::Settings, setup::SetUp, snapshot::Snapshot, sources::Sources, stream::Stream, test::Test,
};
use crate::config::Config;

pub(super) struct Places {
    /// The place in sight.
    pub open: Place,
    pub setup: SetUp,
    pub sources: Sources,
    pub test: Test,
    pub live: Live,
    pub stream: Stream,
    pub settings: Settings,
    pub account: Account,
    pub resending: Resending,
    pub exporting: Exporting,
    pub overlay: Overlay,
    pub saving: Option<Saving>,
    pub opening: Option<Opening>,
}

impl Places {
    /// Opens this place.
    pub(super) fn at(&mut self, place: Place) -> &mut Self {
        self.open = place;
        self
    }

    /// Gives changed settings to the forms.
    pub(super) fn adopt(&mut self, before: &Config, now: &Config) {
        self.setup.adopt(before, now);
        self.settings.adopt(before, now);
    }

    /// Takes the answers that have arrived, and pushes the commands for the next requests.
    pub(super) fn logic(
        &mut self,
        ctx: &egui::Context,
        snapshot: &Snapshot,
        clock: &Clock,
        commands: &mut Vec<Command>,
    ) -> Option<Notice> {
        let signed_in = self.account.logic(ctx);
        let seen =
            &mut Seen::new(snapshot, clock, (self.open, self.saving.is_some()), &self.account, commands);
        self.setup.logic(ctx, seen);
        self.sources.logic(ctx, seen);
        self.test.logic(ctx, seen);
        self.live.logic(ctx, seen);
        self.stream.logic(ctx, seen);
        self.overlay.logic(ctx, seen);
        self.settings.logic(seen);
        signed_in
            .or_else(|| self.resending.logic(ctx))
            .or_else(|| self.exporting.logic(ctx, &snapshot.status))
            .or_else(|| self.opening.as_mut()?.logic(ctx))
    }
}
