//! Where a command writes: answers go to stdout, everything else to stderr.

use std::io::{self, Write};

use anyhow::Context;

use crate::event::shown;

/// Whether the reader of stdout is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Printed {
    Read,
    /// The reader has closed its end, as `head` does: the command ends quietly.
    ReaderGone,
}

/// Writes to stdout, with control characters as escapes, so that text from a sender cannot control the terminal. JSON values
/// do not change.
pub(super) fn print(text: &str) -> anyhow::Result<Printed> {
    print_exactly(&shown::lines(text))
}

/// Writes to stdout, byte for byte.
pub(super) fn print_exactly(text: &str) -> anyhow::Result<Printed> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Printed::Read),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Printed::ReaderGone),
        Err(error) => Err(error).context("cannot write the answer to stdout"),
    }
}

/// Writes a line to stderr that is not the answer.
pub(super) fn note(text: &str) {
    // An error of stderr is ignored: the command's result is on stdout.
    drop(writeln!(io::stderr(), "{}", shown::lines(text)));
}
