//! The tags of a stream or a consumer, and AWS's rules for them.

use std::collections::BTreeMap;

/// Tags by their keys.
pub(super) type Tags = BTreeMap<String, String>;

/// Maximum tags of one stream or consumer.
pub(super) const TAGS_MAX: usize = 50;

/// Adds tags, and replaces those with the same keys. An error says why none was added.
pub(super) fn add(tags: &mut Tags, added: Tags) -> Result<(), String> {
    check_text(added.iter().flat_map(|(key, value)| [key, value]))?;
    if added.keys().any(|key| key.to_ascii_lowercase().starts_with("aws:")) {
        return Err("tag keys that begin with aws: are reserved for AWS".into());
    }
    let new = added.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + new > TAGS_MAX {
        return Err(format!("a given stream cannot have more than {TAGS_MAX} tags associated with it"));
    }
    tags.extend(added);
    Ok(())
}

/// Removes the tags with these keys. An error says why none was removed.
pub(super) fn remove(tags: &mut Tags, keys: &[String]) -> Result<(), String> {
    check_text(keys)?;
    for key in keys {
        tags.remove(key);
    }
    Ok(())
}

fn check_text<'a>(texts: impl IntoIterator<Item = &'a String>) -> Result<(), String> {
    let is_allowed =
        |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter);
    if texts.into_iter().all(|text| text.chars().all(is_allowed)) {
        return Ok(());
    }
    Err("some tags contained illegal characters. The allowed characters are Unicode letters, digits, white-spaces, '_', \
         '.', ':', '/', '=', '+', '-', '@'"
        .into())
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
