//! Previews of the lines of a page: the beginning of each payload is read, neighbours with one read of the disk.

use rusqlite::Connection;

use super::{error::Error, location::PayloadLocation, payload::PayloadReader};
use crate::{delivery::Delivery, event};

/// Maximum bytes of a payload to read for its preview.
const BYTES_MAX: u32 = 8 << 10;

/// Adds previews to lines that have no error. A payload that is gone or damaged has none. `go_on` is asked before each read;
/// `false` ends it early.
pub(super) fn add(
    connection: &Connection,
    lines: &mut [Delivery],
    go_on: &dyn Fn() -> bool,
) -> Result<(), Error> {
    let mut payloads = PayloadReader::new(connection);
    for line in lines.iter_mut().filter(|line| line.fault.is_none()) {
        if !go_on() {
            break;
        }
        let location = PayloadLocation::of_line(connection, line.id)?;
        let (Some(location), Some(kind)) = (location, line.kind) else { continue };
        let location = PayloadLocation { length: location.length.min(BYTES_MAX), ..location };
        if let Ok(Ok(json)) = payloads.read(location) {
            line.preview = event::preview(kind, json);
        }
    }
    Ok(())
}
