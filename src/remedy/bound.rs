//! What limits delivery, in words: the limit, the rate that it allows, and what would allow more.

use crate::{
    config::{Config, Operation},
    delivery::{Bound, Limit},
    event::{Aggregation, shown},
};

/// What one shard takes a second
/// (<https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html>).
const SHARD_RECORDS: f64 = 1000.0;
const SHARD_BYTES: f64 = 1_048_576.0;

/// With batches, the same processor puts about this many times as many events (`docs/performance.md`).
const BATCHES_FOR_SINGLES: f64 = 5.0;

/// Maximum events a second to promise: no computer was measured to put more.
const MOST: f64 = 200_000.0;

/// Approximate bytes of an event in an aggregated record besides its data.
const USER_RECORD_BYTES: f64 = 20.0;

const AGGREGATION: &str = "several events in a record (destination.aggregation = \"kpl\"; the reader must take such \
                           records apart)";
const BATCHES: &str = "Use put-records (destination.operation; it needs the permission kinesis:PutRecords)";

/// What limits delivery while the queue grows, and what to do about it.
pub fn bound(bound: &Bound, config: &Config) -> [String; 2] {
    let gives = format!("That gives {} events a second.", about(bound.per_sec));
    let [what, action] = match &bound.limit {
        Limit::Order { key, keys } => order(key, *keys, bound, config),
        Limit::Puts => puts(bound, config),
        Limit::Shards => of_shards(bound, config),
        Limit::Processor => processor(bound, config),
        Limit::Disk => [
            "Delivery waits for the disk of the data folder, most of the time.".to_owned(),
            "Put the data folder on a faster disk, or let other programs use this one less.".to_owned(),
        ],
        Limit::Server => server(bound, config),
    };
    [format!("{what} {gives}"), action]
}

fn order(key: &str, keys: usize, bound: &Bound, config: &Config) -> [String; 2] {
    let destination = &config.destination;
    let latency = bound.latency.as_secs_f64().max(0.001);
    // The sender chose it.
    let key = shown::line(key);
    let who = if keys > 1 {
        format!("Events of {keys} users wait, most of them of the user {key}")
    } else {
        format!("The events that wait are of the user {key}")
    };
    let what = format!(
        "{who}. To keep the order, one record of a user is in flight at a time, and a put takes {}.",
        millis(bound)
    );
    let records = records_in_flight(destination.operation);
    let unordered = format!(
        "Where the order does not matter, switch off “Keep the order per user” (destination.ordered = false): up to \
         about {}.",
        about(records * bound.events_per_record / latency)
    );
    let fit = |bytes: usize| (bytes as f64 / (bound.bytes_per_event + USER_RECORD_BYTES)).max(1.0).floor();
    let action = if destination.aggregation == Aggregation::None {
        format!(
            "Put {AGGREGATION}: up to about {} events a second of each user, in order. {unordered}",
            about(fit(destination.aggregation_max_bytes) / latency)
        )
    } else {
        format!(
            "Make records larger (destination.aggregation_max_bytes, up to the stream's record limit): at 1 MiB up to \
             about {} events a second of each user, in order. {unordered}",
            about(fit(1 << 20) / latency)
        )
    };
    [what, action]
}

fn puts(bound: &Bound, config: &Config) -> [String; 2] {
    let latency = bound.latency.as_secs_f64().max(0.001);
    let what =
        format!("{} puts are in flight, which is the maximum, and each takes {}.", bound.puts, millis(bound));
    [
        what,
        fewer_requests(
            bound,
            config,
            Some(records_in_flight(Operation::PutRecords) * bound.events_per_record / latency),
        ),
    ]
}

fn server(bound: &Bound, config: &Config) -> [String; 2] {
    let what = format!(
        "{} puts are in flight, more would be no faster, and each takes {}: the network, the server, or something \
         between is at its limit.",
        bound.puts,
        millis(bound)
    );
    [what, fewer_requests(bound, config, None)]
}

fn processor(bound: &Bound, config: &Config) -> [String; 2] {
    let what = "The processor is fully used.".to_owned();
    let action = match (config.destination.operation, config.destination.aggregation) {
        (Operation::PutRecord, aggregation) if bound.events_per_record < 2.0 => {
            let more = about(bound.per_sec * BATCHES_FOR_SINGLES);
            if aggregation == Aggregation::None {
                format!("{BATCHES}, or put {AGGREGATION}: up to about {more}.")
            } else {
                format!("{BATCHES}: up to about {more}.")
            }
        }
        _ => "Use a computer with more processors, or spread the senders over several.".to_owned(),
    };
    [what, action]
}

/// `batches`: events a second with `put-records`.
fn fewer_requests(bound: &Bound, config: &Config, batches: Option<f64>) -> String {
    let destination = &config.destination;
    match (destination.operation, destination.aggregation) {
        (Operation::PutRecord, Aggregation::None) => {
            let figure = batches
                .map_or_else(String::new, |figure| format!(": up to about {} a second", about(figure)));
            format!("{BATCHES}{figure}. Or put {AGGREGATION}.")
        }
        (Operation::PutRecord, _) => format!("{BATCHES}."),
        (Operation::PutRecords, Aggregation::None) => {
            let fit = destination.aggregation_max_bytes as f64 / (bound.bytes_per_event + USER_RECORD_BYTES);
            format!("Put {AGGREGATION}: up to {} of them share one.", about(fit.max(1.0)))
        }
        (Operation::PutRecords, _) => {
            "Run Tributary nearer to the stream's region, or spread the senders over several.".to_owned()
        }
    }
}

