//! A disk that really fails and recovers. `thin.sh` makes it, as root, and runs this test; elsewhere the test says so.

use std::collections::HashSet;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{Settings, wait_until};
use crate::recording::{Recording, Request};
use crate::verdict::{Truth, judge_home};

/// How long the disk fails after the failure was noticed.
const TROUBLE: Duration = Duration::from_secs(2);

/// Maximum time until events are accepted again when there is space.
const RESUMES: Duration = Duration::from_secs(20);

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "where the disk is, only the script knows")]
    std::env::var(name).ok()
}

fn script(word: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/powerloss/thin.sh");
    let status = Command::new("bash").arg(path).arg(word).status().expect("there is bash");
    assert!(status.success(), "thin.sh {word}: {status}");
}

#[test]
fn a_disk_without_room_below_its_file_system_loses_nothing() {
    let Some(disk) = variable("TRIBUTARY_POWERLOSS_THIN") else {
        println!("not tested: tests/powerloss/thin.sh makes the disk, as root");
        return;
    };
    let is_commit = variable("TRIBUTARY_POWERLOSS_THIN_CASE").as_deref() == Some("commit");
    let (names, requests, healed) = if is_commit {
        (&["a", "b"][..], &[Request::One(420)][..], Duration::from_millis(2500))
    } else {
        (&["a"][..], &[Request::One(60_000)][..], Duration::from_secs(15))
    };
    let mut recording = Recording::new(Settings::default());
    recording.home.data = PathBuf::from(disk).join("mount/data");
    // Without the shim: these failures are real.
    let mut serve = recording.home.serve(&[]).unwrap_or_else(|said| panic!("it does not start: {said}"));
    recording.under_load(&serve, names, requests, || {
        let log = || serve.log();
        wait_until("the disk is full", || {
            recording.history.refusals() > 0 || log().contains("WARN") || log().contains("ERROR")
        });
        std::thread::sleep(TROUBLE);
        println!("while it failed: {}", log().lines().last().unwrap_or_default());
        script("heal");
        // A file system that failed to write its own data stays read-only: no more events are accepted until it is
        // mounted again, and acknowledged events must be there all the same.
        let before = recording.history.answers(200);
        let end = Instant::now() + RESUMES;
        while recording.history.answers(200) == before && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        println!("accepts again: {}", recording.history.answers(200) > before);
        std::thread::sleep(healed);
    });
    serve.kill();
    script("remount");
    let sent = recording.history.sent();
    let acknowledged = recording.history.acknowledged();
    println!("{} events acknowledged, {} requests refused", acknowledged.len(), recording.history.refusals());
    let truth = Truth { sent: &sent, acknowledged, delivered: HashSet::new(), pruned: false };
    let problems = judge_home(&recording.home, &truth, true);
    let texts: Vec<_> = problems.iter().take(6).map(|problem| format!("\n  {problem:.300}")).collect();
    assert!(problems.is_empty(), "mounted anew, {} problems:{}", problems.len(), texts.concat());
}
