//! A consumer in Java, with the Kinesis Client Library, version 3.

use crate::{
    event::Encoding,
    snippets::{
        consumed::{ConsumedStream, with},
        quoted::text,
    },
};

const DEFAULT: &str = include_str!("../../../examples/consumers/Consumer.java");

const BASE64: &str = "        return List.of(JSON.readTree(Base64.getDecoder().decode(data)));\n";

pub(super) fn code(stream: &ConsumedStream<'_>) -> String {
    let name = stream.name();
    let code = with(DEFAULT, r#""events-consumer""#, &text(&format!("{name}-consumer")));
    let mut code = with(&code, r#"STREAM = "events""#, &format!("STREAM = {}", text(name)));
    code = with(&code, r#"Region.of("eu-west-1")"#, &format!("Region.of({})", text(stream.region)));
    if stream.is_arn() {
        let arn = format!("singleStreamInstance(Arn.fromString({}))", text(stream.stream));
        code = with(&code, "singleStreamInstance(STREAM)", &arn);
        let import = "import software.amazon.awssdk.regions.Region;";
        code = with(&code, import, &format!("import software.amazon.awssdk.arns.Arn;\n{import}"));
    }
    if !stream.endpoint_url.is_empty() {
        let builder = "KinesisAsyncClient.builder().region(REGION)";
        let endpoint = format!("{builder}.endpointOverride(URI.create({}))", text(stream.endpoint_url));
        code = with(&code, builder, &endpoint);
        code = with(&code, "import java.nio", "import java.net.URI;\nimport java.nio");
    }
    if stream.is_kpl() {
        let note = "// With the aggregation \"kpl\" nothing else is needed: the KCL splits aggregated records itself.\n//\n";
        code = format!("{note}{code}");
    }
    match stream.encoding {
        Encoding::Base64 => return code,
        Encoding::Json => code = with(&code, BASE64, "        return List.of(JSON.readTree(data));\n"),
        Encoding::JsonLines => {
            let lines =
                "        return JSON.readerFor(JsonNode.class).<JsonNode>readValues(data).readAll();\n";
            code = with(&code, BASE64, lines);
        }
    }
    with(&code, "import java.util.Base64;\n", "")
}
