//! The constraints of the service model, and AWS's report of the parameters that break them.
//!
//! "2 validation errors detected: Value '' at 'partitionKey' failed to satisfy constraint: Member must have length
//! greater than or equal to 1; …". The wording was compared with kinesalite, which copied it from AWS.

use std::fmt;

use super::api_error::ApiError;
use super::arn::{Arn, ConsumerArn, is_name};
use super::tags::Tags;

/// Maximum errors in one report, as on AWS.
const REPORTED_MAX: usize = 10;
/// Maximum length of a value in the report.
const SHOWN_CHARS: usize = 300;
/// Maximum `Data` of any record, whatever its stream takes (service model).
pub(super) const DATA_BYTES_MAX: usize = 10_485_760;

/// A member of the request: a top-level one, or one of an entry (counted from 0) of `Records`.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) entry: Option<usize>,
    pub(super) name: &'static str,
}

impl From<&'static str> for Member {
    fn from(name: &'static str) -> Self {
        Self { entry: None, name }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(out, "records.{}.member.{}", entry + 1, self.name),
            None => out.write_str(self.name),
        }
    }
}

/// Collects the errors of one request.
#[derive(Default)]
pub(super) struct Checks(Vec<String>);

impl Checks {
    pub(super) fn finish(self) -> Result<(), ApiError> {
        if self.0.is_empty() {
            return Ok(());
        }
        let plural = if self.0.len() == 1 { "" } else { "s" };
        Err(ApiError::validation(format!(
            "{} validation error{plural} detected: {}",
            self.0.len(),
            self.0.join("; ")
        )))
    }

    fn fail(&mut self, at: Member, value: Option<&str>, constraint: &str) {
        self.report(at, value, &format!("Member must {constraint}"));
    }

    fn report(&mut self, at: Member, value: Option<&str>, constraint: &str) {
        if self.0.len() < REPORTED_MAX {
            let shown = value.map_or("null".into(), |value| format!("'{}'", shorten(value)));
            self.0.push(format!("Value {shown} at '{at}' failed to satisfy constraint: {constraint}"));
        }
    }

    pub(super) fn present(&mut self, at: impl Into<Member>, is_present: bool) {
        if !is_present {
            self.fail(at.into(), None, "not be null");
        }
    }

    /// Checks a length in characters; `None` passes.
    pub(super) fn length(&mut self, at: impl Into<Member>, value: Option<&str>, min: usize, max: usize) {
        let (at, Some(value)) = (at.into(), value) else { return };
        // Only a text with too many bytes can have too many characters: counting them is rarely needed.
        if value.len() < min {
            self.fail(at, Some(value), &format!("have length greater than or equal to {min}"));
        } else if value.len() > max && value.chars().count() > max {
            self.fail(at, Some(value), &format!("have length less than or equal to {max}"));
        }
    }

    pub(super) fn pattern(&mut self, at: impl Into<Member>, value: Option<&str>, rule: &Pattern) {
        let (at, Some(value)) = (at.into(), value) else { return };
        if !(rule.matches)(value) {
            self.fail(at, Some(value), &format!("satisfy regular expression pattern: {}", rule.text));
        }
    }

    pub(super) fn range(&mut self, at: impl Into<Member>, value: Option<i64>, min: i64, max: i64) {
        let (at, Some(value)) = (at.into(), value) else { return };
        if value < min {
            let constraint = format!("have value greater than or equal to {min}");
            self.fail(at, Some(&value.to_string()), &constraint);
        } else if value > max {
            self.fail(at, Some(&value.to_string()), &format!("have value less than or equal to {max}"));
        }
    }

    pub(super) fn choice(&mut self, at: impl Into<Member>, value: Option<&str>, choices: &[&str]) {
        let (at, Some(value)) = (at.into(), value) else { return };
        if !choices.contains(&value) {
            self.fail(at, Some(value), &format!("satisfy enum value set: [{}]", choices.join(", ")));
        }
    }

    /// The number of entries of `Records`.
    pub(super) fn entries(&mut self, count: usize) {
        if count == 0 {
            self.fail("records".into(), Some("[]"), "have length greater than or equal to 1");
        } else if count > 500 {
            let shown = format!("[{count} records]");
            self.fail("records".into(), Some(&shown), "have length less than or equal to 500");
        }
    }

    pub(super) fn data_length(&mut self, at: Member, len: usize) {
        if len > DATA_BYTES_MAX {
            let shown = format!("java.nio.HeapByteBuffer[pos=0 lim={len} cap={len}]");
            self.fail(at, Some(&shown), &format!("have length less than or equal to {DATA_BYTES_MAX}"));
        }
    }

    /// Checks `StreamName` and `StreamARN`; each passes if it is absent.
    pub(super) fn stream(&mut self, name: Option<&str>, arn: Option<&str>) {
        self.pattern("streamName", name, &NAME);
        self.length("streamName", name, 1, 128);
        self.arn("streamARN", arn, &STREAM_ARN);
    }

    /// Checks an ARN; `None` passes.
    pub(super) fn arn(&mut self, at: &'static str, arn: Option<&str>, rule: &Pattern) {
        self.pattern(at, arn, rule);
        self.length(at, arn, 1, 2048);
    }

    /// Checks the tags of a request; `None` passes.
    pub(super) fn tags(&mut self, tags: Option<&Tags>) {
        let Some(tags) = tags else { return };
        let pairs: Vec<_> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let shown = format!("{{{}}}", pairs.join(", "));
        self.count("tags", tags.len(), 200, &shown);
        if !tags.keys().all(|key| is_tag_key(key)) {
            let constraint = format!("Map keys must satisfy constraint: {TAG_KEY}");
            self.report("tags".into(), Some(&shown), &constraint);
        }
        if tags.values().any(|value| value.chars().count() > 256) {
            let constraint = "Map value must satisfy constraint: [Member must have length less than or equal to 256, \
                              Member must have length greater than or equal to 0]";
            self.report("tags".into(), Some(&shown), constraint);
        }
    }

