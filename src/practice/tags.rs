//! The tags of a stream or a consumer, and AWS's rules for them.

use std::collections::BTreeMap;

/// Tags by their keys.
pub(super) type Tags = BTreeMap<String, String>;

/// Maximum tags of one stream or consumer.
pub(super) const TAGS_MAX: usize = 50;

/// Why tags are refused.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// AWS says this instead of all that a caller would say.
    Characters,
    Because(String),
}

impl Refusal {
    /// The message; `failed`: what failed.
    pub(super) fn message(&self, failed: &str) -> String {
        match self {
            Self::Characters => {
                "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white \
                                 space, _ . : / = + - @."
                    .to_owned()
            }
            Self::Because(why) => format!("{failed} because {why}."),
        }
    }
}

/// Adds tags, and replaces those with the same keys. An error: none was added.
pub(super) fn add(tags: &mut Tags, added: Tags) -> Result<(), Refusal> {
    check_text(added.iter().flat_map(|(key, value)| [key, value]))?;
    if added.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err(Refusal::Because("tag keys that begin with aws: are reserved for AWS".into()));
    }
    let new = added.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + new > TAGS_MAX {
        let why = format!("a given stream cannot have more than {TAGS_MAX} tags associated with it");
        return Err(Refusal::Because(why));
    }
    tags.extend(added);
    Ok(())
}

/// Removes the tags with these keys. An error: none was removed.
pub(super) fn remove(tags: &mut Tags, keys: &[String]) -> Result<(), Refusal> {
    check_text(keys)?;
    for key in keys {
        tags.remove(key);
    }
    Ok(())
}

/// White space is the blank alone, as on AWS: no tab, no line end.
fn check_text<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), Refusal> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || " _.:/=+-@".contains(letter);
    let are_allowed = texts.into_iter().all(|text| text.chars().all(is_allowed));
    if are_allowed { Ok(()) } else { Err(Refusal::Characters) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_are_replaced_by_key_and_removed() {
        let mut all = tags(&[("a", "1"), ("b", "2")]);
        add(&mut all, tags(&[("b", "3"), ("clé x", "")])).unwrap();
        remove(&mut all, &["a".into(), "none".into()]).unwrap();
        assert_eq!(all, tags(&[("b", "3"), ("clé x", "")]));
    }

    #[test]
    fn what_aws_refuses_is_refused_and_adds_nothing() {
        let mut all = (0..49).map(|number| (number.to_string(), String::new())).collect::<Tags>();
        for refused in [
            tags(&[("a%b", "")]),
            tags(&[("a", "\t")]),
            tags(&[("a", "#")]),
            tags(&[("AWS:cost", "1")]),
            tags(&[("a", ""), ("b", "")]),
        ] {
            assert!(add(&mut all, refused).is_err());
        }
        assert_eq!(all.len(), 49);
        add(&mut all, tags(&[("a", ""), ("0", "again")])).unwrap();
        assert_eq!(all.len(), 50);
    }
}
