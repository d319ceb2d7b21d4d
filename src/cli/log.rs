//! `tributary log`: the delivery log, of a running engine or of none. Oldest first, as logs are read.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use clap::Args;

use super::{Places, Printed, json, print, story};
use crate::{
    config::{Config, Overrides},
    delivery::{Delivery, EventId, Ledger, Millis, Query, State},
    event::Kind,
    spool::{FILE_NAME, LogReader},
};

const PAGE: usize = 1000;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Which lines.
#[derive(Args, Debug)]
pub(super) struct Filter {
    /// Only these states: queued, retrying, delivered, failed, resent, rejected (repeatable)
    #[arg(long = "state", value_name = "STATE", value_delimiter = ',', value_parser = state)]
    states: Vec<State>,
    /// Only these types: identify, track, page, screen, group, alias (repeatable)
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = kind)]
    kinds: Vec<Kind>,
    /// Only events with this text in ids, name, source, error or payload
    #[arg(long, value_name = "TEXT", default_value = "")]
    text: String,
    /// Only events since a time: 2026-03-02T10:00:00Z, or 15m, 2h, 1d ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Millis>,
}

impl Filter {
    pub(super) fn query(&self) -> Query {
        Query {
            states: self.states.clone(),
            kinds: self.kinds.clone(),
            text: self.text.clone(),
            since: self.since,
            ..Query::default()
        }
    }
}

#[derive(Args, Debug)]
pub struct Words {
    /// The whole story of one event: its messageId, or the number of its line
    #[arg(value_name = "ID", conflicts_with_all = ["follow", "limit", "since", "text", "states", "kinds", "summary"])]
    id: Option<String>,
    #[command(flatten)]
    filter: Filter,
    /// Only the newest N of these
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    /// The sums instead of the events
    #[arg(long, conflicts_with_all = ["follow", "limit", "since", "text", "states", "kinds"])]
    summary: bool,
    /// Go on with what comes
    #[arg(long)]
    follow: bool,
}

pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<()> {
    let config = places.read(&Overrides::default())?.config;
    let path = path(&places.data_dir()?)?;
    let log = LogReader::open(&path)?;
    if words.summary {
        return summary(&log.ledger()?, words.json);
    }
    if let Some(id) = &words.id {
        return story::run(&log, id, words.json, &config);
    }
    let query = words.filter.query();
    let mut after = 0;
    if let Some(limit) = words.limit {
        // The newest N, then turned round.
        let mut newest = log.page(&Query { limit, ..query.clone() })?.rows;
        newest.reverse();
        after = log.newest()?;
        if show(&newest, words.json, &config)? == Printed::NobodyReads || !words.follow {
            return Ok(());
        }
    }
    follow(&log, &Query { oldest_first: true, limit: PAGE, ..query }, after, words, &config)
}

fn follow(
    log: &LogReader,
    query: &Query,
    mut after: EventId,
    words: &Words,
    config: &Config,
) -> anyhow::Result<()> {
    loop {
        let page = log.page(&Query { after: Some(after), ..query.clone() })?;
        if show(&page.rows, words.json, config)? == Printed::NobodyReads {
            return Ok(());
        }
        let last = page.rows.last().map(|line| line.id).max(page.stopped_at);
        after = last.unwrap_or(after);
        if last.is_none() {
            if !words.follow {
                return Ok(());
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

fn state(word: &str) -> anyhow::Result<State> {
    State::parse(word).context("allowed: queued, retrying, delivered, failed, resent, rejected")
}

fn kind(word: &str) -> anyhow::Result<Kind> {
    Kind::parse(word).context("allowed: identify, track, page, screen, group, alias")
}

/// The spool's file, if there is one.
pub(super) fn path(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let path = data_dir.join(FILE_NAME);
    if !path.exists() {
        bail!(
            "there is no log at {} yet; start the app or `tributary serve`, or name the folder with --data-dir",
            path.display()
        );
    }
    Ok(path)
}

fn show(lines: &[Delivery], as_json: bool, config: &Config) -> anyhow::Result<Printed> {
    let mut text = String::new();
    for line in lines {
        if as_json {
            text.push_str(&json::delivery(line, config).to_string());
        } else {
            text.push_str(&row(line));
        }
        text.push('\n');
    }
    print(&text)
}

fn row(line: &Delivery) -> String {
    let kind = line.kind.map_or("-", Kind::as_str);
    let name = line.name.as_deref().unwrap_or("-");
    let end = match (&line.receipt, &line.fault) {
        (Some(receipt), _) => {
            let latency = line.latency_ms().unwrap_or_default();
            format!("{} {} {latency} ms", receipt.shard_id, receipt.sequence_number)
        }
        (None, Some(fault)) => fault.to_string().replace('\n', " "),
        (None, None) => String::new(),
    };
    let time = json::time(line.received_at);
    let again = match (line.resend_of, line.resent_as) {
        (Some(first), _) => format!(" [resend of line {first}]"),
        (None, Some(next)) => format!(" [resent as line {next}]"),
        (None, None) => String::new(),
    };
    format!(
        "{time} {:<9} {kind:<8} {name} {} {} {end}{again}",
        line.state.as_str(),
        line.partition_key,
        line.message_id
    )
}

fn summary(ledger: &Ledger, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        print(&format!("{}\n", json::ledger(ledger)))?;
        return Ok(());
    }
    let Ledger { accepted, delivered, queued, failed, replayed, resent, rejected, repeats_possible, .. } =
        ledger;
    let verdict = if ledger.adds_up() { "adds up" } else { "does NOT add up: please report this" };
    print(&format!(
        "accepted  {accepted} ({replayed} of them replayed)\ndelivered {delivered}\nqueued    {queued}\nfailed    {failed} ({resent} more were resent)\n\
         accepted = delivered + queued + failed: {verdict}\n\
         rejected  {rejected} (their senders were told)\nrepeats   {repeats_possible} at most\n"
    ))?;
    Ok(())
}

/// A moment: RFC 3339, or a duration ago (`90s`, `15m`, `2h`, `1d`).
pub(super) fn moment(text: &str) -> anyhow::Result<Millis> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let wrong =
        || format!("\"{text}\" is no time; write 2026-03-02T10:00:00Z, or 15m, 2h, 1d for so long ago");
    let unit = text.chars().last().with_context(wrong)?;
    let count: i64 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).with_context(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => bail!(wrong()),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Ok(i64::try_from(now)?.saturating_sub(count.saturating_mul(seconds * 1000)))
}
