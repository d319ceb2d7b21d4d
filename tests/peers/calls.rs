//! The calls that the SDKs make.

use serde_json::{Value, json};

/// One call: its type, and its message as JSON text.
#[derive(Clone, Debug)]
pub struct Call {
    pub kind: &'static str,
    pub message: String,
}

impl Call {
    fn new(kind: &'static str, message: &Value) -> Self {
        Self { kind, message: message.to_string() }
    }

    /// The line that the senders read.
    pub fn line(&self) -> String {
        format!("{{\"type\":\"{}\",\"message\":{}}}\n", self.kind, self.message)
    }
}

/// All six calls, with everything that is easily damaged.
pub fn all_six() -> Vec<Call> {
    let nested = json!({"a": [{"b": [null, true, [], {}, {"c": {"d": [1, [2, [3]]]}}]}], "": "empty name"});
    // As text, since a parsed value would lose what matters here.
    let numbers = r#"{"userId":"numbers","event":"Numbers","properties":{"big":12345678901234567890,"small":1e-7,
        "huge":1e21,"price":19.99,"negative":-0.1,"whole":3,"zero":0,"safe":9007199254740991}}"#;
    let cut = r#"{"userId":"cut","event":"Cut inside an emoji","properties":{"text":"so far \ud83d"}}"#;
    let unicode = json!({
        "plain": "Zażółć gęślą jaźń", "right to left": "שלום عليكم", "emoji": "👩‍👩‍👧‍👦🏳️‍🌈", "astral": "𝒳", "escapes": "\"\\/\u{8}\n\t\u{1}",
        "separators": "\u{2028}\u{2029}", "html": "<b>&amp;</b>", "clé": "名前", "no break": "\u{feff}\u{a0}",
    });
    let own_context = json!({"ip": "203.0.113.9", "locale": "sr-RS", "page": {"url": "https://example.com/?q=1#x"},
        "ours": {"kept": null}});
    vec![
        Call::new(
            "identify",
            &json!({"userId": "u-1", "traits": {"name": "Ada", "plan": null, "admin": false}}),
        ),
        Call::new("identify", &json!({"anonymousId": "anon-1", "traits": {}})),
        Call::new(
            "identify",
            &json!({"userId": "u-1", "anonymousId": "anon-1", "traits": {"deep": nested.clone()}}),
        ),
        Call::new("track", &json!({"userId": "u-1", "event": "Signed Up", "properties": {"plan": "pro"}})),
        Call::new("track", &json!({"anonymousId": "anon-1", "event": "No properties"})),
        Call::new("track", &json!({"userId": "ユーザー", "event": "Événement 🎉", "properties": unicode})),
        Call::new("track", &json!({"userId": "u-1", "event": "Nested", "properties": nested})),
        Call { kind: "track", message: numbers.replace("\n        ", "") },
        Call { kind: "track", message: cut.to_owned() },
        Call::new(
            "track",
            &json!({"userId": "large", "event": "30 KB", "properties": {"text": "30 KB. ".repeat(3750) + "é 👍"}}),
        ),
        Call::new(
            "track",
            &json!({"userId": "u-1", "event": "Look-alikes", "context": own_context, "integrations": {"All": false, "Other": {"k": 1}},
                "properties": {"userId": "not me", "type": "screen", "timestamp": "1999", "writeKey": "mine", "messageId": 7}}),
        ),
        Call::new("track", &json!({"userId": "x".repeat(300), "event": "An id longer than Kinesis takes"})),
        Call::new(
            "page",
            &json!({"userId": "u-1", "category": "Docs", "name": "Start", "properties": {"url": "/start"}}),
        ),
        Call::new("page", &json!({"anonymousId": "anon-2", "name": "Home"})),
        Call::new("screen", &json!({"userId": "u-1", "name": "Settings", "properties": {"from": "menu"}})),
        Call::new(
            "group",
            &json!({"userId": "u-1", "groupId": "g-1", "traits": {"name": "Analytical Engines", "seats": 0.5}}),
        ),
        Call::new("group", &json!({"anonymousId": "anon-1", "groupId": "g-2"})),
        Call::new("alias", &json!({"userId": "u-1", "previousId": "anon-1"})),
    ]
}

/// One more, larger than Segment accepts.
pub fn forty_kilobytes() -> Call {
    let properties = json!({"text": "40 kB. ".repeat(5714) + "é 👍"});
    Call::new("track", &json!({"userId": "large", "event": "40 kB", "properties": properties}))
}

