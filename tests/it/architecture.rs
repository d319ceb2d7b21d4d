//! The import table of `ARCHITECTURE.md`, and the code held to it.
//!
//! The code is read as tokens, so comments and strings do not count, and neither does what is compiled for tests only.
//! Grow the tables when the design grows; never weaken a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module and what it may use of the others, in the order in which data flows: a row names rows above it only.
const MAY_USE: [(&str, &[&str]); 22] = [
    ("clock", &[]),
    ("files", &[]),
    ("log", &[]),
    ("slots", &[]),
    ("aws", &[]),
    ("shell", &[]),
    ("event", &[]),
    ("delivery", &["event"]),
    ("reader", &["event"]),
    ("config", &["aws", "files", "event", "delivery", "reader"]),
    ("policy", &["aws", "shell", "event", "delivery", "config"]),
    ("remedy", &["aws", "shell", "event", "delivery", "reader", "config"]),
    ("alert", &["delivery", "config", "remedy"]),
    ("snippets", &["aws", "shell", "event", "delivery", "config"]),
    ("spool", &["clock", "files", "event", "delivery", "config"]),
    ("practice", &["aws", "clock", "slots"]),
    ("kinesis", &["aws", "event", "delivery", "reader", "config", "policy", "remedy"]),
    ("capture", &["clock", "log", "event", "delivery", "config", "spool"]),
    ("forward", &["clock", "event", "delivery", "config", "spool", "kinesis"]),
    (
        "engine",
        &[
            "alert", "clock", "files", "slots", "event", "delivery", "reader", "config", "policy", "remedy",
            "snippets", "spool", "practice", "kinesis", "capture", "forward",
        ],
    ),
    (
        "cli",
        &[
            "aws", "clock", "files", "event", "delivery", "reader", "config", "policy", "remedy", "snippets",
            "spool", "practice", "kinesis", "capture", "forward", "engine", "log", "shell",
        ],
    ),
    (
        "app",
        &["aws", "event", "delivery", "reader", "config", "policy", "remedy", "snippets", "engine", "shell"],
    ),
];

