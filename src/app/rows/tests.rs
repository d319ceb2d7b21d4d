//! Tests of the held rows, with a log that answers each query as the engine would.

use super::*;
use crate::{
    delivery::{Measure, State},
    event::Kind,
};

fn delivery(id: EventId) -> Delivery {
    Delivery {
        id,
        state: State::Delivered,
        kind: Some(Kind::Track),
        name: None,
        message_id: format!("m{id}").as_str().into(),
        source: "s".into(),
        partition_key: "u".into(),
        key_shortened: false,
        received_at: id,
        settled_at: None,
        attempts: 1,
        took_ms: 1,
        receipt: None,
        fault: None,
        bytes: 1,
        repeat_of: None,
        resend_of: None,
        resent_as: None,
        preview: None,
    }
}

/// Answers as a log of the lines `1..=newest` would.
fn answer(query: &Query, newest: EventId) -> LogPage {
    let mut ids: Vec<EventId> = (1..=newest)
        .filter(|id| {
            query.before.is_none_or(|before| *id < before) && query.after.is_none_or(|after| *id > after)
        })
        .collect();
    if !query.oldest_first {
        ids.reverse();
    }
    ids.truncate(query.limit);
    LogPage {
        rows: ids.into_iter().map(delivery).collect(),
        total: u64::try_from(newest).ok(),
        ..LogPage::default()
    }
}

fn settle(rows: &mut Rows, visible: &Range<usize>, newest: EventId) {
    for _ in 0..100 {
        let Some(query) = rows.missing_page(visible, newest) else { return };
        rows.take(answer(&query, newest), false);
    }
    panic!("asks for ever at {visible:?}");
}

#[test]
fn every_line_is_reached_from_everywhere_and_few_are_held() {
    let newest = 100_000;
    let mut rows = Rows::default();
    for start in [0, 30, 500, 90_000, 99_970, 50_000, 49_700, 49_400, 10, 0, 1100, 2300, 900, 99_900, 0] {
        let visible = start..start + 30;
        settle(&mut rows, &visible, newest);
        assert_eq!(rows.len(), 100_000, "at {start}");
        for number in visible {
            let id = rows.get(number).map(|row| row.id);
            assert_eq!(id, Some(newest - EventId::try_from(number).expect("small")), "line {number}");
        }
        assert!(rows.held.len() <= HELD_MAX + PAGE);
    }
}

#[test]
fn what_comes_while_scrolled_away_is_counted_and_moves_nothing() {
    let mut rows = Rows::default();
    let visible = 100..130;
    settle(&mut rows, &visible, 1000);
    let query = rows.refresh(&visible, false, 1007).expect("looks at the visible lines again");
    rows.take(answer(&query, 1007), false);
    assert_eq!((rows.get(100).map(|row| row.id), rows.unseen(1007)), (Some(900), 7));
    let query = rows.top(1007);
    rows.take(answer(&query, 1007), false);
    assert_eq!((rows.get(0).map(|row| row.id), rows.unseen(1007)), (Some(1007), 0));
}

#[test]
fn a_line_that_no_longer_fits_the_filter_goes() {
    let mut rows = Rows::default();
    rows.set_filter(Query { states: vec![State::Queued], ..Query::default() });
    settle(&mut rows, &(0..30), 20);
    let query = rows.refresh(&(0..30), false, 20).expect("asks again");
    let mut page = answer(&query, 20);
    page.rows.retain(|row| row.id != 15);
    rows.take(page, false);
    assert_eq!((rows.len(), rows.find(15)), (19, None));
}

#[test]
fn a_search_goes_on_where_it_stopped() {
    let mut rows = Rows::default();
    rows.set_filter(Query { words: vec!["x".into()], ..Query::default() });
    let first = rows.missing_page(&(0..30), 5000).expect("asks");
    assert_eq!(first.before, None);
    rows.take(LogPage { stopped_at: Some(4000), ..LogPage::default() }, false);
    assert!(rows.is_searching());
    assert_eq!(rows.missing_page(&(0..30), 5000).expect("asks on").before, Some(4000));
    rows.take(LogPage { rows: vec![delivery(7)], ..LogPage::default() }, false);
    assert_eq!((rows.len(), rows.is_searching(), rows.missing_page(&(0..30), 5000)), (1, false, None));
}

