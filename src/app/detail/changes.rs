//! What the endpoint set in an event, by the rules in docs/capture.md ("What is added or changed"). Only the stored event is
//! kept, so each change is inferred from it, and is marked as certain or as possible. Pure.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A member that the endpoint set or may have set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub member: &'static str,
    /// Its stored value.
    pub value: String,
    /// What the endpoint did, as a text for the user.
    pub what: String,
    /// The stored event proves the change.
    pub is_certain: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored<'a> {
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    received_at: Option<&'a RawValue>,
    #[serde(borrow)]
    sent_at: Option<&'a RawValue>,
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    original_timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    context: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Context<'a> {
    #[serde(borrow)]
    ip: Option<&'a RawValue>,
}

/// Empty if the text is not a JSON object, or has one of these members twice.
pub(super) fn changes(json: &str) -> Vec<Change> {
    let Ok(stored) = serde_json::from_str::<Stored<'_>>(json) else { return Vec::new() };
    let mut changes = Vec::new();
    let mut add = |member, value: Option<&RawValue>, what: String, is_certain| {
        if let Some(value) = value {
            changes.push(Change {
                member,
                value: value.get().trim_matches('"').to_owned(),
                what,
                is_certain,
            });
        }
    };
    let received = "set to the time at which the endpoint read the request".to_owned();
    add("receivedAt", stored.received_at, received, true);
    if let Some((what, certain)) = timestamp(&stored) {
        add("timestamp", stored.timestamp, what, certain);
        let original = "the time as the sender wrote it".to_owned();
        add("originalTimestamp", stored.original_timestamp, original, certain);
    }
    let path = "set from the request path, if the event was sent in a request of its own".to_owned();
    add("type", stored.kind, path, false);
    let is_made = stored.message_id.is_some_and(|id| {
        let id = uuid::Uuid::parse_str(id.get().trim_matches('"'));
        id.is_ok_and(|id| id.get_version() == Some(uuid::Version::Random))
    });
    if is_made {
        let made = "generated here if the sender gave none: it is a random UUID".to_owned();
        add("messageId", stored.message_id, made, false);
    }
    let context = stored.context.and_then(|context| serde_json::from_str::<Context<'_>>(context.get()).ok());
    let ip = "the sender's address, unless the sender gave one".to_owned();
    add("context.ip", context.and_then(|context| context.ip), ip, false);
    changes
}

/// What the endpoint did to `timestamp`, and whether the stored times prove it.
fn timestamp(stored: &Stored<'_>) -> Option<(String, bool)> {
    let now = millis(stored.timestamp?);
    let received = millis(stored.received_at?)?;
    let Some(original) = stored.original_timestamp else {
        let equal = now == Some(received);
        return Some(("set to receivedAt: the sender gave none".to_owned(), equal));
    };
    let (now, original) = (now?, millis(original));
    let (Some(original), Some(sent)) = (original, stored.sent_at.and_then(millis)) else {
        return if original == Some(now) {
            Some(("as sent, rewritten as in 2026-03-02T10:00:00.000Z".to_owned(), true))
        } else {
            Some(("set to receivedAt: the sender's value is not a time".to_owned(), now == received))
        };
    };
    let skew = received - sent;
    if now == original + skew {
        let (by, way) = (skew.abs(), if skew < 0 { "back" } else { "forward" });
        let by = crate::app::widgets::duration(by);
        return Some((format!("moved {way} by {by}: receivedAt − (sentAt − originalTimestamp)"), true));
    }
    // The sender gave both, so the endpoint changed neither.
    None
}

fn millis(raw: &RawValue) -> Option<i64> {
    let text = raw.get().trim_matches('"');
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Vec<(&'static str, String, bool)> {
        changes(json).into_iter().map(|change| (change.member, change.what, change.is_certain)).collect()
    }

    const RECEIVED: &str = r#""receivedAt":"2026-03-02T10:00:05.250Z""#;

    #[test]
    fn a_corrected_time_is_recognised_by_the_three_others() {
        let json = format!(
            r#"{{"sentAt":"2026-03-02T09:00:00Z",{RECEIVED},"originalTimestamp":"2026-03-02T08:59:59Z",
                "timestamp":"2026-03-02T10:00:04.250Z"}}"#
        );
        let told = of(&json);
        assert_eq!(told[1].0, "timestamp");
        assert!(told[1].1.starts_with("moved forward by 1 h 0 min") && told[1].2, "{told:?}");
        assert_eq!((told[2].0, told[2].2), ("originalTimestamp", true));
        let both_sent = json.replace("10:00:04.250Z", "10:00:04.251Z");
        assert_eq!(of(&both_sent).len(), 1, "neither was touched");
    }

    #[test]
    fn a_missing_time_is_set_by_the_endpoint() {
        let told = of(&format!(r#"{{{RECEIVED},"timestamp":"2026-03-02T10:00:05.250Z"}}"#));
        assert!(told[1].1.contains("the sender gave none") && told[1].2, "{told:?}");
    }

    #[test]
    fn a_change_without_proof_is_called_possible() {
        let told = of(
            r#"{"type":"track","messageId":"1f0c0f6e-6d1d-4c43-9d2a-3c0d1f6d5a11","context":{"ip":"1.2.3.4"}}"#,
        );
        let all: Vec<_> = told.iter().map(|(member, _, certain)| (*member, *certain)).collect();
        assert_eq!(all, [("type", false), ("messageId", false), ("context.ip", false)]);
        assert_eq!(of(r#"{"messageId":"order-7"}"#), []);
        assert_eq!(of("{half"), []);
    }
}
