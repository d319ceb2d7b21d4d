//! The program's own log and its own tasks: a log that cannot be written ends and slows nothing, and a task that cannot
//! go on does not end unnoticed.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::binary::{Home, Serve, WRITE_KEY};
use crate::scripted::{Answer, FAILING, Scripted};
use crate::wire::{Connection, metric, wait_until};

const EVENT: &str = r#"{"userId":"u","event":"e"}"#;

/// The destination fails, so that there is something to log, and recovers: all events are delivered, and the program
/// ends in order.
fn delivers_and_ends(server: &Scripted, home: &Home, mut serve: Serve) {
    let mut sent = 0;
    wait_until("a line is lost", || {
        serve.accept("/v1/track", EVENT);
        sent += 1;
        metric(&serve.metrics(), "tributary_log_lines_lost_total") > 0
    });
    serve.wait_state("offline");
    server.set_rule(|_| Answer::Success);
    serve.wait_drained();
    serve.terminate();
    let (status, _) = serve.wait();
    assert_eq!(status.code(), Some(0));
    let sums = home.run(&["log", "--summary", "--json"]).line();
    assert_eq!((&sums["delivered"], &sums["queued"]), (&json!(sent), &json!(0)), "{sums}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_on_a_full_disk_ends_nothing_and_its_lost_lines_are_counted() {
    let server = Scripted::start(|_| FAILING);
    let home = Home::with_kinesis(&server.url, "");
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let serve = home.serve_telling(Stdio::from(full), &[]);
    delivers_and_ends(&server, &home, serve);
}

#[test]
fn a_log_whose_reader_is_gone_ends_nothing_and_its_lost_lines_are_counted() {
    let server = Scripted::start(|_| FAILING);
    let home = Home::with_kinesis(&server.url, "");
    let (reader, writer) = std::io::pipe().unwrap();
    let serve = home.serve_telling(Stdio::from(writer), &[]);
    drop(reader);
    delivers_and_ends(&server, &home, serve);
}

#[test]
fn a_log_that_nobody_reads_slows_nothing_and_its_lost_lines_are_counted() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let (reader, writer) = std::io::pipe().unwrap();
    let mut serve = home.serve_telling(Stdio::from(writer), &[]);
    let control = control_address(&home);
    let mut sent = 0;
    wait_until("a line is lost", || {
        // More lines than the pipe and the queue before it take: each request without the right key is one.
        for _ in 0..200 {
            let order = r#"{"key":"another","which":{"lines":[1]},"rate":null,"dryRun":true}"#;
            let mut caller = std::net::TcpStream::connect(&control).unwrap();
            writeln!(caller, "{order}").unwrap();
            // It gets no answer, and the next one is accepted.
            drop(caller.read(&mut [0]));
        }
        let of_user = |user| format!(r#"{{"type":"track","userId":"{user}","event":"e"}}"#);
        let events: Vec<_> = (0..50).map(of_user).collect();
        serve.accept("/v1/batch", &format!(r#"{{"batch":[{}]}}"#, events.join(",")));
        sent += events.len();
        metric(&serve.metrics(), "tributary_log_lines_lost_total") > 0
    });
    serve.wait_drained();
    assert_eq!(server.written_count(), sent);
    serve.terminate();
    let (status, _) = serve.wait();
    assert_eq!(status.code(), Some(0));
    drop(reader);
}

#[test]
fn a_command_that_fails_says_so_by_its_exit_code_where_stderr_is_closed() {
    let home = Home::new("");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = home.command(&["check", "--stream", "not a name!"]);
    let status = command.stderr(Stdio::from(writer)).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn the_log_at_its_most_detailed_holds_no_key() {
    let home = Home::new("");
    let serve = home.serve_with(&[], &[("TRIBUTARY_LOG", Some("trace,aws_sigv4=trace,hyper=trace"))]);
    serve.accept("/v1/track", EVENT);
    serve.wait_drained();
    let engine: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(home.state_file()).expect("written")).expect("JSON");
    let log = serve.stop();
    assert!(log.contains("DEBUG"), "the level is in force: {log}");
    let practice = &engine["practice"];
    for key in [&practice["access_key_id"], &practice["secret_access_key"], &engine["control"]["key"]] {
        let key = key.as_str().expect("a key");
        assert!(!key.is_empty() && !log.contains(key), "{log}");
    }
    assert!(!log.contains(WRITE_KEY), "{log}");
    // The forwarder's own access key is in no file, and AWS's key from the environment must not be in the log either.
    assert!(!log.contains("AKIA"), "{log}");
}

/// The address of the control port of a running engine.
fn control_address(home: &Home) -> String {
    let engine: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(home.state_file()).expect("written")).expect("JSON");
    engine["control"]["address"].as_str().expect("it takes orders").to_owned()
}

/// Limits the files that the program may open from now on. Open files stay open.
#[cfg(target_os = "linux")]
fn set_files_max(serve: &Serve, count: u64) {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    // The program inherited it from this process.
    let maximum = getrlimit(Resource::Nofile).maximum;
    let current = Some(maximum.map_or(count, |maximum| count.min(maximum)));
    let process = Pid::from_raw(serve.id().cast_signed());
    prlimit(process, Resource::Nofile, Rlimit { current, maximum }).expect("the process is ours");
}

/// A limit below the number of open files.
#[cfg(target_os = "linux")]
const NO_MORE: u64 = 3;
#[cfg(target_os = "linux")]
const ENOUGH: u64 = 4096;

#[cfg(target_os = "linux")]
#[test]
fn the_control_port_outlives_a_moment_without_file_descriptors() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let control = control_address(&home);
    set_files_max(&serve, NO_MORE);
    // The system accepts the connection, but the program has no descriptor for it.
    let caller = std::net::TcpStream::connect(&control).unwrap();
    wait_until("it says so", || {
        serve.log().contains("a connection to the control port could not be accepted")
    });
    set_files_max(&serve, ENOUGH);
    wait_until("the engine takes orders", || home.run(&["resend", "--all", "--dry-run"]).code == Some(0));
    drop(caller);
    serve.stop();
}

#[test]
fn a_flood_of_connections_leaves_the_other_ports_and_the_forwarder_their_file_descriptors() {
    let home = Home::new("");
    let serve = home.serve_with_files(80);
    let control = control_address(&home);
    let endpoint: Vec<_> = (0..100).map(|_| Connection::open(serve.address).unwrap()).collect();
    let callers = silent(&control, 20);
    for _ in 0..2 {
        serve.accept("/v1/track", EVENT);
        serve.wait_drained();
        wait_until("the engine takes orders", || home.run(&["resend", "--all", "--dry-run"]).code == Some(0));
    }
    drop((endpoint, callers));
    serve.stop();
}

/// TLS to AWS needs the machine's certificates, which are in a file.
#[test]
fn certificates_that_cannot_be_read_for_a_moment_are_said_and_read_again() {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    // A closed port.
    let home = Home::with_kinesis("https://127.0.0.1:9", "");
    let file = home.folder().join("certificates.pem");
    let serve = home.serve_with(&[], &[("SSL_CERT_FILE", file.to_str())]);
    serve.accept("/v1/track", EVENT);
    wait_until("it says why", || {
        serve.log().contains("the certificates that this machine trusts cannot be read")
    });
    std::fs::write(&file, certified.cert.pem()).unwrap();
    wait_until("it gets as far as the network", || serve.log().contains("Connection refused"));
    let log = serve.stop();
    assert!(!log.contains("panicked"), "{log}");
}

/// Opens connections to the control port that send nothing.
fn silent(control: &str, count: usize) -> Vec<std::net::TcpStream> {
    (0..count).map(|_| std::net::TcpStream::connect(control).expect("it listens")).collect()
}

#[test]
fn callers_without_the_key_keep_no_order_out() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let control = control_address(&home);
    for _ in 0..5 {
        let callers = silent(&control, 40);
        let ended = home.run(&["resend", "--all", "--dry-run"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        drop(callers);
    }
    serve.stop();
}

#[test]
fn an_order_that_is_being_carried_out_is_not_ended_by_callers_without_the_key() {
    let server = Scripted::start(|_| Answer::Success);
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    for _ in 0..3 {
        serve.accept("/v1/track", EVENT);
    }
    serve.wait_drained();
    let control = control_address(&home);
    let resend = ["resend", "--state", "delivered", "--rate", "1"];
    let mut command = home.command(&resend);
    let mut resending = command.spawn().unwrap();
    wait_until("the first is queued again", || server.written_count() > 3);
    let callers = silent(&control, 200);
    let ended = resending.wait().unwrap();
    assert!(ended.success(), "{ended}");
    drop(callers);
    serve.wait_drained();
    assert_eq!(server.written_count(), 6);
    serve.stop();
}

/// As a user without access to the data folder.
#[cfg(unix)]
#[test]
fn the_data_folder_of_another_user_is_called_that() {
    use std::os::unix::{fs::MetadataExt, fs::PermissionsExt, process::CommandExt};
    const NOBODY: u32 = 65_534;
    let home = Home::new("");
    home.serve(&[]).stop();
    let set = |path: &std::path::Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let is_root = std::fs::metadata(home.data_dir()).unwrap().uid() == 0;
    // Another user may have no access to the build folder.
    let program = home.folder().join("tributary");
    std::fs::copy(env!("CARGO_BIN_EXE_tributary"), &program).unwrap();
    for words in [&["log"][..], &["log", "--summary"], &["doctor", "--check"], &["resend", "--all"]] {
        let plain = home.command(words);
        let mut command = Command::new(&program);
        command.args(plain.get_args()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        if is_root {
            // A user with all rights cannot test that something is forbidden.
            set(home.folder(), 0o755);
            set(&home.settings_file(), 0o644);
            set(&home.data_dir(), 0o700);
            command.uid(NOBODY).gid(NOBODY);
        } else {
            set(&home.data_dir(), 0o000);
        }
        let ended = command.output().unwrap();
        set(&home.data_dir(), 0o700);
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{words:?}: {said}");
        assert!(said.contains("is not readable by this user: it belongs to"), "{words:?}: {said}");
    }
}
