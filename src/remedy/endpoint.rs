//! What the endpoint rejects. The sender got the same reason; the mistake is mostly in the sender's code.

use super::{
    class::Class,
    stream::LARGE_RECORDS,
    text::{Location, Remedy},
};
use crate::event::EndpointCode;

/// What the endpoint refuses never reaches the forwarder. The class says whether sending it again can help.
pub(super) fn class(code: EndpointCode) -> Class {
    match code {
        EndpointCode::Overloaded | EndpointCode::SourceSpoolFull | EndpointCode::TooManyRequestsOfPeer => {
            Class::Throttled
        }
        EndpointCode::Unavailable | EndpointCode::BodyTooSlow => Class::Offline,
        EndpointCode::InvalidJson
        | EndpointCode::InvalidBatch
        | EndpointCode::NotAnObject
        | EndpointCode::MissingType
        | EndpointCode::UnknownType
        | EndpointCode::InvalidId
        | EndpointCode::NoUserAnonId
        | EndpointCode::MissingEvent
        | EndpointCode::MissingGroupId
        | EndpointCode::MissingPreviousId
        | EndpointCode::EventTooLarge
        | EndpointCode::BatchGrowsTooLarge
        | EndpointCode::BadEncoding
        | EndpointCode::PayloadTooLarge
        | EndpointCode::UnsupportedEncoding
        | EndpointCode::NoWriteKey
        | EndpointCode::UnknownWriteKey
        | EndpointCode::ForeignRequest
        | EndpointCode::NotFound
        | EndpointCode::MethodNotAllowed => Class::Refused,
    }
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn remedy(code: EndpointCode) -> Remedy {
    match code {
        EndpointCode::BadEncoding => Remedy::new(
            "The request body could not be decompressed.",
            "The request says that it is compressed, but its body is cut off, damaged or not compressed at all.",
            "Check the sender and any proxy between it and Tributary.",
        ),
        EndpointCode::UnsupportedEncoding => Remedy::new(
            "The request is compressed in a way that Tributary does not know.",
            "It reads plain and gzip bodies.",
            "Set the sender to gzip, or switch its compression off.",
        ),
        EndpointCode::InvalidBatch => Remedy::new(
            "The batch holds no list of events.",
            "A batch is a JSON object with a list called `batch`.",
            "Send {\"batch\": [ … ]}, or a single event to /v1/track and the like.",
        ),
        EndpointCode::NotAnObject => Remedy::new(
            "An event is not a JSON object.",
            "Each event is an object in braces; this one is a text, a number, a list or null.",
            "Correct what the sender puts into the batch. The other events of the batch were accepted.",
        ),
        EndpointCode::MissingType => Remedy::new(
            "An event does not say which call it is.",
            "In a batch, each event needs a `type`.",
            "Set `type` to identify, track, page, screen, group or alias.",
        ),
        EndpointCode::UnknownType => Remedy::new(
            "An event has a type that does not exist.",
            "There are six, in lower-case letters: identify, track, page, screen, group and alias.",
            "Correct the event's `type`.",
        ),
        EndpointCode::NoUserAnonId => Remedy::new(
            "An event has neither a userId nor an anonymousId.",
            "One of them becomes the record's partition key: it keeps each user's events in order. An empty text counts as absent.",
            "Give `userId` for someone you know, else an `anonymousId` that stays the same for that visitor.",
        ),
        EndpointCode::InvalidId => Remedy::new(
            "An event's id is not a text, or its messageId is too long.",
            "The ids (userId, anonymousId, groupId, previousId) are texts, and numbers are taken as text; true, false, a list or an object is none. A messageId has at most 1 KiB.",
            "Send the id as text, and a messageId of up to 100 characters.",
        ),
        EndpointCode::MissingEvent => Remedy::new(
            "A track call has no event name.",
            "`event` says what happened, such as \"Order Completed\". It must be a text that is not empty.",
            "Give the track call its `event`.",
        ),
        EndpointCode::MissingGroupId => Remedy::new(
            "A group call has no groupId.",
            "It says which company or team the user belongs to.",
            "Give the group call its `groupId`.",
        ),
        EndpointCode::MissingPreviousId => Remedy::new(
            "An alias call has no previousId.",
            "It joins an old id (`previousId`) to a new one (`userId`).",
            "Give the alias call its `previousId`.",
        ),
        EndpointCode::InvalidJson => Remedy::new(
            "The request body is not valid JSON.",
            "A comma, quote or brace is missing or too many, or the text is not UTF-8. The error message says where.",
            "Correct the sender. When testing by hand, check the quotes that your shell removes.",
        ),
        EndpointCode::NoWriteKey => Remedy::new(
            "A request came without a write key.",
            "The write key says which source sends. SDKs send it by themselves once they have it.",
            "Copy the source's write key into the sender; Sources has a ready snippet for each SDK. In the browser SDK, `apiKey` must be set too.",
        ).at(Location::Sources),
        EndpointCode::UnknownWriteKey => Remedy::new(
            "A request came with a write key that no source has.",
            "The key was mistyped, or its source was removed or has got a new key.",
            "Copy the right key from Sources into the sender.",
        ).at(Location::Sources),
        EndpointCode::ForeignRequest => Remedy::new(
            "A web page of another site sent a request without a known write key.",
            "Where no write key is required, any page in a browser on this computer could send events. So a page needs a key that a source has.",
            "Copy the source's write key into the page; Sources has a ready snippet for browsers.",
        ).at(Location::Sources),
        EndpointCode::NotFound => Remedy::new(
            "A request went to an address that Tributary does not have.",
            "Events go to /v1/track, /v1/identify, /v1/page, /v1/screen, /v1/group, /v1/alias or /v1/batch.",
            "Correct the sender's address; Sources has a ready snippet for each SDK.",
        ).at(Location::Sources),
        EndpointCode::MethodNotAllowed => Remedy::new(
            "A request used a method that this address does not take.",
            "Events are sent with POST. A redirect on the way turns POST into GET and loses the event.",
            "Send to Tributary's address directly, with POST.",
        ).at(Location::Sources),
        EndpointCode::PayloadTooLarge => Remedy::new(
            "A request is larger than Tributary takes.",
            "The limit, after decompression, is `capture.max_body_bytes` (16 MiB unless changed).",
            "Send smaller batches, or raise the limit in the settings file.",
        )
        .at(Location::Settings),
        EndpointCode::BatchGrowsTooLarge => Remedy::new(
            "A batch would take far more room than it has bytes.",
            "The batch's shared `context` and `integrations` are copied into each of its items. What that adds is limited to 4 times the body, or 4 MiB.",
            "Have the sender put less into the shared part, or send smaller batches.",
        )
        .at(Location::Sources),
        EndpointCode::EventTooLarge => Remedy::new(
            "An event is too large for the stream.",
            "A record may have 1 MiB with its key (up to 10 MiB where the stream is set so). Base64 makes an event a third larger.",
            "Send less in one event, or use the encoding `json`, or raise the stream's maximum record size.",
        )
        .at(Location::SetUpStream)
        .see(LARGE_RECORDS),
        EndpointCode::TooManyRequestsOfPeer => Remedy::new(
            "A client sent too many requests at once through a proxy.",
            "A client of a trusted proxy may have `capture.max_connections_per_peer` requests in progress. It was told to retry later.",
            "Have the client send larger batches, or raise the limit in the settings file.",
        )
        .at(Location::Settings),
        EndpointCode::Overloaded => Remedy::new(
            "The spool is full, or requests arrive too fast.",
            "Events arrive faster than they are delivered or stored, the destination has been unreachable for long, or the disk has less free space than `spool.min_free_bytes`. Senders were told to retry later.",
            "See in Live why events are not delivered, free disk space, or raise the spool size limit in Settings. Accepted events are safe.",
        )
        .at(Location::Settings),
        EndpointCode::SourceSpoolFull => Remedy::new(
            "A source's share of the spool is full; other sources can still send.",
            "One source may hold no more than `spool.max_source_percent` allows, so that it cannot fill the spool for all. Its senders were told to retry later.",
            "See in Live why its events are not delivered, or whether it sends more than it should; or raise `spool.max_source_percent` or `spool.max_bytes` in the settings file. Accepted events are safe.",
        )
        .at(Location::Sources),
        EndpointCode::BodyTooSlow => Remedy::new(
            "A request's body arrived too slowly.",
            "The sender's network is very slow or was interrupted. The sender was told to retry.",
            "If it goes on, check the network between the sender and Tributary, and have the sender make smaller batches.",
        ),
        EndpointCode::Unavailable => Remedy::new(
            "Tributary could not take an event at that moment.",
            "It was starting or stopping, or the disk refused to write. The sender was told to retry.",
            "If it goes on, check that the disk has room and is healthy. Accepted events are safe.",
        )
        .at(Location::Settings),
    }
}
