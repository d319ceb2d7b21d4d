//! A notification for a program of this machine.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Command,
};

use super::error::SendError;
use crate::engine::https::said;

/// Until the program has to have ended.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum bytes of stderr to read.
const STDERR_BYTES_MAX: u64 = 4096;

/// Runs the program, without a shell, with this JSON on its standard input. Exit code 0 means that it told somebody. It is
/// killed if it takes longer than half a minute.
pub(super) async fn run(command: &[String], json: &str) -> Result<(), SendError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(SendError::refused("alerts.command names no program"));
    };
    let running = tokio::time::timeout(TIMEOUT, end(program, arguments, json));
    let late =
        || SendError::refused(format!("{program} did not end within {} s and was killed", TIMEOUT.as_secs()));
    running.await.map_err(|_elapsed| late())?
}

async fn end(program: &str, arguments: &[String], json: &str) -> Result<(), SendError> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| SendError::refused(format!("{program} cannot be started ({error})")))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read is no error.
        drop(stdin.write_all(json.as_bytes()).await);
    }
    let mut stderr = Vec::new();
    if let Some(pipe) = child.stderr.take() {
        drop(pipe.take(STDERR_BYTES_MAX).read_to_end(&mut stderr).await);
    }
    let status = child
        .wait()
        .await
        .map_err(|error| SendError::refused(format!("{program} cannot be waited for ({error})")))?;
    if status.success() {
        return Ok(());
    }
    let said = said(&String::from_utf8_lossy(&stderr));
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Err(SendError::refused(format!("{program} ended with {status}{said}")))
}
