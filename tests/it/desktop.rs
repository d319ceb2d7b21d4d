//! What the desktop needs: missing libraries of the window are named, and the README and the package name every library
//! that the program opens at run time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeSet;
use std::path::Path;

use tributary::app::LIBRARIES;
use tributary::config::WindowSystem;

use crate::binary::Home;

/// Libraries that dependencies open too and that the README need not name, with the reason.
const OTHERS: [(&str, &str); 13] = [
    ("libEGL.so", "a second name of libEGL.so.1"),
    ("libGL.so", "a second name of libGL.so.1"),
    ("libX11.so", "a second name of libX11.so.6"),
    ("libX11-xcb.so", "a second name of libX11-xcb.so.1"),
    ("libXcursor.so", "a second name of libXcursor.so.1"),
    ("libXi.so", "a second name of libXi.so.6"),
    ("libxkbcommon.so", "a second name of libxkbcommon.so.0"),
    ("libxkbcommon-x11.so", "a second name of libxkbcommon-x11.so.0"),
    ("libwayland-client.so", "a second name of libwayland-client.so.0"),
    ("libwayland-egl.so", "a second name of libwayland-egl.so.1"),
    ("libxcb.so.1", "libX11 brings it"),
    ("libXrender.so.1", "glutin does without it: libXcursor brings it"),
    ("libXrender.so", "a second name of libXrender.so.1"),
];

/// One of the first two is enough. Without the last, the window shows only the scripts of its own fonts.
const NOT_ALL_NEEDED: [(&str, &str); 3] =
    [("libEGL.so.1", "libegl1"), ("libGL.so.1", "libgl1"), ("libfontconfig.so.1", "libfontconfig1")];

fn text(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The names of shared libraries in the program that are opened at run time: `libX.so` and a number, or none. Texts follow
/// each other in the program without a gap, so the name of a package can be joined to a text with `.so` in it.
fn names_in(program: &[u8]) -> BTreeSet<String> {
    let packages: Vec<_> = LIBRARIES
        .iter()
        .map(|library| library.package)
        .chain(NOT_ALL_NEEDED.map(|(_, package)| package))
        .collect();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
    let mut names = BTreeSet::new();
    for (at, _) in program.windows(3).enumerate().filter(|(_, three)| three == b"lib") {
        let before = at.checked_sub(1).map(|at| program[at]);
        let length = program[at..].iter().take(60).take_while(|byte| is_name(byte)).count();
        let word = String::from_utf8_lossy(&program[at..at + length]);
        let Some((stem, rest)) = word.split_once(".so") else { continue };
        let version: String = match rest.strip_prefix('.') {
            Some(rest) => rest.chars().take_while(char::is_ascii_digit).take(1).collect(),
            None => String::new(),
        };
        let is_inside = before.is_some_and(|byte| byte == b'/' || byte == b'_');
        let is_package =
            packages.iter().any(|package| stem.len() > package.len() && stem.starts_with(package));
        if is_inside || is_package || stem.len() < 4 || stem[3..].contains("lib") || stem.contains('.') {
            continue;
        }
        names.insert(if version.is_empty() { format!("{stem}.so") } else { format!("{stem}.so.{version}") });
    }
    names
}

#[test]
fn a_library_is_told_from_a_package_that_another_text_follows() {
    let program = b"\0libwayland-egl1capture.sources\0libEGL.so.1libnew.so.2libegl1\0libxkbcommon0.so";
    assert_eq!(Vec::from_iter(names_in(program)), ["libEGL.so.1", "libnew.so.2", "libxkbcommon0.so"]);
}

/// Whether it is linked, and so not opened by name at run time.
fn linked(name: &str) -> bool {
    ["libc.", "libm.", "libgcc_s.", "libpthread.", "libdl.", "librt."]
        .iter()
        .any(|stem| name.starts_with(stem))
}

#[cfg(target_os = "linux")]
#[test]
fn the_table_of_libraries_has_all_that_the_program_opens() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_tributary")).unwrap();
    let opened = names_in(&program);
    let known: BTreeSet<_> = LIBRARIES
        .iter()
        .map(|library| library.file)
        .chain(NOT_ALL_NEEDED.map(|(file, _)| file))
        .chain(OTHERS.map(|(file, _)| file))
        .collect();
    let unknown: Vec<_> = opened.iter().filter(|name| !known.contains(&***name) && !linked(name)).collect();
    assert!(unknown.is_empty(), "opened, and in no table: {unknown:?}");
    let gone: Vec<_> = known.iter().filter(|name| !opened.contains(**name)).collect();
    assert!(gone.is_empty(), "in a table, and opened no more: {gone:?}");
}

#[test]
fn the_readme_and_the_package_name_all_that_the_window_needs() {
    let readme = text("README.md");
    let row = readme.lines().find(|line| line.starts_with("| Debian, Ubuntu |")).unwrap();
    let (x11, wayland) = row.split_once("for Wayland").unwrap();
    let manifest: toml::Table = text("Cargo.toml").parse().unwrap();
    let recommends = manifest["package"]["metadata"]["deb"]["recommends"].as_array().unwrap();
    let recommended: BTreeSet<_> =
        recommends.iter().flat_map(|one| one.as_str().unwrap().split(" | ")).collect();
    let words = |text: &str| -> BTreeSet<String> {
        text.split(|char: char| char == '`' || char.is_whitespace()).map(str::to_owned).collect()
    };
    for library in &LIBRARIES {
        for (system, names) in [(WindowSystem::X11, x11), (WindowSystem::Wayland, wayland)] {
            let there = words(names).contains(library.package);
            assert_eq!(there, library.on.contains(&system), "{} for {system:?} in: {names}", library.package);
        }
        assert!(recommended.contains(library.package), "{}: {recommended:?}", library.package);
    }
    for package in NOT_ALL_NEEDED.map(|(_, package)| package).into_iter().chain(["libgl1-mesa-dri"]) {
        assert!(words(row).contains(package), "{package} in: {row}");
        assert!(recommended.contains(package), "{package}: {recommended:?}");
    }
}

/// A library that cannot be loaded counts as missing, and can be put before the real one. The program also looks for
/// the libraries of X11 by their whole path, if the build has found one.
#[cfg(target_os = "linux")]
#[test]
fn a_library_that_the_window_lacks_is_named_in_one_line() {
    let home = Home::new("");
    for library in LIBRARIES.iter().filter(|library| !library.file.starts_with("libX")) {
        let broken = tempfile::tempdir().unwrap();
        for name in [library.file, library.file.rsplit_once('.').unwrap().0] {
            std::fs::write(broken.path().join(name), "no library").unwrap();
        }
        for system in library.on {
            let variable = match system {
                WindowSystem::X11 => "DISPLAY",
                WindowSystem::Wayland => "WAYLAND_DISPLAY",
            };
            let mut command = home.command(&[]);
            command.env(variable, ":7777").env("LD_LIBRARY_PATH", broken.path());
            let ended = command.output().unwrap();
            let said = String::from_utf8(ended.stderr).unwrap();
            assert_eq!(ended.status.code(), Some(1), "{said}");
            assert_eq!(said.lines().count(), 1, "{said}");
            for word in [library.file, library.package, "What a desktop needs", "tributary serve"] {
                assert!(said.contains(word), "{word} in: {said}");
            }
            assert!(ended.stdout.is_empty());
        }
    }
}
