//! Runs the program of a `credential_process`, and kills it with everything that it started if it is given up.
//!
//! The SDK would run it too, but leaves it running when nobody waits for it any more, and its errors quote the program
//! instead of telling the user what to do. What the program prints on stdout is secret and never quoted. The first line of
//! stderr is quoted, because programs say there what they want.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use aws_credential_types::{Credentials, credential_feature::AwsCredentialFeature};
use serde_json::{Map, Number, Value};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use crate::{
    delivery::{AwsError, error_code},
    remedy,
};

/// Maximum bytes that are kept of stdout and of stderr. Keys need far fewer.
const OUTPUT_BYTES_MAX: u64 = 1 << 20;

/// Why a program handed out no keys. The text continues "the program X ".
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("did not start: {0}")]
    NotStarted(io::Error),
    #[error("did not end within {} seconds and was ended", .0.as_secs())]
    TimedOut(Duration),
    #[error("could not be read: {0}")]
    Unreadable(io::Error),
    /// The shell's exit code for a program that it cannot find.
    #[error("is not there ({said})")]
    Missing { said: String },
    /// The shell's exit code for a program that it may not run.
    #[error("may not be run ({said})")]
    NotExecutable { said: String },
    #[error("ended with {status}; {said}")]
    Failed { status: ExitStatus, said: String },
    #[error("did not print the JSON object that AWS asks for")]
    NoObject,
    #[error("printed keys of Version {0}, and AWS's form has Version 1")]
    OtherVersion(Number),
    #[error("printed no number as Version, which AWS's form has (1)")]
    NoVersion,
    #[error("printed no {0}")]
    NoField(&'static str),
    #[error("printed an Expiration that is no time such as 2030-01-31T12:00:00Z")]
    NoTime,
    #[error("printed keys that had already expired ({0}); it seems to keep old ones")]
    Expired(jiff::Timestamp),
}

impl Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::TimedOut(_) => error_code::CREDENTIAL_PROCESS_SILENT,
            _ => error_code::CREDENTIAL_PROCESS_FAILED,
        }
    }
}

/// The keys that the command of a profile prints. AWS's tools run it the same way.
///
/// `account`: the account of the keys, if the program prints none.
pub(super) async fn keys(
    command: &str,
    profile: &str,
    account: Option<&str>,
    timeout: Duration,
) -> Result<Credentials, AwsError> {
    let turn = turn_of(command);
    let _turn = turn.lock().await;
    let output = output_of(command, timeout).await;
    output.and_then(|stdout| keys_in(&stdout, account)).map_err(|failure| {
        let text = format!("the program {} {failure}", program_of(command));
        AwsError::new(failure.code(), remedy::about_profile(profile, &text))
    })
}

/// A command runs once at a time: the forwarder, a check and a reader may want keys at once, and each run could ask the
/// person again.
fn turn_of(command: &str) -> Arc<tokio::sync::Mutex<()>> {
    static TURNS: Mutex<BTreeMap<String, Weak<tokio::sync::Mutex<()>>>> = Mutex::new(BTreeMap::new());
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.retain(|_, turn| turn.strong_count() > 0);
    if let Some(turn) = turns.get(command).and_then(Weak::upgrade) {
        return turn;
    }
    let turn = Arc::new(tokio::sync::Mutex::new(()));
    turns.insert(command.to_owned(), Arc::downgrade(&turn));
    turn
}

/// What a command that succeeds prints on stdout.
async fn output_of(command: &str, timeout: Duration) -> Result<Vec<u8>, Failure> {
    let mut running = Running::start(command).map_err(Failure::NotStarted)?;
    let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
    let ended = tokio::time::timeout(timeout, running.end(stdout, stderr)).await;
    let ended = ended.map_err(|_elapsed| Failure::TimedOut(timeout))?;
    let Ended { status, stdout, stderr } = ended.map_err(Failure::Unreadable)?;
    if status.success() {
        return Ok(stdout);
    }
    let line = first_line(&stderr);
    let said = if line.is_empty() { "it said nothing".to_owned() } else { format!("it said: {line}") };
    Err(match status.code() {
        Some(127) => Failure::Missing { said },
        Some(126) => Failure::NotExecutable { said },
        _ => Failure::Failed { status, said },
    })
}

