//! `tributary doctor`: checks the spool and the ledger. Repairs what can be repaired, loses nothing.

use std::path::Path;

use serde_json::json;

use super::{
    access,
    locations::Locations,
    output::{note, print},
};
use crate::spool::{self, FILE_NAME, LogReader, Report};

#[derive(clap::Args, Debug)]
pub struct Args {
    /// Only check, and repair nothing
    #[arg(long)]
    check: bool,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// `false`: something is wrong and was not repaired, or a part of the spool is lost.
pub(super) fn run(args: &Args, locations: &Locations) -> anyhow::Result<bool> {
    let data_dir = locations.data_dir()?;
    access::has_spool(&data_dir)?;
    let is_running = spool::is_in_use(&data_dir);
    if is_running && !args.check {
        note("an engine runs on this folder: nothing is repaired; stop it to repair");
    }
    let repairs = !args.check && !is_running;
    let report = spool::examine(&data_dir, repairs)?;
    let notes = notes(&data_dir);
    let text =
        if args.json { format!("{}\n", json(&report, &notes)) } else { lines(&report, &data_dir, &notes) };
    print(&text)?;
    Ok(report.is_well())
}

/// What is no damage, and of use to know.
fn notes(data_dir: &Path) -> Vec<String> {
    let log = LogReader::open(&data_dir.join(FILE_NAME)).ok();
    let mark = log.and_then(|log| log.adopted_by().ok().flatten());
    spool::others_can_write(data_dir).into_iter().chain(mark.as_ref().map(access::adoption_note)).collect()
}

fn lines(report: &Report, data_dir: &Path, notes: &[String]) -> String {
    let Report { lines, payloads_good, payloads_unchecked, findings, read_directly, .. } = report;
    let mut said = vec![format!("checked {} in {}", count(*lines, "line"), data_dir.display())];
    let unchecked = match payloads_unchecked {
        0 => String::new(),
        some => format!("; {some} have no checksum, because an older version wrote them"),
    };
    said.push(format!("payloads that match their checksums: {payloads_good}{unchecked}"));
    said.extend(findings.iter().map(|finding| {
        let word = if finding.repaired { "repaired" } else { "WRONG" };
        format!("{word:<8} {}: {}", finding.about, finding.text)
    }));
    if let (Some(path), Some(recovered)) = (&report.set_aside, report.recovered) {
        said.push(format!("the damaged file is kept as {}", path.display()));
        if let Some(segments) = &report.segments_aside {
            said.push(format!("its segments are kept in {}, one event's JSON a line", segments.display()));
        }
        let lost = match recovered.lost {
            Some(0) => "nothing is missing".to_owned(),
            Some(lost) => format!("{} could not be read", count(lost, "line")),
            None => "how many lines there were is not known any more".to_owned(),
        };
        let (lines, waiting) = (count(recovered.lines, "line"), count(recovered.waiting, "event"));
        said.push(format!("the new spool has {lines}; {waiting} in it are queued; {lost}"));
    }
    said.extend(notes.iter().map(|text| format!("note     {text}")));
    if findings.is_empty() {
        said.push(if *read_directly {
            "all is well".to_owned()
        } else {
            "all is well, as far as the system's page cache shows: this file system does not allow reads past it".to_owned()
        });
    }
    said.join("\n") + "\n"
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn json(report: &Report, notes: &[String]) -> serde_json::Value {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| json!({ "about": finding.about, "text": finding.text, "repaired": finding.repaired }))
        .collect();
    let recovered = report.recovered.map(
        |recovered| json!({ "lines": recovered.lines, "waiting": recovered.waiting, "lost": recovered.lost }),
    );
    json!({
        "ok": report.is_well(),
        "lines": report.lines,
        "payloadsGood": report.payloads_good,
        "payloadsUnchecked": report.payloads_unchecked,
        "findings": findings,
        "setAside": report.set_aside.as_ref().map(|path| path.display().to_string()),
        "segmentsAside": report.segments_aside.as_ref().map(|path| path.display().to_string()),
        "recovered": recovered,
        "readDirectly": report.read_directly,
        "notes": notes,
    })
}
