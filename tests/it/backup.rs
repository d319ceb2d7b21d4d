//! `tributary backup` while senders send: the copy has every event that was acknowledged before, is whole, and is a data folder
//! that an engine goes on with.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::json;

use crate::binary::{Home, WRITE_KEY, key_header};
use crate::wire::Connection;

/// Large enough for segments.
const BATCH: usize = 200;

/// The ids in the log of a home.
fn ids(home: &Home) -> HashSet<String> {
    let lines = home.run(&["log", "--json"]).lines();
    lines.iter().map(|line| line["messageId"].as_str().expect("an id").to_owned()).collect()
}

/// Sends batches until `is_over`, and adds what was acknowledged.
fn send_all(address: std::net::SocketAddr, acknowledged: &Mutex<HashSet<String>>, is_over: &AtomicBool) {
    let mut connection = Connection::open(address).expect("it listens");
    for round in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let ids: Vec<_> = (0..BATCH).map(|n| format!("{round}-{n}")).collect();
        let event = |id: &String| json!({ "type": "track", "event": "Seen", "userId": id, "messageId": id, "text": "x".repeat(400) });
        let body = json!({ "batch": ids.iter().map(event).collect::<Vec<_>>() }).to_string();
        let request = crate::wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes());
        assert_eq!(connection.ask(&request).expect("an answer").status, 200);
        acknowledged.lock().expect("no test panics with it").extend(ids);
    }
}

#[test]
fn a_backup_under_load_has_every_event_that_was_acknowledged_before_and_an_engine_goes_on_with_it() {
    for settings in ["", "[destination]\nenabled = false\n"] {
        let home = Home::new(settings);
        let serve = home.serve(&[]);
        let (acknowledged, is_over) = (Mutex::new(HashSet::new()), AtomicBool::new(false));
        let copies = std::thread::scope(|scope| {
            scope.spawn(|| send_all(serve.address, &acknowledged, &is_over));
            let copies: Vec<_> = (0..3)
                .map(|number| {
                    crate::wire::wait_until("more is acknowledged", || {
                        acknowledged.lock().expect("no test panics with it").len() > (number + 1) * 10 * BATCH
                    });
                    let before = acknowledged.lock().expect("no test panics with it").clone();
                    let restored = Home::new("");
                    let to = restored.data_dir();
                    let ended = home.run(&["backup", "--json", to.to_str().expect("UTF-8")]);
                    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{settings}");
                    (restored, before, ended.line())
                })
                .collect();
            is_over.store(true, Ordering::Relaxed);
            copies
        });
        for (restored, before, said) in copies {
            let found = ids(&restored);
            assert_eq!(before.difference(&found).count(), 0, "{settings}: {said}");
            assert_eq!(said["lines"], found.len(), "{settings}");
            let checked = restored.run(&["doctor", "--check", "--json"]);
            assert_eq!(checked.code, Some(0), "{checked:?}");
            if !settings.is_empty() {
                assert_eq!(said["queued"], found.len(), "nothing was delivered: {said}");
            }
            let engine = restored.serve(&[]);
            engine.wait_drained();
            assert!(crate::wire::adds_up(&engine.metrics()), "{}", engine.metrics());
            engine.stop();
            let lines = restored.run(&["log", "--json"]).lines();
            assert!(lines.iter().all(|line| line["state"] == "delivered"), "{settings}");
            assert_eq!(lines.len(), found.len(), "{settings}");
        }
    }
}

