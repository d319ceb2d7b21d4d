//! The real program in a home of its own: settings, data folder and AWS variables that no other test sees.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use crate::wire::{self, Reply, wait_for};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use tempfile::TempDir;
use tributary::engine::RunningEngine;

pub const WRITE_KEY: &str = "write-key-of-the-tests-1234";

/// A user's home with settings and data.
pub struct Home {
    folder: TempDir,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Each line of stdout as JSON.
    pub fn lines(&self) -> Vec<serde_json::Value> {
        let parsed = self.stdout.lines().map(serde_json::from_str);
        parsed.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one line of stdout as JSON.
    pub fn line(&self) -> serde_json::Value {
        let mut lines = self.lines();
        assert_eq!(lines.len(), 1, "one line: {self:?}");
        lines.remove(0)
    }
}

impl Home {
    /// A home whose settings file has these lines and then the one source.
    pub fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("the system has a place for temporary files");
        let home = Self { folder };
        let source = format!("[[capture.sources]]\nname = \"Tests\"\nwrite_key = \"{WRITE_KEY}\"\n");
        std::fs::write(home.settings_file(), format!("{settings}\n{source}")).expect("the folder is ours");
        home
    }

    /// A home whose destination is a Kinesis-compatible server. `more`: further lines of `[destination]`.
    pub fn with_kinesis(url: &str, more: &str) -> Self {
        Self::new(&format!(
            "[destination]\nkind = \"kinesis\"\nregion = \"us-east-1\"\nstream = \"clicks\"\nendpoint_url = \"{url}\"\n{more}"
        ))
    }

    pub fn settings_file(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The file by which `send` and `tail` find the engine.
    pub fn state_file(&self) -> PathBuf {
        self.data_dir().join("engine.json")
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
        command.arg("--config").arg(self.settings_file()).arg("--data-dir").arg(self.data_dir());
        command.args(words).env_clear().env("HOME", self.folder.path());
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The home folder of the program's user.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// `tributary serve` with other variables: `None` removes one.
    pub fn serve_with(&self, words: &[&str], variables: &[(&str, Option<&str>)]) -> Serve {
        let mut command = self.command(&[&["serve", "--listen", "127.0.0.1:0"], words].concat());
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        self.started(command)
    }

    /// `tributary serve` with another stderr and further variables.
    pub fn serve_telling(&self, stderr: Stdio, variables: &[(&str, &str)]) -> Serve {
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.stderr(stderr).envs(variables.iter().copied());
        self.started(command)
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Ended {
        let output = self.command(words).output().expect("the program starts");
        Ended {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// `tributary serve` on a free port, once it listens.
    pub fn serve(&self, words: &[&str]) -> Serve {
        self.started(self.command(&[&["serve", "--listen", "127.0.0.1:0"], words].concat()))
    }

    /// The same, with a limit of open files, if the system supports it.
    pub fn serve_with_files(&self, count: u32) -> Serve {
        self.serve_after(&format!("ulimit -n {count} || true"), &[])
    }

    /// The same, from a shell that ran `before` first.
    pub fn serve_after(&self, before: &str, words: &[&str]) -> Serve {
        let plain = self.command(&[&["serve", "--listen", "127.0.0.1:0"], words].concat());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]);
        shell.arg(plain.get_program()).args(plain.get_args()).env_clear();
        shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        self.started(shell)
    }

    fn started(&self, mut command: Command) -> Serve {
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(String::new()));
        let reading = Arc::clone(&log);
        // A pipe that the command holds would stay open.
        drop(command);
        let reader = child.stderr.take().map(|stderr| {
            let read = move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    let mut log = reading.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push_str(&line);
                    log.push('\n');
                }
            };
            let reader = std::thread::Builder::new().name("stderr".to_owned()).spawn(read);
            reader.expect("the system gives a thread")
        });
        let address = wait_for("the program listens", || {
            let ended = child.try_wait().expect("the child is ours");
            assert!(ended.is_none(), "it ended: {}", log.lock().unwrap_or_else(PoisonError::into_inner));
            let found = RunningEngine::find(&self.data_dir()).filter(|found| found.pid == child.id())?;
            found.endpoint.strip_prefix("http://")?.parse().ok()
        });
        Serve { child, address, log, reader }
    }
}

/// Sends SIGTERM, by the shell's own `kill`.
pub fn terminate(child: &Child) {
    let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", child.id())]).status();
    assert!(kill.expect("there is a shell").success());
}

/// A running `tributary serve`, killed when dropped.
pub struct Serve {
    child: Child,
    pub address: SocketAddr,
    log: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

impl Serve {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its resident memory, if `/proc` tells it.
    pub fn resident_kib(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
    }

    /// What it wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sends SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().expect("the child runs");
        self.child.wait().expect("the child is ours");
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        terminate(&self.child);
    }

    /// Waits until it ends by itself. Returns its whole log.
    pub fn wait(&mut self) -> (ExitStatus, String) {
        let status = wait_for("the program ends", || self.child.try_wait().expect("the child is ours"));
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading lines does not panic");
        }
        (status, self.log())
    }

    /// Stops it in order. Returns its whole log.
    pub fn stop(mut self) -> String {
        self.terminate();
        let (status, log) = self.wait();
        assert!(status.success(), "{status}: {log}");
        log
    }

    pub fn metrics(&self) -> String {
        wire::get(self.address, "/metrics").text()
    }

    /// Waits until nothing is queued.
    pub fn wait_drained(&self) {
        wire::wait_until("nothing is queued", || {
            wire::metric(&self.metrics(), "tributary_queued_events") == 0
        });
    }

    pub fn wait_state(&self, state: &str) {
        let line = format!("tributary_forwarder_state{{state=\"{state}\"}} 1");
        wire::wait_until(state, || self.metrics().lines().any(|seen| seen == line));
    }

    /// Posts one call and expects 200.
    pub fn accept(&self, path: &str, body: &str) -> Reply {
        let reply = wire::send(self.address, "POST", path, &key_header(WRITE_KEY), body.as_bytes());
        assert_eq!(reply.status, 200, "{reply:?}");
        reply
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The header that SDKs send.
pub fn key_header(key: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{key}:")))
}
