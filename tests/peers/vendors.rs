//! Unmodified SDKs of other vendors, and Segment's for Rust and React Native, send to one `tributary serve` at the same
//! time, each through a tap of its own. The stream has their calls as they were made, and a restart of four seconds
//! loses nothing if the SDK keeps what it could not send.
//!
//! Their differences: some give no `messageId`, so that only the answer has an event's id; some post one event per
//! request; some drop events above 32 kB by themselves, before any request.

use crate::calls::{Call, all_six, forty_kilobytes, in_a_page, many_called, many_in_a_page_called};
use crate::compare::differences;
use crate::json::{Members, readable};
use crate::processes::{REGION_KEY, Sdk, Sender, Serve, WRITE_KEY};
use crate::sdks::{BASE64, JSON, Way, did_not_arrive, wanted};
use crate::stream::{Found, sent_in, tail_agrees};
use crate::tap::{Exchange, Tap};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const RUDDER_NODE: Sdk = Sdk::OnNode("rudder-sdk-node");
const RUDDER_WORKER: Sdk = Sdk::OnNode("rudder-service-worker");
const EXPO: Sdk = Sdk::OnNode("expo-rudder-sdk-node");
const CUSTOMERIO_NODE: Sdk = Sdk::OnNode("cdp-analytics-node");
const CUSTOMERIO_SINGLE: Sdk = Sdk::OnNode("customerio-node");
const RUDDER_PYTHON: Sdk = Sdk::InPython("rudder-sdk-python");
const CUSTOMERIO_PYTHON: Sdk = Sdk::InPython("customerio-cdp-analytics");
const HIGHTOUCH_PYTHON: Sdk = Sdk::InPython("events-sdk-python");
const SEGMENT_RUST: Sdk = Sdk::InRust("segment");
const RUDDER_RUST: Sdk = Sdk::InRust("rudderanalytics");
const RUDDER_BROWSER: Sdk = Sdk::InBrowser("rudder-sdk-js");
const CUSTOMERIO_BROWSER: Sdk = Sdk::InBrowser("cdp-analytics-browser");
const HIGHTOUCH_BROWSER: Sdk = Sdk::InBrowser("events-sdk-js-browser");

/// One SDK, the calls that it makes, and what the events must have.
struct Trial {
    sdk: Sdk,
    told: Vec<(Call, Value)>,
    /// Appended to the host's address.
    suffix: &'static str,
    key: &'static str,
}

impl Trial {
    fn new(sdk: Sdk, told: Vec<(Call, Value)>) -> Self {
        Self { sdk, told, suffix: "", key: WRITE_KEY }
    }

    /// The calls of servers.
    fn of_all_six(sdk: Sdk) -> Self {
        Self::new(sdk, all_six().into_iter().map(with_wanted).collect())
    }

    fn and_forty_kilobytes(mut self) -> Self {
        self.told.push(with_wanted(forty_kilobytes()));
        self
    }

    /// If the SDK itself leaves out a call, or changes its content.
    fn but(mut self, change: impl Fn(&mut Value) -> bool) -> Self {
        self.told.retain_mut(|(_, wanted)| change(wanted));
        self
    }

    fn start(self, way: &Way) -> Running {
        let tap = tap_before(way);
        let calls: Vec<_> = self.told.iter().map(|(call, _)| call.clone()).collect();
        let host = tap.url() + self.suffix;
        let sender = self.sdk.start_with(&host, self.key, &calls, Duration::ZERO);
        Running { trial: self, tap, sender: Some(sender) }
    }
}

fn with_wanted(call: Call) -> (Call, Value) {
    let wanted = wanted(&call);
    (call, wanted)
}

fn tap_before(way: &Way) -> Tap {
    let tap = Tap::start();
    tap.point_to(way.tap.url().strip_prefix("http://").unwrap().parse().unwrap());
    tap
}

struct Running {
    trial: Trial,
    tap: Tap,
    sender: Option<Sender>,
}

