//! Properties: any JSON, and any bytes.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::*;

/// JSON text that `serde_json` cannot all hold: any number text, escapes, lone surrogates, repeated names, white space.
fn any_value() -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[a-zA-Z0-9 {}\\[\\],:é😀]{0,12}",
        Just(r#"\"\\\/\b\f\n\r\t\u0041"#.to_owned()),
        Just(r"\ud83d lone \uDE00".to_owned()),
        Just("NaN,Infinity,-Infinity".to_owned()),
        Just("writeKey".to_owned()),
    ]
    .prop_map(|inner| format!("\"{inner}\""));
    let leaf = prop_oneof![
        string.clone(),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        prop_oneof![Just("true"), Just("false"), Just("null"), Just("{}"), Just("[ ]")]
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(6, 40, 4, move |inner| {
        let name = string.clone();
        let space = || prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t")];
        prop_oneof![
            (proptest::collection::vec(inner.clone(), 0..4), space())
                .prop_map(|(values, space)| format!("[{space}{}{space}]", values.join(","))),
            (proptest::collection::vec((name, inner), 0..4), space()).prop_map(|(members, space)| {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("{name}{space}:{space}{value}")).collect();
                format!("{{{}{space}}}", members.join(&format!("{space},")))
            }),
        ]
    })
}

/// Names that the tracking API does not document, among them the empty one.
fn any_name() -> impl Strategy<Value = String> {
    let names = r"properties,traits,channel,userid,Type,ip,_metadata,batch2,x\u0041,,sentAt2,été";
    proptest::sample::select(names.split(',').map(str::to_owned).collect::<Vec<_>>())
}

fn any_object() -> impl Strategy<Value = Vec<(String, String)>> {
    proptest::collection::vec((any_name(), any_value()), 0..8)
}

