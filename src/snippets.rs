//! How to point each SDK at the capture endpoint: code that can be pasted as it is, with the address and the write key
//! filled in. Each option was measured, or read in the SDK's source.
//!
//! Any write key is quoted so that it stays one piece of text in its language. Absent on purpose: SDKs that cannot
//! talk to Segment's HTTP API.

pub mod edit;
mod proxy;
mod request;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::json;

use crate::{event::Kind, shell};

pub use proxy::{Proxy, proxy_lines};
pub use request::{Language, request};

/// A way to send events, in the order in which they are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sdk {
    /// A command line.
    Curl,
    /// `@segment/analytics-node`.
    Node,
    /// `@segment/analytics-next` in a bundled site.
    BrowserNpm,
    /// `@segment/analytics-next` in a page without a bundler.
    BrowserScript,
    /// `segment-analytics-python`.
    Python,
    /// `analytics-go`.
    Go,
    /// `analytics-java`.
    Java,
    /// `analytics-ruby`.
    Ruby,
    /// `analytics-php`.
    Php,
    /// `analytics-swift`.
    Swift,
    /// `analytics-kotlin`.
    Kotlin,
    /// `@segment/analytics-react-native`.
    ReactNative,
    /// `@rudderstack/rudder-sdk-node`.
    RudderNode,
    /// `@customerio/cdp-analytics-browser` in a bundled site.
    CustomerIoBrowser,
    /// An image in a page or an e-mail.
    Pixel,
}

impl Sdk {
    /// Every way.
    pub const ALL: [Self; 15] = [
        Self::Curl,
        Self::Node,
        Self::BrowserNpm,
        Self::BrowserScript,
        Self::Python,
        Self::Go,
        Self::Java,
        Self::Ruby,
        Self::Php,
        Self::Swift,
        Self::Kotlin,
        Self::ReactNative,
        Self::RudderNode,
        Self::CustomerIoBrowser,
        Self::Pixel,
    ];

    /// Its name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Curl => "curl",
            Self::Node => "Node.js",
            Self::BrowserNpm => "Browser (npm)",
            Self::BrowserScript => "Browser (script tag)",
            Self::Python => "Python",
            Self::Go => "Go",
            Self::Java => "Java",
            Self::Ruby => "Ruby",
            Self::Php => "PHP",
            Self::Swift => "Swift",
            Self::Kotlin => "Kotlin",
            Self::ReactNative => "React Native",
            Self::RudderNode => "RudderStack (Node.js)",
            Self::CustomerIoBrowser => "Customer.io (browser)",
            Self::Pixel => "HTTP pixel",
        }
    }

    /// The language of the snippet, as highlighters call it.
    pub fn language(self) -> &'static str {
        match self {
            Self::Curl => "sh",
            Self::Node
            | Self::BrowserNpm
            | Self::ReactNative
            | Self::RudderNode
            | Self::CustomerIoBrowser => "js",
            Self::BrowserScript | Self::Pixel => "html",
            Self::Python => "python",
            Self::Go => "go",
            Self::Java => "java",
            Self::Ruby => "ruby",
            Self::Php => "php",
            Self::Swift => "swift",
            Self::Kotlin => "kotlin",
        }
    }

    /// What its users must know besides the code.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Curl | Self::Java | Self::Php => None,
            Self::Node => Some(
                "Works with the old package analytics-node too: new Analytics(KEY, { host, timeout: 60000, retryCount: 10, errorHandler }). Its timeout is for a batch with all its retries; without errorHandler, a batch that it gives up ends the program.",
            ),
            Self::BrowserNpm => Some(
                "A page from a public site may reach this computer only after its visitor allowed it. For real visitors, put the endpoint behind a public host name.",
            ),
            Self::BrowserScript => Some(
                "A page that has Segment's own script tag already needs only the second argument of its analytics.load call to change. A page from a public site may reach this computer only after its visitor allowed it.",
            ),
            Self::Python => Some(
                "After a 429 or 503, it sends later events first if more than 100 wait. To keep their order, make the client yourself: Client(write_key, host=host, upload_size=10000), from segment.analytics.client.",
            ),
            Self::Go => Some("Sends a refused batch ten times before it gives up."),
            Self::Ruby => Some(
                "Speaks only https: it ignores `ssl: false`. Put a server with a certificate (such as Caddy) in front of the endpoint, and give its host and port here.",
            ),
            Self::Swift => Some(
                "Speaks https unless its requests are changed, as the snippet does for an http endpoint. On a device, 127.0.0.1 is the device itself: use this computer's address, and allow it in App Transport Security.",
            ),
            Self::Kotlin => Some(
                "Speaks https unless its requests are changed, as the snippet does for an http endpoint. In the Android emulator this computer is 10.0.2.2; plain http must be allowed in the network security configuration.",
            ),
            Self::ReactNative => Some(
                "Keep both addresses and allowInsecureProxy: without it, an http address is ignored and the events go to Segment. They also go there if the host is not localhost, an IPv4 address or a name with a dot. On a device, 127.0.0.1 is the device itself: use this computer's address, and allow plain http in App Transport Security (iOS) and the network security configuration (Android).",
            ),
            Self::RudderNode => Some(
                "Its timeout is for a batch with all its retries, so it must be longer than an outage. Without errorHandler, a batch that it gives up ends the program.",
            ),
            Self::CustomerIoBrowser => Some(
                "Keep cdnSettings: with cdnURL instead, the events go to Customer.io. The SDK does not look at answers: an event that is answered with 429 or 503 is lost, without an error. It repeats only what got no answer.",
            ),
            Self::Pixel => Some(
                "`data` is the event in base64 and holds the write key: whoever sees the page or the e-mail can read it.",
            ),
        }
    }
}

