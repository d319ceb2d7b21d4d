//! The documents agree with the code: every test that they name exists, every setting and metric is documented, and
//! every link leads somewhere.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use tributary::config::EXAMPLE;

use crate::binary::{Home, WRITE_KEY, key_header};
use crate::wire;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

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

/// Test names, or their beginnings: text between backticks, in lower case, of six words or more.
fn names(document: &str) -> impl Iterator<Item = &str> {
    let is_name = |text: &&str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        text.trim_end_matches('…').chars().all(plain) && text.matches('_').count() >= 5
    };
    document.split('`').skip(1).step_by(2).filter(is_name)
}

#[test]
fn every_test_that_a_document_names_is_there() {
    let code = texts_in(&root().join("src"), "rs") + &texts_in(&root().join("tests"), "rs");
    let documents = texts_in(&root().join("docs"), "md");
    assert!(!documents.contains("@@"), "a placeholder is left");
    // Metrics have long names too.
    let all: Vec<_> = names(&documents).filter(|name| !name.starts_with("tributary_")).collect();
    assert!(all.len() > 100, "{all:?}");
    let is_there = |name: &str| match name.strip_suffix('…') {
        Some(beginning) => code.contains(&format!("fn {beginning}")),
        None => code.contains(&format!("fn {name}(")),
    };
    let missing: Vec<_> = all.iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "no test has this name: {missing:#?}");
}

/// The keys of the settings file, as `section.key`.
fn settings() -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in EXAMPLE.lines() {
        let name = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            header.clone_into(&mut section);
        } else if let Some((key, _)) = line.split_once(" = ").filter(|(key, _)| name(key))
            && !section.starts_with('[')
        {
            keys.insert(format!("{section}.{key}"));
        }
    }
    keys
}

#[test]
fn every_setting_has_a_row_in_the_settings_document() {
    let document = fs::read_to_string(root().join("docs/settings.md")).expect("there");
    let settings = settings();
    assert!(settings.len() > 25, "{settings:?}");
    let missing: Vec<_> = settings.iter().filter(|key| !document.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_metric_has_a_row_in_the_operating_document_and_every_row_a_metric() {
    // Nothing calls it: it tells of the disk alone.
    let home = Home::new(
        "[[alerts]]\nname = \"Nobody\"\nkind = \"command\"\ncommand = [\"false\"]\non = [\"disk\"]\n",
    );
    let serve = home.serve(&[]);
    // Some have no sample before the first event, or the first error.
    for (event, status) in [(r#"{"userId":"ada","event":"Seen"}"#, 200), (r#"{"event":"Seen"}"#, 400)] {
        let sent = wire::send(serve.address, "POST", "/v1/track", &key_header(WRITE_KEY), event.as_bytes());
        assert_eq!(sent.status, status);
    }
    wire::wait_until("it is delivered", || serve.metrics().contains("tributary_shard_records_total"));
    let text = serve.metrics();
    serve.stop();
    let served = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    // Those of every process are Prometheus's own.
    let served: BTreeSet<_> = served.filter(|name| !name.starts_with("process_")).collect();
    let document = fs::read_to_string(root().join("docs/operating.md")).expect("there");
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `tributary_"));
    let rows: Vec<_> = rows.map(|row| row.split(['`', '{']).next().expect("a name")).collect();
    let documented: BTreeSet<_> = rows.iter().map(|name| format!("tributary_{name}")).collect();
    assert_eq!(documented.iter().map(String::as_str).collect::<BTreeSet<_>>(), served);
}

fn documents() -> Vec<PathBuf> {
    let in_folder = |folder: &str| {
        let entries = fs::read_dir(root().join(folder)).expect("a folder");
        entries.map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let all = ["", "docs", "examples", "findings"].into_iter().flat_map(in_folder);
    all.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect()
}

/// The targets of a document's links, without those to other sites.
fn links(document: &str) -> impl Iterator<Item = &str> {
    let targets = document.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://"))
}

/// The anchors of a document's headings, as GitHub makes them.
fn anchors(document: &str) -> BTreeSet<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| -> String {
        let text = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut broken = Vec::new();
    let mut looked_at = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("text");
        for link in links(&text) {
            looked_at += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = path.parent().expect("a folder");
            let target = if file.is_empty() { path.clone() } else { folder.join(file) };
            let is_there = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).expect("text")).contains(anchor));
            if !is_there {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(looked_at > 50, "the links were found: {looked_at}");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_source_file_that_a_document_names_exists() {
    let mut missing = Vec::new();
    let mut looked_at = 0;
    for path in documents() {
        let text = fs::read_to_string(&path).expect("text");
        let named = text.split('`').skip(1).step_by(2).filter(|name| {
            Path::new(name).extension().is_some_and(|ending| ending == "rs")
                && !name.contains(|c: char| c.is_whitespace() || "*…NAME".contains(c))
        });
        for name in named {
            looked_at += 1;
            if !root().join("src").join(name).is_file() && !root().join(name).is_file() {
                missing.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(looked_at > 50, "the names were found: {looked_at}");
    assert!(missing.is_empty(), "{missing:#?}");
}
