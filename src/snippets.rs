//! How to point each SDK at the capture endpoint: code that can be pasted as it is, with the address and the write key
//! filled in. Each option was measured, or read in the SDK's source.
//!
//! SDKs that cannot talk to Segment's HTTP API are left out on purpose.
//!
//! And how to read the stream: [`consumer_code`].

mod address;
mod apps;
mod consumed;
mod consumer;
mod consumers;
pub mod edit;
mod pages;
mod proxy;
mod quoted;
mod request;
mod sample;
mod sdk;
mod servers;

use crate::shell;

use address::Address;

pub use consumed::ConsumedStream;
pub use consumer::Consumer;
pub use consumers::consumer_code;
pub use proxy::{Proxy, proxy_lines};
pub use request::{Language, request};
pub use sample::sample;
pub use sdk::Sdk;

/// The code for that SDK, with the endpoint's URL (`http://127.0.0.1:8485`, or with a path prefix) and the write key of a
/// source. Ends with a line end.
pub fn snippet(sdk: Sdk, endpoint: &str, write_key: &str) -> String {
    let address = Address::of(endpoint);
    match sdk {
        Sdk::Curl => curl(&address, write_key),
        Sdk::Node => servers::node(&address, write_key),
        Sdk::BrowserNpm => pages::browser_npm(&address, write_key),
        Sdk::BrowserScript => pages::browser_script(&address, write_key),
        Sdk::Python => servers::python(&address, write_key),
        Sdk::Go => servers::go(&address, write_key),
        Sdk::Java => servers::java(&address, write_key),
        Sdk::Ruby => servers::ruby(&address, write_key),
        Sdk::Php => servers::php(&address, write_key),
        Sdk::Swift => apps::swift(&address, write_key),
        Sdk::Kotlin => apps::kotlin(&address, write_key),
        Sdk::ReactNative => apps::react_native(&address, write_key),
        Sdk::RudderNode => servers::rudder_node(&address, write_key),
        Sdk::CustomerIoBrowser => pages::customer_io_browser(&address, write_key),
        Sdk::Pixel => pages::pixel(&address, write_key),
    }
}

