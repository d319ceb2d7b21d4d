//! A record of the stream as a face shows it: read, decoded and, if it is aggregated, taken apart.

use std::sync::Arc;

use serde::Deserialize;

use crate::{
    delivery::Record,
    event::{Content, Inside, Part, parts},
    reader::Format,
};

/// Maximum bytes of a text that the filter searches.
const SEARCHED_BYTES_MAX: usize = 256 * 1024;

/// Approximate memory of a view besides its texts, in bytes.
const OVERHEAD_BYTES: usize = 256;

/// A record, or one event of an aggregated record, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordView {
    /// The record as it is stored.
    pub record: Arc<Record>,
    /// The partition key; of an aggregated record, that of this event.
    pub key: Arc<str>,
    /// The event's place in an aggregated record, from 1, and how many events that has; `None`: it has a record of its own.
    pub place: Option<(usize, usize)>,
    /// The decoded content.
    pub content: Content,
    /// The form in which the record holds it; `None`: not one that Tributary writes.
    pub form: Option<Format>,
    /// The call's type and name, if it is an event: `track Order Completed`.
    pub summary: Option<Arc<str>>,
}

impl RecordView {
    /// The events of a record; one without aggregation.
    pub(super) fn all_of(record: Record) -> Vec<Arc<Self>> {
        let record = Arc::new(record);
        let view = |part: Part<'_>| {
            let form = Format::of(&part);
            let Part { key, place, content, .. } = part;
            let summary = match &content.inside {
                Inside::Json(text) => summary(text),
                Inside::JsonLines(..) | Inside::Text(_) | Inside::Binary(_) => None,
            };
            Arc::new(Self { record: Arc::clone(&record), key, place, content, form, summary })
        };
        parts(&record.partition_key, &record.data).into_iter().map(view).collect()
    }

    /// The content, if it is text.
    pub fn text(&self) -> Option<&str> {
        match &self.content.inside {
            Inside::Json(text) | Inside::JsonLines(text, _) | Inside::Text(text) => Some(text),
            Inside::Binary(_) => None,
        }
    }

    /// Approximate memory in bytes. The events of a record share its bytes.
    pub(super) fn bytes(&self) -> usize {
        let events = self.place.map_or(1, |(_, of)| of.max(1));
        self.record.data.len() / events + self.text().map_or(0, str::len) + OVERHEAD_BYTES
    }

    /// Whether its content, partition key, sequence number or shard contains `wanted`; ASCII case does not matter.
    pub(super) fn matches(&self, wanted: &str) -> bool {
        let text = self.text().unwrap_or_default();
        let text = &text[..text.floor_char_boundary(SEARCHED_BYTES_MAX)];
        let record = &self.record;
        [&*self.key, &record.partition_key, &record.sequence_number, &record.shard_id, text]
            .into_iter()
            .any(|text| contains(text.as_bytes(), wanted.as_bytes()))
    }
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || text.windows(wanted.len()).any(|part| part.eq_ignore_ascii_case(wanted))
}

fn summary(json: &str) -> Option<Arc<str>> {
    #[derive(Deserialize)]
    struct Call {
        r#type: String,
        event: Option<String>,
        name: Option<String>,
    }
    let call: Call = serde_json::from_str(json).ok()?;
    let name = call.event.or(call.name).unwrap_or_default();
    let text: String = format!("{} {name}", call.r#type).chars().take(120).collect();
    Some(text.trim_end().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_either_case_are_found_at_both_ends() {
        for (text, wanted, found) in
            [("Order", "oRD", true), ("Order", "DER", true), ("", "", true), ("a", "ab", false)]
        {
            assert_eq!(contains(text.as_bytes(), wanted.as_bytes()), found, "{text} {wanted}");
        }
    }
}