fn object_text(members: &[(String, String)]) -> String {
    let members: Vec<_> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

const DOCUMENTED: [&str; 9] = [
    "type",
    "messageId",
    "context",
    "integrations",
    "sentAt",
    "receivedAt",
    "originalTimestamp",
    "timestamp",
    "writeKey",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_documented_arrives_byte_for_byte(
        mut members_in in any_object(),
        at in 0_usize..9,
        documented in proptest::sample::subsequence(DOCUMENTED.to_vec(), 0..9),
        value in any_value(),
        shared in any_object(),
    ) {
        let at = at.min(members_in.len());
        for name in documented {
            // A valid messageId must not exceed 1 KiB; any other value of these is accepted.
            members_in.insert(at, (name.to_owned(), value.clone()));
        }
        members_in.insert(at, ("userId".to_owned(), "\"u\"".to_owned()));
        let item = object_text(&members_in);
        let shared = object_text(&shared);
        let body = format!("{{\"context\":{shared},\"type\":0,\"userId\":\"v\",\"batch\":[],\"integrations\":{shared}}}");
        let undocumented = |text: &str| -> Vec<(String, String)> {
            members(text).into_iter().filter(|(name, _)| !DOCUMENTED.contains(&name.as_str())).collect()
        };

        let text = json(single(Kind::Page, &item));
        prop_assert_eq!(undocumented(&text), undocumented(&item));
        prop_assert_eq!(member(&text, "writeKey"), None);

        // The same as an item, its type added, with an envelope that must not leak into it.
        let typed = format!("{},\"type\":\"page\"}}", &item[..item.len() - 1]);
        let body = body.replace("\"batch\":[]", &format!("\"batch\":[{typed}]"));
        let text = json(only(&body));
        prop_assert_eq!(undocumented(&text), undocumented(&item));
    }

    #[test]
    fn context_members_arrive_byte_for_byte_and_the_items_own_win(own in any_object(), shared in any_object()) {
        let body = format!(
            "{{\"batch\":[{{\"type\":\"page\",\"userId\":\"u\",\"context\":{}}}],\"context\":{}}}",
            object_text(&own), object_text(&shared)
        );
        let direct = |from: &[(String, String)]| from.iter().any(|(name, _)| name == "direct");
        prop_assume!(!direct(&own) && !direct(&shared));
        let merged = members(&member(&json(only(&body)), "context").unwrap());
        let read = |from: &[(String, String)]| members(&object_text(from));
        let mut wanted = read(&own);
        let lacking = read(&shared).into_iter().filter(|(name, _)| !wanted.iter().any(|(own, _)| own == name));
        let lacking: Vec<_> = lacking.collect();
        wanted.extend(lacking);
        prop_assert_eq!(merged, wanted);
    }

    #[test]
    fn a_batch_has_exactly_its_items(items in proptest::collection::vec(any_value(), 0..12)) {
        let body = format!("{{\"batch\":[{}]}}", items.join(" ,\n"));
        let events = batch(body.as_bytes()).unwrap();
        prop_assert_eq!(events.len(), items.len());
        for (event, item) in events.iter().zip(&items) {
            let rejection = event.as_ref().unwrap_err();
            let code = if item.starts_with('{') { EndpointCode::MissingType } else { EndpointCode::NotAnObject };
            prop_assert_eq!(rejection.code, code);
            prop_assert_eq!(std::str::from_utf8(&rejection.excerpt).unwrap(), item.as_str());
        }
    }

    #[test]
    fn what_is_accepted_is_json_and_what_is_json_is_accepted(text in "[\\[\\]{}:,\"\\\\a-f0-9.eE+\\- \n\u{1}NIntru]{0,16}") {
        let body = format!("{{\"userId\":\"u\",\"p\":{text}}}");
        let valid = serde_json::from_str::<Box<RawValue>>(&body).is_ok();
        let event = single(Kind::Page, &body);
        match event {
            Ok(event) => {
                prop_assert!(valid || event.notes.bare_numbers > 0, "{}", body);
                prop_assert!(serde_json::from_slice::<Box<RawValue>>(&event.json).is_ok());
            }
            Err(rejection) => prop_assert!(!valid || rejection.code != EndpointCode::InvalidJson, "{}", body),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        base in any_object(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let item = object_text(&base).replacen('{', "{\"type\":\"page\",\"userId\":1,\"timestamp\":2,", 1).replace(",}", "}");
        let mut body = format!("{{\"sentAt\":3,\"context\":{item},\"batch\":[{item},{item}],\"userId\":[NaN]}}").into_bytes();
        for (at, byte) in edits {
            let at = at.index(body.len());
            // Bytes that mean something to JSON are the interesting ones.
            body[at] = *b"{}[]:,\"\\un\xFF\xC3 \n0-".get(usize::from(byte % 32)).unwrap_or(&byte);
        }
        if cut.index(4) == 0 {
            body.truncate(cut.index(body.len()));
        }
        let arrival = arrival(PathClass::Device);
        if let Ok(parsed) = Body::parse(&body) {
            let made = parsed.batch(&arrival).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
            for event in made.into_iter().chain([parsed.single(Kind::Page, &arrival)]).flatten() {
                prop_assert!(serde_json::from_slice::<Box<RawValue>>(&event.json).is_ok());
            }
            _ = parsed.write_key();
        }
    }

    #[test]
    fn any_two_times_give_a_time(timestamp in any::<i64>(), sent in any::<i64>(), received_at_ms in any::<i64>()) {
        let body = format!("{{\"userId\":\"u\",\"timestamp\":{timestamp},\"sentAt\":{}}}", sent >> 18);
        let arrival = Arrival { received_at_ms: received_at_ms >> 16, ..arrival(PathClass::Server) };
        let text = json(Body::parse(body.as_bytes()).unwrap().single(Kind::Page, &arrival));
        let time = member(&text, "timestamp").unwrap();
        prop_assert!(time.len() == 26 && time.ends_with("Z\""), "{}", time);
    }
}
