//! What was measured, as a Markdown table for people and as JSON for programs.

use std::{borrow::Cow, fmt::Write};

use serde::{Deserialize, Serialize};

use crate::limits::Limit;

/// One row of the table: a load, what the program did with it, and what its parts alone can do.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// For `--row`.
    pub name: Cow<'static, str>,
    /// For people.
    pub load: Cow<'static, str>,
    /// What it should do on a machine with two cores.
    pub target: &'static str,
    /// Events that were accepted.
    pub events: u64,
    /// Requests that were told to come again.
    pub refused: u64,
    /// Accepted events a second.
    pub accepted_per_second: Option<f64>,
    /// Events a second at the sink, from the first request to the last record.
    pub reached_per_second: Option<f64>,
    /// Records of one call, on average.
    pub records_per_call: Option<f64>,
    /// Events of one record, on average.
    pub events_per_record: Option<f64>,
    /// What AWS would bill for 1,000 events: 25 KB each, begun ones too.
    pub units_per_thousand: Option<f64>,
    /// From the last accepted event until the last one reached the sink.
    pub behind_ms: Option<f64>,
    /// Most events that were accepted and had not reached the sink.
    pub queue_max: Option<u64>,
    /// CPU of the program under test, from the first request until all was settled.
    pub cpu_us_per_event: Option<f64>,
    /// CPU of load generator and sink: not part of the above, but it took the same cores.
    pub bench_cpu_us_per_event: Option<f64>,
    /// From request to answer.
    pub accept_ms: Option<Quantiles>,
    /// From request to the sink's answer.
    pub delivered_ms: Option<Quantiles>,
    /// One `fdatasync` of the same disk.
    pub sync_ms: Option<Quantiles>,
    /// How long the parts alone take for one event.
    pub waits: Option<Waits>,
    /// Most bytes resident.
    pub memory_peak_bytes: Option<u64>,
    /// The parts alone.
    pub limits: Option<Limits>,
    /// What else is worth saying.
    pub notes: Vec<String>,
}

/// The parts alone.
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

/// From request to answer of an axum handler that checks the JSON, and one commit of one row by SQLite.
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
    /// Half are no longer.
    pub p50: f64,
    /// 99 of 100 are no longer.
    pub p99: f64,
}

impl Quantiles {
    /// Of microseconds, which get sorted; `None`: there are none.
    pub fn of(micros: &mut [u32]) -> Option<Self> {
        micros.sort_unstable();
        let at = |part: usize| {
            Some(f64::from(*micros.get((micros.len() * part / 100).min(micros.len() - 1))?) / 1e3)
        };
        if micros.is_empty() { None } else { Some(Self { p50: at(50)?, p99: at(99)? }) }
    }
}

impl Row {
    /// How much of what its parts alone would cost the whole costs: 1 is perfect.
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

/// With commas; `n/a` where there is none.
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

/// Turns of each of two that are compared.
const TURNS: usize = 3;

/// Runs the other and ours in turn.
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

/// What the same load did with another build and with ours, in turn: medians, and ours by the other's.
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

/// What the parts alone cost, beside what we cost.
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
