//! Set-up in the window, by labels, with an account of the test's own. Each test runs in a process of its own, since
//! the AWS environment (keys, profiles, the AWS CLI) belongs to the process.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use eframe::egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::config::{Config, CredentialsSource, DestinationKind};

use crate::account::{ACCOUNT_ID, Account, Reply, USER_ARN, denied};
use crate::opened_window::{
    OpenedWindow, Window, address, choose, click, copied, edit, flip, go, is_chosen, open, open_in, retype,
    says, settings, start_guide, type_into, wait_for,
};
use crate::window::send;

/// The variable with the AWS files of the process that runs the test itself.
const INSIDE: &str = "SETUP_TEST_FILES";

#[expect(clippy::disallowed_methods, reason = "the outer process tells the inner one where its files are")]
fn inside() -> Option<std::path::PathBuf> {
    std::env::var_os(INSIDE).map(Into::into)
}

/// Runs the calling test again in a process with an AWS environment of its own. Returns true there.
fn in_own_process(name: &str, prepare: impl FnOnce(&Path)) -> bool {
    if inside().is_some() {
        return true;
    }
    let files = tempfile::tempdir().expect("a temporary folder");
    prepare(files.path());
    let this = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(this);
    command.args(["--exact", &format!("setup::{name}"), "--nocapture"]).stdin(Stdio::null());
    for key in ["AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"] {
        command.env_remove(key);
    }
    command
        .env(INSIDE, files.path())
        .env("HOME", files.path())
        .env("PATH", files.path().join("bin"))
        .env("AWS_CONFIG_FILE", files.path().join("config"))
        .env("AWS_SHARED_CREDENTIALS_FILE", files.path().join("credentials"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        // Nothing listens there: no test reaches AWS.
        .env("HTTPS_PROXY", "http://127.0.0.1:9")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
    let output = command.output().expect("this program starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}{}", said[0], said[1]);
    assert!(said[0].contains("1 passed"), "the test is there: {}", said[0]);
    false
}

/// Sets the stream “clicks” of the server at this address.
pub fn use_server(config: &mut Config, url: &str) {
    config.destination.kind = DestinationKind::Kinesis;
    "eu-west-1".clone_into(&mut config.destination.region);
    "clicks".clone_into(&mut config.destination.stream);
    url.clone_into(&mut config.destination.endpoint_url);
}

/// A window whose draft is a stream of the account.
pub fn with_stream(account: &Account) -> OpenedWindow {
    let mut config = settings();
    use_server(&mut config, &account.url);
    open(config)
}

/// The same, typed and not in force: the guide begins with the keys, and no AWS destination is in force.
pub fn with_draft(account: &Account) -> OpenedWindow {
    let mut config = settings();
    "eu-west-1".clone_into(&mut config.destination.region);
    "clicks".clone_into(&mut config.destination.stream);
    config.destination.endpoint_url.clone_from(&account.url);
    let mut opened = open(config);
    start_guide(&mut opened.window);
    opened
}

/// A window on an account that denies every put, with this number of waiting events.
pub fn with_waiting(account: &Account, events: usize) -> OpenedWindow {
    account.deny_puts();
    let mut opened = with_stream(account);
    let window = &mut opened.window;
    let address = address(window);
    for number in 0..events {
        let event = format!(r#"{{"userId":"u{number}","event":"Waiting"}}"#);
        assert_eq!(send(address, "test-key-1234", &event), 200);
    }
    wait_for(window, "the forwarder to be blocked", |window| says(window, "Blocked"));
    opened
}

/// Changes that window to another account's server, and sets the waiting events aside.
pub fn set_aside_for(window: &mut Window, to: &Account) {
    edit(window, "Keys");
    retype(window, "Other server", &to.url);
    click(window, "Switch without a check");
    window.run();
    let aside = window
        .get_all_by_role(Role::Button)
        .find(|button| button.accesskit_node().label().is_some_and(|label| label.contains("and set")))
        .expect("a button");
    aside.click();
    window.step();
    wait_for(window, "the switch", |window| says(window, "the queued events are under Failed"));
}

/// Host and port of the account's server.
pub fn host(account: &Account) -> &str {
    account.url.trim_start_matches("http://")
}

pub fn value(window: &Window, label: &str) -> String {
    window.get_by_role_and_label(Role::TextInput, label).value().unwrap_or_default()
}

#[test]
fn nothing_is_asked_of_aws_before_the_user_asks() {
    if !in_own_process("nothing_is_asked_of_aws_before_the_user_asks", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    type_into(window, "External id", "x");
    assert!(says(window, "An external id has 2 to 1224"), "the rule, as it is typed");
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        window.step();
    }
    assert_eq!(account.actions(), [""; 0]);
}

#[test]
fn who_am_i_fills_in_the_account_and_the_policy() {
    if !in_own_process("who_am_i_fills_in_the_account_and_the_policy", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Permission");
    assert!(says(window, "Still missing: the account id"));
    edit(window, "Keys");
    click(window, "Who am I?");
    wait_for(window, "an answer", |window| says(window, USER_ARN));
    assert_eq!(account.actions(), ["GetCallerIdentity"]);
    edit(window, "Permission");
    let arn = format!("arn:aws:kinesis:eu-west-1:{ACCOUNT_ID}:stream/clicks");
    assert!(!says(window, "Still missing") && says(window, &arn));
    edit(window, "Stream");
    assert_eq!(value(window, "AWS account id"), ACCOUNT_ID);
    click(window, "Copy stream arn");
    assert_eq!(copied(window), Some(arn));
}

#[test]
fn keys_that_aws_does_not_know_are_named_where_they_were_chosen() {
    if !in_own_process("keys_that_aws_does_not_know_are_named_where_they_were_chosen", |_| {}) {
        return;
    }
    let account = Account::start(&[]);
    account.set_rule(|_| Reply::Error("InvalidClientTokenId", "The security token is invalid.".to_owned()));
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    click(window, "Who am I?");
    wait_for(window, "an answer", |window| says(window, "InvalidClientTokenId"));
    assert!(says(window, &format!("{} does not know the access key that this computer offers", account.url)));
    assert!(!says(window, "AWS does not know"), "that server is not AWS");
    assert!(window.query_all_by_label("Set up › Keys").next().is_none(), "it is in that step");
}

#[test]
fn a_stream_is_chosen_from_the_account_s() {
    if !in_own_process("a_stream_is_chosen_from_the_account_s", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks", "orders", "orders-test"]);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    wait_for(window, "the list, without being asked", |window| says(window, "Use stream orders-test"));
    click(window, "Use stream orders");
    window.run();
    assert_eq!(value(window, "Stream name"), "orders");
    assert!(says(window, "stream/orders"));

    account.set_rule(|_| denied("kinesis:ListStreams"));
    click(window, "List my streams");
    wait_for(window, "a refusal", |window| {
        says(window, "may not do kinesis:ListStreams") || says(window, "AccessDenied")
    });
}

#[test]
fn a_stream_is_made_only_after_a_question_that_names_the_cost() {
    // An AWS that cannot be reached: the streams are listed without being asked.
    let away = |files: &Path| {
        let config = "[default]\nendpoint_url = http://127.0.0.1:9\n";
        std::fs::write(files.join("config"), config).expect("the folder is ours");
    };
    if !in_own_process("a_stream_is_made_only_after_a_question_that_names_the_cost", away) {
        return;
    }
    let account = Account::start(&[]);
    let mut config = settings();
    use_server(&mut config, "");
    config.destination.kind = DestinationKind::Practice;
    let mut opened = open(config);
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    click(window, "Create this stream …");
    window.run();
    assert!(says(window, "Create “clicks” in eu-west-1? It costs money."));
    click(window, "Not now");
    window.run();
    assert!(!says(window, "It costs money"));
    assert_eq!(account.actions(), [""; 0]);
    edit(window, "Keys");
    type_into(window, "Other server", &account.url);
    edit(window, "Stream");
    click(window, "Create this stream …");
    window.run();
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
    let made = account.asked().into_iter().find(|asked| asked.action == "CreateStream").expect("it was made");
    assert_eq!(made.json["StreamModeDetails"]["StreamMode"], "ON_DEMAND");
}

fn profiles(files: &Path) {
    let config = "[profile work]\nsso_session = w\nsso_account_id = 1\nsso_role_name = r\nregion = eu-central-1\n\
                  [sso-session w]\nsso_start_url = https://x.awsapps.com/start\nsso_region = eu-central-1\n\
                  [profile coded]\nrole_arn = arn:aws:iam::1:role/b\nmfa_serial = arn:aws:iam::1:mfa/u\n\
                  source_profile = plain\n[profile plain]\nregion = eu-west-1\n";
    std::fs::write(files.join("config"), config).expect("the folder is ours");
    let keys = "[plain]\naws_access_key_id = AKIAEXAMPLEPLAIN\naws_secret_access_key = never-shown\n";
    std::fs::write(files.join("credentials"), keys).expect("the folder is ours");
}

/// An `aws` that records its arguments, and ends when it is permitted to.
fn with_cli(files: &Path) {
    profiles(files);
    let bin = files.join("bin");
    std::fs::create_dir(&bin).expect("the folder is ours");
    let script = "#!/bin/sh\necho \"$*\" > \"$HOME/called\"\n[ ! -e \"$HOME/refuse\" ] || { echo 'no browser' >&2; exit 3; }\n";
    let aws = bin.join("aws");
    std::fs::write(&aws, script).expect("the folder is ours");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&aws, mode).expect("it is ours");
}

/// An `aws` with a version, and with this script for a sign-in.
fn with_cli_that(files: &Path, version: &str, sign_in: &str) {
    profiles(files);
    let config = std::fs::read_to_string(files.join("config")).expect("it is there");
    let login = "[profile console]\nlogin_session = arn:aws:iam::123456789012:user/ada\n";
    std::fs::write(files.join("config"), config + login).expect("the folder is ours");
    let bin = files.join("bin");
    std::fs::create_dir(&bin).expect("the folder is ours");
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 'aws-cli/{version} Python/3.13.7 Linux/6.1'; exit 0; fi\n\
         echo \"$*\" > \"$HOME/called\"\necho $$ > \"$HOME/pid\"\n{sign_in}\n"
    );
    let aws = bin.join("aws");
    std::fs::write(&aws, script).expect("the folder is ours");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&aws, mode).expect("it is ours");
}

fn with_profile(account: &Account, name: &str) -> OpenedWindow {
    let mut config: Config = settings();
    use_server(&mut config, &account.url);
    config.credentials.source = CredentialsSource::Profile;
    name.clone_into(&mut config.credentials.profile);
    open(config)
}

#[test]
fn a_profile_is_chosen_from_aws_s_files_and_says_what_it_is() {
    if !in_own_process("a_profile_is_chosen_from_aws_s_files_and_says_what_it_is", profiles) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_profile(&account, "coded");
    let window = &mut opened.window;
    edit(window, "Keys");
    wait_for(window, "the files", |window| says(window, "needs an MFA code"));
    window.get_by_role_and_label(Role::TextInput, "Profile").focus();
    window.run();
    assert!(!says(window, "never-shown"));
    let select_all = (eframe::egui::Modifiers::COMMAND, eframe::egui::Key::A);
    window.key_press_modifiers(select_all.0, select_all.1);
    window.run();
    type_into(window, "Profile", "pl");
    window.key_press(eframe::egui::Key::Enter);
    window.run();
    assert_eq!(value(window, "Profile"), "plain");
    assert!(says(window, "Its keys are in AWS's file"));
    click(window, "Who am I?");
    wait_for(window, "an answer", |window| says(window, USER_ARN));
}

/// Presses the last of the buttons, which is beside the failed step.
fn sign_in(window: &mut Window) {
    window.get_all_by_label("Sign in").last().expect("a button").scroll_to_me();
    window.run();
    window.get_all_by_label("Sign in").last().expect("a button").click();
    window.step();
}

#[test]
fn an_sso_sign_in_that_has_run_out_is_made_again_from_here() {
    if !in_own_process("an_sso_sign_in_that_has_run_out_is_made_again_from_here", with_cli) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_profile(&account, "work");
    let window = &mut opened.window;
    let home = inside().expect("the inner process");
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the failed step", |window| says(window, "Credentials are found: failed"));
    assert!(says(window, "aws sso login --profile work"));
    std::fs::write(home.join("refuse"), "").expect("the folder is ours");
    sign_in(window);
    wait_for(window, "the refusal", |window| says(window, "no browser"));
    std::fs::remove_file(home.join("refuse")).expect("it is there");
    sign_in(window);
    wait_for(window, "the sign-in", |window| says(window, "Signed in"));
    let called = std::fs::read_to_string(home.join("called")).expect("it was called");
    assert_eq!(called.trim(), "sso login --profile=work");
}

/// Prints more than a pipe holds, then the page and the code, and waits.
const WITHOUT_A_BROWSER: &str = "i=0; while [ $i -lt 3000 ]; do echo 'opening the page in your default browser failed: no display'; i=$((i+1)); done\n\
                                 echo; echo 'If the browser does not open, open the following URL:'; echo\n\
                                 echo 'https://x.awsapps.com/start/#/device'; echo; echo 'Then enter the code:'; echo\n\
                                 echo 'ABCD-EFGH'\nexec /bin/sleep 600";

#[test]
fn where_no_browser_opens_page_and_code_are_shown_and_the_wait_can_be_stopped() {
    let cli = |files: &Path| with_cli_that(files, "2.34.1", WITHOUT_A_BROWSER);
    if !in_own_process("where_no_browser_opens_page_and_code_are_shown_and_the_wait_can_be_stopped", cli) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_profile(&account, "work");
    let window = &mut opened.window;
    edit(window, "Keys");
    wait_for(window, "the files", |window| says(window, "An SSO sign-in lasts some hours"));
    sign_in(window);
    wait_for(window, "the page", |window| {
        says(window, "https://x.awsapps.com/start/#/device") && says(window, "ABCD-EFGH")
    });
    let pid = std::fs::read_to_string(inside().expect("the inner process").join("pid")).expect("it runs");
    // The spinner turns, so the window does not come to rest.
    window.get_all_by_label("Stop waiting").last().expect("a button").click();
    window.step();
    wait_for(window, "its end", |_| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
    wait_for(window, "the page is gone", |window| !says(window, "ABCD-EFGH"));
}

#[test]
fn version_1_of_the_aws_cli_is_said_to_be_too_old_and_there_is_a_way_without() {
    let cli = |files: &Path| with_cli_that(files, "1.46.3", "echo 'usage: … * logout' >&2; exit 252");
    if !in_own_process("version_1_of_the_aws_cli_is_said_to_be_too_old_and_there_is_a_way_without", cli) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_profile(&account, "work");
    let window = &mut opened.window;
    edit(window, "Keys");
    wait_for(window, "the files", |window| says(window, "An SSO sign-in lasts some hours"));
    sign_in(window);
    wait_for(window, "the version", |window| {
        says(window, "version 2 is needed") && says(window, "IAM user's keys")
    });
    assert!(!inside().expect("the inner process").join("called").exists(), "it is not even tried");
}

#[test]
fn a_profile_of_aws_login_is_signed_in_with_aws_login() {
    if !in_own_process("a_profile_of_aws_login_is_signed_in_with_aws_login", |files| {
        with_cli_that(files, "2.34.1", "exit 0");
    }) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_profile(&account, "console");
    let window = &mut opened.window;
    edit(window, "Keys");
    wait_for(window, "the files", |window| says(window, "lasts up to 12 hours"));
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the failed step", |window| says(window, "aws login --profile console"));
    sign_in(window);
    wait_for(window, "the sign-in", |window| says(window, "Signed in"));
    let called =
        std::fs::read_to_string(inside().expect("the inner process").join("called")).expect("it was called");
    assert_eq!(called.trim(), "login --profile=console");
}

#[test]
fn without_the_aws_cli_the_command_can_be_copied() {
    if !in_own_process("without_the_aws_cli_the_command_can_be_copied", profiles) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_profile(&account, "work");
    let window = &mut opened.window;
    edit(window, "Keys");
    wait_for(window, "the files", |window| says(window, "An SSO sign-in lasts some hours"));
    click(window, "Copy the command");
    assert_eq!(copied(window).as_deref(), Some("aws sso login --profile work"));
}

#[test]
fn the_check_goes_from_red_to_green_and_fills_in_the_account() {
    if !in_own_process("the_check_goes_from_red_to_green_and_fills_in_the_account", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    account.set_rule(
        |asked| if asked.action == "PutRecord?" { denied("kinesis:PutRecord") } else { Reply::Usual },
    );
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the failed step", |window| says(window, "Records can be put: failed"));
    for step in ["Credentials are found", "The keys are valid", "The stream exists"] {
        window.get_by_label(&format!("{step}: passed"));
    }
    assert!(says(window, "Attach the policy"));
    assert!(window.query_all_by_label("Set up › Permission").next().is_some(), "a way there");
    edit(window, "Stream");
    assert_eq!(value(window, "AWS account id"), ACCOUNT_ID);
    edit(window, "Check and switch");

    account.set_rule(|_| Reply::Usual);
    click(window, "Check with a test record");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    for step in ["Records can be put", "A test record can be put", "The test record can be read back"] {
        window.get_by_label(&format!("{step}: passed"));
    }
    window.get_by_label("Check and switch: done");
    assert_eq!(account.records("clicks").len(), 1);
}

/// A window on an account that denies every put, with three waiting events and a draft for the other account.
fn about_to_switch(from: &Account, to: &Account) -> OpenedWindow {
    let mut opened = with_waiting(from, 3);
    let window = &mut opened.window;
    edit(window, "Keys");
    retype(window, "Other server", &to.url);
    let [before, after] = [host(from), host(to)].map(|host| format!("clicks @ {host}"));
    let question = format!("3 queued events wait for {before}. Send them to {after}, or set them aside?");
    assert!(says(window, &question));
    assert!(
        window.query_by_role_and_label(Role::Button, "Switch to clicks").is_none(),
        "the choice is the user's"
    );
    click(window, "Switch without a check");
    window.run();
    opened
}

#[test]
fn events_that_wait_are_set_aside_when_the_user_wants_it_and_none_gets_to_the_new_destination() {
    let name = "events_that_wait_are_set_aside_when_the_user_wants_it_and_none_gets_to_the_new_destination";
    if !in_own_process(name, |_| {}) {
        return;
    }
    let (from, to) = (Account::start(&["clicks"]), Account::start(&["clicks"]));
    let mut opened = about_to_switch(&from, &to);
    let window = &mut opened.window;
    click(window, &format!("Switch and set aside the 3 for clicks @ {}", host(&from)));
    wait_for(window, "the switch", |window| says(window, "the queued events are under Failed"));
    wait_for(window, "the ledger", |window| says(window, "3 failed"));
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"u0","event":"After"}"#), 200);
    wait_for(window, "the new event", |_| to.records("clicks").len() == 1);
    assert_eq!((from.records("clicks").len(), to.records("clicks").len()), (0, 1));
    go(window, "Live");
    wait_for(window, "their lines", |window| says(window, "Failed track Waiting"));
    window.get_all_by_label_contains("Failed track Waiting").next().expect("a line").click();
    window.run();
    wait_for(window, "what it means", |window| says(window, "set aside when the destination was changed"));
    click(window, "Resend");
    wait_for(window, "the notice", |window| says(window, "1 event was queued again"));
    wait_for(window, "the one that was sent again", |_| to.records("clicks").len() == 2);
    wait_for(window, "the sums", |window| says(window, "Resend 2 failed"));
    click(window, "Resend 2 failed");
    wait_for(window, "the others", |_| to.records("clicks").len() == 4);
}

#[test]
fn events_that_wait_are_sent_to_the_new_destination_when_the_user_wants_that() {
    if !in_own_process("events_that_wait_are_sent_to_the_new_destination_when_the_user_wants_that", |_| {}) {
        return;
    }
    let (from, to) = (Account::start(&["clicks"]), Account::start(&["clicks"]));
    let mut opened = about_to_switch(&from, &to);
    let window = &mut opened.window;
    click(window, &format!("Switch and send them to clicks @ {}", host(&to)));
    wait_for(window, "the events", |_| to.records("clicks").len() == 3);
    assert_eq!(from.records("clicks").len(), 0);
    assert!(!says(window, "3 failed"));
}

#[test]
fn destinations_are_kept_by_name_and_switched_back_and_forth() {
    if !in_own_process("destinations_are_kept_by_name_and_switched_back_and_forth", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    click(window, "Save as …");
    window.run();
    type_into(window, "Name of this destination", "Production");
    click(window, "Save");
    wait_for(window, "the name", |window| says(window, "Destination Production"));
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file");
    assert!(file.contains("[[destinations]]\nname = \"Production\"\nkind = \"kinesis\""), "{file}");

    for _ in 0..2 {
        click(window, "Switch to the practice stream");
        wait_for(window, "practice", |window| says(window, "Now: practice stream. Everything works"));
        click(window, "Destination Production");
        window.run();
        edit(window, "Stream");
        assert_eq!(value(window, "Stream name"), "clicks");
        edit(window, "Check and switch");
        click(window, if says(window, "Check again") { "Check again" } else { "Check" });
        wait_for(window, "the check", |window| says(window, "The check found no problem."));
        click(window, "Switch to clicks");
        wait_for(window, "production", |window| !says(window, "Discard"));
    }
    let address = address(window);
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"u","event":"E"}"#), 200);
    wait_for(window, "the event", |_| account.records("clicks").len() == 1);
    click(window, "Remove Production");
    wait_for(window, "it to go", |window| !says(window, "Destination Production"));
}

/// Counts the actions of a new user: a click, or a field that is filled in.
struct Newcomer<'a> {
    window: &'a mut Window,
    inputs: usize,
}

impl Newcomer<'_> {
    fn clicks(&mut self, role: Role, label: &str) {
        self.inputs += 1;
        self.window.get_by_role_and_label(role, label).scroll_to_me();
        self.window.run();
        self.window.get_by_role_and_label(role, label).click();
        self.window.step();
    }

    fn fills_in(&mut self, label: &str, text: &str) {
        self.inputs += 1;
        type_into(self.window, label, text);
    }
}

#[test]
fn a_newcomer_s_first_event_is_delivered_after_one_click() {
    // The button does the same wherever it is.
    for place in ["Set up", "Live", "Stream"] {
        let mut opened = open(settings());
        go(&mut opened.window, place);
        let mut newcomer = Newcomer { window: &mut opened.window, inputs: 0 };
        wait_for(newcomer.window, place, |window| {
            window.query_by_role_and_label(Role::Button, "Send a test event").is_some()
        });
        newcomer.clicks(Role::Button, "Send a test event");
        wait_for(newcomer.window, "the delivery", |window| says(window, "sequence number"));
        assert_eq!(newcomer.inputs, 1);
    }
}

#[test]
fn a_newcomer_has_a_checked_new_stream_after_eight_inputs_and_its_first_event_after_nine() {
    let name = "a_newcomer_has_a_checked_new_stream_after_eight_inputs_and_its_first_event_after_nine";
    if !in_own_process(name, |_| {}) {
        return;
    }
    let account = Account::start(&[]);
    let mut opened = open(settings());
    let mut newcomer = Newcomer { window: &mut opened.window, inputs: 0 };
    newcomer.clicks(Role::Button, "Switch to Amazon Kinesis");
    newcomer.window.run();
    newcomer.fills_in("Other server", &account.url);
    newcomer.clicks(Role::Button, "Next");
    wait_for(newcomer.window, "the list", |window| says(window, "No stream in us-east-1 yet."));
    newcomer.fills_in("Stream name", "clickstream");
    newcomer.clicks(Role::Button, "Create this stream …");
    newcomer.window.run();
    newcomer.clicks(Role::Button, "Create stream");
    wait_for(newcomer.window, "the stream", |window| says(window, "is ready and takes records"));
    newcomer.clicks(Role::Button, "Next");
    wait_for(newcomer.window, "the check", |window| says(window, "The check found no problem."));
    newcomer.clicks(Role::Button, "Switch to clickstream");
    wait_for(newcomer.window, "the switch", |window| says(window, "Switched and saved"));
    assert_eq!(newcomer.inputs, 8);
    newcomer.clicks(Role::Button, "Send a test event");
    wait_for(newcomer.window, "the delivery", |window| says(window, "sequence number"));
    assert_eq!((newcomer.inputs, account.records("clickstream").len()), (9, 1));
}

/// The permission step with a complete policy.
fn with_account_id(account: &Account) -> OpenedWindow {
    let mut opened = with_draft(account);
    let window = &mut opened.window;
    edit(window, "Stream");
    type_into(window, "AWS account id", ACCOUNT_ID);
    edit(window, "Permission");
    opened
}

/// The permission step with a complete policy, without an access key, since no test has a keychain.
fn about_to_attach(account: &Account) -> OpenedWindow {
    let mut opened = with_account_id(account);
    let window = &mut opened.window;
    window.get_by_role_and_label(Role::Switch, "Make an access key too").scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::Switch, "Make an access key too").click();
    window.run();
    click(window, "Show the calls …");
    window.run();
    opened
}

