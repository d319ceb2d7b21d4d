//! The processes that a test starts: kinesalite, `tributary serve`, an SDK's script. Each listens on loopback if it can
//! be configured, and is ended by its own id, also when the test panics.

use crate::calls::Call;
use crate::from_environment;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tributary::engine::RunningEngine;

pub const WRITE_KEY: &str = "peers-write-key";
/// A second key, in the form by which Customer.io's SDKs recognise a key with a region.
pub const REGION_KEY: &str = "pk_us_peers";
pub const STREAM: &str = "events";
const TRIBUTARY: &str = env!("CARGO_BIN_EXE_tributary");
/// A key for kinesalite, which only checks the form.
pub const AWS_KEY: (&str, &str) = ("AKIAEXAMPLE", "secret");

/// A process that does not outlive its test.
pub struct Guard(pub Child);

impl Guard {
    /// How it ended; `None`: it still runs after `limit`.
    fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            let ended = self.0.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > limit {
                return ended;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Neither does anything to a child that has ended and was waited for.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The folder in which `npm ci` installed `package.json`.
pub fn node_modules() -> PathBuf {
    let folder = from_environment("TRIBUTARY_TEST_NODE_MODULES");
    let folder = folder.expect(
        "set TRIBUTARY_TEST_NODE_MODULES to the node_modules folder of `npm ci` beside a copy of tests/peers/package.json",
    );
    let folder = PathBuf::from(folder);
    assert!(folder.is_absolute() && folder.is_dir(), "no such folder: {}", folder.display());
    folder
}

/// A running kinesalite. It binds all interfaces, which cannot be configured.
pub struct Kinesalite {
    _child: Guard,
    pub url: String,
}

impl Kinesalite {
    pub fn start(node_modules: &Path) -> Self {
        let cli = node_modules.join("kinesalite/cli.js");
        assert!(cli.is_file(), "{} is not there: see tests/peers/package.json", cli.display());
        // The port is free when it is chosen, and may be taken by another process a moment later.
        (0..5).find_map(|_| Self::try_start(&cli)).expect("kinesalite listens")
    }

    fn try_start(cli: &Path) -> Option<Self> {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let at_once = ["--createStreamMs", "0", "--deleteStreamMs", "0", "--updateStreamMs", "0"];
        let child = Command::new("node")
            .arg(cli)
            .args(["--port", &port.to_string()])
            .args(at_once)
            .args(["--shardLimit", "500"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut child = Guard(child);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line.starts_with("Listening").then(|| Self { _child: child, url: format!("http://127.0.0.1:{port}") })
    }
}

/// A running ministack, another independent Kinesis, with IAM, STS and signatures that it checks.
pub struct Ministack {
    _listening: Listening,
    pub url: String,
}

/// A running kinesis-mock, an independent Kinesis. It binds all interfaces, which cannot be configured.
pub struct KinesisMock {
    _listening: Listening,
    pub url: String,
}

/// A running moto, another one.
pub struct Moto {
    _listening: Listening,
    pub url: String,
}

/// A server in a folder of its own.
pub struct Listening {
    _child: Guard,
    folder: TempDir,
}

impl Listening {
    /// Starts what `command` makes of a free port, and waits until it accepts connections. Returns its URL too.
    pub fn start(command: impl Fn(u16) -> Command) -> (Self, String) {
        // The port is free when it is chosen, and may be taken by another process a moment later.
        (0..5).find_map(|_| Self::try_start(&command)).expect("the server listens")
    }

    fn try_start(command: impl Fn(u16) -> Command) -> Option<(Self, String)> {
        let address = free_address();
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = command(address.port());
        command.current_dir(folder.path()).env("HOME", folder.path());
        reach_loopback_directly(&mut command);
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let mut child = Guard(child.expect("the server starts"));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if child.0.try_wait().unwrap().is_some() || start.elapsed() > Duration::from_mins(1) {
                return None;
            }
            thread::sleep(Duration::from_millis(50));
        }
        Some((Self { _child: child, folder }, format!("http://{address}")))
    }

    /// Its output so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

/// An address that is free now, and may be taken by another process a moment later.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

impl KinesisMock {
    pub fn start() -> Self {
        let (listening, url) = Listening::start(|port| {
            let package = node_modules().join("kinesis-local");
            let mut command = Command::new("node");
            command.arg(package.join("main.js"));
            command.env("KINESIS_MOCK_CERT_PATH", package.join("server.json"));
            // Its TLS port cannot be switched off.
            command.env("KINESIS_MOCK_PLAIN_PORT", port.to_string());
            command.env("KINESIS_MOCK_TLS_PORT", free_address().port().to_string());
            command.env("SHARD_LIMIT", "500").env("LOG_LEVEL", "ERROR");
            #[rustfmt::skip]
            let changes = ["CREATE_STREAM", "DELETE_STREAM", "REGISTER_STREAM_CONSUMER", "DEREGISTER_STREAM_CONSUMER",
                "START_STREAM_ENCRYPTION", "STOP_STREAM_ENCRYPTION", "MERGE_SHARDS", "SPLIT_SHARD", "UPDATE_SHARD_COUNT",
                "UPDATE_STREAM_MODE"];
            for change in changes {
                command.env(format!("{change}_DURATION"), "0ms");
            }
            command
        });
        Self { _listening: listening, url }
    }
}

impl Moto {
    pub fn start() -> Self {
        let (listening, url) = Listening::start(|port| {
            let mut command = Command::new(python());
            command.args(["-m", "moto.server", "--host", "127.0.0.1", "--port", &port.to_string()]);
            command
        });
        Self { _listening: listening, url }
    }
}

impl Ministack {
    /// The keys with all permissions.
    pub const ROOT: (&str, &str) = ("test", "test");

    pub fn start() -> Self {
        let (listening, url) = Listening::start(|port| {
            let mut command = Command::new(python());
            command.args(["-m", "ministack"]);
            command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
            command.env("SERVICES", "kinesis,sts,iam,kms").env("AUTH", "true");
            command
        });
        Self { _listening: listening, url }
    }

    /// An administrator's action: the arguments of `senders/iam.py`.
    pub fn iam(&self, words: &[&str]) -> serde_json::Value {
        let mut command = Command::new(python());
        command.arg(sender("iam.py")).arg(&self.url).args(words);
        serde_json::from_str(&run(&mut command, "")).unwrap()
    }
}

/// How the events of a test are delivered.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    pub operation: &'static str,
    pub encoding: &'static str,
}

/// `tributary serve`, the real binary, on folders of its own. It can be stopped and started again on them.
pub struct Serve {
    folder: TempDir,
    data: PathBuf,
    kinesis_url: String,
    delivery: Delivery,
    spool_bytes_max: Option<u64>,
    listen: SocketAddr,
    variables: Vec<(&'static str, String)>,
    /// The AWS keys are in AWS's own file, not in the environment.
    has_file: bool,
    child: Option<Guard>,
}

impl Serve {
    pub fn new(kinesis_url: &str, delivery: Delivery) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let kinesis_url = kinesis_url.to_owned();
        Self {
            folder,
            data,
            kinesis_url,
            delivery,
            spool_bytes_max: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            variables: Vec::new(),
            has_file: false,
            child: None,
        }
    }

    pub fn keep_data_in(&mut self, data: PathBuf) {
        self.data = data;
    }

    pub fn limit_spool(&mut self, bytes_max: u64) {
        self.spool_bytes_max = Some(bytes_max);
    }

    /// Listens at the same address at each start.
    pub fn listen_at(&mut self, address: SocketAddr) {
        self.listen = address;
    }

    /// Sets a variable of its environment, from the next start on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.to_owned()));
    }

    /// Writes AWS keys into `~/.aws/credentials`, also while it runs.
    pub fn write_keys(&mut self, id: &str, secret: &str) {
        self.has_file = true;
        let folder = self.folder.path().join(".aws");
        std::fs::create_dir_all(&folder).unwrap();
        let text = format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n");
        std::fs::write(folder.join("credentials"), text).unwrap();
    }

    /// Its output so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default()
    }

    pub fn reach_kinesis_at(&mut self, url: String) {
        self.kinesis_url = url;
    }

    /// Starts it on a free port, and waits until it accepts events.
    pub fn start(&mut self) -> SocketAddr {
        assert!(self.child.is_none(), "it runs already");
        let log =
            File::options().create(true).append(true).open(self.folder.path().join("serve.log")).unwrap();
        let mut command = self.command("serve");
        command.args(self.destination()).args(["--listen", &self.listen.to_string()]);
        command.args(["--write-key", WRITE_KEY, "--write-key", REGION_KEY]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let pid = child.id();
        let child = self.child.insert(Guard(child));
        let start = Instant::now();
        loop {
            // An earlier process that was killed has left its own file.
            if let Some(engine) = RunningEngine::find(&self.data).filter(|engine| engine.pid == pid) {
                return engine.endpoint.strip_prefix("http://").unwrap().parse().unwrap();
            }
            let ended = child.0.try_wait().unwrap();
            let late = start.elapsed() > Duration::from_secs(30);
            assert!(ended.is_none() && !late, "serve ended ({ended:?}) or is late");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends SIGTERM, and waits until it has drained and says so.
    pub fn stop(&mut self) {
        let mut child = self.child.take().expect("it runs");
        let pid = child.0.id();
        // The shell's own `kill`: there is one wherever there is a shell.
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status().unwrap();
        assert!(sent.success(), "no SIGTERM: {sent}");
        let ended = child.ended(Duration::from_secs(40)).expect("serve ends after SIGTERM");
        assert!(ended.success(), "serve ends with {ended}");
    }

    /// Sends SIGKILL: nothing durable may depend on a clean end.
    pub fn kill(&mut self) {
        drop(self.child.take().expect("it runs"));
    }

    pub fn tail(&self) -> String {
        let mut command = self.command("tail");
        answer(command.args(self.destination()))
    }

    /// The bytes of the records, not decoded.
    pub fn tail_raw(&self) -> String {
        let mut command = self.command("tail");
        answer(command.arg("--raw").args(self.destination()))
    }

    /// The stdout of a command that must succeed, on the same settings and data.
    pub fn answer(&self, words: &[&str]) -> String {
        answer(self.command(words[0]).args(&words[1..]))
    }

    /// The answer of the check of the public address.
    pub fn check_endpoint(&self) -> serde_json::Value {
        serde_json::from_str(&self.answer(&["check", "--endpoint", "--json"])).unwrap()
    }

    /// Every event of the delivery log, oldest first.
    pub fn log(&self) -> Vec<serde_json::Value> {
        let lines = answer(self.command("log").arg("--json"));
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn ledger(&self) -> serde_json::Value {
        let mut command = self.command("log");
        serde_json::from_str(&answer(command.args(["--summary", "--json"]))).unwrap()
    }

    fn command(&self, name: &str) -> Command {
        let folder = self.folder.path();
        let mut command = Command::new(TRIBUTARY);
        command.arg(name).arg("--config").arg(folder.join("config.toml"));
        command.arg("--data-dir").arg(&self.data);
        command.env_clear().env("HOME", folder).env("PATH", "");
        // The small disks of these tests are filled to the last byte.
        command.env("TRIBUTARY_SPOOL_MIN_FREE_BYTES", "0");
        if !self.has_file {
            command.env("AWS_ACCESS_KEY_ID", AWS_KEY.0).env("AWS_SECRET_ACCESS_KEY", AWS_KEY.1);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        if let Some(bytes) = self.spool_bytes_max {
            command.env("TRIBUTARY_SPOOL_MAX_BYTES", bytes.to_string());
        }
        command
    }

    fn destination(&self) -> [&str; 10] {
        let Delivery { operation, encoding } = self.delivery;
        let url = &self.kinesis_url;
        #[rustfmt::skip]
        let words = ["--endpoint-url", url, "--region", "us-east-1", "--stream", STREAM,
            "--operation", operation, "--encoding", encoding];
        words
    }
}

impl Drop for Serve {
    #[expect(clippy::print_stderr, reason = "the other half of a failed test's story")]
    fn drop(&mut self) {
        if thread::panicking() {
            let log = std::fs::read_to_string(self.folder.path().join("serve.log")).unwrap_or_default();
            eprintln!("serve wrote:\n{log}");
        }
    }
}

/// The stdout of a command that must succeed.
fn answer(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    assert!(status.success(), "{command:?} ends with {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// A script of `senders`, run by Node with the packages of `package.json`.
pub fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(sender(script)).env("NODE_PATH", node_modules());
    command
}

/// The interpreter that has the packages of `requirements.txt`.
pub fn python() -> String {
    from_environment("TRIBUTARY_TEST_PYTHON")
        .expect("set TRIBUTARY_TEST_PYTHON to the interpreter of a venv with tests/peers/requirements.txt")
}

fn by_python(script: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(sender(script));
    command
}

/// The program that `cargo build` makes of `senders/rust`.
fn rust_senders() -> String {
    from_environment("TRIBUTARY_TEST_RUST")
        .expect("set TRIBUTARY_TEST_RUST to the program that cargo build makes in tests/peers/senders/rust")
}

pub fn sender(script: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/senders").join(script)
}

/// The stdout of a short program that must succeed within a minute.
pub fn run(command: &mut Command, input: &str) -> String {
    let output = tempfile::tempdir().unwrap();
    let file = |name| File::create(output.path().join(name)).unwrap();
    let read = |name| String::from_utf8_lossy(&std::fs::read(output.path().join(name)).unwrap()).into_owned();
    reach_loopback_directly(command);
    command.stdin(Stdio::piped()).stdout(file("stdout")).stderr(file("stderr"));
    let mut child = Guard(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
    child.0.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let ended = child.ended(Duration::from_mins(1));
    let (stdout, stderr) = (read("stdout"), read("stderr"));
    let ended = ended.unwrap_or_else(|| panic!("{command:?} does not end:\n{stdout}{stderr}"));
    assert!(ended.success(), "{command:?} ends with {ended}:\n{stdout}{stderr}");
    stdout
}

fn reach_loopback_directly(command: &mut Command) {
    command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").env("PYTHONUTF8", "1");
}

/// An unmodified SDK, and the short script that makes the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sdk {
    Node,
    NodeLegacy,
    Python,
    /// One of the table in `senders/servers.js`.
    OnNode(&'static str),
    /// One of `senders/servers.py`.
    InPython(&'static str),
    /// One of `senders/rust`.
    InRust(&'static str),
    /// The core of `@segment/analytics-react-native`, on Node.
    ReactNative,
    /// In headless Chromium, one of the table in `senders/browsers.js`.
    InBrowser(&'static str),
    /// In headless Chromium.
    Next {
        loading: &'static str,
        delivery: &'static str,
    },
}

/// A script that makes its calls.
pub struct Sender {
    child: Guard,
    /// Writes the calls to the script, which reads them only as fast as it makes them, and returns the pipe if more
    /// calls follow.
    writer: JoinHandle<std::io::Result<Option<ChildStdin>>>,
    sdk: Sdk,
    calls: usize,
    output: TempDir,
}

impl Sdk {
    /// Makes the calls with `pause` between them.
    pub fn start(self, host: &str, calls: &[Call], pause: Duration) -> Sender {
        self.start_with(host, WRITE_KEY, calls, pause)
    }

    pub fn start_with(self, host: &str, write_key: &str, calls: &[Call], pause: Duration) -> Sender {
        self.launch(self.command([host, write_key], pause), calls, false)
    }

    /// The same, and more calls follow: see [`Sender::go_on`].
    pub fn begin(self, host: &str, calls: &[Call], pause: Duration) -> Sender {
        self.launch(self.command([host, WRITE_KEY], pause), calls, true)
    }

    /// In a browser that trusts the certificate with this public key: base64 of the SHA-256 of its DER.
    pub fn start_trusting(self, host: &str, calls: &[Call], key_hash: &str) -> Sender {
        let mut command = self.command([host, WRITE_KEY], Duration::ZERO);
        command.env("TRIBUTARY_TEST_KEY_HASH", key_hash);
        self.launch(command, calls, false)
    }

    fn command(self, place: [&str; 2], pause: Duration) -> Command {
        let mut command = match self {
            Self::Node => node("analytics-node.js"),
            Self::NodeLegacy => node("analytics-node-legacy.js"),
            Self::Next { .. } => node("analytics-next.js"),
            Self::Python => by_python("segment-analytics.py"),
            Self::OnNode(_) => node("servers.js"),
            Self::InPython(_) => by_python("servers.py"),
            Self::InRust(_) => Command::new(rust_senders()),
            Self::ReactNative => node("react-native.js"),
            Self::InBrowser(_) => node("browsers.js"),
        };
        if let Self::OnNode(name) | Self::InPython(name) | Self::InRust(name) | Self::InBrowser(name) = self {
            command.arg(name);
        }
        command.args(place);
        if let Self::Next { loading, delivery } = self {
            command.args([loading, delivery]);
        }
        command.arg(pause.as_millis().to_string());
        reach_loopback_directly(&mut command);
        command
    }

    fn launch(self, mut command: Command, calls: &[Call], more_to_come: bool) -> Sender {
        let output = tempfile::tempdir().unwrap();
        let file = |name| File::create(output.path().join(name)).unwrap();
        command.stdin(Stdio::piped()).stdout(file("stdout")).stderr(file("stderr"));
        let mut child = Guard(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")));
        let writer = write(child.0.stdin.take().unwrap(), calls, more_to_come);
        Sender { child, writer, sdk: self, calls: calls.len(), output }
    }
}

fn write(
    mut stdin: ChildStdin,
    calls: &[Call],
    more_to_come: bool,
) -> JoinHandle<std::io::Result<Option<ChildStdin>>> {
    let lines: String = calls.iter().map(Call::line).collect();
    let write = move || stdin.write_all(lines.as_bytes()).map(|()| more_to_come.then_some(stdin));
    thread::Builder::new().spawn(write).unwrap()
}

impl Sender {
    /// Makes the last calls, after those before.
    pub fn go_on(mut self, calls: &[Call]) -> Self {
        let stdin = self.writer.join().unwrap().unwrap().expect("begun with more to come");
        self.writer = write(stdin, calls, false);
        self.calls += calls.len();
        self
    }

    /// Waits until the SDK is done and has reported every call as successful.
    pub fn finish(self) {
        let sdk = self.sdk;
        let (told, stderr) = self.told();
        let refused: Vec<_> = told.iter().filter(|line| !line["error"].is_null()).collect();
        assert!(refused.is_empty(), "{sdk:?} was told of errors: {refused:?}\n{stderr}");
    }

    /// Waits until the SDK is done. Returns how many calls it reported as failed.
    pub fn refused(self) -> usize {
        self.told().0.iter().filter(|line| !line["error"].is_null()).count()
    }

    fn told(mut self) -> (Vec<serde_json::Value>, String) {
        // If the script ended early, its own output says more.
        drop(self.writer.join().unwrap());
        let ended = self.child.ended(Duration::from_mins(2));
        let read = |name| std::fs::read_to_string(self.output.path().join(name)).unwrap();
        let (stdout, stderr) = (read("stdout"), read("stderr"));
        let ended = ended.unwrap_or_else(|| panic!("{:?} does not end:\n{stdout}{stderr}", self.sdk));
        assert!(ended.success(), "{:?} ends with {ended}:\n{stderr}", self.sdk);
        let told: Vec<_> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(told.len(), self.calls, "one answer a call: {stdout}{stderr}");
        (told, stderr)
    }
}
