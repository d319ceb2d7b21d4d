//! A stream made in the window, by labels, with an account of the test's own: what is asked for, what AWS refuses, what is left
//! when a step fails. And the list of streams with what AWS says about the one that is picked.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use eframe::egui::{Key, Modifiers, accesskit::Role, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use serde_json::{Value, json};

use crate::account::{ACCOUNT_ID, Account, Asked, Reply, USER_ARN, denied};
use crate::keyboard::palette;
use crate::opened_window::{
    OpenedWindow, Window, click, copied, edit, open, pick_stream, rest_on, retype, says, settings, type_into,
    wait_for,
};
use crate::pictures::{in_every_size, look_at};
use crate::setup::use_server;
use crate::window::is_run_with_keys;

/// A window whose draft is the stream “clicks” of the account.
fn window_on(account: &Account) -> OpenedWindow {
    let mut config = settings();
    use_server(&mut config, &account.url);
    ACCOUNT_ID.clone_into(&mut config.destination.account_id);
    open(config)
}

fn open_form(window: &mut Window) {
    if window.query_by_role_and_label(Role::Button, "Edit Stream").is_some() {
        edit(window, "Stream");
    }
    click(window, "Create this stream …");
    wait_for(window, "the form", |window| says(window, "Create “clicks” on"));
}

/// The requests of this action.
fn asked(account: &Account, action: &str) -> Vec<Value> {
    let asked = account.asked().into_iter().filter(|asked| asked.action == action);
    asked.map(|asked| asked.json).collect()
}

fn set_number(window: &mut Window, label: &str, text: &str) {
    window.get_by_role_and_label(Role::SpinButton, label).scroll_to_me();
    window.run();
    window.get_by_role_and_label(Role::SpinButton, label).focus();
    window.run();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run();
    window.get_by_role_and_label(Role::SpinButton, label).type_text(text);
    window.run();
}

fn is_enabled(window: &Window, button: &str) -> bool {
    !window.get_by_role_and_label(Role::Button, button).accesskit_node().is_disabled()
}

/// A service control policy that denies streams without the tag `CostCenter`.
fn demands_a_tag(asked: &Asked) -> Reply {
    if asked.action == "CreateStream" && asked.json["Tags"]["CostCenter"].is_null() {
        let text = format!(
            "User: {USER_ARN} is not authorized to perform: kinesis:CreateStream on resource: \
             arn:aws:kinesis:eu-west-1:{ACCOUNT_ID}:stream/clicks with an explicit deny in a service control policy"
        );
        return Reply::Error("AccessDeniedException", text);
    }
    Reply::Usual
}

#[test]
fn a_stream_is_made_with_mode_size_retention_and_tags() {
    if !is_run_with_keys("create_stream::a_stream_is_made_with_mode_size_retention_and_tags") {
        return;
    }
    let account = Account::start(&[]);
    let is_active = Arc::new(AtomicBool::new(false));
    let is_seen_active = Arc::clone(&is_active);
    account.set_rule(move |asked| {
        if asked.action == "DescribeStreamSummary" && !is_seen_active.load(Ordering::Relaxed) {
            let creating = json!({
                "StreamName": "clicks", "StreamARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
                "StreamStatus": "CREATING", "RetentionPeriodHours": 24, "StreamCreationTimestamp": 1.0,
                "EnhancedMonitoring": [], "OpenShardCount": 0,
            });
            return Reply::Body(json!({ "StreamDescriptionSummary": creating }));
        }
        Reply::Usual
    });
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    wait_for(window, "what AWS says about the account", |window| {
        says(window, "This account uses on-demand standard.")
    });
    click(window, "Provisioned");
    window.run();
    set_number(window, "Shards", "3");
    assert!(says(window, "They take 3 MB and 3\u{2009}000 records a second"));
    set_number(window, "Largest record", "2 MiB");
    set_number(window, "Retention, in hours", "168");
    assert!(says(window, "168 hours (7 days)"));
    assert!(!says(window, "costs extra"), "the server is not AWS");
    click(window, "Add tag");
    window.run();
    type_into(window, "Tag 1 key", "CostCenter");
    type_into(window, "Tag 1 value", "42");
    click(window, "Copy policy for creating");
    let policy: Value = serde_json::from_str(&copied(window).expect("a policy")).expect("it is JSON");
    let actions = policy["Statement"][0]["Action"].clone();
    assert_eq!(
        actions,
        json!([
            "kinesis:CreateStream",
            "kinesis:AddTagsToStream",
            "kinesis:DescribeStreamSummary",
            "kinesis:IncreaseStreamRetentionPeriod"
        ])
    );
    click(window, "Create stream");
    wait_for(window, "the first step", |window| says(window, "The stream is created: passed"));
    assert!(says(window, "The stream is ACTIVE: under way"), "it is CREATING");
    is_active.store(true, Ordering::Relaxed);
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
    assert!(says(window, "Records are kept for 168 hours."));
    let made = asked(&account, "CreateStream");
    assert_eq!(
        made,
        [json!({
            "StreamName": "clicks", "ShardCount": 3, "StreamModeDetails": { "StreamMode": "PROVISIONED" },
            "MaxRecordSizeInKiB": 2048, "Tags": { "CostCenter": "42" },
        })]
    );
    let retention = asked(&account, "IncreaseStreamRetentionPeriod");
    assert_eq!(retention, [json!({ "StreamName": "clicks", "RetentionPeriodHours": 168 })]);
}

