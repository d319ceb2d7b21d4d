//! `tributary resend`: queues failed events again, or delivered ones once more. A running engine does it on request; if none runs,
//! the command queues the events in the spool itself, and they are delivered after the next start.

use std::{num::NonZeroU32, path::Path, time::Instant};

use anyhow::{Context, bail};
use serde_json::json;

use super::{
    access::spool_file,
    filter::Filter,
    locations::Locations,
    output::{note, print},
    reach::runtime,
};
use crate::{
    config::Overrides,
    delivery::{EventId, Query, ResendSelection, Resent, State},
    engine::RunningEngine,
    shell,
    spool::{self, Full, LogReader, Pace, Spool},
};

/// The default rate, in events per second: the number of records that one shard takes.
const PER_SEC: u32 = 1000;

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Without --state, failed events are resent. Consumers see the same messageId as before."
)]
pub struct Args {
    /// The messageIds of the events; of each, the newest failed or delivered line is resent
    #[arg(value_name = "ID", conflicts_with_all = ["all", "Filter"])]
    ids: Vec<String>,
    /// Every failed event
    #[arg(long, conflicts_with = "Filter")]
    all: bool,
    #[command(flatten)]
    filter: Filter,
    /// Only count what would be resent
    #[arg(long)]
    dry_run: bool,
    /// Maximum events per second, so that new events do not wait behind them; 0: no limit. Applies only while an
    /// engine runs
    #[arg(long, value_name = "N", default_value_t = PER_SEC)]
    rate: u32,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

/// `false`: some of the events named by id could not be resent.
pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<bool> {
    let data_dir = locations.data_dir()?;
    let path = spool_file(&data_dir)?;
    let selection = selection(args, &path)?;
    let resent = match RunningEngine::find(&data_dir) {
        Some(engine) => {
            let mut progress = Progress::new();
            engine
                .resend(selection, NonZeroU32::new(args.rate), args.dry_run, |done| progress.report(done))?
        }
        None if args.dry_run => spool::count(&LogReader::open(&path)?, &selection)?,
        None => resend_in_spool(&selection, &data_dir, locations)?,
    };
    if args.json {
        print(&format!("{}\n", json(&resent, args.dry_run)))?;
    } else {
        print(&format!("{}\n", sentence(&resent, args.dry_run)))?;
    }
    let every_one = resent.passed_over + resent.damaged == 0;
    Ok(args.ids.is_empty() || every_one)
}

/// Queues the events under the lock of the data folder, as an engine would.
fn resend_in_spool(
    selection: &ResendSelection,
    data_dir: &Path,
    locations: &Locations,
) -> anyhow::Result<Resent> {
    if spool::is_in_use(data_dir) {
        bail!("the engine on {} is starting or stopping; try again in a moment", data_dir.display());
    }
    let config = locations.read(&Overrides::default())?.config;
    let (spool, threads) = Spool::open(data_dir, (&config).into())?;
    note(
        "no engine runs: the events are queued in the spool, and delivered when it starts, as fast as the stream takes them; \
         --rate only counts while an engine runs",
    );
    let mut progress = Progress::new();
    let pace = Pace { rate: None, full: Full::Stop };
    let resent = spool.resend(selection, pace, |done| {
        progress.report(done);
        true
    });
    runtime()?.block_on(spool.close());
    drop(spool);
    threads.join();
    resent.context("not all events could be queued; what was queued stays queued")
}

fn selection(args: &Args, path: &Path) -> anyhow::Result<ResendSelection> {
    if !args.ids.is_empty() {
        return named(&args.ids, path).map(ResendSelection::Lines);
    }
    let query = args.filter.query(&[])?;
    if !args.all && query == Query::default() {
        bail!(
            "which events? --all means every failed one; or give ids, or a filter such as --state delivered --since 2h"
        );
    }
    if let Some(state) = query.states.iter().find(|state| !matches!(state, State::Failed | State::Delivered))
    {
        bail!("{} events cannot be resent; only failed and delivered ones can", state.as_str());
    }
    Ok(ResendSelection::Fitting(Box::new(query)))
}

/// For each id, the newest line that can be resent.
fn named(ids: &[String], path: &Path) -> anyhow::Result<Vec<EventId>> {
    let log = LogReader::open(path)?;
    let mut lines = Vec::new();
    for id in ids {
        let found = log.find_settled(id)?;
        lines.push(found.with_context(|| {
            let text = shell::word(id);
            format!("no failed or delivered event has the messageId {id}; `tributary log --text {text}` searches the log for it")
        })?);
    }
    Ok(lines)
}

fn sentence(resent: &Resent, dry_run: bool) -> String {
    let verb = if dry_run { "would be queued" } else { "queued" };
    let plural = |count: u64| if count == 1 { "event" } else { "events" };
    let Resent { failed, replayed, passed_over, damaged, .. } = *resent;
    let mut said = vec![match (failed, replayed) {
        (0, 0) => "no event fits: nothing to resend".to_owned(),
        (failed, 0) => format!("{failed} failed {} {verb} again", plural(failed)),
        (0, replayed) => format!("{replayed} delivered {} {verb} once more", plural(replayed)),
        _ => format!("{failed} failed {} {verb} again, {replayed} delivered ones once more", plural(failed)),
    }];
    if resent.events() > 0 {
        said.push(format!("{} bytes of JSON", resent.bytes));
    }
    if passed_over > 0 {
        said.push(format!(
            "{passed_over} passed over (waiting, rejected, resent before, or replays themselves)"
        ));
    }
    if damaged > 0 {
        said.push(format!("{damaged} damaged on disk and not sent: see `tributary doctor`"));
    }
    said.join("; ")
}

fn json(resent: &Resent, dry_run: bool) -> serde_json::Value {
    let Resent { failed, replayed, bytes, passed_over, damaged } = resent;
    json!({ "dryRun": dry_run, "failed": failed, "replayed": replayed, "bytes": bytes, "passedOver": passed_over,
        "damaged": damaged })
}

/// Reports the progress on stderr every five seconds.
struct Progress {
    reported: Instant,
    events: u64,
}

impl Progress {
    const EVERY: std::time::Duration = std::time::Duration::from_secs(5);

    fn new() -> Self {
        Self { reported: Instant::now(), events: 0 }
    }

    fn report(&mut self, done: &Resent) {
        if self.reported.elapsed() < Self::EVERY {
            return;
        }
        let waits = if done.events() == self.events {
            "; waiting for room in the spool, or for its rate"
        } else {
            ""
        };
        note(&format!("{} events queued so far{waits}", done.events()));
        (self.reported, self.events) = (Instant::now(), done.events());
    }
}
