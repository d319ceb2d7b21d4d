//! Processes under test: the release binary, and the children that measure limits; their cost as Linux counts it. On
//! other systems CPU time and memory are not known (`None`).

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{load::micros, sink::Sink, template::WRITE_KEY};

/// Linux counts CPU time in hundredths of a second (`USER_HZ`, the same on every architecture that Rust supports well).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of all threads of a process, user and system.
pub fn cpu(pid: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may contain anything. After it, utime and stime are fields 14 and 15.
    let after = &stat[stat.rfind(')')? + 2..];
    let mut fields = after.split(' ').skip(11);
    let ticks: u32 = fields.next()?.parse::<u32>().ok()? + fields.next()?.parse::<u32>().ok()?;
    Some(TICK * ticks)
}

/// Resident bytes: the peak (`VmHWM`) or now (`VmRSS`).
pub fn memory(pid: u32, line: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'))?;
    Some(value.trim().strip_suffix(" kB")?.parse::<u64>().ok()? << 10)
}

/// A port that was free a moment ago.
pub fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}

/// The body of the answer to a GET, if its status was 200.
pub fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

/// AWS keys for a program that signs its requests: those of AWS's examples.
pub const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
    ("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
];

/// How the program under test runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// `tributary serve`.
    Headless,
    /// The desktop app. It takes no flags of `serve`, so the settings are in its environment.
    Window,
}

/// CPU time of a process's threads by name: of the engine's, or of all others.
fn cpu_of_threads(pid: u32, engine: bool) -> Option<Duration> {
    let mut all = Duration::ZERO;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
        // A thread may have ended meanwhile.
        let read = |name: &str| std::fs::read_to_string(thread.path().join(name)).ok();
        let Some((name, times)) = read("comm").zip(read("schedstat")) else { continue };
        let is_engine = name.starts_with("engine") || name.starts_with("spool-");
        if is_engine == engine {
            all += Duration::from_nanos(times.split(' ').next()?.parse().ok()?);
        }
    }
    Some(all)
}

/// The program under test, release build, in a data folder of its own. Killed when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// The capture endpoint.
    pub address: SocketAddr,
    /// Time from the start of the process until `/ready` is 200.
    pub start_up: Duration,
}

