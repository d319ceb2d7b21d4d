//! The log written to a file, for other programs: one at a time, on a thread of its own, until it is done, told to stop,
//! or the engine stops. The lines are those of `tributary log`, oldest first.
//!
//! Memory does not grow with the log. The file has its name once it is whole; until then it is called `….part`, and one
//! that was not finished is removed. A file that is there already is never written over, and the disk is left as much
//! room as the spool needs to go on accepting.

use std::{
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use super::{Shared, chain, lines::Format};
use crate::{
    config::Config,
    delivery::{EventId, Exported, Query},
    files::NewFile,
    spool::LogReader,
};

/// Lines that are read and written together.
const PAGE: usize = 1000;

/// What a second one hears.
const BUSY: &str = "the log is being exported already; wait for that to end, or stop it";

/// What is to be written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// A file that is not there yet, in a folder that is; its whole path.
    pub path: PathBuf,
    /// How lines are written.
    pub format: Format,
    /// With each event's JSON.
    pub with_data: bool,
    /// Which lines; its order and limit do not count.
    pub query: Query,
}

/// Exports. Progress is in [`crate::delivery::Status::exporting`].
pub(super) async fn run(shared: Arc<Shared>, export: Export) -> Result<Exported, String> {
    let is_free = |now: &mut Option<Exported>| {
        let is_free = now.is_none();
        if is_free {
            *now = Some(Exported::default());
        }
        is_free
    };
    if !shared.exporting.send_if_modified(is_free) {
        return Err(BUSY.to_owned());
    }
    shared.stop_exporting.store(false, Ordering::Release);
    let working = Arc::clone(&shared);
    let write = move || {
        let config = Arc::clone(&working.config.borrow());
        let log = working.spool.log().map_err(|error| chain(&error))?;
        write(&log, &export, &config, |done| {
            working.exporting.send_replace(Some(done));
            !(working.stop_exporting.load(Ordering::Acquire) || *working.stopping.borrow())
        })
    };
    #[expect(clippy::disallowed_methods, reason = "the engine spawns; the disk blocks")]
    let ended = tokio::task::spawn_blocking(write).await;
    shared.exporting.send_replace(None);
    ended.map_err(|error| format!("exporting failed: {error}"))?
}

/// Writes the file; `go_on` hears after each page how far it is, and `false` ends it.
fn write(
    log: &LogReader,
    export: &Export,
    config: &Config,
    mut go_on: impl FnMut(Exported) -> bool,
) -> Result<Exported, String> {
    let path = &export.path;
    let folder = path.parent().filter(|_| path.is_absolute() && path.file_name().is_some());
    let Some(folder) = folder else {
        return Err(format!("{} is no whole path of a file, such as /home/ada/events.csv", path.display()));
    };
    if !folder.is_dir() {
        return Err(format!("there is no folder {}; make it, or choose another", folder.display()));
    }
    if path.exists() {
        return Err(format!("there is a file {} already; choose another name", path.display()));
    }
    let mut partial = Partial::create(path).map_err(|error| cannot_write(path, &error))?;
    let newest = log.newest().map_err(|error| chain(&error))?;
    let mut done = Exported::default();
    let mut after = 0;
    partial.write(&export.format.head(export.with_data)).map_err(|error| cannot_write(path, &error))?;
    loop {
        let free = fs4::available_space(folder).unwrap_or(u64::MAX);
        if free < config.spool.min_free_bytes {
            return Err(format!(
                "the disk of {} has no more than spool.min_free_bytes ({} bytes) left, which accepting events needs; \
                 choose another disk, or fewer events",
                folder.display(),
                config.spool.min_free_bytes
            ));
        }
        let query = Query {
            after: Some(after),
            before: Some(newest + 1),
            oldest_first: true,
            by: None,
            limit: PAGE,
            ..export.query.clone()
        };
        let page = log.page(&query).map_err(|error| chain(&error))?;
        let payloads = if export.with_data {
            log.payloads(&page.rows).map_err(|error| chain(&error))?
        } else {
            vec![None; page.rows.len()]
        };
        for (line, data) in page.rows.iter().zip(payloads) {
            let text = export.format.line(line, data.as_deref(), config);
            partial.write(&text).map_err(|error| cannot_write(path, &error))?;
        }
        done.lines += page.rows.len() as u64;
        done.bytes = partial.bytes;
        let last: Option<EventId> = page.rows.last().map(|line| line.id).max(page.stopped_at);
        let Some(last) = last else { break };
        after = last;
        // Never whole before it is.
        done.done = (last as f32 / newest.max(1) as f32).min(0.999);
        if !go_on(done) {
            return Ok(done);
        }
    }
    partial.finish(path).map_err(|error| cannot_write(path, &error))?;
    done.done = 1.0;
    Ok(done)
}