#[test]
fn the_policy_is_attached_by_calls_that_are_shown_first() {
    if !in_own_process("the_policy_is_attached_by_calls_that_are_shown_first", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = about_to_attach(&account);
    let window = &mut opened.window;
    for call in ["iam:CreateUser", "iam:CreatePolicy", "iam:AttachUserPolicy"] {
        window.get_by_label(call);
    }
    assert!(says(window, "UserName: tributary-clicks"));
    assert_eq!(account.actions(), ["ListStreams"], "shown, not made");
    click(window, "Make these 3 calls");
    wait_for(window, "the attachment", |window| says(window, "Attached. It takes effect in some seconds"));
    let policy = format!("arn:aws:iam::{ACCOUNT_ID}:policy/tributary-clicks");
    assert_eq!(
        account.iam(),
        [
            format!("attachment/tributary-clicks/{policy}"),
            format!("policy/{policy}"),
            "user/tributary-clicks".to_owned()
        ]
    );
    let made = account.asked().into_iter().find(|asked| asked.action == "CreatePolicy").expect("it was made");
    let document: serde_json::Value = serde_json::from_str(&made.form["PolicyDocument"]).expect("JSON");
    assert_eq!(document["Statement"][0]["Action"][0], "kinesis:PutRecord");
}

#[test]
fn what_was_made_is_undone_when_a_call_fails() {
    if !in_own_process("what_was_made_is_undone_when_a_call_fails", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| {
        if asked.action == "AttachUserPolicy" { denied("iam:AttachUserPolicy") } else { Reply::Usual }
    });
    let mut opened = about_to_attach(&account);
    let window = &mut opened.window;
    click(window, "Make these 3 calls");
    wait_for(window, "the undoing", |window| says(window, "Nothing was left behind."));
    assert!(says(window, "Sign the calls with a profile that may manage IAM"));
    for undone in ["DeletePolicy: passed", "DeleteUser: passed"] {
        window.get_by_label(undone);
    }
    assert_eq!(account.iam(), [""; 0]);
    let actions = account.actions();
    assert_eq!(actions[actions.len() - 2..], ["DeletePolicy", "DeleteUser"], "last first");
}

#[test]
fn without_a_keychain_no_access_key_is_made_and_nothing_else_either() {
    if !in_own_process("without_a_keychain_no_access_key_is_made_and_nothing_else_either", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_account_id(&account);
    let window = &mut opened.window;
    click(window, "Show the calls …");
    window.run();
    window.get_by_label("iam:CreateAccessKey");
    click(window, "Make these 4 calls");
    wait_for(window, "what is missing", |window| says(window, "The system keychain did not give out"));
    assert!(says(window, "Nothing was left behind."));
    assert_eq!(account.iam(), [""; 0]);
}

#[test]
fn without_a_keychain_typed_keys_are_kept_nowhere_and_a_profile_is_named_instead() {
    let name = "without_a_keychain_typed_keys_are_kept_nowhere_and_a_profile_is_named_instead";
    if !in_own_process(name, |_| {}) {
        return;
    }
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    choose(window, "System keychain");
    type_into(window, "Access key id", "AKIA-1");
    assert!(says(window, "letters and digits only"), "the rule, as it is typed");
    retype(window, "Access key id", "AKIAIOSFODNN7EXAMPLE");
    window.get_by_role_and_label(Role::PasswordInput, "Secret access key").focus();
    window.run();
    window.get_by_role_and_label(Role::PasswordInput, "Secret access key").type_text("typed-secret");
    window.run();
    let can_store = |window: &Window| {
        !window.get_by_role_and_label(Role::Button, "Store keys").accesskit_node().is_disabled()
    };
    assert!(!can_store(window), "nobody knows yet for which stream they are");
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "clicks");
    edit(window, "Keys");
    assert!(can_store(window));
    click(window, "Store keys");
    wait_for(window, "the refusal", |window| says(window, "The system keychain did not take the keys"));
    assert!(says(window, "use a profile in ~/.aws/credentials instead"));
    assert_eq!(
        value(window, "Access key id"),
        "AKIAIOSFODNN7EXAMPLE",
        "they can be stored once there is one"
    );
    let data = opened.files.path().join("data");
    for file in std::fs::read_dir(&data).expect("its data").flatten() {
        let bytes = std::fs::read(file.path()).unwrap_or_default();
        assert!(!bytes.windows(12).any(|window| window == b"typed-secret"), "{}", file.path().display());
    }
}

#[test]
fn an_answer_about_other_keys_than_are_drafted_by_then_is_not_taken_over() {
    if !in_own_process("an_answer_about_other_keys_than_are_drafted_by_then_is_not_taken_over", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let (go_on, waits) = std::sync::mpsc::sync_channel::<()>(1);
    account.set_rule(move |asked| {
        if asked.action == "GetCallerIdentity" {
            waits.recv_timeout(std::time::Duration::from_secs(10)).unwrap_or_default();
        }
        Reply::Usual
    });
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    click(window, "Who am I?");
    window.get_by_role_and_label(Role::TextInput, "Role to assume").focus();
    window.run_steps(4);
    let role = "arn:aws:iam::210987654321:role/other";
    window.get_by_role_and_label(Role::TextInput, "Role to assume").type_text(role);
    window.run_steps(4);
    go_on.send(()).expect("it is being asked");
    wait_for(window, "the answer", |window| {
        says(window, "The credentials have changed since this was asked.")
    });
    edit(window, "Stream");
    assert_eq!(value(window, "AWS account id"), "", "it is another's");
}

#[test]
fn what_was_typed_and_not_applied_is_there_after_a_restart() {
    let files = tempfile::tempdir().expect("a temporary folder");
    let mut opened = open_in(settings(), files);
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-west-1");
    type_into(window, "Stream name", "clickstream");
    edit(window, "Permission");
    let read_back = "Policy allows: Read back";
    window.get_by_role_and_label(Role::Switch, read_back).scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::Switch, read_back).click();
    window.run();
    click(window, "Terraform");
    let folder = opened.files.path().join("data");
    wait_for(&mut opened.window, "the draft and the policy's form to be kept", |_| {
        let holds = |file, word: &str| {
            std::fs::read_to_string(folder.join(file)).is_ok_and(|text| text.contains(word))
        };
        holds("setup-draft.toml", "\"clickstream\"") && holds("window.json", "terraform")
    });
    let OpenedWindow { window, files } = opened;
    drop(window);
    let mut opened = open_in(settings(), files);
    let window = &mut opened.window;
    assert!(says(window, "Changes take effect when you press the button"));
    edit(window, "Permission");
    assert!(says(window, "resource \"aws_iam_policy\"") && says(window, "kinesis:GetRecords"));
    edit(window, "Stream");
    assert_eq!(value(window, "Stream name"), "clickstream");
    click(window, "Discard");
    window.run();
    let draft = opened.files.path().join("data/setup-draft.toml");
    wait_for(&mut opened.window, "the draft to go", |_| !draft.exists());
}

#[test]
fn settings_are_copied_without_secrets_and_imported_after_they_were_shown() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Settings");
    click(window, "Copy settings");
    let text = copied(window).expect("they are copied");
    assert!(text.contains("[destination]") && !text.contains("test-key-1234"), "{text}");
    click(window, "Import …");
    window.run();
    window.get_by_role_and_label(Role::MultilineTextInput, "Settings to import").focus();
    window.run();
    window
        .get_by_role_and_label(Role::MultilineTextInput, "Settings to import")
        .type_text("[log]\nkeep_events = -1");
    window.run();
    assert!(says(window, "line 2: log.keep_events"), "a mistake is named");
    click(window, "Cancel import");
    window.run();
    click(window, "Import …");
    window.run();
    window.get_by_role_and_label(Role::MultilineTextInput, "Settings to import").focus();
    window.run();
    window
        .get_by_role_and_label(Role::MultilineTextInput, "Settings to import")
        .type_text("[log]\nkeep_events = 4321");
    window.run();
    assert!(says(window, "log.keep_events: 1000000 → 4321"));
    click(window, "Import");
    wait_for(window, "the import", |window| says(window, "Imported and saved"));
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file");
    assert!(file.contains("keep_events = 4321"), "{file}");
}

