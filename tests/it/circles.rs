//! No two files of `src` need each other: neither directly nor through others.
//!
//! A file needs another one when a path in its code leads there: `crate::spool::rows::Row`, `super::rows::Row`, or
//! `rows::Row` where it declares `mod rows`. `mod rows;` alone is no need. So a file in a folder must not import the file
//! that the folder is named after: what both need stands in a file of its own. Paths are followed by name alone, so a
//! name that a file re-exports counts as that file's.

use std::collections::{BTreeMap, BTreeSet};

use crate::architecture::{SourceFile, files, paths, tokens};

#[test]
fn no_files_need_each_other() {
    let files = files();
    let circles = circles(&needs(&files));
    let broken: Vec<String> =
        circles.iter().map(|circle| circle.iter().copied().collect::<Vec<_>>().join(", ")).collect();
    assert!(broken.is_empty(), "these need each other:\n{}", broken.join("\n"));
}

/// An inherent `impl` that stands in another file than its type reaches into what that file keeps private.
#[test]
fn a_type_has_its_methods_in_its_own_file() {
    let files = files();
    let mut broken = Vec::new();
    for file in &files {
        let own: BTreeSet<&str> = declared(&file.code).collect();
        let others = inherent_impls(&file.code).into_iter().filter(|name| !own.contains(name));
        broken.extend(others.map(|name| format!("{}: impl {name}", name_of(file))));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let code = tokens("struct A; impl A { } impl<T: X> B<T> { } impl C for A { } impl super::D { }");
    assert_eq!(inherent_impls(&code), ["A", "B", "D"]);
}

#[test]
fn circles_are_found_through_super_children_and_others() {
    let file = |path: &str, code: &str| SourceFile {
        path: path.into(),
        module: path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned(),
        depth: path.split('/').count(),
        code: tokens(code),
    };
    let files = [
        file("a.rs", "mod b; mod c; use b::B; pub struct A;"),
        file("a/b.rs", "use super::A; pub struct B;"),
        file("a/c.rs", "use crate::d::e::E;"),
        file("d.rs", "mod e;"),
        file("d/e.rs", "fn f() { crate::g::h() }"),
        file("g.rs", "use crate::a::c::C;"),
    ];
    let needs = needs(&files);
    let found: Vec<Vec<&str>> =
        circles(&needs).iter().map(|circle| circle.iter().copied().collect()).collect();
    assert_eq!(found, [vec!["a.rs", "a/b.rs"], vec!["a/c.rs", "d/e.rs", "g.rs"]]);
}

type Needs<'f> = BTreeMap<&'f str, BTreeSet<&'f str>>;

fn name_of(file: &SourceFile) -> &str {
    let path = file.path.to_str().expect("our own names");
    path.rsplit_once("/src/").map_or(path, |(_, name)| name)
}

/// Which files each file needs.
fn needs(files: &[SourceFile]) -> Needs<'_> {
    let modules: BTreeMap<Vec<&str>, &str> = files
        .iter()
        .map(|file| (name_of(file).trim_end_matches(".rs").split('/').collect(), name_of(file)))
        .collect();
    files.iter().map(|file| (name_of(file), needs_of(file, &modules))).collect()
}

fn needs_of<'f>(file: &'f SourceFile, modules: &BTreeMap<Vec<&'f str>, &'f str>) -> BTreeSet<&'f str> {
    let here: Vec<&str> = name_of(file).trim_end_matches(".rs").split('/').collect();
    let found = paths(&file.code).into_iter().filter_map(|path| target(&path, &here, modules));
    found.filter(|found| *found != name_of(file)).collect()
}

/// The file that a path in the module `here` leads to.
fn target<'f>(path: &[&str], here: &[&'f str], modules: &BTreeMap<Vec<&'f str>, &'f str>) -> Option<&'f str> {
    let (mut at, mut rest) = match path {
        ["crate", rest @ ..] => (Vec::new(), rest),
        ["self" | "super", ..] => (here.to_vec(), path),
        // A child of this module; otherwise another crate.
        [first, ..] => {
            let child: Vec<&str> = here.iter().copied().chain([*first]).collect();
            modules.get_key_value(&child)?;
            (here.to_vec(), path)
        }
        [] => return None,
    };
    while let [first @ ("super" | "self"), more @ ..] = rest {
        if *first == "super" {
            at.pop()?;
        }
        rest = more;
    }
    for name in rest {
        let deeper: Vec<&str> = at.iter().copied().chain([*name]).collect();
        match modules.get_key_value(&deeper) {
            Some((known, _)) => at.clone_from(known),
            None => break,
        }
    }
    modules.get(&at).copied()
}

/// The files that reach each other, a set for each circle.
fn circles<'f>(needs: &Needs<'f>) -> Vec<BTreeSet<&'f str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        needs.keys().map(|file| (*file, reach(needs, file))).collect();
    let mut found: Vec<BTreeSet<&str>> = Vec::new();
    for (file, reaches) in &reached {
        if reaches.contains(file) && !found.iter().any(|circle| circle.contains(file)) {
            let back = reaches.iter().copied().filter(|other| reached[other].contains(file));
            found.push(back.collect());
        }
    }
    found
}

/// Every file that is needed, directly or through others.
fn reach<'f>(needs: &Needs<'f>, file: &str) -> BTreeSet<&'f str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = needs[file].iter().copied().collect();
    while let Some(next) = waiting.pop() {
        if reached.insert(next) {
            waiting.extend(&needs[next]);
        }
    }
    reached
}

/// The types that a file declares.
fn declared(code: &[String]) -> impl Iterator<Item = &str> {
    let declares =
        |words: &&[String]| matches!(words[0].as_str(), "struct" | "enum" | "trait" | "union" | "type");
    code.windows(2).filter(declares).map(|words| words[1].as_str())
}

/// The types that inherent `impl`s of a file are for.
fn inherent_impls(code: &[String]) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in code.iter().enumerate().filter(|(at, word)| *word == "impl" && starts_item(code, *at)) {
        let head: Vec<&str> = code[at + 1..]
            .iter()
            .map(String::as_str)
            .take_while(|word| !matches!(*word, "{" | "where"))
            .collect();
        let head = without_generics(&head);
        if !head.contains(&"for") {
            found.extend(head.last());
        }
    }
    found
}

/// `impl` as an item, not as a type (`-> impl Iterator`).
fn starts_item(code: &[String], at: usize) -> bool {
    at == 0 || matches!(code[at - 1].as_str(), "}" | ";" | "]" | "unsafe")
}

fn without_generics<'t>(words: &[&'t str]) -> Vec<&'t str> {
    let mut depth = 0_usize;
    let mut kept = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "<" => depth += 1,
            ">" if at > 0 && matches!(words[at - 1], "-" | "=") => {}
            ">" => depth = depth.saturating_sub(1),
            _ if depth == 0 => kept.push(*word),
            _ => {}
        }
    }
    kept
}
