//! Power cuts and failing disks: whatever was acknowledged is there afterwards, whole and once.
//!
//! `shim.c` records every operation of the real program on its files, with its data, and when each 200 was sent. From
//! that log the states are made in which a power cut at any place could leave the disk, by three models (`cut.rs`,
//! `disk.rs`); each is judged by the real program (`verdict.rs`). Syncs and writes also fail on request. Two controls, in
//! which syncs lie, have to be caught.
//!
//! `cargo test --test powerloss`: some minutes; needs Linux and `cc`. `TRIBUTARY_POWERLOSS_STATES` is how many states a
//! scenario gets (16), `TRIBUTARY_POWERLOSS_SEED` draws others (1), `TRIBUTARY_POWERLOSS_PROGRAM` is another
//! build to try. docs/reliability.md has the long form.

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