#[test]
fn a_plain_stream_is_asked_for_with_nothing_that_an_older_server_does_not_know() {
    if !is_run_with_keys(
        "create_stream::a_plain_stream_is_asked_for_with_nothing_that_an_older_server_does_not_know",
    ) {
        return;
    }
    let account = Account::start(&[]);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
    let plain = json!({ "StreamName": "clicks", "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
    assert_eq!(asked(&account, "CreateStream"), [plain]);
    assert!(asked(&account, "IncreaseStreamRetentionPeriod").is_empty());
}

#[test]
fn values_that_aws_would_refuse_are_said_beside_their_field_and_not_sent() {
    if !is_run_with_keys(
        "create_stream::values_that_aws_would_refuse_are_said_beside_their_field_and_not_sent",
    ) {
        return;
    }
    let account = Account::start(&[]);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    for (label, wrong, rule, right) in [
        ("Retention, in hours", "23", "A whole number from 24 to 8\u{2009}760", "24"),
        ("Retention, in hours", "8761", "A whole number from 24 to 8\u{2009}760", "8760"),
        ("Largest record", "1023 KiB", "A size of at least 1 MiB", "1 MiB"),
        ("Largest record", "11 MiB", "At most 10 MiB", "10 MiB"),
        ("Largest record", "1048577 B", "A whole number of KiB", "1025 KiB"),
    ] {
        set_number(window, label, wrong);
        assert!(says(window, rule), "{label} {wrong}");
        assert!(!is_enabled(window, "Create stream"), "{label} {wrong}");
        set_number(window, label, right);
        assert!(!says(window, rule) && is_enabled(window, "Create stream"), "{label} {right}");
    }
    click(window, "Add tag");
    window.run();
    assert!(is_enabled(window, "Create stream"), "an empty row is no tag");
    for (key, rule) in
        [("aws:team", "keys that begin with aws: are AWS's own"), ("a#b", "“#” is not allowed")]
    {
        retype(window, "Tag 1 key", key);
        assert!(says(window, &rule.replace("keys", "Keys")), "{key}");
        assert!(!is_enabled(window, "Create stream"), "{key}");
    }
    click(window, "Remove tag 1");
    window.run();
    assert!(is_enabled(window, "Create stream"));
    assert!(asked(&account, "CreateStream").is_empty());
}

#[test]
fn an_account_whose_policies_demand_tags_leads_to_the_tags() {
    if !is_run_with_keys("create_stream::an_account_whose_policies_demand_tags_leads_to_the_tags") {
        return;
    }
    let account = Account::start(&[]);
    account.set_rule(demands_a_tag);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    click(window, "Create stream");
    wait_for(window, "the refusal", |window| says(window, "Your AWS account's policies deny creating"));
    assert!(says(window, "an explicit deny in a service control policy. Most often it demands tags"));
    assert!(!says(window, "may not create"), "it is no missing permission");
    click(window, "Add the tags your organisation demands");
    window.run();
    type_into(window, "Tag 1 key", "CostCenter");
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
    assert_eq!(asked(&account, "CreateStream")[1]["Tags"], json!({ "CostCenter": "" }));
}

#[test]
fn a_missing_permission_is_named_and_its_policy_is_at_hand() {
    if !is_run_with_keys("create_stream::a_missing_permission_is_named_and_its_policy_is_at_hand") {
        return;
    }
    let account = Account::start(&[]);
    account.set_rule(|asked| {
        if ["CreateStream", "DescribeAccountSettings"].contains(&&*asked.action) {
            denied(&format!("kinesis:{}", asked.action))
        } else {
            Reply::Usual
        }
    });
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    wait_for(window, "what AWS says about the account", |window| {
        says(window, "Not permitted to see whether this account uses on-demand Advantage")
    });
    click(window, "Create stream");
    wait_for(window, "the refusal", |window| says(window, "may not create the stream “clicks”"));
    assert!(!says(window, "Add the tags your organisation demands"));
    click(window, "Copy the policy it needs");
    assert!(copied(window).is_some_and(|policy| policy.contains("kinesis:CreateStream")));
}

#[test]
fn a_stream_whose_retention_fails_is_said_to_exist_and_the_rest_is_done_again() {
    if !is_run_with_keys(
        "create_stream::a_stream_whose_retention_fails_is_said_to_exist_and_the_rest_is_done_again",
    ) {
        return;
    }
    let account = Account::start(&[]);
    account.set_rule(|asked| {
        if asked.action == "IncreaseStreamRetentionPeriod" {
            denied("kinesis:IncreaseStreamRetentionPeriod")
        } else {
            Reply::Usual
        }
    });
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    set_number(window, "Retention, in hours", "48");
    click(window, "Create stream");
    let exists = "clicks exists and takes records. It keeps them for 24 hours, not for 48.";
    wait_for(window, "the failed step", |window| says(window, exists));
    assert!(says(window, "may not set how long the stream “clicks”"));
    account.set_rule(|_| Reply::Usual);
    click(window, "Do the rest again");
    wait_for(window, "the rest", |window| says(window, "Records are kept for 48 hours."));
    assert!(!says(window, exists));
    assert_eq!(asked(&account, "CreateStream").len(), 1, "it is created once");
}

#[test]
fn a_name_that_is_taken_can_be_used_as_it_is() {
    if !is_run_with_keys("create_stream::a_name_that_is_taken_can_be_used_as_it_is") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    click(window, "Create stream");
    wait_for(window, "the refusal", |window| says(window, "exists already."));
    click(window, "Use the existing stream");
    wait_for(window, "what AWS says about it", |window| says(window, "About clicks"));
    assert!(says(window, "On-demand, 4 shards now") && says(window, "24 hours"));
    assert!(!says(window, "exists already."));
}

#[test]
fn a_throttled_creation_is_asked_for_again_and_a_reached_limit_is_not() {
    if !is_run_with_keys("create_stream::a_throttled_creation_is_asked_for_again_and_a_reached_limit_is_not")
    {
        return;
    }
    let account = Account::start(&[]);
    let limit = "This request would exceed the shard limit for the account 123456789012 in eu-west-1.";
    account.set_rule(move |asked| {
        if asked.action == "CreateStream" {
            return Reply::Error("LimitExceededException", limit.to_owned());
        }
        Reply::Usual
    });
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    click(window, "Create stream");
    wait_for(window, "the limit", |window| says(window, "A limit of the account keeps the stream"));
    assert_eq!(asked(&account, "CreateStream").len(), 1);
    let mut throttled = 2;
    account.set_rule(move |asked| {
        if asked.action == "CreateStream" && throttled > 0 {
            throttled -= 1;
            return Reply::Error(
                "LimitExceededException",
                "Rate exceeded for account 123456789012.".to_owned(),
            );
        }
        Reply::Usual
    });
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
    assert_eq!(asked(&account, "CreateStream").len(), 4);
}

#[test]
fn an_account_with_on_demand_advantage_says_so_and_offers_warm_throughput() {
    if !is_run_with_keys(
        "create_stream::an_account_with_on_demand_advantage_says_so_and_offers_warm_throughput",
    ) {
        return;
    }
    let account = Account::start(&[]);
    account.set_rule(|asked| {
        if asked.action == "DescribeAccountSettings" {
            let commitment = json!({ "Status": "ENABLED", "EarliestAllowedEndAt": 4_102_444_800.0 });
            return Reply::Body(json!({ "MinimumThroughputBillingCommitment": commitment }));
        }
        Reply::Usual
    });
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    open_form(window);
    wait_for(window, "what AWS says about the account", |window| {
        says(window, "This account uses on-demand Advantage (committed until 2")
    });
    set_number(window, "Warm throughput", "25");
    click(window, "Create stream");
    wait_for(window, "the stream", |window| says(window, "clicks is ready and takes records."));
    assert_eq!(asked(&account, "CreateStream")[0]["WarmThroughputMiBps"], 25);
}

#[test]
fn the_form_stays_where_it_is_when_the_account_answers() {
    if !is_run_with_keys("create_stream::the_form_stays_where_it_is_when_the_account_answers") {
        return;
    }
    let unknown = Reply::Error("UnknownOperationException", String::new());
    for (what, answer) in [
        ("on-demand standard", Reply::Usual),
        ("not permitted", denied("kinesis:DescribeAccountSettings")),
        ("an unknown question", unknown),
    ] {
        let account = Account::start(&[]);
        let (let_go, held) = std::sync::mpsc::sync_channel(1);
        account.set_rule(move |asked| {
            if asked.action != "DescribeAccountSettings" {
                return Reply::Usual;
            }
            held.recv().expect("the test lets go");
            answer.clone()
        });
        let mut opened = window_on(&account);
        let window = &mut opened.window;
        window.set_size(vec2(860.0, 1600.0));
        open_form(window);
        window.get_by_role_and_label(Role::Button, "Create stream").scroll_to_me();
        window.run_steps(30);
        assert!(says(window, "Asking whether this account uses on-demand Advantage …"), "{what}");
        let place = window.get_by_role_and_label(Role::Button, "Create stream").rect();
        let_go.send(()).expect("the question waits");
        wait_for(window, what, |window| !says(window, "Asking whether this account"));
        window.run_steps(30);
        assert_eq!(window.get_by_role_and_label(Role::Button, "Create stream").rect(), place, "{what}");
    }
}

#[test]
fn the_way_to_the_stream_asks_again_what_may_have_changed() {
    if !is_run_with_keys("create_stream::the_way_to_the_stream_asks_again_what_may_have_changed") {
        return;
    }
    let account = Account::start(&["clicks"]);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    pick_stream(window, "clicks");
    account.set_rule(|asked| match &*asked.action {
        "ListStreams" => {
            Reply::Body(json!({ "StreamNames": [], "StreamSummaries": [], "HasMoreStreams": false }))
        }
        _ => Reply::Usual,
    });
    palette(window, "AWS region");
    window.key_press(Key::Enter);
    window.run();
    wait_for(window, "the new list", |window| says(window, "No stream in eu-west-1 yet."));
    assert!(!says(window, "Use stream clicks") && !says(window, "About clicks"));
}

#[test]
fn a_name_that_is_cut_in_the_list_is_told_whole_and_a_short_one_is_not_repeated() {
    if !is_run_with_keys(
        "create_stream::a_name_that_is_cut_in_the_list_is_told_whole_and_a_short_one_is_not_repeated",
    ) {
        return;
    }
    let long = format!("{}a", "clickstream-".repeat(10));
    let account = Account::start(&["orders", &long]);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    wait_for(window, "the list", |window| says(window, "Use stream orders"));
    for (name, tooltips) in [("orders", 0), (long.as_str(), 1)] {
        rest_on(window, &format!("Use stream {name}"));
        assert_eq!(window.query_all_by_label(name).count(), tooltips, "{name}");
    }
}

#[test]
fn a_stream_is_found_in_a_long_list_and_what_aws_says_about_it_is_shown() {
    if !is_run_with_keys(
        "create_stream::a_stream_is_found_in_a_long_list_and_what_aws_says_about_it_is_shown",
    ) {
        return;
    }
    let names: Vec<String> = (0..40).map(|number| format!("stream-{number:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let account = Account::start(&names);
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    wait_for(window, "the list", |window| says(window, "Use stream stream-00"));
    type_into(window, "Find in 40 streams", "M-3");
    assert!(says(window, "10 of 40 streams"));
    assert!(!says(window, "Use stream stream-00") && says(window, "Use stream stream-31"));
    account.set_rule(|asked| {
        if asked.action != "DescribeStreamSummary" {
            return Reply::Usual;
        }
        let summary = json!({
            "StreamName": "stream-31", "StreamARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/stream-31",
            "StreamStatus": "ACTIVE", "StreamModeDetails": { "StreamMode": "PROVISIONED" },
            "RetentionPeriodHours": 168, "StreamCreationTimestamp": 1.0, "EnhancedMonitoring": [],
            "EncryptionType": "KMS", "KeyId": "alias/ours", "OpenShardCount": 2, "ConsumerCount": 3,
            "MaxRecordSizeInKiB": 2048, "ChannelCount": 1,
        });
        Reply::Body(json!({ "StreamDescriptionSummary": summary }))
    });
    click(window, "Use stream stream-31");
    wait_for(window, "what AWS says", |window| says(window, "About stream-31"));
    for fact in ["Provisioned, 2 shards now", "2.0 MiB", "168 hours (7 days)", "With the KMS key alias/ours"]
    {
        assert!(says(window, fact), "{fact}");
    }
    assert!(says(window, "1 channel (streaming table or delivery to S3) reads this stream. They take JSON"));
    retype(window, "Find in 40 streams", "nothing");
    assert!(says(window, "No stream's name has “nothing”."));
    account.set_rule(|asked| denied(&format!("kinesis:{}", asked.action)));
    retype(window, "Find in 40 streams", "stream-05");
    click(window, "Use stream stream-05");
    wait_for(window, "the refusal", |window| says(window, "Looking at the stream is not permitted"));
    assert!(!says(window, "About stream-31"));
}

/// Looks at the window in every size, and in both themes if pictures are wanted, with this button in sight.
fn look(window: &mut Window, name: &str, button: &str) {
    in_every_size(window, |window, look| {
        window.get_by_role_and_label(Role::Button, button).scroll_to_me();
        window.run();
        look_at(window, &format!("{name}-{look}"));
    });
    window.set_size(vec2(1280.0, 1600.0));
    window.run();
}

#[test]
fn the_form_its_answers_and_the_list_fit_into_every_window() {
    if !is_run_with_keys("create_stream::the_form_its_answers_and_the_list_fit_into_every_window") {
        return;
    }
    let names: Vec<String> =
        (0..12).map(|number| format!("{number}-{}", "clickstream-".repeat(10))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let account = Account::start(&names);
    account.set_rule(|asked| match &*asked.action {
        "IncreaseStreamRetentionPeriod" => denied("kinesis:IncreaseStreamRetentionPeriod"),
        _ => demands_a_tag(asked),
    });
    let mut opened = window_on(&account);
    let window = &mut opened.window;
    edit(window, "Stream");
    let long = format!("Use stream {}", names[3]);
    wait_for(window, "the list", |window| says(window, &long));
    click(window, &long);
    wait_for(window, "what AWS says", |window| says(window, "About 3-"));
    look(window, "streams", "List my streams");
    retype(window, "Stream name", "clicks");
    open_form(window);
    wait_for(window, "what AWS says about the account", |window| says(window, "on-demand standard."));
    look(window, "new-stream", "Create stream");
    click(window, "Provisioned");
    window.run();
    set_number(window, "Retention, in hours", "9000");
    click(window, "Add tag");
    window.run();
    type_into(window, "Tag 1 key", "aws:team");
    type_into(window, "Tag 1 value", &"long ".repeat(60));
    look(window, "new-stream-wrong", "Create stream");
    set_number(window, "Retention, in hours", "168");
    click(window, "Remove tag 1");
    window.run();
    click(window, "Create stream");
    let add = "Add the tags your organisation demands";
    wait_for(window, "the refusal", |window| says(window, add));
    look(window, "new-stream-denied", add);
    click(window, add);
    window.run();
    type_into(window, "Tag 1 key", "CostCenter");
    click(window, "Create stream");
    wait_for(window, "the failed step", |window| says(window, "Do the rest again"));
    look(window, "new-stream-rest", "Do the rest again");
}
