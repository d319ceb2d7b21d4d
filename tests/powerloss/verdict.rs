//! Judges one state of the disk with the real program: `doctor --check`, a start, new events, an orderly stop, the log
//! with payloads, the totals, and the doctor again.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::disk::{State, lay_out};
use crate::history::{History, Sender};
use crate::program::{Home, Settings};

/// The database of the spool, which exists as soon as something was acknowledged.
pub const SPOOL: &str = "spool.sqlite3";

/// An error of a state.
#[derive(Clone, Debug)]
pub struct Problem {
    /// `lost`, `changed`, `damaged`, `twice`, `order`, `unknown`, `ledger`, `doctor`, `start`, `refused`, `stop`.
    pub kind: &'static str,
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&format!("{}: {}", self.kind, self.text))
    }
}

/// What must hold for a state.
pub struct Truth<'a> {
    /// Every event that was sent, with its properties.
    pub sent: &'a HashMap<String, String>,
    /// The acknowledged events.
    pub acknowledged: HashSet<String>,
    /// Events that may be missing: the destination had them.
    pub delivered: HashSet<String>,
    /// Lines may have been pruned, so that the totals count more than the lines.
    pub pruned: bool,
}

/// A line of `tributary log --json --data`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(rename = "line")]
    number: i64,
    message_id: String,
    state: String,
    resend_of: Option<i64>,
    error: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sums {
    delivered: usize,
    queued: usize,
    failed: usize,
    rejected: usize,
    adds_up: bool,
}

struct Judge<'a> {
    home: &'a Home,
    truth: &'a Truth<'a>,
    problems: Vec<Problem>,
}

/// Judges a state. `place` is a folder for it, `data` the path of the data folder in the state.
pub fn judge(
    state: &State,
    truth: &Truth<'_>,
    settings: &Settings,
    (place, data): (&Path, &Path),
) -> Vec<Problem> {
    let home = Home::new(place, &Path::new("disk").join(data), settings);
    lay_out(state, &home.path().join("disk"));
    let has_spool = state.contains_key(&data.join(SPOOL));
    judge_home(&home, truth, has_spool)
}

/// Judges the data folder of `home` as it is.
pub fn judge_home(home: &Home, truth: &Truth<'_>, has_spool: bool) -> Vec<Problem> {
    let mut judge = Judge { home, truth, problems: Vec::new() };
    let owes = truth.acknowledged.iter().any(|id| !truth.delivered.contains(id));
    if has_spool {
        judge.doctor("", owes);
    } else if owes {
        judge.found("lost", "there is no spool file, and events were acknowledged".to_owned());
    }
    let later = History::default();
    if judge.lives(&later) {
        judge.lines(&later);
        judge.doctor(" after the start", true);
    }
    judge.problems
}