/// The code for that SDK, the endpoint (`http://127.0.0.1:8485`, or with a path prefix) and the write key of a source. Ends with a line end.
pub fn snippet(sdk: Sdk, endpoint: &str, write_key: &str) -> String {
    let address = Address::of(endpoint);
    match sdk {
        Sdk::Curl => curl(&address, write_key),
        Sdk::Node => node(&address, write_key),
        Sdk::BrowserNpm => browser_npm(&address, write_key),
        Sdk::BrowserScript => browser_script(&address, write_key),
        Sdk::Python => python(&address, write_key),
        Sdk::Go => go(&address, write_key),
        Sdk::Java => java(&address, write_key),
        Sdk::Ruby => ruby(&address, write_key),
        Sdk::Php => php(&address, write_key),
        Sdk::Swift => swift(&address, write_key),
        Sdk::Kotlin => kotlin(&address, write_key),
        Sdk::ReactNative => react_native(&address, write_key),
        Sdk::RudderNode => rudder_node(&address, write_key),
        Sdk::CustomerIoBrowser => customer_io_browser(&address, write_key),
        Sdk::Pixel => pixel(&address, write_key),
    }
}

/// An endpoint's URL in the parts that SDKs ask for.
struct Address<'a> {
    /// Without a slash at the end.
    url: String,
    scheme: &'a str,
    /// `127.0.0.1:8485`
    authority: &'a str,
    /// `127.0.0.1`
    host: &'a str,
    port: u16,
    /// `/events`, or nothing.
    prefix: &'a str,
}

impl<'a> Address<'a> {
    fn of(endpoint: &'a str) -> Self {
        let endpoint = endpoint.trim().trim_end_matches('/');
        let (scheme, rest) = endpoint.split_once("://").unwrap_or(("http", endpoint));
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let default_port = if scheme == "https" { 443 } else { 80 };
        // The colons of `[::1]` are not the port's.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().unwrap_or(default_port)),
            Some(_) | None => (authority, default_port),
        };
        Self { url: format!("{scheme}://{authority}{prefix}"), scheme, authority, host, port, prefix }
    }

    /// What SDKs take that put the scheme before it and a call's name behind it.
    fn api_host(&self) -> String {
        format!("{}{}/v1", self.authority, self.prefix)
    }

    fn is_plain(&self) -> bool {
        self.scheme == "http"
    }
}

