//! `tributary log`: the delivery log, oldest first. No engine needs to run.

use std::time::Duration;

use clap::ValueEnum;

use super::{
    access::{adoption_note, spool_file},
    filter::{self, Filter},
    history, json,
    locations::Locations,
    output::{Printed, print, print_exactly},
};
use crate::{
    config::{Config, Overrides},
    delivery::{Delivery, EventId, Ledger, Measure, PlaceInRecord, Query},
    engine::{
        DeliveryLimit, RunningEngine,
        lines::{self, Format},
    },
    event::{Kind, shown},
    spool::{Adopted, LogReader},
};

const PAGE: usize = 1000;
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Number of lines that `--sort` shows if `--limit` is not given.
const SORTED: usize = 100;

#[derive(clap::Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Args {
    /// Show the history of one event, by its messageId or the number of its line
    #[arg(
        long,
        value_name = "ID",
        conflicts_with_all = ["query", "follow", "limit", "since", "text", "states", "kinds", "summary", "sort"]
    )]
    id: Option<String>,
    /// Words to find and field:value parts, as in the app: 'refund event:"Order Completed" state:failed since:2h'
    ///
    /// Fields: state, type, userId, event, messageId, source, shard, error, since, until. Commas separate alternative values; a
    /// star before or after a value matches anything.
    #[arg(value_name = "QUERY", value_parser = filter::parse)]
    query: Vec<Query>,
    #[command(flatten)]
    filter: Filter,
    /// Only the newest N; with --sort: the first N
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Sort by latency or size, highest first, over the whole log (shows 100, or --limit)
    #[arg(long, value_name = "latency|size", conflicts_with = "follow")]
    sort: Option<Sort>,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
    /// CSV, with a line of names first; a cell that a spreadsheet could take for a formula begins with an apostrophe
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// With --csv: every cell as it was sent, for programs that calculate no formulas
    #[arg(long, requires = "csv")]
    raw: bool,
    /// With each event's JSON (as "data")
    #[arg(long)]
    data: bool,
    /// The ledger instead of the events
    #[arg(long, conflicts_with_all = ["follow", "limit", "sort", "csv", "data", "query", "Filter"])]
    summary: bool,
    /// Wait for further events
    #[arg(long)]
    follow: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    Latency,
    Size,
}

impl From<Sort> for Measure {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Latency => Self::Latency,
            Sort::Size => Self::Size,
        }
    }
}

pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<()> {
    let config = locations.read(&Overrides::default())?.config;
    let data_dir = locations.data_dir()?;
    let log = LogReader::open(&spool_file(&data_dir)?)?;
    if args.summary {
        // If the engine does not answer, the ledger is printed without its delivery limit.
        let limit = RunningEngine::find(&data_dir).and_then(|engine| engine.delivery_limit().ok().flatten());
        return summary(&log, limit.as_ref(), args.json);
    }
    if let Some(id) = &args.id {
        return history::run(&log, id, args.json, &config);
    }
    let answer = Answer::new(&log, args, config);
    let query = args.filter.query(&args.query)?;
    if answer.begin()? == Printed::ReaderGone {
        return Ok(());
    }
    if let Some(sort) = args.sort {
        let limit = args.limit.unwrap_or(SORTED);
        let best = newest(&log, Query { by: Some(sort.into()), limit, ..query })?;
        return answer.show(&best).map(drop);
    }
    let mut after = 0;
    if let Some(limit) = args.limit {
        // Lines that arrive during the search are not missed with --follow.
        after = log.newest()?;
        let mut newest = newest(&log, Query { limit, before: Some(after + 1), ..query.clone() })?;
        newest.reverse();
        if answer.show(&newest)? == Printed::ReaderGone || !args.follow {
            return Ok(());
        }
    }
    answer.follow(&Query { oldest_first: true, limit: PAGE, ..query }, after, args.follow)
}

/// The newest lines, or the lines with the highest latency or size in the whole log.
fn newest(log: &LogReader, mut query: Query) -> anyhow::Result<Vec<Delivery>> {
    let limit = query.limit;
    let mut found = Vec::new();
    loop {
        let page = log.page(&query)?;
        if let Some(by) = query.by {
            by.merge(&mut found, page.rows, limit);
        } else {
            found.extend(page.rows);
            query.limit = limit - found.len();
        }
        if page.stopped_at.is_none() || query.limit == 0 {
            return Ok(found);
        }
        query.before = page.stopped_at;
    }
}

/// How lines are printed.
struct Answer<'a> {
    log: &'a LogReader,
    format: Option<Format>,
    data: bool,
    config: Config,
}

impl<'a> Answer<'a> {
    fn new(log: &'a LogReader, args: &Args, config: Config) -> Self {
        let format = match (args.csv, args.raw) {
            (true, false) => Some(Format::Csv),
            (true, true) => Some(Format::RawCsv),
            (false, _) => args.json.then_some(Format::JsonLines),
        };
        Self { log, format, data: args.data, config }
    }

