//! The results, as a Markdown table for people and as JSON for programs.

use std::{borrow::Cow, fmt::Write};

use serde::{Deserialize, Serialize};

use crate::limits::Limit;

/// One row of the table: a load, the program's figures, and the limits of the parts alone.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// The name for `--row`.
    pub name: Cow<'static, str>,
    /// The description for people.
    pub load: Cow<'static, str>,
    /// The target on a machine with two cores.
    pub target: &'static str,
    /// Number of accepted events.
    pub events: u64,
    /// Number of requests that were told to come again.
    pub refused: u64,
    /// Accepted events a second.
    pub accepted_per_second: Option<f64>,
    /// Events a second at the sink, from the first request to the last record.
    pub reached_per_second: Option<f64>,
    /// Average number of records per call.
    pub records_per_call: Option<f64>,
    /// Average number of events per record.
    pub events_per_record: Option<f64>,
    /// What AWS would bill for 1,000 events: units of 25 KB, started ones included.
    pub units_per_thousand: Option<f64>,
    /// Time from the last accepted event until the last one reached the sink.
    pub behind_ms: Option<f64>,
    /// Maximum number of accepted events that had not reached the sink.
    pub queue_max: Option<u64>,
    /// CPU time of the program under test, from the first request until all was settled.
    pub cpu_us_per_event: Option<f64>,
    /// CPU time of the load generator and the sink. It is not part of the above, but it used the same cores.
    pub bench_cpu_us_per_event: Option<f64>,
    /// Time from a request to its answer.
    pub accept_ms: Option<Quantiles>,
    /// Time from a request to the sink's answer.
    pub delivered_ms: Option<Quantiles>,
    /// One `fdatasync` of the same disk.
    pub sync_ms: Option<Quantiles>,
    /// The times of the parts alone for one event.
    pub waits: Option<Waits>,
    /// Peak of resident bytes.
    pub memory_peak_bytes: Option<u64>,
    /// The limits of the parts alone.
    pub limits: Option<Limits>,
    /// Further notes.
    pub notes: Vec<String>,
}

/// The limits of the parts alone.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Limits {
    /// An axum handler that checks the JSON and answers.
    pub axum: Limit,
    /// SQLite inserts.
    pub sqlite: Limit,
    /// The SDK's calls.
    pub sdk: Limit,
}

impl Limits {
    fn cpu_us(&self) -> Option<f64> {
        Some(self.axum.cpu_us? + self.sqlite.cpu_us? + self.sdk.cpu_us?)
    }
}

/// The time of an axum handler that checks the JSON, and of a commit of one row by SQLite.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Waits {
    /// The handler.
    pub axum: Quantiles,
    /// The commit.
    pub sqlite: Quantiles,
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
}

impl Quantiles {
    /// Of microseconds, which are sorted; `None`: there are none.
    pub fn of(micros: &mut [u32]) -> Option<Self> {
        micros.sort_unstable();
        let at = |part: usize| {
            Some(f64::from(*micros.get((micros.len() * part / 100).min(micros.len() - 1))?) / 1e3)
        };
        if micros.is_empty() { None } else { Some(Self { p50: at(50)?, p99: at(99)? }) }
    }
}

impl Row {
    /// The cost of the parts alone as a share of the whole cost; 1 is perfect.
    fn share_of_limits(&self) -> Option<f64> {
        Some(self.limits?.cpu_us()? / self.cpu_us_per_event?)
    }

    fn all_notes(&self) -> Vec<String> {
        let mut notes = self.notes.clone();
        if self.events > 0 {
            notes.insert(0, format!("{} events", number(Some(self.events as f64), 0)));
        }
        if self.refused > 0 {
            notes.push(format!("{} requests were told to come again", self.refused));
        }
        if let Some(behind) = self.behind_ms {
            notes.push(format!("the last event reached the sink {behind:.0} ms after the last was accepted"));
        }
        if let Some(longest) = self.queue_max {
            let longest = number(Some(longest as f64), 0);
            notes.push(format!("at the most {longest} events were accepted and not yet at the sink"));
        }
        if let Some(records) = self.records_per_call {
            notes.push(format!("{records:.0} records a call"));
        }
        if let Some(events) = self.events_per_record {
            notes.push(format!("{events:.1} events a record"));
        }
        if let Some(units) = self.units_per_thousand {
            notes.push(format!("{units:.0} PUT payload units for 1,000 events"));
        }
        if let Some(sync) = self.sync_ms {
            notes.push(format!("one fdatasync p50 {:.2} ms, p99 {:.2} ms", sync.p50, sync.p99));
            if let Some(accept) = self.accept_ms {
                notes.push(format!(
                    "accept p50 = {:.1} of it, p99 = {:.1}",
                    accept.p50 / sync.p50,
                    accept.p99 / sync.p50
                ));
            }
        }
        if let Some(waits) = self.waits {
            notes.push(format!(
                "axum alone answers in {} ms, a commit of one row alone takes {} ms",
                quantiles(Some(waits.axum)),
                quantiles(Some(waits.sqlite))
            ));
            if let Some(accept) = self.accept_ms {
                let sum = waits.axum.p50 + waits.sqlite.p50;
                notes.push(format!("accept p50 = {:.1} of their sum", accept.p50 / sum));
            }
        }
        if let Some(cpu) = self.bench_cpu_us_per_event {
            notes.push(format!("load generator and sink: {cpu:.2} µs per event on the same cores"));
        }
        notes
    }
}

