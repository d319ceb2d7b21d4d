//! The doctor: is the database whole, is every payload what was accepted, do the sums agree with the rows? It repairs
//! sums and indexes in place. A damaged database is set aside as it is, and what can be read of it becomes a new one.
//! Nothing is deleted.
//!
//! Reads everything once, so it takes as long as the disk takes to read the files. While an engine runs it only looks.

mod check;
mod disk;
mod recover;
mod report;
#[cfg(test)]
mod tests;

use std::path::Path;

use super::{
    connection::{connect_reader, connect_unchanged, connect_writer},
    data_folder,
    error::{Error, OpenError},
    layout::{FILE_NAME, has_unfinished_repair, has_unfinished_restore},
    remains,
    schema::{migrate, version},
    source_bytes,
    totals::Totals,
};
use check::{Checked, check, check_payloads};
pub use report::{DoctorError, Finding, Recovered, Report};

/// Examines the spool in `dir`. `repair`: also repairs what can be repaired, under the folder's lock.
pub fn examine(dir: &Path, repair: bool) -> Result<Report, DoctorError> {
    let path = dir.join(FILE_NAME);
    if !path.exists() && !has_unfinished_repair(dir) && remains::of(&path)?.is_none() {
        return Err(DoctorError::Nothing(path));
    }
    if has_unfinished_restore(dir) {
        return Err(OpenError::HalfRestored(dir.to_owned()).into());
    }
    if !repair {
        data_folder::refuse_planted(dir)?;
        return look(dir, &path);
    }
    let _lock = data_folder::lock(dir)?;
    recover::finish(dir)?;
    // What this program does not know it would take for damage.
    if let Err(newer @ OpenError::Newer { .. }) = connect_unchanged(&path) {
        return Err(newer.into());
    }
    let mut report = Report::default();
    // Of an emptied database nothing is repaired in place.
    if remains::of(&path)?.is_none() {
        disk::mend(dir, &mut report)?;
    }
    if mend(&path, &mut report).or_else(|error| report_damage(error, &mut report))? {
        return Ok(report);
    }
    recover::set_aside(dir, &mut report)?;
    // Rows and payloads are stored in different places: one can be lost without the other.
    check_payloads(&connect_reader(&path, None)?, None, &mut report)?;
    Ok(report)
}

/// Examines without changing anything.
fn look(dir: &Path, path: &Path) -> Result<Report, DoctorError> {
    if has_unfinished_repair(dir) {
        return Err(OpenError::Unfinished(dir.to_owned()).into());
    }
    let mut report = Report::default();
    disk::look(dir, &mut report).map(drop)?;
    let looked = match connect_reader(path, None) {
        Ok(connection) => check(&connection, Some(&connect_reader(path, None)?), &mut report).map(|_| true),
        Err(OpenError::Damaged { source, .. }) => Err(source),
        Err(error) => return Err(error.into()),
    };
    looked.or_else(|error| report_damage(error, &mut report))?;
    Ok(report)
}

/// An error that means a damaged database becomes a finding; `false`: the database is damaged.
fn report_damage(error: Error, report: &mut Report) -> Result<bool, Error> {
    if !error.is_damage() {
        return Err(error);
    }
    report.find("file", format!("The file is damaged: {error}."));
    Ok(false)
}

/// Repairs what can be repaired in place; `false`: the database is damaged.
fn mend(path: &Path, report: &mut Report) -> Result<bool, Error> {
    let connection = connect_writer(path)?;
    migrate(&connection, version(&connection)?)?;
    let Checked::Sound { is_index_wrong, totals } = check(&connection, None, report)? else {
        return Ok(false);
    };
    if is_index_wrong {
        connection.execute_batch("REINDEX")?;
        report.repaired("index");
    }
    let held = source_bytes::counted(&connection, 0)?;
    if totals != Totals::read(&connection)? || held != source_bytes::stored(&connection)? {
        totals.write(&connection)?;
        source_bytes::write_all(&connection, &held)?;
        report.repaired("ledger");
    }
    Ok(true)
}
