//! `tributary adopt`: takes the waiting and failed events of another data folder. A running engine takes them on request; if
//! none runs, the command takes them in the spool itself, and they are delivered after the next start.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::bail;
use serde_json::json;

use super::{
    locations::Locations,
    output::{note, print},
    reach::runtime,
};
use crate::{
    config::{Config, Overrides},
    delivery::{Adopting, Taken},
    engine::{RunningEngine, lines},
    spool::{self, AdoptError, Full, Spool},
};

#[derive(clap::Args, Debug)]
#[command(
    after_help = "The other folder must be on this machine, and no engine may run on it. Its events are added behind those of this \
                  data folder, in their order; failed ones stay failed. It keeps its log, and is marked: no engine starts on it \
                  again. If the command is interrupted, run it again: it goes on."
)]
pub struct Args {
    /// The data folder of the engine that is gone
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Only count what would be taken, and say what would stop it
    #[arg(long)]
    dry_run: bool,
    /// Leave events whose payload is damaged on disk in the other folder, and take all others
    #[arg(long)]
    leave_damaged: bool,
    /// One JSON object instead of a sentence
    #[arg(long)]
    json: bool,
}

/// `false`: it was a dry run, and something would stop the adoption.
pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<bool> {
    let data_dir = locations.data_dir()?;
    let config = locations.read(&Overrides::default())?.config;
    let mut progress = Progress::new();
    if args.dry_run {
        return plan(args, &data_dir, &config, &mut progress);
    }
    // An engine may run in another folder.
    let dir = std::fs::canonicalize(&args.dir).map_err(|_missing| AdoptError::Nothing(args.dir.clone()))?;
    let taken = match RunningEngine::find(&data_dir) {
        Some(engine) => engine.adopt(&dir, args.leave_damaged, |done| progress.report(done))?,
        None => adopt_in_spool(&dir, args.leave_damaged, &data_dir, (&config).into(), &mut progress)?,
    };
    let answer = if args.json { json(&taken, None, false).to_string() } else { sentence(&taken, &args.dir) };
    print(&format!("{answer}\n"))?;
    Ok(true)
}

fn plan(args: &Args, data_dir: &Path, config: &Config, progress: &mut Progress) -> anyhow::Result<bool> {
    let folders = (args.dir.as_path(), data_dir);
    let plan =
        spool::plan_adoption(folders, &config.into(), args.leave_damaged, |done| progress.report(done))?;
    let stop = plan.stop.map(|stop| format!("{:#}", anyhow::Error::from(stop)));
    if args.json {
        print(&format!("{}\n", json(&plan.taken, stop.as_deref(), true)))?;
    } else {
        print(&format!("{}\n", would(&plan.taken, &args.dir)))?;
    }
    match stop {
        Some(stop) if !args.json => bail!("it would not be adopted: {stop}"),
        stop => Ok(stop.is_none()),
    }
}

/// Takes the events under the lock of the data folder, as an engine would.
fn adopt_in_spool(
    dir: &Path,
    leave_damaged: bool,
    data_dir: &Path,
    limits: spool::Limits,
    progress: &mut Progress,
) -> anyhow::Result<Taken> {
    if spool::is_in_use(data_dir) {
        bail!("the engine on {} is starting or stopping; try again in a moment", data_dir.display());
    }
    // Before a spool is made in a new data folder.
    spool::can_be_adopted(dir, data_dir)?;
    let (spool, threads) = Spool::open(data_dir, limits)?;
    let taken = spool.adopt(dir, (leave_damaged, Full::Stop), |done| {
        progress.report(done);
        true
    });
    runtime()?.block_on(spool.close());
    drop(spool);
    threads.join();
    Ok(taken?)
}

fn counts(taken: &Taken) -> String {
    let Taken { queued, failed, bytes, .. } = taken;
    let oldest = taken.oldest.map(|at| format!("; the oldest was received at {}", lines::time(at)));
    format!("{queued} queued and {failed} failed, {bytes} bytes of JSON{}", oldest.unwrap_or_default())
}

fn sentence(taken: &Taken, dir: &Path) -> String {
    let dir = dir.display();
    let said = match (taken.events(), taken.before) {
        (0, 0) => format!("nothing to adopt: no event in {dir} waits or has failed; the folder is unchanged"),
        (0, before) => format!("nothing is left to adopt: {before} events of {dir} were adopted before"),
        (events, 0) => format!("adopted {events} events of {dir}: {}", counts(taken)),
        (events, before) => {
            format!(
                "adopted the last {events} events of {dir}: {}; {before} were adopted before",
                counts(taken)
            )
        }
    };
    said + &damaged(taken, "stay there")
}

fn would(taken: &Taken, dir: &Path) -> String {
    let before = match taken.before {
        0 => String::new(),
        before => format!("; {before} were adopted before"),
    };
    let (events, dir) = (taken.events(), dir.display());
    let counts = if events == 0 { String::new() } else { format!(": {}", counts(taken)) };
    format!("{events} events of {dir} would be adopted{counts}{before}{}", damaged(taken, "would stay there"))
}

fn damaged(taken: &Taken, what: &str) -> String {
    match taken.damaged {
        0 => String::new(),
        count => format!("; {count} damaged ones {what}"),
    }
}

fn json(taken: &Taken, stop: Option<&str>, dry_run: bool) -> serde_json::Value {
    let Taken { queued, failed, bytes, damaged, oldest, before } = taken;
    json!({ "dryRun": dry_run, "queued": queued, "failed": failed, "bytes": bytes, "damaged": damaged,
        "oldest": oldest.map(lines::time), "before": before, "stop": stop })
}

/// Reports the progress on stderr, once a second.
struct Progress {
    reported: Instant,
}

impl Progress {
    const EVERY: Duration = Duration::from_secs(1);

    fn new() -> Self {
        Self { reported: Instant::now() }
    }

    fn report(&mut self, done: &Adopting) {
        if self.reported.elapsed() < Self::EVERY {
            return;
        }
        self.reported = Instant::now();
        match done {
            Adopting::Checking(events) => note(&format!("checked {events} events so far")),
            Adopting::Taking { done, of } => note(&format!("adopted {done} of {of} events so far")),
        }
    }
}