/// A running command. Dropping it kills the command with everything that it started, unless it has ended.
struct Running {
    child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

struct Ended {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            // An error means that the group has ended.
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap_or(());
        }
    }
}

impl Running {
    fn start(command: &str) -> io::Result<Self> {
        let mut shell = shell(command);
        // In a terminal the program may ask its user there. Elsewhere nobody could answer, and it gets a process group of
        // its own, so that all of it can be killed.
        let has_terminal = io::stdin().is_terminal();
        shell.stdin(if has_terminal { Stdio::inherit() } else { Stdio::null() });
        shell.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        #[cfg(unix)]
        if !has_terminal {
            shell.process_group(0);
        }
        let child = shell.spawn()?;
        #[cfg(unix)]
        let group = child
            .id()
            .filter(|_| !has_terminal)
            .and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self {
            child,
            #[cfg(unix)]
            group,
        })
    }

    /// Waits for the end. Both pipes are drained meanwhile: a full pipe would stop the program. After an error the command
    /// may still run, so it is killed when this is dropped.
    async fn end(
        &mut self,
        stdout: Option<impl AsyncRead + Unpin>,
        stderr: Option<impl AsyncRead + Unpin>,
    ) -> io::Result<Ended> {
        let (stdout, stderr, status) = tokio::try_join!(drain(stdout), drain(stderr), self.child.wait())?;
        #[cfg(unix)]
        {
            self.group = None;
        }
        Ok(Ended { status, stdout, stderr })
    }
}

#[cfg(not(windows))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// `cmd.exe` wants one more pair of quotes around the command, and no escaping.
#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd.exe");
    shell.arg("/C").raw_arg(format!("\"{command}\""));
    shell
}

