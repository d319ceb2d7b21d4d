//! Alerts in Settings: one is added, tested, changed and removed by its form, and what it cannot send is said in its row.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;

use crate::opened_window::{go, open, press, retype, says, settings, wait_for};
use crate::settings_place::file;

#[cfg(unix)]
#[test]
fn an_alert_is_added_tested_changed_and_removed() {
    let mut opened = open(settings());
    let folder = opened.files.path().to_owned();
    let window = &mut opened.window;
    go(window, "Settings");
    retype(window, "Search settings", "slack");
    press(window, "Add an alert …");
    press(window, "Save alert");
    assert!(says(window, "An alert needs a name, such as On call"), "it has no name");
    retype(window, "Name of the alert", "On call");
    press(window, "Program");
    press(window, "Save alert");
    assert!(says(window, "alerts.command is missing"), "it has no program");
    let told = folder.join("told");
    retype(window, "Program and arguments", &format!("sh -c 'cat > {}'", told.display()));
    window.get_by_role_and_label(Role::CheckBox, "A source is silent").click();
    window.run();
    press(window, "Save alert");
    wait_for(window, "it is in the file", |_| file(&folder).contains("\n[[alerts]]"));
    let written = file(&folder);
    assert!(written.contains("name = \"On call\"\nkind = \"command\"\non = [\"blocked\", \"failed\", \"spool\", \"oldest\", \"disk\"]"), "{written}");
    wait_for(window, "its row", |window| says(window, "On: blocked, failed, spool, oldest, disk"));
    press(window, "Send a test to On call");
    wait_for(window, "the test", |window| says(window, "The test was taken"));
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&told).expect("it ran")).expect("JSON");
    assert_eq!((&json["alert"], &json["state"]), (&"On call".into(), &"test".into()));

    press(window, "Change On call");
    retype(window, "Program and arguments", "/nowhere/at/all");
    press(window, "Send a test");
    wait_for(window, "the fault", |window| says(window, "/nowhere/at/all cannot be started"));
    retype(window, "Program and arguments", "sh 'x");
    press(window, "Save alert");
    assert!(says(window, "a quotation mark is not closed"));
    press(window, "Cancel");

    press(window, "Remove On call");
    press(window, "Remove this alert");
    wait_for(window, "it is gone", |_| !file(&folder).contains("\n[[alerts]]"));
    wait_for(window, "its row is gone", |window| {
        window.query_by_role_and_label(Role::Button, "Send a test to On call").is_none()
    });
}