fn cannot_write(path: &Path, error: &io::Error) -> String {
    format!("{} cannot be written: {error}; choose another folder or name", path.display())
}

/// The file under its temporary name.
struct Partial {
    file: BufWriter<NewFile>,
    bytes: u64,
}

impl Partial {
    fn create(whole: &Path) -> io::Result<Self> {
        let mut name = whole.file_name().unwrap_or_default().to_owned();
        name.push(".part");
        let file = NewFile::named(whole.with_file_name(name))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 20, file), bytes: 0 })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.bytes += text.len() as u64;
        self.file.write_all(text.as_bytes())
    }

    fn finish(self, whole: &Path) -> io::Result<()> {
        // The name may have been taken meanwhile.
        let is_created = self.file.into_inner()?.create(whole)?;
        if is_created { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        event::{Arrival, Body, Encoding, Event, Kind, PathClass},
        spool::{Arrivals, Spool},
    };

    fn event(number: usize) -> Event {
        let json = format!(r#"{{"type":"track","event":"E","userId":"u","messageId":"m{number}"}}"#);
        let arrival = Arrival {
            received_at_ms: 1_772_445_605_250,
            class: PathClass::Server,
            peer: None,
            encoding: Encoding::Json,
            record_bytes_max: 1 << 20,
        };
        Body::parse(json.as_bytes()).expect("JSON").single(Kind::Track, &arrival).expect("an event")
    }

    /// A log of a few pages, in a folder of its own.
    fn log(events: usize) -> (tempfile::TempDir, LogReader) {
        let folder = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let log = runtime.block_on(async {
            let (spool, threads) = Spool::open(folder.path(), (&Config::default()).into()).expect("opens");
            let events = (0..events).map(event).collect();
            let arrivals =
                Arrivals { source: "Website".into(), received_at: 1, events, ..Arrivals::default() };
            spool.append(arrivals).await.expect("taken");
            let log = LogReader::open(spool.path()).expect("readable");
            spool.close().await;
            drop(spool);
            threads.join();
            log
        });
        (folder, log)
    }

    fn export(folder: &Path) -> Export {
        let path = folder.join("events.jsonl");
        Export { path, format: Format::JsonLines, with_data: true, query: Query::default() }
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path()).collect()
    }

    #[test]
    fn every_line_is_written_and_the_last_word_is_that_all_of_it_is() {
        let (_files, log) = log(2_500);
        let folder = tempfile::tempdir().expect("a folder");
        let mut told = Vec::new();
        let done = write(&log, &export(folder.path()), &Config::default(), |done| {
            told.push(done.done);
            true
        });
        let done = done.expect("written");
        let text = fs::read_to_string(folder.path().join("events.jsonl")).expect("there");
        assert_eq!((done.lines, done.bytes, done.done), (2_500, text.len() as u64, 1.0));
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!((lines.len(), &lines[2_499]["data"]["messageId"]), (2_500, &"m2499".into()));
        assert!(told.len() > 2 && told.is_sorted() && told.iter().all(|done| *done < 1.0), "{told:?}");
        assert_eq!(files(folder.path()).len(), 1, "nothing else is left");
    }

    #[test]
    fn an_export_that_is_stopped_leaves_nothing_and_what_is_there_is_not_written_over() {
        let (_files, log) = log(2_500);
        let folder = tempfile::tempdir().expect("a folder");
        let export = export(folder.path());
        let stopped = write(&log, &export, &Config::default(), |_| false).expect("stopped");
        assert!(stopped.lines > 0 && stopped.done < 1.0);
        assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
        fs::write(&export.path, "mine").expect("written");
        let refused = write(&log, &export, &Config::default(), |_| true).expect_err("refused");
        assert!(refused.contains("already; choose another name"), "{refused}");
        assert_eq!(fs::read_to_string(&export.path).expect("there"), "mine");
    }

    #[test]
    fn the_room_that_accepting_needs_is_left() {
        let (_files, log) = log(1);
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.spool.min_free_bytes = u64::MAX;
        let refused = write(&log, &export(folder.path()), &config, |_| true).expect_err("refused");
        assert!(refused.contains("spool.min_free_bytes"), "{refused}");
        assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
    }
}
