//! The real program in a home of its own: started, asked, stopped and killed, with or without the shim.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::reading;
use crate::shim::{Control, RULES};

const WRITE_KEY: &str = "powerloss-key";
/// The key as HTTP Basic auth: the key and a colon, in Base64.
const AUTHORIZATION: &str = "Basic cG93ZXJsb3NzLWtleTo=";

/// Maximum time of any wait.
pub const WAIT_MAX: Duration = Duration::from_mins(1);

/// The settings that differ between scenarios.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A Kinesis-compatible server; `None`: events wait.
    pub endpoint: Option<String>,
    pub operation: &'static str,
    pub keep_events: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { endpoint: None, operation: "put-records", keep_events: 1_000_000 }
    }
}

impl Settings {
    fn text(&self) -> String {
        let destination = match &self.endpoint {
            None => "kind = \"practice\"\nenabled = false\n".to_owned(),
            Some(url) => format!(
                "kind = \"kinesis\"\nregion = \"us-east-1\"\nstream = \"clicks\"\nendpoint_url = \"{url}\"\noperation = \"{}\"\n",
                self.operation
            ),
        };
        format!(
            "[destination]\n{destination}[capture]\nlisten = \"127.0.0.1:0\"\n[[capture.sources]]\nname = \"Tests\"\n\
             write_key = \"{WRITE_KEY}\"\n[spool]\nmin_free_bytes = 0\n[log]\nkeep_events = {}\n",
            self.keep_events
        )
    }
}

/// A folder with settings, and the path of the data folder.
pub struct Home {
    folder: TempDir,
    pub data: PathBuf,
    lives: AtomicUsize,
}

/// A command that ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// The first line of its output as JSON, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.stdout.lines().next()?).ok()
    }
}

impl Home {
    /// A home in `place`, with the data folder `data` in it.
    pub fn new(place: &Path, data: &Path, settings: &Settings) -> Self {
        let folder = tempfile::Builder::new().prefix("powerloss-").tempdir_in(place);
        let folder = folder.expect("the place takes a folder");
        let home = Self { data: folder.path().join(data), folder, lives: AtomicUsize::new(0) };
        home.set(settings);
        home
    }

    /// Sets other settings, from the next start on.
    pub fn set(&self, settings: &Settings) {
        std::fs::write(self.path().join("config.toml"), settings.text()).expect("the folder is ours");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn command(&self, words: &[&str]) -> Command {
        #[expect(clippy::disallowed_methods, reason = "a test's own knob: another build to try")]
        let other = std::env::var_os("TRIBUTARY_POWERLOSS_PROGRAM");
        let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_tributary").into()));
        command.args(words).arg("--config").arg(self.path().join("config.toml"));
        command.arg("--data-dir").arg(&self.data).env_clear().env("HOME", self.path());
        command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE").env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).current_dir(self.path());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, words: &[&str]) -> Ended {
        ended(&mut self.command(words))
    }

    /// Starts `tributary serve` and waits until it listens. `Err`: its output when it ended instead.
    pub fn serve(&self, variables: &[(&str, &Path)]) -> Result<Serve, String> {
        let life = self.lives.fetch_add(1, Ordering::Relaxed);
        let stderr = self.path().join(format!("serve-{life}.log"));
        let mut command = self.command(&["serve"]);
        command.stderr(std::fs::File::create(&stderr).expect("the folder is ours"));
        command.envs(variables.iter().copied());
        let mut child = command.spawn().expect("the program starts");
        let end = Instant::now() + WAIT_MAX;
        loop {
            let said = std::fs::read_to_string(&stderr).unwrap_or_default();
            if let Some(address) = listening(&said) {
                let rules = variables.iter().find(|(name, _)| *name == RULES);
                let control = rules.map(|(_, path)| Control::of(path));
                return Ok(Serve { child, control, address, stderr });
            }
            let over = child.try_wait().expect("the child is ours").is_some();
            if over || Instant::now() > end {
                drop(child.kill());
                drop(child.wait());
                return Err(std::fs::read_to_string(&stderr).unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(4));
        }
    }
}

pub fn ended(command: &mut Command) -> Ended {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("the program starts");
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn listening(said: &str) -> Option<SocketAddr> {
    let rest = said.split_once("Listening on http://")?.1;
    let (address, _) = rest.split_once([';', '\n'])?;
    address.parse().ok()
}

/// A running `tributary serve`, killed when dropped.
pub struct Serve {
    child: Child,
    /// Absent: it does not run under the shim.
    control: Option<Control>,
    pub address: SocketAddr,
    stderr: PathBuf,
}

impl Serve {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub fn kill(&mut self) {
        match &self.control {
            Some(control) => control.kill(self.child.id()),
            None => self.child.kill().expect("the child is ours"),
        }
        self.child.wait().expect("the child is ours");
    }

    /// Sends SIGTERM, and waits until it has ended.
    pub fn stop(&mut self) -> ExitStatus {
        let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        assert!(kill.expect("there is a shell").success(), "{}", self.log());
        let end = Instant::now() + WAIT_MAX;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child is ours") {
                return status;
            }
            assert!(Instant::now() < end, "it does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(4));
        }
    }

    /// The value of a line of `/metrics`.
    pub fn metric(&self, name: &str) -> Option<u64> {
        let (_, text) =
            Connection::open(self.address).and_then(|mut one| one.ask("GET", "/metrics", "")).ok()?;
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Status and body of `/ready`.
    pub fn ready(&self) -> (u16, String) {
        let mut connection = Connection::open(self.address).expect("the endpoint listens");
        connection.ask("GET", "/ready", "").expect("the endpoint answers")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A connection that is kept alive, for one request at a time.
pub struct Connection {
    socket: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect_timeout(&address, WAIT_MAX)?;
        socket.set_read_timeout(Some(WAIT_MAX))?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, read: Vec::new() })
    }

    /// Our port, which identifies the answers in the log.
    pub fn port(&self) -> u16 {
        self.socket.local_addr().map_or(0, |address| address.port())
    }

    /// Status and body of the answer.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, String)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {AUTHORIZATION}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.answer_to(&request)
    }

    /// Status and body of the answer to a whole request.
    pub fn answer_to(&mut self, request: &str) -> io::Result<(u16, String)> {
        self.socket.write_all(request.as_bytes())?;
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(at) => break at + 4,
                None => reading::more(&self.socket, &mut self.read)?,
            }
        };
        let head = String::from_utf8_lossy(&self.read[..end]).to_ascii_lowercase();
        let length = head.split_once("content-length:").and_then(|(_, rest)| rest.lines().next());
        let length: usize = length.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        while self.read.len() < end + length {
            reading::more(&self.socket, &mut self.read)?;
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
        let body = String::from_utf8_lossy(&self.read[end..end + length]).into_owned();
        self.read.drain(..end + length);
        Ok((status, body))
    }
}

/// Waits until `holds`; `what` describes what did not come.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + WAIT_MAX;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
