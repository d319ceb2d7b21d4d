//! Other users of the same machine: what they can read and write of the program's files, and the files that they left
//! for it.
#![cfg(unix)]

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use crate::binary::{Home, WRITE_KEY};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).expect("it is there").mode() & 0o7777
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

fn all_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry")) {
        if entry.file_type().expect("a type").is_dir() {
            found.extend(all_in(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn nobody_else_reads_or_writes_what_is_made_whatever_the_umask_says() {
    let home = Home::new("");
    fs::remove_file(home.settings_file()).expect("it is there");
    let serve = home.serve_after("umask 0000", &["--write-key", WRITE_KEY]);
    serve.accept("/v1/track", r#"{"userId":"u","event":"E"}"#);
    serve.wait_drained();
    let made = all_in(&home.data_dir());
    let name_is = |name: &str| made.iter().any(|path| path.file_name().is_some_and(|there| *there == *name));
    assert!(name_is("engine.json") && name_is("tributary.lock") && name_is("spool.sqlite3-wal"), "{made:?}");
    for path in made.iter().chain([&home.settings_file()]) {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(path), wanted, "{}", path.display());
    }
    serve.stop();
}

#[test]
fn a_data_folder_that_others_could_write_into_is_closed_to_them_and_so_is_its_lock() {
    let home = Home::new("");
    fs::create_dir(home.data_dir()).expect("made");
    set(&home.data_dir(), 0o777);
    let lock = home.data_dir().join("tributary.lock");
    fs::write(&lock, "").expect("made");
    set(&lock, 0o666);
    let log = home.serve(&[]).stop();
    assert_eq!((mode(&home.data_dir()), mode(&lock)), (0o755, 0o600));
    assert!(log.contains("Other users could write into the data folder"), "{log}");
    let log = home.serve(&[]).stop();
    assert!(!log.contains("Other users"), "{log}");
}

#[test]
fn what_another_user_left_in_the_data_folder_is_not_used() {
    const SOMEBODY: u32 = 12_345;
    let home = Home::new("");
    home.serve(&[]).stop();
    for name in ["tributary.lock", "spool.sqlite3", "spool.sqlite3-wal"] {
        let path = home.data_dir().join(name);
        let ours = fs::read(&path).unwrap_or_default();
        fs::write(&path, &ours).expect("it is ours");
        if chown(&path, Some(SOMEBODY), None).is_err() {
            // Only the administrator can give a file to another user.
            assert_ne!(fs::metadata(&path).expect("it is there").uid(), SOMEBODY);
            return;
        }
        let ended = home.run(&["serve", "--listen", "127.0.0.1:0"]);
        assert_eq!(ended.code, Some(1), "{name}: {ended:?}");
        let said = ended.stderr;
        assert!(said.contains(name) && said.contains("made by another user (uid 12345)"), "{name}: {said}");
        assert_eq!(fs::read(&path).expect("it is there"), ours, "{name} was written to");
        for words in [&["doctor", "--check"][..], &["resend", "--all"], &["log"]] {
            let ended = home.run(words);
            assert!(ended.stderr.contains("made by another user"), "{name}, {words:?}: {ended:?}");
        }
        chown(&path, Some(0), None).expect("taken back");
    }
    home.serve(&[]).stop();
}

#[test]
fn a_folder_of_somebody_else_is_used_and_spoken_of() {
    const SOMEBODY: u32 = 12_345;
    let home = Home::new("");
    home.serve(&[]).stop();
    let doctor = || home.run(&["doctor", "--json"]).line()["notes"].clone();
    assert_eq!(doctor(), serde_json::json!([]));
    if chown(home.data_dir(), Some(SOMEBODY), None).is_err() {
        return;
    }
    let log = home.serve(&[]).stop();
    assert!(log.contains("Other users can write into the data folder"), "{log}");
    assert!(doctor()[0].as_str().is_some_and(|note| note.contains("uid 12345")), "{}", doctor());
}

#[test]
fn write_keys_that_every_user_can_read_draw_a_warning() {
    let home = Home::new("");
    // The system's folder for temporary files is open to everybody.
    set(home.folder(), 0o755);
    let is_open = |folder: &Path| mode(folder) & 0o001 != 0;
    let lets_in = home.folder().ancestors().all(is_open);
    for (mode, is_warned) in [(0o600, false), (0o640, false), (0o644, lets_in)] {
        set(&home.settings_file(), mode);
        let log = home.serve(&[]).stop();
        assert_eq!(log.contains("can read the settings file"), is_warned, "{mode:o}: {log}");
    }
}

#[test]
fn the_help_of_a_write_key_says_who_can_see_it() {
    let help = Home::new("").run(&["serve", "--help"]).stdout;
    assert!(help.contains("TRIBUTARY_CAPTURE_WRITE_KEY") && help.contains("list of processes"), "{help}");
}
