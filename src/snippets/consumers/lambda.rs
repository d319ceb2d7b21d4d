//! Lambda functions that read the stream and report a failure without losing the order.

use super::{node, python};
use crate::{
    event::{Aggregation, Encoding},
    snippets::consumed::{ConsumedStream, with},
};

const PYTHON: &str = include_str!("../../../examples/consumers/lambda.py");
const NODE: &str = include_str!("../../../examples/consumers/lambda.mjs");

pub(super) fn python(stream: &ConsumedStream<'_>) -> String {
    let code = with(PYTHON, python::decoded(Encoding::Base64), python::decoded(stream.encoding));
    let code = format!("{}{code}", needs(stream, "#"));
    if !stream.is_kpl() {
        return code;
    }
    let code = with(
        &code,
        "import logging\n",
        "import logging\n\nfrom aws_kinesis_agg.deaggregator import iter_deaggregate_records\n",
    );
    let split = r#"    for found in iter_deaggregate_records([record]):
        yield from decode(base64.b64decode(found["kinesis"]["data"]))
"#;
    with(&code, "    return decode(base64.b64decode(record[\"kinesis\"][\"data\"]))\n", split)
}

pub(super) fn node(stream: &ConsumedStream<'_>) -> String {
    let code = with(NODE, node::decoded(Encoding::Base64), node::decoded(stream.encoding));
    let code = format!("{}{code}", needs(stream, "//"));
    if !stream.is_kpl() {
        return code;
    }
    let code = with(
        &code,
        "const SEEN_MAX",
        "import { deaggregateSync } from \"aws-kinesis-agg\"\n\nconst SEEN_MAX",
    );
    let split = r#"const eventsIn = (kinesis) => {
  let events
  deaggregateSync(kinesis, true, (error, found) => {
    if (error) throw error
    events = found.flatMap(({ data }) => decode(Buffer.from(data, "base64")))
  })
  return events
}
"#;
    with(&code, "const eventsIn = (kinesis) => decode(Buffer.from(kinesis.data, \"base64\"))\n", split)
}

/// What aggregated records need besides the code, as comments.
fn needs(stream: &ConsumedStream<'_>, mark: &str) -> String {
    let order =
        format!("{mark} Keep ParallelizationFactor at 1 if the order of each user's events matters.\n");
    match stream.aggregation {
        Aggregation::None => String::new(),
        Aggregation::Lines => order,
        Aggregation::Kpl => format!(
            "{mark} Put aws-kinesis-agg into its package or a layer: Lambda does not split aggregated records.\n{order}"
        ),
    }
}
