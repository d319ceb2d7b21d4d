//! One event as the SDK put it on the wire, and as it lies in the stream: only the documented fields may differ
//! (tracking-api.md, section 4), and those must be what section 5 says.

use crate::json::Members;
use crate::stream::Found;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// What we may add or change; every other member keeps its text.
const OURS: [&str; 5] = ["receivedAt", "sentAt", "originalTimestamp", "timestamp", "writeKey"];
/// Their numbers become text.
const IDS: [&str; 4] = ["userId", "anonymousId", "groupId", "previousId"];

/// What differs and should not.
pub fn differences(sent: &Members, envelope: &Members, found: &Found) -> Vec<String> {
    let mut seen = Vec::new();
    let got = &found.members;
    let mut wrong = |what: &str, wanted: Option<&str>, got: Option<&str>| {
        if wanted != got {
            seen.push(format!("{what}: wanted {wanted:?}, got {got:?}"));
        }
    };
    for name in sent.names() {
        match sent.text(name) {
            _ if OURS.contains(&name) => {}
            Some(number)
                if IDS.contains(&name) && number.starts_with(|c: char| c == '-' || c.is_ascii_digit()) =>
            {
                wrong(name, Some(&format!("\"{number}\"")), got.text(name));
            }
            text => wrong(name, text, got.text(name)),
        }
    }
    for name in got.names() {
        if !OURS.contains(&name) && sent.text(name).is_none() {
            wrong(name, None, got.text(name));
        }
    }
    let kept: Vec<_> = got.names().into_iter().filter(|name| !OURS.contains(name)).collect();
    let in_order: Vec<_> = sent.names().into_iter().filter(|name| !OURS.contains(name)).collect();
    wrong("order of members", Some(&in_order.join(" ")), Some(&kept.join(" ")));
    wrong("writeKey", None, got.text("writeKey"));
    wrong("sentAt", sent.text("sentAt").or(envelope.text("sentAt")), got.text("sentAt"));
    wrong("originalTimestamp", sent.text("timestamp"), got.text("originalTimestamp"));
    wrong("timestamp", Some(&corrected(sent, envelope, got)), got.string("timestamp").as_deref());
    wrong("partition key", Some(&partition_key(got)), Some(&found.partition_key));
    seen
}

/// `receivedAt - (sentAt - timestamp)`, in UTC with milliseconds.
fn corrected(sent: &Members, envelope: &Members, got: &Members) -> String {
    let time = |text: Option<String>| -> Timestamp { text.expect("a time").parse().expect("a time") };
    let received = got.string("receivedAt");
    let text = received.as_deref().unwrap_or_default();
    assert!(text.len() == 24 && text.ends_with('Z'), "receivedAt has milliseconds, in UTC: {text}");
    let sent_at = time(sent.string("sentAt").or_else(|| envelope.string("sentAt")));
    let corrected = time(received) - sent_at.duration_since(time(sent.string("timestamp")));
    format!("{corrected:.3}")
}

fn partition_key(got: &Members) -> String {
    let id = |name| got.string(name).filter(|id: &String| !id.is_empty());
    let id = id("userId").or_else(|| id("anonymousId")).expect("an id");
    if id.chars().count() <= 256 {
        return id;
    }
    let digits = Sha256::digest(id.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>();
    digits.concat()
}
