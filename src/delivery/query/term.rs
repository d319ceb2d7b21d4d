//! The text of a query as a list of terms, and edits of that text.

use std::ops::Range;

use super::key::{Pattern, QueryKey};

/// A part of a query's text: a word, or a key and its values.
pub(super) struct Term {
    pub(super) key: Option<QueryKey>,
    pub(super) values: Vec<Pattern>,
    /// Where it stands in the text.
    pub(super) span: Range<usize>,
    /// Its last quote is not closed.
    pub(super) is_open: bool,
}

impl Term {
    /// The term as it is written, with its last quote closed.
    pub(super) fn written(&self, text: &str) -> String {
        let mut written = text[self.span.clone()].to_owned();
        if self.is_open {
            written.push('"');
        }
        written
    }

    /// Whether more can be typed to it: it is at the end of the text.
    pub(super) fn is_being_typed(&self, text: &str) -> bool {
        self.span.end == text.len()
    }
}

/// The terms of a text.
pub(super) fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut at = 0;
    while let Some(start) = text[at..].find(|c: char| !c.is_whitespace()).map(|skip| at + skip) {
        let key = text[start..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .filter(|len| text[start + len..].starts_with(':'))
            .and_then(|len| Some((QueryKey::parse(&text[start..start + len])?, start + len + 1)));
        let (key, mut end) = key.map_or((None, start), |(key, end)| (Some(key), end));
        let mut values = Vec::new();
        let mut is_open;
        loop {
            let (value, stop);
            (value, stop, is_open) = self::value(text, end, key.is_some());
            values.push(value);
            end = stop;
            if !(key.is_some() && text[end..].starts_with(',')) {
                break;
            }
            end += 1;
        }
        terms.push(Term { key, values, span: start..end, is_open });
        at = end;
    }
    terms
}

/// The value that begins at `start`, where it ends (at a space, or at a comma in a list), and whether its quote is unclosed.
/// An unclosed quote extends to the end of the text, because it is still being typed.
fn value(text: &str, start: usize, in_list: bool) -> (Pattern, usize, bool) {
    let mut pattern = Pattern::exactly(String::new());
    let mut chars = text[start..].char_indices();
    let mut in_quotes = false;
    let mut end = text.len();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes => pattern.text.extend(chars.next().map(|(_, c)| c)),
            c if !in_quotes && (c.is_whitespace() || (in_list && c == ',')) => {
                end = start + at;
                break;
            }
            '*' if in_list && !in_quotes && at == 0 => pattern.open_start = true,
            c => pattern.text.push(c),
        }
    }
    if in_list && !in_quotes && text[start..end].ends_with('*') {
        pattern.open_end = true;
        if text[start..end].len() > 1 {
            pattern.text.pop();
        }
    }
    (pattern, end, in_quotes)
}

/// `text` with these values for `key` in place of its old ones; without the key if there are no values.
pub fn with(text: &str, key: QueryKey, values: &[&str]) -> String {
    let mut parts = Vec::new();
    let mut from = 0;
    for term in terms(text).iter().filter(|term| term.key == Some(key)) {
        parts.push(text[from..term.span.start].trim().to_owned());
        from = term.span.end;
    }
    parts.push(text[from..].trim().to_owned());
    if !values.is_empty() {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        parts.push(format!("{}:{}", key.as_str(), values.join(",")));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(" ")
}

/// `text` with this word, if it does not have it yet.
pub fn with_word(text: &str, word: &str) -> String {
    let word = in_quotes(word);
    let has = terms(text).iter().any(|term| text[term.span.clone()] == word);
    if has || word == "\"\"" {
        text.trim().to_owned()
    } else {
        format!("{} {word}", text.trim()).trim().to_owned()
    }
}

/// The condition that is being typed: its key, its text up to the last value, and that value without its quotes. `None`: the
/// word is no condition.
pub fn being_typed(word: &str) -> Option<(QueryKey, &str, String)> {
    let (name, values) = word.split_once(':')?;
    let key = QueryKey::parse(name)?;
    let mut in_quotes = false;
    let mut last = 0;
    for (at, c) in values.char_indices() {
        match c {
            '"' => in_quotes = !in_quotes,
            ',' if !in_quotes => last = at + 1,
            _ => {}
        }
    }
    let start = word.len() - values.len() + last;
    Some((key, &word[..start], word[start..].replace('"', "")))
}

/// A value as it is written: in quotes if it could be read as something else.
pub fn quoted(value: &str) -> String {
    let plain = |c: char| !(c.is_whitespace() || matches!(c, ',' | '"' | '\\' | '*'));
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    in_quotes(value)
}

fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A `word:value` whose word is no key: it is searched for as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// Where the word and its colon stand in the text.
    pub span: Range<usize>,
    /// The key that was probably meant.
    pub meant: Option<QueryKey>,
}

/// The first unknown field of a query. URLs, times of day and quoted texts do not count.
pub fn unknown_field(text: &str) -> Option<UnknownField> {
    terms(text).into_iter().filter(|term| term.key.is_none()).find_map(|term| {
        let words = &text[term.span.clone()];
        let len = words.find(|c: char| !c.is_ascii_alphabetic()).filter(|len| *len > 1)?;
        let value = words[len..].strip_prefix(':').filter(|value| !value.starts_with("//"))?;
        let span = term.span.start..term.span.start + len + 1;
        (!value.is_empty()).then(|| UnknownField { span, meant: nearest_key(&words[..len]) })
    })
}

/// The key nearest to an unknown word: with up to two changes, or an abbreviation such as `usr` for `userId`.
fn nearest_key(word: &str) -> Option<QueryKey> {
    const CHANGES_MAX: usize = 2;
    let word = word.to_ascii_lowercase();
    let keys = QueryKey::ALL.iter().filter_map(|(key, known, _)| {
        let known = known.to_ascii_lowercase();
        let changes = strsim::levenshtein(&word, &known);
        let is_abbreviation = word[..1] == known[..1] && is_subsequence(&word, &known);
        (is_abbreviation || changes <= CHANGES_MAX).then_some((changes, *key))
    });
    keys.min_by_key(|(changes, _)| *changes).map(|(_, key)| key)
}

/// Whether `long` has all letters of `short` in their order.
fn is_subsequence(short: &str, long: &str) -> bool {
    let mut rest = long.chars();
    short.chars().all(|c| rest.any(|other| other == c))
}
