//! The snippets of the Sources place, run unchanged with the address and the write key of a running `serve`: each of
//! their events is in the delivery log as delivered.
//!
//! Not run here, since their SDKs are not among the packages that these tests install: Go, Java, Ruby, PHP, Swift and
//! Kotlin.

use crate::processes::{WRITE_KEY, node, node_modules, python, run};
use crate::sdks::{BASE64, Way};
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};
use tributary::snippets::{Sdk, snippet};

/// An event's type and name in the log, and its user.
type Wanted = (&'static str, Option<&'static str>);

const ORDER: Wanted = ("track", Some("Order Completed"));
const OPENED: Wanted = ("track", Some("Email Opened"));
const IDENTIFY: Wanted = ("identify", None);
const PAGE: Wanted = ("page", None);

/// `run` gets the snippet.
async fn each_event_is_delivered(sdk: Sdk, wanted: &[Wanted], run: impl FnOnce(&str)) {
    each_event_is_delivered_by(Way::open(BASE64).await, sdk, wanted, run).await;
}

/// The same with 503 and a `Retry-After` of five seconds as the first two answers.
async fn each_event_is_delivered_after_an_outage(sdk: Sdk, wanted: &[Wanted], run: impl FnOnce(&str)) {
    let way = Way::open(BASE64).await;
    way.tap.refuse(2, 5);
    each_event_is_delivered_by(way, sdk, wanted, run).await;
}

async fn each_event_is_delivered_by(mut way: Way, sdk: Sdk, wanted: &[Wanted], run: impl FnOnce(&str)) {
    run(&snippet(sdk, &way.tap.url(), WRITE_KEY));
    let start = Instant::now();
    let log = loop {
        let log = way.serve.log();
        let delivered = log.iter().filter(|line| line["state"] == "delivered").count();
        if delivered >= wanted.len() || start.elapsed() > Duration::from_secs(10) {
            break log;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let mut shown: Vec<_> = log.iter().map(|line| (text(line, "type"), text(line, "event"))).collect();
    let mut wanted: Vec<_> = wanted.iter().map(|(kind, name)| (Some(*kind), *name)).collect();
    // A page sends its events at the same time.
    shown.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(shown, wanted, "each event once");
    for line in &log {
        assert!(line["state"] == "delivered" && line["error"].is_null(), "{line}");
        assert!(text(line, "sequenceNumber").is_some(), "{line}");
    }
    assert_eq!(way.delivered(wanted.len()).await.len(), wanted.len(), "the stream has what the log says");
}

fn text<'a>(line: &'a Value, name: &str) -> Option<&'a str> {
    line[name].as_str()
}

/// As a file in a folder after `npm install`.
fn run_by_node(code: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    let file = folder.path().join("example.js");
    std::fs::write(&file, code).unwrap();
    run(Command::new("node").arg(file), "");
}

/// In headless Chromium, until this number of requests with events was accepted.
fn open_in_chromium(html: &str, requests: usize) {
    run(node("page.js").arg(requests.to_string()), html);
}

#[tokio::test]
async fn curl() {
    each_event_is_delivered(Sdk::Curl, &[ORDER], |code| {
        let answer = run(Command::new("bash").args(["-c", code]), "");
        assert!(answer.contains("\"success\":true"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn analytics_node() {
    each_event_is_delivered(Sdk::Node, &[IDENTIFY, ORDER], run_by_node).await;
}

/// Without a bundler: the module `name` is made of the package's build for pages, `script`.
fn run_in_a_page(code: &str, name: &str, script: &str) {
    let module = "data:text/javascript,export const { AnalyticsBrowser } = window.AnalyticsNext";
    let imports = format!(r#"{{"imports": {{"{name}": "{module}"}}}}"#);
    let html = format!(
        r#"<!doctype html>
<script src="{script}"></script>
<script type="importmap">{imports}</script>
<script type="module">
{code}</script>
"#
    );
    open_in_chromium(&html, 3);
}

#[tokio::test]
async fn analytics_next_by_npm() {
    each_event_is_delivered(Sdk::BrowserNpm, &[PAGE, IDENTIFY, ORDER], |code| {
        run_in_a_page(code, "@segment/analytics-next", "/sdk/index.js");
    })
    .await;
}

#[tokio::test]
async fn customer_io_by_npm() {
    each_event_is_delivered(Sdk::CustomerIoBrowser, &[PAGE, IDENTIFY, ORDER], |code| {
        let name = "@customerio/cdp-analytics-browser";
        run_in_a_page(code, name, &format!("/modules/{name}/dist/umd/index.js"));
    })
    .await;
}

/// On Node, with a stand-in for the platform, until both events were sent.
fn run_as_an_app(code: &str) {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(node_modules(), folder.path().join("node_modules")).unwrap();
    std::fs::write(folder.path().join("app.mjs"), code).unwrap();
    let mut command = node("react-native-app.js");
    run(command.arg(folder.path().join("app.mjs")).arg("2"), "");
}

#[tokio::test]
async fn analytics_react_native() {
    each_event_is_delivered(Sdk::ReactNative, &[IDENTIFY, ORDER], run_as_an_app).await;
}

#[tokio::test]
async fn analytics_react_native_after_an_outage() {
    each_event_is_delivered_after_an_outage(Sdk::ReactNative, &[IDENTIFY, ORDER], run_as_an_app).await;
}

#[tokio::test]
async fn analytics_next_by_script_tag() {
    each_event_is_delivered(Sdk::BrowserScript, &[PAGE, IDENTIFY, ORDER], |code| {
        open_in_chromium(&format!("<!doctype html>\n{code}"), 3);
    })
    .await;
}

#[tokio::test]
async fn segment_analytics_python() {
    each_event_is_delivered(Sdk::Python, &[IDENTIFY, ORDER], |code| {
        run(Command::new(python()).arg("-"), code);
    })
    .await;
}

#[tokio::test]
async fn pixel_in_a_page() {
    each_event_is_delivered(Sdk::Pixel, &[OPENED], |code| open_in_chromium(code, 1)).await;
}

#[tokio::test]
async fn pixel_fetched_by_its_address() {
    each_event_is_delivered(Sdk::Pixel, &[OPENED], |code| {
        let url = code.split('"').nth(1).unwrap();
        let answer = run(Command::new("curl").args(["--fail", "--silent", "--output", "-", url]), "");
        assert!(answer.starts_with("GIF89a"), "{answer}");
    })
    .await;
}

#[tokio::test]
async fn rudder_sdk_node() {
    each_event_is_delivered(Sdk::RudderNode, &[IDENTIFY, ORDER], run_by_node).await;
}

#[tokio::test]
async fn rudder_sdk_node_after_an_outage() {
    each_event_is_delivered_after_an_outage(Sdk::RudderNode, &[IDENTIFY, ORDER], run_by_node).await;
}

#[tokio::test]
async fn analytics_node_after_an_outage() {
    each_event_is_delivered_after_an_outage(Sdk::Node, &[IDENTIFY, ORDER], run_by_node).await;
}

#[tokio::test]
async fn segment_analytics_python_after_an_outage() {
    each_event_is_delivered_after_an_outage(Sdk::Python, &[IDENTIFY, ORDER], |code| {
        run(Command::new(python()).arg("-"), code);
    })
    .await;
}

#[tokio::test]
async fn analytics_next_by_script_tag_after_an_outage() {
    each_event_is_delivered_after_an_outage(Sdk::BrowserScript, &[PAGE, IDENTIFY, ORDER], |code| {
        open_in_chromium(&format!("<!doctype html>\n{code}"), 3);
    })
    .await;
}
