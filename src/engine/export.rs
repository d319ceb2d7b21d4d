//! Exports the log to a file for other programs: one export at a time, on a thread of its own, until it is done or stopped.
//! The lines are those of `tributary log`, oldest first.
//!
//! Memory does not grow with the log. The file gets its name when it is complete; until then it is called `….part`, and an
//! unfinished one is removed. An existing file is never overwritten, and the disk keeps as much free space as the spool
//! needs to go on accepting.

use std::{
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{command::Export, message::Failure, shared::Shared};
use crate::{
    config::Config,
    delivery::{EventId, Exported, Query},
    files::NewFile,
    spool::{LogReader, OpenError, ReadError},
};

/// Lines per page that is read and written.
const PAGE: usize = 1000;

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error("the log is being exported already; wait for that to end, or stop it")]
    Busy,
    #[error("{} is not the absolute path of a file, such as /home/ada/events.csv", .0.display())]
    NoPath(PathBuf),
    #[error("there is no folder {}; create it, or choose another", .0.display())]
    NoFolder(PathBuf),
    #[error("there is a file {} already; choose another name", .0.display())]
    Exists(PathBuf),
    #[error(
        "the disk of {} has no more than spool.min_free_bytes ({min_free} bytes) left, which accepting events needs; choose \
         another disk, or fewer events",
        folder.display()
    )]
    DiskFull { folder: PathBuf, min_free: u64 },
    #[error("{} cannot be written: {cause}; choose another folder or name", path.display())]
    Write { path: PathBuf, cause: io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Runs an export and waits for its end.
pub(super) async fn run(shared: &Arc<Shared>, export: Export) -> Result<Exported, Failure> {
    let run = shared.export.try_start().ok_or(ExportError::Busy)?;
    run.report(Some(Exported::default()));
    let (spool, config) = (shared.spool.clone(), Arc::clone(&shared.config.borrow()));
    let work = move || {
        write(&spool.log()?, &export, &config, |done| {
            run.report(Some(done));
            !run.is_stopped()
        })
    };
    Ok(shared.tasks.blocking(work).await??)
}

/// Writes the file. `go_on` is called with the progress after each page; if it returns `false`, the export ends.
fn write(
    log: &LogReader,
    export: &Export,
    config: &Config,
    mut go_on: impl FnMut(Exported) -> bool,
) -> Result<Exported, ExportError> {
    let path = &export.path;
    let folder = folder_of(path)?;
    let cannot_write = |cause| ExportError::Write { path: path.clone(), cause };
    let mut partial = Partial::create(path).map_err(cannot_write)?;
    let newest = log.newest()?;
    let mut done = Exported::default();
    let mut after = 0;
    partial.write(&export.format.head(export.with_data)).map_err(cannot_write)?;
    loop {
        let min_free = config.spool.min_free_bytes;
        if fs4::available_space(folder).unwrap_or(u64::MAX) < min_free {
            return Err(ExportError::DiskFull { folder: folder.to_owned(), min_free });
        }
        let query = Query {
            after: Some(after),
            before: Some(newest + 1),
            oldest_first: true,
            by: None,
            limit: PAGE,
            ..export.query.clone()
        };
        let page = log.page(&query)?;
        let payloads = if export.with_data { log.payloads(&page.rows)? } else { vec![None; page.rows.len()] };
        for (line, data) in page.rows.iter().zip(payloads) {
            let text = export.format.line(line, data.as_deref(), config);
            partial.write(&text).map_err(cannot_write)?;
        }
        done.lines += page.rows.len() as u64;
        done.bytes = partial.bytes;
        let last: Option<EventId> = page.rows.last().map(|line| line.id).max(page.stopped_at);
        let Some(last) = last else { break };
        after = last;
        // 1 means that the file is complete.
        done.done = (last as f32 / newest.max(1) as f32).min(0.999);
        if !go_on(done) {
            return Ok(done);
        }
    }
    partial.finish(path).map_err(cannot_write)?;
    done.done = 1.0;
    Ok(done)
}

/// The folder of the new file.
fn folder_of(path: &Path) -> Result<&Path, ExportError> {
    let folder = path.parent().filter(|_| path.is_absolute() && path.file_name().is_some());
    let folder = folder.ok_or_else(|| ExportError::NoPath(path.to_owned()))?;
    if !folder.is_dir() {
        return Err(ExportError::NoFolder(folder.to_owned()));
    }
    if path.exists() {
        return Err(ExportError::Exists(path.to_owned()));
    }
    Ok(folder)
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
        // Another file may have taken the name meanwhile.
        let is_created = self.file.into_inner()?.create(whole)?;
        if is_created { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::lines::Format, *};
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
    fn every_line_is_written_and_progress_reaches_1_only_at_the_end() {
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
        let refused = write(&log, &export, &Config::default(), |_| true).expect_err("refused").to_string();
        assert!(refused.contains("already; choose another name"), "{refused}");
        assert_eq!(fs::read_to_string(&export.path).expect("there"), "mine");
    }

    #[test]
    fn the_free_space_that_accepting_needs_is_left() {
        let (_files, log) = log(1);
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.spool.min_free_bytes = u64::MAX;
        let refused =
            write(&log, &export(folder.path()), &config, |_| true).expect_err("refused").to_string();
        assert!(refused.contains("spool.min_free_bytes"), "{refused}");
        assert_eq!(files(folder.path()), [] as [PathBuf; 0]);
    }
}
