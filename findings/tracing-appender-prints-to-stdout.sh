#!/usr/bin/env bash
# tracing-appender 0.2.5: a non-blocking writer whose reader is slow prints to the program's stdout at the end.
#
# `tracing_appender::non_blocking` moves the writing of a log to a thread, and its guard writes what is left when it is
# dropped. One would expect a library for logs to leave stdout alone, whatever its writer is (here: a slow one, with
# lines that still wait). But the guard that finds the queue full for 100 ms does `println!`: a line of its own stands in
# the program's answer, which a script may be reading. Failed writes, on the other hand, are neither counted nor told
# (`ErrorCounter` counts only what had no room).
#
# Seen on stdout, after the program's own answer:
#   Failed to send shutdown signal to logging worker. Error: Shutdown
set -euo pipefail
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "shown"
version = "0.0.0"
edition = "2021"
[dependencies]
tracing-appender = "=0.2.5"
TOML
cat >src/main.rs <<'RUST'
use std::io::Write;

/// Takes a second a line.
struct Slow;

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        std::thread::sleep(std::time::Duration::from_millis(1000));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {
    let builder = tracing_appender::non_blocking::NonBlockingBuilder::default().buffered_lines_limit(4);
    let (mut log, guard) = builder.finish(Slow);
    log.write_all(b"the first line of the log\n").unwrap();
    // The thread is busy with it now.
    std::thread::sleep(std::time::Duration::from_millis(200));
    for _ in 0..20 {
        log.write_all(b"another line\n").unwrap();
    }
    println!("{{\"answer\":42}}");
    drop(guard);
}
RUST
export CARGO_TARGET_DIR="$work/target"
cargo build --quiet
./target/debug/shown >stdout.txt 2>stderr.txt
echo "stdout:"; cat stdout.txt
grep -q '^{"answer":42}$' stdout.txt
grep -q 'Failed to send shutdown signal to logging worker' stdout.txt
