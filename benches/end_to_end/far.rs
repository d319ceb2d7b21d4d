//! The rows with a distant stream: 0, 20 and 100 ms away; both operations; one user, 200 and 10,000 users; with and
//! without aggregation. A flood is called `far-MS-OPERATION-USERS-AGGREGATION`, with `single` for `put-record` and
//! `batch` for `put-records`. The name of a paced load begins with `paced` and ends with its rate.

use std::time::Duration;

use tributary::event::Bucket;

use crate::{
    USERS,
    destination::{Aggregation, Destination},
    flood::Flood,
    load::micros,
    paced::Paced,
    report,
};

/// Milliseconds until the sink answers: on this machine, in another region, on another continent.
const HERE_MS: u64 = 0;
const REGION_MS: u64 = 20;
const CONTINENT_MS: u64 = 100;

/// Milliseconds until the sink answers, and number of users.
const PLACES: [(u64, u64); 9] = [
    (HERE_MS, 1),
    (HERE_MS, 200),
    (HERE_MS, USERS),
    (REGION_MS, 1),
    (REGION_MS, 200),
    (REGION_MS, USERS),
    (CONTINENT_MS, 1),
    (CONTINENT_MS, 200),
    (CONTINENT_MS, USERS),
];

/// The rows in docs/performance.md with `put-record` and without aggregation.
const MEASURED: [(u64, u64); 2] = [(REGION_MS, 5_000), (CONTINENT_MS, 1_000)];

/// Planned duration of a flood, if the machine is as fast as expected.
const SECONDS: u64 = 5;

/// Maximum events a second by the processor: an event per call, many records per call, many events per record.
const SINGLES_MAX: u64 = 20_000;
const BATCHES_MAX: u64 = 100_000;
const AGGREGATED_MAX: u64 = 100_000;

/// Maximum records in flight, by operation. No two have a user in common.
const SINGLES_AT_ONCE: u64 = 1_024;
const BATCHES_AT_ONCE: u64 = 20_000;

/// Expected events of an aggregated record. No two such records in flight are of one [`Bucket`].
const EVENTS_OF_A_RECORD: u64 = 50;

/// The floods.
pub fn floods() -> Vec<Flood> {
    let mut all = Vec::new();
    for (ms, users) in PLACES {
        for operation in ["put-record", "put-records"] {
            for aggregation in [Aggregation::None, Aggregation::Kpl] {
                all.push(flood((ms, users), operation, aggregation));
            }
            if (ms, users) == (REGION_MS, 200) {
                all.push(flood((ms, users), operation, Aggregation::Lines));
            }
        }
    }
    let measured = MEASURED.map(|place| flood(place, "put-record", Aggregation::None));
    all.extend(measured);
    all
}

/// The loads at a fixed rate.
pub fn paced() -> Vec<Paced> {
    let of = |place, operation, aggregation, per_second, per_request| {
        let (ms, users): (u64, u64) = place;
        let to = destination(ms, operation, aggregation);
        Paced {
            name: format!("paced-{}-{per_second}", scheme(ms, users, &to)).into(),
            load: format!(
                "{}, {} a second",
                said(ms, users, &to),
                report::number(Some(f64::from(per_second)), 0)
            )
            .into(),
            to,
            users,
            per_second,
            per_request,
        }
    };
    vec![
        of((CONTINENT_MS, 1_000), "put-record", Aggregation::None, 2_000, 1),
        of((REGION_MS, 1), "put-record", Aggregation::Kpl, 2_000, 1),
        of((REGION_MS, 1), "put-records", Aggregation::Kpl, 2_000, 1),
        of((CONTINENT_MS, 1), "put-record", Aggregation::Kpl, 1_000, 1),
        of((REGION_MS, 200), "put-records", Aggregation::Kpl, 20_000, 10),
    ]
}

fn destination(ms: u64, operation: &'static str, aggregation: Aggregation) -> Destination {
    let encoding = (aggregation == Aggregation::Lines).then_some("json-lines");
    Destination { aggregation, encoding, ..Destination::plain(operation, Duration::from_millis(ms)) }
}

fn scheme(ms: u64, users: u64, to: &Destination) -> String {
    let operation = if to.operation == "put-record" { "single" } else { "batch" };
    format!("{ms}-{operation}-{users}-{}", to.aggregation.as_str())
}

fn said(ms: u64, users: u64, to: &Destination) -> String {
    let users = if users == 1 {
        "one user".to_owned()
    } else {
        format!("{} users", report::number(Some(users as f64), 0))
    };
    let aggregation = match to.aggregation {
        Aggregation::None => String::new(),
        some => format!(", {}", some.as_str()),
    };
    format!("{}, {ms} ms, {users}{aggregation}", to.operation)
}

fn flood((ms, users): (u64, u64), operation: &'static str, aggregation: Aggregation) -> Flood {
    let to = destination(ms, operation, aggregation);
    let of_any_size = Flood {
        name: format!("far-{}", scheme(ms, users, &to)).into(),
        load: said(ms, users, &to).into(),
        target: "",
        to,
        users,
        connections: 8,
        per_request: 100,
        events: 0,
        quick_events: 0,
        calls: None,
    };
    sized(of_any_size, to)
}

/// With as many events as the destination takes in some seconds; if these are few, in smaller requests.
pub fn sized(flood: Flood, to: Destination) -> Flood {
    let events = expected_per_second(&to, flood.users) * SECONDS;
    let per_request = if events < 2_000 { 10 } else { flood.per_request };
    let round = |events: u64| events.next_multiple_of(per_request as u64);
    Flood { events: round(events), quick_events: round(events / 4), per_request, ..flood }
}

/// Expected events a second, roughly.
fn expected_per_second(to: &Destination, users: u64) -> u64 {
    let is_single = to.operation == "put-record";
    let round_trip = to.latency + Duration::from_micros(200);
    let at_once = if is_single { SINGLES_AT_ONCE } else { BATCHES_AT_ONCE };
    let most = if is_single { SINGLES_MAX } else { BATCHES_MAX };
    let (records, events, most) = match to.aggregation {
        Aggregation::None => (users.min(at_once), 1, most),
        Aggregation::Kpl | Aggregation::Lines => {
            (users.min(at_once).min(Bucket::COUNT as u64), EVENTS_OF_A_RECORD, AGGREGATED_MAX)
        }
    };
    let in_a_second = records * events * 1_000_000 / u64::from(micros(round_trip));
    in_a_second.min(most)
}