/// The calls of analytics-next in a page, each with what its event must have. The user stays known between calls.
pub fn in_a_page() -> Vec<(Call, Value)> {
    let nested = json!({"a": [{"b": [null, true, [], {}, {"c": {"d": [1, [2, [3]]]}}]}], "": "empty name"});
    let unicode = json!({
        "plain": "Zażółć gęślą jaźń", "right to left": "שלום عليكم", "emoji": "👩‍👩‍👧‍👦🏳️‍🌈", "astral": "𝒳", "escapes": "\"\\/\u{8}\n\t\u{1}",
        "separators": "\u{2028}\u{2029}", "html": "<b>&amp;</b>", "clé": "名前", "no break": "\u{feff}\u{a0}",
    });
    let numbers = json!({"small": 1e-7, "huge": 1e21, "price": 19.99, "negative": -0.1, "zero": 0, "safe": 9_007_199_254_740_991_u64});
    let look_alikes = json!({"userId": "not me", "type": "screen", "timestamp": "then", "writeKey": "mine", "messageId": 7});
    let options = json!({"integrations": {"All": false, "Segment.io": true, "Other": {"k": 1}}, "anonymousId": "anon-1",
        "context": {"ip": "203.0.113.9", "ours": {"kept": null}}});
    let text = "40 kB. ".repeat(5714) + "é 👍";
    let track = |name: &str, properties: &Value| {
        let wanted = json!({"event": name, "properties": properties, "userId": "u-1"});
        ("track", json!([name, properties]), wanted)
    };
    #[rustfmt::skip]
    let calls = [
        ("page", json!([]), json!({"userId": null, "properties": {"path": "/", "title": "Tëst 🎉"}})),
        ("track", json!(["No properties"]), json!({"event": "No properties", "userId": null, "properties": {}})),
        ("identify", json!(["u-1", {"name": "Ada", "plan": null, "deep": nested}]),
            json!({"userId": "u-1", "traits": {"name": "Ada", "plan": null, "deep": nested}})),
        ("page", json!(["Docs", "Start", {"url": "/start"}]),
            json!({"category": "Docs", "name": "Start", "userId": "u-1", "properties": {"url": "/start"}})),
        track("Événement 🎉", &unicode),
        track("Nested", &nested),
        track("Numbers", &numbers),
        track("Look-alikes", &look_alikes),
        track("40 kB", &json!({"text": text})),
        ("track", json!(["Options", {}, options]), json!({"event": "Options", "anonymousId": "anon-1",
            "integrations": {"All": false, "Other": {"k": 1}}, "context": {"ip": "203.0.113.9", "ours": {"kept": null}}})),
        ("screen", json!(["Settings", {"from": "menu"}]),
            json!({"name": "Settings", "userId": "u-1", "properties": {"from": "menu"}})),
        ("group", json!(["g-1", {"name": "Analytical Engines", "seats": 0.5}]),
            json!({"groupId": "g-1", "userId": "u-1", "traits": {"name": "Analytical Engines", "seats": 0.5}})),
        ("identify", json!(["ユーザー"]), json!({"userId": "ユーザー"})),
        ("alias", json!(["u-2", "u-1"]), json!({"previousId": "u-1"})),
    ];
    let with_type = |kind: &str, mut wanted: Value| {
        wanted["type"] = kind.into();
        wanted
    };
    let calls = calls.into_iter();
    calls.map(|(kind, arguments, wanted)| (Call::new(kind, &arguments), with_type(kind, wanted))).collect()
}

/// Many small calls in a page, numbered.
pub fn many_in_a_page(count: usize) -> Vec<Call> {
    many_in_a_page_called("Tick", count)
}

/// The same with another name.
pub fn many_in_a_page_called(event: &str, count: usize) -> Vec<Call> {
    (0..count).map(|n| Call::new("track", &json!([event, {"n": n}]))).collect()
}

/// Many small calls of a few users.
pub fn many(count: usize) -> Vec<Call> {
    many_with(count, "")
}

/// The same with another name.
pub fn many_called(event: &str, count: usize) -> Vec<Call> {
    let call = |n| json!({"userId": format!("u-{}", n % 7), "event": event, "properties": {"n": n}});
    (0..count).map(|n| Call::new("track", &call(n))).collect()
}

/// The same, each with a text.
pub fn many_with(count: usize, text: &str) -> Vec<Call> {
    let call =
        |n| json!({"userId": format!("u-{}", n % 7), "event": "Tick", "properties": {"n": n, "text": text}});
    (0..count).map(|n| Call::new("track", &call(n))).collect()
}
