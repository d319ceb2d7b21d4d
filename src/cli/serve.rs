//! `tributary serve`: runs the engine without a window until a signal arrives, then drains it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use anyhow::anyhow;

use super::{destination_args::DestinationArgs, locations::Locations};
use crate::{
    config::{Config, DestinationKind, Overrides},
    delivery::{Bound, ForwarderState, Intake, Limit, Status},
    engine::{Engine, url_of},
    event::shown,
    log::{self, LevelFilter},
    remedy,
};

/// How long puts in flight may take to end after SIGTERM. Events of puts without an answer by then are put again at the next
/// start.
const GRACE: Duration = Duration::from_secs(20);

#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(flatten)]
    destination: DestinationArgs,
    /// Where the capture endpoint listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// One more write key to accept (repeatable). Other users of this machine can see it in the list of processes; they cannot see
    /// one in the settings file or in the variable `TRIBUTARY_CAPTURE_WRITE_KEY`
    #[arg(long = "write-key", value_name = "KEY")]
    write_keys: Vec<String>,
}

impl From<Args> for Overrides {
    fn from(args: Args) -> Self {
        Self::from(args.destination)
            .with("--listen", "capture.listen", args.listen)
            .with_write_keys(args.write_keys)
    }
}

pub(super) fn run(args: Args, locations: &Locations) -> anyhow::Result<()> {
    let _flush = log::start(LevelFilter::INFO);
    let loaded = locations.load(&args.into())?;
    if loaded.created {
        tracing::info!("Settings file created: {}", loaded.path.display());
    }
    let paths = locations.paths(&loaded)?;
    tracing::info!("Data folder: {}", paths.data_dir.display());
    let config = loaded.config;
    if config.capture.exposed() {
        let encryption = if config.capture.tls_cert.is_empty() { ", without encryption" } else { "" };
        tracing::warn!("The endpoint can be reached from other machines{encryption}");
    }
    let engine = Engine::start_heeding_signals(config, paths)?;
    // If `watch` panics, the engine is still stopped in order and the program ends.
    let watched = catch_unwind(AssertUnwindSafe(|| watch(&engine)))
        .unwrap_or_else(|_panic| Err("The watch on the engine panicked.".into()));
    tracing::info!("Stopping: finishing puts in flight");
    engine.shutdown(GRACE);
    tracing::info!("Stopped");
    watched.map_err(|why| anyhow!("{why} The program ends, so that its supervisor starts it again"))
}

