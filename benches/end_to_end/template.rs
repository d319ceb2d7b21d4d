//! Requests as analytics-node sends them, built once. Only the ids change from one to the next.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The write key of the program under test.
pub const WRITE_KEY: &str = "benchmark-write-key";

/// Bytes of one event as it is sent.
pub const EVENT_BYTES: usize = 700;

/// Bytes of a small event as it is sent.
pub const SMALL_EVENT_BYTES: usize = 350;

/// One request, complete but for its ids.
pub struct Template {
    bytes: Vec<u8>,
    /// Where the eight digits of `userId` and the sixteen of `messageId` of each event are.
    places: Vec<(usize, usize)>,
}

impl Template {
    /// A request of this number of events, as the tracking API takes them.
    pub fn new(events: usize) -> Self {
        if events == 1 {
            Self::of((events, item(false)), "/v1/track", ["", ""])
        } else {
            Self::of(
                (events, item(false)),
                "/v1/batch",
                ["{\"batch\":[", "],\"sentAt\":\"2026-03-02T10:00:00.000Z\"}"],
            )
        }
    }

    /// A request of this number of events to that path, between `open` and `close`.
    pub fn of((events, item): (usize, Item), path: &str, [open, close]: [&str; 2]) -> Self {
        let Item { text: item, user, message } = item;
        let mut body = open.to_owned();
        let mut starts = Vec::with_capacity(events);
        for index in 0..events {
            if index > 0 {
                body.push(',');
            }
            starts.push(body.len());
            body.push_str(&item);
        }
        body.push_str(close);
        let key = STANDARD.encode(format!("{WRITE_KEY}:"));
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {key}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let places =
            starts.iter().map(|start| (head.len() + start + user, head.len() + start + message)).collect();
        Self { bytes: (head + &body).into_bytes(), places }
    }

    /// The request with the events from number `first` on. User numbers are spread over `users` without a pattern in
    /// batches.
    pub fn stamp(&mut self, first: u64, users: u64) -> &[u8] {
        for (index, (user, message)) in (first..).zip(&self.places) {
            digits(&mut self.bytes[*user..*user + 8], user_of(index, users));
            digits(&mut self.bytes[*message..*message + 16], index);
        }
        &self.bytes
    }
}

/// The user number that [`Template::stamp`] gives to this event.
pub fn user_of(event: u64, users: u64) -> u64 {
    event.wrapping_mul(7919) % users
}

fn digits(place: &mut [u8], mut number: u64) {
    for byte in place.iter_mut().rev() {
        *byte = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

/// An event, and where the digits of its user and message are.
pub struct Item {
    text: String,
    user: usize,
    message: usize,
}

/// An event of [`EVENT_BYTES`] as analytics-node sends it, or a small one.
pub fn item(is_small: bool) -> Item {
    let small = r#"{"timestamp":"2026-03-02T09:59:30.123Z","type":"track","userId":"user-00000000","event":"Product Added","properties":{"sku":"G-32","price":18.99,"note":"NOTE"},"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},"messageId":"node-next-0000000000000000-4f0e-9f5c"}"#;
    let mut text = String::from(if is_small {
        small
    } else {
        r#"{"timestamp":"2026-03-02T09:59:30.123Z","type":"track","userId":"user-00000000","event":"Product Added","properties":{"product_id":"507f1f77bcf86cd799439011","sku":"G-32","category":"Games","name":"Monopoly: 3rd Edition","brand":"Hasbro","price":18.99,"quantity":1,"coupon":"MAYDEALS","currency":"usd","position":3,"tags":["a","b","c"],"nested":{"x":1.5,"y":null,"z":true},"note":"NOTE"},"context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"},"page":{"url":"https://example.com/products/42?utm_source=x"},"locale":"en-US"},"integrations":{},"messageId":"node-next-0000000000000000-4f0e-9f5c"}"#
    });
    let bytes = if is_small { SMALL_EVENT_BYTES } else { EVENT_BYTES };
    let note = "x".repeat(bytes + 4 - text.len());
    text = text.replace("NOTE", &note);
    let user = text.find("user-0").map_or(0, |at| at + 5);
    let message = text.find("next-0").map_or(0, |at| at + 5);
    Item { text, user, message }
}