    fn begin(&self) -> anyhow::Result<Printed> {
        self.print(&self.format.map(|format| format.head(self.data)).unwrap_or_default())
    }

    fn follow(&self, query: &Query, mut after: EventId, go_on: bool) -> anyhow::Result<()> {
        loop {
            let page = self.log.page(&Query { after: Some(after), ..query.clone() })?;
            if self.show(&page.rows)? == Printed::ReaderGone {
                return Ok(());
            }
            let last = page.rows.last().map(|line| line.id).max(page.stopped_at);
            after = last.unwrap_or(after);
            if last.is_none() {
                if !go_on {
                    return Ok(());
                }
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }

    fn show(&self, lines: &[Delivery]) -> anyhow::Result<Printed> {
        let mut text = String::new();
        let payloads = if self.data { self.log.payloads(lines)? } else { vec![None; lines.len()] };
        for (line, data) in lines.iter().zip(payloads) {
            if let Some(format) = self.format {
                text.push_str(&format.line(line, data.as_deref(), &self.config));
            } else {
                text.push_str(&row(line));
                if let Some(data) = data {
                    text.push(' ');
                    text.push_str(&String::from_utf8_lossy(&data).replace(['\n', '\r'], " "));
                }
                text.push('\n');
            }
        }
        self.print(&text)
    }

    /// CSV is printed byte for byte: its line ends, and with `--raw` its cells.
    fn print(&self, text: &str) -> anyhow::Result<Printed> {
        match self.format {
            Some(Format::Csv | Format::RawCsv) => print_exactly(text),
            Some(Format::JsonLines) | None => print(text),
        }
    }
}

fn row(line: &Delivery) -> String {
    let kind = line.kind.map_or("-", Kind::as_str);
    let name = shown::line(line.name.as_deref().unwrap_or("-"));
    let end = match (&line.receipt, &line.fault) {
        (Some(receipt), _) => {
            let latency = line.latency_ms().unwrap_or_default();
            let place =
                receipt.place.map(|PlaceInRecord { at, of }| format!(" ({at} of {of})")).unwrap_or_default();
            format!("{} {}{place} {latency} ms", receipt.shard_id, receipt.sequence_number)
        }
        (None, Some(fault)) => shown::line(&fault.to_string().replace('\n', " ")).into_owned(),
        (None, None) => String::new(),
    };
    let time = lines::time(line.received_at);
    let again = match (line.resend_of, line.resent_as) {
        (Some(first), _) => format!(" [resend of line {first}]"),
        (None, Some(next)) => format!(" [resent as line {next}]"),
        (None, None) => String::new(),
    };
    format!(
        "{time} {:<9} {kind:<8} {name} {} {} {end}{again}",
        line.state.as_str(),
        shown::line(&line.partition_key),
        shown::line(&line.message_id)
    )
}

fn summary(log: &LogReader, limit: Option<&DeliveryLimit>, as_json: bool) -> anyhow::Result<()> {
    let (ledger, adopted, adopted_by) = (log.ledger()?, log.adopted()?, log.adopted_by()?);
    let ledger = &ledger;
    if as_json {
        let mut sums = json::ledger(ledger);
        sums["limit"] = serde_json::to_value(limit)?;
        sums["adopted"] = adopted.iter().map(json::adopted).collect();
        sums["adoptedBy"] = adopted_by.as_ref().map_or(serde_json::Value::Null, json::adopted_by);
        print(&format!("{sums}\n"))?;
        return Ok(());
    }
    let Ledger { accepted, delivered, queued, failed, replayed, resent, rejected, repeats_possible, .. } =
        ledger;
    let unkept = match ledger.rejected_unkept {
        0 => String::new(),
        unkept => format!("; {unkept} of them are counted only, and have no line"),
    };
    let verdict = if ledger.adds_up() { "adds up" } else { "does NOT add up: please report this" };
    print(&format!(
        "accepted  {accepted} ({replayed} of them replayed)\ndelivered {delivered}\nqueued    {queued}\nfailed    {failed} ({resent} more were resent)\n\
         accepted = delivered + queued + failed: {verdict}\n\
         rejected  {rejected} (their senders were told{unkept})\nrepeats   {repeats_possible} at most, without those after a kill\n"
    ))?;
    for Adopted { path, at, queued, failed, .. } in &adopted {
        let at = lines::time(*at);
        print(&format!(
            "adopted   {} ({queued} were queued, {failed} failed) from {path} at {at}; they count as accepted\n",
            queued + failed
        ))?;
    }
    if let Some(mark) = adopted_by {
        print(&format!("{}\n", adoption_note(&mark)))?;
    }
    if let Some(limit) = limit {
        print(&format!("The queue grows. {} {}\n", limit.what, limit.action))?;
    }
    Ok(())
}
