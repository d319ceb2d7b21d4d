//! Carries out the window's commands. Only this file asks the engine to do something. An answer that comes later is handed
//! to the place that asked for it.

use eframe::egui;

use super::{
    clock::Clock,
    command::{
        AccountCommand, Command, KeepCommand, LogCommand, PracticeCommand, Save, StreamCommand, TestCommand,
        WindowCommand,
    },
    diagnostics, env_overrides,
    notice::Notice,
    opening::Opening,
    place::{self, Place},
    places::Places,
    practice_faults,
    saving::Saving,
    snapshot::Snapshot,
    theme,
};
use crate::{
    config,
    engine::{self, Engine, Faults},
    remedy::Location,
    snippets::{self, Sdk},
};

/// Carries out commands. The answers go to the places.
pub(super) struct Actor<'a> {
    pub engine: &'a Engine,
    pub snapshot: &'a Snapshot,
    pub clock: &'a Clock,
    pub ctx: &'a egui::Context,
    pub places: &'a mut Places,
}

impl Actor<'_> {
    /// Carries out one command. Returns the notice to show at once, if any.
    pub(super) fn act(&mut self, command: Command) -> Option<Notice> {
        let places = &mut *self.places;
        match command {
            Command::Go(place) => places.open = place,
            Command::GoToRemedy(target) => {
                let (place, section) = place::of_remedy(target);
                places.open = place;
                if target == Location::PracticeFaults {
                    places.test.faults.open();
                }
                if let Some(section) = section {
                    places.setup.show(section, self.snapshot.config.destination.kind);
                }
            }
            Command::ShowDelivery(id) => places.at(Place::Live).live.show(id),
            Command::ShowRecord(receipt) => places.at(Place::Stream).stream.show(receipt),
            Command::Search(text) => places.at(Place::Live).live.search(&text),
            Command::Filter(name, value) => places.at(Place::Live).live.require(name, &value),
            Command::FilterText(text) => places.at(Place::Live).live.require_text(&text),
            Command::TimeRange(from, to) => places.at(Place::Live).live.limit_time(from, to),
            Command::Compose(kind, text) => places.at(Place::Test).test.compose(kind, text),
            Command::ShowSetting(key) => places.at(Place::Settings).settings.show(key),
            Command::AllowReading => {
                let in_force = self.snapshot.config.destination.kind;
                places.at(Place::SetUp).setup.allow_reading(in_force);
            }
            Command::ShowConsumers => places.at(Place::Sources).sources.show_consumers(),
            Command::ShowTurnedAway => places.at(Place::Sources).sources.show_turned_away(),
            Command::SetUp(_) if places.saving.is_some() => {
                return Some(Notice::error("Settings are being saved: try again in a moment"));
            }
            Command::SetUp(command) => {
                let Snapshot { status, config, .. } = self.snapshot;
                match places.setup.act(command, config, status) {
                    Some(save) => self.save(save),
                    None => places.open = Place::SetUp,
                }
            }
            Command::CheckDraft => places.at(Place::SetUp).setup.check_soon(),
            Command::SendDraft => places.at(Place::Test).test.send_soon(),
            Command::RunDraft => places.at(Place::Test).test.run_soon(),
            Command::AskResend | Command::AskExport => return self.ask_about_search(&command),
            Command::Live(command) => places.at(Place::Live).live.act(command),
            Command::Delivery(command) if places.live.act_on_open(command) => places.open = Place::Live,
            Command::Delivery(_no_delivery) => {
                return Some(Notice::error("No delivery is open: choose one in Live"));
            }
            Command::Save(save) => self.save(*save),
            Command::TestAlert(alert) => {
                let name = alert.name.clone();
                places.settings.alert_test_coming(name, self.engine.alerts().test(*alert));
            }
            Command::RetryNow => self.engine.forwarder().retry_now(),
            // The answer is not needed: the pipeline strip shows when it is done.
            Command::SetAsideStuck => drop(self.engine.forwarder().set_aside_stuck()),
            Command::Log(command) => return self.log(command),
            Command::Account(command) => self.account(command),
            Command::Stream(command) => self.stream(command),
            Command::Test(command) => self.test(command),
            Command::Practice(command) => return self.practice(command),
            Command::Keep(KeepCommand::Draft(text)) => self.engine.settings().keep_draft(text),
            Command::Keep(KeepCommand::State(name, state)) => self.engine.settings().remember(name, &state),
            Command::Window(command) => return self.window(command),
            Command::Notify(text) => return Some(Notice::done(text)),
            Command::Refuse(text) => return Some(Notice::error(text)),
        }
        None
    }

    fn save(&mut self, Save { config, done, queued }: Save) {
        let changes = config::differences(&self.snapshot.config, &config);
        let done = env_overrides::saved_notice(done, &changes, &self.snapshot.fixed.held);
        let answer = self.engine.settings().save_and_apply(config, queued);
        self.places.saving = Some(Saving::new(answer, done, queued));
    }

    /// Opens a sheet about all events that match Live's search.
    fn ask_about_search(&mut self, command: &Command) -> Option<Notice> {
        let places = self.places.at(Place::Live);
        let (text, query) = match places.live.search_in_force() {
            Ok(search) => search,
            Err(mistake) => return Some(Notice::error(mistake.to_string())),
        };
        if *command == Command::AskExport {
            let folder = self.engine.export_folder();
            places.exporting.ask(folder, self.clock, text, query);
            return None;
        }
        let which = places.resending.ask(text, query);
        self.log(LogCommand::CountResend(which))
    }

    fn log(&mut self, command: LogCommand) -> Option<Notice> {
        let (engine, places) = (self.engine, &mut *self.places);
        match command {
            LogCommand::ReadPage(query, Place::Sources) => {
                places.sources.page_coming(engine.log().page(*query));
            }
            LogCommand::ReadPage(query, Place::Stream) => {
                places.stream.lines_coming(engine.log().page(*query));
            }
            LogCommand::ReadPage(query, _live) => places.live.page_coming(engine.log().page(*query)),
            LogCommand::Find(query) => places.overlay.found_coming(engine.log().page(*query)),
            LogCommand::Count(request) => places.live.counts_coming(engine.log().counts(*request)),
            LogCommand::ReadValues(request) => places.live.values_coming(engine.log().values(request)),
            LogCommand::ReadDetail(id, place) => {
                let answer = engine.log().detail(id);
                match place {
                    Place::Sources => places.sources.detail_coming(answer),
                    Place::Test => places.test.detail_coming(id, answer),
                    _ => places.live.detail_coming(id, answer),
                }
            }
            LogCommand::ReadOverview(window) => places.live.overview_coming(engine.log().overview(window)),
            LogCommand::CountResend(which) => places.resending.count_coming(engine.log().count_resend(which)),
            LogCommand::Resend { .. } if places.resending.is_under_way() => {
                return Some(Notice::error("Events are already being resent"));
            }
            LogCommand::Resend { which, rate, count } => {
                if count.is_none() {
                    // Not for a resend from the sheet: the user may be reading a line, which must not move.
                    places.live.await_resent(&which);
                }
                places.resending.started(engine.log().resend(which, rate), count);
            }
            LogCommand::StopResending => engine.log().stop_resend(),
            LogCommand::Export(export) => {
                let path = export.path.clone();
                places.exporting.started(engine.log().export(*export), path);
            }
            LogCommand::StopExporting => engine.log().stop_export(),
        }
        None
    }

    fn account(&mut self, command: AccountCommand) {
        let engine = self.engine;
        let Places { account, setup, sources, .. } = &mut *self.places;
        match command {
            AccountCommand::ReadAwsFiles if account.is_reading() => {}
            AccountCommand::ReadAwsFiles => account.reading(engine.account().profiles()),
            AccountCommand::SignIn(what) => {
                let (answer, page) = engine.account().sign_in(what.clone());
                account.signing_in(what, answer, page);
            }
            AccountCommand::StopSigningIn => account.stop_signing_in(),
            AccountCommand::WhoAmI(config) => {
                setup.owner_coming(engine.account().key_owner((*config).clone()), *config);
            }
            AccountCommand::ListStreams(config) => {
                setup.streams().list_coming(engine.account().streams((*config).clone()), *config);
            }
            AccountCommand::DescribeStream(config) => {
                let answer = engine.account().describe_stream((*config).clone());
                setup.streams().description_coming(answer, *config);
            }
            AccountCommand::AskOnDemandBilling(config) => {
                let answer = engine.account().on_demand_billing((*config).clone());
                setup.streams().billing_coming(answer, *config);
            }
            AccountCommand::CreateStream(config, stream) => {
                let steps = engine.account().create_stream((*config).clone(), stream.clone());
                setup.streams().creation_started(steps, *config, stream);
            }
            AccountCommand::Check(config, kind) => {
                setup.check_started(engine.checks().destination((*config).clone(), kind), *config, kind);
            }
            AccountCommand::Attach(config, attachment) => {
                let calls = attachment.calls(&config);
                let steps = engine.account().attach((*config).clone(), attachment);
                setup.attach_started(steps, *config, calls);
            }
            AccountCommand::StoreKeys { destination, access_key_id, secret } => {
                setup.keys_stored(engine.account().store_keys(*destination, access_key_id, secret));
            }
            AccountCommand::CheckPublicAddress => {
                sources.public_check_started(engine.checks().public_address(), &self.snapshot.config);
            }
        }
    }

    fn stream(&mut self, command: StreamCommand) {
        let (engine, places) = (self.engine, &mut *self.places);
        match command {
            StreamCommand::Read(plan) => engine.stream_reader().read(plan),
            StreamCommand::ReadAgain => places.at(Place::Stream).stream.read_again(),
            StreamCommand::Filter(text) => engine.stream_reader().filter(&text),
            StreamCommand::Stop => engine.stream_reader().stop(),
            StreamCommand::ReadBack(id, receipt) => {
                places.test.record_coming(id, engine.stream_reader().record(receipt));
            }
        }
    }

    fn test(&mut self, command: TestCommand) {
        let (engine, test) = (self.engine, &mut self.places.test);
        match command {
            TestCommand::Send { kind, json, source } => {
                test.sent(kind, engine.test_events().send(kind, json, source));
            }
            TestCommand::Run(run) => engine.test_events().start_run(run),
            TestCommand::StopRun => engine.test_events().stop_run(),
            TestCommand::ReadPresets => test.presets_coming(engine.test_events().presets()),
            TestCommand::SavePresets(presets) => {
                test.presets_saved(engine.test_events().save_presets(presets));
            }
        }
    }

    fn practice(&mut self, command: PracticeCommand) -> Option<Notice> {
        let engine = self.engine;
        let is_missing = self.snapshot.status.practice_missing;
        let toggled =
            |name: &str, is_on| Some(Notice::done(format!("{name}: {}", if is_on { "on" } else { "off" })));
        match command {
            PracticeCommand::Toggle(fault) => {
                let mut faults = engine.practice_stream().faults();
                let is_on = !fault.is_on(&faults);
                fault.set(&mut faults, is_on);
                engine.practice_stream().set_faults(faults);
                return toggled(fault.name(), is_on);
            }
            PracticeCommand::ToggleStream => {
                self.practice(PracticeCommand::SetDeleted(!is_missing));
                return toggled(practice_faults::DELETE_STREAM, !is_missing);
            }
            PracticeCommand::SetFaults(faults) => engine.practice_stream().set_faults(faults),
            PracticeCommand::SetDeleted(true) => engine.practice_stream().delete(),
            PracticeCommand::SetDeleted(false) => engine.practice_stream().create(),
            PracticeCommand::SwitchAllOff => {
                engine.practice_stream().set_faults(Faults::default());
                if is_missing {
                    engine.practice_stream().create();
                }
            }
        }
        None
    }

    fn window(&mut self, command: WindowCommand) -> Option<Notice> {
        let places = &mut *self.places;
        match command {
            WindowCommand::Palette => places.overlay.open_palette(),
            WindowCommand::Help => places.overlay.open_help(),
            WindowCommand::Licences => places.overlay.open_licences(),
            WindowCommand::Theme(choice) => theme::choose(self.ctx, choice),
            WindowCommand::CopyEndpoint => {
                self.ctx.copy_text(self.snapshot.public_endpoint());
                return Some(Notice::done("Endpoint address copied"));
            }
            WindowCommand::CopyCurl => {
                let source = self.snapshot.config.capture.sources.first()?;
                let curl = snippets::snippet(Sdk::Curl, &self.snapshot.public_endpoint(), &source.write_key);
                self.ctx.copy_text(curl);
                if self.snapshot.status.newest == 0 {
                    // Where the first event will be seen.
                    places.open = Place::Live;
                }
                return Some(Notice::done("curl command copied: run it in a terminal"));
            }
            WindowCommand::CopyDiagnostics => {
                self.ctx.copy_text(diagnostics::text(self.snapshot, self.clock));
                return Some(Notice::done("Diagnostics copied"));
            }
            WindowCommand::OpenSettingsFile => {
                let path = &self.snapshot.fixed.config_path;
                places.opening = Some(Opening::settings_file(engine::open_in_program(path), path));
            }
            WindowCommand::OpenWebPage(url) => {
                places.opening = Some(Opening::web_page(engine::open_in_program(&url), &url));
            }
            WindowCommand::NotifyDesktop(text) => self.engine.desktop().notify(text),
        }
        None
    }
}
