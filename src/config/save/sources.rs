//! Sources that were added, changed or removed, in `[[capture.sources]]` or in a list of inline tables.
//!
//! A source is the same one if its write key is the same, or else its name: so a new name and a new key are both changes.

use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::tables::{put_value, section};
use crate::config::source::Source;

const RETIRING: &str = "retiring_write_key";

/// One difference.
pub(super) enum Change<'a> {
    /// A new source.
    Add(&'a Source),
    /// The old source and the new one, with another name or other keys.
    Edit(&'a Source, &'a Source),
    /// A source that is gone.
    Remove(&'a Source),
}

impl Change<'_> {
    /// Whether these sources show the change.
    pub(super) fn is_done(&self, sources: &[Source]) -> bool {
        match self {
            Self::Add(source) | Self::Edit(_, source) => sources.contains(source),
            Self::Remove(source) => !sources.contains(source),
        }
    }
}

/// Why a change cannot be made.
pub(super) enum Missing {
    /// The file has no source of this name or key.
    Source(String),
    /// The section is no table, or the list no list.
    Place,
}

/// What differs: removals first, so that names and keys are free for what follows.
pub(super) fn changes<'a>(before: &'a [Source], after: &'a [Source]) -> Vec<Change<'a>> {
    let known_key = |key: &str| before.iter().any(|source| source.write_key == key);
    let now = |old: &Source| {
        let same_key = after.iter().find(|new| new.write_key == old.write_key);
        let same_name = || after.iter().find(|new| new.name == old.name && !known_key(&new.write_key));
        same_key.or_else(same_name)
    };
    let removed = before.iter().filter(|old| now(old).is_none()).map(Change::Remove);
    let edited = before.iter().filter_map(|old| match now(old) {
        Some(new) if new != old => Some(Change::Edit(old, new)),
        Some(_) | None => None,
    });
    let is_new = |new: &&Source| !before.iter().any(|old| now(old) == Some(new));
    removed.chain(edited).chain(after.iter().filter(is_new).map(Change::Add)).collect()
}

/// Makes the changes.
pub(super) fn apply(document: &mut DocumentMut, changes: &[Change]) -> Result<(), Missing> {
    if changes.is_empty() {
        return Ok(());
    }
    let capture = section(document, "capture").ok_or(Missing::Place)?;
    if !capture.contains_key("sources") {
        capture.insert("sources", Item::ArrayOfTables(ArrayOfTables::new()));
    }
    let list = capture.get_mut("sources").ok_or(Missing::Place)?;
    let mut orphaned = String::new();
    for change in changes {
        match change {
            Change::Add(source) => add(list, source)?,
            Change::Edit(old, new) => {
                let index = position(list, old)?;
                fill(entries(list)?.swap_remove(index), new);
            }
            Change::Remove(source) => {
                let index = position(list, source)?;
                orphaned += &remove(list, index)?;
            }
        }
    }
    if !orphaned.is_empty() {
        keep_comment(document, &orphaned);
    }
    Ok(())
}

fn add(list: &mut Item, source: &Source) -> Result<(), Missing> {
    match list {
        Item::ArrayOfTables(tables) => {
            let mut table = Table::new();
            fill(&mut table, source);
            tables.push(table);
        }
        Item::Value(Value::Array(list)) => {
            let mut table = InlineTable::new();
            fill(&mut table, source);
            list.push(table);
        }
        Item::Value(_) | Item::Table(_) | Item::None => return Err(Missing::Place),
    }
    Ok(())
}

/// Removes an entry. Returns the comment above it that is not about it alone, if no entry follows that could have it.
fn remove(list: &mut Item, index: usize) -> Result<String, Missing> {
    match list {
        Item::ArrayOfTables(tables) => {
            let kept = tables.get(index).map(comment_apart).unwrap_or_default();
            tables.remove(index);
            let Some(next) = tables.get_mut(index) else { return Ok(kept) };
            put_above(next, &kept);
        }
        Item::Value(Value::Array(list)) => drop(list.remove(index)),
        Item::Value(_) | Item::Table(_) | Item::None => return Err(Missing::Place),
    }
    Ok(String::new())
}

fn entries(list: &mut Item) -> Result<Vec<&mut dyn TableLike>, Missing> {
    match list {
        Item::ArrayOfTables(tables) => Ok(tables.iter_mut().map(|table| table as _).collect()),
        Item::Value(Value::Array(list)) => {
            Ok(list.iter_mut().filter_map(Value::as_inline_table_mut).map(|table| table as _).collect())
        }
        Item::Value(_) | Item::Table(_) | Item::None => Err(Missing::Place),
    }
}

fn position(list: &mut Item, source: &Source) -> Result<usize, Missing> {
    let entries = entries(list)?;
    let find = |key: &str, text: &str| {
        entries.iter().position(|table| table.get(key).and_then(Item::as_str) == Some(text))
    };
    let found = find("write_key", &source.write_key).or_else(|| find("name", &source.name));
    found.ok_or_else(|| Missing::Source(source.name.clone()))
}

/// Writes only what differs, so that the user's quotes stay.
fn fill(table: &mut dyn TableLike, source: &Source) {
    for (name, text) in [("name", &source.name), ("write_key", &source.write_key)] {
        if table.get(name).and_then(Item::as_str) != Some(text) {
            put_value(table, name, text.into());
        }
    }
    match &source.retiring_write_key {
        None => drop(table.remove(RETIRING)),
        Some(key) if table.get(RETIRING).and_then(Item::as_str) == Some(key) => {}
        Some(key) => put_value(table, RETIRING, key.into()),
    }
}

/// The comment above a table that is not about the table alone: all but the last paragraph.
fn comment_apart(table: &Table) -> String {
    let above = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default();
    match above.rfind("\n\n") {
        Some(end) if above[..end].contains('#') => format!("{}\n", &above[..end]),
        Some(_) | None => String::new(),
    }
}

fn put_above(table: &mut Table, comment: &str) {
    if comment.is_empty() {
        return;
    }
    let above = table.decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or("\n");
    let above = format!("{comment}{above}");
    table.decor_mut().set_prefix(above);
}

/// Puts a comment whose table is gone above the section that follows, or at the file's end.
fn keep_comment(document: &mut DocumentMut, comment: &str) {
    let from = document.get("capture").and_then(Item::as_table).and_then(Table::position);
    let tables = document.iter_mut().filter_map(|(_, item)| item.as_table_mut());
    let next = tables.filter(|table| table.position() > from).min_by_key(|table| table.position());
    if let Some(next) = next {
        put_above(next, comment);
    } else {
        let end = format!("{comment}{}", document.trailing().as_str().unwrap_or_default());
        document.set_trailing(end);
    }
}
