//! Saved destinations in the file's own text: added at the end, changed and removed in place.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::{put_value, toml_value};
use crate::config::{Config, SavedDestination, keys::Key, saved::keys};

/// `None`: the file writes them in a way in which the change has no place.
pub(super) fn apply(document: &mut DocumentMut, before: &Config, after: &Config) -> Option<()> {
    let (before, after) = (&before.destinations, &after.destinations);
    if before == after {
        return Some(());
    }
    let item = document.entry("destinations").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let tables = item.as_array_of_tables_mut()?;
    let named = |table: &Table, name: &str| table.get("name").and_then(Item::as_str) == Some(name);
    for gone in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
        tables.retain(|table| !named(table, &gone.name));
    }
    for new in after {
        if let Some(table) = tables.iter_mut().find(|table| named(table, &new.name)) {
            let old = before.iter().find(|old| old.name == new.name);
            fill(table, new, old)?;
        } else {
            let mut table = Table::new();
            put_value(&mut table, "name", new.name.as_str().into());
            fill(&mut table, new, None)?;
            tables.push(table);
        }
    }
    if tables.is_empty() {
        document.remove("destinations");
    }
    Some(())
}

/// Writes what differs from what is there, which is the default where nothing is.
fn fill(table: &mut Table, new: &SavedDestination, old: Option<&SavedDestination>) -> Option<()> {
    let there = old.map(SavedDestination::config).unwrap_or_default();
    let new = new.config();
    let changed = |key: &&Key| (key.get)(&there) != (key.get)(&new);
    for key in keys().filter(changed) {
        put_value(table, key.name(), toml_value(&(key.get)(&new))?);
    }
    Some(())
}