/// Logs changes of the status until a signal arrives. `Err`: an essential part of the engine has stopped.
fn watch(engine: &Engine) -> Result<(), Arc<str>> {
    let (changed, changes) = std::sync::mpsc::sync_channel(1);
    // If the channel is full, it already holds a notification.
    engine.on_change(move || changed.try_send(()).unwrap_or(()));
    let config = engine.settings().current();
    let mut logged = Status::default();
    while !engine.is_stop_requested() {
        let status = engine.status();
        log_changes(&logged, &status, &config);
        logged = Status::clone(&status);
        if let Some(why) = engine.broken() {
            return Err(why);
        }
        if changes.recv().is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// Logs each limit once, when it begins to apply. Changes of its figures are not logged, because they are frequent.
fn log_limit(before: Option<&Bound>, now: Option<&Bound>, config: &Config) {
    let limit = |bound: &Bound| match &bound.limit {
        Limit::Order { key, .. } => (bound.limit.as_str(), Some(Arc::clone(key))),
        limit => (limit.as_str(), None),
    };
    if before.map(limit) != now.map(limit) {
        if let Some(bound) = now {
            tracing::warn!("The queue grows. {}", remedy::bound(bound, config).join(" "));
        } else {
            tracing::info!("The queue no longer grows");
        }
    }
}

fn log_changes(before: &Status, now: &Status, config: &Config) {
    let begins = now.endpoint.is_some() && before.endpoint.is_none();
    if let (Some(address), true) = (now.endpoint, before.endpoint != now.endpoint) {
        tracing::info!("Listening on {}; destination: {}", url_of(address, now.tls), destination(config));
        if let Some(public) = &config.capture.public_url {
            tracing::info!("Senders use the public address {public}");
        }
        if now.ledger.queued > 0 {
            tracing::info!("{} events are queued from before", now.ledger.queued);
        }
    }
    if (begins || before.channels != now.channels)
        && let Some(why) = remedy::unreadable(config, now.channels)
    {
        tracing::warn!("{why}");
    }
    if let (Some(server), true) = (&now.server, before.server != now.server) {
        tracing::info!("Requests to Kinesis go to {server}");
    }
    // A different error is logged. The same error with another time or request id is not.
    let said =
        |forwarder: &ForwarderState| forwarder.fault().map(|fault| without_numbers(&fault.to_string()));
    if before.forwarder.as_str() != now.forwarder.as_str() || said(&before.forwarder) != said(&now.forwarder)
    {
        log_forwarder(&now.forwarder, now.ledger.queued, config);
    }
    // The number of events behind the refused ones is not compared: it changes with every event of these users.
    let refused =
        |status: &Status| status.stuck.as_ref().map(|stuck| (stuck.refused, Arc::clone(&stuck.fault.code)));
    if refused(before) != refused(now) {
        if let Some(stuck) = &now.stuck {
            tracing::warn!("{}", shown::line(&remedy::stuck(stuck).join(" ")));
        } else {
            tracing::info!("No event is refused any more");
        }
    }
    log_limit(before.bound.as_ref(), now.bound.as_ref(), config);
    if before.intake != now.intake {
        match &now.intake {
            Intake::Full => {
                tracing::warn!("The spool is full: senders are asked to retry (spool.max_bytes)");
            }
            Intake::DiskFull => tracing::warn!(
                "The disk has less free space than spool.min_free_bytes ({} bytes free): senders are asked to retry, \
                 delivering goes on; make room or lower that setting",
                now.disk_free.map_or_else(|| "unknown".to_owned(), |free| free.to_string())
            ),
            Intake::Failing(why) => {
                tracing::error!("The disk refuses writes, senders are asked to retry: {why}");
            }
            Intake::Ready if !matches!(before.intake, Intake::Starting) => {
                tracing::info!("Events are accepted again");
            }
            Intake::Ready | Intake::Starting | Intake::Stopping => {}
        }
    }
    if now.ledger.failed > before.ledger.failed && before.endpoint.is_some() {
        tracing::warn!(
            "{} events can never be delivered; see `tributary log --state failed`",
            now.ledger.failed
        );
    }
}

/// Leaves out words with a digit: times, request ids, counts.
fn without_numbers(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.chars().any(|c| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

fn log_forwarder(forwarder: &ForwarderState, queued: u64, config: &Config) {
    let state = forwarder.as_str();
    let Some(fault) = forwarder.fault() else {
        tracing::info!("Forwarder {state}");
        return;
    };
    let remedy = remedy::remedy(fault, config);
    let fault = shown::line(&fault.to_string()).into_owned();
    tracing::warn!(
        "Forwarder {state}: {fault}. {} {} {queued} events are queued, none is lost.",
        remedy.what,
        remedy.action
    );
}

fn destination(config: &Config) -> String {
    let destination = &config.destination;
    match destination.kind {
        DestinationKind::Practice => "the practice stream (in memory, no AWS)".to_owned(),
        DestinationKind::Kinesis if destination.endpoint_url.is_empty() => {
            format!("Kinesis stream {} in {}", destination.stream, destination.region)
        }
        DestinationKind::Kinesis => format!("stream {} at {}", destination.stream, destination.endpoint_url),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::config::{self, Environment};

    #[derive(clap::Parser)]
    struct Words {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn every_flag_reaches_its_setting() {
        let flags = "--region eu-west-9 --stream clicks --account-id 123456789012 --operation put-records \
            --encoding json-lines --aggregation lines --reader table --endpoint-url https://kinesis.example.com/base --profile work \
            --role-arn arn:aws-us-gov:iam::123456789012:role/team/r --external-id x:1 --listen 0.0.0.0:0 \
            --write-key k1 --write-key k2 --write-key k1";
        let as_file = "[destination]\nkind = 'kinesis'\nregion = 'eu-west-9'\nstream = 'clicks'\n\
            account_id = '123456789012'\noperation = 'put-records'\nencoding = 'json-lines'\naggregation = 'lines'\nreader = 'table'\n\
            endpoint_url = 'https://kinesis.example.com/base'\n\
            [credentials]\nsource = 'profile'\nprofile = 'work'\nexternal_id = 'x:1'\n\
            role_arn = 'arn:aws-us-gov:iam::123456789012:role/team/r'\n\
            [capture]\nlisten = '0.0.0.0:0'\n[[capture.sources]]\nname = 'Command line'\nwrite_key = 'k1'\n\
            [[capture.sources]]\nname = 'Command line 2'\nwrite_key = 'k2'\n";
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config.toml");
        let read =
            |flags: &Overrides| config::read(&path, &Environment::default(), flags).expect("right").config;
        let words = std::iter::once("serve").chain(flags.split_whitespace());
        let config = read(&Overrides::from(Words::parse_from(words).args));
        std::fs::write(&path, as_file).expect("written");
        assert_eq!(config, read(&Overrides::default()));
        assert!(config.capture.exposed());
        assert!(!Config::default().capture.exposed());
    }

    #[test]
    fn a_part_that_stops_unasked_ends_the_program_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let engine = Engine::for_test(folder.path());
        engine.lose_the_spool();
        let why = watch(&engine).expect_err("it does not go on");
        assert!(why.contains("stopped unexpectedly"), "{why}");
        engine.shutdown(Duration::ZERO);
    }
}