impl Server {
    /// Starts it on that folder and waits until it is ready. `args` are flags of `serve`.
    pub fn start(
        binary: &Path,
        face: Face,
        data_dir: &Path,
        sink: &Sink,
        args: &[&str],
    ) -> anyhow::Result<Self> {
        let address = free_address()?;
        let began = Instant::now();
        let log = std::fs::File::create(data_dir.join("stderr.txt"))?;
        // Hides this machine's AWS settings, without a warning that they are missing.
        let no_aws = data_dir.join("no-aws-settings");
        std::fs::write(&no_aws, "")?;
        let mut command = Command::new(binary);
        command
            .arg("--config")
            .arg(data_dir.join("config.toml"))
            .arg("--data-dir")
            .arg(data_dir.join("data"));
        let (listen, sink_url) = (address.to_string(), sink.url());
        let flags = [
            ["--region", "us-east-1"],
            ["--stream", "bench"],
            ["--account-id", "123456789012"],
            ["--endpoint-url", &sink_url],
            ["--listen", &listen],
        ];
        let flags: Vec<&str> = flags.as_flattened().iter().chain(args).copied().collect();
        match face {
            Face::Headless => {
                command.arg("serve").args(flags).args(["--write-key", WRITE_KEY]);
            }
            Face::Window => {
                let source =
                    format!("[[capture.sources]]\nname = \"benchmark\"\nwrite_key = \"{WRITE_KEY}\"\n");
                std::fs::write(data_dir.join("config.toml"), source)?;
                // As a user left it who watches the log, with the times of its frames in a file.
                std::fs::create_dir_all(data_dir.join("data"))?;
                std::fs::write(data_dir.join("data/window.json"), r#"{"place":"live"}"#)?;
                command.env("TRIBUTARY_LOG", "warn,frame=trace");
                command.env("TRIBUTARY_DESTINATION_KIND", "kinesis");
                for flag in flags.chunks_exact(2) {
                    let name = flag[0].trim_start_matches('-').replace('-', "_").to_uppercase();
                    let section = if name == "LISTEN" { "CAPTURE" } else { "DESTINATION" };
                    command.env(format!("TRIBUTARY_{section}_{name}"), flag[1]);
                }
            }
        }
        if let Some(file) = sink.ca_file() {
            command.env("AWS_CA_BUNDLE", file);
        }
        let child = command
            .envs(KEYS)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", &no_aws)
            .env("AWS_SHARED_CREDENTIALS_FILE", &no_aws)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("the release binary did not start")?;
        let mut server = Self { child, address, start_up: Duration::ZERO };
        while get(address, "/ready").is_none() {
            if let Some(status) = server.child.try_wait()? {
                let log = std::fs::read_to_string(data_dir.join("stderr.txt")).unwrap_or_default();
                anyhow::bail!("tributary ended with {status}: {log}");
            }
            anyhow::ensure!(began.elapsed() < Duration::from_secs(30), "not ready after 30 s");
            std::thread::sleep(Duration::from_millis(1));
        }
        server.start_up = began.elapsed();
        Ok(server)
    }

    /// CPU time so far.
    pub fn cpu(&self) -> Option<Duration> {
        cpu(self.child.id())
    }

    /// CPU time so far of the engine's threads: runtime and spool.
    pub fn engine_cpu(&self) -> Option<Duration> {
        cpu_of_threads(self.child.id(), true)
    }

    /// CPU time so far of all other threads: those of the window, of its drawing, and of the log's reader.
    pub fn other_cpu(&self) -> Option<Duration> {
        cpu_of_threads(self.child.id(), false)
    }

    /// Peak of resident bytes so far.
    pub fn memory_peak(&self) -> Option<u64> {
        memory(self.child.id(), "VmHWM")
    }

    /// Bytes resident now.
    pub fn memory_now(&self) -> Option<u64> {
        memory(self.child.id(), "VmRSS")
    }

    /// The time of a command of the same program on the same folder, and its output.
    pub fn time_command(binary: &Path, data_dir: &Path, args: &[&str]) -> anyhow::Result<(Duration, String)> {
        let began = Instant::now();
        let output = Command::new(binary)
            .arg("--config")
            .arg(data_dir.join("config.toml"))
            .arg("--data-dir")
            .arg(data_dir.join("data"))
            .args(args)
            .output()?;
        let took = began.elapsed();
        anyhow::ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok((took, String::from_utf8_lossy(&output.stdout).into_owned()))
    }

    /// A value of `/metrics`.
    pub fn metric(&self, name: &str) -> Option<u64> {
        let text = get(self.address, "/metrics")?;
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
    }

    /// The time of each of the window's frames so far, in microseconds; empty for [`Face::Headless`].
    pub fn frames(data_dir: &Path) -> anyhow::Result<Vec<u32>> {
        let log = std::fs::read_to_string(data_dir.join("stderr.txt"))?;
        let of_frame = |line: &str| {
            let ms: f64 = line.strip_suffix(" ms for the last one")?.rsplit(' ').next()?.parse().ok()?;
            Some(micros(Duration::try_from_secs_f64(ms / 1e3).ok()?))
        };
        Ok(log.lines().filter_map(of_frame).collect())
    }

    /// Waits until nothing is queued any more and the settlements are on disk.
    pub fn wait_until_empty(&self) -> anyhow::Result<()> {
        let until = Instant::now() + Duration::from_mins(1);
        while self.metric("tributary_queued_events") != Some(0) {
            anyhow::ensure!(Instant::now() < until, "events still wait after a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Sends SIGTERM, and returns how long draining took. On Windows the process is killed.
    pub fn stop(mut self) -> anyhow::Result<Duration> {
        let began = Instant::now();
        if cfg!(unix) {
            Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        } else {
            self.child.kill()?;
        }
        loop {
            if let Some(status) = self.child.try_wait()? {
                anyhow::ensure!(status.success() || cfg!(windows), "tributary serve ended with {status}");
                return Ok(began.elapsed());
            }
            anyhow::ensure!(began.elapsed() < Duration::from_secs(30), "still running 30 s after SIGTERM");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Ends a child. A child that has ended already is no error.
pub fn end(child: &mut Child) {
    drop(child.kill());
    drop(child.wait());
}
