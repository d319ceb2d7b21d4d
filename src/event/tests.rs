//! The tracking API's rules, tested through the public functions of this module. Each file holds one kind of promise.

mod aggregation;
mod context;
mod examples;
mod growth;
mod members;
mod properties;
mod rejections;
mod times;

use std::net::IpAddr;

use serde_json::value::RawValue;

use super::*;

const RECEIVED: &str = "2026-03-02T10:00:05.250Z";

fn arrival(class: PathClass) -> Arrival {
    Arrival {
        received_at_ms: 1_772_445_605_250,
        class,
        peer: Some(IpAddr::from([203, 0, 113, 9])),
        encoding: Encoding::Json,
        record_bytes_max: 1 << 20,
    }
}

fn single(kind: Kind, body: &str) -> Result<Event, Rejection> {
    Body::parse(body.as_bytes())?.single(kind, &arrival(PathClass::Server))
}

fn batch(body: &[u8]) -> Result<Vec<Result<Event, Rejection>>, Rejection> {
    Ok(Body::parse(body)?.batch(&arrival(PathClass::Server))?.collect())
}

/// The text of an accepted event.
fn json(event: Result<Event, Rejection>) -> String {
    String::from_utf8(event.unwrap().json).unwrap()
}

/// The only event of a batch body.
fn only(body: &str) -> Result<Event, Rejection> {
    let mut events = batch(body.as_bytes()).unwrap();
    assert_eq!(events.len(), 1);
    events.remove(0)
}

/// The text of a member, as it is written. The last one where it is repeated.
fn member(json: &str, name: &str) -> Option<String> {
    members(json).into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// Every member of an object with the text of its value, repeated ones too, read by `serde_json`.
fn members(json: &str) -> Vec<(String, String)> {
    struct All(Vec<(String, String)>);
    impl<'de> serde::Deserialize<'de> for All {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = All;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<All, A::Error> {
                    let mut all = Vec::new();
                    while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                        all.push((name, value.get().to_owned()));
                    }
                    Ok(All(all))
                }
            }
            from.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<All>(json).unwrap().0
}