#[test]
fn a_call_whose_answer_was_lost_is_undone_or_named() {
    if !in_own_process("a_call_whose_answer_was_lost_is_undone_or_named", |_| {}) {
        return;
    }
    let losing = |action: &'static str| {
        let account = Account::start(&["clicks"]);
        account.set_rule(move |asked| if asked.action == action { Reply::Lost } else { Reply::Usual });
        let mut opened = about_to_attach(&account);
        click(&mut opened.window, "Make these 3 calls");
        (account, opened)
    };
    // The owner of a policy with that name is unknown.
    let (account, mut opened) = losing("CreatePolicy");
    let window = &mut opened.window;
    wait_for(window, "the undoing", |window| {
        says(window, "Something may be left behind: check the list above")
    });
    assert!(says(window, "Look for “tributary-clicks” in the IAM console"), "what, and how to look");
    assert!(!says(window, "Nothing was left behind"));
    window.get_by_label("DeleteUser: passed");
    assert_eq!(account.iam(), [format!("policy/arn:aws:iam::{ACCOUNT_ID}:policy/tributary-clicks")]);

    // IAM's own failure may come after the action was done.
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| {
        if asked.action == "CreatePolicy" {
            Reply::Error("ServiceFailure", String::new())
        } else {
            Reply::Usual
        }
    });
    let mut opened = about_to_attach(&account);
    click(&mut opened.window, "Make these 3 calls");
    wait_for(&mut opened.window, "the undoing", |window| {
        says(window, "Something may be left behind: check the list above")
    });

    // What was done to a user that the program created is undone.
    let (account, mut opened) = losing("AttachUserPolicy");
    let window = &mut opened.window;
    wait_for(window, "the undoing", |window| says(window, "Nothing was left behind."));
    window.get_by_label("DetachUserPolicy: passed");
    assert_eq!(account.iam(), [""; 0]);
}

