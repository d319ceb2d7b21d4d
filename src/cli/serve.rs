//! `tributary serve`: the engine without a window, until it is told to stop; then it drains.

use std::{io::IsTerminal, time::Duration};

use clap::Args;
use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, filter_fn},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use super::{DestinationWords, Places};
use crate::{
    config::{Config, DestinationKind, Overrides},
    delivery::{Forwarder, Intake, Status},
    engine::{Engine, url_of},
    remedy,
};

/// How long puts in flight may take to finish after SIGTERM. What does not is put again at the next start.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Args, Debug)]
pub struct Words {
    #[command(flatten)]
    destination: DestinationWords,
    /// Where the capture endpoint listens; port 0 takes a free one
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
    /// One more write key that is accepted (repeatable)
    #[arg(long = "write-key", value_name = "KEY")]
    write_keys: Vec<String>,
}

pub(super) fn run(words: Words, places: &Places) -> anyhow::Result<()> {
    start_log(LevelFilter::INFO);
    let overrides = Overrides {
        listen: words.listen,
        write_keys: words.write_keys,
        ..Overrides::from(words.destination)
    };
    let loaded = places.load(&overrides)?;
    if loaded.created {
        tracing::info!("Settings file made: {}", loaded.path.display());
    }
    let paths = places.paths(&loaded)?;
    tracing::info!("Data folder: {}", paths.data_dir.display());
    let config = loaded.config;
    if config.capture.exposed() {
        let encryption = if config.capture.tls_cert.is_empty() { ", without encryption" } else { "" };
        tracing::warn!("The endpoint can be reached from other machines{encryption}");
    }
    let engine = Engine::start_heeding_signals(config, paths)?;
    watch(&engine);
    tracing::info!("Stopping: finishing puts in flight");
    engine.shutdown(GRACE);
    tracing::info!("Stopped");
    Ok(())
}

/// What the SDK and its HTTP say themselves is never written, whatever `TRIBUTARY_LOG` says: their lines hold whole answers,
/// those with keys in them too, where an answer cannot be read. What matters of it comes in our own words.
const SILENT: [&str; 6] = ["aws_", "hyper", "h2", "rustls", "zbus", "secret_service"];

/// `level` holds where `TRIBUTARY_LOG` says nothing else.
pub fn start_log(level: LevelFilter) {
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var("TRIBUTARY_LOG")
        .from_env_lossy()
        // Of the display it warns of what nobody can mend here.
        .add_directive("winit=error".parse().unwrap_or_default());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .finish()
        .with(filter_fn(|line| !SILENT.iter().any(|silent| line.target().starts_with(silent))))
        .init();
}

/// Writes what changes into the log until a signal comes.
fn watch(engine: &Engine) {
    let (changed, changes) = std::sync::mpsc::sync_channel(1);
    // A full channel holds the news already.
    engine.on_change(move || changed.try_send(()).unwrap_or(()));
    let config = engine.config();
    let mut told = Status::default();
    while !engine.told_to_stop() {
        let status = engine.status();
        tell_changes(&told, &status, &config);
        told = Status::clone(&status);
        if changes.recv().is_err() {
            return;
        }
    }
}

fn tell_changes(before: &Status, now: &Status, config: &Config) {
    if let (Some(address), true) = (now.endpoint, before.endpoint != now.endpoint) {
        tracing::info!("Listening on {}; destination: {}", url_of(address, now.tls), destination(config));
        if let Some(public) = &config.capture.public_url {
            tracing::info!("Senders use the public address {public}");
        }
        if now.ledger.queued > 0 {
            tracing::info!("{} events wait from before", now.ledger.queued);
        }
    }
    // Blocked by something else than before is news too; another time or request id in the same words is not.
    let said = |forwarder: &Forwarder| forwarder.fault().map(|fault| without_numbers(&fault.to_string()));
    if before.forwarder.as_str() != now.forwarder.as_str() || said(&before.forwarder) != said(&now.forwarder)
    {
        tell_forwarder(&now.forwarder, now.ledger.queued, config);
    }
    if before.intake != now.intake {
        match &now.intake {
            Intake::Full => {
                tracing::warn!("The spool is full: senders are asked to come again (spool.max_bytes)");
            }
            Intake::DiskFull => tracing::warn!(
                "The disk is nearly full (spool.min_free_bytes): senders are asked to come again, delivering goes on; \
                 make room"
            ),
            Intake::Failing(why) => {
                tracing::error!("The disk refuses writes, senders are asked to come again: {why}");
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

/// Words with a digit are left out: times, request ids, counts.
fn without_numbers(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| !word.chars().any(|c| c.is_ascii_digit()));
    words.collect::<Vec<_>>().join(" ")
}

fn tell_forwarder(forwarder: &Forwarder, queued: u64, config: &Config) {
    let state = forwarder.as_str();
    let Some(fault) = forwarder.fault() else {
        tracing::info!("Forwarder {state}");
        return;
    };
    let remedy = remedy::remedy(fault, config);
    tracing::warn!(
        "Forwarder {state}: {fault}. {} {} {queued} events wait, none is lost.",
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