/// Each door to the outside world, as a path or the beginning of one, and who alone may open it.
const DOORS: [(&str, &[&str]); 41] = [
    ("UNIX_EPOCH", &["clock"]),
    ("tracing_subscriber", &["log"]),
    ("io::stderr", &["log", "cli"]),
    ("shlex", &["shell"]),
    ("rusqlite", &["spool"]),
    ("aws_c*", &["kinesis"]),
    ("aws_r*", &["kinesis"]),
    ("aws_sdk_*", &["kinesis"]),
    ("aws_sigv4", &["kinesis"]),
    ("aws_types", &["kinesis"]),
    ("aws_smithy_*", &["kinesis", "practice"]),
    ("keyring_core", &["kinesis"]),
    ("axum", &["capture", "practice"]),
    ("hyper", &["capture", "practice"]),
    ("hyper_util", &["capture", "practice"]),
    ("flate2", &["capture", "event"]),
    ("http_body_util", &["kinesis"]),
    ("std::env", &["config"]),
    ("directories", &["config"]),
    ("prometheus", &["capture"]),
    ("prost", &["capture"]),
    ("toml", &["config"]),
    ("toml_edit", &["config"]),
    ("lettre", &["config", "engine"]),
    ("hostname", &["engine"]),
    ("ureq", &["engine"]),
    ("rustls_native_certs", &["engine", "kinesis"]),
    ("notify_rust", &["engine"]),
    ("open::commands", &["engine"]),
    ("clap", &["cli", "main"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("io::stdout", &["cli"]),
    ("anyhow", &["cli", "app", "main"]),
    ("eframe", &["app"]),
    ("egui*", &["app"]),
    ("raw_window_handle", &["app"]),
    ("wayland_sys", &["app"]),
    ("x11_dl", &["app"]),
    ("x11rb", &["app"]),
    ("xkbcommon_dl", &["app"]),
];

#[test]
fn the_table_names_every_module_and_points_one_way() {
    let rows: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).collect();
    let there: BTreeSet<String> = files().into_iter().map(|file| file.module).collect();
    for module in there.iter().filter(|module| *module != "main") {
        assert!(rows.contains(&**module), "src/{module} has no row");
    }
    for module in &rows {
        assert!(there.contains(*module), "the table names {module}, which is not there");
    }
    for (index, (module, uses)) in MAY_USE.iter().enumerate() {
        for used in *uses {
            let above = MAY_USE[..index].iter().any(|(other, _)| other == used);
            assert!(above, "{module} may not use {used}, which is not above it");
        }
    }
}

#[test]
fn each_module_uses_only_what_its_row_allows() {
    let mut broken = Vec::new();
    for file in files() {
        // `main` is a crate of its own: it sees what the library shows.
        let Some((_, uses)) = MAY_USE.iter().find(|(module, _)| *module == file.module) else { continue };
        for path in paths(&file.code) {
            let Some(used) = of_crate_root(&path, file.depth) else { continue };
            let is_module = MAY_USE.iter().any(|(module, _)| *module == used);
            if is_module && used != file.module && !uses.contains(&used) {
                broken.push(format!("{}: {} may not use {used}", file.path.display(), file.module));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_door_is_used_by_its_owner_alone() {
    let mut broken = Vec::new();
    let mut unused: BTreeSet<&str> = DOORS.iter().map(|(door, _)| *door).collect();
    for file in files() {
        for path in paths(&file.code) {
            for (door, owners) in DOORS.iter().filter(|(door, _)| goes_through(&path, door)) {
                unused.remove(door);
                if !owners.contains(&&*file.module) {
                    broken.push(format!("{}: only {owners:?} may use {door}", file.path.display()));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(unused.is_empty(), "nobody uses {unused:?}: strike it off the table");
}

/// What waits for disk, network or another thread. The engine's [`tributary::engine::Answer`]s are looked at, not waited for.
const WAITS: [&str; 19] = [
    "fs",
    "File",
    "OpenOptions",
    "read_dir",
    "metadata",
    "canonicalize",
    "try_exists",
    "exists",
    "is_file",
    "is_dir",
    "net",
    "process",
    "Mutex",
    "RwLock",
    "Condvar",
    "sleep",
    "block_on",
    "blocking_recv",
    "recv",
];

#[test]
fn no_word_of_the_window_waits_for_disk_network_or_a_lock() {
    let waits = |code: &[String]| -> Vec<String> {
        code.iter().filter(|word| WAITS.contains(&word.as_str())).cloned().collect()
    };
    let mut broken = Vec::new();
    let mut looked_at = 0;
    for file in files().into_iter().filter(|file| file.module == "app") {
        looked_at += 1;
        broken.extend(waits(&file.code).iter().map(|word| format!("{}: {word}", file.path.display())));
    }
    assert!(looked_at > 30, "the window's files were found: {looked_at}");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert_eq!(waits(&tokens("let text = std::fs::read(path); state.lock(); cell.recv()")), ["fs", "recv"]);
}

/// Every place that begins a task, a thread or another program: the file, what stands before `spawn`, and who notices how
/// it ends. A task or thread that nobody looks after could die unnoticed, and the program would go on without it.
const SPAWNS: [(&str, &str, &str); 20] = [
    ("capture/connections.rs", "tasks.spawn", "one connection: its peer sees it closed"),
    ("cli/practice.rs", "server.spawn", "the server of the practice stream: waited for"),
    ("engine.rs", "runtime.spawn", "the supervisor: `Alarm` says that it ended, and `serve` exits 1"),
    (
        "engine/control.rs",
        "callers.spawn",
        "one caller: its connection closes, and `Problems::job_ended` shows a panic",
    ),
    ("engine/alerts/program.rs", "command.spawn", "the program of an alert: waited for"),
    ("engine/alerts/send.rs", ".spawn_blocking", "whoever waits for it gets `Interrupted`"),
    ("engine/launch.rs", ".spawn", "no answer: the face sees it"),
    ("engine/launch.rs", "launcher.spawn", "the desktop's launcher: waited for"),
    ("engine/log_reader.rs", ".spawn", "the reader of the log: `Alarm`"),
    ("engine/sign_in.rs", "command.spawn", "the program of a sign-in: waited for"),
    ("engine/tasks.rs", "jobs.spawn", "a job: `Problems::job_ended` shows a panic"),
    ("engine/tasks.rs", "jobs.spawn_blocking", "whoever waits for it gets `Interrupted`"),
    ("engine/tasks.rs", "parts.spawn", "a part: `Problems::set_broken`, and `serve` exits 1"),
    ("kinesis/credentials/keychain.rs", "task::spawn_blocking", "there are no keys, and the fault says why"),
    ("kinesis/credentials/process.rs", "shell.spawn", "the program that hands out keys: waited for"),
    ("log.rs", ".spawn", "lines are counted as lost, and nothing waits for them"),
    ("practice/connections.rs", "connections.spawn", "one connection: its peer sees it closed"),
    ("practice/connections.rs", "tasks.spawn", "one request over HTTP/2: its peer sees its stream reset"),
    ("spool/checkpoint.rs", ".spawn", "joined before the next one: a panic is said, and the next one copies"),
    ("spool/handle.rs", ".spawn", "both threads: `Spool::closed` ends, which is a part of the engine"),
];

#[test]
fn everything_that_is_spawned_has_somebody_who_notices_how_it_ends() {
    let mut missing = Vec::new();
    let mut unused: BTreeSet<(&str, &str)> = SPAWNS.iter().map(|(file, call, _)| (*file, *call)).collect();
    for file in files() {
        let name = file.path.strip_prefix(source_folder()).expect("below src").to_string_lossy().into_owned();
        for call in spawns(&file.code) {
            let row = SPAWNS.iter().find(|(of_file, of_call, _)| *of_file == name && *of_call == call);
            match row {
                Some((of_file, of_call, _)) => drop(unused.remove(&(*of_file, *of_call))),
                None => missing.push(format!("src/{name}: who notices how {call}(…) ends?")),
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(unused.is_empty(), "nobody spawns {unused:?}: strike it off the table");
    let code = tokens(
        "tasks.spawn(a); tokio::task::spawn_blocking(b); Builder::new().name(c).spawn(d); fn spawn() {}",
    );
    assert_eq!(spawns(&code), ["tasks.spawn", "task::spawn_blocking", ".spawn"]);
}

/// The files of the window that reach the engine: what opens the window, reads the engine once a frame, and acts.
const REACH_THE_ENGINE: [&str; 4] = ["app.rs", "app/act.rs", "app/main_window.rs", "app/snapshot.rs"];

/// What of the engine does something. All else that it shows is plain data.
const HANDLES: [&str; 8] =
    ["Engine", "RunningEngine", "handles", "open_in_program", "remembered_in", "post", "self", "*"];

#[test]
fn what_draws_cannot_reach_the_engine() {
    let reaches = |code: &[String]| {
        let names =
            |path: &[&str]| path.windows(2).any(|two| two[0] == "engine" && HANDLES.contains(&two[1]));
        let paths = paths(code);
        paths.iter().any(|path| names(path) || matches!(path[..], ["crate", .., "engine"]))
    };
    let window = || files().into_iter().filter(|file| file.module == "app");
    let name = |file: &SourceFile| {
        file.path.strip_prefix(source_folder()).expect("below src").to_string_lossy().into_owned()
    };
    let reaching: BTreeSet<String> =
        window().filter(|file| reaches(&file.code)).map(|file| name(&file)).collect();
    assert_eq!(reaching, BTreeSet::from(REACH_THE_ENGINE.map(str::to_owned)));
    assert!(reaches(&tokens("use crate::{config, engine::{Answer, Engine}};")));
    assert!(
        reaches(&tokens("use crate::engine;")) && !reaches(&tokens("use crate::engine::{Answer, lines};"))
    );
}

/// The calls that spawn, each with the word before it.
fn spawns(code: &[String]) -> Vec<String> {
    let is_spawn = |word: &str| word == "spawn" || word.starts_with("spawn_");
    let call = |words: &[String]| match words {
        [before, sign, word, open]
            if is_spawn(word) && open == "(" && matches!(sign.as_str(), "." | "::") =>
        {
            let is_name = before.starts_with(|c: char| c.is_alphabetic() || c == '_');
            Some(format!("{}{sign}{word}", if is_name { before.as_str() } else { "" }))
        }
        _ => None,
    };
    code.windows(4).filter_map(call).collect()
}

/// `tokio::select!` panics where every branch is switched off: by a guard, or because its pattern did not match. A loop
/// that ends so takes its task with it.
#[test]
fn every_select_has_a_branch_that_cannot_be_switched_off() {
    let mut broken = Vec::new();
    let mut looked_at = 0;
    for file in files() {
        for select in selects(&file.code) {
            looked_at += 1;
            if !branches(select).iter().any(|branch| cannot_be_switched_off(branch)) {
                broken.push(format!("{}: select! {{ {} }}", file.path.display(), select.join(" ")));
            }
        }
    }
    assert!(looked_at > 10, "the selects were found: {looked_at}");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    let judged = |source: &str| {
        let code = tokens(source);
        let select = selects(&code).next().expect("one").to_vec();
        branches(&select).iter().map(|branch| cannot_be_switched_off(branch)).collect::<Vec<_>>()
    };
    let source = "tokio::select! { biased; Some(a) = b.next() => { f(a, c); } d = g(), if h => i(d), () = j() => {} else => k() }";
    assert_eq!(judged(source), [false, false, true, true]);
    assert_eq!(judged("select! { Ok(()) = a.changed() => b(), _ = c(d), if e => f.g() }"), [false, false]);
}

/// The inside of each `select!`.
fn selects(code: &[String]) -> impl Iterator<Item = &[String]> {
    let begins = code.windows(3).enumerate().filter(|(_, words)| *words == ["select", "!", "{"]);
    begins.map(|(at, _)| {
        let inside = &code[at + 3..];
        &inside[..group_len(inside)]
    })
}

/// How many words there are before the bracket that closes what is open at the first one.
fn group_len(words: &[String]) -> usize {
    let mut depth = 0_usize;
    let end = words.iter().position(|word| match word.as_str() {
        "(" | "[" | "{" => {
            depth += 1;
            false
        }
        ")" | "]" | "}" if depth == 0 => true,
        ")" | "]" | "}" => {
            depth -= 1;
            false
        }
        _ => false,
    });
    end.unwrap_or(words.len())
}

/// What stands before the arrow of each branch.
fn branches(select: &[String]) -> Vec<&[String]> {
    let mut found = Vec::new();
    let mut rest = select;
    if rest.first().is_some_and(|word| word == "biased") {
        rest = &rest[2..];
    }
    while let Some(arrow) =
        outside(rest, |at| rest[at] == "=" && rest.get(at + 1).is_some_and(|word| word == ">"))
    {
        found.push(&rest[..arrow]);
        rest = &rest[arrow + 2..];
        let end = if rest.first().is_some_and(|word| word == "{") {
            let block = group_len(&rest[1..]) + 2;
            block + usize::from(rest.get(block).is_some_and(|word| word == ","))
        } else {
            outside(rest, |at| rest[at] == ",").map_or(rest.len(), |comma| comma + 1)
        };
        rest = &rest[end.min(rest.len())..];
    }
    found
}

/// The first place outside of brackets for which this holds.
fn outside(words: &[String], holds: impl Fn(usize) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate() {
        match word.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            _ if depth == 0 && holds(at) => return Some(at),
            _ => {}
        }
    }
    None
}

fn cannot_be_switched_off(branch: &[String]) -> bool {
    if branch == ["else"] {
        return true;
    }
    let has_guard =
        outside(branch, |at| branch[at] == "," && branch.get(at + 1).is_some_and(|word| word == "if"));
    let pattern = outside(branch, |at| branch[at] == "=").map_or(branch, |equals| &branch[..equals]);
    let takes_all = match pattern {
        [name] => name.starts_with(|c: char| c.is_lowercase() || c == '_'),
        [open, close] => open == "(" && close == ")",
        _ => false,
    };
    has_guard.is_none() && takes_all
}

#[test]
fn the_reader_sees_paths_and_nothing_else() {
    let source = r##"
        //! crate::comment::x, and "quotes
        use crate::{config::{self, Config}, spool};
        /* crate::block /* nested */ ::x */
        const A: &str = "crate::string::x \" crate::more";
        const B: &str = r#"crate::raw::x " crate::more"#;
        fn f<'a>(c: char) -> bool { c == '"' || c == '\'' || std::env::var("x").is_ok() }
        #[cfg(test)]
        mod tests { use crate::hidden::x; fn g() { { crate::hidden::y() } } }
        #[cfg(test)]
        mod model;
        fn h() { super::event::z() }
    "##;
    let (code, test_modules) = without_tests(&tokens(source));
    assert_eq!(test_modules, ["model"]);
    let seen: Vec<String> = paths(&code).into_iter().map(|path| path.join("::")).collect();
    let expected =
        ["crate::config::self", "crate::config::Config", "crate::spool", "std::env::var", "super::event::z"];
    assert_eq!(seen, expected);
}

/// One source file, without what is compiled for tests only.
pub struct SourceFile {
    pub path: PathBuf,
    /// The top-level module that it belongs to; `main` for the binary.
    pub module: String,
    /// How many modules deep it is: 1 for `src/spool.rs`, 2 for `src/spool/read.rs`.
    pub depth: usize,
    pub code: Vec<String>,
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

pub fn files() -> Vec<SourceFile> {
    let root = source_folder();
    let mut waiting = vec![root.clone()];
    let mut found = Vec::new();
    let mut tests_only = BTreeSet::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = fs::read_to_string(&path).expect("the file can be read");
                let (code, test_modules) = without_tests(&tokens(&source));
                tests_only.extend(test_modules.iter().map(|name| path.with_extension("").join(name)));
                found.push((path, code));
            }
        }
    }
    let is_test = |path: &Path| tests_only.iter().any(|test| path.with_extension("").starts_with(test));
    let files = found.into_iter().filter(|(path, _)| !is_test(path) && *path != root.join("lib.rs"));
    let files = files.map(|(path, code)| {
        let below = path.strip_prefix(&root).expect("below src").with_extension("");
        let names: Vec<_> = below.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        SourceFile { module: names[0].clone(), depth: names.len(), code, path }
    });
    files.collect()
}

/// The words and signs of Rust code, without comments, strings and characters.
pub fn tokens(source: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(raw) = raw_string(rest) {
            raw
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            // 'a' is a character, 'a a lifetime.
            let mut next = rest[1..].chars();
            let is_character = next.next() == Some('\\') || next.next() == Some('\'');
            if is_character { quoted(rest, '\'') } else { 1 }
        } else if first.is_whitespace() {
            first.len_utf8()
        } else {
            let end = if rest.starts_with("::") { 2 } else { word.max(first.len_utf8()) };
            tokens.push(rest[..end].to_owned());
            end
        };
        rest = &rest[skipped..];
    }
    tokens
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        match rest[at..].find(['/', '*']).map(|step| at + step) {
            Some(sign) if rest[sign..].starts_with("/*") => (depth, at) = (depth + 1, sign + 2),
            Some(sign) if rest[sign..].starts_with("*/") => (depth, at) = (depth - 1, sign + 2),
            Some(sign) => at = sign + 1,
            None => return rest.len(),
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of `r"…"`, `br#"…"#` and the like.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix(['b', 'c']).unwrap_or(rest).strip_prefix('r')?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest.len() - body.len() + body.find(&end)? + end.len())
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    let mut signs = rest.char_indices().skip(1);
    let end = signs.find(|(_, sign)| {
        let ends = *sign == quote && !escaped;
        escaped = *sign == '\\' && !escaped;
        ends
    });
    end.map_or(rest.len(), |(at, _)| at + 1)
}

/// Leaves out what stands behind `#[cfg(test)]`; also names the modules that have their file elsewhere.
fn without_tests(tokens: &[String]) -> (Vec<String>, Vec<String>) {
    const MARK: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut rest = tokens;
    while let Some(first) = rest.first() {
        if rest.len() > MARK.len() && rest.iter().zip(MARK).all(|(token, mark)| token == mark) {
            rest = &rest[MARK.len()..];
            if let [keyword, name, end, ..] = rest
                && (keyword.as_str(), end.as_str()) == ("mod", ";")
            {
                modules.push(name.clone());
            }
            rest = &rest[item_len(rest)..];
        } else {
            kept.push(first.clone());
            rest = &rest[1..];
        }
    }
    (kept, modules)
}

/// Up to the first `;` or `}` that is not inside brackets.
fn item_len(tokens: &[String]) -> usize {
    let mut depth = 0;
    for (index, token) in tokens.iter().enumerate() {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(token.as_str(), ";" | "}") {
            return index + 1;
        }
    }
    tokens.len()
}

/// Every path of two names or more; `use a::{b, c::d}` is `a::b` and `a::c::d`. A bare `use a` counts too.
pub fn paths(tokens: &[String]) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let start = at;
        at = path(tokens, start, &[], &mut found);
        if start > 0 && tokens[start - 1] == "use" && at == start + 1 {
            found.push(vec![tokens[start].as_str()]);
        }
    }
    found
}

/// Reads the path or use tree that begins at `at`, if one does; gives where to go on.
fn path<'t>(tokens: &'t [String], start: usize, before: &[&'t str], found: &mut Vec<Vec<&'t str>>) -> usize {
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    let is_name = |token: &str| token.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '*'));
    let (mut names, mut at) = (before.to_vec(), start);
    while is_name(token(at)) {
        names.push(token(at));
        at += 1;
        if token(at) != "::" {
            break;
        }
        at += 1;
        if token(at) == "{" {
            at += 1;
            while !matches!(token(at), "}" | "") {
                at = path(tokens, at, &names, found);
            }
            return at + 1;
        }
    }
    if at == start {
        return at + 1;
    }
    if names.len() > 1 && names[names.len() - 1] != "as" {
        found.push(names);
    }
    at
}

/// The top-level module that a path of a file so many modules deep begins with.
fn of_crate_root<'p>(path: &[&'p str], depth: usize) -> Option<&'p str> {
    let supers = path.iter().take_while(|name| **name == "super").count();
    if path[0] == "crate" {
        path.get(1).copied()
    } else {
        path.get(supers).copied().filter(|_| supers >= depth)
    }
}

fn goes_through(path: &[&str], door: &str) -> bool {
    let door: Vec<&str> = door.split("::").collect();
    let is = |(name, wanted): (&&str, &&str)| match wanted.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == wanted,
    };
    path.windows(door.len()).any(|names| names.iter().zip(&door).all(is))
}