impl Judge<'_> {
    fn found(&mut self, kind: &'static str, text: String) {
        self.problems.push(Problem { kind, text });
    }

    fn doctor(&mut self, when: &str, must_be_well: bool) {
        let ended = self.home.run(&["doctor", "--check", "--json"]);
        if must_be_well && ended.code != Some(0) {
            self.found(
                "doctor",
                format!("--check{when}: {:?} {} {}", ended.code, ended.stdout.trim(), ended.stderr.trim()),
            );
        }
    }

    /// Starts the program, sends it new events of both kinds, and stops it.
    fn lives(&mut self, later: &History) -> bool {
        let mut serve = match self.home.serve(&[]) {
            Ok(serve) => serve,
            Err(said) => {
                self.found("start", format!("serve did not start: {}", said.trim()));
                return false;
            }
        };
        let mut sender = Sender::new(later, &serve, "later");
        let mut refused = Vec::new();
        for (count, pad) in [(1, 420), (120, 600), (1, 70_000)] {
            let status = if count == 1 { sender.one(pad) } else { sender.batch(count, pad) };
            if status != 200 {
                refused.push(format!("{status}: {}", sender.heard));
            }
        }
        if !refused.is_empty() {
            self.found("refused", format!("of three requests with new events: {}", refused.join(", ")));
        }
        let status = serve.stop();
        let said = serve.log();
        if !status.success() {
            self.found("stop", format!("serve ended with {status}: {}", said.trim()));
        }
        if let Some(line) = said.lines().find(|line| line.contains("ERROR") || line.contains("panicked")) {
            self.found("start", format!("serve said {line}"));
        }
        true
    }

    fn lines(&mut self, later: &History) {
        let ended = self.home.run(&["log", "--json", "--data"]);
        let sums = self.home.run(&["log", "--summary", "--json"]);
        let lines: Result<Vec<Line<'_>>, _> = ended.stdout.lines().map(serde_json::from_str).collect();
        let sums = serde_json::from_str::<Sums>(&sums.stdout);
        match (ended.code, lines, sums) {
            (Some(0), Ok(lines), Ok(sums)) => {
                self.check_lines(&lines, later);
                self.check_sums(&lines, &sums);
            }
            _ => self.found("lost", format!("the log cannot be read: {}", ended.stderr.trim())),
        }
    }

    fn check_lines(&mut self, lines: &[Line<'_>], later: &History) {
        let later_sent = later.sent();
        let truth = self.truth;
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        // The number of the last line, by sender.
        let mut last: HashMap<&str, u64> = HashMap::new();
        for line in lines.iter().filter(|line| line.state != "rejected") {
            let id = line.message_id.as_str();
            let known = if truth.acknowledged.contains(id) { "acknowledged" } else { "not acknowledged" };
            let data = line.data.map_or("null", RawValue::get);
            if line.error.as_deref().is_some_and(|error| error.contains("DamagedPayload")) {
                self.found("damaged", format!("{id} ({known}): {:?}", line.error));
            } else if let Some(properties) = truth.sent.get(id).or_else(|| later_sent.get(id)) {
                if !data.contains(properties.as_str()) {
                    let start: String = data.chars().take(80).collect();
                    self.found("changed", format!("{id} ({known}): {start}"));
                }
            } else {
                self.found("unknown", format!("{id} was never sent"));
            }
            if line.resend_of.is_some() {
                continue;
            }
            *by_id.entry(id).or_default() += 1;
            if let Some((name, number)) = id.rsplit_once('-')
                && let Ok(number) = number.parse()
            {
                let before = last.entry(name).or_default();
                if number < *before {
                    self.found("order", format!("{id} is line {}, behind {name}-{before:06}", line.number));
                }
                *before = number;
            }
        }
        for (id, count) in by_id.iter().filter(|(_, count)| **count > 1) {
            self.found("twice", format!("{id} has {count} lines"));
        }
        let there = |id: &String| by_id.contains_key(id.as_str());
        let acknowledged = truth.acknowledged.iter().filter(|id| !truth.delivered.contains(*id));
        let later = later.acknowledged();
        let lost: Vec<&String> = acknowledged.chain(&later).filter(|id| !there(id)).collect();
        if let Some(first) = lost.iter().min() {
            self.found("lost", format!("{} acknowledged events are not there, as {first}", lost.len()));
        }
    }

    fn check_sums(&mut self, lines: &[Line<'_>], sums: &Sums) {
        let count =
            |states: &[&str]| lines.iter().filter(|line| states.contains(&line.state.as_str())).count();
        let (queued, failed) = (count(&["queued", "retrying"]), count(&["failed"]));
        let mut agree = sums.adds_up && sums.queued == queued && sums.failed == failed;
        if !self.truth.pruned {
            agree &= sums.delivered == count(&["delivered"]) && sums.rejected == count(&["rejected"]);
        }
        if !agree {
            self.found(
                "ledger",
                format!(
                    "adds up: {}; queued {} and {queued}, failed {} and {failed}",
                    sums.adds_up, sums.queued, sums.failed
                ),
            );
        }
    }
}

/// Those of `ids` that are missing in the log, with what was sent.
pub fn missing(home: &Home, sent: &HashMap<String, String>, mut ids: HashSet<String>) -> HashSet<String> {
    let ended = home.run(&["log", "--json", "--data"]);
    for line in ended.stdout.lines().filter_map(|line| serde_json::from_str::<Line<'_>>(line).ok()) {
        let data = line.data.map_or("null", RawValue::get);
        if sent.get(&line.message_id).is_some_and(|properties| data.contains(properties.as_str())) {
            ids.remove(&line.message_id);
        }
    }
    ids
}

/// A folder in memory for the states, if the system has one.
pub fn scratch() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let usable = memory.is_dir() && tempfile::tempdir_in(&memory).is_ok();
    if usable { memory } else { std::env::temp_dir() }
}
