//! `tributary doctor` while it repairs a damaged spool: a power cut at any moment of the repair loses nothing that it
//! would have recovered. The engine may refuse to start then; the doctor finishes the repair.

use std::collections::HashSet;
use std::path::Path;

use crate::disk::{State, lay_out, read_in};
use crate::explore::{Focus, Plan};
use crate::history::{History, Sender};
use crate::program::{Home, Settings};
use crate::recording::Recording;
use crate::verdict::{Problem, SPOOL, scratch};

const PAGE: usize = 8192;

/// The progress file of a repair.
const NOTE: &str = "spool.repair";

/// A spool with events in the database, in segments and in the write-ahead log, with random bytes in some pages. Also
/// the ids of its acknowledged events.
fn damaged() -> (Recording, HashSet<String>) {
    let recording = Recording::new(Settings::default());
    for names in [["a", "b"], ["c", "d"]] {
        let mut serve = recording.start();
        recording.together(&serve, &names, |sender, _| {
            for _ in 0..8 {
                sender.one(420);
                sender.batch(60, 420);
                sender.one(9_000);
                sender.batch(110, 600);
            }
        });
        if names[0] == "a" {
            assert!(serve.stop().success(), "{}", serve.log());
        }
        serve.kill();
    }
    let path = recording.home.data.join(SPOOL);
    let mut bytes = std::fs::read(&path).expect("there is a spool");
    let pages = bytes.len() / PAGE;
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..(pages / 12).max(2) {
        let at = random.usize(4..pages) * PAGE;
        random.fill(&mut bytes[at..at + 300]);
    }
    std::fs::write(path, bytes).expect("the file is ours");
    let acknowledged = recording.history.acknowledged();
    (recording, acknowledged)
}

/// Ids in the log of a spool, if it can be read.
fn ids(home: &Home) -> Option<HashSet<String>> {
    let ended = home.run(&["log", "--json"]);
    let id = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        Some(line["messageId"].as_str()?.to_owned())
    };
    (ended.code == Some(0)).then(|| ended.stdout.lines().filter_map(id).collect())
}

/// The ids that an undisturbed repair recovers. The data folder is as the doctor left it.
fn repaired(recording: &Recording, acknowledged: &HashSet<String>) -> HashSet<String> {
    let ended = recording.run(&["doctor", "--json"]);
    let report = ended.json().unwrap_or_else(|| panic!("{ended:?}"));
    assert!(report["recovered"].is_object(), "the file was damaged: {report}");
    let back = ids(&recording.home).expect("it can be read");
    let good: HashSet<_> = back.intersection(acknowledged).cloned().collect();
    assert!(good.len() > acknowledged.len() / 4, "{} of {}", good.len(), acknowledged.len());
    good
}

#[test]
fn a_repair_may_lose_power_at_any_moment() {
    let (mut recording, acknowledged) = damaged();
    recording.base = read_in(&recording.root);
    recording.log = recording.home.path().join("doctor.log");
    let good = repaired(&recording, &acknowledged);
    // Nothing is acknowledged while the doctor works.
    recording.history = std::sync::Arc::default();
    let place = scratch();
    // A repair is short: every point at which names change, several times.
    let plan = Plan::new("repairing", &recording).near(Focus::Names).at_least(400);
    plan.explore_with(&|state, _| judge(state, &good, &place)).must_be_whole();
}

/// The progress file itself can be torn: a cut right after its creation leaves an empty one.
#[test]
fn a_repair_goes_on_whatever_of_its_note_is_there() {
    let (recording, acknowledged) = damaged();
    let good = repaired(&recording, &acknowledged);
    // Back to the moment when the progress file was written and nothing had been moved.
    let data = &recording.home.data;
    let mut state = read_in(data);
    let is_aside = |name: &str| name.starts_with("spool-damaged-") && name.ends_with(".sqlite3");
    let names = state.keys().map(|path| path.to_string_lossy().into_owned());
    let aside = names.into_iter().find(|name| is_aside(name)).expect("the damaged file is kept");
    let mut rename = |from: &str, to: &str| {
        if let Some(content) = state.remove(Path::new(from)) {
            state.insert(to.into(), content);
        }
    };
    rename(SPOOL, &format!("{SPOOL}.new"));
    for end in ["", "-wal", "-shm"] {
        rename(&format!("{aside}{end}"), &format!("{SPOOL}{end}"));
    }
    let place = scratch();
    for note in ["", "s", &aside[..9], "\0\0\0\0\0\0\0\0", &aside] {
        let mut state: State =
            state.iter().map(|(path, content)| (Path::new("").join(path), content.clone())).collect();
        state.insert(NOTE.into(), Some(note.as_bytes().to_vec()));
        let problems = judge(&state, &good, &place);
        let texts: Vec<_> = problems.iter().map(|problem| format!("\n  {problem:.300}")).collect();
        assert!(problems.is_empty(), "the note is {note:?}:{}", texts.concat());
    }
}

/// Starts the engine, runs the doctor if that is refused, and starts it again. `good` must be there then.
fn judge(state: &State, good: &HashSet<String>, place: &Path) -> Vec<Problem> {
    let home = Home::new(place, Path::new("disk"), &Settings::default());
    lay_out(state, &home.data);
    let mut problems = Vec::new();
    let mut found = |kind, text: String| problems.push(Problem { kind, text });
    let first = home.serve(&[]);
    let serve = first.or_else(|said| {
        let last = said.trim().lines().last().unwrap_or_default().to_owned();
        if !last.contains("tributary doctor") {
            found("start", format!("it does not lead to the doctor: {last}"));
        }
        let ended = home.run(&["doctor", "--json"]);
        if ended.json().is_none() {
            found("doctor", format!("{:?} {}", ended.code, ended.stderr.trim()));
        }
        home.serve(&[])
    });
    match serve {
        Err(said) => found("start", format!("not after the doctor either: {}", said.trim())),
        Ok(mut serve) => {
            let later = History::default();
            let mut sender = Sender::new(&later, &serve, "later");
            let answers = [sender.one(420), sender.batch(120, 600)];
            if answers != [200; 2] {
                found("refused", format!("new events were answered with {answers:?}: {}", sender.heard));
            }
            let status = serve.stop();
            if !status.success() {
                found("stop", format!("serve ended with {status}: {}", serve.log().trim()));
            }
            // It may have started on the damaged file, as it was before the repair: the doctor is made for that.
            let there = ids(&home).or_else(|| {
                home.run(&["doctor"]);
                ids(&home)
            });
            let there = there.unwrap_or_default();
            let lost: Vec<_> = good.iter().filter(|id| !there.contains(*id)).collect();
            if let Some(first) = lost.iter().min() {
                found(
                    "lost",
                    format!("{} of {} that a repair brings back, as {first}", lost.len(), good.len()),
                );
            }
            let sums = home.run(&["log", "--summary", "--json"]).json();
            if sums.is_none_or(|sums| sums["addsUp"] != true) {
                found("ledger", "the sums do not add up".to_owned());
            }
        }
    }
    problems
}
