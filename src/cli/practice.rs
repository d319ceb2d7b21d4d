//! `tributary practice`: the practice stream alone, as a Kinesis for other programs' tests, until SIGTERM or SIGINT. It
//! reads no settings, opens no data folder, starts no engine, and listens on loopback only.
//!
//! Its keys are fixed and documented by default, so that a test can have them in its own files. They keep nobody out who
//! uses this machine; a web page is kept out by other means (`practice/access.rs`).

use std::{
    collections::BTreeSet, io, net::Ipv4Addr, num::NonZero, path::PathBuf, thread::available_parallelism,
};

use anyhow::{anyhow, bail};
use clap::error::ErrorKind;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{output::print, practice_file::StateFile, practice_ready::Ready};
use crate::{
    aws,
    engine::{PRACTICE_STREAM, PracticeAccess, Signals},
    log::{self, LevelFilter},
    practice::{self, FaultSwitch, Faults, Initial, KeyPair, Limits, Practice, Settings},
};

/// More would not make it faster: a call holds the lock of all streams for a part of its time.
const THREADS_MAX: usize = 4;

/// All clients are other programs, so nearly all connections are for them.
const CONNECTIONS: Limits = Limits { connections: 256, authenticated: 240 };

/// Access key id and secret if no flag names others. Without the form of a real key, so that no scanner of secrets reports it.
const PRACTICE_KEY: &str = "practice";

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 4567)]
    port: u16,
    /// A stream to create (repeatable); without :SHARDS it has one shard [default: practice:1]
    #[arg(long = "stream", value_name = "NAME:SHARDS", value_parser = stream)]
    streams: Vec<(String, u32)>,
    /// The access key id that clients sign with
    #[arg(long, value_name = "ID", default_value = PRACTICE_KEY)]
    access_key_id: String,
    /// Its secret. Other users of this machine can see it in the list of processes
    #[arg(long, value_name = "SECRET", default_value = PRACTICE_KEY)]
    secret_access_key: String,
    /// Let in every access key id, as other emulators do, and the control path without one
    #[arg(long, conflicts_with_all = ["access_key_id", "secret_access_key"])]
    any_key: bool,
    /// Keep the streams and their records in this file, across runs
    #[arg(long, value_name = "FILE")]
    persist: Option<PathBuf>,
    /// Make calls fail (repeatable): throttle, fail-records, server-error, cut-connection (each with a share from 0 to 1),
    /// delay-ms, record-bytes-max (each with a number), expired-credentials, access-denied, shard-limits
    #[arg(long = "fault", value_name = "NAME[=VALUE]", value_parser = fault)]
    faults: Vec<String>,
    /// The region in ARNs
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    region: String,
    /// The account in ARNs: twelve digits
    #[arg(long, value_name = "ID", default_value = "000000000000", value_parser = account_id)]
    account_id: String,
    /// Say in one line of JSON that it is ready
    #[arg(long)]
    json: bool,
}

fn stream(text: &str) -> Result<(String, u32), String> {
    let (name, shards) = text.split_once(':').unwrap_or((text, "1"));
    let shards = shards.parse().map_err(|_error| {
        format!("{shards:?} is no number of shards: write NAME:SHARDS, such as clicks:2")
    })?;
    practice::check_stream(name, shards).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), shards))
}

/// A text that [`FaultSwitch::set_by_text`] takes.
fn fault(text: &str) -> Result<String, practice::FaultError> {
    FaultSwitch::set_by_text(&mut Faults::default(), text).map(|()| text.to_owned())
}

fn region(text: &str) -> Result<String, &'static str> {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_region = !text.is_empty() && text.len() <= 32 && text.chars().all(is_allowed);
    if is_region { Ok(text.to_owned()) } else { Err("a region is written like eu-west-1") }
}

fn account_id(text: &str) -> Result<String, &'static str> {
    if aws::is_account_id(text) { Ok(text.to_owned()) } else { Err("an account id has twelve digits") }
}

