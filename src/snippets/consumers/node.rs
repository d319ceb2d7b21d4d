//! A consumer in Node.js, with the AWS SDK for JavaScript, version 3.

use crate::{
    event::Encoding,
    snippets::{
        consumed::{ConsumedStream, with},
        quoted::text,
    },
};

const DEFAULT: &str = include_str!("../../../examples/consumers/consumer.mjs");

/// What `decode` returns in JavaScript, by encoding.
pub(super) fn decoded(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Base64 => r#"(data) => [JSON.parse(Buffer.from(data.toString(), "base64").toString())]"#,
        Encoding::Json => "(data) => [JSON.parse(data.toString())]",
        Encoding::JsonLines => {
            r#"(data) => data.toString().split("\n").filter(Boolean).map((line) => JSON.parse(line))"#
        }
    }
}

pub(super) fn code(stream: &ConsumedStream<'_>) -> String {
    let parameter = if stream.is_arn() { "StreamARN" } else { "StreamName" };
    let code = with(DEFAULT, r#"StreamName: "events""#, &format!("{parameter}: {}", text(stream.stream)));
    let mut place = format!("region: {}", text(stream.region));
    if !stream.endpoint_url.is_empty() {
        place = format!("{place}, endpoint: {}", text(stream.endpoint_url));
    }
    let is_http_1 = stream.endpoint_url.starts_with("http://");
    if is_http_1 {
        place += ", requestHandler: new NodeHttpHandler()";
    }
    let mut code = with(&code, r#"region: "eu-west-1""#, &place);
    if is_http_1 {
        code = with(
            &code,
            "// npm install @aws-sdk/client-kinesis",
            "// npm install @aws-sdk/client-kinesis @smithy/node-http-handler",
        );
        let import = "// The SDK speaks HTTP/2 to Kinesis, which few other servers do.\nimport { NodeHttpHandler } from \"@smithy/node-http-handler\"\nimport { existsSync";
        code = with(&code, "import { existsSync", import);
    }
    let code = with(&code, decoded(Encoding::Base64), decoded(stream.encoding));
    if stream.is_kpl() { split(&code) } else { code }
}

/// With `aws-kinesis-agg`.
fn split(code: &str) -> String {
    let code = with(
        code,
        "// npm install @aws-sdk/client-kinesis",
        "// npm install aws-kinesis-agg @aws-sdk/client-kinesis",
    );
    let code = with(
        &code,
        "} from \"@aws-sdk/client-kinesis\"\n",
        "} from \"@aws-sdk/client-kinesis\"\nimport { deaggregateSync } from \"aws-kinesis-agg\"\n",
    );
    let split = r#"const eventsIn = (record) => {
  let events
  deaggregateSync(record, true, (error, found) => {
    if (error) throw error
    // The library returns the data of aggregated events in base64, other data as it is.
    events = found.flatMap(({ Data }) => decode(Buffer.from(Data, "base64")))
  })
  return events
}
"#;
    with(&code, "const eventsIn = (record) => decode(Buffer.from(record.Data))\n", split)
}
