//! Alerts that leave the machine: a real engine, a webhook that receives and one that fails, a program, and the command line.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU16, Ordering},
    },
};

use serde_json::Value;

use crate::{
    binary::{Home, Serve},
    received,
    wire::{adds_up, metric, wait_for, wait_until},
};

/// A webhook on loopback that remembers what it got, and answers with a status that can be changed.
struct Webhook {
    address: SocketAddr,
    got: Arc<Mutex<Vec<(String, Value)>>>,
    status: Arc<AtomicU16>,
}

impl Webhook {
    /// Serves until the process ends.
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (got, status) = (Arc::<Mutex<Vec<_>>>::default(), Arc::new(AtomicU16::new(200)));
        let (receiving, answer) = (Arc::clone(&got), Arc::clone(&status));
        let serve = move || {
            for mut socket in listener.incoming().map_while(Result::ok) {
                let Some((head, body)) = received::request(&socket) else { continue };
                let Ok(body) = serde_json::from_slice(&body) else { continue };
                receiving.lock().unwrap_or_else(PoisonError::into_inner).push((head, body));
                let status = answer.load(Ordering::Relaxed);
                let text = format!(
                    "HTTP/1.1 {status} Status\r\nContent-Length: 11\r\nConnection: close\r\n\r\nsaid by us\n"
                );
                drop(socket.write_all(text.as_bytes()));
            }
        };
        std::thread::Builder::new()
            .name("webhook".to_owned())
            .spawn(serve)
            .expect("the system gives a thread");
        Self { address, got, status }
    }

    /// Head and body of everything that it got.
    fn got(&self) -> Vec<(String, Value)> {
        self.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// State and condition of what it got, in order.
    fn told(&self) -> Vec<(String, String)> {
        let word = |body: &Value, key: &str| body[key].as_str().unwrap_or_default().to_owned();
        self.got().iter().map(|(_, body)| (word(body, "state"), word(body, "condition"))).collect()
    }
}

/// The spool is nearly full with some events.
const SMALL: &str = "[spool]\nmax_bytes = 65536\nmin_free_bytes = 0\n";

fn alert(lines: &str) -> String {
    format!("[[alerts]]\nname = \"On call\"\nafter_seconds = 0\n{lines}\n")
}

