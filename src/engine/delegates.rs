//! The handles' methods under the names that the window still uses.
#![expect(missing_docs, reason = "each has the doc of the method that it calls")]

use std::{num::NonZeroU32, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::watch;

use super::{
    Answer, Applied, Engine, Export, Faults, Preset, ReadPlan, RunView, Shards, Steps, StreamView, TestRun,
    TestSent, WaitingEvents,
};
use crate::{
    config::{Config, Destination},
    delivery::{
        AwsError, AwsIdentity, AwsProfiles, CheckKind, Detail, EventId, Exported, ListedStream, LogPage,
        Query, Receipt, Record, ResendSelection, Resent, SignInPage,
        chart::{ChartSpan, Overview},
    },
    event::Kind,
    policy::IamCall,
    remedy::SignIn,
};

impl Engine {
    pub fn told_to_stop(&self) -> bool {
        self.is_stop_requested()
    }
    pub fn announce_window(&self) {
        self.desktop().announce_window();
    }
    pub fn told_to_show_window(&self) -> bool {
        self.desktop().take_window_request()
    }
    pub fn notify_desktop(&self, text: String) {
        self.desktop().notify(text);
    }
    pub fn config(&self) -> Arc<Config> {
        self.settings().current()
    }
    pub fn apply(&self, config: Config) {
        drop(self.settings().apply(config));
    }
    pub fn save_and_apply(&self, config: Config, waiting: WaitingEvents) -> Answer<Result<Applied, String>> {
        self.settings().save_and_apply(config, waiting)
    }
    pub fn kept_draft(&self) -> Option<&str> {
        self.settings().kept_draft()
    }
    pub fn keep_draft(&self, text: String) {
        self.settings().keep_draft(text);
    }
    pub fn remembered<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        self.settings().remembered(name)
    }
    pub fn remember(&self, name: &str, value: &impl Serialize) {
        self.settings().remember(name, value);
    }
    pub fn retry_now(&self) {
        self.forwarder().retry_now();
    }
    pub fn set_aside_stuck(&self) -> Answer<Result<u64, String>> {
        self.forwarder().set_aside_stuck()
    }
    pub fn page(&self, query: Query) -> Answer<Result<LogPage, String>> {
        self.log().page(query)
    }
    pub fn overview(&self, span: ChartSpan) -> Answer<Result<Overview, String>> {
        self.log().overview(span)
    }
    pub fn detail(&self, id: EventId) -> Answer<Result<Option<Detail>, String>> {
        self.log().detail(id)
    }
    pub fn count_resend(&self, selection: ResendSelection) -> Answer<Result<Resent, String>> {
        self.log().count_resend(selection)
    }
    pub fn resend(
        &self,
        selection: ResendSelection,
        rate: Option<NonZeroU32>,
    ) -> Answer<Result<Resent, String>> {
        self.log().resend(selection, rate)
    }
    pub fn stop_resending(&self) {
        self.log().stop_resend();
    }
    pub fn export(&self, export: Export) -> Answer<Result<Exported, String>> {
        self.log().export(export)
    }
    pub fn stop_exporting(&self) {
        self.log().stop_export();
    }
    pub fn send_test(&self, kind: Kind, json: String, source: usize) -> Answer<Result<TestSent, String>> {
        self.test_events().send(kind, json, source)
    }
    pub fn start_test_run(&self, run: TestRun) {
        self.test_events().start_run(run);
    }
    pub fn stop_test_run(&self) {
        self.test_events().stop_run();
    }
    pub fn test_run(&self) -> Option<Arc<RunView>> {
        self.test_events().run()
    }
    pub fn presets(&self) -> Answer<Result<Vec<Preset>, String>> {
        self.test_events().presets()
    }
    pub fn save_presets(&self, presets: Vec<Preset>) -> Answer<Result<(), String>> {
        self.test_events().save_presets(presets)
    }
    pub fn read_back(&self, receipt: Receipt) -> Answer<Result<Option<Record>, AwsError>> {
        self.stream_reader().record(receipt)
    }
    pub fn read_stream(&self, plan: ReadPlan) {
        self.stream_reader().read(plan);
    }
    pub fn filter_stream(&self, text: &str) {
        self.stream_reader().filter(text);
    }
    pub fn stop_reading(&self) {
        self.stream_reader().stop();
    }
    pub fn stream(&self) -> Arc<StreamView> {
        self.stream_reader().view()
    }
    pub fn shards(&self) -> Arc<Shards> {
        self.stream_reader().shards()
    }
    pub fn check(&self, config: Config, kind: CheckKind) -> Steps {
        self.checks().destination(config, kind)
    }
    pub fn check_public(&self) -> Steps {
        self.checks().public_address()
    }
    pub fn faults(&self) -> Faults {
        self.practice_stream().faults()
    }
    pub fn set_faults(&self, faults: Faults) {
        self.practice_stream().set_faults(faults);
    }
    pub fn delete_practice_stream(&self) {
        self.practice_stream().delete();
    }
    pub fn make_practice_stream(&self) {
        self.practice_stream().create();
    }
    pub fn aws_files(&self) -> Answer<Result<AwsProfiles, String>> {
        self.account().profiles()
    }
    pub fn who_am_i(&self, config: Config) -> Answer<Result<AwsIdentity, AwsError>> {
        self.account().identity(config)
    }
    pub fn sign_in(&self, which: SignIn) -> (Answer<Result<(), String>>, watch::Receiver<SignInPage>) {
        self.account().sign_in(which)
    }
    pub fn list_streams(&self, config: Config) -> Answer<Result<Vec<ListedStream>, AwsError>> {
        self.account().streams(config)
    }
    pub fn create_stream(&self, config: Config) -> Answer<Result<bool, AwsError>> {
        self.account().create_stream(config)
    }
    pub fn attach(&self, config: Config, calls: Vec<IamCall>) -> Steps {
        self.account().attach(config, calls)
    }
    pub fn store_keys(&self, destination: Destination, keys: [String; 2]) -> Answer<Result<(), String>> {
        let [id, secret] = keys;
        self.account().store_keys(destination, id, secret)
    }
}
