//! The form of a record: how its events are encoded, and whether it holds several.

use crate::event::{Aggregation, Encoding, Inside, Layer, Part};

/// How events become records. [`Aggregation::Lines`] only with [`Encoding::JsonLines`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// How an event becomes bytes.
    pub encoding: Encoding,
    /// Whether events share a record.
    pub aggregation: Aggregation,
}

impl Format {
    /// A format of two parts.
    pub const fn new(encoding: Encoding, aggregation: Aggregation) -> Self {
        Self { encoding, aggregation }
    }

    /// Every format that the settings allow.
    pub const ALL: [Self; 7] = [
        Self::new(Encoding::Base64, Aggregation::None),
        Self::new(Encoding::Json, Aggregation::None),
        Self::new(Encoding::JsonLines, Aggregation::None),
        Self::new(Encoding::Base64, Aggregation::Kpl),
        Self::new(Encoding::Json, Aggregation::Kpl),
        Self::new(Encoding::JsonLines, Aggregation::Kpl),
        Self::new(Encoding::JsonLines, Aggregation::Lines),
    ];

    /// Both words, such as `json, aggregation kpl`.
    pub fn words(self) -> String {
        match self.aggregation {
            Aggregation::None => self.encoding.as_str().to_owned(),
            Aggregation::Kpl | Aggregation::Lines => {
                format!("{}, aggregation {}", self.encoding.as_str(), self.aggregation.as_str())
            }
        }
    }

    /// The form in which a record holds this event. `None`: it is not one that Tributary writes.
    pub fn of(part: &Part<'_>) -> Option<Self> {
        let encoding = match (&*part.content.layers, &part.content.inside) {
            ([], Inside::Json(_)) if part.stored.ends_with(b"\n") => Encoding::JsonLines,
            ([], Inside::Json(_)) => Encoding::Json,
            ([Layer::Base64], Inside::Json(_)) => Encoding::Base64,
            _ => return None,
        };
        // The last line of a record may have no line end.
        let is_line = part.aggregation == Aggregation::Lines;
        Some(Self::new(if is_line { Encoding::JsonLines } else { encoding }, part.aggregation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Bucket, RecordData, UserRecord, parts};

    #[test]
    fn a_record_is_recognised_by_the_form_that_the_forwarder_gave_it() {
        let event = |key| UserRecord { key, json: b"{\"a\":1}" };
        let events = [event("ada"), event("bob")];
        for format in Format::ALL {
            let mut data = Vec::new();
            match format.aggregation {
                Aggregation::None => RecordData::One(events[0].json),
                Aggregation::Kpl => RecordData::Kpl(Bucket::of("ada"), &events),
                Aggregation::Lines => RecordData::Lines(&events),
            }
            .encode_into(format.encoding, &mut data);
            let found = parts(&"ada".into(), &data);
            assert_eq!(found.len(), if format.aggregation == Aggregation::None { 1 } else { 2 });
            assert!(found.iter().all(|part| Format::of(part) == Some(format)), "{format:?}");
        }
        for other in [&b"hello"[..], b"\x1f\x8b", b"ZXlKaElqb3hmUT09"] {
            assert_eq!(Format::of(&parts(&"ada".into(), other)[0]), None, "{other:?}");
        }
    }
}
