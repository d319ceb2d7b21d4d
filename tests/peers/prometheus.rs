//! Debian's Prometheus reads `/metrics` of the real program: the names and types are as it asks, each query of the board has
//! an answer, and no alert is broken. Its `promtool` runs the tests of the alerts in `prometheus/alerts.yml`.

use crate::practice_server::PracticeServer;
use crate::processes::{Listening, Serve, WRITE_KEY, run};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const WAIT_MAX: Duration = Duration::from_secs(40);

fn assets(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(path)
}

fn promtool(words: &[&str]) -> Command {
    let mut command = Command::new("promtool");
    command.args(words);
    command
}

/// `tributary serve` and the practice stream that it delivers to.
pub struct Engine {
    serve: Serve,
    pub address: SocketAddr,
    _stream: PracticeServer,
}

impl Engine {
    async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With these variables.
    pub async fn start_with(variables: &[(&'static str, &str)]) -> Self {
        let stream = PracticeServer::start().await;
        let mut serve = stream.engine("json");
        for (name, value) in variables {
            serve.set(name, value);
        }
        let address = serve.start();
        Self { serve, address, _stream: stream }
    }

    /// Posts to a path of the tracking API. Its status.
    fn post(&self, path: &str, body: &str) -> String {
        let url = format!("http://{}{path}", self.address);
        let user = format!("{WRITE_KEY}:");
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-u",
            &user,
            &url,
            "--data-binary",
            "@-",
        ]);
        run(&mut curl, body)
    }

    /// Sends a valid event, one that is rejected, and a request to a wrong path.
    pub fn send(&self) {
        assert_eq!(self.post("/v1/track", r#"{"userId":"ada","event":"Seen"}"#), "200");
        assert_eq!(self.post("/v1/track", r#"{"event":"Nobody"}"#), "400");
        assert_eq!(self.post("/v1/wrong", "{}"), "404");
    }

    pub fn metrics(&self) -> String {
        let url = format!("http://{}/metrics", self.address);
        run(Command::new("curl").args(["--fail", "--silent", &url]), "")
    }
}

#[tokio::test]
async fn the_names_types_and_texts_of_the_metrics_are_as_prometheus_asks() {
    let engine = Engine::start().await;
    engine.send();
    let start = Instant::now();
    while !engine.metrics().contains("tributary_shard_records_total{") {
        assert!(start.elapsed() < WAIT_MAX, "{}", engine.metrics());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let said = run(&mut promtool(&["check", "metrics"]), &engine.metrics());
    assert_eq!(said, "");
}

#[test]
fn the_alerts_fire_for_what_they_are_about() {
    let rules = assets("prometheus/tributary.rules.yml");
    run(&mut promtool(&["check", "rules", "--lint-fatal", rules.to_str().unwrap()]), "");
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(rules, folder.path().join("tributary.rules.yml")).unwrap();
    let tests = folder.path().join("alerts.yml");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/prometheus/alerts.yml"), &tests)
        .unwrap();
    let text = std::fs::read_to_string(&tests).unwrap();
    let rules = std::fs::read_to_string(assets("prometheus/tributary.rules.yml")).unwrap();
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(text.contains(&format!("alertname=\"{alert}\"")), "{alert} has no test");
    }
    run(&mut promtool(&["test", "rules", tests.to_str().unwrap()]), "");
}

/// A running Prometheus that scrapes an engine every second, with the rules of `assets`.
struct Prometheus {
    listening: Listening,
    url: String,
    /// Prometheus reads its configuration after it has begun to listen.
    _folder: TempDir,
}

impl Prometheus {
    fn start(target: SocketAddr) -> Self {
        let config = json!({
            "global": { "scrape_interval": "1s", "evaluation_interval": "1s" },
            "rule_files": [assets("prometheus/tributary.rules.yml")],
            "scrape_configs": [
                { "job_name": "tributary", "static_configs": [{ "targets": [target.to_string()] }] },
            ],
        });
        let folder = tempfile::tempdir().unwrap();
        // JSON is YAML.
        let path = folder.path().join("prometheus.yml");
        std::fs::write(&path, config.to_string()).unwrap();
        let (listening, url) = Listening::start(|port| {
            let mut command = Command::new("prometheus");
            command.arg("--config.file").arg(&path).args(["--storage.tsdb.path", "data"]);
            command.args(["--web.listen-address", &format!("127.0.0.1:{port}")]);
            command
        });
        Self { listening, url, _folder: folder }
    }

    /// The samples that a query has now.
    fn query(&self, query: &str) -> Vec<Value> {
        let words = ["query", "instant", "-o", "json", &self.url, query];
        serde_json::from_str(&run(&mut promtool(&words), "")).unwrap()
    }

    /// The alerts, as far as they were evaluated.
    fn rules(&self) -> Vec<Value> {
        let url = format!("{}/api/v1/rules", self.url);
        let answer = run(Command::new("curl").args(["--fail", "--silent", &url]), "");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        answer["data"]["groups"][0]["rules"].as_array().expect("a group of rules").clone()
    }
}

/// The queries of the board as Grafana sends them, with what they are for.
fn board() -> Vec<(String, String)> {
    let board: Value =
        serde_json::from_str(&std::fs::read_to_string(assets("grafana/tributary.json")).unwrap()).unwrap();
    let mut all = Vec::new();
    for panel in board["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let query = target["expr"].as_str().unwrap();
            let query =
                query.replace("$__rate_interval", "5s").replace("$job", ".*").replace("$instance", ".*");
            assert!(!query.contains('$'), "{query}");
            all.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    assert!(all.len() > 20, "{}", all.len());
    all
}

#[tokio::test]
async fn prometheus_reads_the_metrics_and_the_board_and_the_alerts_have_their_data() {
    let engine = Engine::start().await;
    let prometheus = Prometheus::start(engine.address);
    let start = Instant::now();
    let mut left = board();
    // Rates need two scrapes in which something has happened.
    while !left.is_empty() {
        assert!(start.elapsed() < WAIT_MAX, "no data for {left:#?}\n{}", prometheus.listening.said());
        engine.send();
        left.retain(|(_, query)| prometheus.query(query).is_empty());
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let accepted = prometheus.query("sum(tributary_source_accepted_total)");
    let delivered = prometheus.query("sum(tributary_delivery_seconds_count)");
    let number = |found: &[Value]| found[0]["value"][1].as_str().unwrap().parse::<f64>().unwrap();
    assert!(number(&accepted) > 2.0 && number(&delivered) > 2.0, "{accepted:?} {delivered:?}");
    for rule in prometheus.rules() {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    assert_eq!(
        prometheus.query(r#"ALERTS{alertstate="firing"}"#),
        Vec::<Value>::new(),
        "{}",
        engine.serve.said()
    );
}
