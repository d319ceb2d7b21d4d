//! `tributary adopt` and `tributary restore`: the power goes at any moment, and the same command afterwards ends the work.
//! Every event is there once, and no engine delivers an event from two folders.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use crate::disk::{State, lay_out, read_in};
use crate::explore::{Focus, Plan};
use crate::program::{Ended, Home, Settings};
use crate::recording::Recording;
use crate::verdict::{Problem, scratch};

/// The folders of the disk: the one that adopts, and the one of the dead host (or the backup).
const OWN: &str = "own";
const OLD: &str = "old";

/// A disk with two data folders, recorded from now on; and what was accepted on both, with the ids of the old one.
fn two_folders() -> (Recording, HashMap<String, String>, HashSet<String>) {
    let mut recording = Recording::below(Settings::default(), Path::new(OWN));
    let old = Home::new(&std::env::temp_dir(), &recording.root.join(OLD), &Settings::default());
    let mut accepted_there = HashSet::new();
    for (home, name) in [(&old, "theirs"), (&recording.home, "ours")] {
        let mut serve = home.serve(&[]).unwrap_or_else(|said| panic!("the program does not start: {said}"));
        let mut sender = recording.sender(&serve, name);
        for _ in 0..6 {
            assert_eq!([sender.batch(400, 600), sender.one(420)], [200; 2], "{}", sender.heard);
        }
        if name == "theirs" {
            accepted_there = recording.history.acknowledged();
        }
        // The host of the old folder lost its power.
        if name == "theirs" { serve.kill() } else { assert!(serve.stop().success(), "{}", serve.log()) }
    }
    let sent = recording.history.sent();
    // Nothing is acknowledged while a command works.
    recording.history = Arc::default();
    recording.base = read_in(&recording.root);
    recording.log = recording.home.path().join("second.log");
    (recording, sent, accepted_there)
}

/// The lines of a log: the `properties` of each event, by id; an event that has two lines is named in `twice`.
fn events(home: &Home, twice: &mut Vec<String>) -> Option<HashMap<String, String>> {
    let ended = home.run(&["log", "--json", "--data"]);
    let mut found = HashMap::new();
    for line in ended.stdout.lines() {
        let line: Value = serde_json::from_str(line).ok()?;
        let id = line["messageId"].as_str()?.to_owned();
        if found.insert(id.clone(), line["data"]["properties"].to_string()).is_some() {
            twice.push(id);
        }
    }
    (ended.code == Some(0)).then_some(found)
}

fn summary(home: &Home) -> Value {
    home.run(&["log", "--summary", "--json"]).json().unwrap_or_default()
}

fn home_of(state: &State, place: &Path) -> (Home, Home) {
    let own = Home::new(place, &Path::new("disk").join(OWN), &Settings::default());
    let disk = own.path().join("disk");
    lay_out(state, &disk);
    let old = Home::new(place, &disk.join(OLD), &Settings::default());
    (own, old)
}

/// Each of `ids` is in the log of `home` once, as it was sent.
fn compare(home: &Home, sent: &HashMap<String, String>, ids: &HashSet<String>, problems: &mut Vec<Problem>) {
    let mut found = |kind, text: String| problems.push(Problem { kind, text });
    let mut twice = Vec::new();
    let Some(there) = events(home, &mut twice) else {
        return found("lost", "the log cannot be read".to_owned());
    };
    if let Some(first) = twice.first() {
        found("twice", format!("{} events have two lines, as {first}", twice.len()));
    }
    let lost: Vec<_> = ids.iter().filter(|id| !there.contains_key(*id)).collect();
    if let Some(first) = lost.iter().min() {
        found("lost", format!("{} events are not there, as {first}", lost.len()));
    }
    let same = |text: &str| serde_json::from_str::<Value>(text).ok();
    let changed = there.iter().find(|(id, data)| sent.get(*id).and_then(|text| same(text)) != same(data));
    if let Some((id, data)) = changed {
        found("changed", format!("{id}: {data:.80}"));
    }
    if summary(home)["addsUp"] != true {
        found("ledger", "the sums do not add up".to_owned());
    }
    let checked = home.run(&["doctor", "--check", "--json"]);
    if checked.code != Some(0) {
        found("doctor", format!("{} {}", checked.stdout.trim(), checked.stderr.trim()));
    }
}

#[test]
fn an_adoption_may_lose_power_at_any_moment() {
    let (recording, sent, theirs) = two_folders();
    let old = recording.root.join(OLD);
    let ended = recording.run(&["adopt", old.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let all: HashSet<_> = sent.keys().cloned().collect();
    let place = scratch();
    let judge = |state: &State| {
        let (own, old) = home_of(state, &place);
        let mut problems = Vec::new();
        let ours = (all.len() - theirs.len()) as u64;
        let has_some = summary(&own)["accepted"].as_u64() > Some(ours);
        let serve = old.serve(&[]);
        if let (true, Ok(_)) = (has_some, &serve) {
            problems.push(Problem { kind: "twice", text: "an engine starts on what is adopted".to_owned() });
        }
        drop(serve);
        let ended: Ended = own.run(&["adopt", old.data.to_str().expect("UTF-8")]);
        if ended.code != Some(0) {
            problems.push(Problem { kind: "refused", text: ended.stderr });
        }
        compare(&own, &sent, &all, &mut problems);
        compare(&old, &sent, &theirs, &mut problems);
        if old.serve(&[]).is_ok() {
            problems
                .push(Problem { kind: "twice", text: "an engine starts on the adopted folder".to_owned() });
        }
        problems
    };
    let plan = Plan::new("adopting", &recording).at_least(120);
    plan.explore_with(&|state, _| judge(state)).must_be_whole();
}

#[test]
fn a_restore_may_lose_power_at_any_moment() {
    let (mut recording, sent, theirs) = two_folders();
    // The old folder serves as the backup, and the data folder is new.
    std::fs::remove_dir_all(&recording.home.data).expect("the folder is ours");
    recording.base = read_in(&recording.root);
    let old = recording.root.join(OLD);
    let ended = recording.run(&["restore", old.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let place = scratch();
    let judge = |state: &State| {
        let (own, old) = home_of(state, &place);
        let mut problems = Vec::new();
        let ended = own.run(&["restore", old.data.to_str().expect("UTF-8")]);
        if ended.code != Some(0) && !ended.stderr.contains("has a spool already") {
            problems.push(Problem { kind: "refused", text: ended.stderr });
        }
        compare(&own, &sent, &theirs, &mut problems);
        match own.serve(&[]) {
            Ok(mut serve) => drop(serve.stop()),
            Err(said) => problems.push(Problem { kind: "start", text: said }),
        }
        problems
    };
    let plan = Plan::new("restoring", &recording).near(Focus::Names).at_least(60);
    plan.explore_with(&|state, _| judge(state)).must_be_whole();
}
