//! Queries as people write them.

use super::*;

const NOW: Millis = 1_772_445_605_250;

fn read(text: &str) -> Query {
    Query::parse(text, NOW).expect(text)
}

#[test]
fn words_and_fields_mix_in_any_order() {
    let query =
        read(r#"Refund event:"Order Completed" state:failed,retrying "two words" since:2h TYPE:track"#);
    let expected = Query {
        words: vec!["refund".into(), "two words".into()],
        fields: vec![(Field::Event, Pattern::exactly("Order Completed"))],
        states: vec![State::Failed, State::Retrying],
        kinds: vec![Kind::Track],
        since: Some(NOW - 7_200_000),
        ..Query::default()
    };
    assert_eq!(query, expected);
    assert!(read("  ").is_all() && !query.is_all());
}

#[test]
fn a_word_with_a_colon_that_is_no_key_is_searched_for_as_text() {
    assert_eq!(read("http://x/y 12:30 foo:bar").words, ["http://x/y", "12:30", "foo:bar"]);
    let being_typed = read(r#"event: userId:, "half a"#);
    assert_eq!((being_typed.fields, being_typed.words), (vec![], vec!["half a".to_owned()]));
}

#[test]
fn an_unknown_field_is_named_with_the_nearest_known_one() {
    let unknown = |text: &str| unknown_field(text).map(|found| (text[found.span].to_owned(), found.meant));
    for (text, word, meant) in [
        ("usr:foo", "usr:", Some(QueryKey::Field(Field::User))),
        ("user:foo", "user:", Some(QueryKey::Field(Field::User))),
        ("a state:failed STATUS:failed", "STATUS:", Some(QueryKey::State)),
        ("evnt:x", "evnt:", Some(QueryKey::Field(Field::Event))),
        ("msgid:x", "msgid:", Some(QueryKey::Field(Field::MessageId))),
        ("tpye:track", "tpye:", Some(QueryKey::Type)),
        ("colour:red", "colour:", None),
    ] {
        assert_eq!(unknown(text), Some((word.to_owned(), meant)), "{text}");
    }
    for text in ["https://x/y", "12:30", "\"usr:foo\"", "C:\\x", "usr:", "x userId:a", ""] {
        assert_eq!(unknown(text), None, "{text}");
    }
}

#[test]
fn a_star_matches_any_text_unless_it_is_quoted() {
    let query = read(r#"event:Order*,*ed,*x* userId:"a*" event:* messageId:b\"#);
    let patterns: Vec<_> =
        query.patterns(Field::Event).map(|p| (p.open_start, &*p.text, p.open_end)).collect();
    assert_eq!(patterns, [(false, "Order", true), (true, "ed", false), (true, "x", true), (true, "", true)]);
    assert_eq!(query.patterns(Field::User).next(), Some(&Pattern::exactly("a*")));
    assert_eq!(query.patterns(Field::MessageId).next(), Some(&Pattern::exactly("b\\")));
    let order = query.patterns(Field::Event).next().expect("the first");
    assert!(order.fits("order completed", false) && !order.fits("order completed", true));
}

#[test]
fn a_shard_matches_by_number_and_an_error_by_any_part() {
    let query = read("shard:3 error:Throughput");
    assert_eq!(query.patterns(Field::Shard).next(), Some(&Pattern::exactly("shardId-000000000003")));
    let error = query.patterns(Field::Error).next().expect("there");
    assert!(error.fits("ProvisionedThroughputExceededException: slow down", false));
}

#[test]
fn an_error_names_the_key_the_value_and_what_is_allowed() {
    for (text, word) in [("state:lost", "queued"), ("type:x", "identify"), ("since:yesterday", "15m")] {
        let said = Query::parse(text, NOW).expect_err(text).to_string();
        assert!(said.contains(word) && said.contains(text.split(':').nth(1).expect("a value")), "{said}");
    }
}

#[test]
fn a_time_range_does_not_end_before_it_begins() {
    for text in ["since:1h until:2h", "until:2026-03-01 since:2026-03-02"] {
        assert_eq!(Query::parse(text, NOW), Err(QueryError::BackwardRange), "{text}");
    }
    assert_eq!(read("since:2h until:1h").until, Some(NOW - 3_600_000));
}

#[test]
fn a_moment_is_a_time_a_date_or_an_age() {
    assert_eq!(moment("2026-03-02T10:00:05.250Z", NOW), Some(NOW));
    assert_eq!(moment("2026-03-02", NOW), Some(NOW - 36_005_250));
    assert_eq!(moment("90s", NOW), Some(NOW - 90_000));
    assert_eq!([moment("", NOW), moment("5", NOW), moment("5w", NOW), moment("é", NOW)], [None; 4]);
}

#[test]
fn a_condition_is_replaced_added_or_removed_and_the_rest_stays() {
    let state = |text: &str, values: &[&str]| with(text, QueryKey::State, values);
    assert_eq!(state("", &["failed"]), "state:failed");
    assert_eq!(
        state(r#"a "b  c" state:failed d state:x"#, &["queued", "failed"]),
        r#"a "b  c" d state:queued,failed"#
    );
    assert_eq!(state("state:failed a", &[]), "a");
    for odd in ["two words", "a,b", r#"say "hi" \"#, "st*r", ""] {
        let text = with("x", QueryKey::Field(Field::Event), &[odd]);
        let patterns: Vec<_> = read(&text).fields.into_iter().map(|(_, pattern)| pattern).collect();
        let expected: Vec<_> =
            Some(odd).filter(|odd| !odd.is_empty()).map(Pattern::exactly).into_iter().collect();
        assert_eq!(patterns, expected, "{text}");
    }
}

#[test]
fn a_text_is_split_into_conditions_and_words() {
    for (text, conditions, rest) in [
        ("", &[][..], ""),
        ("refund  now ", &[], "refund  now "),
        ("state:failed", &["state:failed"], ""),
        ("refund state:failed,queued now", &["state:failed,queued"], "refund now"),
        (r#"event:"Order C"* userId:a*  total"#, &[r#"event:"Order C"*"#, "userId:a*"], "total"),
        (r#"event:"Order C"#, &[r#"event:"Order C""#], ""),
        ("state:lost userId: a", &[], "state:lost userId: a"),
        ("since:2h x until:1h", &["since:2h", "until:1h"], "x "),
    ] {
        let (found, others) = split(text, false);
        assert_eq!(
            (found.as_slice(), &*others),
            (&conditions.iter().map(ToString::to_string).collect::<Vec<_>>()[..], rest),
            "{text}"
        );
        let again = format!("{} {others}", found.join(" "));
        let fields =
            |text: &str| Query::parse(text, 7).map(|query| (query.states, query.fields, query.words));
        assert_eq!(fields(&again), fields(text), "{text}");
    }
    // What is being typed is no condition yet.
    assert_eq!(split("state:failed", true), (vec![], "state:failed".to_owned()));
    assert_eq!(split("x state:failed ", true), (vec!["state:failed".to_owned()], "x ".to_owned()));
    assert_eq!(split(r#"event:"Order "#, true), (vec![], r#"event:"Order "#.to_owned()));
}
