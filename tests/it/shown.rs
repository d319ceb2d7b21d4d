//! Text of a sender is shown as text: no terminal obeys it, no bidirectional character reorders a line, and no
//! spreadsheet evaluates it.

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use serde_json::{Value, json};

use crate::{
    binary::{Home, Serve, WRITE_KEY, key_header},
    opened_window::{Window, address, go, open, press, says, settings, wait_for},
    scripted::{Answer, Scripted},
    window::lines,
    wire,
};

const NAME: &str = "Red \u{1b}[31m\u{9b}1m\u{202e}txt";
const USER: &str = "user\u{7f}\u{2066}-1";
const ID: &str = "id\u{8}\u{200f}-1";

/// Control characters in the form of JSON text: C0 as escapes, the others as they are.
fn event() -> String {
    json!({ "type": "track", "userId": USER, "event": NAME, "messageId": ID, "p": "\u{85}\u{202d}\u{1b}" })
        .to_string()
}

fn is_control(c: char) -> bool {
    c.is_control()
        || "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}"
            .contains(c)
}

/// The output of the command, which has no control characters but line ends.
fn printed(home: &Home, words: &[&str]) -> String {
    let ended = home.run(words);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{ended:?}");
    assert!(!ended.stdout.is_empty(), "{words:?}");
    let found: Vec<char> =
        ended.stdout.replace("\r\n", "\n").chars().filter(|c| is_control(*c) && *c != '\n').collect();
    assert!(found.is_empty(), "{words:?} printed {found:?} in {:?}", ended.stdout);
    ended.stdout
}

fn refused(serve: &Serve, body: &str) {
    let reply = wire::send(serve.address, "POST", "/v1/track", &key_header(WRITE_KEY), body.as_bytes());
    assert_eq!(reply.status, 400, "{reply:?}");
}

#[test]
fn control_characters_of_a_sender_reach_no_terminal() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", &event());
    refused(&serve, "{\"a\": \"\u{1b}[2J\u{9d}\u{202e}\r\nline 9: delivered");
    serve.wait_drained();
    let name = r"Red \u001b[31m\u009b1m\u202etxt";
    for words in [&["log"][..], &["log", "--data"], &["log", "--id", "1"], &["log", "--csv", "--data"]] {
        let text = printed(&home, words);
        assert!(text.contains(name) && text.contains(r"user\u007f\u2066-1"), "{words:?}: {text}");
        assert!(text.contains(r"id\u0008\u200f-1"), "{words:?}: {text}");
    }
    let story = printed(&home, &["log", "--id", "2"]);
    assert!(story.contains(r"\u001b[2J\u009d\u202e") && story.contains("line 9: delivered"), "{story}");
    assert_eq!(story.lines().filter(|line| line.starts_with("line ")).count(), 1, "only its own: {story}");

    let sent: Value = serde_json::from_str(&event()).unwrap();
    for words in [&["log", "--json", "--data", "--type", "track", "--state", "delivered"][..], &["tail"]] {
        let value: Value = serde_json::from_str(&printed(&home, words)).unwrap();
        for member in ["userId", "event", "messageId", "p"] {
            assert_eq!(value["data"][member], sent[member], "{words:?} keeps every value");
        }
        assert_eq!(value["partitionKey"], USER, "{words:?}");
    }
    let story: Value = serde_json::from_str(&printed(&home, &["log", "--id", "1", "--json"])).unwrap();
    assert_eq!([&story["event"], &story["messageId"]], [NAME, ID]);
    serve.stop();
}

#[test]
fn control_characters_in_an_answer_of_the_destination_reach_no_terminal() {
    let denied = "User: a\u{9b}31m\u{202e}b is not authorized";
    let server = Scripted::start(move |_| Answer::Error(400, "AccessDeniedException", denied));
    let home = Home::with_kinesis(&server.url, "");
    let serve = home.serve(&[]);
    serve.accept("/v1/track", &event());
    wire::wait_until("its line", || serve.log().contains("Forwarder blocked"));
    let log = serve.stop();
    assert!(
        log.contains(r"a\u009b31m\u202eb") && !log.chars().any(|c| is_control(c) && c != '\n'),
        "{log:?}"
    );
    let story = printed(&home, &["log", "--id", "1"]);
    assert!(story.contains(r"a\u009b31m\u202eb"), "{story}");
}

#[test]
fn a_cell_that_a_spreadsheet_would_calculate_begins_with_an_apostrophe_unless_raw() {
    let home = Home::new("");
    let serve = home.serve(&[]);
    let event = json!({ "userId": "+49 30 1", "event": "=1+1", "messageId": "@id-1" });
    serve.accept("/v1/track", &event.to_string());
    serve.wait_drained();
    let csv = printed(&home, &["log", "--csv"]);
    assert!(csv.contains(",delivered,track,'=1+1,Tests,'+49 30 1,'@id-1,"), "{csv}");
    let raw = home.run(&["log", "--csv", "--raw"]);
    assert!(raw.stdout.contains(",delivered,track,=1+1,Tests,+49 30 1,@id-1,"), "{raw:?}");
    assert_eq!(home.run(&["log", "--raw"]).code, Some(2), "it is about CSV");
    let json = home.run(&["log", "--json"]).line();
    assert_eq!([&json["event"], &json["partitionKey"]], ["=1+1", "+49 30 1"], "JSON needs no apostrophe");
    serve.stop();
}

/// Nothing that is drawn has a control character, and the readable texts contain `text`.
fn shows(window: &mut Window, text: &str) {
    wait_for(window, text, |window| says(window, text));
    let nodes = window.query_all_by_label_contains("").map(|node| node.accesskit_node());
    let shown = nodes.flat_map(|node| [node.label(), node.value()]).flatten();
    let raw: Vec<String> = shown.filter(|text| text.chars().any(|c| is_control(c) && c != '\n')).collect();
    assert!(raw.is_empty(), "{raw:?}");
}

#[test]
fn the_window_shows_the_control_characters_of_a_sender_as_escapes() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let sent = wire::send(address, "POST", "/v1/track", &key_header("test-key-1234"), event().as_bytes());
    assert_eq!(sent.status, 200);
    go(window, "Live");
    wait_for(window, "its line", |window| lines(window).iter().any(|line| line.starts_with("Delivered")));
    let name = r"Red \u001b[31m\u009b1m\u202etxt";
    shows(window, name);
    shows(window, r"id\u0008\u200f-1");
    window.get_by_role(Role::Row).click();
    window.run_steps(8);
    wait_for(window, "its detail", |window| says(window, "Set by the endpoint"));
    shows(window, r"user\u007f\u2066-1");
    shows(window, r"\u0085\u202d\u001b");
    press(window, "Charts");
    shows(window, r"user\u007f\u2066-1: 100.0 %");
    go(window, "Stream");
    wait_for(window, "its record", |window| !lines(window).is_empty());
    shows(window, r"user\u007f\u2066-1");
    window.get_by_role(Role::Row).click();
    window.run_steps(8);
    wait_for(window, "its content", |window| says(window, "Stored"));
    shows(window, name);
}