    /// Checks the keys of the tags to remove; `None` passes.
    pub(super) fn tag_keys(&mut self, keys: Option<&[String]>) {
        let Some(keys) = keys else { return };
        let shown = format!("[{}]", keys.join(", "));
        self.count("tagKeys", keys.len(), 50, &shown);
        if !keys.iter().all(|key| is_tag_key(key)) {
            self.fail("tagKeys".into(), Some(&shown), &format!("satisfy constraint: {TAG_KEY}"));
        }
    }

    /// Checks that a collection has 1 to `max` members.
    fn count(&mut self, at: &'static str, count: usize, max: usize, shown: &str) {
        if count == 0 {
            self.fail(at.into(), Some(shown), "have length greater than or equal to 1");
        } else if count > max {
            self.fail(at.into(), Some(shown), &format!("have length less than or equal to {max}"));
        }
    }
}

const TAG_KEY: &str =
    "[Member must have length less than or equal to 128, Member must have length greater than or equal to 1]";

fn is_tag_key(key: &str) -> bool {
    !key.is_empty() && key.chars().count() <= 128
}

fn shorten(value: &str) -> String {
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

/// A pattern of the service model, as text and as code.
pub(super) struct Pattern {
    text: &'static str,
    matches: fn(&str) -> bool,
}

/// Names of streams, shards and consumers.
pub(super) const NAME: Pattern = Pattern { text: "[a-zA-Z0-9_.-]+", matches: is_name };
pub(super) const HASH_KEY: Pattern =
    Pattern { text: r"0|([1-9]\d{0,38})", matches: |text| is_number(text, 39) };
pub(super) const SEQUENCE: Pattern =
    Pattern { text: r"0|([1-9]\d{0,128})", matches: |text| is_number(text, 129) };
pub(super) const STREAM_ARN: Pattern =
    Pattern { text: r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+", matches: |text| Arn::parse(text).is_some() };
pub(super) const CONSUMER_ARN: Pattern = Pattern {
    text: r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
    matches: |text| ConsumerArn::parse(text).is_some(),
};
/// A stream or a consumer. There are no channels here.
pub(super) const RESOURCE_ARN: Pattern = Pattern {
    text: r"arn:aws.*:kinesis:.*:\d{12}:.*(stream|channel)/\S+",
    matches: |text| Arn::parse(text).is_some(),
};

fn is_number(text: &str, digits_max: usize) -> bool {
    let is_digits =
        !text.is_empty() && text.len() <= digits_max && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits && (text == "0" || !text.starts_with('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(check: impl FnOnce(&mut Checks)) -> String {
        let mut checks = Checks::default();
        check(&mut checks);
        checks.finish().map_or_else(|error| error.message, |()| String::new())
    }

    #[test]
    fn one_fault_and_many_are_worded_as_aws_words_them() {
        assert_eq!(
            report(|checks| checks.length("partitionKey", Some(""), 1, 256)),
            "1 validation error detected: Value '' at 'partitionKey' failed to satisfy constraint: \
             Member must have length greater than or equal to 1"
        );
        let both = report(|checks| {
            checks.present("data", false);
            checks.range("limit", Some(0), 1, 10_000);
        });
        assert_eq!(
            both,
            "2 validation errors detected: Value null at 'data' failed to satisfy constraint: Member must not be \
             null; Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        );
    }

    #[test]
    fn a_record_of_a_batch_is_named_by_its_place_from_one() {
        let text = report(|checks| checks.present(Member { entry: Some(0), name: "partitionKey" }, false));
        assert!(text.contains("at 'records.1.member.partitionKey'"), "{text}");
    }

    #[test]
    fn keys_are_counted_in_characters_and_the_report_stays_short() {
        assert_eq!(report(|checks| checks.length("partitionKey", Some(&"é".repeat(256)), 1, 256)), "");
        let text = report(|checks| checks.length("partitionKey", Some(&"é".repeat(5000)), 1, 256));
        assert!(text.contains("less than or equal to 256") && text.len() < 1000, "{text}");
        assert!(
            report(|checks| (0..50).for_each(|_| checks.present("data", false))).starts_with("10 validation")
        );
    }

    #[test]
    fn the_patterns_are_those_of_the_service_model() {
        for (rule, good, bad) in [
            (&NAME, vec!["a", "A-b_c.9"], vec!["", "a b", "é", "a/b"]),
            (
                &HASH_KEY,
                vec!["0", "7", "340282366920938463463374607431768211455"],
                vec!["", "01", "-1", "1x"],
            ),
            (
                &STREAM_ARN,
                vec![
                    "arn:aws:kinesis:eu-west-1:123456789012:stream/a",
                    "arn:aws-cn:kinesis:x:000000000000:stream/b",
                ],
                vec![
                    "",
                    "a",
                    "arn:aws:kinesis:eu-west-1:123:stream/a",
                    "arn:aws:s3:eu-west-1:123456789012:stream/a",
                    "arn:aws:kinesis:eu-west-1:123456789012:stream/",
                    "arn:aws:kinesis:eu-west-1:123456789012:consumer/a",
                ],
            ),
        ] {
            assert!(good.iter().all(|text| (rule.matches)(text)), "{}", rule.text);
            assert!(!bad.iter().any(|text| (rule.matches)(text)), "{}", rule.text);
        }
    }
}
