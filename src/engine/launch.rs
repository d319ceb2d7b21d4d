//! Opens a file or a web page in the program that the desktop has for it. Only the exit status of the desktop's launcher tells
//! whether there was such a program, so a thread waits for it.

use std::{
    ffi::OsStr,
    io::ErrorKind,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    runtime::Builder,
    sync::oneshot,
};

use super::{
    answer::{Answer, answer},
    message::{Failure, Reply},
};

/// A launcher that still runs after this long has found a program: some launchers end only when that program does.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// Opens a file, or a web page by its URL. `Err`: no program has opened it. The answer comes within some seconds; no engine
/// is needed.
pub fn open_in_program(what: impl AsRef<OsStr>) -> Answer<Result<(), String>> {
    let (reply, outcome) = oneshot::channel();
    let launchers = open::commands(what).into_iter().map(Command::from).collect();
    let run = move || match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(async {
            let (opened, running) = launch(launchers, WAIT_MAX).await;
            drop(reply.send(opened.map(|()| Reply::Done).map_err(Failure::Other)));
            if let Some(mut running) = running {
                drop(running.wait().await);
            }
        }),
        Err(error) => drop(reply.send(Err(error.into()))),
    };
    if let Err(error) = std::thread::Builder::new().name("open".to_owned()).spawn(run) {
        // The closure took the first channel's sender, so the error needs a new channel.
        let (reply, outcome) = oneshot::channel();
        drop(reply.send(Err(error.into())));
        return answer(outcome, Reply::done);
    }
    answer(outcome, Reply::done)
}

/// Tries one launcher after the other. Returns the one that still runs, if one does.
async fn launch(launchers: Vec<Command>, wait_max: Duration) -> (Result<(), String>, Option<Child>) {
    let (mut failed, mut missing) = (None, Vec::new());
    for mut launcher in launchers {
        let name = launcher.as_std().get_program().to_string_lossy().into_owned();
        launcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A process group of its own, so that Ctrl+C in the terminal of this program does not end the launcher.
        #[cfg(unix)]
        launcher.process_group(0);
        let mut child = match launcher.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing.push(name);
                continue;
            }
            Err(error) => {
                failed = failed.or(Some(format!("{name} did not start: {error}")));
                continue;
            }
        };
        match tokio::time::timeout(wait_max, child.wait()).await {
            Err(_still_runs) => return (Ok(()), Some(child)),
            Ok(Ok(status)) if status.success() => return (Ok(()), None),
            // Explorer's exit code has no meaning, and on Windows no launcher is tried after one that ran (crate `open`).
            Ok(Ok(_)) if cfg!(windows) && name.starts_with("explorer") => return (Ok(()), None),
            Ok(Ok(status)) => {
                failed = failed.or(Some(format!("{name} ended with {}", described(status))));
                if cfg!(windows) {
                    break;
                }
            }
            Ok(Err(error)) => failed = failed.or(Some(format!("{name} cannot be watched: {error}"))),
        }
    }
    (Err(failed.unwrap_or_else(|| format!("there is no {}", missing.join(", ")))), None)
}

fn described(status: ExitStatus) -> String {
    // A program that was ended by a signal has no exit code.
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn what_opens_nothing_is_named_with_how_it_ended() {
        let failed = async |launchers| launch(launchers, WAIT_MAX).await.0.expect_err("nothing opens it");
        assert_eq!(failed(vec![sh("exit 4")]).await, "sh ended with exit code 4");
        assert!(failed(vec![sh("kill -9 $$")]).await.starts_with("sh ended with signal: 9"));
        let missing = || Command::new("/nowhere/a-launcher");
        assert_eq!(failed(vec![missing()]).await, "there is no /nowhere/a-launcher");
        assert_eq!(failed(vec![missing(), sh("exit 3"), sh("exit 5")]).await, "sh ended with exit code 3");
    }

    #[tokio::test]
    async fn the_next_launcher_is_tried_until_one_opens_it() {
        assert_eq!(launch(vec![sh("exit 4"), sh("exit 0"), sh("exit 5")], WAIT_MAX).await.0, Ok(()));
    }

    #[tokio::test]
    async fn a_launcher_that_still_runs_has_found_a_program() {
        let (opened, running) = launch(vec![sh("sleep 60")], Duration::ZERO).await;
        let mut running = running.expect("it runs");
        assert_eq!(opened, Ok(()));
        running.kill().await.expect("it can be ended");
    }
}
