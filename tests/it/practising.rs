//! An engine in this process on the practice stream, for changes while it runs and for the endpoint.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::net::SocketAddr;

use aws_sdk_kinesis::Client;
use tributary::config::{Config, Environment, Overrides, Source};
use tributary::engine::{Engine, PRACTICE_STREAM, Paths, RunningEngine};

use crate::binary::WRITE_KEY;
use crate::conformance;
use crate::kcl;
use crate::scripted::Sent;
use crate::wire::{wait_for, wait_until};

/// An engine in this process, on the practice stream.
pub struct Practising {
    pub engine: Engine,
    pub address: SocketAddr,
    data: tempfile::TempDir,
}

/// Starts one with the tests' source, on a free port.
pub fn practising(change: impl FnOnce(&mut Config)) -> Practising {
    let data = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.capture.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.capture.sources.push(Source::new("Tests", WRITE_KEY));
    change(&mut config);
    let file = data.path().join("config.toml");
    tributary::config::load(&file, &Environment::default(), &Overrides::default()).unwrap();
    let paths = Paths { config_file: Some(file), data_dir: data.path().to_owned() };
    let engine = Engine::start(config, paths).unwrap();
    let address = wait_for("the endpoint", || engine.status().endpoint);
    Practising { engine, address, data }
}

impl Practising {
    pub fn change(&self, change: impl FnOnce(&mut Config)) {
        let mut config = Config::clone(&self.engine.settings().current());
        change(&mut config);
        self.engine.settings().apply(config.clone());
        wait_until("the settings are in force", || *self.engine.settings().current() == config);
    }

    pub fn data_dir(&self) -> &std::path::Path {
        self.data.path()
    }

    pub fn wait_settled(&self, accepted: u64) {
        wait_until("all is delivered", || {
            let ledger = self.engine.status().ledger;
            assert!(ledger.adds_up(), "{ledger:?}");
            ledger.accepted == accepted && ledger.queued == 0
        });
    }

    /// Calls the practice stream by the AWS SDK.
    pub fn ask<T>(&self, ask: impl AsyncFnOnce(Client) -> T) -> T {
        let url = RunningEngine::find(self.data.path()).unwrap().practice.unwrap().endpoint_url;
        let practice = self.engine.practice();
        let client = conformance::client(&url, practice.access_key_id(), practice.secret_access_key());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ask(client))
    }

    /// The practice stream's records, shard by shard in their order.
    pub fn records(&self) -> Vec<Sent> {
        let records = self.ask(async |client| conformance::read_all(&client, PRACTICE_STREAM, 4).await);
        let sent = |record: aws_sdk_kinesis::types::Record| Sent {
            key: record.partition_key.unwrap_or_default(),
            hash_key: None,
            data: record.data.into_inner(),
        };
        records.into_iter().map(sent).collect()
    }

    /// What an application that is built with the KCL reads of the practice stream, whose shards may have changed.
    pub fn read_as_kcl(&self) -> kcl::Read {
        self.ask(async |client| kcl::read_all(&client, PRACTICE_STREAM).await)
    }
}
