//! Snippets of SDKs for servers.

use super::{
    address::Address,
    quoted::{self, text},
};

pub(super) fn node(address: &Address, key: &str) -> String {
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

pub(super) fn rudder_node(address: &Address, key: &str) -> String {
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

pub(super) fn python(address: &Address, key: &str) -> String {
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

pub(super) fn go(address: &Address, key: &str) -> String {
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

pub(super) fn java(address: &Address, key: &str) -> String {
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

pub(super) fn ruby(address: &Address, key: &str) -> String {
    let text = quoted::ruby;
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

pub(super) fn php(address: &Address, key: &str) -> String {
    let text = quoted::php;
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
