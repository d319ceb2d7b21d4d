//! What the documents say of tests: each that they name is there.

use std::{fs, path::Path};

fn texts_in(folder: &Path, ending: &str) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            text.push_str(&texts_in(&entry, ending));
        } else if entry.extension().is_some_and(|found| found == ending) {
            text.push_str(&fs::read_to_string(&entry).expect("text"));
        }
    }
    text
}

/// Between backticks, lower case, of six words at least: the name of a test, or how it begins.
fn names(document: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        text.trim_end_matches('…').chars().all(plain) && text.matches('_').count() >= 5
    };
    document.split('`').skip(1).step_by(2).filter(is_name)
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = texts_in(&root.join("src"), "rs") + &texts_in(&root.join("tests"), "rs");
    let documents = texts_in(&root.join("docs"), "md");
    assert!(!documents.contains("@@"), "a placeholder is left");
    // Names in metrics and settings are no tests.
    let all: Vec<_> = names(&documents).filter(|name| !name.starts_with("tributary_")).collect();
    assert!(all.len() > 100, "{all:?}");
    let is_there = |name: &str| match name.strip_suffix('…') {
        Some(beginning) => code.contains(&format!("fn {beginning}")),
        None => code.contains(&format!("fn {name}(")),
    };
    let missing: Vec<_> = all.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "no test has this name: {missing:#?}");
}
