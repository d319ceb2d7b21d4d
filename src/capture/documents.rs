//! The documents that browser and mobile SDKs request before they send.

use axum::{http::StatusCode, response::Response};
use serde_json::json;

use super::{error_response::ErrorResponse, response, sender::Sender};

/// The settings of analytics.js and the mobile SDKs, which send nothing before they have read them.
pub(super) fn settings(sender: &Sender<'_>, key: &str) -> Response {
    let (protocol, address) = sender.endpoint_address();
    let body = json!({
        "integrations": { "Segment.io": {
            "apiKey": key, "apiHost": format!("{address}/v1"), "protocol": protocol,
        } },
        // Without this, analytics-next reports the page's usage to its maker every 30 s.
        "metrics": { "sampleRate": 0 },
    });
    response::json(StatusCode::OK, &body)
}

/// The script that a page's snippet requests: it names key and endpoint, and loads analytics.js from where the user
/// hosts it.
pub(super) fn loader(sender: &Sender<'_>, key: &str) -> Result<Response, ErrorResponse> {
    if sender.config.analytics_js.is_empty() {
        return Err(ErrorResponse::no_analytics_js());
    }
    let (protocol, address) = sender.endpoint_address();
    // JSON strings are JavaScript strings.
    let [key, cdn, script] =
        [key, &format!("{protocol}://{address}"), &sender.config.analytics_js].map(|text| json!(text));
    let text = format!(
        "(function(){{var a=window.analytics=window.analytics||[];a._writeKey={key};a._cdn={cdn};\
         var s=document.createElement(\"script\");s.async=true;s.src={script};document.head.appendChild(s)}})()\n"
    );
    Ok(response::with_body(StatusCode::OK, "text/javascript", text))
}

/// The settings of `RudderStack`'s browser SDK, for the source with this name.
pub(super) fn source_config(sender: &Sender<'_>, source: &str) -> Response {
    let body = json!({ "source": {
        "id": source, "name": source, "writeKey": sender.key(), "enabled": true, "workspaceId": "tributary",
        "config": { "statsCollection": { "errors": { "enabled": false }, "metrics": { "enabled": false } } },
        "destinations": [],
    } });
    response::json(StatusCode::OK, &body)
}
