//! A sign-in that a person makes in a browser, with the AWS CLI: `aws sso login` or `aws login`.

use std::{
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    sync::mpsc,
};

use crate::{
    config,
    remedy::{SignIn, SignInWith},
};

/// Maximum wait for the user to sign in.
const SIGN_IN_MAX: Duration = Duration::from_mins(10);

/// Maximum time for `aws --version`, which usually takes about a second.
const VERSION_MAX: Duration = Duration::from_secs(20);

/// `aws login` came with 2.32.
const LOGIN_SINCE: Version = Version { major: 2, minor: 32 };

/// Why a sign-in failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignInError {
    #[error("the AWS CLI (`aws`) is not installed, or not in the PATH")]
    NoCli,
    #[error(
        "the AWS CLI on this computer is version {0}, which cannot sign in; version 2 is needed ({INSTALL}). {WITHOUT_CLI}"
    )]
    Version1(Version),
    #[error(
        "the AWS CLI on this computer is version {0}; `aws login` needs {LOGIN_SINCE} or later ({INSTALL}). {WITHOUT_CLI}"
    )]
    BeforeLogin(Version),
    #[error("`{0}` did not start: {1}")]
    NotStarted(String, io::Error),
    #[error("`{0}` cannot be watched: {1}")]
    NotWatched(String, io::Error),
    #[error("`{0}` ended with {1} and printed nothing")]
    Silent(String, ExitStatus),
    #[error("`{0}` ended with {1}: {2}")]
    Ended(String, ExitStatus, String),
    #[error("nobody signed in within ten minutes")]
    TooLate,
}

const INSTALL: &str = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html";
const WITHOUT_CLI: &str =
    "Or go on without it: use a profile with an IAM user's keys, or a role of the machine.";

/// A version of the AWS CLI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
}

impl Version {
    /// Reads `aws-cli/2.31.4 Python/3.13.7 Linux/6.1 …`.
    fn read(output: &str) -> Option<Self> {
        let (_, version) = output.split_once("aws-cli/")?;
        let mut numbers = version.split(['.', ' ']).map(|number| number.trim().parse().ok());
        Some(Self { major: numbers.next()??, minor: numbers.next()?? })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A line that the program printed.
struct Line {
    text: String,
    is_error: bool,
}

/// Runs the sign-in. `tell` is called with each line that the program prints. Dropping the future ends the program.
pub(super) async fn run(which: &SignIn, mut tell: impl FnMut(&str)) -> Result<(), SignInError> {
    let program = config::program("aws").ok_or(SignInError::NoCli)?;
    check_version(&program, which.with).await?;
    let name = format!("aws {}", which.words().join(" "));
    let mut command = Command::new(program);
    command.args(which.words());
    if !which.profile.is_empty() {
        command.arg(format!("--profile={}", which.profile));
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Err(SignInError::NotStarted(name, error)),
    };
    let mut last = String::new();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (lines, mut printed) = mpsc::channel(16);
    // Its output is read while it runs: a full pipe would stop it.
    let reading = async {
        tokio::join!(read_lines(stdout, lines.clone(), false), read_lines(stderr, lines.clone(), true));
        drop(lines);
    };
    let listening = async {
        while let Some(Line { text, is_error }) = printed.recv().await {
            tell(&text);
            if is_error || last.is_empty() {
                last = text;
            }
        }
    };
    let ended = async { tokio::join!(reading, listening, child.wait()).2 };
    match tokio::time::timeout(SIGN_IN_MAX, ended).await {
        Err(_elapsed) => Err(SignInError::TooLate),
        Ok(Err(error)) => Err(SignInError::NotWatched(name, error)),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) if last.is_empty() => Err(SignInError::Silent(name, status)),
        Ok(Ok(status)) => Err(SignInError::Ended(name, status, last)),
    }
}

/// Sends each line that is not empty, until the program closes its end of the pipe.
async fn read_lines(pipe: Option<impl AsyncRead + Unpin>, lines: mpsc::Sender<Line>, is_error: bool) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut bytes).await {
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        bytes.clear();
        if !text.is_empty() && lines.send(Line { text, is_error }).await.is_err() {
            return;
        }
    }
}

/// Checks that the AWS CLI is new enough, because the error messages of older versions do not say what to do. If the version
/// cannot be read, the sign-in is tried anyway.
async fn check_version(program: &Path, with: SignInWith) -> Result<(), SignInError> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let Ok(Ok(output)) = tokio::time::timeout(VERSION_MAX, command.output()).await else { return Ok(()) };
    let printed =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    match Version::read(&printed) {
        Some(version) if version.major < 2 => Err(SignInError::Version1(version)),
        Some(version) if with == SignInWith::Login && version < LOGIN_SINCE => {
            Err(SignInError::BeforeLogin(version))
        }
        Some(_) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_aws_cli_is_read_from_what_it_says() {
        let read = |text| Version::read(text).map(|version| version.to_string());
        assert_eq!(read("aws-cli/2.31.4 Python/3.13.7 Linux/6.1.0 exe/x86_64\n").as_deref(), Some("2.31"));
        assert_eq!(read("aws-cli/1.46.0 Python/3.12 botocore/1.44\n").as_deref(), Some("1.46"));
        assert_eq!(read("something else"), None);
    }
}
