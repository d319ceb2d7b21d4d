//! The licences of everything that ships with the program: of every crate in it, and of its fonts.

use std::process::Command;

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;

use crate::{
    layout::texts,
    opened_window::{go, open, says, settings},
};

#[test]
fn every_crate_in_the_program_is_named_with_its_version_and_each_font_with_its_licence() {
    let notices = include_str!("../../assets/third-party.txt");
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,no-proc-macro", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let tree = String::from_utf8(tree.stdout).expect("text");
    let crates = tree.lines().filter_map(|line| line.split_once(" v"));
    let of_version = |(name, rest): (&str, &str)| Some(format!("    {name} {}\n", rest.split(' ').next()?));
    let named: Vec<_> = crates.filter(|(name, _)| *name != "tributary").filter_map(of_version).collect();
    assert!(named.len() > 100, "{tree}");
    let missing: Vec<_> = named.iter().filter(|line| !notices.contains(*line)).collect();
    assert!(missing.is_empty(), "`bash .ci/notices` writes them: {missing:?}");
    for text in ["Inter (font)", "JetBrains Mono (font)", "SIL OPEN FONT LICENSE", "Mozilla Public License"] {
        assert!(notices.contains(text), "{text}");
    }
}

#[test]
fn the_licences_are_opened_under_about_and_shown_and_closed_again() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    window.get_by_role_and_label(Role::Button, "Third-party licences").scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::Button, "Third-party licences").click();
    window.run();
    assert!(says(window, "Tributary is made with the work of others"));
    // Hundreds of thousands of characters: only the visible lines are laid out.
    assert!(texts(window).len() < 1000, "{}", texts(window).len());
    window.get_by_role_and_label(Role::Button, "Close the licences").click();
    window.run();
    assert!(!says(window, "Tributary is made with the work of others"));
}
