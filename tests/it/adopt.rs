//! `tributary adopt`: the waiting and failed events of a dead host come into another data folder, each once and in order,
//! wherever the command is killed; and everything that must not be adopted is refused in one line.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};

use crate::binary::{Ended, Home, Serve, WRITE_KEY, key_header};
use crate::scripted::{Answer, Scripted, THROTTLED, TOO_LARGE};
use crate::wire::{self, Connection, wait_until};

/// Events of a batch: enough for a segment.
const BATCH: usize = 200;

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The event `n` of a user, with values that a JSON library would write in another way.
fn event(user: &str, n: usize, name: &str) -> String {
    format!(
        r#"{{"type":"track","userId":"{user}","event":"{name}","n":{n},"messageId":"{user}-{n}","odd":[1.50,1e2, "ü\u00fc"],"pad":"{}"}}"#,
        "x".repeat(300)
    )
}

fn send_batches(serve: &Serve, users: &[&str], batches: usize) {
    let mut connection = Connection::open(serve.address).expect("it listens");
    for batch in 0..batches {
        let numbers = batch * BATCH..(batch + 1) * BATCH;
        let events: Vec<_> =
            numbers.map(|n| event(users[n % users.len()], n / users.len(), "Waits")).collect();
        let body = format!(r#"{{"batch":[{}]}}"#, events.join(","));
        let request = wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes());
        assert_eq!(connection.ask(&request).expect("an answer").status, 200);
    }
}

/// A home whose engine accepted events, delivered none, and was killed.
fn dead(users: &[&str], batches: usize) -> Home {
    let home = Home::new("[destination]\nenabled = false\n");
    let serve = home.serve(&[]);
    send_batches(&serve, users, batches);
    serve.kill();
    home
}

/// The lines of a log, by `messageId`; each once.
fn by_id(home: &Home) -> HashMap<String, Value> {
    let lines = home.run(&["log", "--json", "--data"]).lines();
    let all: HashMap<_, _> = lines
        .iter()
        .map(|line| (line["messageId"].as_str().expect("an id").to_owned(), line.clone()))
        .collect();
    assert_eq!(all.len(), lines.len(), "an event has two lines");
    all
}

fn sums(home: &Home) -> Value {
    let sums = home.run(&["log", "--summary", "--json"]).line();
    assert_eq!(sums["addsUp"], true, "{sums}");
    sums
}

/// One line on stderr that has these words (on a slow machine, after the progress), nothing on stdout, exit code 1.
fn refused(ended: &Ended, words: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{words}: {ended:?}");
    let said: Vec<_> = ended.stderr.lines().filter(|line| !line.ends_with("events so far")).collect();
    assert!(said.len() == 1 && said[0].contains(words), "{words}: {ended:?}");
}

/// It ended well, and said nothing but its progress on stderr.
fn went_well(ended: &Ended) {
    let said = ended.stderr.lines().find(|line| !line.ends_with("events so far"));
    assert_eq!((ended.code, said), (Some(0), None), "{ended:?}");
}

fn adopt(home: &Home, from: &Home, more: &[&str]) -> Ended {
    home.run(&[&["adopt", text(&from.data_dir())], more].concat())
}

/// Every file of a data folder that outlives a process, with its bytes.
fn files(home: &Home) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![home.data_dir()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if !text(&path).ends_with("-shm") {
                found.insert(path.clone(), fs::read(path).expect("readable"));
            }
        }
    }
    found
}

/// The number of events that the spool has accepted, read beside a process that writes it.
fn accepted(home: &Home) -> Option<u64> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let path = home.data_dir().join("spool.sqlite3");
    let open = rusqlite::Connection::open_with_flags(path, flags).ok()?;
    open.query_row("SELECT accepted FROM ledger", [], |row| row.get(0)).ok().map(i64::unsigned_abs)
}

/// Those of `users` in the order of their events, as they first came to the stream.
fn must_be_in_order(server: &Scripted, users: &[&str], each: usize) {
    let arrived = server.first_arrivals("n");
    for user in users {
        let wanted: Vec<_> = (0..each).map(Value::from).collect();
        assert_eq!(arrived.get(*user), Some(&wanted), "{user}");
    }
}

/// A home whose engine was killed: it had delivered two events, two had failed, and 600 were being tried.
fn old_host() -> Home {
    let theirs = Scripted::start(|call| match () {
        () if call.holds("\"Bad\"") => TOO_LARGE,
        () if call.holds("\"Waits\"") => THROTTLED,
        () => Answer::Success,
    });
    let old = Home::with_kinesis(&theirs.url, "");
    let serve = old.serve(&[]);
    for (n, name) in ["Good", "Bad", "Good", "Bad"].into_iter().enumerate() {
        serve.accept("/v1/track", &event(&format!("early{n}"), n, name));
    }
    serve.wait_drained();
    send_batches(&serve, &["ada", "bob", "cid"], 3);
    wait_until("they were tried", || serve.metrics().contains("outcome=\"throttled\"} 3"));
    serve.kill();
    old
}