impl Running {
    /// The differences of the stream from what was sent, and from the calls.
    fn wrong(&self, by_id: &BTreeMap<String, Found>) -> Vec<String> {
        let (mut wrong, mut records) = (Vec::new(), Vec::new());
        for exchange in self.tap.exchanges().iter().filter(|exchange| exchange.method == "POST") {
            if exchange.status != Some(200) {
                wrong.push(format!(
                    "{} was answered {:?}: {}",
                    exchange.path, exchange.status, exchange.answer
                ));
                continue;
            }
            for (envelope, item, id) in events(exchange) {
                let Some(record) = by_id.get(&id) else {
                    wrong.push(format!("{id} was acknowledged and is gone"));
                    continue;
                };
                let all = differences(&item, &envelope, record).into_iter();
                wrong.extend(all.map(|what| format!("{}: {what}", record.shown())));
                records.push(record);
            }
        }
        let told = &self.trial.told;
        if records.len() != told.len() {
            wrong.push(format!("{} calls became {} events", told.len(), records.len()));
        }
        wrong.extend(told.iter().filter_map(|(_, wanted)| did_not_arrive(wanted, records.iter().copied())));
        wrong.into_iter().map(|what| format!("{:?}: {what}", self.trial.sdk)).collect()
    }
}

/// The events of an accepted request: the envelope, the event, and its `messageId`, also if the program made it.
fn events(exchange: &Exchange) -> Vec<(Members, Members, String)> {
    let answer: Value = serde_json::from_str(&exchange.answer).unwrap();
    let one = Members::parse(&exchange.body);
    let (envelope, items) =
        if one.text("batch").is_some() { sent_in(&exchange.body) } else { (Members::default(), vec![one]) };
    let with_id = |(index, item): (usize, Members)| {
        let ours = answer["messageIds"].as_array().into_iter().flatten();
        let ours = ours.clone().find(|given| given["index"] == index).unwrap_or(&answer);
        let id = item.string("messageId").or_else(|| ours["messageId"].as_str().map(str::to_owned));
        (envelope.clone(), item, id.expect("the SDK's or ours"))
    };
    items.into_iter().enumerate().map(with_id).collect()
}

async fn each_call_arrives_as_it_was_made(trials: Vec<Trial>) {
    let mut way = Way::open(JSON).await;
    let mut running: Vec<_> = trials.into_iter().map(|trial| trial.start(&way)).collect();
    for one in &mut running {
        one.sender.take().expect("started once").finish();
    }
    let count = running.iter().map(|one| one.trial.told.len()).sum();
    let found = way.delivered(count).await;
    assert_eq!(found.len(), count, "each event once: nothing went wrong on the way");
    tail_agrees(&way.serve, &found);
    let ledger = way.serve.ledger();
    assert!(ledger["addsUp"] == true && ledger["delivered"] == count, "{ledger}");
    let by_id: BTreeMap<_, _> = found.into_iter().map(|record| (record.message_id(), record)).collect();
    let wrong: Vec<_> = running.iter().flat_map(|one| one.wrong(&by_id)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `RudderStack`'s Python SDK has traits only in the context.
fn traits_in_context(event: &mut Value) -> bool {
    if event["type"] == "identify" {
        let traits = event["traits"].take();
        event.as_object_mut().unwrap().remove("traits");
        event["context"]["traits"] = traits;
    }
    true
}

/// Rust has no halves of a surrogate pair in its strings.
fn no_lone_surrogate(event: &mut Value) -> bool {
    event["event"] != "Cut inside an emoji"
}

/// `RudderStack`'s crate only has the name of a page.
fn no_category(event: &mut Value) -> bool {
    event.as_object_mut().unwrap().remove("category");
    no_lone_surrogate(event)
}

#[tokio::test]
async fn each_server_sdk_s_calls_arrive_as_they_were_made() {
    each_call_arrives_as_it_was_made(vec![
        Trial::of_all_six(RUDDER_NODE).and_forty_kilobytes(),
        Trial::of_all_six(RUDDER_WORKER),
        Trial::of_all_six(EXPO).and_forty_kilobytes(),
        Trial::of_all_six(CUSTOMERIO_NODE),
        Trial::of_all_six(CUSTOMERIO_SINGLE).and_forty_kilobytes(),
        Trial::of_all_six(RUDDER_PYTHON).and_forty_kilobytes().but(traits_in_context),
        Trial::of_all_six(CUSTOMERIO_PYTHON),
        Trial::of_all_six(HIGHTOUCH_PYTHON),
        Trial::of_all_six(SEGMENT_RUST).and_forty_kilobytes().but(no_lone_surrogate),
        Trial::of_all_six(RUDDER_RUST).and_forty_kilobytes().but(no_category),
    ])
    .await;
}

#[tokio::test]
async fn each_sdk_s_own_form_of_address_and_key_is_taken() {
    each_call_arrives_as_it_was_made(vec![
        // They append their paths after the slash of the address.
        Trial { suffix: "/", ..Trial::of_all_six(SEGMENT_RUST).but(no_lone_surrogate) },
        Trial { suffix: "/", ..Trial::of_all_six(RUDDER_RUST).but(no_category) },
        // It sends such a key as a bearer token.
        Trial { key: REGION_KEY, ..Trial::of_all_six(CUSTOMERIO_PYTHON) },
        // It posts to the address unchanged.
        Trial::of_all_six(Sdk::OnNode("expo-rudder-sdk-node, bare")),
    ])
    .await;
}

/// The calls of pages, without options that name Segment's own destination.
fn in_any_page() -> Vec<(Call, Value)> {
    in_a_page().into_iter().filter(|(_, wanted)| wanted["event"] != "Options").collect()
}

/// `RudderStack`'s browser SDK has no `screen`, has traits in the context and drops members that are `null`.
fn as_rudder_sends(event: &mut Value) -> bool {
    fn without_nulls(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|_, value| !value.is_null());
                members.values_mut().for_each(without_nulls);
            }
            Value::Array(items) => items.iter_mut().for_each(without_nulls),
            _ => {}
        }
    }
    traits_in_context(event);
    without_nulls(event);
    event["type"] != "screen"
}

