//! Opens a file or a web page in the program that the desktop has for it. The desktop's launcher is waited for, in a thread of
//! its own: only how it ends tells whether there was such a program.

use std::{
    ffi::OsStr,
    io::ErrorKind,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::Answer;

/// A launcher that runs for longer has found a program: some of them end only when that program does.
const WAIT_MAX: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Opens a file, or a web page by its URL. An error says that no program did. The answer comes within some seconds.
pub fn open_in_program(what: impl AsRef<OsStr>) -> Answer<Result<(), String>> {
    let (reply, answer) = oneshot::channel();
    let launchers = open::commands(what);
    let run = move || {
        let (opened, running) = launch(launchers, WAIT_MAX);
        drop(reply.send(opened));
        if let Some(mut running) = running {
            drop(running.wait());
        }
    };
    match std::thread::Builder::new().name("open".to_owned()).spawn(run) {
        Ok(_thread) => Answer(answer),
        Err(error) => {
            let (reply, answer) = oneshot::channel();
            drop(reply.send(Err(error.to_string())));
            Answer(answer)
        }
    }
}

/// Tries one launcher after the other. Gives the one that still runs, if one does.
fn launch(launchers: Vec<Command>, wait_max: Duration) -> (Result<(), String>, Option<Child>) {
    let (mut failed, mut missing) = (None, Vec::new());
    for mut launcher in launchers {
        let name = launcher.get_program().to_string_lossy().into_owned();
        launcher.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl+C in the terminal of this program is not meant for that one.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut launcher, 0);
        let ended = launcher.spawn().and_then(|child| wait(child, wait_max));
        match ended {
            Ok(Ended::Running(child)) => return (Ok(()), Some(child)),
            Ok(Ended::With(status)) if status.success() => return (Ok(()), None),
            // Explorer's exit code says nothing, and what ran on Windows is not followed by another (crate `open`).
            Ok(Ended::With(_)) if cfg!(windows) && name.starts_with("explorer") => return (Ok(()), None),
            Ok(Ended::With(status)) => {
                failed = failed.or(Some(format!("{name} ended with {}", how(status))));
                if cfg!(windows) {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push(name),
            Err(error) => failed = failed.or(Some(format!("{name} did not start: {error}"))),
        }
    }
    (Err(failed.unwrap_or_else(|| format!("there is no {}", missing.join(", ")))), None)
}

enum Ended {
    With(ExitStatus),
    Running(Child),
}

fn wait(mut child: Child, wait_max: Duration) -> std::io::Result<Ended> {
    let end = Instant::now() + wait_max;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Ended::With(status)),
            None if Instant::now() >= end => return Ok(Ended::Running(child)),
            None => std::thread::sleep(LOOK_EVERY),
        }
    }
}

fn how(status: ExitStatus) -> String {
    // A program that a signal ended has no code.
    status.code().map_or_else(|| status.to_string(), |code| format!("exit code {code}"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_opens_nothing_is_named_with_how_it_ended() {
        let failed = |launchers| launch(launchers, WAIT_MAX).0.expect_err("nothing opens it");
        assert_eq!(failed(vec![sh("exit 4")]), "sh ended with exit code 4");
        assert!(failed(vec![sh("kill -9 $$")]).starts_with("sh ended with signal: 9"));
        let missing = || Command::new("/nowhere/a-launcher");
        assert_eq!(failed(vec![missing()]), "there is no /nowhere/a-launcher");
        assert_eq!(failed(vec![missing(), sh("exit 3"), sh("exit 5")]), "sh ended with exit code 3");
    }

    #[test]
    fn the_next_launcher_is_tried_until_one_opens_it() {
        assert_eq!(launch(vec![sh("exit 4"), sh("exit 0"), sh("exit 5")], WAIT_MAX).0, Ok(()));
    }

    #[test]
    fn a_launcher_that_still_runs_has_found_a_program() {
        let (opened, running) = launch(vec![sh("sleep 60")], Duration::ZERO);
        let mut running = running.expect("it runs");
        assert_eq!(opened, Ok(()));
        running.kill().expect("it can be ended");
        running.wait().expect("it has ended");
    }
}
