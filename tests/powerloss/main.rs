//! Power cuts and failing disks: every acknowledged event is there afterwards, complete and once.
//!
//! `shim.c` records every operation of the real program on its files, with its data, and the time of each 200. From
//! that log the tests build the states in which a power cut at any point could leave the disk, by three models
//! (`cut.rs`, `disk.rs`). The real program judges each state (`verdict.rs`). Syncs and writes also fail on request. Two
//! controls, in which syncs lie, must be detected.
//!
//! `cargo test --test powerloss` takes some minutes, and needs Linux and `cc`. `TRIBUTARY_POWERLOSS_STATES` is the
//! number of states of a scenario (16), `TRIBUTARY_POWERLOSS_SEED` chooses others (1), and
//! `TRIBUTARY_POWERLOSS_PROGRAM` is another build to test. docs/reliability.md has the long form.

#[cfg(target_os = "linux")]
mod adopt;
#[cfg(target_os = "linux")]
mod cut;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod explore;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(target_os = "linux")]
mod history;
#[cfg(target_os = "linux")]
mod log;
#[cfg(target_os = "linux")]
mod practice;
#[cfg(target_os = "linux")]
mod program;
#[cfg(target_os = "linux")]
#[path = "../it/reading.rs"]
mod reading;
#[cfg(target_os = "linux")]
mod recording;
#[cfg(target_os = "linux")]
mod repair;
#[cfg(target_os = "linux")]
mod scenarios;
#[cfg(target_os = "linux")]
#[expect(dead_code, reason = "what only the other tests need of it")]
#[path = "../it/scripted.rs"]
mod scripted;
#[cfg(target_os = "linux")]
mod shim;
#[cfg(target_os = "linux")]
mod thin;
#[cfg(target_os = "linux")]
mod verdict;

#[cfg(not(target_os = "linux"))]
#[test]
fn power_cuts_are_tested_on_linux() {
    println!("The shim needs Linux: nothing was tested.");
}