#[tokio::test]
async fn each_browser_sdk_s_calls_arrive_as_they_were_made() {
    each_call_arrives_as_it_was_made(vec![
        Trial::new(RUDDER_BROWSER, in_any_page()).but(as_rudder_sends),
        Trial::new(CUSTOMERIO_BROWSER, in_any_page()),
        Trial::new(HIGHTOUCH_BROWSER, in_any_page()),
        Trial::new(Sdk::ReactNative, in_an_app()),
    ])
    .await;
}

/// An app has no pages, and its user stays known between calls.
fn in_an_app() -> Vec<(Call, Value)> {
    let mut calls = all_six();
    calls.push(forty_kilobytes());
    let calls = calls.into_iter().filter(|call| call.kind != "page").map(with_wanted);
    let mut told: Vec<_> = calls.collect();
    for (call, wanted) in &mut told {
        let members = wanted.as_object_mut().unwrap();
        // What the SDK adds by itself, or what its calls have no argument for.
        for name in ["anonymousId", "context", "integrations", "previousId"] {
            members.remove(name);
        }
        if call.kind != "identify" && call.kind != "alias" {
            members.remove("userId");
        }
    }
    told
}

/// An SDK that sends during a restart, and its calls.
struct Restarted {
    sdk: Sdk,
    event: String,
    tap: Tap,
    sender: Option<Sender>,
    rest: Vec<Call>,
}

const FIRST: usize = 20;
const ALL: usize = 40;
const PAUSE: Duration = Duration::from_millis(10);

impl Restarted {
    fn begin(sdk: Sdk, way: &Way) -> Self {
        let event = format!("Tick of {sdk:?}");
        let mut calls = match sdk {
            Sdk::InBrowser(_) | Sdk::Next { .. } => many_in_a_page_called(&event, ALL),
            _ => many_called(&event, ALL),
        };
        let rest = calls.split_off(FIRST);
        let tap = tap_before(way);
        let sender = Some(sdk.begin(&tap.url(), &calls, PAUSE));
        Self { sdk, event, tap, sender, rest }
    }

    fn go_on(&mut self) {
        self.sender = self.sender.take().map(|sender| sender.go_on(&self.rest));
    }

    fn accepted(&self) -> usize {
        let exchanges = self.tap.exchanges();
        let good =
            exchanges.iter().filter(|exchange| exchange.method == "POST" && exchange.status == Some(200));
        good.map(|exchange| events(exchange).len()).sum()
    }

