//! A consumer in Python, with boto3.

use crate::{
    event::Encoding,
    snippets::{
        consumed::{ConsumedStream, with},
        quoted::text,
    },
};

const DEFAULT: &str = include_str!("../../../examples/consumers/consumer.py");

/// What `decode` returns in Python, by encoding.
pub(super) fn decoded(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Base64 => "return [json.loads(base64.b64decode(data, validate=True))]",
        Encoding::Json => "return [json.loads(data)]",
        Encoding::JsonLines => "return [json.loads(line) for line in data.splitlines()]",
    }
}

pub(super) fn code(stream: &ConsumedStream<'_>) -> String {
    let parameter = if stream.is_arn() { "StreamARN" } else { "StreamName" };
    let code =
        with(DEFAULT, r#""StreamName": "events""#, &format!("\"{parameter}\": {}", text(stream.stream)));
    let mut place = format!("region_name={}", text(stream.region));
    if !stream.endpoint_url.is_empty() {
        place = format!("{place}, endpoint_url={}", text(stream.endpoint_url));
    }
    let code = with(&code, r#"region_name="eu-west-1""#, &place);
    let code = with(&code, decoded(Encoding::Base64), decoded(stream.encoding));
    if stream.is_kpl() {
        return split(&code);
    }
    if stream.encoding == Encoding::Base64 { code } else { with(&code, "import base64\n", "") }
}

/// With `aws-kinesis-agg`.
fn split(code: &str) -> String {
    let code = with(code, "# pip install boto3\n", "# pip install boto3 aws-kinesis-agg\n");
    let code = with(
        &code,
        "import boto3\n",
        "import boto3\nfrom aws_kinesis_agg.deaggregator import iter_deaggregate_records\n",
    );
    let split = r#"    for found in iter_deaggregate_records([record], data_format="Boto3"):
        kinesis = found["kinesis"]
        # The library returns the data of aggregated events in base64, other data as it is.
        yield from decode(base64.b64decode(kinesis["data"]) if kinesis.get("aggregated") else kinesis["data"])
"#;
    with(&code, "    return decode(record[\"Data\"])\n", split)
}
