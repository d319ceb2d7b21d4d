//! `@segment/analytics-next` in headless Chromium, on a page of this machine: the stream has what the SDK sent, for
//! each way of loading and both ways of delivery. Also which pages a browser lets send to this machine.

use crate::calls::{Call, in_a_page};
use crate::compare::differences;
use crate::json::{Members, missing, readable};
use crate::processes::{Delivery, Sdk, WRITE_KEY, node, run};
use crate::sdks::{BASE64, BASE64_MANY, JSON, JSON_LINES_MANY, Way};
use crate::stream::{sent_in, tail_agrees};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

async fn every_call_in_a_page_arrives(loading: &'static str, delivery: &'static str, onward: Delivery) {
    let mut way = Way::open(onward).await;
    let (calls, wanted): (Vec<Call>, Vec<_>) = in_a_page().into_iter().unzip();
    Sdk::Next { loading, delivery }.start(&way.tap.url(), &calls, Duration::ZERO).finish();
    let found = way.delivered(calls.len()).await;
    assert_eq!(found.len(), calls.len(), "each event once: nothing went wrong on the way");
    tail_agrees(&way.serve, &found);

    let by_id: BTreeMap<_, _> = found.iter().map(|record| (record.message_id(), record)).collect();
    let (mut wrong, mut paths, mut sent) = (Vec::new(), BTreeSet::new(), Vec::new());
    for exchange in way.tap.exchanges() {
        let good = if exchange.method == "OPTIONS" { 204 } else { 200 };
        assert_eq!(exchange.status, Some(good), "{exchange:?}");
        paths.insert(format!("{} {}", exchange.method, exchange.path));
        if exchange.method != "POST" {
            continue;
        }
        let (envelope, items) = match delivery {
            "batching" => sent_in(&exchange.body),
            _ => (Members::default(), vec![Members::parse(&exchange.body)]),
        };
        for item in items {
            let id = item.string("messageId").expect("a messageId");
            let record = by_id.get(&id).unwrap_or_else(|| panic!("{id} was acknowledged and is gone"));
            let all = differences(&item, &envelope, record).into_iter();
            wrong.extend(all.map(|what| format!("{}: {what}", record.shown())));
            sent.push(readable(&record.event));
        }
    }
    assert_eq!(sent.len(), calls.len(), "each call is sent once");
    for wanted in wanted {
        let nearest = sent.iter().map(|event| missing(&wanted, event, "")).min_by_key(Vec::len).unwrap();
        if !nearest.is_empty() {
            wrong.push(format!("{wanted} did not arrive: {}", nearest.join("; ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(paths, expected_paths(loading, delivery));
}

/// All requests that the page may make. The browser sends a preflight before each POST with a key.
fn expected_paths(loading: &str, delivery: &str) -> BTreeSet<String> {
    let posts: &[&str] = if delivery == "batching" { &["b"] } else { &["a", "g", "i", "p", "s", "t"] };
    let posts =
        posts.iter().flat_map(|letter| [format!("OPTIONS /v1/{letter}"), format!("POST /v1/{letter}")]);
    let settings = (loading == "settings").then(|| format!("GET /v1/projects/{WRITE_KEY}/settings"));
    posts.chain(settings).collect()
}

#[tokio::test]
async fn analytics_next_with_our_settings_document_event_by_event() {
    every_call_in_a_page_arrives("settings", "standard", BASE64).await;
}

#[tokio::test]
async fn analytics_next_with_our_settings_document_in_batches() {
    every_call_in_a_page_arrives("settings", "batching", JSON_LINES_MANY).await;
}

#[tokio::test]
async fn analytics_next_with_its_own_settings_event_by_event() {
    every_call_in_a_page_arrives("page", "standard", BASE64_MANY).await;
}

#[tokio::test]
async fn analytics_next_with_its_own_settings_in_batches() {
    every_call_in_a_page_arrives("page", "batching", JSON).await;
}

/// What docs/capture.md says about public pages.
#[tokio::test]
async fn a_public_page_can_send_to_this_machine_only_with_its_users_leave() {
    let mut way = Way::open(BASE64).await;
    let said = run(node("public-page.js").args([&*way.tap.url(), WRITE_KEY]), "");
    let ended: Vec<serde_json::Value> =
        said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let fetched: Vec<_> =
        ended.iter().map(|page| (page["page"].as_str().unwrap(), page["fetch"].clone())).collect();
    let refused = || serde_json::Value::from("TypeError");
    assert_eq!(
        fetched,
        [
            ("local", 200.into()),
            ("public-https", refused()),
            ("public-https-allowed", 200.into()),
            ("public-http", refused()),
        ],
        "{said}"
    );
    assert!(
        ended.iter().all(|page| page["beacon"] == true),
        "a page never hears that a beacon is lost: {said}"
    );
    assert!(ended[1]["why"].as_str().unwrap().contains("Permission was denied"), "{said}");
    assert!(ended[3]["why"].as_str().unwrap().contains("not a secure context"), "{said}");
    way.delivered(4).await;
    let log = way.serve.log();
    let mut arrived: Vec<_> = log.iter().filter_map(|line| line["event"].as_str()).collect();
    arrived.sort_unstable();
    let by_both = [
        "local by beacon",
        "local by fetch",
        "public-https-allowed by beacon",
        "public-https-allowed by fetch",
    ];
    assert_eq!(arrived, by_both);
}

/// A short form of the snippet in Segment's documentation: calls wait in an array until the script is loaded.
#[tokio::test]
async fn a_pages_snippet_sends_through_our_loader_and_a_copy_of_analytics_js() {
    let mut way =
        Way::open_with(BASE64, |serve| serve.set("TRIBUTARY_CAPTURE_ANALYTICS_JS", "/sdk/standalone.js"))
            .await;
    let loader = format!("{}/analytics.js/v1/{WRITE_KEY}/analytics.min.js", way.tap.url());
    let html = format!(
        r#"<!doctype html>
<script>
  const analytics = window.analytics = []
  for (const method of ["page", "identify", "track"]) analytics[method] = (...words) => analytics.push([method, ...words])
  const script = document.createElement("script")
  script.src = "{loader}"
  document.head.appendChild(script)
  analytics.page()
  analytics.identify("user-1", {{ plan: "pro" }})
  analytics.track("Order Completed", {{ total: 42.5 }})
</script>
"#
    );
    run(node("page.js").arg("3"), &html);
    let found = way.delivered(3).await;
    assert_eq!(found.len(), 3);
    let paths: BTreeSet<_> = way.tap.exchanges().into_iter().map(|exchange| exchange.path).collect();
    assert!(paths.contains(&format!("/v1/projects/{WRITE_KEY}/settings")), "{paths:?}");
}
