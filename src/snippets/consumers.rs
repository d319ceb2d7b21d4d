//! Code that reads the stream: for its encoding and its aggregation, and without the events that come twice.
//!
//! The files in `examples/consumers` are the code with the default settings, and what it is made of: other settings replace
//! parts of it.
//!
//! What all of it keeps to:
//!
//! - Delivery is at least once: events are compared by their `messageId`.
//! - The code of the reader's own (`handle`, `store`) gets each event, in the order of the shard.
//! - A record that is no event is skipped or, in a Lambda function, fails alone, so that it is seen and goes to the
//!   on-failure destination.
//! - No key is in it: the SDKs find keys by themselves.

mod kcl;
mod lambda;
mod node;
mod python;
mod sql;

use super::{consumed::ConsumedStream, consumer::Consumer};

/// The code of that consumer for the stream. Ends with a line end.
pub fn consumer_code(consumer: Consumer, stream: &ConsumedStream<'_>) -> String {
    match consumer {
        Consumer::Python => python::code(stream),
        Consumer::Node => node::code(stream),
        Consumer::LambdaPython => lambda::python(stream),
        Consumer::LambdaNode => lambda::node(stream),
        Consumer::Kcl => kcl::code(stream),
        Consumer::Flink => sql::flink(stream),
        Consumer::Athena => sql::athena(stream),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Aggregation, Encoding};

    const EVENTS: ConsumedStream<'_> = ConsumedStream {
        stream: "events",
        region: "eu-west-1",
        account_id: "",
        endpoint_url: "",
        encoding: Encoding::Base64,
        aggregation: Aggregation::None,
    };

    /// Every form of records that settings allow.
    fn forms() -> Vec<(Encoding, Aggregation)> {
        let all = Encoding::ALL.iter().flat_map(|e| Aggregation::ALL.map(|a| (*e, a)));
        all.filter(|(e, a)| *a != Aggregation::Lines || *e == Encoding::JsonLines).collect()
    }

    #[test]
    fn the_code_for_the_default_settings_is_the_example() {
        for consumer in Consumer::ALL {
            assert!(!consumer.title().is_empty() && !consumer.language().is_empty());
            assert!(consumer.practice_note().ends_with('.'));
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/consumers");
            let file = std::path::Path::new(folder).join(consumer.file_name());
            let example = std::fs::read_to_string(file).unwrap();
            assert_eq!(consumer_code(consumer, &EVENTS), example, "{consumer:?}");
        }
    }

    #[test]
    fn every_form_of_records_has_code_of_its_own() {
        for consumer in Consumer::ALL {
            for (encoding, aggregation) in forms() {
                let code = consumer_code(consumer, &ConsumedStream { encoding, aggregation, ..EVENTS });
                let what = format!("{consumer:?} {encoding:?} {aggregation:?}\n{code}");
                assert!(
                    code.ends_with('\n') && !code.contains("\n\n\n\n") && !code.ends_with("\n\n"),
                    "{what}"
                );
                assert!(code.contains("messageId"), "{what}");
                assert!(code.lines().all(|line| line.chars().count() <= 130), "{what}");
                let decodes = [
                    "b64decode(data",
                    "toString(), \"base64\")",
                    "getDecoder",
                    "FROM_BASE64(",
                    "from_base64(",
                ];
                let is_base64 = decodes.iter().any(|decode| code.contains(decode));
                assert_eq!(is_base64, encoding == Encoding::Base64, "{what}");
                let library = code.contains("aws-kinesis-agg");
                let needs = matches!(
                    consumer,
                    Consumer::Python | Consumer::Node | Consumer::LambdaPython | Consumer::LambdaNode
                );
                assert_eq!(library, needs && aggregation == Aggregation::Kpl, "{what}");
            }
        }
        let kpl = ConsumedStream { aggregation: Aggregation::Kpl, ..EVENTS };
        let first = consumer_code(Consumer::Flink, &kpl);
        assert!(first.starts_with("-- Flink does not split records in the format of the KPL"), "{first}");
        assert!(consumer_code(Consumer::Kcl, &kpl).contains("the KCL splits aggregated records itself"));
        assert!(consumer_code(Consumer::Athena, &kpl).contains("Firehose splits aggregated records itself"));
    }

    #[test]
    fn an_arn_an_account_and_another_server_are_in_the_code() {
        let arn = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders";
        let stream = ConsumedStream { stream: arn, region: "cn-north-1", ..EVENTS };
        for (consumer, part) in [
            (Consumer::Python, format!(r#"STREAM = {{"StreamARN": "{arn}"}}"#)),
            (Consumer::Node, format!(r#"STREAM = {{ StreamARN: "{arn}" }}"#)),
            (Consumer::Kcl, format!(r#"singleStreamInstance(Arn.fromString("{arn}"))"#)),
            (Consumer::Kcl, r#"STREAM = "orders""#.into()),
            (Consumer::Flink, format!("'stream.arn' = '{arn}'")),
        ] {
            let code = consumer_code(consumer, &stream);
            assert!(code.contains(&part), "{part}\n{code}");
        }
        let code = consumer_code(Consumer::Flink, &ConsumedStream { account_id: "123456789012", ..EVENTS });
        assert!(code.contains("'arn:aws:kinesis:eu-west-1:123456789012:stream/events'"), "{code}");
        let stream = ConsumedStream { endpoint_url: "http://127.0.0.1:4567", ..EVENTS };
        for (consumer, part) in [
            (Consumer::Python, r#"endpoint_url="http://127.0.0.1:4567""#),
            (Consumer::Node, r#"endpoint: "http://127.0.0.1:4567", requestHandler: new NodeHttpHandler()"#),
            (Consumer::Kcl, r#".endpointOverride(URI.create("http://127.0.0.1:4567"))"#),
            (Consumer::Flink, "'aws.endpoint' = 'http://127.0.0.1:4567'"),
        ] {
            let code = consumer_code(consumer, &stream);
            assert!(code.contains(part), "{part}\n{code}");
        }
        let code = consumer_code(Consumer::Node, &EVENTS);
        assert!(!code.contains("NodeHttpHandler"), "AWS speaks HTTP/2: {code}");
    }
}
