//! The window and the status are true at every moment: the state, the next try, ticks, counts and charts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::{
    cell::Cell,
    net::SocketAddr,
    time::{Duration, Instant},
};

use eframe::egui::{Key, accesskit::Role};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use tributary::{
    clock::now_ms,
    config::Origin,
    delivery::{ForwarderState, Millis},
    engine::Faults,
};

use crate::{
    account::Account,
    binary::{WRITE_KEY, key_header},
    keyboard::palette,
    opened_window::{
        OpenedWindow, Window, address, click, edit, explain, go, open, open_held, open_with, says, settings,
        start_guide, type_into, wait_for,
    },
    practising::practising,
    scripted::{Answer, FAILING, Scripted},
    setup::use_server,
    window::{is_run_with_keys, lines, search, send_seen, without_profile},
    wire::{self, wait_until},
};

fn post(address: SocketAddr, n: usize) {
    let event = format!(r#"{{"userId":"ada","event":"Seen","messageId":"m-{n}"}}"#);
    let reply = wire::send(address, "POST", "/v1/track", &key_header(WRITE_KEY), event.as_bytes());
    assert_eq!(reply.status, 200);
}

/// The first put succeeds, all later ones fail.
fn once_then_failing() -> Scripted {
    Scripted::start(|call| if call.number == 0 { Answer::Success } else { FAILING })
}

#[test]
fn new_settings_that_cannot_work_are_said_after_one_failed_put_and_backoff_starts_anew() {
    if is_run_with_keys(
        "truth::new_settings_that_cannot_work_are_said_after_one_failed_put_and_backoff_starts_anew",
    ) {
        let (old, new) = (once_then_failing(), Scripted::start(|_| FAILING));
        let running = practising(|config| use_server(config, &old.url));
        post(running.address, 0);
        running.wait_settled(1);
        post(running.address, 1);
        wait_until("six failed puts", || old.calls().len() >= 7);
        running.change(|config| use_server(config, &new.url));
        wait_until("it is offline", || {
            // The next put may be under way when the state is read.
            let puts = new.calls().len();
            let is_offline = matches!(running.engine.status().forwarder, ForwarderState::Offline { .. });
            assert!(is_offline || puts <= 2, "{puts} puts have failed and nothing is said");
            puts > 0 && is_offline
        });
        wait_until("the second put", || new.calls().len() > 1);
        let calls = new.calls();
        let pause = calls[1].at - calls[0].at;
        assert!(pause < Duration::from_secs(3), "the first pause of these settings is {pause:?}");
    }
}

#[test]
fn a_put_is_made_at_the_moment_that_is_shown_for_it() {
    if is_run_with_keys("truth::a_put_is_made_at_the_moment_that_is_shown_for_it") {
        let server = once_then_failing();
        let running = practising(|config| use_server(config, &server.url));
        post(running.address, 0);
        running.wait_settled(1);
        post(running.address, 1);
        // The published time of the next try, and the number of puts before it.
        let mut shown: Vec<(usize, Millis)> = Vec::new();
        wait_until("nine failed puts", || {
            let before = server.calls().len();
            let status = running.engine.status();
            // A time that has passed may be published a little longer.
            if let ForwarderState::Offline { next_try, .. } = status.forwarder
                && next_try > now_ms() + 50
                && server.calls().len() == before
                && shown.last().is_none_or(|(puts, _)| *puts < before)
            {
                shown.push((before, next_try));
            }
            before >= 10
        });
        let (instant, millis) = (Instant::now(), now_ms());
        let calls = server.calls();
        assert!(shown.len() >= 3, "{shown:?}");
        for (put, next_try) in shown {
            let at = millis - Millis::try_from((instant - calls[put].at).as_millis()).unwrap();
            let late = at - next_try;
            assert!((-500..3000).contains(&late), "put {put} came {late} ms after the moment shown");
        }
    }
}

/// The address of a closed port.
fn dead_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn offline(dead: SocketAddr) -> OpenedWindow {
    let mut config = settings();
    use_server(&mut config, &format!("http://{dead}"));
    let mut opened = open(config);
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "it is offline", |window| says(window, "Offline"));
    opened
}

