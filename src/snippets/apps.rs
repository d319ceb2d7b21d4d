//! Snippets of SDKs for mobile apps.

use super::{
    address::Address,
    quoted::{self, text},
};

pub(super) fn swift(address: &Address, key: &str) -> String {
    let text = quoted::swift;
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

pub(super) fn kotlin(address: &Address, key: &str) -> String {
    let text = quoted::kotlin;
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

pub(super) fn react_native(address: &Address, key: &str) -> String {
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
