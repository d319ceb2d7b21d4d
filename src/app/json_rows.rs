//! JSON text as rows: one for each line of the indented text, so every token is shown as it is stored. Rows know which of
//! them open and close, the path of each value, and where a text occurs. Pure.

use std::{fmt::Write as _, ops::Range};

use super::json;
use crate::{
    delivery::{Field, query::QueryKey},
    event::shown,
};

/// Maximum rows. The text itself is kept whole.
const ROWS_MAX: usize = 20_000;
/// Maximum bytes of one row to show. Copying is not limited.
const ROW_BYTES_MAX: usize = 4096;
/// Maximum occurrences to find.
const MATCHES_MAX: usize = 10_000;

/// One line of the text.
struct Row {
    /// Where the line stands in the text, without its indentation.
    line: Range<usize>,
    depth: usize,
    /// Bytes of its member name with the quotes; 0: it has none.
    name_len: usize,
    /// Its number among the members or items of `parent`.
    number: usize,
    parent: Option<usize>,
    /// The row that closes the object or array that this row opens.
    end: Option<usize>,
    /// The members or items of that object or array.
    inner: usize,
    is_end: bool,
}

/// A text in rows. Text that is not JSON has rows too, but none of them folds.
pub(super) struct JsonRows {
    text: String,
    rows: Vec<Row>,
    is_json: bool,
    /// Lines beyond [`ROWS_MAX`].
    left_out: usize,
}

/// An occurrence of the searched text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub row: usize,
    /// Where it is in the row as it is shown.
    pub span: Range<usize>,
}

/// How Live finds the events with a certain value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finds {
    Field(QueryKey, String),
    /// The payload has this text.
    Text(String),
}

impl JsonRows {
    /// `text`: JSON is indented; other text stays as it is.
    pub(super) fn new(raw: &str) -> Self {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(raw).is_ok();
        let text = json::indent(raw);
        let mut built = Self { rows: Vec::new(), is_json, left_out: 0, text: String::new() };
        let mut open: Vec<usize> = Vec::new();
        let mut from = 0;
        for line in text.split_inclusive('\n') {
            let to = from + line.trim_end_matches(['\n', '\r']).len();
            if built.rows.len() < ROWS_MAX {
                built.add(&text[from..to], from, &mut open);
            } else {
                built.left_out += 1;
            }
            from += line.len();
        }
        Self { text, ..built }
    }

    fn add(&mut self, line: &str, from: usize, open: &mut Vec<usize>) {
        let content = if self.is_json { line.trim_start_matches(' ') } else { line };
        let at = from + line.len() - content.len();
        let row = self.rows.len();
        let is_end = self.is_json && content.starts_with(['}', ']']);
        let mut number = 0;
        if is_end && let Some(opener) = open.pop() {
            self.rows[opener].end = Some(row);
        }
        let parent = open.last().copied();
        if let Some(parent) = parent.filter(|_| !is_end) {
            number = self.rows[parent].inner;
            self.rows[parent].inner += 1;
        }
        let name_len = if self.is_json && content.starts_with('"') { json::string_len(content) } else { 0 };
        let name_len = if content[name_len..].starts_with(": ") { name_len } else { 0 };
        self.rows.push(Row {
            line: at..at + content.len(),
            depth: open.len(),
            name_len,
            number,
            parent,
            end: None,
            inner: 0,
            is_end,
        });
        if self.is_json && content.ends_with(['{', '[']) {
            open.push(row);
        }
    }

    /// The whole text, indented.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_json(&self) -> bool {
        self.is_json
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn left_out(&self) -> usize {
        self.left_out
    }

    pub(super) fn depth(&self, row: usize) -> usize {
        self.rows[row].depth
    }

    /// The row that closes what this row opens; `None`: it opens nothing.
    pub(super) fn end(&self, row: usize) -> Option<usize> {
        self.rows[row].end
    }

    pub(super) fn parent(&self, row: usize) -> Option<usize> {
        self.rows[row].parent
    }

    /// Whether the row has a value, and does not only close one.
    pub(super) fn has_value(&self, row: usize) -> bool {
        self.is_json && !self.rows[row].is_end
    }

    /// The row as it is shown, and whether it was cut.
    pub(super) fn shown(&self, row: usize) -> (String, bool) {
        let (line, is_cut) = json::cut(&self.text[self.rows[row].line.clone()], ROW_BYTES_MAX);
        (shown::lines(line).into_owned(), is_cut)
    }