#[test]
fn no_step_is_ticked_that_is_not_known_to_work_while_the_destination_is_away() {
    if is_run_with_keys("truth::no_step_is_ticked_that_is_not_known_to_work_while_the_destination_is_away") {
        let mut opened = offline(dead_address());
        go(&mut opened.window, "Set up");
        for step in ["Stream", "Keys", "Permission", "Delivery"] {
            assert!(!says(&opened.window, &format!("{step}: done")), "{step}");
        }
        // The address of a server is with the keys.
        opened.window.get_by_label("Keys: needs attention");
        opened.window.get_by_label("Delivery: needs attention");
    }
}

#[test]
fn no_step_is_ticked_that_is_not_known_to_work_while_delivery_is_blocked() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    send_seen(window);
    wait_for(window, "it is blocked", |window| says(window, "Blocked"));
    for step in ["Stream", "Keys", "Permission", "Delivery"] {
        assert!(!says(window, &format!("{step}: done")), "{step}");
    }
    window.get_by_label("Keys: needs attention");
}

#[test]
fn a_local_server_is_named_and_a_refused_connection_is_explained_by_what_listens_there() {
    if is_run_with_keys(
        "truth::a_local_server_is_named_and_a_refused_connection_is_explained_by_what_listens_there",
    ) {
        let dead = dead_address();
        let opened = offline(dead);
        let window = &opened.window;
        assert!(says(window, &format!("clicks @ {dead}")), "the status line names the server");
        assert!(says(window, &format!("Nothing listens at http://{dead}")));
        assert!(!says(window, "region that does not exist") && !says(window, "HTTPS_PROXY"));
    }
}

#[test]
fn a_region_that_nobody_knows_is_not_ticked() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    start_guide(window);
    edit(window, "Stream");
    type_into(window, "AWS region", "eu-nowhere-9");
    type_into(window, "Stream name", "clicks");
    window.get_by_label("Stream: needs attention");
    assert!(says(window, "Tributary does not know this region"));
    // Another server may have regions of its own.
    edit(window, "Keys");
    type_into(window, "Other server", "http://127.0.0.1:4566");
    window.get_by_label("Stream: not yet verified");
    assert!(!says(window, "Tributary does not know this region"));
}

#[test]
fn what_a_check_of_aws_found_is_not_shown_under_practice() {
    let mut opened = open(without_profile());
    let window = &mut opened.window;
    edit(window, "Check and switch");
    click(window, "Check");
    wait_for(window, "the check", |window| says(window, "Credentials are found: failed"));
    click(window, "Destination Practice stream");
    window.run();
    edit(window, "Check");
    assert!(!says(window, "Credentials are found"), "practice asks no AWS");
    assert!(!says(window, "The settings have changed since this check"));
    click(window, "Discard");
    window.run();
    edit(window, "Check and switch");
    assert!(says(window, "Credentials are found: failed"), "it is still what was found");
}

#[test]
fn a_stream_that_was_made_is_not_missing_from_the_list_beside_it() {
    if is_run_with_keys("truth::a_stream_that_was_made_is_not_missing_from_the_list_beside_it") {
        let account = Account::start(&[]);
        let mut config = settings();
        use_server(&mut config, &account.url);
        let mut opened = open(config);
        let window = &mut opened.window;
        edit(window, "Stream");
        wait_for(window, "the list", |window| says(window, "No stream in eu-west-1 yet."));
        click(window, "Create this stream …");
        window.run();
        click(window, "Create stream");
        wait_for(window, "the stream", |window| says(window, "clicks is ready"));
        assert!(!says(window, "No stream in eu-west-1 yet."));
    }
}

