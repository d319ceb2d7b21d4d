//! What set-up asks AWS and this machine for: the profiles of AWS's files, whose keys these are, a sign-in, the account's
//! streams. Nothing of it is asked before the user asks; each runs beside everything else and ends by itself, or when
//! nobody waits for it any more.

use std::{path::Path, process::Stdio, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    sync::{mpsc, oneshot, watch},
};

use super::{Answer, Engine, STEPS_MAX, Shared, Steps, keeper};
use crate::{
    config::{self, Config},
    delivery::{AwsError, AwsIdentity, AwsProfiles, CheckStep, ListedStream, SignInPage},
    files, kinesis,
    policy::IamCall,
    remedy::{SignIn, SignInWith},
};

/// A sign-in waits for a person in a browser.
const SIGN_IN_MAX: Duration = Duration::from_mins(10);

/// `aws --version` takes about a second.
const VERSION_MAX: Duration = Duration::from_secs(20);

/// `aws login` came with 2.32.
const LOGIN_SINCE: (u32, u32) = (2, 32);

pub(super) enum Errand {
    Files(oneshot::Sender<Result<AwsProfiles, String>>),
    WhoAmI(Box<Config>, oneshot::Sender<Result<AwsIdentity, AwsError>>),
    SignIn(SignIn, watch::Sender<SignInPage>, oneshot::Sender<Result<(), String>>),
    Streams(Box<Config>, oneshot::Sender<Result<Vec<ListedStream>, AwsError>>),
    CreateStream(Box<Config>, oneshot::Sender<Result<bool, AwsError>>),
    Attach(Box<Config>, Vec<IamCall>, mpsc::Sender<CheckStep>),
    Keep(String),
}

/// In the data folder: what was typed in Set up and not applied. Never a secret.
const DRAFT_FILE: &str = "setup-draft.toml";

pub(super) fn kept_draft(data_dir: &Path) -> Option<String> {
    std::fs::read_to_string(data_dir.join(DRAFT_FILE)).ok()
}

impl Engine {
    /// The profiles of AWS's own files, read now, and whether the AWS CLI is there.
    pub fn aws_files(&self) -> Answer<Result<AwsProfiles, String>> {
        self.errand(Errand::Files)
    }

    /// Who these settings, applied or not, are to AWS.
    pub fn who_am_i(&self, config: Config) -> Answer<Result<AwsIdentity, AwsError>> {
        self.errand(|reply| Errand::WhoAmI(Box::new(config), reply))
    }

    /// Runs `aws sso login` or `aws login` for a profile, which opens the browser; the page that it names is shown beside
    /// the answer, for where no browser opens. Letting go of the answer ends it. When it went well, the forwarder tries
    /// again.
    pub fn sign_in(&self, sign_in: SignIn) -> (Answer<Result<(), String>>, watch::Receiver<SignInPage>) {
        let (page, seen) = watch::channel(SignInPage::default());
        (self.errand(|reply| Errand::SignIn(sign_in, page, reply)), seen)
    }

    /// The streams of the account and region of these settings, by name.
    pub fn list_streams(&self, config: Config) -> Answer<Result<Vec<ListedStream>, AwsError>> {
        self.errand(|reply| Errand::Streams(Box::new(config), reply))
    }

    /// Makes the stream of these settings, with on-demand capacity; `false`: it was not seen to be ready yet.
    /// It costs the account's owner money.
    pub fn create_stream(&self, config: Config) -> Answer<Result<bool, AwsError>> {
        self.errand(|reply| Errand::CreateStream(Box::new(config), reply))
    }

    /// Makes these calls of IAM with the credentials of these settings, and undoes them when one fails. Reports each call
    /// and each undoing by its name.
    pub fn attach(&self, config: Config, calls: Vec<IamCall>) -> Steps {
        let (report, steps) = mpsc::channel(STEPS_MAX);
        self.command(keeper::Command::Account(Errand::Attach(Box::new(config), calls, report)));
        Steps(steps)
    }

    /// Keeps what is typed and not applied for the next start; nothing, when it is empty.
    pub fn keep_draft(&self, text: String) {
        self.command(keeper::Command::Account(Errand::Keep(text)));
    }

    fn errand<T>(&self, errand: impl FnOnce(oneshot::Sender<T>) -> Errand) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        self.command(keeper::Command::Account(errand(reply)));
        Answer(answer)
    }
}

