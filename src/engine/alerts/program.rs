//! A notification for a program of this machine.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStderr, ChildStdin, Command},
};

use super::error::SendError;
use crate::engine::https::said;

/// Until the program has to have ended.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Maximum bytes of stderr to keep.
const STDERR_BYTES_MAX: usize = 4096;

/// How long a program that has ended may still be read from.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Runs the program, without a shell, with this JSON and a line end on its standard input. Exit code 0 means that it told
/// somebody, whatever its own children still do. After half a minute it is killed, with those that it started.
pub(super) async fn run(command: &[String], json: &str) -> Result<(), SendError> {
    let Some((program, arguments)) = command.split_first() else {
        return Err(SendError::refused("alerts.command names no program"));
    };
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    // A group of its own, so that those that it started can be killed too.
    #[cfg(unix)]
    command.process_group(0);
    let mut child = command
        .spawn()
        .map_err(|error| SendError::refused(format!("{program} cannot be started ({error})")))?;
    match tokio::time::timeout(TIMEOUT, end(&mut child, program, json)).await {
        Ok(ended) => ended,
        Err(_elapsed) => {
            kill_group(&child);
            let limit = TIMEOUT.as_secs();
            Err(SendError::refused(format!("{program} did not end within {limit} s and was killed")))
        }
    }
}

async fn end(child: &mut Child, program: &str, json: &str) -> Result<(), SendError> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let mut told = Vec::new();
    let ended = {
        let mut talk = std::pin::pin!(talk(stdin, stderr, json, &mut told));
        tokio::select! {
            ended = child.wait() => {
                // What it wrote last may still be in the pipe; a child of its own may hold that open.
                drop(tokio::time::timeout(LAST_WORDS, &mut talk).await);
                ended
            }
            () = &mut talk => child.wait().await,
        }
    };
    let status =
        ended.map_err(|error| SendError::refused(format!("{program} cannot be waited for ({error})")))?;
    if status.success() {
        return Ok(());
    }
    let said = said(&String::from_utf8_lossy(&told));
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    Err(SendError::refused(format!("{program} ended with {status}{said}")))
}

/// Writes the JSON, and reads all that the program says: of that it keeps the beginning.
async fn talk(stdin: Option<ChildStdin>, stderr: Option<ChildStderr>, json: &str, told: &mut Vec<u8>) {
    let write = async {
        if let Some(mut stdin) = stdin {
            // A program that does not read is no error.
            drop(stdin.write_all(format!("{json}\n").as_bytes()).await);
        }
    };
    let read = async {
        let Some(mut stderr) = stderr else { return };
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut bytes).await {
            let room = STDERR_BYTES_MAX.saturating_sub(told.len());
            told.extend_from_slice(&bytes[..count.min(room)]);
        }
    };
    tokio::join!(write, read);
}

/// Kills the program and those that it started.
fn kill_group(child: &Child) {
    #[cfg(unix)]
    if let Some(id) = child.id().and_then(|id| i32::try_from(id).ok())
        && let Some(group) = rustix::process::Pid::from_raw(id)
        && let Err(error) = rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
    {
        tracing::debug!("the program of an alert was not killed: {error}");
    }
    #[cfg(not(unix))]
    let _ = child;
}