#[test]
fn a_setting_that_the_environment_decides_is_locked_and_says_who_decides_it() {
    let held = vec![("log.keep_events", Origin::Variable("TRIBUTARY_LOG_KEEP_EVENTS".to_owned()))];
    let mut opened = open_held(settings(), held);
    let window = &mut opened.window;
    go(window, "Settings");
    assert!(says(window, "Set by TRIBUTARY_LOG_KEEP_EVENTS at every start"));
    let is_locked = |window: &Window, field: &str| {
        window.get_by_role_and_label(Role::SpinButton, field).accesskit_node().is_disabled()
    };
    assert!(is_locked(window, "Keep in the log") && !is_locked(window, "Keep rejected events"));
}

/// The count of a chip.
fn chip(window: &Window, label: &str) -> Option<String> {
    window.get_by_role_and_label(Role::Button, label).accesskit_node().description()
}

#[test]
fn nothing_is_retrying_once_all_is_delivered() {
    let mut opened = open_with(settings(), |engine| {
        engine.practice_stream().set_faults(Faults { access_denied: true, ..Faults::default() });
    });
    let window = &mut opened.window;
    go(window, "Live");
    send_seen(window);
    wait_for(window, "it is retried", |window| chip(window, "Retrying").as_deref() == Some("1"));
    explain(window, "Forwarder");
    click(window, "Switch all off");
    wait_for(window, "it is delivered", |window| {
        let is_delivered = chip(window, "Delivered").as_deref() == Some("1");
        assert!(
            !is_delivered || chip(window, "Retrying").as_deref() == Some("0"),
            "retrying though delivered"
        );
        is_delivered
    });
}

#[test]
fn chips_do_not_count_what_the_search_leaves_out() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Live");
    wait_for(window, "it is delivered", |window| chip(window, "Delivered").as_deref() == Some("1"));
    assert!(says(window, "Accepted 1"));
    search(window, "nobody-is-called-so");
    wait_for(window, "the search", |window| lines(window).is_empty());
    wait_for(window, "its count", |window| chip(window, "Delivered").as_deref() == Some("0"));
    assert!(!says(window, "Accepted 1"));
}

#[test]
fn the_charts_of_a_day_show_what_came_in_the_last_minutes() {
    const INTERVAL_MS: Millis = 600_000;
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    let event = |n| format!(r#"{{"type":"track","userId":"u-{n}","event":"Seen"}}"#);
    let batch = format!(r#"{{"batch":[{}]}}"#, (0..300).map(event).collect::<Vec<_>>().join(","));
    // Once for each interval that the test sees.
    let posted = Cell::new(0);
    let post = || {
        if posted.replace(now_ms() / INTERVAL_MS) < now_ms() / INTERVAL_MS {
            let reply =
                wire::send(address, "POST", "/v1/batch", &key_header("test-key-1234"), batch.as_bytes());
            assert_eq!(reply.status, 200);
        }
    };
    post();
    go(window, "Live");
    wait_for(window, "all are delivered", |window| chip(window, "Delivered").as_deref() == Some("300"));
    window.get_by_label("Charts").click();
    window.step();
    wait_for(window, "a moment without events", |window| is_there(window, "In 0/s"));
    window.get_by_label("24 hours").click();
    window.step();
    wait_for(window, "what came in these ten minutes", |window| {
        post();
        is_there(window, "Rejected 0/s") && !is_there(window, "In 0/s")
    });
}

fn is_there(window: &Window, label: &str) -> bool {
    window.query_all_by_label(label).next().is_some()
}

#[test]
fn a_stream_that_cannot_be_read_is_not_called_caught_up() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    send_seen(window);
    go(window, "Stream");
    wait_for(window, "the record", |window| says(window, "1 read · caught up"));
    palette(window, "faults: delete the stream");
    window.key_press(Key::Enter);
    window.step();
    wait_for(window, "why it cannot be read", |window| says(window, "ResourceNotFoundException"));
    assert!(!says(window, "caught up"));
}
