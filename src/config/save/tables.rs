//! Settings, saved destinations and alerts in the file's own text: changed in place, or added at the end of their table.

use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TableLike, Value};

use crate::config::setting;

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

/// A table of a list such as `[[destinations]]`: its name, and key and value of its settings.
pub(super) type Entry = (String, Vec<(&'static str, setting::Value)>);

/// Writes the tables of a list. `defaults`: the values that need not be written. `None`: the file's layout has no place for the
/// change.
pub(super) fn put_entries(
    document: &mut DocumentMut,
    list: &str,
    (before, after): (&[Entry], &[Entry]),
    defaults: &[(&'static str, setting::Value)],
) -> Option<()> {
    if before == after {
        return Some(());
    }
    let item = document.entry(list).or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let tables = item.as_array_of_tables_mut()?;
    let is_named = |table: &Table, name: &str| table.get("name").and_then(Item::as_str) == Some(name);
    for (gone, _) in before.iter().filter(|(old, _)| !after.iter().any(|(new, _)| new == old)) {
        tables.retain(|table| !is_named(table, gone));
    }
    for (name, values) in after {
        if let Some(table) = tables.iter_mut().find(|table| is_named(table, name)) {
            let old = before.iter().find(|(old, _)| old == name).map_or(defaults, |(_, old)| old);
            put_values(table, values, old);
        } else {
            let mut table = Table::new();
            put_value(&mut table, "name", name.as_str().into());
            put_values(&mut table, values, defaults);
            tables.push(table);
        }
    }
    if tables.is_empty() {
        document.remove(list);
    }
    Some(())
}

/// The values that differ from those of before.
fn put_values(
    table: &mut Table,
    new: &[(&'static str, setting::Value)],
    old: &[(&'static str, setting::Value)],
) {
    for ((key, value), _) in new.iter().zip(old).filter(|(new, old)| new != old) {
        put_value(table, key, value.to_toml());
    }
}