/// AWS's answer about a stream with a customer key.
fn clicks_encrypted_with(key: &str) -> Reply {
    Reply::Body(serde_json::json!({ "StreamDescriptionSummary": {
        "StreamName": "clicks", "StreamARN": format!("arn:aws:kinesis:eu-west-1:{ACCOUNT_ID}:stream/clicks"),
        "StreamStatus": "ACTIVE", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
        "EnhancedMonitoring": [], "OpenShardCount": 1, "EncryptionType": "KMS", "KeyId": key } }))
}

#[test]
fn the_customer_key_is_an_arn_and_an_alias_that_the_check_finds_is_still_missing() {
    let name = "the_customer_key_is_an_arn_and_an_alias_that_the_check_finds_is_still_missing";
    if !in_own_process(name, |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "DescribeStreamSummary" => clicks_encrypted_with("alias/mine"),
        _ => Reply::Usual,
    });
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    edit(window, "Permission");
    assert!(!says(window, "kms:GenerateDataKey"));
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    edit(window, "Permission");
    assert_eq!(value(window, "ARN of the KMS key"), "alias/mine");
    assert!(
        says(window, "an alias is of no use in a policy")
            || says(window, "An alias is of no use in a policy")
    );
    assert!(says(window, "Still missing: the ARN of the KMS key") && says(window, "{kms-key-arn}"));
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0a-1b";
    retype(window, "ARN of the KMS key", key);
    assert!(!says(window, "Still missing") && !says(window, "alias is of no use"));
    click(window, "Copy policy");
    let policy = copied(window).expect("the policy is copied");
    assert!(policy.contains("kms:GenerateDataKey") && policy.contains(key), "{policy}");
    flip(window, "Policy allows: Customer key");
    assert!(!says(window, "kms:GenerateDataKey"));
}