/// `accepted`, `delivered`, `queued` and `failed`.
fn counts(sums: &Value) -> [u64; 4] {
    ["accepted", "delivered", "queued", "failed"].map(|name| sums[name].as_u64().expect("a number"))
}

/// What had to be taken is here as it was there, and both folders say how many that were.
fn must_have_come(home: &Home, old: &Home, before: &HashMap<String, Value>) {
    let after = by_id(home);
    assert_eq!(after.len(), 603, "what was delivered there is not taken");
    for (id, line) in before.iter().filter(|(_, line)| line["state"] != "delivered") {
        let here = &after[id];
        for field in ["state", "receivedAt", "type", "source", "partitionKey", "attempts", "error", "data"] {
            assert_eq!(here[field], line[field], "{field} of {id}");
        }
    }
    assert!(after.values().any(|line| line["state"] == "retrying"), "attempts come too");
    let ours = sums(home);
    assert_eq!(counts(&ours), [603, 1, 600, 2], "{ours}");
    assert_eq!((&ours["adopted"][0]["queued"], &ours["adopted"][0]["failed"]), (&json!(600), &json!(2)));
    // The old folder is the record of what it had: its sums are as before, and it says where the events are.
    let left = sums(old);
    assert_eq!(counts(&left), [604, 2, 600, 2], "{left}");
    assert!(left["adoptedBy"]["ended"].is_string(), "{left}");
    assert_eq!(home.run(&["doctor", "--check"]).code, Some(0));
    let checked = old.run(&["doctor", "--check"]);
    let note = "note     the events that are queued or failed here were adopted";
    assert!(checked.code == Some(0) && checked.stdout.contains(note), "{checked:?}");
}

