//! `tributary doctor`: is the spool whole, and do the sums agree with it? Repairs what can be repaired, loses nothing.

use std::path::Path;

use clap::Args;
use serde_json::json;

use super::{Places, access, print, tell};
use crate::spool::{self, Report};

#[derive(Args, Debug)]
pub struct Words {
    /// Only look, also where something could be repaired
    #[arg(long)]
    check: bool,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// `false`: something is wrong and not repaired, or a part of the spool is lost.
pub(super) fn run(words: &Words, places: &Places) -> anyhow::Result<bool> {
    let data_dir = places.data_dir()?;
    access::has_spool(&data_dir)?;
    let is_running = spool::is_in_use(&data_dir);
    if is_running && !words.check {
        tell("an engine runs on this folder: nothing is repaired, only looked at; stop it to repair");
    }
    let repairs = !words.check && !is_running;
    let report = spool::examine(&data_dir, repairs)?;
    let text = if words.json { format!("{}\n", json(&report, &data_dir)) } else { lines(&report, &data_dir) };
    print(&text)?;
    Ok(report.is_well())
}

fn lines(report: &Report, data_dir: &Path) -> String {
    let Report { lines, payloads_good, payloads_unchecked, findings, set_aside, recovered, read_directly } =
        report;
    let mut said = vec![format!("looked at {} in {}", count(*lines, "line"), data_dir.display())];
    let unchecked = match payloads_unchecked {
        0 => String::new(),
        some => format!("; {some} have no checksum, since an older version wrote them"),
    };
    said.push(format!("payloads that are what was accepted: {payloads_good}{unchecked}"));
    said.extend(findings.iter().map(|finding| {
        let word = if finding.repaired { "repaired" } else { "WRONG" };
        format!("{word:<8} {}: {}", finding.about, finding.text)
    }));
    if let (Some(path), Some(recovered)) = (set_aside, recovered) {
        said.push(format!("the damaged file is kept as {}", path.display()));
        let lost = match recovered.lost {
            Some(0) => "nothing is missing".to_owned(),
            Some(lost) => format!("{} could not be read", count(lost, "line")),
            None => "how many there were cannot be told any more".to_owned(),
        };
        let (lines, waiting) = (count(recovered.lines, "line"), count(recovered.waiting, "event"));
        said.push(format!("the new spool has {lines}; {waiting} wait in it to be delivered; {lost}"));
    }
    said.extend(spool::others_can_write(data_dir).map(|text| format!("note     {text}")));
    if findings.is_empty() {
        said.push(if *read_directly {
            "all is well".to_owned()
        } else {
            "all is well as far as the system's memory shows: this file system does not let the disk itself be read".to_owned()
        });
    }
    said.join("\n") + "\n"
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

fn json(report: &Report, data_dir: &Path) -> serde_json::Value {
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
        "recovered": recovered,
        "readDirectly": report.read_directly,
        "notes": spool::others_can_write(data_dir).into_iter().collect::<Vec<_>>(),
    })
}
