//! `tributary practice --persist FILE`: whenever the power goes, the file is a whole state, with at least what it had when
//! the program was started.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tributary::practice;

use crate::disk::{State, read_in};
use crate::explore::{Focus, Plan};
use crate::program::{Connection, Settings, wait_until};
use crate::recording::Recording;
use crate::shim::Control;
use crate::verdict::Problem;

const FILE: &str = "streams.json";
const STREAM: &str = "clicks";

/// The program under the shim, killed between two operations when dropped.
struct Program<'a> {
    child: Child,
    address: SocketAddr,
    connection: Connection,
    control: &'a Control,
}

impl<'a> Program<'a> {
    fn start(recording: &'a Recording) -> Self {
        let mut command = recording.home.command(&["practice", "--port", "0", "--any-key", "--json"]);
        command.args(["--stream", STREAM, "--persist"]).arg(path(recording));
        command.envs(recording.variables()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it says that it is ready");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
        let url = ready["endpointUrl"].as_str().expect("its address");
        let address: SocketAddr = url.trim_start_matches("http://").parse().expect("an address");
        let connection = Connection::open(address).expect("it listens");
        Self { child, address, connection, control: &recording.control }
    }

    fn put(&mut self, text: &str) {
        let body = format!(r#"{{"StreamName":"{STREAM}","PartitionKey":"k","Data":"{text}"}}"#);
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nX-Amz-Target: Kinesis_20131202.PutRecord\r\n\
             Content-Type: application/x-amz-json-1.1\r\nX-Amz-Date: 20261122T000000Z\r\nAuthorization: AWS4-HMAC-SHA256 \
             Credential=any/20261122/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=00\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let (status, said) = self.connection.answer_to(&request).expect("it answers");
        assert_eq!(status, 200, "{said}");
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        self.control.kill(self.child.id());
        drop(self.child.wait());
    }
}

fn path(recording: &Recording) -> PathBuf {
    recording.home.data.join(FILE)
}

/// Texts of this run that the file has.
fn count(bytes: &[u8], run: &str) -> usize {
    String::from_utf8_lossy(bytes).matches(run).count()
}

/// Puts records until the file was written several times.
fn fill(recording: &Recording, run: &str) {
    let mut program = Program::start(recording);
    for round in 1..=4 {
        for _ in 0..10 {
            program.put(run);
        }
        wait_until("the file has them", || {
            std::fs::read(path(recording)).is_ok_and(|bytes| count(&bytes, run) == 10 * round)
        });
    }
}

#[test]
fn the_file_of_the_practice_stream_is_whole_whenever_the_power_goes() {
    let mut recording = Recording::new(Settings::default());
    std::fs::create_dir_all(&recording.home.data).expect("the folder is ours");
    fill(&recording, "YmVmb3Jl");
    recording.base = read_in(&recording.root);
    recording.log = recording.home.path().join("second.log");
    fill(&recording, "YWZ0ZXI=");
    let plan = Plan::new("keeping the practice stream", &recording).near(Focus::Names).at_least(100);
    plan.explore_with(&|state, _| judge(state)).must_be_whole();
}

fn judge(state: &State) -> Vec<Problem> {
    let problem = |kind, text| vec![Problem { kind, text }];
    let Some(Some(bytes)) = state.get(Path::new(FILE)) else { return problem("lost", "no file".to_owned()) };
    let streams = practice::Practice::new(practice::Settings::default());
    if let Err(error) = streams.restore(bytes) {
        return problem("damaged", error.to_string());
    }
    let found = count(bytes, "YmVmb3Jl");
    if found == 40 { Vec::new() } else { problem("lost", format!("{found} of 40 records are left")) }
}
