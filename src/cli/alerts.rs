//! `tributary alerts`: the alerts of the settings; with `--test` it sends a test notification of each.

use anyhow::bail;
use serde_json::json;

use super::{access, locations::Locations, output::print, reach::runtime};
use crate::{
    config::{Alert, Config, Overrides},
    delivery::Ledger,
    engine,
    spool::LogReader,
};

#[derive(clap::Args, Debug)]
#[command(
    after_help = "Alerts are the [[alerts]] of the settings file; docs/operating.md has the settings and the JSON of webhooks. A \
                  running engine sends them; a test needs no engine. Whether a running engine could send its alerts is in \
                  /metrics (tributary_alert_failures_total), in the log of `serve` and in the window."
)]
pub struct Args {
    /// Only the alerts of these names
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Send a test notification; exit code 1 if one was not taken
    #[arg(long)]
    test: bool,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<bool> {
    let config = locations.read(&Overrides::default())?.config;
    let chosen = chosen(&args.names, &config)?;
    if chosen.is_empty() {
        let file = locations.settings_file()?;
        bail!("there are no alerts; add [[alerts]] to {} (docs/operating.md shows how)", file.display());
    }
    if !args.test {
        let lines: String = chosen.iter().map(|alert| line(alert, None, args.json)).collect();
        return print(&lines).map(|_| true);
    }
    let ledger = ledger(locations)?;
    let runtime = runtime()?;
    let mut all_taken = true;
    for alert in chosen {
        let result = runtime.block_on(engine::send_test_alert(alert, &config, ledger));
        all_taken &= result.is_ok();
        print(&line(alert, Some(&result.map_err(|error| error.to_string())), args.json))?;
    }
    Ok(all_taken)
}

/// The alerts of these names, or all of them.
fn chosen<'a>(names: &[String], config: &'a Config) -> anyhow::Result<Vec<&'a Alert>> {
    if names.is_empty() {
        return Ok(config.alerts.iter().collect());
    }
    let find = |name: &String| {
        let found = config.alerts.iter().find(|alert| alert.name == *name);
        found.ok_or_else(|| {
            let known: Vec<_> = config.alerts.iter().map(|alert| format!("{:?}", alert.name)).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            anyhow::anyhow!("there is no alert {name:?} in the settings; there are: {known}")
        })
    };
    names.iter().map(find).collect()
}

/// The sums of the spool; zeros if there is none yet.
fn ledger(locations: &Locations) -> anyhow::Result<Ledger> {
    let data_dir = locations.data_dir()?;
    if !access::has_spool(&data_dir)? {
        return Ok(Ledger::default());
    }
    Ok(LogReader::open(&access::spool_file(&data_dir)?)?.ledger()?)
}

fn line(alert: &Alert, result: Option<&Result<(), String>>, as_json: bool) -> String {
    let on: Vec<_> = alert.on.iter().map(|condition| condition.as_str()).collect();
    if as_json {
        let mut line =
            json!({ "name": alert.name, "kind": alert.kind.as_str(), "target": alert.target(), "on": on });
        if let Some(result) = result {
            line["sent"] = result.is_ok().into();
            line["error"] = result.as_ref().err().map(String::as_str).into();
        }
        return format!("{line}\n");
    }
    let way = format!("{} ({} to {})", alert.name, alert.kind.as_str(), alert.target());
    match result {
        None => format!("{way}: {}\n", on.join(", ")),
        Some(Ok(())) => format!("{way}: the test was taken\n"),
        Some(Err(why)) => format!("{way}: NOT sent: {why}\n"),
    }
}
