//! Text that a sender chose, made safe to display. Terminals obey control characters, bidirectional formatting
//! characters change the order in which a line is read, and spreadsheets calculate cells that look like formulas. Each
//! control character is replaced by its JSON escape (`\u001b`); all other text stays unchanged.

use std::{borrow::Cow, fmt::Write as _};

/// Characters that begin a formula in a spreadsheet (OWASP, "CSV Injection"), also in full width.
const FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// Whether it is in C0, DEL or C1, or a bidirectional formatting character.
fn is_control(c: char) -> bool {
    let is_bidi =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_bidi
}

/// Text for one line, such as a name or an id. Line feeds and tabs are escaped too, so that the text cannot begin
/// another line.
pub fn line(text: &str) -> Cow<'_, str> {
    // Most text is printable ASCII, which is checked without decoding and without a branch for each byte.
    if text.bytes().fold(true, |is_plain, byte| is_plain & matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    if text.chars().any(is_control) { Cow::Owned(escaped(text, |_| false)) } else { Cow::Borrowed(text) }
}

/// Text of several lines, or JSON text. JSON text stays the same value, because the characters that are escaped here
/// occur in it only inside strings. Line feeds and tabs stay. A carriage return, which JSON has only between values,
/// becomes a blank.
pub fn lines(text: &str) -> Cow<'_, str> {
    let stays = |c| matches!(c, '\n' | '\t');
    if !text.chars().any(|c| is_control(c) && !stays(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(escaped(&text.replace('\r', " "), stays))
}

/// A cell of CSV that no spreadsheet takes for a formula: an apostrophe is put before a character that could begin one.
/// Control characters are escaped as in [`lines`]. The caller adds quotes.
pub fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(FORMULA) { Cow::Owned(format!("'{}", lines(text))) } else { lines(text) }
}

fn escaped(text: &str, stays: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_control(c) && !stays(c) {
            write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes all that is written");
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidirectional_characters_are_shown_as_escapes_and_nothing_else_is() {
        for c in ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').chain('\u{202a}'..='\u{202e}') {
            assert_eq!(line(&format!("a{c}b")), format!("a\\u{:04x}b", u32::from(c)));
        }
        for c in "\u{61c}\u{200e}\u{200f}\u{2066}\u{2067}\u{2068}\u{2069}".chars() {
            assert_eq!(lines(&format!("a{c}b")), format!("a\\u{:04x}b", u32::from(c)));
        }
        for text in
            ["", "Order Completed", "Größe 7", "日本", "שלום", "مرحبا", "👩\u{200d}🚀", r"a\u001b", "12 345"]
        {
            assert_eq!((&*line(text), &*lines(text), &*cell(text)), (text, text, text));
        }
        assert_eq!(line("a\nb\tc"), r"a\u000ab\u0009c");
        assert_eq!(lines("a\r\n\tb\u{1b}"), "a \n\tb\\u001b");
    }

    #[test]
    fn json_text_with_escapes_is_the_same_value() {
        let json = "{\r\n\t\"a\u{7f}\": \"x\u{9b}31m\u{202e}\\u001b \\\\\"\r}";
        let shown = lines(json);
        assert!(!shown.chars().any(|c| is_control(c) && !matches!(c, '\n' | '\t')), "{shown}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(value(&shown), value(json));
    }

    #[test]
    fn a_cell_that_could_be_a_formula_begins_with_an_apostrophe() {
        for text in ["=1+1", "+1", "-1", "@a", "\t=1", "\n=1", "＝1"] {
            assert_eq!(cell(text), format!("'{text}"));
        }
        assert_eq!(cell("\r=1"), "' =1");
        for text in ["1-1", "a=b", "'=1", "{\"a\":\"=1\"}", ""] {
            assert_eq!(cell(text), text);
        }
    }
}
