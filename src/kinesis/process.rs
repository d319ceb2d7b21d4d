//! The program of a `credential_process`: run, read, and ended with everything that it started when it is given up.
//!
//! The SDK would run it too, but leaves it running when nobody waits for it any more, and its errors carry the program's
//! words where ours decide what to tell the user. What it prints on stdout is secret and never quoted; of stderr the first
//! line is, because programs say there what they want.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::{Duration, SystemTime},
};

use aws_credential_types::credential_feature::AwsCredentialFeature;
use aws_sdk_kinesis::config::Credentials as Keys;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
};

use crate::{delivery::AwsError, remedy};

/// More than this is no answer of keys.
const OUTPUT_BYTES_MAX: u64 = 1 << 20;

/// Ended with all that it started, unless it has ended by itself.
struct Running {
    child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl Drop for Running {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.group {
            // A group that has ended is none.
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).unwrap_or(());
        }
    }
}

/// Runs the command as AWS's tools do, and gives the keys that it prints. It gets so much time.
pub(super) async fn keys(
    command: &str,
    profile: &str,
    account: Option<&str>,
    patience: Duration,
) -> Result<Keys, AwsError> {
    let name = program_of(command);
    let failed = |text: String| {
        AwsError::new(
            "CredentialProcessFailed",
            remedy::about_profile(profile, &format!("the program {name} {text}")),
        )
    };
    let turn = turn_of(command);
    let _turn = turn.lock().await;
    let mut running = start(command).map_err(|error| failed(format!("did not start: {error}")))?;
    let Ok(ended) = tokio::time::timeout(patience, end(&mut running)).await else {
        let text =
            format!("the program {name} did not end within {} seconds and was ended", patience.as_secs());
        return Err(AwsError::new("CredentialProcessSilent", remedy::about_profile(profile, &text)));
    };
    let (status, stdout, stderr) = ended.map_err(|error| failed(format!("could not be read: {error}")))?;
    #[cfg(unix)]
    {
        running.group = None;
    }
    if !status.success() {
        let said = first_line(&stderr);
        let said = if said.is_empty() { "it said nothing".to_owned() } else { format!("it said: {said}") };
        // What a shell says of a program that it cannot find, or may not run.
        return Err(failed(match status.code() {
            Some(127) => format!("is not there ({said})"),
            Some(126) => format!("may not be run ({said})"),
            _ => format!("ended with {status}; {said}"),
        }));
    }
    keys_in(&stdout, account).map_err(failed)
}

/// One at a time: the forwarder, a check and a reader may want the same keys at once, and each would ask the person anew.
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

fn start(command: &str) -> std::io::Result<Running> {
    let mut shell = shell(command);
    // In a terminal the program may ask there; elsewhere nobody could answer, and it gets a group of its own, so that all
    // of it can be ended.
    let has_terminal = std::io::stdin().is_terminal();
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
    Ok(Running {
        child,
        #[cfg(unix)]
        group,
    })
}

#[cfg(not(windows))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]);
    shell
}

/// `cmd.exe` wants one more pair of quotes around it all, and no escaping.
#[cfg(windows)]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd.exe");
    shell.arg("/C").raw_arg(format!("\"{command}\""));
    shell
}

async fn end(running: &mut Running) -> std::io::Result<(std::process::ExitStatus, Vec<u8>, Vec<u8>)> {
    let (stdout, stderr) = (running.child.stdout.take(), running.child.stderr.take());
    let (stdout, stderr, status) = tokio::join!(all_of(stdout), all_of(stderr), running.child.wait());
    Ok((status?, stdout?, stderr?))
}

/// Reads to the end, so that the program never waits for us; keeps the beginning.
async fn all_of(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let Some(mut pipe) = pipe else { return Ok(Vec::new()) };
    let mut kept = Vec::new();
    (&mut pipe).take(OUTPUT_BYTES_MAX).read_to_end(&mut kept).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(kept)
}

/// The program alone: its arguments may be secret.
pub(super) fn program_of(command: &str) -> String {
    let command = command.trim();
    let name = match command.chars().next() {
        Some(quote @ ('"' | '\'')) => command[1..].split(quote).next(),
        _ => command.split_whitespace().next(),
    };
    format!("“{}”", name.unwrap_or_default())
}

/// What the program says, without words that could be keys.
fn first_line(stderr: &[u8]) -> String {
    const CHARS_MAX: usize = 300;
    const KEY_CHARS_MIN: usize = 40;
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let plain = |word: &str| {
        let is_long = word.chars().count() >= KEY_CHARS_MIN;
        let is_address = word.contains("://");
        if is_long && !is_address {
            "…".to_owned()
        } else {
            word.chars().filter(|c| !c.is_control()).collect()
        }
    };
    let words: Vec<String> = line.split_whitespace().map(plain).collect();
    words.join(" ").chars().take(CHARS_MAX).collect()
}

/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>; the names in any case, as the SDK
/// takes them.
fn keys_in(stdout: &[u8], account: Option<&str>) -> Result<Keys, String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(stdout) else {
        return Err("did not print the JSON object that AWS asks for".to_owned());
    };
    let field =
        |name: &str| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match field("Version") {
        Some(version) if version.as_i64() == Some(1) => {}
        Some(version) if version.is_number() => {
            return Err(format!("printed keys of Version {version}, and AWS's form has Version 1"));
        }
        _ => return Err("printed no number as Version, which AWS's form has (1)".to_owned()),
    }
    let text = |name: &str| field(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let needed = |name: &str| text(name).ok_or_else(|| format!("printed no {name}"));
    let mut keys = Keys::builder()
        .access_key_id(needed("AccessKeyId")?)
        .secret_access_key(needed("SecretAccessKey")?)
        .provider_name("CredentialProcess");
    keys.set_session_token(text("SessionToken").map(str::to_owned));
    if let Some(expiry) = text("Expiration") {
        let at: jiff::Timestamp = expiry
            .parse()
            .map_err(|_error| "printed an Expiration that is no time such as 2030-01-31T12:00:00Z")?;
        if SystemTime::from(at) <= SystemTime::now() {
            return Err(format!("printed keys that had already expired ({at}); it seems to keep old ones"));
        }
        keys.set_expiry(Some(at.into()));
    }
    keys.set_account_id(text("AccountId").or(account).map(Into::into));
    let mut keys = keys.build();
    keys.get_property_mut_or_default::<Vec<AwsCredentialFeature>>()
        .push(AwsCredentialFeature::CredentialsProcess);
    Ok(keys)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_mins(1);

    async fn run(command: &str) -> Result<Keys, AwsError> {
        keys(command, "work", None, PATIENCE).await
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
            assert_eq!(&*fault.code, "CredentialProcessFailed", "{command}");
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
        assert_eq!(&*fault.code, "CredentialProcessSilent");
        assert!(fault.message.contains("“echo”"), "{fault}");
        let text = std::fs::read_to_string(&pids).expect("it ran");
        let alive = || {
            text.lines().any(|pid| {
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
        panic!("it still runs: {text}");
    }

    #[test]
    fn of_a_command_only_the_program_is_named() {
        assert_eq!(program_of("op run --token=abc"), "“op”");
        assert_eq!(program_of("\"/opt/my tool/keys\" --secret x"), "“/opt/my tool/keys”");
    }
}