    /// How many of its calls are in the stream.
    fn arrived(&self, found: &[Found]) -> usize {
        let events = found.iter().map(|record| readable(&record.event));
        let mine = events.filter(|event| event["event"] == self.event.as_str());
        let numbers: BTreeSet<_> = mine.map(|event| event["properties"]["n"].as_u64()).collect();
        numbers.len()
    }
}

/// The endpoint is closed for four seconds while they send, after `end`. `keeping` lose nothing; `losing` report what
/// they gave up.
async fn restart_of_four_seconds(end: fn(&mut Serve), keeping: &[Sdk], losing: &[Sdk]) {
    let mut way = Way::open(BASE64).await;
    let both = keeping.iter().chain(losing);
    let mut senders: Vec<_> = both.map(|sdk| Restarted::begin(*sdk, &way)).collect();
    way.until("each was accepted once", |_| senders.iter().all(|one| one.accepted() > 0)).await;
    end(&mut way.serve);
    senders.iter_mut().for_each(Restarted::go_on);
    tokio::time::sleep(Duration::from_secs(4)).await;
    way.tap.point_to(way.serve.start());
    let mut given_up = Vec::new();
    for one in &mut senders {
        given_up.push(one.sender.take().expect("begun once").refused());
    }
    let count = ALL * senders.len() - given_up.iter().sum::<usize>();
    let found = way.delivered(count).await;
    let wrong: Vec<_> = std::iter::zip(&senders, given_up)
        .map(|(one, given_up)| (one.sdk, one.arrived(&found), given_up))
        .filter(|(sdk, arrived, given_up)| {
            arrived + given_up < ALL || (*given_up > 0 && keeping.iter().any(|keeping| keeping == sdk))
        })
        .collect();
    assert!(wrong.is_empty(), "an SDK, its events in the stream of {ALL}, and those it gave up: {wrong:?}");
    let ledger = way.serve.ledger();
    assert!(ledger["addsUp"] == true && ledger["queued"] == 0 && ledger["failed"] == 0, "{ledger}");
}

#[tokio::test]
async fn a_restart_of_four_seconds_costs_server_sdks_nothing_that_they_keep() {
    let keeping = [
        Sdk::Node,
        Sdk::NodeLegacy,
        Sdk::Python,
        RUDDER_NODE,
        CUSTOMERIO_NODE,
        CUSTOMERIO_SINGLE,
        RUDDER_PYTHON,
        CUSTOMERIO_PYTHON,
        HIGHTOUCH_PYTHON,
        SEGMENT_RUST,
        RUDDER_RUST,
    ];
    // They try four times within 1.5 s, whatever their options.
    restart_of_four_seconds(Serve::stop, &keeping, &[RUDDER_WORKER, EXPO]).await;
}

/// After a crash: an endpoint that stops answers 503 at the end, which two of these take for a delivery.
#[tokio::test]
async fn a_crash_and_four_seconds_cost_browser_sdks_and_apps_nothing() {
    let next = Sdk::Next { loading: "page", delivery: "standard" };
    let keeping = [next, RUDDER_BROWSER, CUSTOMERIO_BROWSER, HIGHTOUCH_BROWSER, Sdk::ReactNative];
    restart_of_four_seconds(Serve::kill, &keeping, &[]).await;
}

/// With its default of 100 events per batch, the first batch would come after all other calls.
#[tokio::test]
async fn python_keeps_the_order_through_a_503_where_all_that_waits_is_one_batch() {
    const COUNT: usize = 250;
    let mut way = Way::open(JSON).await;
    way.tap.refuse(1, 1);
    let python = Sdk::InPython("segment-analytics-python, one batch");
    python.start(&way.tap.url(), &many_called("Tick", COUNT), Duration::ZERO).finish();
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for record in way.delivered(COUNT).await {
        let n = readable(&record.event)["properties"]["n"].as_u64().unwrap();
        let before = last.insert(record.partition_key, n);
        assert!(before.is_none_or(|before| before < n), "{n} came after {before:?}");
    }
    assert!(way.tap.exchanges().iter().any(|exchange| exchange.status == Some(503)), "it was refused once");
}