fn curl(address: &Address, key: &str) -> String {
    format!(
        r#"curl -u {user} {url} \
  -H 'Content-Type: application/json' \
  -d '{{"userId":"user-1","event":"Order Completed","properties":{{"total":42.5}}}}'
"#,
        user = shell::word(&format!("{key}:")),
        url = shell::word(&format!("{}/v1/track", address.url)),
    )
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
    use serde_json::json;

    use super::*;

    const URL: &str = "http://127.0.0.1:8485";
    /// A text that breaks one language or another if it is not quoted.
    const WILD: &str = r#"a'b"c\d$e#{f}`g</script>&\(h)%"#;

    #[test]
    fn every_snippet_has_the_address_and_the_key() {
        for sdk in Sdk::ALL {
            let code = snippet(sdk, URL, "wk_123");
            assert!(code.contains("127.0.0.1"), "{code}");
            assert!(code.contains("8485"), "{code}");
            assert!(sdk == Sdk::Pixel || code.contains("wk_123"), "{code}");
            assert!(code.ends_with('\n') && !code.contains("{{") && !code.contains("\n\n\n"), "{code}");
            assert!(!sdk.title().is_empty() && !sdk.language().is_empty());
            assert!(sdk.note().is_none_or(|note| note.ends_with('.')));
        }
    }

    #[test]
    fn the_options_are_those_of_the_tracking_api() {
        for (sdk, option) in [
            (Sdk::Curl, "curl -u wk: http://127.0.0.1:8485/v1/track"),
            (Sdk::Node, r#"new Analytics({ writeKey: "wk", host: "http://127.0.0.1:8485" })"#),
            (Sdk::BrowserNpm, r#"{ apiHost: "127.0.0.1:8485/v1", protocol: "http" }"#),
            (
                Sdk::BrowserNpm,
                r#"{ writeKey: "wk", cdnSettings: { integrations: { "Segment.io": { apiKey: "wk" } }, metrics: { sampleRate: 0 } } }"#,
            ),
            (Sdk::BrowserScript, r#"{ apiHost: "127.0.0.1:8485/v1", protocol: "http" }"#),
            (Sdk::Python, "analytics.write_key = \"wk\"\nanalytics.host = \"http://127.0.0.1:8485\"\n"),
            (
                Sdk::Go,
                r#"analytics.NewWithConfig("wk", analytics.Config{Endpoint: "http://127.0.0.1:8485"})"#,
            ),
            (Sdk::Java, r#"Analytics.builder("wk").endpoint("http://127.0.0.1:8485").build()"#),
            (Sdk::Ruby, r#"Segment::Analytics.new(write_key: "wk", host: "127.0.0.1", port: 8485)"#),
            (Sdk::Php, "Segment::init('wk', ['host' => '127.0.0.1:8485', 'ssl' => false]);"),
            (
                Sdk::Swift,
                "Configuration(writeKey: \"wk\")\n    .apiHost(\"127.0.0.1:8485/v1\")\n    .cdnHost(\"127.0.0.1:8485/v1\")",
            ),
            (Sdk::Kotlin, "apiHost = \"127.0.0.1:8485/v1\"\n    cdnHost = \"127.0.0.1:8485/v1\""),
            (Sdk::RudderNode, "new RudderAnalytics(\"wk\", {\n  dataPlaneUrl: \"http://127.0.0.1:8485\",\n"),
            (
                Sdk::ReactNative,
                "  proxy: \"http://127.0.0.1:8485/v1\",\n  cdnProxy: \"http://127.0.0.1:8485/v1\",\n  useSegmentEndpoints: true,\n",
            ),
            (Sdk::ReactNative, r#"defaultSettings: { integrations: { "Segment.io": { apiKey: "wk" } } }"#),
            (
                Sdk::CustomerIoBrowser,
                r#"cdnSettings: { integrations: { [name]: { apiKey: "wk" } }, metrics: { sampleRate: 0 } }"#,
            ),
            (Sdk::CustomerIoBrowser, r#"[name]: { apiHost: "127.0.0.1:8485/v1", protocol: "http" }"#),
        ] {
            let code = snippet(sdk, URL, "wk");
            assert!(code.contains(option), "{code}");
        }
    }

    /// The options that are advised so that an SDK outlasts an outage are the ones that the senders of the tests use.
    #[test]
    fn the_options_that_are_advised_against_outages_are_tested() {
        let note = Sdk::Node.note().unwrap();
        let options = note.split_once("{ host, ").unwrap().1.split_once(" }").unwrap().0;
        let tested = include_str!("../tests/peers/senders/analytics-node-legacy.js");
        assert!(tested.contains(&format!("{{ host, {options} }}")), "{options}");

        let code = snippet(Sdk::RudderNode, URL, "wk");
        let on_node = include_str!("../tests/peers/senders/servers.js");
        let advised = code.lines().filter(|line| line.starts_with("  ") && !line.contains("//"));
        for option in advised.filter(|line| !line.contains("dataPlaneUrl")) {
            assert!(on_node.contains(option.trim()), "{option}");
        }

        let document = include_str!("../docs/capture.md");
        assert!(document.contains(&format!("{{ host, {options} }}")), "{options}");
        let in_python = include_str!("../tests/peers/senders/servers.py");
        for (option, tested) in [
            ("timeout: 60000, retryCount: 10, errorHandler", code.as_str()),
            ("maxRetries: 30", on_node),
            ("retry: { maxRetries: 20, maxTotalBackoffMs: 60000 }", on_node),
            ("Client(write_key, host=host, upload_size=10000)", in_python),
            ("max_retries: 10", include_str!("../tests/peers/senders/rust/src/main.rs")),
        ] {
            assert!(document.contains(option), "{option}");
            let words = option.split(", ").filter(|word| *word != "errorHandler");
            assert!(words.clone().all(|word| tested.contains(word)), "{option}");
        }
        assert!(Sdk::Python.note().is_some_and(|note| note.contains("upload_size=10000")));
    }

    #[test]
    fn any_key_stays_one_piece_of_text_in_its_language() {
        let json = r#""a'b\"c\\d$e#{f}`g</script>&\\(h)%""#;
        for (sdk, quoted) in [
            (Sdk::Curl, r#""a'b\"c\\d"'$e#{f}`g</script>&'"\\(h)%:""#),
            (Sdk::Node, json),
            (Sdk::BrowserNpm, json),
            (Sdk::BrowserScript, r#""a'b\"c\\d$e#{f}`g\u003c/script>&\\(h)%""#),
            (Sdk::Python, json),
            (Sdk::Go, json),
            (Sdk::Java, json),
            (Sdk::Ruby, r#""a'b\"c\\d$e\#{f}`g</script>&\\(h)%""#),
            (Sdk::Php, r#"'a\'b"c\\d$e#{f}`g</script>&\\(h)%'"#),
            (Sdk::Swift, json),
            (Sdk::Kotlin, r#""a'b\"c\\d\$e#{f}`g</script>&\\(h)%""#),
            (Sdk::ReactNative, json),
            (Sdk::RudderNode, json),
            (Sdk::CustomerIoBrowser, json),
        ] {
            let code = snippet(sdk, URL, WILD);
            assert!(code.contains(quoted), "{quoted}\n{code}");
        }
        assert!(snippet(Sdk::Swift, URL, "a\u{1}\n").contains(r#""a\u{1}\n""#));
        assert!(snippet(Sdk::Node, URL, "a\u{1}\n").contains(r#""a\u0001\n""#));
    }

    #[test]
    fn the_pixel_holds_the_event_and_the_key_whatever_is_in_it() {
        let code = snippet(Sdk::Pixel, URL, WILD);
        let data = code.split("/v1/pixel/track?data=").nth(1).unwrap().split('"').next().unwrap();
        let event: serde_json::Value =
            serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(data).unwrap()).unwrap();
        assert_eq!((&event["writeKey"], &event["userId"]), (&json!(WILD), &json!("user-1")));
    }

    #[test]
    fn an_endpoint_behind_https_needs_no_change_of_the_sdk_s_requests() {
        for sdk in [Sdk::Swift, Sdk::Kotlin] {
            let code = snippet(sdk, "https://events.example.com/", "wk");
            assert!(code.contains("\"events.example.com/v1\"") && !code.contains("requestFactory"), "{code}");
            assert!(snippet(sdk, URL, "wk").contains("requestFactory"));
        }
        let code = snippet(Sdk::ReactNative, "https://events.example.com/", "wk");
        assert!(
            code.contains("\"https://events.example.com/v1\"") && !code.contains("allowInsecure"),
            "{code}"
        );
        assert!(snippet(Sdk::ReactNative, URL, "wk").contains("\n  allowInsecureProxy: true,\n"));
        assert!(snippet(Sdk::Php, "https://events.example.com", "wk").contains("'ssl' => true"));
        assert!(
            snippet(Sdk::Ruby, "https://events.example.com", "wk")
                .contains(r#""events.example.com", port: 443"#)
        );
    }

    #[test]
    fn a_path_prefix_of_a_proxy_is_in_every_snippet_where_its_sdk_takes_it() {
        const PROXIED: &str = "https://www.example.com:8443/events/";
        for (sdk, option) in [
            (Sdk::Curl, "curl -u wk: https://www.example.com:8443/events/v1/track "),
            (Sdk::Node, r#"host: "https://www.example.com:8443/events", path: "/events/v1/batch" }"#),
            (Sdk::BrowserNpm, r#"{ apiHost: "www.example.com:8443/events/v1", protocol: "https" }"#),
            (Sdk::BrowserScript, r#"{ apiHost: "www.example.com:8443/events/v1", protocol: "https" }"#),
            (Sdk::Python, r#"analytics.host = "https://www.example.com:8443/events""#),
            (Sdk::Go, r#"Endpoint: "https://www.example.com:8443/events""#),
            (Sdk::Java, r#".endpoint("https://www.example.com:8443/events")"#),
            (Sdk::Ruby, r#"host: "www.example.com", port: 8443, path: "/events/v1/import")"#),
            (Sdk::Php, "'host' => 'www.example.com:8443/events', 'ssl' => true"),
            (Sdk::Swift, r#".apiHost("www.example.com:8443/events/v1")"#),
            (Sdk::Kotlin, r#"apiHost = "www.example.com:8443/events/v1""#),
            (Sdk::RudderNode, r#"dataPlaneUrl: "https://www.example.com:8443/events""#),
            (Sdk::Pixel, r#"src="https://www.example.com:8443/events/v1/pixel/track?data="#),
        ] {
            let code = snippet(sdk, PROXIED, "wk");
            assert!(code.contains(option), "{code}");
        }
        assert!(!snippet(Sdk::Node, URL, "wk").contains("path:"));
        assert!(!snippet(Sdk::Ruby, URL, "wk").contains("path:"));
    }
}
