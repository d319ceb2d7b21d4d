//! `tributary doctor` as its user sees it: a program that does not start, a line that says what to do, and a spool that
//! works again.

use std::io::{Seek, SeekFrom, Write};

use serde_json::json;

use crate::binary::Home;
use crate::scripted::{Answer, Scripted};

#[test]
fn a_spool_that_is_well_is_said_to_be_so_with_and_without_an_engine() {
    let home = Home::new("");
    let nothing = home.run(&["doctor"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(1), ""), "{nothing:?}");
    assert!(nothing.stderr.contains("tributary serve"), "{nothing:?}");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", r#"{"userId":"u","event":"e"}"#);
    serve.wait_drained();
    let ended = home.run(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended.stderr.contains("an engine runs on this folder") && ended.stdout.contains("all is well"),
        "{ended:?}"
    );
    serve.stop();
    let ended = home.run(&["doctor", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    let report = ended.line();
    assert_eq!(
        (&report["ok"], &report["lines"], &report["payloadsGood"]),
        (&json!(true), &json!(1), &json!(1))
    );
}

#[test]
fn a_damaged_spool_leads_to_the_doctor_who_brings_back_what_waited() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "enabled = false");
    let serve = home.serve(&[]);
    for n in 0..300 {
        let event = format!(r#"{{"userId":"u{}","event":"e","n":{n},"messageId":"m{n}"}}"#, n % 5);
        serve.accept("/v1/track", &event);
    }
    serve.stop();
    // Puts everything into the one file.
    assert_eq!(home.run(&["doctor"]).code, Some(0));
    let spool = home.data_dir().join("spool.sqlite3");
    // Overwrites the table of the totals, among others: an engine cannot start with it.
    let mut file = std::fs::OpenOptions::new().write(true).open(&spool).unwrap();
    file.seek(SeekFrom::Start(8192)).unwrap();
    file.write_all(&vec![0; 8192 * 8]).unwrap();
    drop(file);
    let refused = home.run(&["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let last = refused.stderr.lines().last().unwrap();
    assert!(last.starts_with("tributary: the spool ") && last.contains("run `tributary doctor`"), "{last}");
    let looked = home.run(&["doctor", "--check"]);
    assert_eq!(looked.code, Some(1), "{looked:?}");
    assert!(looked.stdout.contains("WRONG    file: The file is damaged"), "{looked:?}");

    let report = home.run(&["doctor", "--json"]).line();
    let aside = report["setAside"].as_str().unwrap();
    assert!(std::path::Path::new(aside).exists(), "{report}");
    let settings = std::fs::read_to_string(home.settings_file()).unwrap();
    std::fs::write(home.settings_file(), settings.replace("enabled = false", "enabled = true")).unwrap();
    let serve = home.serve(&[]);
    serve.accept("/v1/track", r#"{"userId":"new","event":"e","n":0}"#);
    serve.wait_drained();
    serve.stop();
    let sums = home.run(&["log", "--summary", "--json"]).line();
    assert_eq!(sums["addsUp"], true, "{sums}");
    let waiting = report["recovered"]["waiting"].as_u64().unwrap();
    assert_eq!(
        server.written_count() as u64,
        waiting + 1 - sums["failed"].as_u64().unwrap(),
        "{report} {sums}"
    );
    assert_eq!(home.run(&["doctor", "--check"]).code, Some(i32::from(sums["failed"] != 0)));
}
