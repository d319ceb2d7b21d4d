//! An event as the SDK sent it, and as it is in the stream: only the documented fields may differ (tracking-api.md,
//! section 4), as section 5 says.

use crate::json::Members;
use crate::stream::Found;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The members that the program may add or change. All others keep their text.
const OURS: [&str; 5] = ["receivedAt", "sentAt", "originalTimestamp", "timestamp", "writeKey"];
/// The members that an SDK may leave to the endpoint: the path of a single call names its type.
const GIVEN: [&str; 2] = ["type", "messageId"];
/// Ids whose numbers become text.
const IDS: [&str; 4] = ["userId", "anonymousId", "groupId", "previousId"];

/// The differences that should not be.
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
        if !OURS.contains(&name) && !GIVEN.contains(&name) && sent.text(name).is_none() {
            wrong(name, None, got.text(name));
        }
    }
    let is_kept = |name: &&str| !OURS.contains(name) && sent.text(name).is_some();
    let kept: Vec<_> = got.names().into_iter().filter(is_kept).collect();
    let in_order: Vec<_> = sent.names().into_iter().filter(is_kept).collect();
    wrong("order of members", Some(&in_order.join(" ")), Some(&kept.join(" ")));
    wrong("writeKey", None, got.text("writeKey"));
    wrong("sentAt", sent.text("sentAt").or(envelope.text("sentAt")), got.text("sentAt"));
    let time = sent.text("originalTimestamp").or(sent.text("timestamp"));
    wrong("originalTimestamp", time, got.text("originalTimestamp"));
    wrong("timestamp", Some(&timestamp(sent, envelope, got)), got.string("timestamp").as_deref());
    wrong("partition key", Some(&partition_key(got)), Some(&found.partition_key));
    seen
}

/// The timestamp by section 5.5 from the sender's times.
fn timestamp(sent: &Members, envelope: &Members, got: &Members) -> String {
    let time = |text: Option<String>| -> Timestamp { text.expect("a time").parse().expect("a time") };
    let received = got.string("receivedAt");
    let text = received.as_deref().unwrap_or_default();
    assert!(text.len() == 24 && text.ends_with('Z'), "receivedAt has milliseconds, in UTC: {text}");
    let sent_at = sent.string("sentAt").or_else(|| envelope.string("sentAt"));
    match (sent.string("originalTimestamp"), sent.string("timestamp")) {
        (Some(_), Some(both)) => both,
        (None, None) => text.to_owned(),
        (Some(only), None) | (None, Some(only)) if sent_at.is_none() => only,
        // `receivedAt - (sentAt - timestamp)`, in UTC with milliseconds.
        (only, None) | (None, only) => {
            format!("{:.3}", time(received) - time(sent_at).duration_since(time(only)))
        }
    }
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