impl Args {
    /// The streams and faults of the start. An error is wrong usage.
    fn initial(&self) -> anyhow::Result<Initial> {
        let mut streams = self.streams.clone();
        if streams.is_empty() {
            streams.push((PRACTICE_STREAM.to_owned(), 1));
        }
        let names: BTreeSet<&str> = streams.iter().map(|(name, _)| &**name).collect();
        if names.len() < streams.len() {
            return Err(wrong_usage("--stream names one stream twice: leave out one of the two"));
        }
        let shards: u64 = streams.iter().map(|(_, shards)| u64::from(*shards)).sum();
        if shards > u64::from(practice::SHARDS_MAX) {
            return Err(wrong_usage(&format!(
                "the streams have {shards} shards together; {} is the most there can be",
                practice::SHARDS_MAX
            )));
        }
        let mut faults = Faults::default();
        for text in &self.faults {
            FaultSwitch::set_by_text(&mut faults, text)?;
        }
        Ok(Initial { streams, faults })
    }

    fn settings(&self, initial: Initial) -> Settings {
        Settings {
            region: self.region.clone(),
            account_id: self.account_id.clone(),
            keys: Some(KeyPair {
                access_key_id: self.access_key_id.clone(),
                secret_access_key: self.secret_access_key.clone(),
            }),
            any_key: self.any_key,
            initial: Some(initial),
            connections: CONNECTIONS,
            ..Settings::default()
        }
    }

    fn ready(&self, practice: &Practice, port: u16) -> Ready {
        let streams = practice.streams();
        Ready {
            access: PracticeAccess {
                endpoint_url: format!("http://127.0.0.1:{port}"),
                stream: streams.first().map(|(name, _)| name.clone()).unwrap_or_default(),
                region: self.region.clone(),
                access_key_id: self.access_key_id.clone(),
                secret_access_key: self.secret_access_key.clone(),
            },
            account_id: self.account_id.clone(),
            streams,
            any_key: self.any_key,
        }
    }
}

/// As clap says it of one flag alone: exit code 2.
fn wrong_usage(text: &str) -> anyhow::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{text}\n")).into()
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    keep_small();
    let _flush = log::start(LevelFilter::WARN);
    let initial = args.initial()?;
    let streams = initial.streams.clone();
    let practice = Practice::new(args.settings(initial));
    let file = args.persist.as_deref().map(|path| StateFile::open(path, &practice)).transpose()?;
    for (name, shards) in streams {
        practice.create_stream(&name, shards)?;
    }
    let threads = available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
    runtime.block_on(serve(args, &practice, file))
}

/// The allocator asks for huge pages, 2 MB for each thread, which would be half of what this process has.
fn keep_small() {
    #[cfg(target_os = "linux")]
    // Without the option it is only larger.
    rustix::thread::disable_transparent_huge_pages(true).unwrap_or(());
}

async fn serve(args: &Args, practice: &Practice, file: Option<StateFile>) -> anyhow::Result<()> {
    let mut signals = Signals::new()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await;
    let listener = listener.map_err(|error| cannot_listen(&error, args.port))?;
    let port = listener.local_addr()?.port();
    if let Some(file) = &file {
        // A file that cannot be written is noticed now, not when its content is lost.
        file.save(practice)?;
    }
    let stop = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(practice.serve(listener, stop.clone().cancelled_owned()));
    let ready = args.ready(practice, port);
    // Whether or not somebody reads it.
    print(&if args.json { ready.json() } else { ready.text() })?;
    let keep_saved = async {
        match &file {
            Some(file) => file.keep_saved(practice).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = signals.next() => {}
        () = keep_saved => {}
        ended = server.join_next() => {
            bail!("the practice stream has stopped unasked ({ended:?}); start it again")
        }
    }
    stop.cancel();
    while server.join_next().await.is_some() {}
    if let Some(file) = &file {
        file.save(practice)?;
    }
    Ok(())
}

fn cannot_listen(error: &io::Error, port: u16) -> anyhow::Error {
    let why = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there, perhaps another `tributary practice`".to_owned()
        }
        io::ErrorKind::PermissionDenied => "this user may not use that port".to_owned(),
        _ => error.to_string(),
    };
    anyhow!(
        "port {port} of 127.0.0.1 cannot be used: {why}; choose another one with --port, or let the system choose with --port 0"
    )
}
