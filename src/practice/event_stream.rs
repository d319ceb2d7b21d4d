//! The event stream encoding: how AWS frames the events of one long answer (`application/vnd.amazon.eventstream`).

use super::api_error::ApiError;
use super::format::Format;
use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use axum::body::Bytes;
use serde_json::json;

/// An event, from its JSON.
pub(super) fn event(kind: &'static str, text: String, format: Format) -> Bytes {
    frame([(":message-type", "event"), (":event-type", kind)], text, format)
}

/// The error with which a stream of events ends.
pub(super) fn exception(error: &ApiError, format: Format) -> Bytes {
    let text = json!({ "message": error.message }).to_string();
    frame([(":message-type", "exception"), (":exception-type", error.code)], text, format)
}

fn frame(headers: [(&'static str, &'static str); 2], text: String, format: Format) -> Bytes {
    let payload = format.write(text);
    let mut framed = Vec::with_capacity(payload.len() + 256);
    let mut message = Message::new(payload);
    for (name, value) in headers.into_iter().chain([(":content-type", format.content_type())]) {
        message = message.add_header(Header::new(name, HeaderValue::String(value.into())));
    }
    write_message_to(&message, &mut framed).expect("an event is far below the format's limits");
    framed.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_eventstream::frame::read_message_from;

    #[test]
    fn an_event_reads_back() {
        let mut framed = event("SubscribeToShardEvent", "{\"a\":1}".into(), Format::Json);
        let message = read_message_from(&mut framed).unwrap();
        assert_eq!(message.payload().as_ref(), b"{\"a\":1}");
        let headers: Vec<_> = message
            .headers()
            .iter()
            .map(|header| (header.name().as_str(), header.value().as_string().unwrap().as_str()))
            .collect();
        let kind = (":event-type", "SubscribeToShardEvent");
        assert_eq!(
            headers,
            [(":message-type", "event"), kind, (":content-type", "application/x-amz-json-1.1")]
        );
    }
}