fn of_shards(bound: &Bound, config: &Config) -> [String; 2] {
    let shards = bound.shards.filter(|count| *count > 0).map(f64::from);
    let its_shards = match shards {
        None => "its shards take".to_owned(),
        Some(count) if count < 2.0 => "its one shard takes".to_owned(),
        Some(count) => format!("its {count} shards take"),
    };
    let what =
        format!("The stream pushes back: {its_shards} no more (each takes 1,000 records or 1 MiB a second).");
    let count = shards.unwrap_or(1.0);
    let a_shard = if shards.is_none() { " and shard" } else { "" };
    let by_bytes = count * SHARD_BYTES / bound.bytes_per_event.max(1.0);
    let by_records = count * SHARD_RECORDS * bound.events_per_record;
    let more = format!("Twice the shards give about twice as many: {}.", about(bound.per_sec * 2.0));
    let action = if config.destination.aggregation == Aggregation::None && by_bytes > by_records * 1.2 {
        format!(
            "Put {AGGREGATION}: then bytes count, up to about {} events a second{a_shard}. {more}",
            about(by_bytes)
        )
    } else {
        more
    };
    [what, action]
}

/// Maximum records in flight.
fn records_in_flight(operation: Operation) -> f64 {
    (operation.puts_max() * operation.records_max()) as f64
}

fn millis(bound: &Bound) -> String {
    format!("{} ms", bound.latency.as_millis())
}

/// The number with two significant digits, and commas.
fn about(figure: f64) -> String {
    let figure = figure.min(MOST);
    let digits = 10_f64.powf((figure.max(1.0).log10() - 1.0).floor().max(0.0));
    let whole = format!("{:.0}", (figure / digits).round() * digits);
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn bound(limit: Limit) -> Bound {
        Bound {
            limit,
            per_sec: 46.2,
            latency: Duration::from_millis(20),
            puts: 64,
            events_per_record: 1.0,
            bytes_per_event: 480.0,
            shards: None,
        }
    }

    #[test]
    fn figures_have_two_digits_that_count() {
        for (figure, text) in [
            (0.4, "0"),
            (7.0, "7"),
            (46.2, "46"),
            (461.0, "460"),
            (5_120.0, "5,100"),
            (1_234_567.0, "200,000"),
        ] {
            assert_eq!(about(figure), text);
        }
    }

    #[test]
    fn one_user_in_order_is_named_with_what_aggregation_would_give() {
        let mut config = Config::default();
        let bound = bound(Limit::Order { key: "u1".into(), keys: 1 });
        let [what, action] = super::bound(&bound, &config);
        assert!(
            what.contains("of the user u1") && what.contains("20 ms") && what.contains("gives 46 events"),
            "{what}"
        );
        // 51,200 bytes / (480 + 20), each 20 ms.
        assert!(action.contains("kpl") && action.contains("about 5,100 events"), "{action}");
        assert!(action.contains("destination.ordered = false"), "{action}");
        config.destination.aggregation = Aggregation::Kpl;
        let [_, action] = super::bound(&bound, &config);
        assert!(action.contains("aggregation_max_bytes") && action.contains("100,000"), "{action}");
    }

    #[test]
    fn the_user_that_holds_delivery_back_is_named_as_text() {
        for keys in [1, 2] {
            let bound = bound(Limit::Order { key: "u\nERROR \u{1b}[31m\u{202e}".into(), keys });
            let [what, _] = super::bound(&bound, &Config::default());
            assert!(what.contains(r"of the user u\u000aERROR \u001b[31m\u202e"), "{what}");
        }
    }

    #[test]
    fn a_stream_that_pushes_back_gets_fewer_records_or_more_shards() {
        let mut config = Config::default();
        let bound = Bound { shards: Some(4), ..bound(Limit::Shards) };
        let [what, action] = super::bound(&bound, &config);
        assert!(what.contains("its 4 shards"), "{what}");
        assert!(
            action.contains("up to about 8,700 events a second.") && action.contains("Twice the shards"),
            "{action}"
        );
        config.destination.aggregation = Aggregation::Kpl;
        assert!(super::bound(&bound, &config)[1].starts_with("Twice the shards"));
    }

    #[test]
    fn each_limit_says_what_to_do_whatever_the_settings() {
        let key = || Limit::Order { key: "u".into(), keys: 2 };
        for limit in [key(), Limit::Puts, Limit::Shards, Limit::Processor, Limit::Disk, Limit::Server] {
            for operation in Operation::ALL {
                for aggregation in Aggregation::ALL {
                    let mut config = Config::default();
                    (config.destination.operation, config.destination.aggregation) = (operation, aggregation);
                    let [what, action] = super::bound(&bound(limit.clone()), &config);
                    assert!(what.contains("That gives 46 events a second."), "{what}");
                    assert!(
                        action.ends_with('.') && action.chars().next().is_some_and(char::is_uppercase),
                        "{action}"
                    );
                    assert!(!(action.contains("\"kpl\"") && aggregation != Aggregation::None), "{action}");
                    let is_batch = operation == Operation::PutRecords;
                    assert!(!(is_batch && action.contains("Use put-records")), "{action}");
                }
            }
        }
    }
}