#[test]
fn what_a_search_found_further_back_stays_when_new_lines_come() {
    let mut rows = Rows::default();
    rows.set_filter(Query { words: vec!["x".into()], ..Query::default() });
    rows.missing_page(&(0..30), 9000).expect("asks");
    let line = |id, state| Delivery { state, ..delivery(id) };
    let first = vec![line(8900, State::Queued), delivery(8800)];
    rows.take(
        LogPage {
            rows: first,
            stopped_at: Some(5000),
            reached: Some(77),
            reaches_to: 1,
            ..LogPage::default()
        },
        false,
    );
    let progress = rows.progress().expect("not done");
    assert_eq!((progress.reached, format!("{:.2}", progress.done)), (77, "0.44".to_owned()));
    rows.missing_page(&(0..30), 9000).expect("asks on");
    rows.take(LogPage { rows: vec![delivery(7)], ..LogPage::default() }, false);
    assert_eq!(rows.progress(), None);
    let query = rows.refresh(&(0..30), true, 9100).expect("looks at the newest again");
    assert_eq!((query.before, query.after), (None, None));
    let newer = vec![delivery(9050), line(8900, State::Delivered), delivery(8800)];
    rows.take(LogPage { rows: newer, stopped_at: Some(5100), ..LogPage::default() }, false);
    let now: Vec<_> = (0..rows.len()).filter_map(|n| rows.get(n)).map(|row| (row.id, row.state)).collect();
    assert_eq!(now, [9050, 8900, 8800, 7].map(|id| (id, State::Delivered)));
    assert_eq!(rows.unseen(9100), 0);
}

#[test]
fn a_rare_type_is_searched_for_once_however_much_comes() {
    for filter in [
        Query { kinds: vec![Kind::Alias], ..Query::default() },
        Query { states: vec![State::Delivered], ..Query::default() },
        Query { until: Some(9), ..Query::default() },
    ] {
        let mut rows = Rows::default();
        rows.set_filter(filter);
        rows.missing_page(&(0..30), 9000).expect("asks");
        rows.take(
            LogPage { rows: vec![delivery(8900)], stopped_at: Some(5000), ..LogPage::default() },
            false,
        );
        rows.missing_page(&(0..30), 9000).expect("asks on");
        rows.take(LogPage { rows: vec![delivery(7)], ..LogPage::default() }, false);
        rows.refresh(&(0..30), true, 9100).expect("looks at the newest again");
        rows.take(
            LogPage { rows: vec![delivery(8900)], stopped_at: Some(5100), ..LogPage::default() },
            false,
        );
        assert_eq!((rows.len(), rows.find(7)), (2, Some(1)), "{:?}", rows.filter);
        assert_eq!(rows.missing_page(&(0..30), 9100), None, "nothing is searched twice");
    }
}

#[test]
fn the_last_minutes_move_on_with_the_clock() {
    let mut rows = Rows::default();
    rows.set_filter(Query { since: Some(3), ..Query::default() });
    rows.missing_page(&(0..30), 5).expect("asks");
    rows.take(LogPage { rows: vec![delivery(5), delivery(4), delivery(3)], ..LogPage::default() }, false);
    rows.slide(5);
    assert_eq!((rows.len(), rows.find(4)), (1, None));
    assert_eq!(rows.top(5).since, Some(5));
}

#[test]
fn a_search_that_was_ended_asks_for_no_more_until_it_may_go_on() {
    let mut rows = Rows::default();
    rows.set_filter(Query { words: vec!["x".into()], ..Query::default() });
    rows.missing_page(&(0..30), 9000).expect("asks");
    rows.take(LogPage { stopped_at: Some(5000), reached: Some(77), ..LogPage::default() }, false);
    rows.stop_search();
    assert_eq!(rows.missing_page(&(0..30), 9000), None);
    assert!(rows.progress().is_some_and(|progress| progress.is_stopped));
    rows.resume_search();
    assert_eq!(rows.missing_page(&(0..30), 9000).expect("goes on").before, Some(5000));
}

#[test]
fn a_ranking_is_gathered_from_the_whole_log_and_then_holds_still() {
    let mut rows = Rows::default();
    rows.set_filter(Query { by: Some(Measure::Size), ..Query::default() });
    let sized = |id, bytes| Delivery { bytes, ..delivery(id) };
    rows.missing_page(&(0..30), 9000).expect("asks");
    let first = vec![sized(8000, 50), sized(8500, 20)];
    rows.take(LogPage { rows: first, stopped_at: Some(5000), ..LogPage::default() }, false);
    assert_eq!(rows.missing_page(&(0..30), 9000).expect("asks on").before, Some(5000));
    rows.take(LogPage { rows: vec![sized(10, 30)], ..LogPage::default() }, false);
    let sizes: Vec<_> = (0..rows.len()).filter_map(|n| rows.get(n)).map(|row| row.bytes).collect();
    assert_eq!(sizes, [50, 30, 20]);
    assert_eq!((rows.missing_page(&(0..30), 9000), rows.refresh(&(0..30), true, 9100)), (None, None));
}