#[test]
fn a_customer_key_that_a_check_found_is_its_stream_s_and_not_the_next_one_s() {
    if !in_own_process("a_customer_key_that_a_check_found_is_its_stream_s_and_not_the_next_one_s", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks", "orders"]);
    account.set_rule(|asked| match (&*asked.action, asked.json["StreamName"].as_str()) {
        ("DescribeStreamSummary", Some("clicks")) => clicks_encrypted_with("0a-1b"),
        _ => Reply::Usual,
    });
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    edit(window, "Permission");
    let key = format!("arn:aws:kms:eu-west-1:{ACCOUNT_ID}:key/0a-1b");
    assert_eq!(value(window, "ARN of the KMS key"), key);
    edit(window, "Stream");
    retype(window, "Stream name", "orders");
    edit(window, "Permission");
    assert!(!says(window, "kms:GenerateDataKey") && !says(window, "ARN of the KMS key"));
    // A key that the user gave belongs to the user.
    flip(window, "Policy allows: Customer key");
    type_into(window, "ARN of the KMS key", &key);
    edit(window, "Stream");
    retype(window, "Stream name", "others");
    edit(window, "Permission");
    assert_eq!(value(window, "ARN of the KMS key"), key);
}

#[test]
fn keys_of_another_account_make_neither_a_policy_nor_a_stream_there() {
    if !in_own_process("keys_of_another_account_make_neither_a_policy_nor_a_stream_there", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    type_into(window, "AWS account id", "210987654321");
    edit(window, "Permission");
    flip(window, "Make an access key too");
    click(window, "Show the calls …");
    window.run();
    click(window, "Make these 3 calls");
    let said = "These keys belong to a different account than the stream.";
    wait_for(window, "the refusal", |window| says(window, said));
    window.get_by_label("The keys belong to the stream's account: failed");
    assert!(says(window, "is in account 123456789012, and the stream in account 210987654321"));
    assert!(says(window, "Nothing was left behind."));

    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    retype(window, "Stream name", "arn:aws:kinesis:eu-west-1:210987654321:stream/orders");
    click(window, "Create this stream …");
    window.run();
    click(window, "Create stream");
    wait_for(window, "the refusal", |window| says(window, said));
    let mut actions = account.actions();
    // The form for a new stream asks how the account pays for it, and the step lists the streams.
    actions.retain(|action| !["DescribeAccountSettings", "ListStreams"].contains(&action.as_str()));
    assert_eq!(actions, ["GetCallerIdentity"; 2], "nothing was made");
}

#[test]
fn typing_goes_on_while_a_bar_or_a_trouble_appears() {
    if !in_own_process("typing_goes_on_while_a_bar_or_a_trouble_appears", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.deny_puts();
    let mut opened = with_stream(&account);
    let window = &mut opened.window;
    let address = address(window);
    edit(window, "Stream");
    // A key at a time, as people type: the first one makes the draft's name appear above the steps.
    let key = |window: &mut Window, text: &str| {
        window.event(eframe::egui::Event::Text(text.to_owned()));
        window.run_steps(4);
    };
    window.get_by_role_and_label(Role::TextInput, "Stream name").focus();
    window.run_steps(4);
    for letter in ["a", "b", "c"] {
        key(window, letter);
    }
    window.get_by_role_and_label(Role::Button, "Discard");
    let typed = value(window, "Stream name");
    assert!(["abc", "clicksabc"].contains(&&*typed), "{typed}");
    // Events wait for a stream that accepts none.
    assert_eq!(send(address, "test-key-1234", r#"{"userId":"u","event":"Waiting"}"#), 200);
    wait_for(window, "the trouble", |window| says(window, "Blocked"));
    key(window, "d");
    assert_eq!(value(window, "Stream name"), format!("{typed}d"));
}

#[test]
fn a_region_is_found_by_a_name_with_spaces() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    type_into(window, "AWS region", "us east oh");
    assert_eq!(value(window, "AWS region"), "us east oh");
    assert!(says(window, "us-east-2") && !says(window, "us-east-1"));
    retype(window, "AWS region", " eu-west-1 ");
    assert_eq!(value(window, "AWS region"), "eu-west-1");
}

#[test]
fn a_check_that_fails_says_to_try_again_and_not_that_tributary_does() {
    if !in_own_process("a_check_that_fails_says_to_try_again_and_not_that_tributary_does", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    account.set_rule(|asked| match &*asked.action {
        "PutRecord?" => Reply::Error("InternalFailure", String::new()),
        _ => Reply::Usual,
    });
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the failed step", |window| says(window, "Records can be put: failed"));
    assert!(says(window, "Try again in a moment."));
    assert!(!says(window, "by itself, and no event is lost"));
}

#[test]
fn the_policy_for_a_role_comes_with_who_may_assume_it_and_the_external_id() {
    if !in_own_process("the_policy_for_a_role_comes_with_who_may_assume_it_and_the_external_id", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    type_into(window, "External id", "tributary-1");
    edit(window, "Stream");
    type_into(window, "AWS account id", ACCOUNT_ID);
    edit(window, "Permission");
    click(window, "For a role to assume");
    window.run();
    assert!(says(window, "Still missing: who may assume the role"));
    type_into(window, "Who may assume the role", "nobody");
    assert!(policy_rule(window), "the rule, as it is typed");
    retype(window, "Who may assume the role", USER_ARN);
    assert!(!says(window, "Still missing") && !policy_rule(window));
    click(window, "Copy trust policy");
    let trust = copied(window).expect("the trust policy is copied");
    for part in ["sts:AssumeRole", USER_ARN, "sts:ExternalId", "tributary-1"] {
        assert!(trust.contains(part), "{part}: {trust}");
    }
    assert!(!says(window, "Attach it for me"), "a role is not made for the user");
    click(window, "Terraform");
    window.run();
    assert!(says(window, "aws_iam_role") && says(window, "tributary-1"));
}

/// Whether the window shows the rule for identities that may assume a role.
fn policy_rule(window: &Window) -> bool {
    let rule = tributary::policy::check_trusted("nobody").expect_err("a name is no ARN");
    says(window, &rule[1..])
}

#[test]
fn keeping_the_order_per_user_says_what_each_choice_costs() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Format");
    assert!(says(window, "in the order in which they were accepted"));
    flip(window, "Keep the order per user");
    assert!(says(window, "one user's events may arrive out of order"));
    click(window, "Save changes");
    wait_for(window, "the setting", |window| says(window, "Applied and saved"));
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file");
    assert!(file.contains("ordered = false"), "{file}");
}

#[test]
fn another_profile_signs_the_calls_and_delivers_nothing() {
    if !in_own_process("another_profile_signs_the_calls_and_delivers_nothing", profiles) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_account_id(&account);
    let window = &mut opened.window;
    flip(window, "Make an access key too");
    click(window, "Another profile");
    window.run();
    type_into(window, "Profile that may manage IAM", "plain");
    click(window, "Show the calls …");
    window.run();
    click(window, "Make these 3 calls");
    wait_for(window, "the attachment", |window| says(window, "Attached. It takes effect in some seconds"));
    let signers: Vec<_> =
        account.asked().into_iter().map(|asked| (asked.action, asked.access_key_id)).collect();
    let by_plain = |action: &str| (action.to_owned(), "AKIAEXAMPLEPLAIN".to_owned());
    let wanted = ["GetCallerIdentity", "CreateUser", "CreatePolicy", "AttachUserPolicy"];
    assert_eq!(signers[1..], wanted.map(by_plain), "after the list of streams");
    edit(window, "Keys");
    click(window, "Who am I?");
    wait_for(window, "an answer", |window| says(window, USER_ARN));
    let last = account.asked().pop().expect("it was asked");
    assert_eq!(last.access_key_id, "AKIAIOSFODNN7EXAMPLE", "the draft's own keys are as they were");
}

#[test]
fn events_that_wait_are_asked_about_when_other_keys_would_send_them() {
    if !in_own_process("events_that_wait_are_asked_about_when_other_keys_would_send_them", |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_waiting(&account, 1);
    let window = &mut opened.window;
    edit(window, "Stream");
    type_into(window, "AWS account id", ACCOUNT_ID);
    window.get_by_role_and_label(Role::Button, "Save changes");
    edit(window, "Keys");
    type_into(window, "Role to assume", "arn:aws:iam::210987654321:role/other");
    let server = host(&account);
    assert!(says(
        window,
        &format!("1 queued event waits for clicks @ {server}, and the new keys may be another account's.")
    ));
    window.get_by_role_and_label(Role::Button, "Save and send it with the new keys");
    click(window, "Save and set it aside");
    wait_for(window, "the switch", |window| says(window, "the queued events are under Failed"));
    wait_for(window, "the ledger", |window| says(window, "1 failed"));
}

#[test]
fn an_import_that_moves_the_destination_asks_about_events_that_wait() {
    if !in_own_process("an_import_that_moves_the_destination_asks_about_events_that_wait", |_| {}) {
        return;
    }
    let (from, to) = (Account::start(&["clicks"]), Account::start(&["clicks"]));
    let mut opened = with_waiting(&from, 1);
    let window = &mut opened.window;
    go(window, "Settings");
    click(window, "Import …");
    window.run();
    window.get_by_role_and_label(Role::MultilineTextInput, "Settings to import").focus();
    window.run();
    let text = format!("[destination]\nendpoint_url = \"{}\"\n", to.url);
    window.get_by_role_and_label(Role::MultilineTextInput, "Settings to import").type_text(&text);
    window.run();
    let [before, after] = [host(&from), host(&to)].map(|host| format!("clicks @ {host}"));
    let question = format!("1 queued event waits for {before}. Send it to {after}, or set it aside?");
    assert!(says(window, &question));
    assert!(window.query_by_role_and_label(Role::Button, "Import").is_none(), "the choice is the user's");
    window.get_by_role_and_label(Role::Button, &format!("Import and send it to clicks @ {}", host(&to)));
    click(window, &format!("Import and set aside the one for clicks @ {}", host(&from)));
    wait_for(window, "the import", |window| says(window, "the queued events are under Failed"));
    wait_for(window, "the ledger", |window| says(window, "1 failed"));
    assert_eq!((from.records("clicks").len(), to.records("clicks").len()), (0, 0));
}

#[test]
fn another_account_than_the_keys_is_said_beside_its_field_and_mended_by_one_click() {
    let name = "another_account_than_the_keys_is_said_beside_its_field_and_mended_by_one_click";
    if !in_own_process(name, |_| {}) {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = with_draft(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    type_into(window, "AWS account id", "999999999999");
    edit(window, "Keys");
    click(window, "Who am I?");
    wait_for(window, "an answer", |window| says(window, USER_ARN));
    edit(window, "Stream");
    assert_eq!(value(window, "AWS account id"), "999999999999", "what was typed is not overwritten");
    assert!(says(window, &format!("These keys belong to the account {ACCOUNT_ID}")));
    window.get_by_label("Stream: needs attention");
    click(window, &format!("Use {ACCOUNT_ID}"));
    window.run();
    assert_eq!(value(window, "AWS account id"), ACCOUNT_ID);
    assert!(!says(window, "These keys belong to"));
    assert!(says(window, &format!("arn:aws:kinesis:eu-west-1:{ACCOUNT_ID}:stream/clicks")));
}

#[test]
fn a_profile_that_is_written_while_the_window_looks_is_found() {
    if !in_own_process("a_profile_that_is_written_while_the_window_looks_is_found", |_| {}) {
        return;
    }
    let mut config = settings();
    use_server(&mut config, "http://127.0.0.1:9");
    config.credentials.source = tributary::config::CredentialsSource::Profile;
    "late".clone_into(&mut config.credentials.profile);
    let mut opened = open(config);
    let window = &mut opened.window;
    edit(window, "Keys");
    wait_for(window, "that there is none", |window| says(window, "No profile was found"));
    let keys = "[late]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = example\n";
    std::fs::write(inside().expect("a folder").join("credentials"), keys).expect("written");
    wait_for(window, "the profile", |window| says(window, "Its keys are in AWS's file"));
}

/// These values in the settings file.
fn delivery_settings(opened: &OpenedWindow) -> [Option<String>; 3] {
    let file = std::fs::read_to_string(opened.files.path().join("config.toml")).expect("the settings file");
    let of = |name: &str| {
        let line = file.lines().find(|line| line.starts_with(&format!("{name} =")))?;
        line.split(" = ").nth(1).map(str::to_owned)
    };
    [of("encoding"), of("aggregation"), of("aggregation_max_bytes")]
}

#[test]
fn aggregation_and_its_size_are_chosen_and_applied() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Format");
    assert!(is_chosen(window, "none") && !says(window, "Record size"));
    choose(window, "kpl");
    assert!(
        says(window, "AWS Lambda and your own code need AWS's de-aggregation module"),
        "who can read it is said"
    );
    let size = window.get_by_role_and_label(Role::SpinButton, "Record size").value();
    assert_eq!(size.as_deref(), Some("50 KiB"));
    resize(window, "500 B");
    assert!(says(window, "A size of at least 1 KiB"));
    assert!(says(window, "Record size: "), "the card says why it cannot be saved");
    let apply = window.get_by_role_and_label(Role::Button, "Save changes");
    assert!(apply.accesskit_node().is_disabled());
    click(window, "Discard");
    window.run();
    edit(window, "Format");
    assert!(is_chosen(window, "none") && !says(window, "Changes take effect when you press the button"));
    choose(window, "kpl");
    let size = window.get_by_role_and_label(Role::SpinButton, "Record size").value();
    assert_eq!(size.as_deref(), Some("50 KiB"), "what was typed is gone with Discard");
    resize(window, "200 KiB");
    click(window, "Save changes");
    wait_for(window, "the settings", |window| says(window, "Applied and saved"));
    let saved = delivery_settings(&opened).map(Option::unwrap_or_default);
    assert_eq!(saved[1..], ["\"kpl\"".to_owned(), "204800".to_owned()]);
}

/// Types another record size.
fn resize(window: &mut Window, text: &str) {
    window.get_by_role_and_label(Role::SpinButton, "Record size").scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::SpinButton, "Record size").focus();
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    window.get_by_role_and_label(Role::SpinButton, "Record size").type_text(text);
    window.run();
}

#[test]
fn lines_and_json_lines_go_together_and_what_one_choice_changes_of_the_other_is_said() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Format");
    assert!(is_chosen(window, "base64") && is_chosen(window, "none"));
    choose(window, "lines");
    assert!(is_chosen(window, "json-lines") && is_chosen(window, "lines"));
    assert!(says(window, "The encoding was set to json-lines, which lines need."));
    choose(window, "json");
    assert!(is_chosen(window, "json") && is_chosen(window, "none"));
    assert!(says(window, "Aggregation was set to none: lines need the encoding json-lines."));
    // The note is about these two choices.
    choose(window, "base64");
    assert!(!says(window, "Aggregation was set to none"));
    choose(window, "json-lines");
    choose(window, "lines");
    assert!(!says(window, "The encoding was set to json-lines"), "it was so before");
    choose(window, "kpl");
    choose(window, "json");
    assert!(is_chosen(window, "kpl"), "kpl goes with each encoding");
    choose(window, "lines");
    click(window, "Save changes");
    wait_for(window, "the settings", |window| says(window, "Applied and saved"));
    let saved = delivery_settings(&opened).map(Option::unwrap_or_default);
    assert_eq!(saved[..2], ["\"json-lines\"".to_owned(), "\"lines\"".to_owned()]);
}

#[test]
fn the_check_of_a_draft_with_aggregation_says_what_readers_get() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    edit(window, "Format");
    choose(window, "kpl");
    edit(window, "Check");
    click(window, "Check with a test record");
    wait_for(window, "the check", |window| says(window, "The check found no problem."));
    window.get_by_label("The stream takes aggregated records: passed");
    assert!(says(window, "a reader without de-aggregation gets one binary record"));
    // The size does not change what the check tests, the operation does.
    edit(window, "Format");
    resize(window, "100 KiB");
    edit(window, "Check");
    assert!(says(window, "Checked at "));
    edit(window, "Format");
    choose(window, "none");
    edit(window, "Check");
    assert!(says(window, "The settings have changed since this check."));
}