/// A text in double quotes. A backslash goes before every character of `special`, and `control` writes the rest that
/// cannot stand in a line.
fn quoted(text: &str, special: &str, control: fn(u32) -> String) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&control(u32::from(c))),
            c if c == '"' || c == '\\' || special.contains(c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

fn four_digits(c: u32) -> String {
    format!("\\u{c:04x}")
}

fn braces(c: u32) -> String {
    format!("\\u{{{c:x}}}")
}

/// JavaScript, Python, Go and Java read the same escapes.
fn text(value: &str) -> String {
    quoted(value, "", four_digits)
}

/// JavaScript inside HTML: nothing in it may end the script element.
fn text_in_html(value: &str) -> String {
    text(value).replace('<', "\\u003c")
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

fn node(address: &Address, key: &str) -> String {
    // The SDK leaves out the path of its host.
    let path = match address.prefix {
        "" => String::new(),
        prefix => format!(", path: {}", text(&format!("{prefix}/v1/batch"))),
    };
    format!(
        r#"// npm install @segment/analytics-node
const {{ Analytics }} = require("@segment/analytics-node")

const analytics = new Analytics({{ writeKey: {key}, host: {url}{path} }})

analytics.identify({{ userId: "user-1", traits: {{ plan: "pro" }} }})
analytics.track({{ userId: "user-1", event: "Order Completed", properties: {{ total: 42.5 }} }})

// Before the program ends: send what is still in memory.
analytics.closeAndFlush()
"#,
        key = text(key),
        url = text(&address.url),
    )
}

fn browser_npm(address: &Address, key: &str) -> String {
    format!(
        r#"// npm install @segment/analytics-next
import {{ AnalyticsBrowser }} from "@segment/analytics-next"

export const analytics = AnalyticsBrowser.load(
  {{ writeKey: {key}, cdnSettings: {{ integrations: {{ "Segment.io": {{ apiKey: {key} }} }}, metrics: {{ sampleRate: 0 }} }} }},
  {{ integrations: {{ "Segment.io": {{ apiHost: {host}, protocol: {scheme} }} }} }}
)

analytics.page()
analytics.identify("user-1", {{ plan: "pro" }})
analytics.track("Order Completed", {{ total: 42.5 }})
"#,
        key = text(key),
        host = text(&address.api_host()),
        scheme = text(address.scheme),
    )
}

fn browser_script(address: &Address, key: &str) -> String {
    format!(
        r#"<script src="https://cdn.jsdelivr.net/npm/@segment/analytics-next@1.84.3/dist/umd/index.js"></script>
<script>
  window.analytics = AnalyticsNext.AnalyticsBrowser.load(
    {{ writeKey: {key}, cdnSettings: {{ integrations: {{ "Segment.io": {{ apiKey: {key} }} }}, metrics: {{ sampleRate: 0 }} }} }},
    {{ integrations: {{ "Segment.io": {{ apiHost: {host}, protocol: {scheme} }} }} }}
  )

  analytics.page()
  analytics.identify("user-1", {{ plan: "pro" }})
  analytics.track("Order Completed", {{ total: 42.5 }})
</script>
"#,
        key = text_in_html(key),
        host = text_in_html(&address.api_host()),
        scheme = text_in_html(address.scheme),
    )
}

fn python(address: &Address, key: &str) -> String {
    format!(
        r#"# pip install segment-analytics-python
import segment.analytics as analytics

analytics.write_key = {key}
analytics.host = {url}

analytics.identify("user-1", {{"plan": "pro"}})
analytics.track("user-1", "Order Completed", {{"total": 42.5}})

# Before the program ends: send what is still in memory.
analytics.flush()
"#,
        key = text(key),
        url = text(&address.url),
    )
}

fn go(address: &Address, key: &str) -> String {
    format!(
        r#"// go get github.com/segmentio/analytics-go/v3
package main

import (
	"log"

	"github.com/segmentio/analytics-go/v3"
)

func main() {{
	client, err := analytics.NewWithConfig({key}, analytics.Config{{Endpoint: {url}}})
	if err != nil {{
		log.Fatal(err)
	}}
	// Sends what is still in memory.
	defer client.Close()

	client.Enqueue(analytics.Identify{{UserId: "user-1", Traits: analytics.NewTraits().Set("plan", "pro")}})
	client.Enqueue(analytics.Track{{
		UserId:     "user-1",
		Event:      "Order Completed",
		Properties: analytics.NewProperties().Set("total", 42.5),
	}})
}}
"#,
        key = text(key),
        url = text(&address.url),
    )
}

fn java(address: &Address, key: &str) -> String {
    format!(
        r#"// Gradle: implementation("com.segment.analytics.java:analytics:+")
import com.segment.analytics.Analytics;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.Map;

public class Example {{
    public static void main(String[] args) {{
        Analytics analytics = Analytics.builder({key}).endpoint({url}).build();

        analytics.enqueue(IdentifyMessage.builder().userId("user-1").traits(Map.of("plan", "pro")));
        analytics.enqueue(
            TrackMessage.builder("Order Completed").userId("user-1").properties(Map.of("total", 42.5)));

        // Before the program ends: send what is still in memory.
        analytics.flush();
        analytics.shutdown();
    }}
}}
"#,
        key = text(key),
        url = text(&address.url),
    )
}

fn ruby(address: &Address, key: &str) -> String {
    // `#` starts code inside Ruby's double quotes.
    let text = |value: &str| quoted(value, "#", four_digits);
    let path = match address.prefix {
        "" => String::new(),
        prefix => format!(", path: {}", text(&format!("{prefix}/v1/import"))),
    };
    format!(
        r#"# gem install analytics-ruby
require "segment/analytics"

analytics = Segment::Analytics.new(write_key: {key}, host: {host}, port: {port}{path})

analytics.identify(user_id: "user-1", traits: {{ plan: "pro" }})
analytics.track(user_id: "user-1", event: "Order Completed", properties: {{ total: 42.5 }})

# Before the program ends: send what is still in memory.
analytics.flush
"#,
        key = text(key),
        host = text(address.host),
        port = address.port,
    )
}

fn php(address: &Address, key: &str) -> String {
    // Only these two are special in PHP's single quotes.
    let text = |value: &str| format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"));
    format!(
        r"<?php
// composer require segmentio/analytics-php
require 'vendor/autoload.php';

use Segment\Segment;

Segment::init({key}, ['host' => {host}, 'ssl' => {ssl}]);

Segment::identify(['userId' => 'user-1', 'traits' => ['plan' => 'pro']]);
Segment::track(['userId' => 'user-1', 'event' => 'Order Completed', 'properties' => ['total' => 42.5]]);

// Before the program ends: send what is still in memory.
Segment::flush();
",
        key = text(key),
        host = text(&format!("{}{}", address.authority, address.prefix)),
        ssl = !address.is_plain(),
    )
}

fn swift(address: &Address, key: &str) -> String {
    let text = |value: &str| quoted(value, "", braces);
    let plain = "
    // The SDK asks for https.
    .requestFactory { request in
        var request = request
        if let url = request.url, var parts = URLComponents(url: url, resolvingAgainstBaseURL: false) {
            parts.scheme = \"http\"
            request.url = parts.url
        }
        return request
    }";
    format!(
        r#"// Package: https://github.com/segmentio/analytics-swift
import Foundation
import Segment

let configuration = Configuration(writeKey: {key})
    .apiHost({host})
    .cdnHost({host}){plain}
let analytics = Analytics(configuration: configuration)

analytics.identify(userId: "user-1", traits: ["plan": "pro"])
analytics.track(name: "Order Completed", properties: ["total": 42.5])
"#,
        key = text(key),
        host = text(&address.api_host()),
        plain = if address.is_plain() { plain } else { "" },
    )
}

fn kotlin(address: &Address, key: &str) -> String {
    // `$` starts a template inside Kotlin's double quotes.
    let text = |value: &str| quoted(value, "$", four_digits);
    let plain = "
    // The SDK asks for https.
    requestFactory = object : RequestFactory() {
        override fun openConnection(url: String): HttpURLConnection =
            super.openConnection(url.replaceFirst(\"https://\", \"http://\"))
    }";
    let imports =
        "import com.segment.analytics.kotlin.core.RequestFactory\nimport java.net.HttpURLConnection\n";
    format!(
        r#"// Gradle: implementation("com.segment.analytics.kotlin:android:+")
import com.segment.analytics.kotlin.android.Analytics
{imports}import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put

val analytics = Analytics({key}, applicationContext) {{
    apiHost = {host}
    cdnHost = {host}{plain}
}}

analytics.identify("user-1", buildJsonObject {{ put("plan", "pro") }})
analytics.track("Order Completed", buildJsonObject {{ put("total", 42.5) }})
"#,
        key = text(key),
        host = text(&address.api_host()),
        imports = if address.is_plain() { imports } else { "" },
        plain = if address.is_plain() { plain } else { "" },
    )
}

fn react_native(address: &Address, key: &str) -> String {
    let plain = "
  // Without it, the SDK ignores an http address and sends to Segment.
  allowInsecureProxy: true,";
    format!(
        r#"// npm install @segment/analytics-react-native @segment/sovran-react-native react-native-get-random-values @react-native-async-storage/async-storage
import {{ createClient }} from "@segment/analytics-react-native"

export const analytics = createClient({{
  writeKey: {key},
  proxy: {url},
  cdnProxy: {url},
  useSegmentEndpoints: true,{plain}
  // Without them, events are dropped until the endpoint was reached once.
  defaultSettings: {{ integrations: {{ "Segment.io": {{ apiKey: {key} }} }} }},
}})

// Sends after 30 seconds or 20 events.
analytics.identify("user-1", {{ plan: "pro" }})
analytics.track("Order Completed", {{ total: 42.5 }})
"#,
        key = text(key),
        url = text(&format!("{}/v1", address.url)),
        plain = if address.is_plain() { plain } else { "" },
    )
}

fn rudder_node(address: &Address, key: &str) -> String {
    format!(
        r#"// npm install @rudderstack/rudder-sdk-node
const RudderAnalytics = require("@rudderstack/rudder-sdk-node")

const analytics = new RudderAnalytics({key}, {{
  dataPlaneUrl: {url},
  // For a batch with all its retries.
  timeout: 60000,
  retryCount: 10,
  // Without it, a batch that is given up ends the program.
  errorHandler: (error) => console.error(error.message),
}})

analytics.identify({{ userId: "user-1", traits: {{ plan: "pro" }} }})
analytics.track({{ userId: "user-1", event: "Order Completed", properties: {{ total: 42.5 }} }})

// Before the program ends: send what is still in memory.
analytics.flush()
"#,
        key = text(key),
        url = text(&address.url),
    )
}

fn customer_io_browser(address: &Address, key: &str) -> String {
    format!(
        r#"// npm install @customerio/cdp-analytics-browser
import {{ AnalyticsBrowser }} from "@customerio/cdp-analytics-browser"

const name = "Customer.io Data Pipelines"
export const analytics = AnalyticsBrowser.load(
  // Without metrics, the SDK sends reports about itself to Customer.io.
  {{ writeKey: {key}, cdnSettings: {{ integrations: {{ [name]: {{ apiKey: {key} }} }}, metrics: {{ sampleRate: 0 }} }} }},
  {{ integrations: {{ [name]: {{ apiHost: {host}, protocol: {scheme} }} }} }}
)

analytics.page()
analytics.identify("user-1", {{ plan: "pro" }})
analytics.track("Order Completed", {{ total: 42.5 }})
"#,
        key = text(key),
        host = text(&format!("{}/v1", address.authority)),
        scheme = text(address.scheme),
    )
}

fn pixel(address: &Address, key: &str) -> String {
    let event = json!({
        "writeKey": key,
        "userId": "user-1",
        "event": "Email Opened",
        "properties": {"subject": "Welcome"},
    });
    let data = BASE64_URL_SAFE_NO_PAD.encode(event.to_string());
    let url = address.url.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    format!("<img src=\"{url}/v1/pixel/track?data={data}\" width=\"1\" height=\"1\" alt=\"\">\n")
}

/// A sensible event of that kind to try things out with: what the Test place begins with and `send` sends.
pub fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Identify => {
            r#"{
  "userId": "user-1",
  "traits": {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "plan": "pro"
  }
}"#
        }
        Kind::Track => {
            r#"{
  "userId": "user-1",
  "event": "Order Completed",
  "properties": {
    "orderId": "1042",
    "revenue": 39.95,
    "currency": "EUR",
    "products": [
      { "sku": "G-32", "quantity": 1 }
    ]
  }
}"#
        }
        Kind::Page => {
            r#"{
  "userId": "user-1",
  "name": "Pricing",
  "properties": {
    "url": "https://www.example.com/pricing",
    "title": "Plans and pricing"
  }
}"#
        }
        Kind::Screen => {
            r#"{
  "userId": "user-1",
  "name": "Checkout",
  "properties": {
    "step": 2
  }
}"#
        }
        Kind::Group => {
            r#"{
  "userId": "user-1",
  "groupId": "acme",
  "traits": {
    "name": "Acme Inc.",
    "employees": 42
  }
}"#
        }
        Kind::Alias => {
            r#"{
  "previousId": "anonymous-7f3a",
  "userId": "user-1"
}"#
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://127.0.0.1:8485";
    /// What breaks one language or another when it is not quoted.
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

    /// What gives an SDK the patience for an outage is in the senders of the tests, as it is advised.
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

    #[test]
    fn an_address_comes_apart_whatever_its_form() {
        for (url, whole, host, port) in [
            ("http://127.0.0.1:8485/", "http://127.0.0.1:8485", "127.0.0.1", 8485),
            ("127.0.0.1:8485", "http://127.0.0.1:8485", "127.0.0.1", 8485),
            ("http://[::1]:8485", "http://[::1]:8485", "[::1]", 8485),
            ("http://[::1]", "http://[::1]", "[::1]", 80),
            ("https://events.example.com", "https://events.example.com", "events.example.com", 443),
        ] {
            let address = Address::of(url);
            assert_eq!((address.url.as_str(), address.host, address.port), (whole, host, port));
        }
    }
}
