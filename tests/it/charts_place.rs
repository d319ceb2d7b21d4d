//! The charts: the values at the pointer, the time that is dragged over a chart, and what stands there before there is data.

use eframe::egui::{Event, Modifiers, PointerButton, Pos2, accesskit::Role, pos2, vec2};
use egui_kittest::kittest::Queryable as _;

use crate::{
    layout::texts,
    opened_window::{OpenedWindow, Window, address, go, open, press, says, settings, wait_for},
    window::{lines, searched, send},
};

const KEY: &str = "test-key-1234";

/// The charts of the last five minutes, with a few events in them.
fn with_charts() -> OpenedWindow {
    let mut opened = open(settings());
    let window = &mut opened.window;
    let address = address(window);
    for number in 0..4 {
        let event = format!(r#"{{"userId":"u{number}","event":"Seen"}}"#);
        assert_eq!(send(address, KEY, &event), 200);
    }
    go(window, "Live");
    wait_for(window, "all delivered", |window| {
        lines(window).iter().filter(|line| line.starts_with("Delivered")).count() == 4
    });
    press(window, "Charts");
    // The running interval of two seconds is not drawn.
    wait_for(window, "the first values", |window| says(window, "Delivery latency") && !says(window, "p95 –"));
    opened
}

/// A position in the chart of this title: a share of its width.
fn in_chart(window: &Window, title: &str, share: f32) -> Pos2 {
    let title = window.get_by_label(title).rect();
    let right = window.ctx.content_rect().right() - 60.0;
    let left = title.left() + 60.0;
    pos2(left + (right - left) * share, title.bottom() + 60.0)
}

fn button(window: &mut Window, pos: Pos2, pressed: bool) {
    let modifiers = Modifiers::NONE;
    window.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers });
    window.step();
}

#[test]
fn the_pointer_over_a_chart_reads_all_its_values() {
    let mut opened = with_charts();
    let window = &mut opened.window;
    window.set_size(vec2(1000.0, 1600.0));
    window.run();
    let before = window.query_all_by_label("p95").count();
    window.hover_at(in_chart(window, "Delivery latency", 0.5));
    window.run_steps(3);
    // The name stands in the legend of both latency charts, and in the tooltip.
    assert_eq!(window.query_all_by_label("p95").count(), before + 1);
    assert!(says(window, " – "), "the time of the interval");
    window.hover_at(pos2(500.0, 5.0));
    window.run_steps(3);
    assert_eq!(window.query_all_by_label("p95").count(), before);
}

#[test]
fn a_drag_across_a_chart_shows_the_events_of_that_time() {
    let mut opened = with_charts();
    let window = &mut opened.window;
    window.set_size(vec2(1000.0, 1600.0));
    window.run();
    let (from, to) = (in_chart(window, "Events per second", 0.2), in_chart(window, "Events per second", 1.1));
    window.hover_at(from);
    window.step();
    button(window, from, true);
    for share in [0.4, 0.7] {
        window.hover_at(in_chart(window, "Events per second", share));
        window.step();
    }
    window.step();
    window.get_by_label("Release to show these events in Live");
    window.hover_at(to);
    window.step();
    button(window, to, false);
    window.run_steps(8);
    let search = searched(window);
    assert!(search.contains("since:20") && search.contains("until:20"), "{search}");
    wait_for(window, "the events", |window| lines(window).len() == 4);
}

#[test]
fn charts_without_events_say_so_and_lead_to_some() {
    let mut opened = open(settings());
    let window = &mut opened.window;
    go(window, "Live");
    press(window, "Charts");
    wait_for(window, "the empty page", |window| says(window, "No events in this period"));
    assert!(window.query_by_label("Events per second").is_none(), "no empty axes");
    press(window, "Send a test event");
    wait_for(window, "the delivery", |window| says(window, "sequence number"));
    let mut opened = with_charts();
    let window = &mut opened.window;
    assert!(says(window, "No errors in this period"));
    press(window, "Events of this time");
    window.run_steps(4);
    assert_eq!(searched(window), "since:5m");
}

#[test]
fn a_legend_is_never_cut() {
    let mut opened = with_charts();
    let window = &mut opened.window;
    for width in [860.0, 1000.0, 1280.0, 1380.0, 1440.0] {
        window.set_size(vec2(width, 1600.0));
        window.run();
        window.run();
        let names = window.get_all_by_role(Role::Label).count();
        assert!(names > 0);
        let mut seen = 0;
        for (clip, text) in texts(window) {
            if ["In", "Out", "Rejected", "Waiting", "p50", "p95", "p99"].contains(&text.galley.text()) {
                seen += 1;
                let place = text.visual_bounding_rect();
                assert!(
                    clip.expand(1.0).contains_rect(place),
                    "{width}: {:?} at {place:?} in {clip:?}",
                    text.galley.text()
                );
            }
        }
        assert!(seen >= 10, "{width}: {seen}");
    }
}
