//! What set-up asks AWS and this machine for: the profiles of AWS's files, whose keys these are, a sign-in, the account's
//! streams. Nothing of it is asked before the user asks; each runs beside everything else and ends by itself, or when
//! nobody waits for it any more.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{Answer, Engine, STEPS_MAX, Shared, Steps, keeper};
use crate::{
    config::{self, Config},
    delivery::{AwsFiles, Caller, Fault, ListedStream, Step},
    kinesis,
    policy::IamCall,
};

/// A sign-in waits for a person in a browser.
const SIGN_IN_MAX: Duration = Duration::from_mins(10);
const SIGN_IN_LOOK: Duration = Duration::from_millis(200);

pub(super) enum Errand {
    Files(oneshot::Sender<Result<AwsFiles, String>>),
    WhoAmI(Box<Config>, oneshot::Sender<Result<Caller, Fault>>),
    SignIn(String, oneshot::Sender<Result<(), String>>),
    Streams(Box<Config>, oneshot::Sender<Result<Vec<ListedStream>, Fault>>),
    CreateStream(Box<Config>, oneshot::Sender<Result<bool, Fault>>),
    Attach(Box<Config>, Vec<IamCall>, mpsc::Sender<Step>),
    Keep(String),
}

/// In the data folder: what was typed in Set up and not applied. Never a secret.
const DRAFT_FILE: &str = "setup-draft.toml";

pub(super) fn kept_draft(data_dir: &Path) -> Option<String> {
    std::fs::read_to_string(data_dir.join(DRAFT_FILE)).ok()
}

impl Engine {
    /// The profiles of AWS's own files, read now, and whether the AWS CLI is there.
    pub fn aws_files(&self) -> Answer<Result<AwsFiles, String>> {
        self.errand(Errand::Files)
    }

    /// Who these settings, applied or not, are to AWS.
    pub fn who_am_i(&self, config: Config) -> Answer<Result<Caller, Fault>> {
        self.errand(|reply| Errand::WhoAmI(Box::new(config), reply))
    }

    /// Runs `aws sso login` for a profile (empty: the default one), which opens the browser. Letting go of the answer
    /// ends it. When it went well, the forwarder tries again.
    pub fn sign_in(&self, profile: String) -> Answer<Result<(), String>> {
        self.errand(|reply| Errand::SignIn(profile, reply))
    }

    /// The streams of the account and region of these settings, by name.
    pub fn list_streams(&self, config: Config) -> Answer<Result<Vec<ListedStream>, Fault>> {
        self.errand(|reply| Errand::Streams(Box::new(config), reply))
    }

    /// Makes the stream of these settings, with on-demand capacity; `false`: it was not seen to be ready yet.
    /// It costs the account's owner money.
    pub fn create_stream(&self, config: Config) -> Answer<Result<bool, Fault>> {
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
                if text.is_empty() { std::fs::remove_file(path) } else { std::fs::write(path, text) }
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
        Errand::SignIn(profile, mut reply) => {
            let signed_in = tokio::select! {
                result = sign_in(&profile) => result,
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

async fn files() -> Result<AwsFiles, String> {
    Ok(AwsFiles { profiles: kinesis::profiles().await?, has_cli: config::program("aws").is_some() })
}

/// Ended when nobody waits for it any more.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both do nothing to a child that has ended and was waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

async fn sign_in(profile: &str) -> Result<(), String> {
    let program = config::program("aws").ok_or("the AWS CLI (`aws`) is not installed, or not in the PATH")?;
    let mut command = Command::new(program);
    command.args(["sso", "login"]);
    if !profile.is_empty() {
        command.arg(format!("--profile={profile}"));
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("`aws sso login` did not start: {error}"))?;
    let mut child = Running(child);
    let start = Instant::now();
    loop {
        match child.0.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => {
                return Err(format!("`aws sso login` ended with {status}: {}", last_line(&mut child.0)));
            }
            Ok(None) if start.elapsed() > SIGN_IN_MAX => {
                return Err("nobody signed in within ten minutes".to_owned());
            }
            Ok(None) => tokio::time::sleep(SIGN_IN_LOOK).await,
            Err(error) => return Err(format!("`aws sso login` cannot be watched: {error}")),
        }
    }
}

/// What a program that has ended said last.
fn last_line(child: &mut Child) -> String {
    let mut text = String::new();
    if let Some(stderr) = &mut child.stderr {
        // What is not text is not shown.
        drop(std::io::Read::read_to_string(stderr, &mut text));
    }
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}