fn fill(serve: &Serve) {
    let text = "x".repeat(2000);
    for user in 0..5 {
        let event = format!(r#"{{"userId":"{user}","event":"Seen","properties":{{"text":"{text}"}}}}"#);
        assert_eq!(serve.accept("/v1/track", &event).status, 200);
    }
}

fn pair(state: &str, condition: &str) -> (String, String) {
    (state.to_owned(), condition.to_owned())
}

#[test]
fn a_webhook_hears_once_that_the_spool_fills_up_and_after_a_restart_that_it_is_over() {
    let webhook = Webhook::start();
    let lines = format!(
        "on = [\"spool\", \"blocked\"]\nspool_percent = 16\nurl = \"http://{}/hook/very-secret\"\nauthorization = \"Bearer very-secret\"",
        webhook.address
    );
    let home = Home::new(&format!("{SMALL}{}", alert(&lines)));
    let serve = home.serve_with(&[], &[("TRIBUTARY_DESTINATION_ENABLED", Some("false"))]);
    fill(&serve);
    wait_until("it was told", || {
        metric(&serve.metrics(), "tributary_alert_notifications_total{alert=\"On call\"}") == 1
    });
    assert_eq!(webhook.told(), [pair("firing", "spool")]);
    let (head, told) = webhook.got().remove(0);
    assert!(head.starts_with("POST /hook/very-secret HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("authorization: bearer very-secret\r\n"), "{head}");
    assert_eq!(
        (&told["queued"], &told["alert"], &told["destination"]),
        (&5.into(), &"On call".into(), &"practice stream".into())
    );
    assert!(
        told["spoolPercent"].as_u64() >= Some(16)
            && told["action"].as_str().is_some_and(|text| text.contains("spool.max_bytes")),
        "{told}"
    );
    wait_until("it is kept that it was told", || {
        let kept = std::fs::read(home.data_dir().join("alerts.json")).unwrap_or_default();
        let kept: Value = serde_json::from_slice(&kept).unwrap_or_default();
        kept["On call"]["told"][0].as_str().is_some_and(|incident| incident.starts_with("spool-"))
    });
    let log = serve.stop();
    assert!(log.contains("alert \"On call\": The spool is") && !log.contains("very-secret"), "{log}");

    // Now the events are delivered.
    let serve = home.serve(&[]);
    wait_until("it is over", || webhook.told().len() == 2);
    assert_eq!(webhook.told()[1], pair("resolved", "spool"));
    assert_eq!(webhook.got()[0].1["incident"], webhook.got()[1].1["incident"]);
    serve.wait_drained();
    let log = serve.stop();
    assert_eq!(webhook.told().len(), 2, "each is told once: {log}");
}

#[test]
fn a_webhook_that_fails_is_tried_again_is_visible_and_holds_nothing_up() {
    let webhook = Webhook::start();
    webhook.status.store(503, Ordering::Relaxed);
    let lines = format!(
        "kind = \"slack\"\non = [\"spool\"]\nspool_percent = 16\nurl = \"http://{}/very-secret\"",
        webhook.address
    );
    // Failed events stay in the spool: it stays above its share.
    let home = Home::new(&format!("{SMALL}{}", alert(&lines)));
    let serve = home.serve_with(&[], &[("TRIBUTARY_DESTINATION_ENABLED", Some("false"))]);
    fill(&serve);
    let failures = "tributary_alert_failures_total{alert=\"On call\"}";
    wait_until("two tries failed", || metric(&serve.metrics(), failures) >= 2);
    assert_eq!(metric(&serve.metrics(), "tributary_alert_waiting_notifications{alert=\"On call\"}"), 1);
    fill(&serve);
    assert!(adds_up(&serve.metrics()));
    webhook.status.store(200, Ordering::Relaxed);
    wait_until("it arrived", || {
        metric(&serve.metrics(), "tributary_alert_notifications_total{alert=\"On call\"}") == 1
    });
    let log = serve.stop();
    let problem = format!(
        "The alert \"On call\" cannot be sent: http://{}/… answered 503 Service Unavailable: said by us. Tributary tries again.",
        webhook.address
    );
    assert!(log.contains(&problem) && !log.contains("very-secret"), "{log}");
    let got = webhook.got();
    let texts: Vec<_> =
        got.iter().map(|(_, body)| body["text"].as_str().expect("Slack's shape").to_owned()).collect();
    assert!(texts.len() >= 3 && texts.windows(2).all(|pair| pair[0] == pair[1]), "the same one: {texts:?}");
    assert!(
        texts[0].starts_with("*[Tributary on ") && texts[0].contains("5 events wait on disk"),
        "{texts:?}"
    );
}

#[cfg(unix)]
#[test]
fn a_program_gets_the_json_and_its_failure_is_told_with_its_words() {
    let folder = tempfile::tempdir().expect("the system has a place for temporary files");
    let out = folder.path().join("told");
    let script = format!("cat > '{}'; echo not today >&2; exit 3", out.display());
    let settings = alert(&format!("kind = \"command\"\ncommand = [\"sh\", \"-c\", {script:?}]"));
    let home = Home::new(&settings);
    let ended = home.run(&["alerts", "--test", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let line = ended.line();
    assert_eq!((&line["sent"], &line["target"]), (&false.into(), &"sh".into()));
    assert!(
        line["error"].as_str().is_some_and(|why| why.starts_with("sh ended with exit status: 3: not today")),
        "{line}"
    );
    let told: Value = serde_json::from_str(&std::fs::read_to_string(&out).expect("it ran")).expect("JSON");
    assert_eq!((&told["state"], &told["version"]), (&"test".into(), &1.into()));
}

#[cfg(unix)]
#[test]
fn a_program_that_ended_well_told_somebody_whatever_it_printed_and_whoever_still_runs() {
    // A child of it goes on, and holds its stderr.
    let script = "sleep 20 & head -c 300000 /dev/zero | tr '\\0' x >&2; read -r json; exit $?";
    let home = Home::new(&alert(&format!("kind = \"command\"\ncommand = [\"sh\", \"-c\", {script:?}]")));
    let ended = home.run(&["alerts", "--test"]);
    assert_eq!(
        (ended.code, &*ended.stdout),
        (Some(0), "On call (command to sh): the test was taken\n"),
        "{ended:?}"
    );
}

#[test]
fn the_command_line_shows_alerts_without_secrets_and_tests_them() {
    let webhook = Webhook::start();
    let none = Home::new("").run(&["alerts"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("there are no alerts; add [[alerts]] to "), "{none:?}");
    let home = Home::new(&alert(&format!("url = \"http://{}/very-secret\"", webhook.address)));
    let shown_url = format!("http://{}/…", webhook.address);
    let shown = home.run(&["alerts"]);
    assert_eq!(
        (shown.code, &*shown.stdout),
        (
            Some(0),
            &*format!("On call (webhook to {shown_url}): blocked, failed, spool, oldest, silent, disk\n")
        )
    );
    let config = home.run(&["config"]);
    let table = format!(
        "[[alerts]]\nname = \"On call\"\nkind = \"webhook\"\nurl = \"{shown_url}\"\nafter_seconds = 0\n"
    );
    assert!(config.stdout.contains(&table), "{config:?}");
    assert!(!config.stdout.contains("very-secret"), "{config:?}");
    let unknown = home.run(&["alerts", "--test", "Nobody"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("there is no alert \"Nobody\" in the settings; there are: \"On call\""),
        "{unknown:?}"
    );
    let tested = home.run(&["alerts", "--test", "On call"]);
    assert_eq!(
        (tested.code, &*tested.stdout),
        (Some(0), &*format!("On call (webhook to {shown_url}): the test was taken\n"))
    );
    let told = wait_for("it arrived", || webhook.got().pop()).1;
    assert_eq!((&told["state"], &told["queued"]), (&"test".into(), &0.into()));
    webhook.status.store(301, Ordering::Relaxed);
    let moved = home.run(&["alerts", "--test"]);
    assert_eq!(moved.code, Some(1));
    assert!(moved.stdout.contains(&format!("NOT sent: {shown_url} answered 301")), "{moved:?}");
}