#[test]
fn lines_that_are_aimed_at_stay_though_a_page_was_on_its_way_and_they_fit_no_more() {
    let mut rows = Rows::default();
    rows.set_filter(Query { states: vec![State::Queued], ..Query::default() });
    rows.missing_page(&(0..30), 3).expect("asks");
    rows.take(LogPage { rows: vec![delivery(3), delivery(2)], ..LogPage::default() }, true);
    assert_eq!(rows.len(), 2, "the first page is taken in any case");
    rows.refresh(&(0..30), true, 9).expect("asks for the newest");
    rows.take(LogPage { rows: vec![delivery(9), delivery(3)], ..LogPage::default() }, true);
    rows.refresh(&(0..2), false, 9).expect("asks for the same");
    rows.take(LogPage { rows: vec![delivery(3)], ..LogPage::default() }, true);
    assert_eq!((rows.len(), rows.find(3), rows.find(2), rows.unseen(9)), (2, Some(0), Some(1), 6));
    rows.refresh(&(0..30), true, 9).expect("asks for the newest");
    rows.take(LogPage { rows: vec![delivery(9)], ..LogPage::default() }, false);
    assert_eq!((rows.len(), rows.find(9), rows.unseen(9)), (1, Some(0), 0));
}

#[test]
fn lines_of_a_held_list_say_their_new_state_and_are_asked_again_when_it_is_let_go() {
    let mut rows = Rows::default();
    let queued = |id| Delivery { state: State::Queued, ..delivery(id) };
    rows.set_filter(Query { states: vec![State::Queued], ..Query::default() });
    rows.missing_page(&(0..30), 3).expect("asks");
    rows.take(LogPage { rows: vec![queued(3), queued(2)], ..LogPage::default() }, true);
    assert!(!rows.is_stale(&(0..30), true) && !rows.is_stale(&(0..30), false));
    rows.refresh(&(0..30), true, 3).expect("asks for the newest");
    rows.take(LogPage::default(), true);
    assert!(rows.is_stale(&(0..30), true), "that page was of no use");
    let query = rows.refresh_states(&(0..30)).expect("asks for these lines");
    assert_eq!((query.ids, query.states, query.limit), (vec![3, 2], vec![], 2));
    rows.take(LogPage { rows: vec![delivery(3), queued(2)], ..LogPage::default() }, true);
    let states: Vec<_> = (0..2).filter_map(|n| rows.get(n)).map(|row| row.state).collect();
    assert_eq!(states, [State::Delivered, State::Queued]);
    assert!(!rows.is_stale(&(0..30), true) && rows.is_stale(&(0..30), false));
    rows.refresh(&(0..30), true, 3).expect("asks for the newest");
    rows.take(LogPage { rows: vec![queued(2)], ..LogPage::default() }, false);
    assert_eq!((rows.len(), rows.find(2), rows.is_stale(&(0..30), false)), (1, Some(0), false));
}

#[test]
fn lines_that_were_out_of_sight_when_the_log_changed_are_asked_for_when_they_come_into_sight() {
    let mut rows = Rows::default();
    settle(&mut rows, &(0..30), 150);
    assert!(!rows.is_stale(&(60..90), false), "all are of one page");
    let query = rows.refresh(&(0..30), false, 151).expect("asks for the lines in sight");
    rows.take(answer(&query, 150), false);
    assert!(!rows.is_stale(&(0..30), false) && rows.is_stale(&(20..50), false));
    let query = rows.refresh(&(20..50), false, 151).expect("asks for them");
    rows.take(answer(&query, 150), false);
    assert!(!rows.is_stale(&(20..50), false));
}

#[test]
fn a_line_that_the_filter_leaves_out_is_told_from_one_that_was_not_looked_at() {
    let mut rows = Rows::default();
    rows.set_filter(Query { words: vec!["x".into()], ..Query::default() });
    rows.missing_page(&(0..30), 9).expect("asks");
    rows.take(
        LogPage { rows: vec![delivery(8), delivery(5)], stopped_at: Some(4), ..LogPage::default() },
        false,
    );
    let left_out: Vec<EventId> = (1..=10).filter(|id| rows.excludes(*id)).collect();
    assert_eq!(left_out, [6, 7, 9]);
    assert_eq!((rows.number_of(5), rows.number_of(6)), (Some(1), None));
    let mut all = Rows::default();
    all.missing_page(&(0..30), 9000).expect("asks");
    all.take(answer(&Query { limit: PAGE, ..Query::default() }, 9000), false);
    assert_eq!((all.number_of(9000), all.number_of(1), all.number_of(9001)), (Some(0), Some(8999), None));
}