    /// What a folded row shows behind its own text: how much is inside, and what closes it.
    pub(super) fn folded(&self, row: usize) -> String {
        let Row { inner, end, ref line, .. } = self.rows[row];
        let one = if self.text[line.clone()].ends_with('{') { "member" } else { "item" };
        let end = end.map_or("", |end| &self.text[self.rows[end].line.clone()]);
        format!(" {inner} {one}{} {end}", if inner == 1 { "" } else { "s" })
    }

    /// The value of a row: a string without its quotes, a number or word as it stands, an object or array as JSON text.
    pub(super) fn value(&self, row: usize) -> String {
        let token = self.token(row);
        match self.rows[row].end {
            Some(end) => {
                let from = self.value_start(row);
                let to = self.rows[end].line.end;
                let indent = format!("\n{}", "  ".repeat(self.rows[row].depth));
                self.text[from..to].trim_end_matches(',').replace(&indent, "\n")
            }
            None if token.starts_with('"') => {
                serde_json::from_str(token).unwrap_or_else(|_| token.to_owned())
            }
            None => token.to_owned(),
        }
    }

    fn value_start(&self, row: usize) -> usize {
        let Row { ref line, name_len, .. } = self.rows[row];
        line.start + if name_len == 0 { 0 } else { name_len + 2 }
    }

    /// The row's value as it stands in the text, without a comma; of an object or array its first character.
    fn token(&self, row: usize) -> &str {
        self.text[self.value_start(row)..self.rows[row].line.end].trim_end_matches(',')
    }

    fn name(&self, row: usize) -> Option<String> {
        let Row { ref line, name_len, .. } = self.rows[row];
        serde_json::from_str(&self.text[line.start..line.start + name_len]).ok()
    }

