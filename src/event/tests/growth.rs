//! What a batch may grow to.

use super::*;

#[test]
fn a_shared_context_is_not_copied_beyond_measure() {
    let body = |context: usize, items: usize| {
        let item = r#"{"type":"identify","userId":"u"}"#;
        let items = vec![item; items].join(",");
        format!(r#"{{"context":{{"x":"{}"}},"batch":[{items}]}}"#, "c".repeat(context))
    };
    // As much as Segment's largest batches may bring, and a thousand items with 1 KiB and more.
    for (context, items) in [(1024, 2500), (3500, 1000), (500_000, 1)] {
        assert!(batch(body(context, items).as_bytes()).is_ok(), "{items} items with {context} bytes");
    }
    // More than 4 MiB is added, and more than four times the body.
    for (context, items) in [(250_000, 240), (3000, 2500), (500_000, 1000)] {
        let rejection = batch(body(context, items).as_bytes()).unwrap_err();
        assert_eq!(rejection.code, EndpointCode::BatchGrowsTooLarge, "{items} items with {context} bytes");
        let added = items * (context + 8);
        assert!(
            rejection.message.contains(&format!("{items} items would add {added} bytes")),
            "{}",
            rejection.message
        );
        assert!(rejection.message.contains("send smaller batches"), "{}", rejection.message);
    }
}

#[test]
fn what_a_batch_adds_is_at_most_four_times_its_body_whatever_adds_it() {
    // A shared `sentAt` is copied too, and tiny items get a messageId, times and a row each.
    let shared_time = |items: usize| {
        let items = vec![r#"{"type":"identify","userId":"u"}"#; items].join(",");
        format!(r#"{{"sentAt":"{}","batch":[{items}]}}"#, "9".repeat(250_000))
    };
    assert_eq!(batch(shared_time(240).as_bytes()).unwrap_err().code, EndpointCode::BatchGrowsTooLarge);
    let many = |item: &str, items: usize| format!(r#"{{"batch":[{}]}}"#, vec![item; items].join(","));
    let tiny = r#"{"type":"page","userId":"u"}"#;
    assert!(batch(many(tiny, 10_000).as_bytes()).is_ok());
    assert_eq!(batch(many(tiny, 100_000).as_bytes()).unwrap_err().code, EndpointCode::BatchGrowsTooLarge);
    let usual = r#"{"type":"page","userId":"some-user","messageId":"7633fb3e-61d9-4525-8fae-3d8fb40d4b80","name":"Home"}"#;
    let body = many(usual, 100_000);
    let events = batch(body.as_bytes()).expect("an item of a hundred bytes is enough");
    let rows = 200 * events.len();
    let stored: usize = events.iter().map(|event| event.as_ref().map_or(0, |event| event.json.len())).sum();
    assert!(stored + rows <= 5 * body.len(), "{stored} and {rows} of {}", body.len());
}

#[test]
fn a_batch_grows_by_what_its_items_lack_and_not_by_what_they_have_themselves() {
    let body = |shared: &str, item: &str, items: usize| {
        format!(r#"{{{shared},"batch":[{}]}}"#, vec![item; items].join(","))
    };
    let code = |body: String| match batch(body.as_bytes()) {
        Ok(events) => {
            let bytes: usize = events.iter().map(|event| event.as_ref().expect("fine").json.len()).sum();
            assert!(bytes < 5 * body.len() + (8 << 20), "{bytes} of {}", body.len());
            None
        }
        Err(rejection) => Some(rejection.code),
    };
    let tiny = r#"{"type":"page","userId":"somebody","properties":{"a":1,"b":2}}"#;
    assert_eq!(tiny.len(), 62);
    assert_eq!(code(body(r#""x":0"#, tiny, 20_000)), None, "an importer's small items");
    let page = "p".repeat(5_000);
    let shared = format!(r#""context":{{"page":"{page}","locale":"de"}}"#);
    let own = r#"{"type":"page","userId":"u","context":{"page":"own","p\u0061ge":"again"}}"#;
    assert_eq!(code(body(&shared, own, 1_000)), None, "they have a page");
    assert_eq!(code(body(&shared, own, 20_000)), None);
    for own in [r#""context":7"#, r#""context":{"locale":"en","page":0}"#] {
        let item = format!(r#"{{"type":"page","userId":"u",{own}}}"#);
        assert_eq!(code(body(&shared, &item, 2_000)), None, "{own}");
    }
    // They get it, or must look at it: names that are there again and again are looked at for each item.
    for own in [r#""context":{"locale":"en"}"#, r#""context":{}"#, r#""context":null"#, r#""sentAt":"x""#] {
        let item = format!(r#"{{"type":"page","userId":"u",{own}}}"#);
        assert_eq!(code(body(&shared, &item, 2_000)), Some(EndpointCode::BatchGrowsTooLarge), "{own}");
    }
    let again = format!(r#""integrations":{{{}}}"#, vec![r#""a":0"#; 5_000].join(","));
    let item = r#"{"type":"page","userId":"u","integrations":{"a":1}}"#;
    assert_eq!(code(body(&again, item, 5_000)), Some(EndpointCode::BatchGrowsTooLarge));
    let time = format!(r#""sentAt":"{page}""#);
    let item = r#"{"type":"page","userId":"u","sentAt":"2026-03-02T10:00:00Z"}"#;
    assert_eq!(code(body(&time, item, 2_000)), None, "each has its own time");
}
