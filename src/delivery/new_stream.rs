//! How a stream is to be created, with AWS's limits for each value. Plain data; the stream's name, region and account come
//! from the settings.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Maximum size of a record in KiB, as a stream can have it (`CreateStream`, `UpdateMaxRecordSize`).
pub const RECORD_KIB: RangeInclusive<u32> = 1024..=10_240;
/// Retention in hours; a new stream has the lowest (`IncreaseStreamRetentionPeriod`).
pub const RETENTION_HOURS: RangeInclusive<u32> = 24..=8760;
/// Warm throughput in MiB/s: at most 10 GiB/s by default (`UpdateStreamWarmThroughput`).
pub const WARM_MIBPS_MAX: u32 = 10_240;
/// Tags of one stream.
pub const TAGS_MAX: usize = 50;
/// Characters of a tag's key and value (type `Tag` of the Kinesis API). A key has at least one.
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// How a stream is to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewStream {
    /// What it can take.
    pub capacity: Capacity,
    /// Maximum size of a record, within [`RECORD_KIB`].
    pub record_kib_max: u32,
    /// How long records are kept, within [`RETENTION_HOURS`].
    pub retention_hours: u32,
    /// At most [`TAGS_MAX`], each key once.
    pub tags: Vec<StreamTag>,
    /// The stream has been created already: only what is still missing is done.
    pub is_created: bool,
}

impl Default for NewStream {
    /// On-demand, with the lowest limits and no tags, as `CreateStream` without parameters makes it.
    fn default() -> Self {
        Self {
            capacity: Capacity::OnDemand { warm_mibps: None },
            record_kib_max: *RECORD_KIB.start(),
            retention_hours: *RETENTION_HOURS.start(),
            tags: Vec::new(),
            is_created: false,
        }
    }
}

/// The capacity mode of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Capacity {
    /// It follows the traffic.
    OnDemand {
        /// Capacity that is there from the start, in MiB/s. Only for accounts with on-demand Advantage.
        warm_mibps: Option<u32>,
    },
    /// A fixed number of shards, each for 1 MB/s and 1,000 records a second.
    Provisioned {
        /// At least one.
        shards: u32,
    },
}

/// A tag of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamTag {
    /// Unique in a stream.
    pub key: String,
    /// May be empty.
    pub value: String,
}

/// Why AWS would refuse a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagFault {
    /// There is a value and no key.
    KeyMissing,
    /// The key has more characters than this.
    KeyTooLong(usize),
    /// The value has more characters than this.
    ValueTooLong(usize),
    /// Keys that begin with `aws:` are AWS's own.
    KeyReserved,
    /// This character is not allowed.
    Character(char),
    /// Another tag has the same key.
    KeyRepeated,
}

impl StreamTag {
    /// Both fields are empty.
    pub fn is_empty(&self) -> bool {
        self.key.is_empty() && self.value.is_empty()
    }

    /// What AWS would refuse about this tag. `others`: the keys of the other tags.
    pub fn fault<'k>(&self, others: impl IntoIterator<Item = &'k str>) -> Option<TagFault> {
        let mut characters = self.key.chars().chain(self.value.chars());
        if self.key.is_empty() {
            Some(TagFault::KeyMissing)
        } else if self.key.chars().count() > KEY_CHARS_MAX {
            Some(TagFault::KeyTooLong(KEY_CHARS_MAX))
        } else if self.value.chars().count() > VALUE_CHARS_MAX {
            Some(TagFault::ValueTooLong(VALUE_CHARS_MAX))
        } else if self.key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            Some(TagFault::KeyReserved)
        } else if let Some(wrong) = characters.find(|c| !is_allowed(*c)) {
            Some(TagFault::Character(wrong))
        } else {
            others.into_iter().any(|other| other == self.key).then_some(TagFault::KeyRepeated)
        }
    }
}

/// `Tag` of the API reference allows `%`, `TagResource` allows `:`. A character that one of them allows is left to AWS.
fn is_allowed(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-%@".contains(c)
}

impl NewStream {
    /// The name of the first step.
    pub const CREATE: &'static str = "create-stream";
    /// The name of the step that waits.
    pub const ACTIVE: &'static str = "active";
    /// The name of the last step.
    pub const RETENTION: &'static str = "retention";

    /// The steps of the creation, by the names of their results: create it, wait until it is ACTIVE, set its retention.
    pub fn steps(&self) -> Vec<&'static str> {
        let mut steps = if self.is_created { Vec::new() } else { vec![Self::CREATE] };
        steps.push(Self::ACTIVE);
        steps.extend((self.retention_hours > *RETENTION_HOURS.start()).then_some(Self::RETENTION));
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_checked_by_aws_s_rules_before_it_is_sent() {
        let long = |count| "é".repeat(count);
        let (key_max, value_max) = (long(128), long(256));
        for (key, value, fault) in [
            ("CostCenter", "42", None),
            ("team", "", None),
            ("Größe 1", "a_b.c:d/e=f+g-h%i@j", None),
            (&key_max, &value_max, None),
            ("my-aws:key", "x", None),
            ("", "42", Some(TagFault::KeyMissing)),
            (&long(129), "", Some(TagFault::KeyTooLong(128))),
            ("k", &long(257), Some(TagFault::ValueTooLong(256))),
            ("aws:team", "x", Some(TagFault::KeyReserved)),
            ("AWS:team", "x", Some(TagFault::KeyReserved)),
            ("a#b", "", Some(TagFault::Character('#'))),
            ("k", "a\tb", Some(TagFault::Character('\t'))),
            ("owner", "ada", Some(TagFault::KeyRepeated)),
        ] {
            let tag = StreamTag { key: key.to_owned(), value: value.to_owned() };
            assert_eq!(tag.fault(["owner"]), fault, "{key} {value}");
        }
    }

    #[test]
    fn a_new_stream_has_its_retention_set_only_if_it_is_not_the_one_that_it_has_anyway() {
        let week = NewStream { retention_hours: 168, ..NewStream::default() };
        assert_eq!(NewStream::default().steps(), ["create-stream", "active"]);
        assert_eq!(week.steps(), ["create-stream", "active", "retention"]);
        assert_eq!(NewStream { is_created: true, ..week }.steps(), ["active", "retention"]);
    }
}