/// With commas; `n/a` if there is none.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value else { return "n/a".to_owned() };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() { grouped } else { format!("{grouped}.{fraction}") }
}

fn quantiles(value: Option<Quantiles>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{:.2} / {:.2}", value.p50, value.p99))
}

type Figure = fn(&Row) -> Option<f64>;

/// Number of runs of each of two builds.
const TURNS: usize = 3;

/// Runs the other build and this one in turn.
pub fn in_turn(
    other: impl Fn() -> anyhow::Result<Row>,
    ours: impl Fn() -> anyhow::Result<Row>,
) -> anyhow::Result<(Vec<Row>, Vec<Row>)> {
    let mut both = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        both.0.push(other()?);
        both.1.push(ours()?);
    }
    Ok(both)
}

/// Compares the same load with another build and with this one: medians, and their ratio.
pub fn beside(load: &str, others: &[Row], ours: &[Row]) -> String {
    let median = |rows: &[Row], of: Figure| {
        let mut all: Vec<f64> = rows.iter().filter_map(of).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied()
    };
    let figures: [(&str, usize, Figure); 6] = [
        ("events/s", 0, |row| row.reached_per_second),
        ("µs CPU an event", 1, |row| row.cpu_us_per_event),
        ("MB at the most", 0, |row| Some(row.memory_peak_bytes? as f64 / 1e6)),
        ("payload units for 1,000 events", 0, |row| row.units_per_thousand),
        ("ms from the last accepted to the last at the sink", 0, |row| row.behind_ms),
        ("events waiting at the most", 0, |row| Some(row.queue_max? as f64)),
    ];
    let mut parts: Vec<_> = figures
        .into_iter()
        .map(|(name, decimals, of)| (name, decimals, median(others, of), median(ours, of)))
        .filter(|(_, _, before, after)| before.is_some() || after.is_some())
        .map(|(name, decimals, before, after)| {
            let ratio = before.zip(after).map(|(before, after)| after / before);
            let [before, after] = [before, after].map(|value| number(value, decimals));
            format!("{before} → {after} {name} (× {})", number(ratio, 2))
        })
        .collect();
    for (whose, rows) in [("the other", others), ("ours", ours)] {
        let notes = rows.iter().flat_map(|row| &row.notes).filter(|note| note.contains("ODD"));
        parts.extend(notes.map(|note| format!("{whose}: {note}")));
    }
    format!("{load}: {}", parts.join("; "))
}

/// The table, then the limits, then the notes.
pub fn markdown(rows: &[Row]) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "| load | events/s accepted | events/s reached the sink | CPU µs per event | accept p50 / p99 ms | \
         accept → delivered p50 / p99 ms | peak RSS MB | target |\n| --- | --: | --: | --: | --: | --: | --: | --- |\n",
    );
    for row in rows {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            row.load,
            number(row.accepted_per_second, 0),
            number(row.reached_per_second, 0),
            number(row.cpu_us_per_event, 2),
            quantiles(row.accept_ms),
            quantiles(row.delivered_ms),
            number(row.memory_peak_bytes.map(|bytes| bytes as f64 / 1e6), 0),
            row.target,
        )?;
    }
    if rows.iter().any(|row| row.limits.is_some()) {
        write_limits(&mut text, rows)?;
    }
    text.push('\n');
    for row in rows {
        writeln!(text, "- {}: {}.", row.load, row.all_notes().join("; "))?;
    }
    Ok(text)
}

/// The cost of the parts alone, beside the program's.
fn write_limits(text: &mut String, rows: &[Row]) -> std::fmt::Result {
    text.push_str(
        "\nLimits measured in the same run: CPU µs per event of each part alone (and its events/s), and how much of what \
         we cost they would cost together (aim: 60 %).\n\n| load | axum that checks the JSON | SQLite bulk insert | the SDK's calls \
         | sum | ours | share |\n| --- | --: | --: | --: | --: | --: | --: |\n",
    );
    let limit =
        |limit: Limit| format!("{} ({}/s)", number(limit.cpu_us, 2), number(Some(limit.per_second), 0));
    for row in rows {
        let Some(limits) = row.limits else { continue };
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} % |",
            row.load,
            limit(limits.axum),
            limit(limits.sqlite),
            limit(limits.sdk),
            number(limits.cpu_us(), 2),
            number(row.cpu_us_per_event, 2),
            number(row.share_of_limits().map(|share| share * 100.0), 0),
        )?;
    }
    Ok(())
}