/// Carries one out; the face is woken for its answer.
pub(super) async fn run(shared: Arc<Shared>, errand: Errand) {
    match errand {
        Errand::Files(reply) => give(reply, files().await),
        Errand::WhoAmI(config, reply) => give(reply, kinesis::who_am_i(&config).await),
        Errand::Streams(config, reply) => give(reply, kinesis::list_streams(&config).await),
        Errand::CreateStream(config, reply) => give(reply, kinesis::create_stream(&config).await),
        Errand::Keep(text) => {
            let path = shared.paths.data_dir.join(DRAFT_FILE);
            #[expect(clippy::disallowed_methods, reason = "the engine spawns; writing a file blocks")]
            let kept = tokio::task::spawn_blocking(move || {
                if text.is_empty() {
                    files::remove_if_there(&path)
                } else {
                    files::replace_private(&path, text.as_bytes())
                }
            });
            if let Ok(Err(error)) = kept.await {
                tracing::debug!("what is typed in Set up is not kept: {error}");
            }
            return;
        }
        Errand::Attach(config, calls, report) => {
            let tell = |step| {
                // A face that no longer looks is no error, and no reason to leave half of it.
                drop(report.try_send(step));
                shared.wake_faces();
            };
            Box::pin(kinesis::attach(&config, &calls, tell)).await;
        }
        Errand::SignIn(which, page, mut reply) => {
            let tell = |line: &str| {
                let changed = page.send_if_modified(|page| page.read(line));
                if changed {
                    shared.wake_faces();
                }
            };
            let signed_in = tokio::select! {
                result = sign_in(&which, tell) => result,
                () = reply.closed() => return,
            };
            if signed_in.is_ok() {
                shared.try_now.notify_one();
            }
            give(reply, signed_in);
        }
    }
    shared.wake_faces();
}

/// A face that no longer waits is no error.
fn give<T>(reply: oneshot::Sender<T>, value: T) {
    drop(reply.send(value));
}

async fn files() -> Result<AwsProfiles, String> {
    Ok(AwsProfiles { profiles: kinesis::profiles().await?, has_cli: config::program("aws").is_some() })
}

async fn sign_in(which: &SignIn, mut tell: impl FnMut(&str)) -> Result<(), String> {
    let program = config::program("aws").ok_or("the AWS CLI (`aws`) is not installed, or not in the PATH")?;
    can_sign_in(&program, which.with).await?;
    let name = format!("`aws {}`", which.words().join(" "));
    let mut command = Command::new(program);
    command.args(which.words());
    if !which.profile.is_empty() {
        command.arg(format!("--profile={}", which.profile));
    }
    // Ended when nobody waits for it any more. Its output is read while it runs: a full pipe would stop it.
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| format!("{name} did not start: {error}"))?;
    let mut last = String::new();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (lines, mut said) = mpsc::channel(16);
    let reading = async {
        tokio::join!(read_lines(stdout, lines.clone(), false), read_lines(stderr, lines.clone(), true));
        drop(lines);
    };
    let listening = async {
        while let Some((line, is_error)) = said.recv().await {
            tell(&line);
            if is_error || last.is_empty() {
                last = line;
            }
        }
    };
    let ended =
        tokio::time::timeout(SIGN_IN_MAX, async { tokio::join!(reading, listening, child.wait()).2 }).await;
    match ended {
        Err(_elapsed) => Err("nobody signed in within ten minutes".to_owned()),
        Ok(Err(error)) => Err(format!("{name} cannot be watched: {error}")),
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) if last.is_empty() => Err(format!("{name} ended with {status} and said nothing")),
        Ok(Ok(status)) => Err(format!("{name} ended with {status}: {last}")),
    }
}

/// Each line that is not empty, until the program closes its end. What is not text is not shown.
async fn read_lines(
    pipe: Option<impl AsyncRead + Unpin>,
    lines: mpsc::Sender<(String, bool)>,
    is_error: bool,
) {
    let Some(pipe) = pipe else { return };
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut bytes).await {
        let line = String::from_utf8_lossy(&bytes).trim().to_owned();
        bytes.clear();
        if !line.is_empty() && lines.send((line, is_error)).await.is_err() {
            return;
        }
    }
}

/// Version 1 of the AWS CLI knows no sign-in, and says so in words that lead nowhere.
async fn can_sign_in(program: &Path, with: SignInWith) -> Result<(), String> {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    let Ok(Ok(output)) = tokio::time::timeout(VERSION_MAX, command.output()).await else { return Ok(()) };
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let Some(version) = version_in(&said) else { return Ok(()) };
    let (major, minor) = version;
    let without = "Or go on without it: use a profile with an IAM user's keys, or a role of the machine.";
    let where_from = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html";
    if major < 2 {
        return Err(format!(
            "the AWS CLI on this computer is version {major}.{minor}, which cannot sign in; version 2 is needed \
             ({where_from}). {without}"
        ));
    }
    if with == SignInWith::Login && version < LOGIN_SINCE {
        return Err(format!(
            "the AWS CLI on this computer is version {major}.{minor}; `aws login` needs 2.32 or later ({where_from}). \
             {without}"
        ));
    }
    Ok(())
}

/// `aws-cli/2.31.4 Python/3.13.7 Linux/6.1 …`
fn version_in(said: &str) -> Option<(u32, u32)> {
    let (_, version) = said.split_once("aws-cli/")?;
    let mut numbers = version.split(['.', ' ']).map(|number| number.trim().parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_the_aws_cli_is_read_from_what_it_says() {
        assert_eq!(version_in("aws-cli/2.31.4 Python/3.13.7 Linux/6.1.0 exe/x86_64\n"), Some((2, 31)));
        assert_eq!(version_in("aws-cli/1.46.0 Python/3.12 botocore/1.44\n"), Some((1, 46)));
        assert_eq!(version_in("something else"), None);
    }
}
