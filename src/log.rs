//! The program's own log: lines on stderr, written by one thread. A log that cannot be written never stops or slows anything
//! else.
//!
//! At most `LINES_MAX` lines wait for that thread; further ones are dropped, as are lines whose write fails (a full
//! disk, a closed pipe). Each lost line is counted ([`lost_lines`], `tributary_log_lines_lost_total` in `/metrics`).
//! Before the next line that can be written, one line says how many are missing.
//!
//! Not `tracing-appender`: it does not count failed writes, and prints to stdout and stderr itself when its reader is stuck.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use tracing_subscriber::{
    EnvFilter, filter::filter_fn, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

pub use tracing_subscriber::filter::LevelFilter;

/// Lines that may wait to be written.
const LINES_MAX: usize = 1_024;

/// Lines of the SDK, its HTTP client and the keychain are never written, whatever `TRIBUTARY_LOG` says: when they cannot parse
/// an answer, they print all of it, even one with keys. This program logs what matters itself.
const SILENT: [&str; 6] = ["aws_", "hyper", "h2", "rustls", "zbus", "secret_service"];

/// How long the end of the program waits for lines that are not written yet.
const FLUSH_MAX: Duration = Duration::from_secs(1);

static LOST: AtomicU64 = AtomicU64::new(0);

/// Lines that could not be written since the program started.
pub fn lost_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}

enum Message {
    Line(Vec<u8>),
    /// Answered when everything before it is written or lost.
    Flush(SyncSender<()>),
}

/// Dropping it writes the lines that still wait, for at most a second.
#[derive(Debug)]
#[must_use]
pub struct Flush(Option<SyncSender<Message>>);

impl Drop for Flush {
    fn drop(&mut self) {
        let Some(lines) = &self.0 else { return };
        let (done, flushed) = sync_channel(1);
        // The program ends whether they were written in time or not.
        if lines.try_send(Message::Flush(done)).is_ok() && flushed.recv_timeout(FLUSH_MAX).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Starts the log. `level` counts unless `TRIBUTARY_LOG` sets another one. Panics become lines of it too: the standard hook would
/// wait for whoever reads stderr.
pub fn start(level: LevelFilter) -> Flush {
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .with_env_var("TRIBUTARY_LOG")
        .from_env_lossy()
        // It warns of properties of the display that nobody can change here.
        .add_directive("winit=error".parse().unwrap_or_default());
    let Some(lines) = start_writer(io::stderr()) else { return Flush(None) };
    let sender = lines.clone();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Line(sender.clone()))
        // It would report a failed write on stderr, and panic when that fails too.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .finish()
        .with(filter_fn(|line| !SILENT.iter().any(|silent| line.target().starts_with(silent))))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let trace = std::backtrace::Backtrace::capture();
        if trace.status() == std::backtrace::BacktraceStatus::Captured {
            tracing::error!("{panic}\n{trace}");
        } else {
            tracing::error!("{panic}");
        }
    }));
    Flush(Some(lines))
}

/// Writes the last line of a program that failed. Waits at most a second for whoever reads stderr.
pub fn write_last_line(text: &str) {
    let Some(lines) = start_writer(io::stderr()) else { return };
    let _flush = Flush(Some(lines.clone()));
    drop(Line(lines).write_all(format!("{text}\n").as_bytes()));
}

/// `None`: no thread could be started, so there is no log.
fn start_writer(out: impl Write + Send + 'static) -> Option<SyncSender<Message>> {
    let (lines, waiting) = sync_channel(LINES_MAX);
    let write = move || write_all(&waiting, out, &LOST);
    std::thread::Builder::new().name("log-write".to_owned()).spawn(write).ok()?;
    Some(lines)
}

/// Runs on the thread, until no sender is left.
fn write_all(waiting: &Receiver<Message>, mut out: impl Write, lost: &AtomicU64) {
    let mut reported = lost.load(Ordering::Relaxed);
    for message in waiting {
        match message {
            Message::Line(line) => {
                let missing = lost.load(Ordering::Relaxed) - reported;
                if missing > 0 {
                    // Part of the failed line may be written: begin a new one.
                    let notice = format!("\n{missing} lines of the log could not be written here\n");
                    if out.write_all(notice.as_bytes()).is_ok() {
                        reported += missing;
                    }
                }
                if out.write_all(&line).and_then(|()| out.flush()).is_err() {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            }
            Message::Flush(done) => drop(done.try_send(())),
        }
    }
}

/// Takes one line of the log, which the formatter writes in one piece. Never fails and never waits.
struct Line(SyncSender<Message>);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.0.try_send(Message::Line(line.to_vec())).is_err() {
            LOST.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Default)]
    struct Disk {
        is_full: bool,
        bytes: Vec<u8>,
    }

    #[derive(Clone, Default)]
    struct SharedDisk(Arc<Mutex<Disk>>);

    impl SharedDisk {
        fn lock(&self) -> std::sync::MutexGuard<'_, Disk> {
            self.0.lock().expect("no test panics with it")
        }
    }

    impl Write for SharedDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.lock();
            if disk.is_full {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.bytes.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted_and_the_log_goes_on_when_it_can() {
        let (disk, lost) = (SharedDisk::default(), Arc::new(AtomicU64::new(0)));
        let (lines, waiting) = sync_channel(LINES_MAX);
        let thread = std::thread::Builder::new().spawn({
            let (disk, lost) = (disk.clone(), Arc::clone(&lost));
            move || write_all(&waiting, disk, &lost)
        });
        let say = |text: &str| {
            let (done, flushed) = sync_channel(1);
            lines.send(Message::Line(format!("{text}\n").into_bytes())).expect("the thread runs");
            lines.send(Message::Flush(done)).expect("the thread runs");
            flushed.recv().expect("the thread runs");
        };
        say("one");
        disk.lock().is_full = true;
        say("two");
        say("three");
        assert_eq!(lost.load(Ordering::Relaxed), 2);
        disk.lock().is_full = false;
        say("four");
        say("five");
        let written = String::from_utf8(disk.lock().bytes.clone()).expect("text");
        assert_eq!(written, "one\n\n2 lines of the log could not be written here\nfour\nfive\n");
        drop(lines);
        thread.expect("a thread").join().expect("it ends with its senders");
    }

    /// Never returns from a write.
    struct Stuck(std::sync::mpsc::Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().map_or(Ok(bytes.len()), |()| Ok(bytes.len()))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_is_not_read_delays_nothing() {
        let (release, stuck) = sync_channel(1);
        let lines = start_writer(Stuck(stuck)).expect("a thread");
        let before = lost_lines();
        for _ in 0..2 * LINES_MAX {
            Line(lines.clone()).write_all(b"a line\n").expect("it never fails");
        }
        assert!(lost_lines() - before >= (LINES_MAX - 1) as u64, "what has no room is counted");
        drop(Flush(Some(lines)));
        drop(release);
    }
}