/// Reads to the end, and keeps the beginning.
async fn drain(pipe: Option<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    (&mut pipe).take(OUTPUT_BYTES_MAX).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// The name of a command's program, in quotes. Its arguments may be secret.
pub(super) fn program_of(command: &str) -> String {
    let command = command.trim();
    let name = match command.chars().next() {
        Some(quote @ ('"' | '\'')) => command[1..].split(quote).next(),
        _ => command.split_whitespace().next(),
    };
    format!("“{}”", name.unwrap_or_default())
}

/// The first line that is not empty, with `…` for words that could be keys.
fn first_line(stderr: &[u8]) -> String {
    const CHARS_MAX: usize = 300;
    const KEY_CHARS_MIN: usize = 40;
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let safe = |word: &str| {
        let could_be_key = word.chars().count() >= KEY_CHARS_MIN && !word.contains("://");
        if could_be_key { "…".to_owned() } else { word.chars().filter(|c| !c.is_control()).collect() }
    };
    let words: Vec<String> = line.split_whitespace().map(safe).collect();
    words.join(" ").chars().take(CHARS_MAX).collect()
}

/// A printed object; like the SDK, takes its names in any case.
struct Printed(Map<String, Value>);

impl Printed {
    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn needed(&self, name: &'static str) -> Result<&str, Failure> {
        self.text(name).ok_or(Failure::NoField(name))
    }
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>
fn keys_in(stdout: &[u8], account: Option<&str>) -> Result<Credentials, Failure> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(stdout) else { return Err(Failure::NoObject) };
    let printed = Printed(fields);
    match printed.get("Version") {
        Some(Value::Number(version)) if version.as_i64() == Some(1) => {}
        Some(Value::Number(version)) => return Err(Failure::OtherVersion(version.clone())),
        _ => return Err(Failure::NoVersion),
    }
    let mut keys = Credentials::builder()
        .access_key_id(printed.needed("AccessKeyId")?)
        .secret_access_key(printed.needed("SecretAccessKey")?)
        .provider_name("CredentialProcess");
    keys.set_session_token(printed.text("SessionToken").map(str::to_owned));
    if let Some(expiry) = printed.text("Expiration") {
        let at: jiff::Timestamp = expiry.parse().map_err(|_error| Failure::NoTime)?;
        if SystemTime::from(at) <= SystemTime::now() {
            return Err(Failure::Expired(at));
        }
        keys.set_expiry(Some(at.into()));
    }
    keys.set_account_id(printed.text("AccountId").or(account).map(Into::into));
    let mut keys = keys.build();
    keys.get_property_mut_or_default::<Vec<AwsCredentialFeature>>()
        .push(AwsCredentialFeature::CredentialsProcess);
    Ok(keys)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_mins(1);

    async fn run(command: &str) -> Result<Credentials, AwsError> {
        keys(command, "work", None, TIMEOUT).await
    }

    #[tokio::test]
    async fn keys_that_a_program_prints_are_read() {
        let printed = r#"printf '{"Version":1,"AccessKeyId":"AKIAEXAMPLE","secretAccessKey":"s","SessionToken":"t","Expiration":"2099-01-01T00:00:00+00:00"}'"#;
        let keys = run(printed).await.expect("keys");
        assert_eq!(
            (keys.access_key_id(), keys.secret_access_key(), keys.session_token()),
            ("AKIAEXAMPLE", "s", Some("t"))
        );
        assert!(keys.expiry().is_some_and(|at| at > SystemTime::now()));
    }

    #[tokio::test]
    async fn what_a_program_does_wrong_is_said_with_the_first_line_of_its_stderr_and_no_secret() {
        for (command, wanted) in [
            (
                "echo >&2; echo 'sso session timed out' >&2; echo more >&2; exit 3",
                "exit status: 3; it said: sso session timed out",
            ),
            ("/no/such/program --token=abc", "is not there"),
            ("echo nothing", "did not print the JSON"),
            (
                r#"echo '{"Version":2,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"never-shown"}'"#,
                "Version 2",
            ),
            (r#"echo '{"Version":1,"AccessKeyId":"AKIAEXAMPLE"}'"#, "no SecretAccessKey"),
            (
                r#"echo '{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"never-shown","Expiration":"2001-01-01T00:00:00Z"}'"#,
                "already expired",
            ),
            (
                r#"echo '{"Version":1,"AccessKeyId":"AKIAEXAMPLE","SecretAccessKey":"never-shown","Expiration":"soon"}'"#,
                "no time",
            ),
            ("echo wJalrXUtnFEMIxK7MDENGxbPxRfiCYEXAMPLEKEY is bad >&2; false", "it said: … is bad"),
        ] {
            let fault = run(command).await.expect_err(command);
            assert_eq!(&*fault.code, error_code::CREDENTIAL_PROCESS_FAILED, "{command}");
            assert!(fault.message.contains(wanted), "{command}: {fault}");
            for secret in ["never-shown", "wJalr", "--token"] {
                assert!(!fault.message.contains(secret), "{command}: {fault}");
            }
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let command = format!(
            "echo $$ >> {0}; (echo $(exec sh -c 'echo $PPID') >> {0}; sleep 600) ; true",
            pids.display()
        );
        let fault =
            keys(&command, "work", None, Duration::from_millis(700)).await.expect_err("it does not end");
        assert_eq!(&*fault.code, error_code::CREDENTIAL_PROCESS_SILENT);
        assert!(fault.message.contains("“echo”"), "{fault}");
        all_end(&std::fs::read_to_string(&pids).expect("it ran")).await;
    }

    async fn all_end(pids: &str) {
        let alive = || {
            pids.lines().any(|pid| {
                // A process that has ended and was not waited for is a zombie until init reaps it.
                std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
            })
        };
        for _ in 0..500 {
            if !alive() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it still runs: {pids}");
    }

    /// A pipe that cannot be read.
    struct Broken;

    impl AsyncRead for Broken {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            std::task::Poll::Ready(Err(io::ErrorKind::Other.into()))
        }
    }

    #[tokio::test]
    async fn a_program_whose_output_cannot_be_read_is_ended_with_what_it_started() {
        let mut running = Running::start("sleep 600 >/dev/null 2>&1 & echo $!; echo $$").expect("a shell");
        let mut pids = String::new();
        running.child.stdout.take().expect("a pipe").take(64).read_to_string(&mut pids).await.expect("text");
        assert!(running.end(Some(Broken), None::<Broken>).await.is_err());
        drop(running);
        all_end(&pids).await;
    }

    #[test]
    fn of_a_command_only_the_program_is_named() {
        assert_eq!(program_of("op run --token=abc"), "“op”");
        assert_eq!(program_of("\"/opt/my tool/keys\" --secret x"), "“/opt/my tool/keys”");
    }
}
