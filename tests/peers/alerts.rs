//! Alerts reach a real mail server (aiosmtpd: plain on loopback, STARTTLS and TLS with a user) and a real web server (Flask),
//! sent by the real program.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use crate::processes::{Listening, python};
use rcgen::{CertificateParams, CertifiedKey, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

const WAIT_MAX: Duration = Duration::from_secs(40);

fn receiver(name: &str, words: &[&str]) -> (Listening, u16) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/receivers").join(name);
    let (listening, url) = Listening::start(|port| {
        let mut command = Command::new(python());
        command.arg(&script).arg(port.to_string()).args(words);
        command
    });
    let port = url.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a URL with a port");
    (listening, port)
}

/// The lines of JSON that a receiver has printed, once there are some.
fn told(receiver: &Listening, count: usize) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let said = receiver.said();
        let lines: Vec<Value> = said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(start.elapsed() < WAIT_MAX, "{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A folder with the settings of one alert.
struct Home(TempDir);

impl Home {
    fn new(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!("[[alerts]]\nname = \"On call\"\nafter_seconds = 0\n{lines}\n");
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        Self(folder)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
        command.env_clear().env("HOME", self.0.path());
        command.arg("--config").arg(self.0.path().join("config.toml"));
        command.arg("--data-dir").arg(self.0.path().join("data")).args(words);
        command
    }

    fn test(&self, trusted: Option<&Path>) -> Output {
        let mut command = self.command(&["alerts", "--test"]);
        if let Some(trusted) = trusted {
            command.env("SSL_CERT_FILE", trusted);
        }
        command.output().unwrap()
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `cert.pem`, which is its own authority, and `key.pem` for localhost; and the password's file.
fn certificate() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } = certified();
    std::fs::write(folder.path().join("cert.pem"), cert.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.path().join("password"), "right horse\n").unwrap();
    folder
}

fn certified() -> CertifiedKey<KeyPair> {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    CertifiedKey { cert, signing_key: key }
}

const MAIL: &str = "kind = \"email\"\nfrom = \"Tributary <tributary@example.com>\"\n\
                    recipients = [\"ops@example.com\", \"Ada <ada@example.com>\"]\n";

#[test]
fn a_relay_on_this_machine_takes_the_mail_without_tls() {
    let (server, port) = receiver("mail.py", &["plain"]);
    let home = Home::new(&format!("{MAIL}smtp = \"smtp://127.0.0.1:{port}\""));
    let sent = home.test(None);
    assert!(sent.status.success(), "{}", text(&sent));
    let mail = told(&server, 1).remove(0);
    assert_eq!(mail["from"], "tributary@example.com");
    assert_eq!(mail["to"], serde_json::json!(["ops@example.com", "ada@example.com"]));
    let subject = mail["subject"].as_str().unwrap();
    assert!(
        subject.starts_with("[Tributary on ") && subject.ends_with("] Test: This is a test"),
        "{subject}"
    );
    let body = mail["text"].as_str().unwrap();
    assert!(body.contains("What to do: Nothing to do: alerts reach you."), "{body}");
    assert!(body.contains("0 events wait on disk; 0 failed. The spool is 0 % full"), "{body}");
}

#[test]
fn a_server_with_a_user_gets_the_password_over_tls_alone() {
    for (mode, scheme) in [("tls", "smtps"), ("starttls", "smtp")] {
        let files = certificate();
        let folder = files.path().to_str().unwrap();
        let (server, port) = receiver("mail.py", &[mode, folder]);
        let user = format!("smtp_user = \"tributary\"\nsmtp_password_file = \"{folder}/password\"");
        let home = Home::new(&format!("{MAIL}smtp = \"{scheme}://localhost:{port}\"\n{user}"));
        let untrusted = home.test(None);
        assert_eq!(untrusted.status.code(), Some(1), "{mode}: {}", text(&untrusted));
        let trusted = files.path().join("cert.pem");
        let sent = home.test(Some(&trusted));
        assert!(sent.status.success(), "{mode}: {}", text(&sent));
        let mail = told(&server, 1).remove(0);
        assert_eq!((&mail["user"], &mail["tls"]), (&"tributary".into(), &true.into()), "{mode}: {mail}");
        std::fs::write(files.path().join("password"), "wrong horse\n").unwrap();
        let refused = home.test(Some(&trusted));
        let said = text(&refused);
        assert_eq!(refused.status.code(), Some(1), "{mode}: {said}");
        assert!(
            said.contains("the mail server localhost did not take it (") && said.contains("535"),
            "{mode}: {said}"
        );
        assert!(!said.contains("wrong horse"), "{said}");
        assert_eq!(told(&server, 1).len(), 1, "{mode}: only the right password sends");
    }
}

#[test]
fn a_web_server_that_is_busy_gets_the_same_alert_again() {
    let (server, port) = receiver("webhook.py", &[]);
    let home = Home::new(&format!("url = \"http://127.0.0.1:{port}/hook/s3cret\"\non = [\"silent\"]"));
    let first = home.test(None);
    assert_eq!(first.status.code(), Some(1));
    let said = text(&first);
    assert!(
        said.contains("answered 503 Service Unavailable: come again") && !said.contains("s3cret"),
        "{said}"
    );
    assert!(home.test(None).status.success());
    let told = told(&server, 2);
    for one in &told {
        assert_eq!((&one["secret"], &one["type"]), (&"s3cret".into(), &"application/json".into()));
        assert_eq!((&one["body"]["state"], &one["body"]["alert"]), (&"test".into(), &"On call".into()));
    }
}
