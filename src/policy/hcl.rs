//! JSON values as expressions of HCL, Terraform's language, laid out as `terraform fmt` does.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

/// A string in HCL: JSON's escapes, with the beginnings of templates escaped too.
pub(super) fn string(text: &str) -> String {
    json!(text).to_string().replace("${", "$${").replace("%{", "%%{")
}

/// A value as an expression whose first line is indented already; `indent`: the spaces before that line.
pub(super) fn expression(value: &Value, indent: usize) -> String {
    let pad = " ".repeat(indent);
    match value {
        Value::String(text) => string(text),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let items: Vec<_> = items.iter().map(|item| expression(item, indent)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Array(items) => {
            let lines = items.iter().map(|item| format!("{pad}  {},\n", expression(item, indent + 2)));
            let items: Vec<_> = lines.collect();
            let items = items.concat();
            format!("[\n{items}{pad}]")
        }
        Value::Object(members) => format!("{{\n{}{pad}}}", attributes(members, indent + 2)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Lines of `name = value`. The signs of adjacent lines are below each other, except where a value takes several lines.
fn attributes(members: &Map<String, Value>, indent: usize) -> String {
    let pad = " ".repeat(indent);
    let lines: Vec<(String, String)> =
        members.iter().map(|(key, value)| (name(key), expression(value, indent))).collect();
    let mut text = String::new();
    for run in lines.chunk_by(|(_, one), (_, next)| !one.contains('\n') && !next.contains('\n')) {
        let width = run.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
        for (name, value) in run {
            writeln!(text, "{pad}{name:width$} = {value}").expect("writing to a string cannot fail");
        }
    }
    text
}

/// A name as it is, or in quotes if HCL would read it as something else.
fn name(key: &str) -> String {
    let is_plain = key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if is_plain { key.to_owned() } else { string(key) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_aligned_as_terraform_fmt_aligns_them() {
        let value = json!({
            "Effect": "Allow",
            "Action": ["a", "b"],
            "Condition": { "StringEquals": { "aws:SourceAccount": "1", "k": "${x}" } },
            "Statement": [{ "A": "1", "Bcd": true }],
        });
        let expected = r#"{
  Effect = "Allow"
  Action = ["a", "b"]
  Condition = {
    StringEquals = {
      "aws:SourceAccount" = "1"
      k                   = "$${x}"
    }
  }
  Statement = [
    {
      A   = "1"
      Bcd = true
    },
  ]
}"#;
        assert_eq!(expression(&value, 0), expected);
    }
}
