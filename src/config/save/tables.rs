//! Settings and saved destinations in the file's own text: changed in place, or added at the end of their table.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};

use crate::config::{saved::SavedDestination, setting};

/// Writes a setting into its section. `None`: the section is no table.
pub(super) fn put_setting(
    document: &mut DocumentMut,
    name: &'static str,
    value: &setting::Value,
) -> Option<()> {
    put_value(section(document, setting::section(name))?, setting::key(name), value.to_toml());
    Some(())
}

/// The table of this name, made if there is none. `None`: it is no table.
pub(super) fn section<'d>(document: &'d mut DocumentMut, name: &str) -> Option<&'d mut dyn TableLike> {
    let item = document.entry(name).or_insert_with(|| Item::Table(Table::new()));
    item.as_table_like_mut()
}

/// What stands around the old value, such as a comment behind it, stays.
pub(super) fn put_value(table: &mut dyn TableLike, key: &str, mut value: Value) {
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        old.decor().clone_into(value.decor_mut());
        *old = value;
    } else {
        table.insert(key, Item::Value(value));
    }
}

/// Writes the saved destinations. `None`: the file's layout has no place for the change.
pub(super) fn put_saved(
    document: &mut DocumentMut,
    before: &[SavedDestination],
    after: &[SavedDestination],
) -> Option<()> {
    if before == after {
        return Some(());
    }
    let item = document.entry("destinations").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let tables = item.as_array_of_tables_mut()?;
    let is_named = |table: &Table, name: &str| table.get("name").and_then(Item::as_str) == Some(name);
    for gone in before.iter().filter(|old| !after.iter().any(|new| new.name == old.name)) {
        tables.retain(|table| !is_named(table, &gone.name));
    }
    let default = SavedDestination::default();
    for new in after {
        if let Some(table) = tables.iter_mut().find(|table| is_named(table, &new.name)) {
            let old = before.iter().find(|old| old.name == new.name).unwrap_or(&default);
            put_values(table, new, old);
        } else {
            let mut table = Table::new();
            put_value(&mut table, "name", new.name.as_str().into());
            put_values(&mut table, new, &default);
            tables.push(table);
        }
    }
    if tables.is_empty() {
        document.remove("destinations");
    }
    Some(())
}

fn put_values(table: &mut Table, new: &SavedDestination, old: &SavedDestination) {
    for (key, value) in new.values_unlike(old) {
        put_value(table, key, value.to_toml());
    }
}
