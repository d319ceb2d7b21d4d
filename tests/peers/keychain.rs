//! AWS keys in a real system keychain: GNOME Keyring, on a D-Bus of the test's own, and ministack, which accepts them.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use eframe::egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use serde_json::Value;
use tributary::config::{Config, CredentialsSource};
use tributary::delivery::{NewStream, Verdict};
use tributary::engine::{Engine, Paths};
use tributary::policy::{Attachment, Grants};

use crate::account::{PASSED, checked, delivering_to};
use crate::opened_window::{
    Window, choose, click, copied, edit, go, open, says, settings as window_settings, start_guide, type_into,
    wait_for,
};
use crate::processes::{Guard, Ministack, run};

const TRIBUTARY: &str = env!("CARGO_BIN_EXE_tributary");

/// The variable with the files of the process that has a keychain.
const INSIDE: &str = "KEYCHAIN_TEST_FILES";

const BUS: &str = "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen><policy context=\"default\">\
                   <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\
                   </policy></busconfig>";

/// Starts the keychain's service, in place of one that runs.
fn keychain() -> Guard {
    let mut command = Command::new("gnome-keyring-daemon");
    command.args(["--foreground", "--replace", "--unlock", "--components=secrets"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Guard(command.spawn().unwrap());
    child.0.stdin.take().unwrap().write_all(b"a password for this test").unwrap();
    // It is ready when it answers.
    let answers = || {
        let mut search = Command::new("secret-tool");
        search.args(["store", "--label=Test", "service", "a-test-of-tributary"]).stdin(Stdio::null());
        search.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    for _ in 0..600 {
        if answers() {
            return child;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("the keychain does not answer");
}

/// Creates the settings' stream.
async fn create_stream(config: &Config) {
    let mut steps = Vec::new();
    tributary::kinesis::create_stream(config, &NewStream::default(), |step| steps.push(step)).await;
    assert!(steps.len() == 2 && steps.iter().all(|step| step.verdict == Verdict::Passed), "{steps:?}");
}

/// Runs the calling test again in a process with a D-Bus and a keychain. Returns the keychain's service there.
fn with_a_keychain(name: &str) -> Option<Guard> {
    on_a_bus(name).then(keychain)
}

/// The same, without an unlocked keychain. Returns true there.
fn on_a_bus(name: &str) -> bool {
    if crate::from_environment(INSIDE).is_some() {
        return true;
    }
    let files = tempfile::tempdir().unwrap();
    let folder = |name: &str| {
        let folder = files.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    // A bus that starts no service by itself: there is no keychain until a test starts it.
    let bus = files.path().join("bus.conf");
    std::fs::write(&bus, BUS).unwrap();
    let mut command = Command::new("dbus-run-session");
    command.arg("--config-file").arg(&bus).arg("--").arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("keychain::{name}"), "--nocapture"]).stdin(Stdio::null());
    command.env(INSIDE, files.path()).env("NO_PROXY", "127.0.0.1");
    command
        .env("HOME", folder("home"))
        .env("XDG_DATA_HOME", folder("data"))
        .env("XDG_RUNTIME_DIR", folder("run"));
    command.env("AWS_ACCESS_KEY_ID", Ministack::ROOT.0).env("AWS_SECRET_ACCESS_KEY", Ministack::ROOT.1);
    let output = command.output().expect("dbus-run-session starts: Debian's package dbus");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success() && said[0].contains("1 passed"), "{}{}", said[0], said[1]);
    false
}

/// Settings of a stream with keys from the keychain.
fn settings(ministack: &Ministack, stream: &str) -> Config {
    let mut config = delivering_to(ministack, stream);
    config.credentials.source = CredentialsSource::Keychain;
    config
}

/// `tributary check --put-record` with these settings: the steps, and all of its output.
fn check(config: &Config) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    std::fs::write(&file, tributary::config::export(config)).unwrap();
    let mut command = Command::new(TRIBUTARY);
    command.arg("--config").arg(&file).args(["check", "--json", "--put-record"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let (output, steps, _) = checked(&mut command);
    (steps, [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat())
}

/// Looks up or stores an entry by GNOME's own tool.
fn secret_tool(words: &[&str], input: &str) -> String {
    run(Command::new("secret-tool").args(words), input)
}

#[test]
fn keys_are_kept_for_one_destination_and_used_by_it_alone() {
    let Some(_keychain) = with_a_keychain("keys_are_kept_for_one_destination_and_used_by_it_alone") else {
        return;
    };
    let ministack = Ministack::start();
    // The user that is created for the stream "clicks" gets a key, which is not shown to anybody.
    let clicks = settings(&ministack, "clicks");
    let root = delivering_to(&ministack, "clicks");
    let attachment =
        Attachment { grants: Grants::default(), name: "tributary-clicks".to_owned(), access_key: true };
    let calls = attachment.calls(&root);
    let mut steps = Vec::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for stream in ["clicks", "orders"] {
        let root = delivering_to(&ministack, stream);
        runtime.block_on(create_stream(&root));
    }
    runtime.block_on(tributary::kinesis::attach(&root, &calls, |step| steps.push(step)));
    assert!(steps.len() == 4 && steps.iter().all(|step| step.verdict == Verdict::Passed), "{steps:?}");
    let made = secret_tool(&["lookup", "service", "tributary", "username", "eu-west-1/clicks"], "");
    let (id, secret) = made.split_once('\n').unwrap();
    assert!(!format!("{steps:?}").contains(secret), "it is shown to nobody");
    let (steps, said) = check(&clicks);
    assert_eq!(steps, PASSED, "{said}");
    assert!(!said.contains(secret), "{said}");

    // Another destination has no keys from that, and says so. The window's button stores keys of its own.
    let orders = settings(&ministack, "orders");
    let (steps, said) = check(&orders);
    assert_eq!(steps, ["credentials failed"], "{said}");
    assert!(said.contains("no AWS keys for this destination"), "{said}");
    let keys = ministack.iam(&["user", "other"]);
    ministack.iam(&["allow", "other", "kinesis:PutRecord"]);
    store(&orders, ["id", "secret"].map(|name| keys[name].as_str().unwrap().to_owned()));
    let (steps, said) = check(&orders);
    assert_eq!(steps, PASSED, "{said}");
    let kept = secret_tool(&["lookup", "service", "tributary", "username", "eu-west-1/clicks"], "");
    assert_eq!(kept, made, "those of the first are as they were");

    // A machine without a window gets them as the README says. The ARN is another name, and so another entry.
    let arn = "arn:aws:kinesis:eu-west-1:000000000000:stream/clicks";
    let by_arn = settings(&ministack, arn);
    assert_eq!(check(&by_arn).0, ["credentials failed"]);
    let words = ["store", "--label=Tributary", "service", "tributary", "username", arn];
    secret_tool(&words, &format!("{id}\n{secret}"));
    let (steps, said) = check(&by_arn);
    assert_eq!(steps, PASSED, "{said}");
}

/// The action of the window's button "Store keys".
fn store(config: &Config, keys: [String; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Config::default();
    first.capture.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let paths = Paths { config_file: None, data_dir: folder.path().to_owned() };
    let engine = Engine::start(first, paths).unwrap();
    let [id, secret] = keys;
    assert_eq!(engine.account().store_keys(config.destination.clone(), id, secret).wait(), Some(Ok(())));
}

/// A user whose keychain is unlocked or started after Tributary does not restart Tributary.
#[test]
fn a_keychain_that_is_unlocked_later_is_used_without_a_restart() {
    if !on_a_bus("a_keychain_that_is_unlocked_later_is_used_without_a_restart") {
        return;
    }
    let ministack = Ministack::start();
    let root = delivering_to(&ministack, "clicks");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(create_stream(&root));
    let mut config = settings(&ministack, "clicks");
    config.capture.listen = SocketAddr::from(([127, 0, 0, 1], 0));
    config.capture.require_write_key = false;
    let folder = tempfile::tempdir().unwrap();
    let engine =
        Engine::start(config, Paths { config_file: None, data_dir: folder.path().to_owned() }).unwrap();
    let until = |what: &str, done: &dyn Fn(&tributary::delivery::Status) -> bool| {
        for _ in 0..1200 {
            if done(&engine.status()) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("waited in vain: {what}: {:?}", engine.status().forwarder);
    };
    until("the endpoint", &|status| status.endpoint.is_some());
    let url = format!("http://{}/v1/track", engine.status().endpoint.unwrap());
    let event = r#"{"userId":"u","event":"e"}"#;
    run(Command::new("curl").args(["-sf", &url, "-d", event]), "");
    until("the forwarder is blocked", &|status| status.forwarder.as_str() == "blocked");
    let fault = engine.status().forwarder.fault().cloned().unwrap();
    assert!(fault.message.contains("keychain"), "{fault}");
    let _keychain = keychain();
    let keys = format!("{}\n{}", Ministack::ROOT.0, Ministack::ROOT.1);
    let words = ["store", "--label=Tributary", "service", "tributary", "username", "eu-west-1/clicks"];
    secret_tool(&words, &keys);
    until("the event is delivered", &|status| status.ledger.delivered == 1);
    engine.shutdown(std::time::Duration::from_secs(5));
}

fn value(window: &Window, label: &str) -> String {
    window.get_by_role_and_label(Role::TextInput, label).value().unwrap_or_default()
}

#[test]
fn what_is_known_of_keys_is_forgotten_when_others_take_their_place() {
    let Some(_keychain) = with_a_keychain("what_is_known_of_keys_is_forgotten_when_others_take_their_place")
    else {
        return;
    };
    let ministack = Ministack::start();
    let names = ["first", "second"];
    let keys = names.map(|name| {
        let made = ministack.iam(&["user", name]);
        ministack.iam(&["allow", name, "kinesis:PutRecord"]);
        ["id", "secret"].map(|part| made[part].as_str().unwrap().to_owned())
    });
    let clicks = settings(&ministack, "clicks");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(create_stream(&delivering_to(&ministack, "clicks")));
    store(&clicks, keys[0].clone());
    let mut in_force = window_settings();
    in_force.destination = clicks.destination.clone();
    in_force.credentials = clicks.credentials.clone();
    let mut opened = open(in_force);
    let window = &mut opened.window;
    edit(window, "Keys");
    assert!(says(window, "Events are delivered with the keys of this region and stream now"));
    click(window, "Who am I?");
    wait_for(window, "the first user", |window| says(window, "user/first"));
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the green check", |window| says(window, "The check found no problem."));
    edit(window, "Keys");

    type_into(window, "Access key id", &keys[1][0]);
    window.get_by_role_and_label(Role::PasswordInput, "Secret access key").focus();
    window.run();
    window.get_by_role_and_label(Role::PasswordInput, "Secret access key").type_text(&keys[1][1]);
    window.run();
    click(window, "Store keys");
    wait_for(window, "the keys", |window| says(window, "The keys are in the system keychain, for clicks"));
    assert!(!says(window, "user/first"));
    window.get_by_label("Check and switch: not yet verified");
    click(window, "Who am I?");
    wait_for(window, "the second user", |window| says(window, "user/second"));
}

/// A user with an administrator's keys only ends with events in a stream, put by a user who may do just that.
#[test]
fn the_whole_way_from_an_account_to_a_delivered_event_in_the_window() {
    let Some(_keychain) = with_a_keychain("the_whole_way_from_an_account_to_a_delivered_event_in_the_window")
    else {
        return;
    };
    let ministack = Ministack::start();
    let mut opened = open(window_settings());
    let window = &mut opened.window;
    start_guide(window);
    type_into(window, "Other server", &ministack.url);
    click(window, "Who am I?");
    wait_for(window, "the identity", |window| says(window, "arn:aws:iam::000000000000:root"));
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "clickstream");
    assert_eq!(value(window, "AWS account id"), "000000000000");
    click(window, "Next");
    wait_for(window, "the missing stream", |window| says(window, "Stream: needs attention"));
    assert!(says(window, "has no stream “clickstream” in eu-west-1."));
    click(window, "Create this stream …");
    window.run();
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "is ready and takes records"));

    edit(window, "Permission");
    click(window, "Copy policy");
    let policy: Value = serde_json::from_str(&copied(window).expect("the policy is copied")).unwrap();
    assert_eq!(
        policy["Statement"][0]["Resource"][0],
        "arn:aws:kinesis:eu-west-1:000000000000:stream/clickstream"
    );
    click(window, "Show the calls …");
    window.run();
    click(window, "Make these 4 calls");
    wait_for(window, "the attachment", |window| says(window, "Attached. It takes effect in some seconds"));

    // From here on the keys are those of the new user, from the keychain.
    click(window, "Use these keys");
    window.run();
    edit(window, "Format");
    choose(window, "PutRecords");
    edit(window, "Check and switch");
    click(window, "Check again");
    wait_for(window, "the missing permission", |window| says(window, "Records can be put: failed"));
    assert!(says(window, "kinesis:PutRecords"), "the action that is missing is named");
    edit(window, "Format");
    choose(window, "PutRecord");
    edit(window, "Check and switch");
    click(window, "Check with a test record");
    wait_for(window, "the green check", |window| says(window, "The check found no problem."));
    assert!(says(window, "user/tributary-clickstream"));
    click(window, "Switch to clickstream");
    wait_for(window, "the settings", |window| says(window, "Switched and saved"));
    go(window, "Test");
    click(window, "Send event");
    wait_for(window, "the delivery", |window| says(window, "sequence number"));
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).unwrap();
    let made = secret_tool(&["lookup", "service", "tributary", "username", "eu-west-1/clickstream"], "");
    let (_, secret) = made.split_once('\n').unwrap();
    assert!(
        file.contains("source = \"keychain\"") && !file.contains(secret),
        "the secret is in the keychain alone"
    );
}