#[test]
fn a_backup_that_cannot_be_made_says_why_and_leaves_nothing() {
    let home = Home::new("");
    let refused = |to: &Path, words: &str| {
        let ended = home.run(&["backup", to.to_str().expect("UTF-8")]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert_eq!(ended.stderr.lines().count(), 1, "{ended:?}");
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    };
    let to = home.folder().join("copy");
    refused(&to, "there is no spool");
    home.serve(&[]).stop();
    fs::create_dir(&to).expect("the folder is ours");
    refused(&to, "exists already; name a new folder");
    fs::write(home.folder().join("file"), "").expect("the folder is ours");
    refused(&home.folder().join("file/copy"), "cannot write");
    let other = home.folder().join("other");
    fs::create_dir(home.folder().join("other.partial")).expect("the folder is ours");
    refused(&other, "is left of a backup that did not end");
    fs::remove_dir(home.folder().join("other.partial")).expect("it is empty");
    let ended = home.run(&["backup", other.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.starts_with("copied and checked: 0 lines of the log, "), "{ended:?}");
    let names: Vec<_> =
        fs::read_dir(&other).expect("a folder").map(|one| one.expect("an entry").file_name()).collect();
    assert!(names.iter().any(|name| name == "spool.sqlite3"), "{names:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(&other), mode(&other.join("spool.sqlite3"))), (0o700, 0o600));
    }
}

#[test]
fn a_backup_is_restored_into_a_folder_without_a_spool_and_an_engine_goes_on_with_it() {
    let home = Home::new("[destination]\nenabled = false\n");
    let serve = home.serve(&[]);
    let mut connection = Connection::open(serve.address).expect("it listens");
    let event = |n: usize| json!({ "type": "track", "event": "Seen", "userId": "u", "messageId": format!("m{n}"), "n": n, "text": "x".repeat(400) });
    let body = json!({ "batch": (0..BATCH).map(event).collect::<Vec<_>>() }).to_string();
    let request = crate::wire::request("POST", "/v1/batch", &key_header(WRITE_KEY), body.as_bytes());
    assert_eq!(connection.ask(&request).expect("an answer").status, 200);
    let copy = home.folder().join("copy");
    assert_eq!(home.run(&["backup", copy.to_str().expect("UTF-8")]).code, Some(0));
    drop(connection);
    let refused = |ended: &crate::binary::Ended, words: &str| {
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains(words) && ended.stderr.lines().count() == 1, "{words}: {ended:?}");
    };
    let words = ["restore", copy.to_str().expect("UTF-8")];
    refused(&home.run(&words), "another Tributary is already running on the data folder");
    serve.stop();
    refused(&home.run(&words), "has a spool already, and nothing is written over it");

    let restored = Home::new("");
    refused(&restored.run(&["restore", "missing"]), "there is no backup in missing");
    // Other files of the folder stay, as the settings of the packages' service.
    fs::create_dir(restored.data_dir()).expect("the folder is ours");
    fs::write(restored.data_dir().join("config.toml"), "# kept").expect("the folder is ours");
    let ended = restored.run(&["restore", "--json", words[1]]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!((&ended.line()["lines"], &ended.line()["queued"]), (&json!(BATCH), &json!(BATCH)));
    let names: HashSet<_> = fs::read_dir(restored.data_dir())
        .expect("a folder")
        .map(|one| one.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    assert!(names.contains("config.toml") && !names.contains("restore.partial"), "{names:?}");
    assert_eq!(ids(&restored), ids(&home));
    let engine = restored.serve(&[]);
    engine.wait_drained();
    engine.stop();
    assert!(restored.run(&["log", "--json"]).lines().iter().all(|line| line["state"] == "delivered"));
    assert_eq!(restored.run(&["doctor", "--check"]).code, Some(0));

    // A byte of the copy changes: it is not restored, and nothing of it stays.
    let other = Home::new("");
    let segment =
        fs::read_dir(copy.join("segments")).expect("a folder").next().expect("one").expect("an entry").path();
    let mut bytes = fs::read(&segment).expect("readable");
    bytes[500] ^= 1;
    fs::write(&segment, bytes).expect("the file is ours");
    refused(&other.run(&words), "is damaged");
    assert!(
        !other.data_dir().join("spool.sqlite3").exists()
            && !other.data_dir().join("restore.partial").exists()
    );
}

#[test]
fn a_restore_that_did_not_end_keeps_the_engine_out_and_is_begun_again() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", r#"{"userId":"u","event":"e","messageId":"m"}"#);
    serve.wait_drained();
    serve.stop();
    let copy = home.folder().join("copy");
    assert_eq!(home.run(&["backup", copy.to_str().expect("UTF-8")]).code, Some(0));
    let restored = Home::new("");
    // As if it was killed after the segments had their names, or all files had.
    for with_database in [false, true] {
        let data = restored.data_dir();
        drop(fs::remove_dir_all(&data));
        for folder in ["segments", "restore.partial"] {
            fs::create_dir_all(data.join(folder)).expect("the folder is ours");
        }
        fs::write(data.join("segments/00000001.jsonl"), "half").expect("the folder is ours");
        if with_database {
            fs::write(data.join("spool.sqlite3"), "half").expect("the folder is ours");
        }
        let refused = restored.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(refused.stderr.contains("run `tributary restore` again"), "{refused:?}");
        let ended = restored.run(&["restore", copy.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.starts_with("restored and checked: 1 lines of the log"), "{ended:?}");
        assert_eq!(ids(&restored), HashSet::from(["m".to_owned()]));
        restored.serve(&[]).stop();
    }
}
