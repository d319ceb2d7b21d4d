//! Indents and colours JSON for display. Both work on the text and change no token: numbers, escapes and the order of
//! members are shown as they are stored. Text that is not valid JSON is not indented.

use eframe::egui::{
    Color32, FontId,
    text::{LayoutJob, TextFormat},
};

use super::theme::Tokens;

/// Maximum bytes of a text to show. Copying is not limited.
pub(super) const SHOWN_BYTES_MAX: usize = 96 * 1024;

/// Indents by two spaces a level.
pub(super) fn indent(text: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0_usize;
    let mut rest = text.chars().peekable();
    let newline = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    while let Some(c) = rest.next() {
        match c {
            '"' => {
                out.push(c);
                let mut escaped = false;
                for c in rest.by_ref() {
                    out.push(c);
                    match c {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        '"' => break,
                        _ => {}
                    }
                }
            }
            '{' | '[' => {
                out.push(c);
                while rest.next_if(char::is_ascii_whitespace).is_some() {}
                if let Some(close) = rest.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(close);
                } else {
                    depth += 1;
                    newline(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                newline(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                newline(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

/// Colours JSON, and well enough also shell commands, JavaScript and Terraform.
pub(super) fn highlight(text: &str, t: &Tokens, font: &FontId) -> LayoutJob {
    highlight_marking(text, &[], t, font)
}

/// Like [`highlight`], and makes every occurrence of `marks` stand out.
pub(super) fn highlight_marking(text: &str, marks: &[&str], t: &Tokens, font: &FontId) -> LayoutJob {
    let mut job = LayoutJob::default();
    let marked = |text: &str| marks.iter().find(|mark| text.starts_with(**mark)).map(|mark| mark.len());
    let next_mark = |text: &str| marks.iter().filter_map(|mark| text.find(*mark)).min();
    let mut put = |piece: &str, color: Color32| {
        let mut rest = piece;
        while !rest.is_empty() {
            let mark = marked(rest);
            let (piece, after) = rest.split_at(mark.or_else(|| next_mark(rest)).unwrap_or(rest.len()));
            let mut format = TextFormat { font_id: font.clone(), color, ..Default::default() };
            if mark.is_some() {
                (format.color, format.background) = (t.warn, t.warn.gamma_multiply(0.16));
            }
            job.append(piece, 0.0, format);
            rest = after;
        }
    };
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '"' => string_len(rest),
            _ if let Some(len) = marked(rest) => len,
            c if c.is_alphanumeric() || matches!(c, '-' | '_' | '$') => rest
                .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '+' | '.' | '_' | '$')))
                .unwrap_or(rest.len())
                .max(first.len_utf8()),
            _ => rest
                .find(|c: char| c == '"' || c.is_alphanumeric() || matches!(c, '-' | '_' | '$'))
                .into_iter()
                .chain(next_mark(rest))
                .min()
                .unwrap_or(rest.len())
                .max(first.len_utf8()),
        };
        let (piece, after) = rest.split_at(len);
        let color = match first {
            '"' if after.trim_start().starts_with(':') => t.code_key,
            '"' => t.code_string,
            c if c.is_ascii_digit() || (c == '-' && piece[1..].starts_with(|c: char| c.is_ascii_digit())) => {
                t.code_number
            }
            _ if matches!(piece, "true" | "false" | "null") => t.code_word,
            c if c.is_alphanumeric() => t.text,
            _ => t.weak,
        };
        put(piece, color);
        rest = after;
    }
    job
}

/// The bytes of the string literal that `text` begins with. A literal without an end goes to the end of its line.
pub(super) fn string_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            '\n' => return at,
            _ => {}
        }
    }
    text.len()
}

/// At most `bytes_max` bytes of `text`, cut between characters, and whether it was cut.
pub(super) fn cut(text: &str, bytes_max: usize) -> (&str, bool) {
    if text.len() <= bytes_max {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(bytes_max)], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indenting_keeps_every_token() {
        let text = r#"{"a":1e3,"b":[1.0,{},[ ]],"c":"x: {\"y\"}\u00e9","d":12345678901234567890}"#;
        let wide = indent(text);
        assert!(wide.contains("\"a\": 1e3,\n  \"b\": [\n    1.0,\n    {},\n    []\n  ],"), "{wide}");
        assert!(wide.contains(r#""x: {\"y\"}\u00e9""#) && wide.contains("12345678901234567890"), "{wide}");
    }

    #[test]
    fn marked_text_stands_out_wherever_it_is() {
        let ctx = eframe::egui::Context::default();
        let t = super::super::theme::tokens(&ctx);
        for (text, expected) in [
            (r#"{"a": "arn:{region}:{id}:s", "b": 1}"#, "{region}{id}"),
            ("--name '{id}' x={region}", "{id}{region}"),
            ("{id}{id}", "{id}{id}"),
            ("{none}", ""),
        ] {
            let job = highlight_marking(text, &["{region}", "{id}"], t, &FontId::monospace(12.0));
            assert_eq!(job.text, text);
            let marked = job.sections.iter().filter(|section| section.format.color == t.warn);
            let marked: String = marked
                .map(|section| &job.text[section.byte_range.start.0..section.byte_range.end.0])
                .collect();
            assert_eq!(marked, expected, "{text}");
        }
    }

    #[test]
    fn text_that_is_not_json_stays_as_it_is() {
        assert_eq!(indent("not { json"), "not { json");
    }

    #[test]
    fn highlighting_shows_the_whole_text() {
        let ctx = eframe::egui::Context::default();
        for text in ["{\"a\": -1, \"ü\": \"é\\\"\", x", "\"open", "-", "日本 \"", ""] {
            assert_eq!(
                highlight(text, super::super::theme::tokens(&ctx), &FontId::monospace(12.0)).text,
                text
            );
        }
    }
}
