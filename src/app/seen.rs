//! What a place may see while it draws or looks for answers, and the commands that it pushes. No place can reach the engine.

use serde::Serialize;

use super::{
    account::Account,
    clock::Clock,
    command::{Command, KeepCommand, Save},
    place::Place,
    snapshot::Snapshot,
};
use crate::{
    config::{Config, Origin},
    delivery::{Millis, Status},
    engine::WaitingEvents,
};

pub(super) struct Seen<'a> {
    pub snapshot: &'a Snapshot,
    pub status: &'a Status,
    pub config: &'a Config,
    pub now: Millis,
    pub clock: &'a Clock,
    /// AWS's files and the sign-in.
    pub account: &'a Account,
    /// The place that is open.
    pub place: Place,
    /// Settings are being saved.
    pub saving: bool,
    pub commands: &'a mut Vec<Command>,
}

impl<'a> Seen<'a> {
    /// `(place, saving)`: the place that is open, and whether settings are being saved.
    pub(super) fn new(
        snapshot: &'a Snapshot,
        clock: &'a Clock,
        (place, saving): (Place, bool),
        account: &'a Account,
        commands: &'a mut Vec<Command>,
    ) -> Self {
        let (status, config) = (&*snapshot.status, &*snapshot.config);
        Self { snapshot, status, config, now: Clock::now(), clock, account, place, saving, commands }
    }

    pub(super) fn held(&self) -> &'a [(&'static str, Origin)] {
        &self.snapshot.fixed.held
    }

    /// The names of the practice stream's faults that are on; none if it is not the destination.
    pub(super) fn practice_faults(&self) -> Vec<&'static str> {
        self.snapshot.practice_faults()
    }

    /// The base URL for SDKs: the public address if there is one.
    pub(super) fn public_endpoint(&self) -> String {
        self.snapshot.public_endpoint()
    }

    /// The base URL for senders on this computer.
    pub(super) fn endpoint(&self) -> String {
        self.snapshot.endpoint()
    }

    pub(super) fn push(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(super) fn go(&mut self, place: Place) {
        self.push(Command::Go(place));
    }

    pub(super) fn copied(&mut self, what: &str) {
        self.push(Command::Notify(format!("{what} copied")));
    }

    pub(super) fn save(&mut self, config: Config, done: &'static str) {
        self.save_with(config, done, WaitingEvents::GoOn);
    }

    /// Saves the settings without a notice when that is done: the place itself shows it.
    pub(super) fn save_silently(&mut self, config: Config) {
        self.save(config, "");
    }

    /// Saves the settings. `queued`: what happens to queued events.
    pub(super) fn save_with(&mut self, config: Config, done: &'static str, queued: WaitingEvents) {
        self.push(Command::Save(Box::new(Save { config, done, queued })));
    }

    /// Keeps the state of a part of the window for the next start, under the part's name.
    pub(super) fn keep(&mut self, name: &'static str, state: &impl Serialize) {
        self.push(Command::Keep(KeepCommand::state(name, state)));
    }
}
