//! Snippets for web pages and e-mails.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::json;

use super::{
    address::Address,
    quoted::{text, text_in_html},
};

pub(super) fn browser_npm(address: &Address, key: &str) -> String {
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

pub(super) fn browser_script(address: &Address, key: &str) -> String {
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

pub(super) fn customer_io_browser(address: &Address, key: &str) -> String {
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

pub(super) fn pixel(address: &Address, key: &str) -> String {
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
