//! JSON values as YAML blocks. Every string is in quotes, so that no text of the user has a meaning in YAML.

use std::fmt::Write as _;

use serde_json::Value;

/// A YAML string in double quotes: JSON's escapes are YAML's too.
pub(super) fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// `name: value` on lines of their own, each indented by `indent` spaces.
pub(super) fn member(name: &str, value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let name = key(name);
    match value {
        Value::Object(members) => {
            let members: String =
                members.iter().map(|(name, value)| member(name, value, indent + 2)).collect();
            format!("{pad}{name}:\n{members}")
        }
        Value::Array(items) => {
            let items: String = items.iter().map(|value| item(value, indent + 2)).collect();
            format!("{pad}{name}:\n{items}")
        }
        value => format!("{pad}{name}: {}\n", scalar(value)),
    }
}

/// `- value`. The members of an object begin on the line of the hyphen.
fn item(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let Value::Object(members) = value else { return format!("{pad}- {}\n", scalar(value)) };
    let mut text = String::new();
    for (at, (name, value)) in members.iter().enumerate() {
        let lines = member(name, value, indent + 2);
        let head = if at == 0 { "- " } else { "  " };
        write!(text, "{pad}{head}{}", lines.trim_start()).expect("writing to a string cannot fail");
    }
    text
}

/// The one word that is never the user's stays plain.
fn scalar(value: &Value) -> String {
    if value == "Allow" { "Allow".to_owned() } else { value.to_string() }
}

/// A name as it is, or in quotes if YAML would read it as something else.
fn key(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !name.ends_with(':')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || ":./_-".contains(c));
    if is_plain { name.to_owned() } else { string(name) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_nested_by_two_and_strings_are_quoted() {
        let value = json!([{
            "Effect": "Allow",
            "Action": ["a:b"],
            "Condition": { "StringEquals": { "aws:SourceAccount": "1", "{oidc-issuer}:sub": "x" } },
        }]);
        let expected = r#"  Statement:
    - Effect: Allow
      Action:
        - "a:b"
      Condition:
        StringEquals:
          aws:SourceAccount: "1"
          "{oidc-issuer}:sub": "x"
"#;
        assert_eq!(member("Statement", &value, 2), expected);
    }
}
