//! Text as a literal of each language, so that any write key stays one piece of text.

/// A text in double quotes. A backslash goes before every character of `special`; `control` writes the control characters.
fn quoted(text: &str, special: &str, control: fn(u32) -> String) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&control(u32::from(c))),
            c if c == '"' || c == '\\' || special.contains(c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out + "\""
}

fn four_digits(c: u32) -> String {
    format!("\\u{c:04x}")
}

fn braces(c: u32) -> String {
    format!("\\u{{{c:x}}}")
}

/// JavaScript, Python, Go and Java read the same escapes.
pub(super) fn text(value: &str) -> String {
    quoted(value, "", four_digits)
}

/// JavaScript inside HTML: nothing in it may end the script element.
pub(super) fn text_in_html(value: &str) -> String {
    text(value).replace('<', "\\u003c")
}

/// `#` starts code inside Ruby's double quotes.
pub(super) fn ruby(value: &str) -> String {
    quoted(value, "#", four_digits)
}

/// `$` starts a template inside Kotlin's double quotes.
pub(super) fn kotlin(value: &str) -> String {
    quoted(value, "$", four_digits)
}

pub(super) fn swift(value: &str) -> String {
    quoted(value, "", braces)
}

/// Only these two are special in PHP's single quotes.
pub(super) fn php(value: &str) -> String {
    format!("'{}'", value.replace('\\', r"\\").replace('\'', r"\'"))
}