#[test]
fn what_waits_is_delivered_once_in_order_and_what_failed_stays_failed() {
    let old = old_host();
    let before = by_id(&old);
    assert_eq!(counts(&sums(&old)), [604, 2, 600, 2]);

    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", &event("here", 0, "Good"));
    serve.wait_drained();
    serve.stop();
    let ended = adopt(&home, &old, &["--json"]);
    went_well(&ended);
    let said = ended.line();
    assert_eq!((&said["queued"], &said["failed"], &said["before"]), (&json!(600), &json!(2), &json!(0)));
    assert!(said["bytes"].as_u64().is_some_and(|bytes| bytes > 602 * 400), "{said}");
    must_have_come(&home, &old, &before);
    let again = adopt(&home, &old, &[]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stdout.starts_with("nothing is left to adopt: 602 events"), "{again:?}");

    let serve = home.serve(&[]);
    serve.wait_drained();
    must_be_in_order(&server, &["ada", "bob", "cid"], 200);
    assert_eq!(server.written_count(), 601, "each once, and none that had failed");
    let data: HashMap<_, _> = server
        .written()
        .iter()
        .map(|sent| (sent.json()["messageId"].as_str().expect("an id").to_owned(), sent.text()))
        .collect();
    assert!(data["ada-0"].contains(r#"[1.50,1e2, "ü\u00fc"]"#), "{}", data["ada-0"]);
    let resent = home.run(&["resend", "--all"]);
    assert!(resent.stdout.starts_with("2 failed events queued again"), "{resent:?}");
    serve.wait_drained();
    assert_eq!(server.written_count(), 603);
    assert_eq!(sums(&home)["failed"], 0);
    serve.stop();
}

#[test]
fn a_running_engine_takes_them_while_its_own_senders_go_on() {
    let old = dead(&["ada", "bob"], 5);
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    let ended = std::thread::scope(|scope| {
        let sender = scope.spawn(|| send_batches(&serve, &["here", "too"], 5));
        let ended = adopt(&home, &old, &[]);
        sender.join().expect("it sends");
        ended
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("adopted 1000 events of "), "{ended:?}");
    serve.wait_drained();
    must_be_in_order(&server, &["ada", "bob"], 500);
    must_be_in_order(&server, &["here", "too"], 500);
    assert_eq!(server.written_count(), 2000, "each once");
    assert!(wire::adds_up(&serve.metrics()), "{}", serve.metrics());
    let again = adopt(&home, &old, &[]);
    assert!(again.stdout.starts_with("nothing is left to adopt: 1000 events"), "{again:?}");
    refused(&adopt(&home, &Home::new(""), &[]), "there is no spool in");
    let log = serve.stop();
    assert!(log.contains("adopted the events of ") && log.contains(": 1000 waiting, 0 failed"), "{log}");
    assert!(log.contains("there was nothing to adopt in "), "{log}");
    assert_eq!(sums(&home)["accepted"], 2000);
}

#[test]
fn killed_at_any_moment_it_goes_on_and_takes_each_event_once() {
    let seed = 24;
    let mut random = fastrand::Rng::with_seed(seed);
    for with_engine in [false, true] {
        let old = dead(&["ada", "bob", "cid"], 45);
        let home = Home::new("[destination]\nenabled = false\n");
        home.serve(&[]).stop();
        let (mut part, mut whole, mut taken_each) = (0, 0, Vec::new());
        for round in 0..8 {
            let serve = with_engine.then(|| home.serve(&[]));
            let before = accepted(&home).expect("readable");
            let mut command = home.command(&["adopt", text(&old.data_dir())]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command.spawn().expect("the program starts");
            // Some before anything is marked, most while events are taken.
            if round % 4 > 0 {
                wait_until("more is taken, or it is over", || {
                    let more = accepted(&home).is_some_and(|accepted| accepted > before);
                    more || child.try_wait().expect("the child is ours").is_some()
                });
            }
            std::thread::sleep(Duration::from_millis(random.u64(..120)));
            match serve {
                Some(serve) => serve.kill(),
                None => drop(child.kill()),
            }
            child.wait().expect("the child is ours");
            // Whatever was done, the record of what was accepted there is whole.
            let left = sums(&old);
            assert_eq!(left["queued"], 9000, "{left}");
            if left["adoptedBy"].is_null() {
                assert_eq!(sums(&home)["accepted"], 0, "it is marked before anything is taken");
                continue;
            }
            let taken = sums(&home)["accepted"].as_u64().unwrap_or_default();
            taken_each.push(taken);
            part += u32::from((1..9000).contains(&taken));
            whole += u32::from(left["adoptedBy"]["ended"].is_string());
            let serve = old.run(&["serve", "--listen", "127.0.0.1:0"]);
            assert_eq!(serve.code, Some(1), "{serve:?}");
            assert!(serve.stderr.contains("adopted into"), "{serve:?}");
        }
        let ended = adopt(&home, &old, &[]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert_eq!(by_id(&home).len(), 9000, "{part} times a part, {whole} times ended");
        let (theirs, ours) = (by_id(&old), by_id(&home));
        assert!(theirs.iter().all(|(id, line)| ours[id]["data"] == line["data"]));
        assert_eq!(
            (&sums(&home)["queued"], &sums(&home)["adopted"][0]["queued"]),
            (&json!(9000), &json!(9000))
        );
        assert_eq!(home.run(&["doctor", "--check"]).code, Some(0));
        assert!(part > 0, "no kill came while events were taken: seed {seed}: {taken_each:?}");
    }
}

#[test]
fn a_folder_that_is_adopted_is_nobody_elses() {
    let old = dead(&["ada"], 1);
    let copy = Home::new("");
    assert_eq!(old.run(&["backup", text(&copy.data_dir())]).code, Some(0));
    let home = Home::new("[destination]\nenabled = false\n");
    assert_eq!(adopt(&home, &old, &[]).code, Some(0));
    let third = Home::new("");
    let words = format!("were adopted into {}", text(&home.data_dir()));
    refused(&adopt(&third, &old, &[]), &words);
    assert_eq!(sums(&third)["accepted"], 0);
    refused(&adopt(&home, &copy, &[]), "is a copy of");
    refused(&adopt(&copy, &old, &[]), "are copies of one spool");
    for words in [&["serve", "--listen", "127.0.0.1:0"][..], &["resend", "--all"]] {
        let ended = old.run(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        let last = ended.stderr.lines().last().expect("a line");
        assert!(last.contains("were adopted into") && last.contains("--data-dir"), "{last}");
    }
    assert_eq!(old.run(&["log", "--json"]).lines().len(), BATCH, "its log can be read");
    // What was adopted can be adopted once more, from there.
    let ended = adopt(&third, &home, &[]);
    assert!(ended.stdout.starts_with("adopted 200 events of "), "{ended:?}");
}

#[test]
fn a_dry_run_counts_and_changes_nothing() {
    let old = dead(&["ada"], 2);
    let home = dead(&["here"], 1);
    let before = [files(&old), files(&home)];
    let ended = adopt(&home, &old, &["--dry-run"]);
    went_well(&ended);
    assert!(
        ended.stdout.contains("400 events of")
            && ended.stdout.contains("would be adopted: 400 queued and 0 failed"),
        "{ended:?}"
    );
    assert!(ended.stdout.contains("the oldest was received at 20"), "{ended:?}");
    let said = adopt(&home, &old, &["--dry-run", "--json"]).line();
    assert_eq!((&said["dryRun"], &said["queued"], &said["stop"]), (&json!(true), &json!(400), &json!(null)));
    assert!([files(&old), files(&home)] == before, "a file changed");

    let serve = old.serve(&[]);
    let ended = adopt(&home, &old, &["--dry-run"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.contains("would be adopted") && ended.stderr.contains("an engine runs on"),
        "{ended:?}"
    );
    let ended = adopt(&home, &old, &["--dry-run", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.line()["stop"].as_str().is_some_and(|stop| stop.contains("an engine runs on")),
        "{ended:?}"
    );
    serve.stop();
    assert_eq!(adopt(&home, &old, &[]).code, Some(0));
    let ended = adopt(&home, &old, &["--dry-run"]);
    assert!(
        ended.stdout.contains("0 events of") && ended.stdout.contains("400 were adopted before"),
        "{ended:?}"
    );
}

#[test]
fn what_cannot_be_adopted_is_said_in_one_line_and_changes_nothing() {
    let old = dead(&["ada"], 2);
    let home = Home::new("[destination]\nenabled = false\n[spool]\nmax_bytes = 1048576\n");
    let place = home.folder().to_owned();
    let named = |dir: &Path, words: &str| refused(&home.run(&["adopt", text(dir)]), words);
    named(&place.join("missing"), "there is no spool in");
    fs::create_dir(place.join("empty")).expect("the folder is ours");
    named(&place.join("empty"), "there is no spool in");
    fs::write(place.join("file"), "x").expect("the folder is ours");
    named(&place.join("file"), "there is no spool in");
    assert!(!home.data_dir().exists(), "nothing was begun");
    fs::create_dir(place.join("other")).expect("the folder is ours");
    fs::write(place.join("other/spool.sqlite3"), "this is no database at all".repeat(99))
        .expect("the folder is ours");
    named(&place.join("other"), "is damaged; run `tributary doctor --data-dir ");
    home.serve(&[]).stop();
    named(&home.data_dir(), "is the data folder that adopts");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(home.data_dir(), place.join("link")).expect("the folder is ours");
        named(&place.join("link"), "is the data folder that adopts");
    }
    assert_eq!(home.run(&["adopt"]).code, Some(2));

    let serve = old.serve(&[]);
    refused(&adopt(&home, &old, &[]), "an engine runs on");
    serve.stop();
    // Nothing waits there.
    let quiet = Home::new("");
    quiet.serve(&[]).stop();
    let ended = adopt(&home, &quiet, &[]);
    went_well(&ended);
    assert!(ended.stdout.starts_with("nothing to adopt"), "{ended:?}");
    quiet.serve(&[]).stop();

    let before = files(&old);
    let small = dead(&["ada"], 12);
    refused(&adopt(&home, &small, &[]), "are left: spool.max_bytes is 1048576, and 0 bytes wait");
    assert_eq!(sums(&small)["adoptedBy"], Value::Null);
    small.serve(&[]).stop();

    let newer = Home::new("");
    assert_eq!(old.run(&["backup", text(&newer.data_dir())]).code, Some(0));
    let database = newer.data_dir().join("spool.sqlite3");
    rusqlite::Connection::open(&database)
        .expect("opens")
        .execute_batch("PRAGMA user_version = 99")
        .expect("writes");
    let bytes = fs::read(&database).expect("readable");
    refused(&adopt(&home, &newer, &[]), "was written by a newer Tributary (its version is 99");
    for words in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["log"],
        &["doctor"],
        &["backup", "x"],
        &["resend", "--all"],
    ] {
        let ended = newer.run(words);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        let last = ended.stderr.lines().last().expect("a line");
        assert!(
            last.contains("was written by a newer Tributary") && last.contains("update this one"),
            "{last}"
        );
    }
    assert!(fs::read(&database).expect("readable") == bytes, "a newer spool stays as it is");
    assert!(files(&old) == before);
}

#[test]
fn damaged_events_stop_it_before_it_begins_or_are_left_behind_on_demand() {
    let old = dead(&["ada"], 2);
    let segment =
        fs::read_dir(old.data_dir().join("segments")).expect("a folder").next().expect("a batch makes one");
    let segment = segment.expect("an entry").path();
    let mut bytes = fs::read(&segment).expect("readable");
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(&segment, &bytes).expect("the file is ours");
    let home = Home::new("[destination]\nenabled = false\n");
    refused(
        &adopt(&home, &old, &[]),
        "1 of the events are damaged on disk; `tributary doctor --check --data-dir ",
    );
    assert_eq!(sums(&old)["adoptedBy"], Value::Null, "nothing was begun");
    let ended = adopt(&home, &old, &["--leave-damaged"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stdout.contains("adopted 399 events") && ended.stdout.contains("1 damaged ones stay there"),
        "{ended:?}"
    );
    assert_eq!(by_id(&home).len(), 399);
    assert!(
        old.run(&["doctor", "--check"]).stdout.contains("The bytes of 1 events are not what was accepted")
    );
}