    /// The path of a row's value, such as `properties.products[0].sku`. Empty for the whole text.
    pub(super) fn path(&self, row: usize) -> String {
        let mut rows = vec![row];
        while let Some(parent) = rows.last().and_then(|row| self.rows[*row].parent) {
            rows.push(parent);
        }
        let mut path = String::new();
        for row in rows.into_iter().rev().skip(1) {
            let is_plain = |name: &str| {
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '-'))
            };
            let part = match self.name(row) {
                Some(name) if is_plain(&name) && path.is_empty() => write!(path, "{name}"),
                Some(name) if is_plain(&name) => write!(path, ".{name}"),
                Some(name) => write!(path, "[{}]", serde_json::Value::from(name)),
                None => write!(path, "[{}]", self.rows[row].number),
            };
            part.expect("a String takes all that is written");
        }
        path
    }

    /// How Live finds the events that have the same value in the same member. `raw`: the text as it is stored. `None`: the
    /// row has no single value.
    pub(super) fn finds(&self, row: usize, raw: &str) -> Option<Finds> {
        let token = self.token(row);
        if !self.has_value(row)
            || self.rows[row].end.is_some()
            || token.is_empty()
            || matches!(token, "{}" | "[]")
        {
            return None;
        }
        let field = if self.rows[row].depth == 1 { self.field(row) } else { None };
        if let Some(key) = field.filter(|_| token.starts_with('"')) {
            return Some(Finds::Field(key, self.value(row)));
        }
        let name_len = self.rows[row].name_len;
        let start = self.rows[row].line.start;
        let name = &self.text[start..start + name_len];
        // Senders write a space behind the colon, or none.
        let as_stored = ["", " "].map(|space| format!("{name}:{space}{token}"));
        let as_stored = as_stored.into_iter().find(|text| name_len > 0 && raw.contains(text.as_str()));
        Some(Finds::Text(as_stored.unwrap_or_else(|| token.to_owned())))
    }

    /// The field of the search that this member of the event is in.
    fn field(&self, row: usize) -> Option<QueryKey> {
        const NAME_CHARS_MAX: usize = 120;
        let has = |name: &str| {
            (0..self.rows.len())
                .any(|row| self.rows[row].depth == 1 && self.name(row).as_deref() == Some(name))
        };
        match self.name(row)?.as_str() {
            "userId" => Some(QueryKey::Field(Field::User)),
            "anonymousId" if !has("userId") => Some(QueryKey::Field(Field::User)),
            // The log keeps the beginning of a long name.
            "event" | "name" if self.value(row).chars().count() <= NAME_CHARS_MAX => {
                Some(QueryKey::Field(Field::Event))
            }
            "messageId" => Some(QueryKey::Field(Field::MessageId)),
            "type" => Some(QueryKey::Type),
            _ => None,
        }
    }

    /// Where a text occurs in the rows as they are shown; ASCII case is ignored.
    pub(super) fn find(&self, text: &str) -> Vec<Match> {
        let text = text.to_ascii_lowercase();
        let mut found = Vec::new();
        if text.is_empty() {
            return found;
        }
        for row in 0..self.rows.len() {
            let line = self.shown(row).0.to_ascii_lowercase();
            for (at, _) in line.match_indices(&text) {
                found.push(Match { row, span: at..at + text.len() });
            }
            if found.len() >= MATCHES_MAX {
                break;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"type":"track","userId":"ada","event":"Seen","properties":{"total": 1.10,"two words":[{"sku":"A{"},null]},"é":"\u00e9","x":{},"total":7}"#;

    fn row(rows: &JsonRows, text: &str) -> usize {
        (0..rows.len()).find(|row| rows.shown(*row).0.contains(text)).expect(text)
    }

    #[test]
    fn rows_keep_every_token_and_know_what_they_open() {
        let rows = JsonRows::new(EVENT);
        let all: Vec<_> = (0..rows.len()).map(|row| (rows.depth(row), rows.shown(row).0)).collect();
        let tokens: String = all.iter().flat_map(|(_, text)| [text.as_str(), "\n"]).collect();
        assert!(tokens.contains("\"total\": 1.10,\n") && tokens.contains("\"total\": 7\n"), "{tokens}");
        assert!(tokens.contains(r#""é": "\u00e9","#), "{tokens}");
        let properties = row(&rows, "\"properties\"");
        let end = rows.end(properties).expect("an object");
        assert_eq!((all[end].0, &*all[end].1, rows.folded(properties).as_str()), (1, "},", " 2 members },"));
        assert_eq!((rows.depth(row(&rows, "\"sku\"")), rows.end(row(&rows, "\"sku\""))), (4, None));
        assert!(rows.end(row(&rows, "\"x\"")).is_none(), "nothing is in it");
        assert_eq!(rows.end(0), Some(rows.len() - 1));
        let text = JsonRows::new("no {\n json");
        assert_eq!((text.len(), text.is_json(), text.end(0), text.has_value(0)), (2, false, None, false));
    }

    #[test]
    fn a_value_has_a_path_and_a_text_to_copy() {
        let rows = JsonRows::new(EVENT);
        for (text, path, value) in [
            ("\"sku\"", r#"properties["two words"][0].sku"#, "A{"),
            ("null", r#"properties["two words"][1]"#, "null"),
            ("1.10", "properties.total", "1.10"),
            ("\"é\"", "é", "é"),
            ("\"two words\"", r#"properties["two words"]"#, "[\n  {\n    \"sku\": \"A{\"\n  },\n  null\n]"),
        ] {
            let row = row(&rows, text);
            assert_eq!((rows.path(row).as_str(), rows.value(row).as_str()), (path, value), "{text}");
        }
    }

    #[test]
    fn the_events_with_the_same_value_are_found_by_field_or_by_the_stored_text() {
        let rows = JsonRows::new(EVENT);
        let finds = |text: &str| rows.finds(row(&rows, text), EVENT);
        let field = |key, value: &str| Some(Finds::Field(key, value.to_owned()));
        assert_eq!(finds("userId"), field(QueryKey::Field(Field::User), "ada"));
        assert_eq!(finds("\"type\""), field(QueryKey::Type, "track"));
        assert_eq!(finds("1.10"), Some(Finds::Text(r#""total": 1.10"#.to_owned())), "with its space");
        assert_eq!(finds("\"sku\""), Some(Finds::Text(r#""sku":"A{""#.to_owned())));
        assert_eq!((finds("\"properties\""), finds("\"x\"")), (None, None));
    }

    #[test]
    fn a_text_is_found_wherever_it_occurs() {
        let rows = JsonRows::new(EVENT);
        let found = rows.find("TOTAL");
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].span, 1..6);
        assert!(rows.find("").is_empty() && rows.find("nowhere").is_empty());
    }
}
